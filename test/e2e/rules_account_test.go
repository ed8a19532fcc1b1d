package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// password is what harness.NewClient gives an account.
func password(username string) string { return "correct horse " + username }

func basic(name, pass string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+pass))
}

// lockr is a new account of w that speaks lockr.
func lockr(t *testing.T, w *harness.World) *harness.Lockr {
	t.Helper()
	return account(t, w).Lockr()
}

type session struct {
	Token, TokenType string
	Account          struct {
		ID, Username, Email, Plan string
		Quota, Used               int64
	}
}

func accountRules() []rule {
	return []rule{
		{says: "login by user name and by e-mail gives a bearer token that lasts", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			for _, id := range []string{l.Username, l.Username + "@example.test", strings.ToUpper(l.Username) + "@EXAMPLE.test"} {
				var s session
				l.Call(t, "POST", "/api/v1/login", object{"identifier": id, "password": password(l.Username)}).Want(t, 200).JSON(t, &s)
				equal(t, "tokenType", s.TokenType, "Bearer")
				equal(t, "username", s.Account.Username, l.Username)
				equal(t, "quota", s.Account.Quota, int64(100e9))
				l.Call(t, "GET", "/api/v1/files", nil, "Authorization", "Bearer "+s.Token).Want(t, 200)
			}
		}},
		{says: "unknown user and wrong password are one answer", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			a := l.Call(t, "POST", "/api/v1/login", object{"identifier": "nobody-of-this-name", "password": "x"}).Refuses(t, 401, "unauthorized")
			b := l.Call(t, "POST", "/api/v1/login", object{"identifier": l.Username, "password": "x"}).Refuses(t, 401, "unauthorized")
			sameAnswer(t, "login", a, b)
		}},
		{says: "Basic with name or e-mail and password, or with the token as password", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			for _, auth := range []string{
				basic(l.Username, password(l.Username)), basic(l.Username+"@example.test", password(l.Username)), basic(l.Username, l.Token), basic("anything", l.Token),
			} {
				l.Call(t, "GET", "/api/v1/files", nil, "Authorization", auth).Want(t, 200)
			}
			for _, auth := range []string{
				basic(l.Username, "wrong"), basic(l.Username, ""), basic("", ""), "Basic !", "Basic", "Bearer", "Bearer ", "Bearer x", "Bearer " + l.Token + "x", l.Token, "Digest a", "Bearer " + g.c.Token,
			} {
				r := l.Call(t, "GET", "/api/v1/files", nil, "Authorization", auth).Refuses(t, 401, "unauthorized")
				if h := strings.Join(r.Header.Values("WWW-Authenticate"), ", "); !strings.Contains(h, "Bearer") || !strings.Contains(h, "Basic") {
					t.Errorf("%.20s: WWW-Authenticate %q", auth, h)
				}
			}
		}},
		{says: "an invalid credential is 401 also where guests are welcome", check: func(t *testing.T, g *ground) {
			l := harness.Guest(t, g.w)
			for _, auth := range []string{"Bearer x", basic("a", "b")} {
				l.Call(t, "POST", "/api/v1/upload", "x", "x-file-name", "x", "Authorization", auth).Refuses(t, 401, "unauthorized")
				l.Call(t, "POST", "/api/v1/upload/session", object{"name": "x", "size": 1}, "Authorization", auth).Refuses(t, 401, "unauthorized")
			}
			l.Call(t, "GET", "/api/v1/files", nil).Refuses(t, 401, "unauthorized")
		}},
		{says: "sign-up answers like a login; names and addresses are unique and of a form", check: func(t *testing.T, g *ground) {
			l := harness.Guest(t, g.w)
			name := fmt.Sprintf("sign.up_%d", names.Add(1))
			var s session
			l.Call(t, "POST", "/api/v1/account", object{"username": name, "email": name + "@example.test", "password": "long enough"}).Want(t, 201).JSON(t, &s)
			if s.Token == "" || s.Account.Username != name || s.Account.Used != 0 {
				t.Errorf("%+v", s)
			}
			l.Call(t, "POST", "/api/v1/account", object{"username": name, "email": "other" + name + "@example.test", "password": "long enough"}).Refuses(t, 409, "username_taken")
			l.Call(t, "POST", "/api/v1/account", object{"username": name + "2", "email": strings.ToUpper(name) + "@example.test", "password": "long enough"}).Refuses(t, 409, "email_taken")
			for _, bad := range []any{
				object{}, object{"username": "ab", "email": "a@b.c", "password": "long enough"}, object{"username": "12345", "email": "a@b.c", "password": "long enough"},
				object{"username": "UPPER", "email": "a@b.c", "password": "long enough"}, object{"username": "fine.name", "email": "no address", "password": "long enough"},
				object{"username": "fine.name", "email": "a@b.c", "password": "short"}, object{"username": 7, "email": "a@b.c", "password": "long enough"},
				object{"username": strings.Repeat("a", 65), "email": "a@b.c", "password": "long enough"}, `{"username":"x"`, `[]`, `null`, "",
			} {
				l.Call(t, "POST", "/api/v1/account", bad, "Content-Type", "application/json").Refuses(t, 400, "")
			}
		}},
		{says: "GET /account says who one is and what is used", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			l.Upload(t, "a", "12345")
			eventually(t, "5 bytes of oneself", func() bool {
				var me struct {
					ID, Username, Email, Plan string
					Quota, Used               int64
				}
				l.Call(t, "GET", "/api/v1/account", nil).Want(t, 200).JSON(t, &me)
				equal(t, "username", me.Username, l.Username)
				return me.Used == 5
			})
			harness.Guest(t, g.w).Call(t, "GET", "/api/v1/account", nil).Refuses(t, 401, "unauthorized")
		}},
		{says: "tokens are listed without their secret, made and revoked", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			var made struct{ ID, Token, Name string }
			r := l.Call(t, "POST", "/api/v1/account/tokens", object{"name": "laptop"}).Want(t, 201)
			r.JSON(t, &made)
			equal(t, "name", made.Name, "laptop")
			l.Call(t, "GET", "/api/v1/files", nil, "Authorization", "Bearer "+made.Token).Want(t, 200)
			list := l.Call(t, "GET", "/api/v1/account/tokens", nil).Want(t, 200)
			if !strings.Contains(string(list.Body), made.ID) || strings.Contains(string(list.Body), made.Token) || strings.Contains(string(list.Body), l.Token) {
				t.Errorf("%s", list.Body)
			}
			other := lockr(t, g.w)
			other.Call(t, "DELETE", "/api/v1/account/tokens/"+made.ID, nil).Refuses(t, 404, "token_not_found")
			l.Call(t, "DELETE", "/api/v1/account/tokens/"+made.ID, nil)
			l.Call(t, "GET", "/api/v1/files", nil, "Authorization", "Bearer "+made.Token).Refuses(t, 401, "unauthorized")
			l.Call(t, "GET", "/api/v1/files", nil).Want(t, 200)
		}},
		{says: "a new password ends all tokens but the one that asked", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			var old session
			l.Call(t, "POST", "/api/v1/login", object{"identifier": l.Username, "password": password(l.Username)}).Want(t, 200).JSON(t, &old)
			l.Call(t, "POST", "/api/v1/account/password", object{"current": "wrong", "new": "another passphrase"}).Refuses(t, 401, "")
			l.Call(t, "POST", "/api/v1/account/password", object{"current": password(l.Username), "new": "short"}).Refuses(t, 400, "")
			if r := l.Call(t, "POST", "/api/v1/account/password", object{"current": password(l.Username), "new": "another passphrase"}); r.Status >= 300 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			l.Call(t, "GET", "/api/v1/files", nil).Want(t, 200)
			l.Call(t, "GET", "/api/v1/files", nil, "Authorization", "Bearer "+old.Token).Refuses(t, 401, "unauthorized")
			l.Call(t, "GET", "/api/v1/files", nil, "Authorization", basic(l.Username, password(l.Username))).Refuses(t, 401, "unauthorized")
			l.Call(t, "GET", "/api/v1/files", nil, "Authorization", basic(l.Username, "another passphrase")).Want(t, 200)
		}},
		{says: "logout ends the token that it is called with", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			if r := l.Call(t, "POST", "/api/v1/logout", nil); r.Status >= 300 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			l.Call(t, "GET", "/api/v1/files", nil).Refuses(t, 401, "unauthorized")
		}},
		{says: "an account is deleted with all it has; its names are free again", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			l := c.Lockr()
			f := l.Upload(t, "a", "bytes")
			b := newBucket(t, c)
			c.Put(t, b, "k", "bytes", nil)
			l.Call(t, "POST", "/api/v1/account/delete", object{"password": "wrong"}).Refuses(t, 401, "")
			l.Call(t, "POST", "/api/v1/account/delete", object{"password": password(l.Username)}).Want(t, 204)
			l.Call(t, "GET", "/api/v1/files", nil).Refuses(t, 401, "unauthorized")
			eventually(t, "the keys end", func() bool { return c.Get(t, b, "k", nil).Status == 401 })
			l.Call(t, "POST", "/api/v1/login", object{"identifier": l.Username, "password": password(l.Username)}).Refuses(t, 401, "unauthorized")
			eventually(t, "the file goes", func() bool { return harness.Guest(t, g.w).Download(t, f.ID, "").Status == 404 })
			harness.Guest(t, g.w).Call(t, "POST", "/api/v1/account", object{"username": l.Username, "email": l.Username + "@example.test", "password": "long enough"}).Want(t, 201)
		}},
		{says: "an account with objects under retention is not deleted", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			b := newBucket(t, c, "objectLock", true)
			c.Call(t, "PUT", harness.KeyPath(b, "objects", "k"), "x", "X-Lockwell-Legal-Hold", "ON").Want(t, 201)
			l := c.Lockr()
			l.Call(t, "POST", "/api/v1/account/delete", object{"password": password(l.Username)}).Refuses(t, 403, "object_locked")
			c.Get(t, b, "k", nil).Want(t, 200)
			l.Upload(t, "still", "works")
		}},
		{says: "PATCH /account sets the region of new files; an unknown one is 400 and names the known ones", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			equal(t, "before", l.Upload(t, "a", "x").Region, "us-central1")
			l.Call(t, "PATCH", "/api/v1/account", object{"defaultRegion": "eu-west1"}).Want(t, 200)
			equal(t, "after", l.Upload(t, "a", "x").Region, "eu-west1")
			r := l.Call(t, "PATCH", "/api/v1/account", object{"defaultRegion": "mars"}).Refuses(t, 400, "")
			if !strings.Contains(string(r.Body), "eu-west1") {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "wrong passwords are throttled, per account, with Retry-After", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			var last harness.Response
			for range 30 {
				if last = l.Call(t, "POST", "/api/v1/login", object{"identifier": l.Username, "password": "wrong"}); last.Status == 429 {
					break
				}
			}
			last.Refuses(t, 429, "rate_limited")
			if last.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			l.Call(t, "GET", "/api/v1/files", nil).Want(t, 200) // tokens work on
		}},
		{says: "the browser's cookie is HttpOnly and Lax, and needs the origin", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			var cookie *http.Cookie
			r := harness.Guest(t, g.w).Call(t, "POST", "/account/login", "identifier="+l.Username+"&password="+strings.ReplaceAll(password(l.Username), " ", "+"), "Content-Type", "application/x-www-form-urlencoded", "Origin", g.w.URL)
			equal(t, "status", r.Status, 303)
			for _, line := range r.Header.Values("Set-Cookie") {
				if c, err := http.ParseSetCookie(line); err == nil && c.Name == "sluice_session" {
					cookie = c
				}
			}
			if cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
				t.Fatalf("%+v", cookie)
			}
			with := func(method, path, origin string, body any) harness.Response {
				h := []string{"Cookie", cookie.Name + "=" + cookie.Value}
				if origin != "" {
					h = append(h, "Origin", origin)
				}
				return harness.Guest(t, g.w).Call(t, method, path, body, h...)
			}
			with("GET", "/api/v1/files", "", nil).Want(t, 200)
			with("POST", "/api/v1/account/tokens", g.w.URL, object{"name": "x"}).Want(t, 201)
			with("POST", "/api/v1/account/tokens", "https://evil.example", object{"name": "x"}).Refuses(t, 403, "")
		}},
	}
}
