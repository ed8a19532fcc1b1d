package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

func signRules() []rule {
	// other gives a signed path with another key in it.
	other := func(path, from, to string) string { return strings.Replace(path, "/"+from+"?", "/"+to+"?", 1) }
	return []rule{
		{says: "200 with url, method, expiresAt; 15 minutes unless asked otherwise", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			for ttl, want := range map[any]time.Duration{nil: 15 * time.Minute, 60: time.Minute, 7 * 24 * 3600: 7 * 24 * time.Hour} {
				body := object{"method": "GET", "bucket": b, "key": k}
				if ttl != nil {
					body["ttlSeconds"] = ttl
				}
				r := g.c.Call(t, "POST", "/api/v1/sign-url", body).Want(t, 200)
				var s struct {
					URL, Method string
					ExpiresAt   time.Time
				}
				r.JSON(t, &s)
				if d := time.Until(s.ExpiresAt); d > want || d < want-time.Minute || s.Method != "GET" || !strings.HasPrefix(s.URL, g.w.URL+"/api/v1/signed/"+b+"/"+k+"?token=lwurl_") {
					t.Errorf("ttl %v: %s", ttl, r.Body)
				}
				equal(t, "Cache-Control", r.Header.Get("Cache-Control"), "no-store")
			}
		}},
		{says: "the TTL is clamped to security.max_presign_ttl", check: func(t *testing.T, g *ground) {
			for c, most := range map[*harness.Client]time.Duration{g.c: 7 * 24 * time.Hour, account(t, g.tight): time.Minute} {
				b := newBucket(t, c)
				for _, ttl := range []int64{1e6, 1e12, 1<<63 - 1} {
					var s struct{ ExpiresAt time.Time }
					c.Call(t, "POST", "/api/v1/sign-url", object{"method": "GET", "bucket": b, "key": "k", "ttlSeconds": ttl}).Want(t, 200).JSON(t, &s)
					if d := time.Until(s.ExpiresAt); d > most || d < most-time.Minute {
						t.Errorf("ttl %d: %v", ttl, d)
					}
				}
			}
		}},
		{says: "GET, HEAD, ranges and conditions work with a GET token and no bearer", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine, "Content-Type", "text/plain")
			path, anon := g.c.Sign(t, "GET", b, k), g.c.Anonymous()
			r := anon.Call(t, "GET", path, nil).Want(t, 200)
			equal(t, "body", string(r.Body), nine)
			equal(t, "type", r.Header.Get("Content-Type"), "text/plain")
			equal(t, "HEAD", anon.Call(t, "HEAD", path, nil).Want(t, 200).Header.Get("Content-Length"), "9")
			equal(t, "range", string(anon.Call(t, "GET", path, nil, "Range", "bytes=1-2").Want(t, 206).Body), "23")
			anon.Call(t, "GET", path, nil, "If-None-Match", r.Header.Get("ETag")).Want(t, 304)
		}},
		{says: "PUT works with a PUT token, with all the headers of a PUT", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			path, anon := g.c.Sign(t, "PUT", b, "k"), g.c.Anonymous()
			o := anon.Call(t, "PUT", path, nine, "Content-Type", "text/plain", "X-Lockwell-Meta-A", "1", "X-Lockwell-Tags", "t=1", "X-Lockwell-Checksum-SHA256", sha([]byte(nine)), "Idempotency-Key", "key").Want(t, 201).Object(t)
			equal(t, "size", o.Size, 9)
			anon.Call(t, "PUT", path, "x", "If-None-Match", "*").Is(t, 412, "precondition_failed")
			anon.Call(t, "PUT", path, "x", "X-Lockwell-Checksum-SHA256", sha([]byte(nine))).Is(t, 400, "bad_digest")
			h := g.get(t, b, "k").Header
			if h.Get("Content-Type") != "text/plain" || h.Get("X-Lockwell-Meta-A") != "1" || h.Get("X-Lockwell-Tag-Count") != "1" {
				t.Errorf("%v", h)
			}
		}},
		{says: "the key need not exist when the URL is signed", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			path := g.c.Sign(t, "GET", b, "later")
			g.c.Anonymous().Call(t, "GET", path, nil).Is(t, 404, "not_found")
			g.put(t, b, "later", nine)
			equal(t, "body", string(g.c.Anonymous().Call(t, "GET", path, nil).Body), nine)
		}},
		{says: "the method must match: 403", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			get, put, anon := g.c.Sign(t, "GET", b, k), g.c.Sign(t, "PUT", b, k), g.c.Anonymous()
			anon.Call(t, "PUT", get, "x").Is(t, 403, "access_denied")
			anon.Call(t, "GET", put, nil).Is(t, 403, "access_denied")
			anon.Call(t, "HEAD", put, nil).Want(t, 403)
			for _, m := range []string{"DELETE", "POST", "PATCH"} {
				anon.Call(t, m, get, nil).Is(t, 405, "method_not_allowed")
			}
			equal(t, "object", string(g.get(t, b, k).Body), nine)
		}},
		{says: "bucket and key must match: 403", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			g.put(t, b, "other", "secret")
			path, anon := g.c.Sign(t, "GET", b, k), g.c.Anonymous()
			for _, to := range []string{"other", "K", "k/", "k%2F", "x/../k", "k%20", "./k", "%2Fk"} {
				anon.Call(t, "GET", other(path, k, to), nil).Is(t, 403, "access_denied")
			}
			anon.Call(t, "GET", strings.Replace(path, b, g.bucket(t), 1), nil).Is(t, 403, "access_denied")
			anon.Call(t, "GET", other(path, k, "%6B"), nil).Want(t, 200) // the same key, spelt otherwise
		}},
		{says: "an altered, cut or foreign token is 401, as is none", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			base, tok, _ := strings.Cut(g.c.Sign(t, "GET", b, k), "?token=")
			payload, mac, _ := strings.Cut(strings.TrimPrefix(tok, "lwurl_"), ".")
			flipped := []byte(payload)
			flipped[len(flipped)/2] ^= 1
			anon := g.c.Anonymous()
			for _, q := range []string{
				"", "?token=", "?token=lwurl_", "?token=lwurl_" + string(flipped) + "." + mac, "?token=lwurl_" + payload, "?token=lwurl_" + payload + "." + mac[1:], "?token=" + tok + "A",
				"?token=lwtk_" + payload + "." + mac, "?token=" + g.c.Token, "?Token=" + tok, "?token=" + strings.Repeat("a", 20000), "?token=%00",
			} {
				anon.Call(t, "GET", base+q, nil).Is(t, 401, "unauthorized")
			}
			if r := anon.Call(t, "GET", base+"?token="+tok+"&token="+tok, nil); r.Status != 400 && r.Status != 401 {
				t.Errorf("twice: %d", r.Status)
			}
			g.c.Anonymous().Call(t, "GET", "/api/v1/buckets", nil, "Authorization", "Bearer "+tok).Is(t, 401, "unauthorized")
		}},
		{says: "an expired token is 401", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			path := g.c.Sign(t, "GET", b, k, "ttlSeconds", int(lead/time.Second))
			g.c.Anonymous().Call(t, "GET", path, nil).Want(t, 200)
			eventually(t, "the expiry", func() bool { return g.c.Anonymous().Call(t, "GET", path, nil).Status == 401 })
			g.c.Anonymous().Call(t, "GET", path, nil).Is(t, 401, "unauthorized")
		}},
		{says: "a revoked key's URLs are 401 within a second", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			signer := g.c.WithScopes(t, "read", "write")
			get, put := signer.Sign(t, "GET", b, k), signer.Sign(t, "PUT", b, k)
			g.c.Anonymous().Call(t, "GET", get, nil).Want(t, 200)
			signer.Revoke(t)
			since := time.Now()
			held := since // when the last request began that it still opened
			eventually(t, "the URL is refused", func() bool {
				began := time.Now()
				if g.c.Anonymous().Call(t, "GET", get, nil).Status == 401 {
					return true
				}
				held = began
				return false
			})
			if d := held.Sub(since); d > prompt {
				t.Errorf("it held for %v", d)
			}
			g.c.Anonymous().Call(t, "PUT", put, "x").Is(t, 401, "unauthorized")
		}},
		{says: "a policy that comes later denies at access: 403", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			get, put, anon := g.c.Sign(t, "GET", b, k), g.c.Sign(t, "PUT", b, k), g.c.Anonymous()
			setPolicy(t, g.c, b, statement{Effect: "Deny", Actions: []string{"getObject"}, AccessKeyIDs: []string{g.c.KeyID}})
			anon.Call(t, "GET", get, nil).Is(t, 403, "access_denied")
			anon.Call(t, "HEAD", get, nil).Want(t, 403)
			anon.Call(t, "PUT", put, nine).Want(t, 201)
			setPolicy(t, g.c, b, statement{Effect: "Deny", Actions: []string{"putObject"}, Prefixes: []string{"k"}})
			anon.Call(t, "PUT", put, "x").Is(t, 403, "access_denied")
			setPolicy(t, g.c, b)
			anon.Call(t, "GET", get, nil).Want(t, 200)
		}},
		{says: "a key signs only what it may do: 403", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			sign := func(c *harness.Client, method, key string) harness.Response {
				return c.Call(t, "POST", "/api/v1/sign-url", object{"method": method, "bucket": b, "key": key})
			}
			reader, writer := g.c.WithScopes(t, "read"), g.c.WithScopes(t, "write")
			sign(reader, "PUT", k).Is(t, 403, "access_denied")
			sign(reader, "GET", k).Want(t, 200)
			sign(writer, "GET", k).Is(t, 403, "access_denied")
			sign(writer, "PUT", k).Want(t, 200)
			inside := g.c.WithKey(t, object{"scopes": []string{"read"}, "prefixes": []string{"in/"}})
			sign(inside, "GET", k).Is(t, 403, "access_denied")
			sign(inside, "GET", "in/k").Want(t, 200)
			setPolicy(t, g.c, b, statement{Effect: "Deny", Actions: []string{"getObject"}})
			sign(g.c, "GET", k).Is(t, 403, "access_denied")
		}},
		{says: "a URL ends with its key's expiry, whatever its own", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			signer := g.c.WithKey(t, object{"scopes": []string{"read"}, "expiresAt": time.Now().Add(lead).UTC().Format(time.RFC3339Nano)})
			path := signer.Sign(t, "GET", b, k)
			eventually(t, "the key's end", func() bool { return g.c.Anonymous().Call(t, "GET", path, nil).Status == 401 })
		}},
		{says: "another tenant's bucket is 404 when signing, as one that is not there", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			c := account(t, g.w)
			sign := func(bucket string) harness.Response {
				return c.Call(t, "POST", "/api/v1/sign-url", object{"method": "GET", "bucket": bucket, "key": k})
			}
			sameAnswer(t, "signing", sign(b).Is(t, 404, "not_found"), sign("no-such-bucket"))
		}},
		{says: "a bearer token beside it counts for nothing", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			g.put(t, b, "other", "secret")
			path := g.c.Sign(t, "GET", b, k)
			g.c.Anonymous().Call(t, "GET", path, nil, "Authorization", "Bearer nonsense").Want(t, 200)
			g.c.Call(t, "GET", other(path, k, "other"), nil).Is(t, 403, "access_denied")
			g.c.Call(t, "GET", strings.Split(path, "?")[0], nil).Is(t, 401, "unauthorized")
		}},
		{says: "it opens one object and nothing else: versions, lists, tags, other routes", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			old := g.put(t, b, "k", "old").VersionID
			g.put(t, b, "k", "new")
			path := g.c.Sign(t, "GET", b, "k")
			_, tok, _ := strings.Cut(path, "?")
			anon := g.c.Anonymous()
			if r := anon.Call(t, "GET", path+"&versionId="+old, nil); r.Status == 200 && string(r.Body) == "old" {
				t.Error("the URL of a key gives its old versions")
			}
			for _, p := range []string{"/api/v1/buckets", harness.BucketPath(b, "/objects"), harness.ObjectPath(b, "k"), harness.KeyPath(b, "object-tags", "k")} {
				anon.Call(t, "GET", p+"?"+tok, nil).Is(t, 401, "unauthorized")
			}
			for _, p := range []string{"/api/v1/signed/" + b + "?", "/api/v1/signed/" + b + "/?", "/api/v1/signed?", "/api/v1/signed/?"} {
				if r := anon.Call(t, http.MethodGet, p+tok, nil); r.Status < 400 {
					t.Errorf("%s: %d", p, r.Status)
				}
			}
		}},
		{says: "a request of the wrong form is 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			q := func(more string) string { return `{"bucket":"` + b + `","key":"k",` + more + `}` }
			for _, body := range []string{
				``, `[]`, `{}`, q(`"method":"DELETE"`), q(`"method":"get"`), q(`"method":""`), q(`"method":7`), q(`"method":"GET","ttlSeconds":0`), q(`"method":"GET","ttlSeconds":-1`),
				q(`"method":"GET","ttlSeconds":"60"`), q(`"method":"GET","ttlSeconds":1.5`), q(`"method":"GET","ttlSeconds":1e30`), `{"method":"GET","key":"k"}`, `{"method":"GET","bucket":7,"key":"k"}`,
			} {
				g.c.Call(t, "POST", "/api/v1/sign-url", body).Is(t, 400, "invalid_request")
			}
			g.c.Call(t, "POST", "/api/v1/sign-url", `{"method":"GET","bucket":"`+b+`"}`).Is(t, 400, "invalid_key")
		}},
		{says: "tenants may have buckets of the same name: the URL is its signer's", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "of g")
			c := account(t, g.w)
			c.Bucket(t, b)
			c.Put(t, b, k, "of c", nil)
			equal(t, "g's", string(c.Anonymous().Call(t, "GET", g.c.Sign(t, "GET", b, k), nil).Body), "of g")
			equal(t, "c's", string(g.c.Anonymous().Call(t, "GET", c.Sign(t, "GET", b, k), nil).Body), "of c")
		}},
	}
}
