package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/test/harness"
)

const mintPath = "/api/v1/auth/token"

// token is the answer of POST /auth/token.
type token struct {
	AccessToken, TokenType string
	ExpiresIn              int64
	ExpiresAt              time.Time
}

func mint(t *testing.T, c *harness.Client, id, secret string) harness.Response {
	t.Helper()
	return c.Anonymous().Call(t, http.MethodPost, mintPath, object{"accessKeyId": id, "secretKey": secret})
}

// dead waits until the client's token is refused and gives when the last request
// began that it still opened, and when it was known to be refused: how long a
// request took says nothing of how long the token held.
func dead(t *testing.T, c *harness.Client) (held, refused time.Time) {
	t.Helper()
	eventually(t, "the token is refused", func() bool {
		began := time.Now()
		if c.Call(t, http.MethodGet, "/api/v1/buckets", nil).Status != http.StatusUnauthorized {
			held = began
			return false
		}
		refused = time.Now()
		return true
	})
	return held, refused
}

func authRules() []rule {
	return []rule{
		{says: "every route but four needs a bearer token", check: func(t *testing.T, g *ground) {
			for _, r := range g.w.Routes(t) {
				if r.Dialect != "lockwell" || r.Auth == "none" || r.Auth == "signed" {
					continue
				}
				path := strings.NewReplacer("{bucket}", "some-bucket", "{key...}", "k", "{uploadId}", "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV", "{partNumber}", "1", "{id}", "LWAKAAAAAAAAAAAAAAAA").Replace(r.Path)
				answer := g.c.Anonymous().Call(t, r.Method, path, nil).Is(t, http.StatusUnauthorized, "unauthorized")
				if !strings.HasPrefix(answer.Header.Get("Www-Authenticate"), "Bearer") {
					t.Errorf("%s: WWW-Authenticate %q", r.Path, answer.Header.Get("Www-Authenticate"))
				}
			}
		}},
		{says: "the routes without a token are healthz, openapi.json, docs, auth/token and signed", check: func(t *testing.T, g *ground) {
			for _, r := range g.w.Routes(t) {
				public := strings.HasPrefix(r.Path, "/api/v1/docs") || strings.HasPrefix(r.Path, "/api/v1/signed/") ||
					r.Path == "/api/v1/signed" || r.Path == "/api/v1/healthz" || r.Path == "/api/v1/openapi.json" || r.Path == mintPath
				if r.Dialect == "lockwell" && (r.Auth == "none" || r.Auth == "signed") != public {
					t.Errorf("%s %s has auth class %s", r.Method, r.Path, r.Auth)
				}
			}
		}},
		{says: "healthz and openapi.json answer anybody, also with a bad token", check: func(t *testing.T, g *ground) {
			for _, path := range []string{"/api/v1/healthz", "/api/v1/openapi.json"} {
				g.c.Anonymous().Call(t, http.MethodGet, path, nil).Want(t, http.StatusOK)
				g.c.Call(t, http.MethodGet, path, nil, "Authorization", "Bearer nonsense").Want(t, http.StatusOK)
			}
		}},
		{says: "the token comes as Authorization: Bearer, the scheme in any case", check: func(t *testing.T, g *ground) {
			for value, status := range map[string]int{
				"Bearer " + g.c.Token: 200, "bearer " + g.c.Token: 200, "BEARER  " + g.c.Token: 200, g.c.Token: 401, "Token " + g.c.Token: 401, "Bearer": 401,
				"Basic " + base64.StdEncoding.EncodeToString([]byte(g.c.KeyID+":"+g.c.Secret)): 401, "Bearer " + g.c.Token + " x": 401,
			} {
				if r := g.c.Call(t, http.MethodGet, "/api/v1/buckets", nil, "Authorization", value); r.Status != status {
					t.Errorf("%.20q: %d, want %d", value, r.Status, status)
				}
			}
			g.c.Call(t, http.MethodGet, "/api/v1/buckets", nil, "Authorization", "Bearer "+g.c.Token, "Authorization", "Bearer "+g.c.Token).Is(t, 401, "unauthorized")
			g.c.Anonymous().Call(t, http.MethodGet, "/api/v1/buckets?token="+g.c.Token+"&access_token="+g.c.Token, nil).Is(t, 401, "unauthorized")
		}},
		{says: "the tenant comes from the token and nothing else", check: func(t *testing.T, g *ground) {
			a, b := account(t, g.w), account(t, g.w)
			a.Bucket(t, "tenant-from-token")
			for _, h := range []string{"X-Account", "X-Account-Id", "X-Tenant", "X-Tenant-Id", "X-Lockwell-Account", "X-Forwarded-User"} {
				b.Call(t, http.MethodGet, "/api/v1/buckets/tenant-from-token?account="+a.Username+"&tenant="+a.Username, nil, h, a.Username).Is(t, 404, "not_found")
			}
		}},
		{says: "another tenant's bucket is 404, like one that is not there", check: func(t *testing.T, g *ground) {
			a, b := account(t, g.w), account(t, g.w)
			a.Bucket(t, "not-yours")
			theirs := b.Call(t, http.MethodGet, "/api/v1/buckets/not-yours", nil).Is(t, 404, "not_found")
			nobodys := b.Call(t, http.MethodGet, "/api/v1/buckets/not-there", nil).Is(t, 404, "not_found")
			sameAnswer(t, "bucket", theirs, nobodys)
		}},
		{says: "nothing is served anonymously, whatever the method", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "private")
			for _, m := range []string{"GET", "HEAD", "PUT", "DELETE"} {
				g.c.Anonymous().Call(t, m, harness.ObjectPath(b, k), nil).Want(t, 401)
			}
			g.get(t, b, k).Want(t, 200)
		}},
		{says: "JSON field names are camelCase", check: func(t *testing.T, g *ground) {
			b, _ := g.key(t, "x")
			for _, path := range []string{"", "/objects", "/versions", "/versioning", "/notifications", "/multipart", "/policy", "/object-tags/k"} {
				var v any
				g.c.Call(t, http.MethodGet, harness.BucketPath(b, path), nil).Want(t, 200).JSON(t, &v)
				camel(t, path, v)
			}
		}},
		{says: "a member that does not exist, or is given twice, is 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			makeBucket(t, g.c, object{"name": "with-a-typo", "objectlock ": true}).Is(t, 400, "invalid_request")
			g.c.Call(t, "PUT", harness.BucketPath(b, "/versioning"), object{"status": "Enabled", "mfaDelete": true}).Is(t, 400, "invalid_request")
			g.c.Call(t, http.MethodPut, harness.BucketPath(b, "/versioning"), `{"status":"Enabled","status":"Suspended"}`).Is(t, 400, "invalid_request")
		}},
		{says: "the account token opens no data route", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			for _, path := range []string{"/api/v1/buckets", harness.BucketPath(b, ""), harness.ObjectPath(b, k)} {
				g.c.AsAccount().Call(t, http.MethodGet, path, nil).Is(t, 401, "unauthorized")
			}
		}},
	}
}

