package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// awkward are keys that a path cleaner, a decoder or a database might change.
func awkward() []string {
	return []string{
		"a//b", "/leading", "//", "///", "trailing/", "a/../b", "a/./b", "..", ".", "../..", "a/..", "a/.", "/..", "per%cent", "per%2Fcent", "%2e%2e", "%", "%%", "plus+sign", "a b", " ", " lead", "trail ",
		"ünïcödé/文件", "emoji-🪣", "é", "e\u0301", "\u200b", "\ufeff", "\U0010ffff", "q?uery", "h#ash", "semi;colon", "a&b=c", "new\nline", "cr\r\nlf", "tab\t", "\x01\x7f", "back\\slash", "quote\"'", "<b>", "a:b", "~", "*", "$oid", "$.x", "a.b.c", "_id",
		"objects", "versions", "objects:batchDelete", "a/b/", "a/", "parts/1/x", "complete/x", "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV/x", "null", strings.Repeat("k", 1024), strings.Repeat("é", 512), strings.Repeat("d/", 512),
	}
}

func nameRules() []rule {
	full := func(kind, bucket, key string) string {
		return harness.BucketPath(bucket, "/"+kind+"/") + escapeAll(key)
	}
	return []rule{
		{says: "every key of UTF-8 comes out as it went in", check: func(t *testing.T, g *ground) {
			b, ks := g.bucket(t), awkward()
			parallel(t, len(ks), func(i int) {
				if r := g.c.Call(t, "PUT", full("objects", b, ks[i]), fmt.Sprint(i)); r.Status != 201 || r.Object(t).Key != ks[i] {
					t.Errorf("PUT %q: %d %s", ks[i], r.Status, r.Body)
				}
			})
			for i, k := range ks {
				if r := g.c.Call(t, "GET", full("objects", b, k), nil); string(r.Body) != fmt.Sprint(i) {
					t.Errorf("GET %q: %d %s", k, r.Status, r.Body)
				}
			}
			all := g.c.ListAll(t, b)
			equal(t, "keys listed", len(all), len(ks))
			for _, k := range ks {
				if _, ok := all[k]; !ok {
					t.Errorf("%q is not listed", k)
				}
			}
			for i, k := range ks {
				if r := g.c.Call(t, "DELETE", full("objects", b, k), nil); r.Status != 204 {
					t.Errorf("DELETE %d %q: %d", i, k, r.Status)
				}
			}
			equal(t, "keys left", len(g.c.ListAll(t, b)), 0)
		}},
		{says: "slashes and dots may come unescaped: no cleaning, no redirect", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, k := range []string{"a//b", "a/../b", "a/./b", "..", ".", "//x", "x//", "../../../etc/passwd", "a/b/../../c", "./"} {
				g.c.Call(t, "PUT", harness.BucketPath(b, "/objects/"+k), k).Want(t, 201)
				if r := g.c.Call(t, "GET", full("objects", b, k), nil); string(r.Body) != k {
					t.Errorf("%q: %d %s", k, r.Status, r.Body)
				}
			}
			equal(t, "keys", len(g.c.ListAll(t, b)), 10)
		}},
		{says: "%2F in a key is a slash, in either case, + is a plus", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "a/b", "slash")
			g.put(t, b, "a+b", "plus")
			g.put(t, b, "a b", "space")
			for path, want := range map[string]string{"a%2Fb": "slash", "a%2fb": "slash", "%61/b": "slash", "a+b": "plus", "a%2Bb": "plus", "a%20b": "space"} {
				if r := g.c.Call(t, "GET", harness.BucketPath(b, "/objects/"+path), nil); string(r.Body) != want {
					t.Errorf("%s: %d %s", path, r.Status, r.Body)
				}
			}
		}},
		{says: "NFC and NFD, and upper and lower case, are different keys", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, k := range []string{"é", "e\u0301", "É", "K", "k", "ﬁ", "fi", "ſ", "s"} {
				g.put(t, b, k, k)
			}
			equal(t, "keys", len(g.c.ListAll(t, b)), 9)
			equal(t, "NFD", string(g.get(t, b, "e\u0301").Body), "e\u0301")
		}},
		{says: "1024 bytes are a key, 1025 are 400 invalid_key", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, unit := range []string{"k", "é", "🪣"} {
				k := strings.Repeat(unit, 1024/len(unit))
				g.put(t, b, k, "x")
				g.get(t, b, k).Want(t, 200)
				for _, m := range []string{"PUT", "GET", "DELETE"} {
					g.c.Call(t, m, harness.ObjectPath(b, k+"x"), nil).Is(t, 400, "invalid_key")
				}
			}
		}},
		{says: "NUL and what is not UTF-8 are 400 invalid_key", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, k := range []string{"a%00b", "%00", "%ff%fe", "a%C3", "%ED%A0%80", "%C0%AF", "%F4%90%80%80"} {
				for _, kind := range []string{"objects", "object-tags", "object-retention", "object-legal-hold"} {
					g.c.Call(t, "GET", harness.BucketPath(b, "/"+kind+"/"+k), nil).Is(t, 400, "invalid_key")
				}
				g.c.Call(t, "PUT", harness.BucketPath(b, "/objects/"+k), "x").Is(t, 400, "invalid_key")
				g.c.Call(t, "DELETE", harness.BucketPath(b, "/objects/"+k), nil).Is(t, 400, "invalid_key")
				g.c.Call(t, "POST", harness.BucketPath(b, "/multipart/"+k), nil).Is(t, 400, "invalid_key")
			}
			equal(t, "keys", len(g.c.ListAll(t, b)), 0)
		}},
		{says: "an empty key is 400 invalid_key", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, m := range []string{"PUT", "GET", "DELETE", "HEAD"} {
				r := g.c.Call(t, m, harness.BucketPath(b, "/objects/"), nil).Want(t, 400)
				if m != "HEAD" {
					r.Is(t, 400, "invalid_key")
				}
			}
			for _, kind := range []string{"object-tags", "object-retention", "object-legal-hold"} {
				g.c.Call(t, "GET", harness.BucketPath(b, "/"+kind+"/"), nil).Is(t, 400, "invalid_key")
			}
			for _, kind := range []string{"object-copy", "multipart"} {
				g.c.Call(t, "POST", harness.BucketPath(b, "/"+kind+"/"), object{"sourceBucket": b, "sourceKey": "k"}).Is(t, 400, "invalid_key")
			}
		}},
		{says: "without a key DELETE and PUT of /objects are 405 with Allow", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, m := range []string{"PUT", "DELETE", "POST", "PATCH"} {
				r := g.c.Call(t, m, harness.BucketPath(b, "/objects"), nil).Is(t, 405, "method_not_allowed")
				if !strings.Contains(r.Header.Get("Allow"), "GET") {
					t.Errorf("%s: Allow %q", m, r.Header.Get("Allow"))
				}
			}
			g.c.Call(t, "GET", harness.BucketPath(b, ""), nil).Want(t, 200)
		}},
		{says: "keys in JSON bodies follow the same rule", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "k", "x")
			for _, k := range []string{"", strings.Repeat("k", 1025), "a\x00b"} {
				g.c.Call(t, "POST", harness.KeyPath(b, "object-copy", "c"), object{"sourceBucket": b, "sourceKey": k}).Is(t, 400, "invalid_key")
				g.c.Call(t, "POST", "/api/v1/sign-url", object{"method": "GET", "bucket": b, "key": k}).Is(t, 400, "invalid_key")
				r := g.c.Call(t, "POST", harness.BucketPath(b, "/objects:batchDelete"), object{"objects": []object{{"key": k}, {"key": "other"}}})
				if r.Status == 400 {
					r.Is(t, 400, "invalid_key")
				} else if res := results(t, r); res[0].Error.Code != "invalid_key" || !res[1].Deleted {
					t.Errorf("batchDelete of %.10q: %s", k, r.Body)
				}
			}
		}},
		{says: "the key of every other route arrives exactly, too", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			for _, k := range []string{"a//b", "/x", "a/../b", "..", "trailing/", "a%2Fb c+d/é/", "parts/1/x", "complete/x", "//", "."} {
				g.c.Call(t, "PUT", full("objects", b, k), "x").Want(t, 201)
				g.c.Call(t, "PUT", full("object-tags", b, k), object{"tags": object{"k": "v"}}).Want(t, 200)
				g.c.Call(t, "PUT", full("object-legal-hold", b, k), object{"status": "OFF"}).Want(t, 200)
				g.c.Call(t, "GET", full("object-legal-hold", b, k), nil).Want(t, 200)
				copied := g.c.Call(t, "POST", full("object-copy", b, "copy-of/"+k), object{"sourceBucket": b, "sourceKey": k}).Want(t, 201).Object(t)
				equal(t, "copy", copied.Key, "copy-of/"+k)
				u := g.c.Multipart(t, b, k)
				u.Complete(t, u.Parts(t, "part")).Want(t, 200)
				path := g.c.Sign(t, "GET", b, k)
				if r := g.c.Anonymous().Call(t, "GET", path, nil); string(r.Body) != "part" {
					t.Errorf("signed %q: %d %s (%s)", k, r.Status, r.Body, path)
				}
				equal(t, "tags", g.c.Call(t, "HEAD", full("objects", b, "copy-of/"+k), nil).Header.Get("X-Lockwell-Tag-Count"), "1")
			}
		}},
		{says: "a path that only looks like the API's is 404, never a redirect", check: func(t *testing.T, g *ground) {
			b, _ := g.key(t, "x")
			for _, path := range []string{"/api/v1/", "/api/v1/nonsense", "/api/v1/buckets/" + b + "/nonsense", "/api/v1//buckets", "/api//v1/buckets", "/api/v1/./buckets", "/api/v1/buckets/", "/api/v2/buckets", harness.BucketPath(b, "/")} {
				if r := g.c.Call(t, http.MethodGet, path, nil); r.Status != 404 && r.Status != 405 && r.Status != 400 {
					t.Errorf("%s: %d %s", path, r.Status, r.Header.Get("Location"))
				}
			}
		}},
	}
}
