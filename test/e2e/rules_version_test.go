package e2e_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// allVersions reads a version listing page by page.
func allVersions(t *testing.T, c *harness.Client, bucket, query string, size int) (out []harness.Version) {
	t.Helper()
	more := ""
	for {
		l := c.Versions(t, bucket, fmt.Sprintf("%s&maxKeys=%d%s", query, size, more))
		out = append(out, l.Versions...)
		if len(l.Versions) > size || l.IsTruncated != (l.NextKeyMarker != "") || l.IsTruncated && len(l.Versions) == 0 {
			t.Fatalf("a page of %d, truncated %v, next %q", len(l.Versions), l.IsTruncated, l.NextKeyMarker)
		}
		if !l.IsTruncated {
			return out
		}
		more = "&keyMarker=" + url.QueryEscape(l.NextKeyMarker) + "&versionIdMarker=" + url.QueryEscape(l.NextVersionIDMarker)
	}
}

func suspend(t *testing.T, g *ground, bucket, to string) {
	t.Helper()
	g.c.Call(t, "PUT", harness.BucketPath(bucket, "/versioning"), object{"status": to}).Want(t, 200)
}

func versionRules() []rule {
	return []rule{
		{says: "an entry has key, versionId, isLatest, deleteMarker, size, etag, lastModified", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			o := g.put(t, b, "k", nine)
			m := mark(t, g.c, b, "k")
			r := g.c.Call(t, "GET", harness.BucketPath(b, "/versions"), nil).Want(t, 200)
			var l struct{ Versions []object }
			r.JSON(t, &l)
			if len(l.Versions) != 2 || l.Versions[0]["versionId"] != m || l.Versions[0]["deleteMarker"] != true || l.Versions[0]["isLatest"] != true || l.Versions[0]["lastModified"] == nil {
				t.Fatalf("%s", r.Body)
			}
			if v := l.Versions[1]; v["key"] != "k" || v["versionId"] != o.VersionID || v["deleteMarker"] != false || v["isLatest"] != false || v["size"] != 9.0 || v["etag"] != o.ETag || v["lastModified"] == nil {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "newest first within a key, keys in the order of their bytes, on pages of every size", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			var want []string
			for _, k := range []string{"A", "a", "a/b", "é", "🪣"} {
				var ids []string
				for i := range 5 {
					if i == 3 && k != "a" {
						ids = append(ids, mark(t, g.c, b, k))
					} else {
						ids = append(ids, g.put(t, b, k, fmt.Sprint(i)).VersionID)
					}
				}
				slices.Reverse(ids)
				want = append(want, ids...)
			}
			for _, size := range []int{1, 2, 3, 5, 7, 25, 1000} {
				var got []string
				for i, v := range allVersions(t, g.c, b, "", size) {
					got = append(got, v.VersionID)
					if v.IsLatest != (i%5 == 0) {
						t.Errorf("pages of %d: %s %s latest %v", size, v.Key, v.VersionID, v.IsLatest)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("pages of %d: %v, want %v", size, got, want)
				}
			}
		}},
		{says: "prefix, keyMarker and versionIdMarker", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			var ids []string
			for _, k := range []string{"a", "b/1", "b/1", "b/1", "b/2", "c"} {
				ids = append(ids, g.put(t, b, k, "x").VersionID)
			}
			for q, want := range map[string][]int{
				"prefix=b/": {3, 2, 1, 4}, "prefix=b/1": {3, 2, 1}, "keyMarker=a": {3, 2, 1, 4, 5}, "keyMarker=b/1": {4, 5}, "keyMarker=b/1&versionIdMarker=" + ids[3]: {2, 1, 4, 5},
				"keyMarker=b/1&versionIdMarker=" + ids[1]: {4, 5}, "prefix=b/&keyMarker=b/1": {4}, "keyMarker=zzz": nil, "prefix=nothing": nil, "keyMarker=b/0": {3, 2, 1, 4, 5},
			} {
				var got, wanted []string
				for _, v := range g.c.Versions(t, b, q).Versions {
					got = append(got, v.VersionID)
				}
				for _, i := range want {
					wanted = append(wanted, ids[i])
				}
				if !slices.Equal(got, wanted) {
					t.Errorf("%s: %v, want %v", q, got, wanted)
				}
			}
		}},
		{says: "markers of the wrong form are 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			for _, q := range []string{"versionIdMarker=01ARZ3NDEKTSV4RRFFQ69G5FAV", "keyMarker=%ff", "keyMarker=%00", "prefix=%ff", "keyMarker=k&versionIdMarker=%00", "prefix=a&prefix=b", "keyMarker=" + strings.Repeat("k", 1025)} {
				g.c.Call(t, "GET", harness.BucketPath(b, "/versions?"+q), nil).Is(t, 400, "invalid_request")
			}
			g.c.Call(t, "GET", harness.BucketPath("no-such-bucket", "/versions"), nil).Is(t, 404, "not_found")
		}},
		{says: "an empty listing has an empty list and no markers", check: func(t *testing.T, g *ground) {
			var l object
			g.c.Call(t, "GET", harness.BucketPath(g.bucket(t), "/versions"), nil).Want(t, 200).JSON(t, &l)
			if l["versions"] == nil || l["isTruncated"] != false || l["nextKeyMarker"] != nil || l["nextVersionIdMarker"] != nil {
				t.Errorf("%v", l)
			}
		}},
		{says: "an unversioned bucket has one version of each key, a PUT replaces it", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			one, two := g.put(t, b, "k", "one").VersionID, g.put(t, b, "k", "two").VersionID
			if l := g.c.Versions(t, b, "").Versions; len(l) != 1 || l[0].VersionID != two || !l[0].IsLatest {
				t.Errorf("%+v", l)
			}
			g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+one, nil).Is(t, 404, "not_found")
			equal(t, "null", string(g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId=null", nil).Body), "two")
		}},
		{says: "turning versioning on keeps what was there as the null version", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "before")
			suspend(t, g, b, "Enabled")
			g.put(t, b, k, "after")
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 2)
			equal(t, "null", string(g.c.Call(t, "GET", harness.ObjectPath(b, k)+"?versionId=null", nil).Body), "before")
			mark(t, g.c, b, k)
			equal(t, "null", string(g.c.Call(t, "GET", harness.ObjectPath(b, k)+"?versionId=null", nil).Body), "before")
		}},
		{says: "suspended: a PUT replaces the null version only, also one that is not current", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			kept := g.put(t, b, "k", "kept").VersionID
			suspend(t, g, b, "Suspended")
			first := g.put(t, b, "k", "null 1").VersionID
			g.put(t, b, "k", "null 2")
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 2)
			g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+first, nil).Is(t, 404, "not_found")
			suspend(t, g, b, "Enabled")
			g.put(t, b, "k", "newest")
			suspend(t, g, b, "Suspended")
			g.put(t, b, "k", "null 3") // the null version was not the current one
			var bodies []string
			for _, v := range g.c.Versions(t, b, "").Versions {
				bodies = append(bodies, string(g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+v.VersionID, nil).Body))
			}
			if !slices.Equal(bodies, []string{"null 3", "newest", "kept"}) {
				t.Errorf("%q", bodies)
			}
			equal(t, "kept", string(g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+kept, nil).Body), "kept")
		}},
		{says: "suspended: DELETE puts a marker in place of the null version", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "k", "kept")
			suspend(t, g, b, "Suspended")
			g.put(t, b, "k", "null")
			m := mark(t, g.c, b, "k")
			l := g.c.Versions(t, b, "").Versions
			if len(l) != 2 || l[0].VersionID != m || !l[0].DeleteMarker || l[1].DeleteMarker {
				t.Errorf("%+v", l)
			}
			remove(t, g.c, b, "k", "") // again: at most the marker is replaced
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 2)
			remove(t, g.c, b, "k", "null").Want(t, 204)
			equal(t, "object", string(g.get(t, b, "k").Body), "kept")
		}},
		{says: "null names the null version in every ?versionId=, and is 404 without one", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			suspend(t, g, b, "Enabled")
			g.put(t, b, k, "y")
			g.c.Call(t, "PUT", harness.KeyPath(b, "object-tags", k)+"?versionId=null", object{"tags": object{"a": "1"}}).Want(t, 200)
			equal(t, "tags of null", tagsOf(t, g.c, b, k, "null")["a"], "1")
			equal(t, "tags of the current", len(tagsOf(t, g.c, b, k, "")), 0)
			copyTo(t, g.c, b, k, b, "c", "sourceVersionId", "null").Want(t, 201)
			equal(t, "copy", string(g.get(t, b, "c").Body), "x")
			remove(t, g.c, b, k, "null").Want(t, 204)
			g.c.Call(t, "GET", harness.ObjectPath(b, k)+"?versionId=null", nil).Is(t, 404, "not_found")
			equal(t, "current", string(g.get(t, b, k).Body), "y")
		}},
		{says: "every write to a versioned bucket has another versionId, also at once", check: func(t *testing.T, g *ground) {
			b, ids := g.bucket(t, "versioning", true), make([]string, 20)
			parallel(t, len(ids), func(i int) { ids[i] = g.put(t, b, "k", fmt.Sprint(i)).VersionID })
			slices.Sort(ids)
			equal(t, "ids", len(slices.Compact(ids)), 20)
			all := allVersions(t, g.c, b, "", 7)
			equal(t, "versions", len(all), 20)
			equal(t, "the current one is the newest listed", all[0].VersionID, g.get(t, b, "k").Header.Get("X-Lockwell-Version-Id"))
		}},
		{says: "one key with 300 versions pages without a gap", check: func(t *testing.T, g *ground) {
			n := 60
			if harness.Full() {
				n = 300
			}
			b := g.bucket(t, "versioning", true)
			for start := 0; start < n; start += 20 {
				parallel(t, 20, func(i int) { g.put(t, b, "k", fmt.Sprint(start+i)) })
			}
			g.put(t, b, "l", "x")
			all := allVersions(t, g.c, b, "", 11)
			equal(t, "versions", len(all), n+1)
			equal(t, "last", all[n].Key, "l")
		}},
		{says: "a bucket counts the bytes of its versions", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			v := g.put(t, b, "k", strings.Repeat("x", 100)).VersionID
			g.put(t, b, "k", strings.Repeat("x", 50))
			eventually(t, "150 bytes", func() bool { _, size := g.c.Usage(t, b); return size == 150 })
			remove(t, g.c, b, "k", v).Want(t, 204)
			eventually(t, "50 bytes", func() bool { _, size := g.c.Usage(t, b); return size == 50 })
		}},
	}
}