// camel looks at the names of a decoded JSON value; those below tags, metadata
// and checksums are data.
func camel(t *testing.T, where string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if strings.ContainsAny(name, "_- ") || name == "" || name[0] < 'a' || name[0] > 'z' {
				t.Errorf("%s: member %q", where, name)
			}
			camel(t, where+"."+name, member)
		}
	case []any:
		for _, member := range v {
			camel(t, where, member)
		}
	}
}

func tokenRules() []rule {
	return []rule{
		{says: "HTTP Basic accessKeyId:secretKey mints a token", check: func(t *testing.T, g *ground) {
			basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(g.c.KeyID+":"+g.c.Secret))
			var tok token
			r := g.c.Anonymous().Call(t, http.MethodPost, mintPath, nil, "Authorization", basic).Want(t, 200)
			r.JSON(t, &tok)
			if tok.TokenType != "Bearer" || tok.ExpiresIn != 3600 || time.Until(tok.ExpiresAt) < 59*time.Minute || time.Until(tok.ExpiresAt) > time.Hour+time.Second {
				t.Errorf("%s", r.Body)
			}
			g.c.Call(t, http.MethodGet, "/api/v1/buckets", nil, "Authorization", "Bearer "+tok.AccessToken).Want(t, 200)
		}},
		{says: "a JSON body mints a token; the answer has four members and is not cached", check: func(t *testing.T, g *ground) {
			r := mint(t, g.c, g.c.KeyID, g.c.Secret).Want(t, 200)
			var all object
			r.JSON(t, &all)
			if len(all) != 4 || all["accessToken"] == "" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%v %s", r.Header, r.Body)
			}
		}},
		{says: "a token is lwtk_, base64url(payload), '.', base64url(HMAC-SHA256), no padding", check: func(t *testing.T, g *ground) {
			payload, mac, ok := strings.Cut(strings.TrimPrefix(g.c.Token, "lwtk_"), ".")
			if !ok || !strings.HasPrefix(g.c.Token, "lwtk_") || strings.Contains(g.c.Token, "=") {
				t.Fatalf("token %.40s…", g.c.Token)
			}
			code, err := base64.RawURLEncoding.Strict().DecodeString(mac)
			if err != nil || len(code) != 32 {
				t.Errorf("a code of %d bytes: %v", len(code), err)
			}
			claims := claimsOf(t, payload)
			if claims["exp"].(float64)-claims["iat"].(float64) != 3600 || !strings.Contains(fmt.Sprint(claims), g.c.KeyID) || len(claims) < 4 {
				t.Errorf("claims %v", claims)
			}
		}},
		{says: "a token that has expired is 401, though its code is right", check: func(t *testing.T, g *ground) {
			payload, _, _ := strings.Cut(strings.TrimPrefix(g.c.Token, "lwtk_"), ".")
			claims := claimsOf(t, payload)
			remint := func(purpose string, exp time.Time) string {
				master, err := keys.LoadOrCreate(filepath.Join(g.w.DataDir, "master.key"), true)
				if err != nil {
					t.Fatal(err)
				}
				claims["iat"], claims["exp"] = exp.Add(-time.Hour).Unix(), exp.Unix()
				tok, err := master.Token(purpose, "lwtk_").Mint(claims)
				if err != nil {
					t.Fatal(err)
				}
				return tok
			}
			list := func(tok string) int {
				return g.c.Call(t, http.MethodGet, "/api/v1/buckets", nil, "Authorization", "Bearer "+tok).Status
			}
			equal(t, "minted like the server does", list(remint("lockwell-access-token", time.Now().Add(time.Minute))), 200)
			equal(t, "expired", list(remint("lockwell-access-token", time.Now().Add(-2*time.Second))), 401)
			equal(t, "of another purpose's key", list(remint("lockwell-signed-url", time.Now().Add(time.Minute))), 401)
			claims["tid"], claims["acc"], claims["accountId"] = "someone-else", "someone-else", "someone-else"
			equal(t, "of another tenant", list(remint("lockwell-access-token", time.Now().Add(time.Minute))), 401)
		}},
		{says: "an altered, cut, padded or foreign token is 401", check: func(t *testing.T, g *ground) {
			payload, mac, _ := strings.Cut(strings.TrimPrefix(g.c.Token, "lwtk_"), ".")
			flipped := []byte(payload)
			flipped[len(flipped)/2] ^= 1
			for _, tok := range []string{
				"lwtk_", "lwtk_.", "lwtk_" + payload, "lwtk_" + payload + ".", "lwtk_" + string(flipped) + "." + mac, "lwtk_" + payload + "." + mac[:len(mac)-2],
				"lwtk_" + payload + "=." + mac, "lwtk_" + payload + "." + mac + "=", g.c.Token + "A", strings.ToUpper(g.c.Token), "lwurl_" + payload + "." + mac,
				"LWTK_" + payload + "." + mac, payload + "." + mac, "lwtk_" + mac + "." + payload, g.c.Secret, g.c.KeyID, strings.Repeat("a", 100000),
				"lwtk_" + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".",
			} {
				g.c.Call(t, http.MethodGet, "/api/v1/buckets", nil, "Authorization", "Bearer "+tok).Is(t, 401, "unauthorized")
			}
		}},
		{says: "revoking the key kills its tokens within a second", check: func(t *testing.T, g *ground) {
			k := g.c.WithScopes(t, "read")
			k.Call(t, http.MethodGet, "/api/v1/buckets", nil).Want(t, 200)
			k.Revoke(t)
			revoked := time.Now()
			if held, _ := dead(t, k); held.Sub(revoked) > prompt {
				t.Errorf("it held for %v", held.Sub(revoked))
			}
			mint(t, g.c, k.KeyID, k.Secret).Is(t, 401, "unauthorized")
			g.c.Call(t, http.MethodGet, "/api/v1/buckets", nil).Want(t, 200)
		}},
		{says: "the key's expiry kills its tokens", check: func(t *testing.T, g *ground) {
			at := time.Now().Add(lead)
			k := g.c.WithKey(t, object{"scopes": []string{"read"}, "expiresAt": at.UTC().Format(time.RFC3339Nano)})
			k.Call(t, http.MethodGet, "/api/v1/buckets", nil).Want(t, 200)
			// A token says when it ends in whole seconds, so it may end earlier.
			if held, refused := dead(t, k); held.Sub(at) > prompt || at.Sub(refused) > time.Second {
				t.Errorf("it held at %v and was refused at %v, the expiry is %v", held, refused, at)
			}
			eventually(t, "the key itself is refused", func() bool { return mint(t, g.c, k.KeyID, k.Secret).Status == 401 })
		}},
		{says: "disabling the account kills its tokens within a second", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			if _, err := g.w.CLI(t.Context(), "", "account", "disable", c.Username); err != nil {
				t.Fatal(err)
			}
			disabled := time.Now()
			if held, _ := dead(t, c); held.Sub(disabled) > prompt {
				t.Errorf("it held for %v", held.Sub(disabled))
			}
			mint(t, c, c.KeyID, c.Secret).Is(t, 401, "unauthorized")
		}},
		{says: "security.native_api_token_ttl sets the time that tokens hold", check: func(t *testing.T, g *ground) {
			c := account(t, g.tight)
			var tok token
			mint(t, c, c.KeyID, c.Secret).Want(t, 200).JSON(t, &tok)
			equal(t, "expiresIn", tok.ExpiresIn, 600)
		}},
		{says: "a key that mints too often gets 429 with Retry-After; another one does not", check: func(t *testing.T, g *ground) {
			c := account(t, g.tight)
			id, secret := c.NewKey(t, object{"scopes": []string{"read"}})
			r := throttled(t, tightBurst, time.Second, func() harness.Response {
				r := mint(t, c, id, secret)
				if r.Status != http.StatusTooManyRequests {
					r.Want(t, 200)
				}
				return r
			}).Is(t, 429, "rate_limited")
			if r.Header.Get("Retry-After") == "" || r.Header.Get("Retry-After") == "0" {
				t.Errorf("Retry-After %q", r.Header.Get("Retry-After"))
			}
			c.WithScopes(t, "read")
			c.Call(t, http.MethodGet, "/api/v1/buckets", nil).Want(t, 200) // the token that was minted still holds
		}},
		{says: "wrong secrets for a key are throttled as well", check: func(t *testing.T, g *ground) {
			c := account(t, g.tight)
			throttled(t, tightBurst, time.Second, func() harness.Response {
				r := mint(t, c, c.KeyID, "wrong")
				if r.Status != http.StatusTooManyRequests {
					r.Want(t, 401)
				}
				return r
			})
		}},
		{says: "an unknown key and a wrong secret give the same 401", check: func(t *testing.T, g *ground) {
			wrong := mint(t, g.c, g.c.KeyID, strings.Repeat("x", 40)).Is(t, 401, "unauthorized")
			unknown := mint(t, g.c, "LWAKAAAAAAAAAAAAAAAA", g.c.Secret).Is(t, 401, "unauthorized")
			form := mint(t, g.c, "no key at all", g.c.Secret).Is(t, 401, "unauthorized")
			sameAnswer(t, "unknown key", wrong, unknown)
			sameAnswer(t, "no form of a key", wrong, form)
		}},
		{says: "a secret of another key, or one in part, is 401", check: func(t *testing.T, g *ground) {
			_, other := g.c.NewKey(t, object{"scopes": []string{"read"}})
			for _, secret := range []string{other, g.c.Secret[:39], g.c.Secret + "x", strings.ToUpper(g.c.Secret) + "a", " " + g.c.Secret} {
				mint(t, g.c, g.c.KeyID, secret).Is(t, 401, "unauthorized")
			}
		}},
		{says: "credentials of the wrong form are 400 or 401, never 500", check: func(t *testing.T, g *ground) {
			anon := g.c.Anonymous()
			for _, body := range []string{``, `[]`, `null`, `{"accessKeyId":[],"secretKey":{}}`, `{"accessKeyId":7,"secretKey":"x"}`, `{"accessKeyId":"x"`, "{\"accessKeyId\":\"\xff\"}"} {
				anon.Call(t, http.MethodPost, mintPath, body).Is(t, 400, "invalid_request")
			}
			for _, body := range []string{`{}`, `{"accessKeyId":"","secretKey":""}`, `{"accessKeyId":null,"secretKey":null}`, `{"accessKeyId":"\u0000","secretKey":"\u0000"}`} {
				if r := anon.Call(t, http.MethodPost, mintPath, body); r.Status != 400 && r.Status != 401 {
					t.Errorf("%s: %d", body, r.Status)
				}
			}
			for _, basic := range []string{"Basic", "Basic !!!", "Basic " + base64.StdEncoding.EncodeToString([]byte("nocolon")), "Basic Og=="} {
				if r := anon.Call(t, http.MethodPost, mintPath, nil, "Authorization", basic); r.Status != 400 && r.Status != 401 {
					t.Errorf("%s: %d", basic, r.Status)
				}
			}
			anon.Call(t, http.MethodPost, mintPath, `{"secretKey":"`+strings.Repeat("s", 2<<20)+`"}`).Is(t, 413, "too_large")
		}},
		{says: "a token of one deployment means nothing to another", check: func(t *testing.T, g *ground) {
			g.c.Call(t, http.MethodGet, "/api/v1/buckets", nil).Want(t, 200)
			foreign := *g.c
			foreign.URL = g.tight.URL
			foreign.Call(t, http.MethodGet, "/api/v1/buckets", nil).Is(t, 401, "unauthorized")
		}},
		{says: "a revoked key stays dead, whatever new keys come", check: func(t *testing.T, g *ground) {
			k := g.c.WithScopes(t, "read")
			k.Revoke(t)
			dead(t, k)
			g.c.WithScopes(t, "read") // a new key of the same account
			k.Call(t, http.MethodGet, "/api/v1/buckets", nil).Is(t, 401, "unauthorized")
		}},
		{says: "minting many tokens at once gives tokens that all hold", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			parallel(t, 8, func(int) {
				var tok token
				mint(t, c, c.KeyID, c.Secret).Want(t, 200).JSON(t, &tok)
				c.Call(t, http.MethodGet, "/api/v1/buckets", nil, "Authorization", "Bearer "+tok.AccessToken).Want(t, 200)
			})
		}},
	}
}

func claimsOf(t *testing.T, payload string) object {
	t.Helper()
	b, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	var claims object
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
