package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// marker is the answer of a DELETE that put a delete marker.
type marker struct {
	DeleteMarker bool
	VersionID    string
}

func remove(t *testing.T, c *harness.Client, bucket, key, version string) harness.Response {
	t.Helper()
	path := harness.ObjectPath(bucket, key)
	if version != "" {
		path += "?versionId=" + version
	}
	return c.Call(t, http.MethodDelete, path, nil)
}

func mark(t *testing.T, c *harness.Client, bucket, key string) string {
	t.Helper()
	var m marker
	r := remove(t, c, bucket, key, "").Want(t, 200)
	r.JSON(t, &m)
	if !m.DeleteMarker || m.VersionID == "" {
		t.Fatalf("%s", r.Body)
	}
	return m.VersionID
}

func batch(t *testing.T, c *harness.Client, bucket string, objects ...object) []deleted {
	t.Helper()
	return results(t, c.Call(t, http.MethodPost, harness.BucketPath(bucket, "/objects:batchDelete"), object{"objects": objects}))
}

func deleteRules() []rule {
	return []rule{
		{says: "in an unversioned bucket DELETE is 204 and the object is gone", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			equal(t, "body", len(remove(t, g.c, b, k, "").Want(t, 204).Body), 0)
			absent(t, g.c, b, k)
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 0)
		}},
		{says: "in a versioned one it is 200 with the marker's versionId", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			v := g.put(t, b, "k", "x").VersionID
			m := mark(t, g.c, b, "k")
			absent(t, g.c, b, "k")
			g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+v, nil).Want(t, 200)
			if l := g.c.Versions(t, b, "").Versions; len(l) != 2 || l[0].VersionID != m || !l[0].DeleteMarker || !l[0].IsLatest || l[1].IsLatest {
				t.Errorf("%+v", l)
			}
		}},
		{says: "?versionId= removes that version for good: 204", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			one, two := g.put(t, b, "k", "one").VersionID, g.put(t, b, "k", "two").VersionID
			remove(t, g.c, b, "k", two).Want(t, 204)
			equal(t, "the one before is current", string(g.get(t, b, "k").Body), "one")
			g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+two, nil).Is(t, 404, "not_found")
			remove(t, g.c, b, "k", one).Want(t, 204)
			g.get(t, b, "k").Is(t, 404, "not_found")
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 0)
		}},
		{says: "removing the marker brings the object back", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "k", "x")
			m := mark(t, g.c, b, "k")
			g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+m, nil).Is(t, 404, "not_found")
			remove(t, g.c, b, "k", m).Want(t, 204)
			equal(t, "object", string(g.get(t, b, "k").Body), "x")
		}},
		{says: "deleting what is not there is 204; in a versioned bucket it puts a marker", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			remove(t, g.c, b, "nothing", "").Want(t, 204)
			remove(t, g.c, b, "nothing", "01ARZ3NDEKTSV4RRFFQ69G5FAV").Want(t, 204)
			v := g.bucket(t, "versioning", true)
			remove(t, g.c, v, "nothing", "01ARZ3NDEKTSV4RRFFQ69G5FAV").Want(t, 204)
			equal(t, "versions", len(g.c.Versions(t, v, "").Versions), 0)
			if r := remove(t, g.c, v, "nothing", ""); r.Status != 204 {
				equal(t, "status", r.Status, 200) // a marker, as S3 does
			}
		}},
		{says: "batchDelete answers in the order of the request, absent keys as deleted", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			var objects []object
			for i := range 30 {
				if i%3 != 0 {
					g.put(t, b, fmt.Sprint(i), "x")
				}
				objects = append(objects, object{"key": fmt.Sprint(i)})
			}
			for i, r := range batch(t, g.c, b, objects...) {
				if r.Key != fmt.Sprint(i) || !r.Deleted || r.DeleteMarker || r.Error.Code != "" {
					t.Errorf("%d: %+v", i, r)
				}
			}
			equal(t, "keys", len(g.c.ListAll(t, b)), 0)
		}},
		{says: "batchDelete puts markers, removes versions, and says which", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			v := g.put(t, b, "v", "x").VersionID
			g.put(t, b, "m", "x")
			res := batch(t, g.c, b, object{"key": "m"}, object{"key": "v", "versionId": v}, object{"key": "v", "versionId": "01ARZ3NDEKTSV4RRFFQ69G5FAV"})
			if len(res) != 3 || !res[0].Deleted || !res[0].DeleteMarker || res[0].VersionID != "" || res[0].DeleteMarkerVersionID == "" || !res[1].Deleted || res[1].DeleteMarker || res[1].VersionID != v || !res[2].Deleted {
				t.Errorf("%+v", res)
			}
			if l := g.c.Versions(t, b, "").Versions; len(l) != 2 || l[0].Key != "m" || l[0].VersionID != res[0].DeleteMarkerVersionID {
				t.Errorf("%+v", l)
			}
		}},
		{says: "a key named twice has two results and is deleted once", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "k", "x")
			res := batch(t, g.c, b, object{"key": "k"}, object{"key": "k"})
			if len(res) != 2 || !res[0].Deleted || !res[1].Deleted {
				t.Errorf("%+v", res)
			}
			eventually(t, "nothing is counted twice", func() bool { n, size := g.c.Usage(t, b); return n == 0 && size == 0 })
		}},
		{says: "1 to 1000 objects, else 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "00999", "x")
			var objects []object
			for i := range 1001 {
				objects = append(objects, object{"key": fmt.Sprintf("%05d", i)})
			}
			path := harness.BucketPath(b, "/objects:batchDelete")
			g.c.Call(t, "POST", path, object{"objects": objects}).Is(t, 400, "invalid_request")
			g.c.Call(t, "POST", path, object{"objects": []object{}}).Is(t, 400, "invalid_request")
			g.get(t, b, "00999").Want(t, 200)
			res := batch(t, g.c, b, objects[:1000]...)
			equal(t, "results", len(res), 1000)
			equal(t, "last", res[999].Key, "00999")
			absent(t, g.c, b, "00999")
		}},
		{says: "1000 keys of 1024 bytes fit", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			var objects []object
			for i := range 1000 {
				objects = append(objects, object{"key": fmt.Sprintf("%s%04d", strings.Repeat("k", 1020), i)})
			}
			r := g.c.Call(t, "POST", harness.BucketPath(b, "/objects:batchDelete"), object{"objects": objects})
			equal(t, "results", len(results(t, r)), 1000)
		}},
		{says: "one that fails says why in its place, the others are done", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			held := g.put(t, b, "held", "x", "X-Lockwell-Legal-Hold", "ON").VersionID
			free := g.put(t, b, "free", "x").VersionID
			res := batch(t, g.c, b, object{"key": "held", "versionId": held}, object{"key": "free", "versionId": free})
			if len(res) != 2 || res[0].Error.Code != "object_locked" || res[0].Error.Message == "" || res[0].Deleted || res[0].VersionID != held || !res[1].Deleted {
				t.Errorf("%+v", res)
			}
		}},
		{says: "a body of the wrong form is 400, an unknown bucket 404", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, body := range []string{``, `[]`, `{}`, `{"objects":{}}`, `{"objects":["k"]}`, `{"objects":[{"key":7}]}`, `{"objects":null}`, `{"objects":[{"key":"k","versionId":7}]}`} {
				g.c.Call(t, "POST", harness.BucketPath(b, "/objects:batchDelete"), body).Is(t, 400, "invalid_request")
			}
			g.c.Call(t, "POST", harness.BucketPath("no-such-bucket", "/objects:batchDelete"), object{"objects": []object{{"key": "k"}}}).Is(t, 404, "not_found")
			g.c.Call(t, "GET", harness.BucketPath(b, "/objects:batchDelete"), nil).Is(t, 405, "method_not_allowed")
		}},
	}
}
