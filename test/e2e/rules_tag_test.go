package e2e_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

func tagsPath(bucket, key, version string) string {
	path := harness.KeyPath(bucket, "object-tags", key)
	if version != "" {
		path += "?versionId=" + version
	}
	return path
}

func tagsOf(t *testing.T, c *harness.Client, bucket, key, version string) map[string]string {
	t.Helper()
	var out struct{ Tags map[string]string }
	r := c.Call(t, http.MethodGet, tagsPath(bucket, key, version), nil).Want(t, 200)
	if r.JSON(t, &out); out.Tags == nil {
		t.Fatalf("no tags in %s", r.Body)
	}
	return out.Tags
}

func tagRules() []rule {
	setTags := func(t *testing.T, g *ground, b, k string, tags any) harness.Response {
		t.Helper()
		return g.c.Call(t, "PUT", tagsPath(b, k, ""), object{"tags": tags})
	}
	return []rule{
		{says: "GET without tags is an empty object; PUT answers 200 with what is stored", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			equal(t, "tags", len(tagsOf(t, g.c, b, k, "")), 0)
			want := map[string]string{"a": "1", "B": "", "café 🪣": "ü & = +", " ": " "}
			var stored struct{ Tags map[string]string }
			setTags(t, g, b, k, want).Want(t, 200).JSON(t, &stored)
			if !maps.Equal(stored.Tags, want) || !maps.Equal(tagsOf(t, g.c, b, k, ""), want) {
				t.Errorf("%v, %v", stored.Tags, tagsOf(t, g.c, b, k, ""))
			}
			equal(t, "count", g.get(t, b, k).Header.Get("X-Lockwell-Tag-Count"), "4")
		}},
		{says: "PUT replaces all, DELETE is 204 and clears", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x", "X-Lockwell-Tags", "old=1")
			setTags(t, g, b, k, object{"new": "2"}).Want(t, 200)
			equal(t, "old", tagsOf(t, g.c, b, k, "")["old"], "")
			g.c.Call(t, "DELETE", tagsPath(b, k, ""), nil).Want(t, 204)
			equal(t, "tags", len(tagsOf(t, g.c, b, k, "")), 0)
			g.c.Call(t, "DELETE", tagsPath(b, k, ""), nil).Want(t, 204)
			setTags(t, g, b, k, object{}).Want(t, 200)
			equal(t, "object", string(g.get(t, b, k).Body), "x")
		}},
		{says: "at most 10 tags, names of 1 to 128 and values of 256 characters, else 400", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x", "X-Lockwell-Tags", "kept=1")
			ten := object{}
			for _, r := range "abcdefghij" {
				ten[strings.Repeat(string(r), 128)] = strings.Repeat("é", 256)
			}
			eleven := maps.Clone(ten)
			eleven["k"] = ""
			for _, bad := range []any{eleven, object{"": "x"}, object{strings.Repeat("é", 129): "x"}, object{"a": strings.Repeat("v", 257)}, object{"a": "x\x00"}, object{"a\n": "x"}, object{"a": 7}, object{"a": nil}, []string{"a"}, "a", nil} {
				setTags(t, g, b, k, bad).Is(t, 400, "invalid_request")
			}
			equal(t, "kept", tagsOf(t, g.c, b, k, "")["kept"], "1")
			setTags(t, g, b, k, ten).Want(t, 200)
			equal(t, "tags", len(tagsOf(t, g.c, b, k, "")), 10)
		}},
		{says: "a body of the wrong form is 400", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			for _, body := range []string{``, `[]`, `{}`, `{"tags":`, `{"tags":{"a":"1","a":"2"}}`, "{\"tags\":{\"a\":\"\xff\"}}"} {
				g.c.Call(t, "PUT", tagsPath(b, k, ""), body).Is(t, 400, "invalid_request")
			}
		}},
		{says: "?versionId= is about that version", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			one, two := g.put(t, b, "k", "one").VersionID, g.put(t, b, "k", "two").VersionID
			g.c.Call(t, "PUT", tagsPath(b, "k", one), object{"tags": object{"of": "one"}}).Want(t, 200)
			equal(t, "one", tagsOf(t, g.c, b, "k", one)["of"], "one")
			equal(t, "two", len(tagsOf(t, g.c, b, "k", two)), 0)
			g.c.Call(t, "DELETE", tagsPath(b, "k", one), nil).Want(t, 204)
			equal(t, "one", len(tagsOf(t, g.c, b, "k", one)), 0)
		}},
		{says: "of what is not there 404; of a delete marker 404 that says so", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "k", "x")
			m := mark(t, g.c, b, "k")
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				var body any
				if method == "PUT" {
					body = object{"tags": object{}}
				}
				g.c.Call(t, method, tagsPath(b, "nothing", ""), body).Is(t, 404, "not_found")
				g.c.Call(t, method, tagsPath("no-such-bucket", "k", ""), body).Is(t, 404, "not_found")
				g.c.Call(t, method, tagsPath(b, "k", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), body).Is(t, 404, "not_found")
				equal(t, method+" of a marker", g.c.Call(t, method, tagsPath(b, "k", ""), body).Is(t, 404, "not_found").Header.Get("X-Lockwell-Delete-Marker"), "true")
				g.c.Call(t, method, tagsPath(b, "k", m), body).Is(t, 404, "not_found")
			}
		}},
		{says: "changing tags is no new version and changes no ETag", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			o := g.put(t, b, "k", "x")
			setTags(t, g, b, "k", object{"a": "1"}).Want(t, 200)
			r := g.get(t, b, "k")
			equal(t, "version", r.Header.Get("X-Lockwell-Version-Id"), o.VersionID)
			equal(t, "etag", r.Header.Get("ETag"), o.ETag)
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 1)
		}},
		{says: "tags may change under retention and legal hold", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			g.put(t, b, "k", "x", "X-Lockwell-Legal-Hold", "ON", "X-Lockwell-Retention-Mode", "COMPLIANCE", "X-Lockwell-Retain-Until", in(time.Minute))
			setTags(t, g, b, "k", object{"a": "1"}).Want(t, 200)
			g.c.Call(t, "DELETE", tagsPath(b, "k", ""), nil).Want(t, 204)
		}},
	}
}
