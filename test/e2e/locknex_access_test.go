package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

const lnToken = "/api/v1/oauth/token"

// lnBasic encodes a client as RFC 6749, 2.3.1 has it.
func lnBasic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(lnForm("", id)[1:]+":"+lnForm("", secret)[1:]))
}

// signedIn is a browser of the account's: its cookie and the origin of the pages.
func signedIn(t *testing.T, g *ground, username string) *harness.Locknex {
	t.Helper()
	anyone := g.anyone(t)
	r := anyone.Call(t, "POST", "/account/login", lnForm("identifier", username, "password", password(username)), asForm("Origin", g.w.URL)...).Want(t, 303)
	for _, line := range r.Header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == "sluice_session" {
			return anyone.With("Cookie", c.Name+"="+c.Value, "Origin", g.w.URL)
		}
	}
	t.Fatalf("no session: %v", r.Header)
	return nil
}

func locknexAccessRules() []rule {
	return []rule{
		{says: "regenerate answers with a key; the old one dies at once, on every edge", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			first := c.Locknex(t)
			second := g.edges.forced.URL
			first.Call(t, "GET", lnContainer+"/list", nil).Want(t, 200)
			first.At(second).Call(t, "GET", lnContainer+"/list", nil).Want(t, 200)
			r := (&harness.Locknex{HTTP: c.HTTP, URL: c.URL, Bearer: c.Account}).Call(t, "POST", "/api/v1/account/api-key/regenerate", nil).Want(t, 200)
			equal(t, "fields", r.Shape(t), "apiKey:string success:bool")
			equal(t, "Cache-Control", r.Header.Get("Cache-Control"), "no-store")
			first.Call(t, "GET", lnContainer+"/list", nil).Denies(t, 401, "unauthorized")
			first.At(second).Call(t, "GET", lnContainer+"/list", nil).Denies(t, 401, "unauthorized")
			var key struct{ APIKey string }
			r.JSON(t, &key)
			first.Key = key.APIKey
			first.Call(t, "GET", lnContainer+"/list", nil).Want(t, 200)
		}},
		{says: "regenerate takes the account's bearer, not the key itself and not nobody", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			l.Call(t, "POST", "/api/v1/account/api-key/regenerate", nil).Denies(t, 401, "unauthorized")
			g.anyone(t).Call(t, "POST", "/api/v1/account/api-key/regenerate", nil).Denies(t, 401, "unauthorized")
			l.Call(t, "GET", lnContainer+"/list", nil).Want(t, 200)
			l.Call(t, "GET", "/api/v1/account/api-key/regenerate", nil).Denies(t, 405, "method_not_allowed")
		}},
		{says: "regenerating at once leaves one key that is good", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			l := &harness.Locknex{HTTP: c.HTTP, URL: c.URL, Bearer: c.Account}
			keys := make([]string, 6)
			parallel(t, len(keys), func(i int) {
				if r, err := l.Try(t.Context(), "POST", "/api/v1/account/api-key/regenerate", nil); err == nil && r.Status == 200 {
					var key struct{ APIKey string }
					r.JSON(t, &key)
					keys[i] = key.APIKey
				}
			})
			good := 0
			for _, k := range keys {
				if k != "" && l.Nobody().Call(t, "GET", lnContainer+"/list", nil, "X-API-Key", k).Status == 200 {
					good++
				}
			}
			equal(t, "good keys", good, 1)
		}},
		{says: "/apip shows the key once, regenerates it, and is for who is logged in", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			browser := signedIn(t, g, c.Username)
			if r := g.anyone(t).Call(t, "GET", "/apip", nil); r.Status != 303 && r.Status != 401 {
				t.Errorf("nobody gets %d", r.Status)
			}
			silent(t, browser.Call(t, "GET", "/apip", nil).Want(t, 200), "slk_")
			r := browser.Call(t, "POST", "/apip", "", asForm()...).Want(t, 201)
			_, rest, _ := strings.Cut(string(r.Body), "slk_")
			if len(rest) < 43 {
				t.Fatalf("no key: %s", r.Body)
			}
			key := "slk_" + rest[:43]
			l := &harness.Locknex{HTTP: c.HTTP, URL: c.URL, Key: key}
			l.Call(t, "GET", lnContainer+"/list", nil).Want(t, 200)
			silent(t, browser.Call(t, "GET", "/apip", nil).Want(t, 200), key)
			browser.Call(t, "POST", "/apip", "", asForm()...).Want(t, 201)
			l.Call(t, "GET", lnContainer+"/list", nil).Denies(t, 401, "unauthorized")
			if r := browser.Call(t, "POST", "/apip", "", asForm("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")...); r.Status != 403 {
				t.Errorf("another site's form: %d", r.Status)
			}
		}},
		{says: "whom a route knows: API key, account token, access key's token; no Basic, no cookie", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			key := c.Locknex(t).Key
			// Refusals count against the address; this one is the row's.
			anyone := g.anyone(t).From(t, "127.8.0.2")
			for name, k := range map[string]struct {
				headers []string
				status  int
			}{
				"API key": {[]string{"X-API-Key", key}, 200}, "account token": {[]string{"Authorization", "Bearer " + c.Account}, 200}, "access key's": {[]string{"Authorization", "Bearer " + c.Token}, 200},
				"key first": {[]string{"X-API-Key", key, "Authorization", "Bearer wrong"}, 200}, "wrong key, good bearer": {[]string{"X-API-Key", "x", "Authorization", "Bearer " + c.Account}, 401},
				"nothing": {nil, 401}, "Basic": {[]string{"Authorization", basic(c.Username, password(c.Username))}, 401}, "cookie": {[]string{"Cookie", "sluice_session=" + c.Account}, 401},
				"key as bearer": {[]string{"Authorization", "Bearer " + key}, 401}, "token as key": {[]string{"X-API-Key", c.Account}, 401}, "altered": {[]string{"X-API-Key", key + "x"}, 401}, "cut": {[]string{"X-API-Key", key[:len(key)-1]}, 401},
			} {
				if r := anyone.Call(t, "GET", lnContainer+"/list", nil, k.headers...); r.Status != k.status {
					t.Errorf("%s: %d %s", name, r.Status, r.Body)
				}
			}
		}},
		{says: "an API key opens link containers and nothing else", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			for _, path := range []string{"/api/v1/files", "/api/v1/buckets", "/api/v1/account", "/api/v1/account/tokens"} {
				if r := l.Call(t, "GET", path, nil); r.Status != 401 {
					t.Errorf("%s: %d", path, r.Status)
				}
				if r := l.Nobody().Call(t, "GET", path, nil, "Authorization", "Bearer "+l.Key); r.Status != 401 {
					t.Errorf("%s by bearer: %d", path, r.Status)
				}
			}
		}},
		{says: "OAuth 2 client credentials, in the form and by Basic, give a bearer", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			for name, k := range map[string]struct {
				body    string
				headers []string
			}{
				"form":    {lnForm("grant_type", "client_credentials", "client_id", c.KeyID, "client_secret", c.Secret), asForm()},
				"Basic":   {lnForm("grant_type", "client_credentials"), asForm("Authorization", lnBasic(c.KeyID, c.Secret))},
				"a scope": {lnForm("grant_type", "client_credentials", "scope", "read write"), asForm("Authorization", lnBasic(c.KeyID, c.Secret))},
			} {
				r := g.anyone(t).Call(t, "POST", lnToken, k.body, k.headers...).Want(t, 200)
				var tok struct {
					AccessToken string `json:"access_token"`
					TokenType   string `json:"token_type"`
					ExpiresIn   int    `json:"expires_in"`
				}
				r.JSON(t, &tok)
				if tok.TokenType != "Bearer" || tok.ExpiresIn < 60 || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Pragma") != "no-cache" {
					t.Errorf("%s: %s %v", name, r.Body, r.Header)
				}
				l := &harness.Locknex{HTTP: c.HTTP, URL: c.URL, Bearer: tok.AccessToken}
				made := l.Create(t, name, g.links.Site(t).Links("a"))
				l.Call(t, "DELETE", lnContainer+"/"+made.ID, nil).Want(t, 200)
				l.Call(t, "POST", "/api/v1/account/api-key/regenerate", nil).Want(t, 200)
			}
		}},
		{says: "OAuth's errors are RFC 6749's", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			whole := lnForm("grant_type", "client_credentials", "client_id", c.KeyID, "client_secret", c.Secret)
			anyone := g.anyone(t).From(t, "127.8.0.3")
			for name, k := range map[string]struct {
				body    string
				headers []string
				status  int
				code    string
			}{
				"another grant":   {lnForm("grant_type", "password", "client_id", c.KeyID, "client_secret", c.Secret), asForm(), 400, "unsupported_grant_type"},
				"none":            {"", asForm(), 400, "invalid_request"},
				"no client":       {lnForm("grant_type", "client_credentials"), asForm(), 401, "invalid_client"},
				"wrong secret":    {lnForm("grant_type", "client_credentials", "client_id", c.KeyID, "client_secret", "x"), asForm(), 401, "invalid_client"},
				"wrong Basic":     {lnForm("grant_type", "client_credentials"), asForm("Authorization", lnBasic(c.KeyID, "x")), 401, "invalid_client"},
				"both ways":       {whole, asForm("Authorization", lnBasic(c.KeyID, c.Secret)), 400, "invalid_request"},
				"twice":           {whole + "&client_id=x", asForm(), 400, "invalid_request"},
				"JSON":            {`{"grant_type":"client_credentials"}`, []string{"Content-Type", "application/json"}, 400, "invalid_request"},
				"no such scope":   {whole + "&scope=everything", asForm(), 400, "invalid_scope"},
				"malformed":       {"grant_type=%zz", asForm(), 400, "invalid_request"},
				"huge":            {whole + "&x=" + strings.Repeat("x", 70_000), asForm(), 413, "invalid_request"},
				"somebody's name": {lnForm("grant_type", "client_credentials", "client_id", c.Username, "client_secret", password(c.Username)), asForm(), 401, "invalid_client"},
			} {
				r := anyone.Call(t, "POST", lnToken, k.body, k.headers...)
				var e struct {
					Error       string
					Description string `json:"error_description"`
				}
				r.JSON(t, &e)
				if r.Status != k.status || e.Error != k.code || e.Description == "" || (r.Status == 401) != (r.Header.Get("WWW-Authenticate") != "") {
					t.Errorf("%s: %d %s %v", name, r.Status, r.Body, r.Header)
				}
			}
		}},
		{says: "scopes of access keys: read, write, delete and admin", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			id := c.Locknex(t).Create(t, "scoped", g.links.Site(t).Links("a")).ID
			body := object{"title": "x", "links": g.links.Site(t).Links("a")}
			rows := []struct {
				scope, method, path string
				body                any
			}{
				{"read", "GET", lnContainer + "/list", nil}, {"read", "GET", lnContainer + "/" + id, nil}, {"write", "POST", lnContainer + "/create", body}, {"write", "PUT", lnContainer + "/" + id, object{"title": "y"}},
				{"read", "POST", lnContainer + "/bulk", object{"action": "status", "items": []object{{"container_id": id}}}}, {"write", "POST", lnContainer + "/bulk", object{"action": "create", "items": []object{body}}},
				{"delete", "POST", lnContainer + "/bulk", object{"action": "delete", "items": []object{{"container_id": "zzzzzzzzzzz"}}}}, {"admin", "GET", lnHooks, nil}, {"admin", "POST", "/api/v1/account/api-key/regenerate", nil},
				{"delete", "DELETE", lnContainer + "/" + id, nil},
			}
			for _, scope := range []string{"read", "write", "admin", "delete"} {
				k := *c
				k.KeyID, k.Secret = c.NewKey(t, object{"scopes": []string{scope}})
				l := &harness.Locknex{HTTP: c.HTTP, URL: c.URL, Bearer: k.Mint(t)}
				for _, row := range rows {
					r := l.Call(t, row.method, row.path, row.body)
					if row.scope == scope {
						r.Want(t, 200)
					} else {
						r.Denies(t, 403, "access_denied")
					}
				}
			}
		}},
		{says: "X-RateLimit-Limit, -Remaining and -Reset on every answer", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			c := l.Create(t, "rated", g.links.Site(t).Links("a"))
			anyone := g.anyone(t).From(t, "127.8.0.4")
			for name, r := range map[string]harness.Response{
				"list": l.Call(t, "GET", lnContainer+"/list", nil), "bad create": l.Call(t, "POST", lnContainer+"/create", "x"), "no route": l.Call(t, "GET", lnContainer+"/nothing/here", nil), "status": anyone.Call(t, "GET", c.StatusAPI, nil),
				"unknown": anyone.Call(t, "GET", lnPublic+"zzzzzzzzzzz/status", nil), "unlock": anyone.Unlock(t, c.ID, ""), "refused": anyone.Call(t, "GET", lnContainer+"/list", nil), "token": anyone.Call(t, "POST", lnToken, "", asForm()...), "hooks": l.Call(t, "GET", lnHooks, nil),
				"405": anyone.Call(t, "PATCH", lnContainer+"/list", nil),
			} {
				limit, err := strconv.Atoi(r.Header.Get("X-RateLimit-Limit"))
				left, err2 := strconv.Atoi(r.Header.Get("X-RateLimit-Remaining"))
				reset, err3 := strconv.ParseInt(r.Header.Get("X-RateLimit-Reset"), 10, 64)
				if err != nil || err2 != nil || err3 != nil || left < 0 || left > limit || reset < time.Now().Unix()-2 || reset > time.Now().Unix()+61 {
					t.Errorf("%s: %d %v", name, r.Status, r.Header)
				}
			}
			if h := anyone.Call(t, "GET", c.BadgeSVG, nil).Header; h.Get("X-RateLimit-Limit") != "" {
				t.Errorf("a badge counts: %v", h)
			}
		}},
		{says: "an account that asks too often gets 429, whatever it is known by; others go on", check: func(t *testing.T, g *ground) {
			l, other := owner(t, g.w).At(g.edges.tight.URL), owner(t, g.w).At(g.edges.tight.URL)
			first := fmt.Sprint(tightRate - 1)
			r := throttled(t, tightRate, time.Minute/tightRate, func() harness.Response {
				r := l.Call(t, "GET", lnContainer+"/list", nil)
				equal(t, "limit", r.Header.Get("X-RateLimit-Limit"), fmt.Sprint(tightRate))
				if first != "" {
					equal(t, "remaining", r.Header.Get("X-RateLimit-Remaining"), first)
					first = ""
				}
				return r
			}).Denies(t, 429, "rate_limited")
			equal(t, "remaining", r.Header.Get("X-RateLimit-Remaining"), "0")
			if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
				t.Errorf("Retry-After %s", r.Header.Get("Retry-After"))
			}
			other.Call(t, "GET", lnContainer+"/list", nil).Want(t, 200)
		}},
		{says: "an address that asks the public part too often gets 429; badges and pages go on", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "asked", g.links.Site(t).Links("a"))
			who := browserAt(t, g.w).At(g.edges.tight.URL)
			throttled(t, tightPublic, time.Minute/tightPublic, func() harness.Response { return who.Call(t, "GET", lnPublic+c.ID+"/status", nil) }).Denies(t, 429, "rate_limited")
			throttledToo(t, tightPublic, time.Minute/tightPublic, func() harness.Response { return who.Unlock(t, c.ID, "") }).Denies(t, 429, "rate_limited")
			who.Call(t, "GET", "/s/"+c.ID+".svg", nil).Want(t, 200)
			who.Call(t, "GET", "/container/"+c.ID, nil).Want(t, 200)
			browserAt(t, g.w).At(g.edges.tight.URL).Status(t, c.ID)
		}},
		{says: "an address that guesses keys waits", check: func(t *testing.T, g *ground) {
			who := browserAt(t, g.w).At(g.edges.tight.URL)
			guesses := 0
			throttled(t, tightPublic, time.Minute/tightPublic, func() harness.Response {
				guesses++
				r := who.Call(t, "GET", lnContainer+"/list", nil, "X-API-Key", fmt.Sprint("guess", guesses))
				if r.Status != http.StatusTooManyRequests {
					r.Denies(t, 401, "unauthorized")
				}
				return r
			}).Denies(t, 429, "rate_limited")
		}},
		{says: "the plan's containers a day: 429 quota_exceeded, also after deleting", check: func(t *testing.T, g *ground) {
			today(t)
			l, site := owner(t, g.tight), g.links.Site(t)
			var last harness.LocknexCreated
			for range tightContainers {
				last = l.Create(t, "daily", site.Links("a"))
			}
			r := l.Call(t, "POST", lnContainer+"/create", object{"title": "x", "links": site.Links("a")}).Denies(t, 429, "quota_exceeded")
			if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || after > 24*3600 {
				t.Errorf("Retry-After %s", r.Header.Get("Retry-After"))
			}
			l.Call(t, "DELETE", lnContainer+"/"+last.ID, nil).Want(t, 200)
			l.Call(t, "POST", lnContainer+"/create", object{"title": "x", "links": site.Links("a")}).Denies(t, 429, "quota_exceeded")
			owner(t, g.tight).Create(t, "another account's", site.Links("a"))
		}},
		{says: "the plan's links: 429 quota_exceeded for create and edit; deleting gives them back", check: func(t *testing.T, g *ground) {
			l, site := owner(t, g.tight), g.links.Site(t)
			a := l.Create(t, "five", site.Links("1", "2", "3", "4", "5"))
			l.Call(t, "POST", lnContainer+"/create", object{"title": "x", "links": site.Links("a", "b")}).Denies(t, 429, "quota_exceeded")
			l.Call(t, "PUT", lnContainer+"/"+a.ID, object{"links": site.Links("1", "2", "3", "4", "5", "6", "7")}).Denies(t, 429, "quota_exceeded")
			equal(t, "links", l.Own(t, a.ID).Size, 5)
			l.Call(t, "PUT", lnContainer+"/"+a.ID, object{"links": site.Links("1", "2", "3", "4", "5", "6")}).Want(t, 200)
			l.Call(t, "POST", lnContainer+"/create", object{"title": "x", "links": site.Links("a")}).Denies(t, 429, "quota_exceeded")
			l.Call(t, "DELETE", lnContainer+"/"+a.ID, nil).Want(t, 200)
			eventually(t, "the links are given back", func() bool {
				return l.Call(t, "POST", lnContainer+"/create", object{"title": "x", "links": site.Links("a", "b", "c", "d", "e", "f")}).Status == 200
			})
		}},
		{says: "containers made at once are no more than the plan's", check: func(t *testing.T, g *ground) {
			today(t)
			l, site := owner(t, g.tight), g.links.Site(t)
			statuses := make([]int, 8)
			parallel(t, len(statuses), func(i int) {
				if r, err := l.Try(t.Context(), "POST", lnContainer+"/create", object{"title": "x", "links": site.Links("a")}); err == nil {
					statuses[i] = r.Status
				}
			})
			made := 0
			for _, s := range statuses {
				if s == 200 {
					made++
				}
			}
			equal(t, "made", made, tightContainers)
		}},
		{says: "`sluice account set-plan` moves an account's bounds", check: func(t *testing.T, g *ground) {
			l := owner(t, g.tight)
			if _, err := g.tight.CLI(t.Context(), "", "account", "set-plan", l.Username, "standard"); err != nil {
				t.Fatal(err)
			}
			if _, err := g.tight.CLI(t.Context(), "", "account", "set-plan", l.Username, "none-such"); err == nil {
				t.Error("there is no such plan")
			}
			l.Create(t, "planned", g.links.Site(t).Links("a"))
		}},
	}
}
