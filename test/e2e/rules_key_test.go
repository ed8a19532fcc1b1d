package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

const keysPath = "/api/v1/account/access-keys"

func keyRules() []rule {
	return []rule{
		{says: "an id is LWAK and 16 upper-case base32 characters, a secret has 40", check: func(t *testing.T, g *ground) {
			id, secret := g.c.NewKey(t, object{"scopes": []string{"read"}})
			if !regexp.MustCompile(`^LWAK[A-Z2-7]{16}$`).MatchString(id) || len(secret) != 40 {
				t.Errorf("%q with a secret of %d characters", id, len(secret))
			}
		}},
		{says: "POST answers 201 with Location and is not cached", check: func(t *testing.T, g *ground) {
			r := g.c.AsAccount().Call(t, "POST", keysPath, object{"scopes": []string{"read", "delete"}, "buckets": []string{"a-bucket"}, "prefixes": []string{"p/"}}).Want(t, 201)
			var k struct {
				AccessKeyID               string
				Scopes, Buckets, Prefixes []string
				CreatedAt                 time.Time
			}
			r.JSON(t, &k)
			if !strings.HasSuffix(r.Header.Get("Location"), keysPath+"/"+k.AccessKeyID) || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v", r.Header)
			}
			if !slices.Equal(k.Scopes, []string{"read", "delete"}) || !slices.Equal(k.Buckets, []string{"a-bucket"}) || !slices.Equal(k.Prefixes, []string{"p/"}) || time.Since(k.CreatedAt) > time.Minute {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "the secret is shown once", check: func(t *testing.T, g *ground) {
			id, secret := g.c.NewKey(t, object{"scopes": []string{"read"}})
			r := g.c.AsAccount().Call(t, "GET", keysPath, nil).Want(t, 200)
			if !strings.Contains(string(r.Body), id) || strings.Contains(string(r.Body), secret) || strings.Contains(string(r.Body), "secretKey") {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "the secret is sealed at rest", check: func(t *testing.T, g *ground) {
			id, secret := g.c.NewKey(t, object{"scopes": []string{"read"}})
			found := false
			files, err := filepath.Glob(filepath.Join(g.w.DataDir, "*", "*auth*"))
			more, _ := filepath.Glob(filepath.Join(g.w.DataDir, "*auth*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range append(files, more...) {
				b, err := os.ReadFile(f)
				if err != nil {
					continue // a directory
				}
				found = found || strings.Contains(string(b), id)
				if strings.Contains(string(b), secret) {
					t.Errorf("%s holds the secret", f)
				}
			}
			if !found {
				t.Errorf("no file of auth's under %s names the key: %v", g.w.DataDir, append(files, more...))
			}
		}},
		{says: "each scope opens what it covers and nothing else: 403 access_denied", check: func(t *testing.T, g *ground) {
			for _, scope := range []string{"read", "write", "delete", "admin"} {
				s, k := newStage(t, g.c), g.c.WithScopes(t, scope)
				for _, o := range operations() {
					r := o.do(t, k, s)
					if !slices.Contains(strings.Fields(o.scopes), scope) {
						refused(t, o, r)
					} else if r.Status != o.ok {
						t.Errorf("%s with %s: %d %s, want %d", o, scope, r.Status, r.Body, o.ok)
					}
				}
			}
		}},
		{says: "a copy takes read and write", check: func(t *testing.T, g *ground) {
			s := newStage(t, g.c)
			for _, o := range operations() {
				if o.route == "CopyObject" {
					o.do(t, g.c.WithScopes(t, "read", "write"), s).Want(t, 201)
				}
			}
		}},
		{says: "every operation but the public ones is among those of the scopes", check: func(t *testing.T, g *ground) {
			known := map[string]bool{}
			for _, o := range operations() {
				known[o.route] = true
			}
			for _, r := range g.w.Routes(t) {
				if r.Dialect == "lockwell" && r.Auth != "none" && r.Auth != "signed" && !known[r.Name()] {
					t.Errorf("%s %s (%s) has no row in operations()", r.Method, r.Path, r.Name())
				}
			}
		}},
		{says: "a key limited to buckets works in those only", check: func(t *testing.T, g *ground) {
			a, b := g.bucket(t), g.bucket(t)
			g.put(t, a, "k", "x")
			g.put(t, b, "k", "x")
			k := g.c.WithKey(t, object{"scopes": []string{"read", "write", "delete", "admin"}, "buckets": []string{a}})
			k.Call(t, "GET", harness.ObjectPath(a, "k"), nil).Want(t, 200)
			for _, r := range []harness.Response{
				k.Call(t, "GET", harness.ObjectPath(b, "k"), nil), k.Call(t, "PUT", harness.ObjectPath(b, "k"), "y"), k.Call(t, "DELETE", harness.ObjectPath(b, "k"), nil),
				k.Call(t, "GET", harness.BucketPath(b, ""), nil), k.Call(t, "DELETE", harness.BucketPath(b, ""), nil), k.Call(t, "GET", harness.BucketPath(b, "/objects"), nil),
				k.Call(t, "POST", harness.KeyPath(a, "object-copy", "c"), object{"sourceBucket": b, "sourceKey": "k"}),
				k.Call(t, "POST", harness.KeyPath(b, "object-copy", "c"), object{"sourceBucket": a, "sourceKey": "k"}),
				k.Call(t, "POST", "/api/v1/sign-url", object{"method": "GET", "bucket": b, "key": "k"}), k.Call(t, "POST", harness.KeyPath(b, "multipart", "m"), nil),
				k.Call(t, "GET", harness.BucketPath(b, "/multipart"), nil), k.Call(t, "GET", harness.BucketPath(b, "/policy"), nil),
			} {
				r.Is(t, 403, "access_denied")
			}
		}},
		{says: "a key limited to prefixes works below those only", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, k := range []string{"in/k", "out/k", "in", "inner"} {
				g.put(t, b, k, "x")
			}
			k := g.c.WithKey(t, object{"scopes": []string{"read", "write", "delete"}, "prefixes": []string{"in/"}})
			k.Call(t, "GET", harness.ObjectPath(b, "in/k"), nil).Want(t, 200)
			for _, key := range []string{"out/k", "in", "inner", "/in/k"} {
				k.Call(t, "GET", harness.ObjectPath(b, key), nil).Is(t, 403, "access_denied")
				k.Call(t, "PUT", harness.ObjectPath(b, key), "y").Is(t, 403, "access_denied")
				k.Call(t, "GET", harness.KeyPath(b, "object-tags", key), nil).Is(t, 403, "access_denied")
				k.Call(t, "POST", harness.KeyPath(b, "multipart", key), nil).Is(t, 403, "access_denied")
				k.Call(t, "POST", harness.KeyPath(b, "object-copy", key), object{"sourceBucket": b, "sourceKey": "in/k"}).Is(t, 403, "access_denied")
				k.Call(t, "POST", harness.KeyPath(b, "object-copy", "in/c"), object{"sourceBucket": b, "sourceKey": key}).Is(t, 403, "access_denied")
			}
			res := results(t, k.Call(t, "POST", harness.BucketPath(b, "/objects:batchDelete"), object{"objects": []object{{"key": "out/k"}, {"key": "in/k"}}}))
			if len(res) != 2 || res[0].Error.Code != "access_denied" || !res[1].Deleted {
				t.Errorf("%+v", res)
			}
			g.get(t, b, "out/k").Want(t, 200)
		}},
		{says: "such a key lists only inside its prefixes", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "in/k", "x")
			k := g.c.WithKey(t, object{"scopes": []string{"read"}, "prefixes": []string{"in/"}})
			for _, what := range []string{"/objects?", "/versions?", "/multipart?"} {
				k.Call(t, "GET", harness.BucketPath(b, what+"prefix=in/"), nil).Want(t, 200)
				k.Call(t, "GET", harness.BucketPath(b, what+"prefix=in/k"), nil).Want(t, 200)
				for _, q := range []string{"", "prefix=", "prefix=i", "prefix=in", "prefix=out/", "startAfter=in/", "keyMarker=in/"} {
					k.Call(t, "GET", harness.BucketPath(b, what+q), nil).Is(t, 403, "access_denied")
				}
			}
		}},
		{says: "a key that asks for nonsense is not made: 400", check: func(t *testing.T, g *ground) {
			for _, body := range []string{
				`{}`, `{"scopes":[]}`, `{"scopes":["fly"]}`, `{"scopes":"read"}`, `{"scopes":["read","READ"]}`, `{"scopes":[null]}`, `{"scopes":["read"],"buckets":"x"}`,
				`{"scopes":["read"],"expiresAt":"2001-01-01T00:00:00Z"}`, `{"scopes":["read"],"expiresAt":5}`, `{"scopes":["read"],"expiresAt":"soon"}`,
				`{"scopes":["read"],"prefixes":["` + strings.Repeat("p", 1025) + `"]}`,
			} {
				if r := g.c.AsAccount().Call(t, "POST", keysPath, body); r.Status != 400 {
					t.Errorf("%s: %d %s", body, r.Status, r.Body)
				}
			}
		}},
		{says: "the management routes take the account token or the admin scope", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, path := range []string{keysPath, harness.BucketPath(b, "/policy")} {
				g.c.AsAccount().Call(t, "GET", path, nil).Want(t, 200)
				g.c.WithScopes(t, "admin").Call(t, "GET", path, nil).Want(t, 200)
				g.c.WithScopes(t, "read", "write", "delete").Call(t, "GET", path, nil).Is(t, 403, "access_denied")
				g.c.Anonymous().Call(t, "GET", path, nil).Is(t, 401, "unauthorized")
			}
		}},
		{says: "an admin key makes no key that may do more than itself", check: func(t *testing.T, g *ground) {
			admin := g.c.WithScopes(t, "admin", "read")
			admin.Call(t, "POST", keysPath, object{"scopes": []string{"read"}}).Want(t, 201)
			admin.Call(t, "POST", keysPath, object{"scopes": []string{"read", "write"}}).Is(t, 403, "access_denied")
			soon := g.c.WithKey(t, object{"scopes": []string{"admin"}, "expiresAt": in(time.Hour)})
			soon.Call(t, "POST", keysPath, object{"scopes": []string{"admin"}, "expiresAt": in(2 * time.Hour)}).Is(t, 403, "access_denied")
			boxed := g.c.WithKey(t, object{"scopes": []string{"admin"}, "buckets": []string{"a-bucket"}})
			boxed.Call(t, "POST", keysPath, object{"scopes": []string{"admin"}}).Is(t, 403, "access_denied")
			boxed.Call(t, "POST", keysPath, object{"scopes": []string{"admin"}, "buckets": []string{"b-bucket"}}).Is(t, 403, "access_denied")
		}},
		{says: "DELETE of a key is 204; of one that is not the account's 404", check: func(t *testing.T, g *ground) {
			id, _ := g.c.NewKey(t, object{"scopes": []string{"read"}})
			acc := g.c.AsAccount()
			acc.Call(t, "DELETE", keysPath+"/"+id, nil).Want(t, http.StatusNoContent)
			other := account(t, g.w)
			for _, id := range []string{"LWAKAAAAAAAAAAAAAAAA", "nonsense", other.KeyID, "%00", "..%2F" + id} {
				acc.Call(t, "DELETE", keysPath+"/"+id, nil).Is(t, 404, "not_found")
			}
			other.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200)
		}},
	}
}
