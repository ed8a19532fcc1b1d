package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// wireBucket is a Bucket of the document.
type wireBucket struct {
	Name, Versioning, Region string
	ObjectLock               bool
	CreatedAt                time.Time
	DefaultRetention         *struct {
		Mode string
		Days int
	}
	ObjectCount, Bytes int64
}

func makeBucket(t *testing.T, c *harness.Client, body any) harness.Response {
	t.Helper()
	return c.Call(t, http.MethodPost, "/api/v1/buckets", body)
}

func bucketRules() []rule {
	return []rule{
		{says: "GET /buckets gives all of the account, by name", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			var none, l struct{ Buckets []wireBucket }
			r := c.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200)
			if r.JSON(t, &none); none.Buckets == nil || len(none.Buckets) != 0 {
				t.Errorf("an account without buckets: %s", r.Body)
			}
			want := []string{"b-1", "b.1", "b11", "ba", "zz-last", "0-first"}
			for _, n := range want {
				c.Bucket(t, "x"+n)
			}
			c.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200).JSON(t, &l)
			var got []string
			for _, b := range l.Buckets {
				got = append(got, b.Name[1:])
			}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		}},
		{says: "POST answers 201 with Location and the Bucket", check: func(t *testing.T, g *ground) {
			r := makeBucket(t, g.c, object{"name": "made-here"}).Want(t, 201)
			var b wireBucket
			r.JSON(t, &b)
			if b.Name != "made-here" || b.Versioning != "Unversioned" || b.ObjectLock || b.Region != "us-central1" || time.Since(b.CreatedAt) > time.Minute || b.DefaultRetention != nil {
				t.Errorf("%s", r.Body)
			}
			equal(t, "Location", r.Header.Get("Location"), g.w.URL+"/api/v1/buckets/made-here")
			g.c.Call(t, "GET", strings.TrimPrefix(r.Header.Get("Location"), g.w.URL), nil).Want(t, 200)
		}},
		{says: "a name that the account has is 409 bucket_exists", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			makeBucket(t, g.c, object{"name": b}).Is(t, 409, "bucket_exists")
			makeBucket(t, g.c, object{"name": b, "versioning": true}).Is(t, 409, "bucket_exists")
		}},
		{says: "of many that make the same bucket at once one does", check: func(t *testing.T, g *ground) {
			status := make([]int, 8)
			parallel(t, len(status), func(i int) { status[i] = makeBucket(t, g.c, object{"name": "raced-for"}).Status })
			slices.Sort(status)
			if status[0] != 201 || status[1] != 409 || status[7] != 409 {
				t.Errorf("%v", status)
			}
		}},
		{says: "names are unique per account, not across accounts", check: func(t *testing.T, g *ground) {
			a, b := account(t, g.w), account(t, g.w)
			a.Bucket(t, "same-name")
			b.Bucket(t, "same-name")
			a.Put(t, "same-name", "k", "of a", nil)
			b.Get(t, "same-name", "k", nil).Is(t, 404, "not_found")
			b.Call(t, "DELETE", harness.BucketPath("same-name", ""), nil).Want(t, 204)
			equal(t, "a's", string(a.Get(t, "same-name", "k", nil).Body), "of a")
		}},
		{says: "names that the S3 rules allow are taken", check: func(t *testing.T, g *ground) {
			for _, n := range []string{"abc", "a-c", "a.c", "0bc", "123", "a1.b2-c3", strings.Repeat("a", 63), "1.2.3", "1.2.3.4.5", "a--b"} {
				if r := makeBucket(t, g.c, object{"name": n}); r.Status != 201 {
					t.Errorf("%q: %d %s", n, r.Status, r.Body)
				}
			}
		}},
		{says: "other names are 400 invalid_bucket_name", check: func(t *testing.T, g *ground) {
			for _, n := range []string{
				"", "a", "ab", strings.Repeat("a", 64), "Abc", "a_c", "-abc", "abc-", ".abc", "abc.", "a..c", "10.0.0.1", "192.168.5.4", "a c", "a/c", "ünï", "a\x00c", "abc\n", "xn--abc", "abc-s3alias",
			} {
				r := makeBucket(t, g.c, object{"name": n})
				if r.Status != 400 || r.Code() != "invalid_bucket_name" {
					t.Errorf("%q: %d %s", n, r.Status, r.Body)
				}
			}
		}},
		{says: "a body of the wrong form is 400", check: func(t *testing.T, g *ground) {
			for _, body := range []string{
				``, `[]`, `{`, `{"name":7}`, `{"name":"cut`, `{"name":"aaa"}{"name":"bbb"}`, "{\"name\":\"a\xff\xfeb\"}", strings.Repeat("[", 100000),
				`{"name":"abc-x","versioning":"yes"}`, `{"name":"abc-x","objectLock":1}`, `{"name":"abc-x","region":"atlantis"}`, `{"name":"abc-x","region":7}`,
			} {
				makeBucket(t, g.c, body).Is(t, 400, "invalid_request")
			}
			makeBucket(t, g.c, `{}`).Is(t, 400, "")
			makeBucket(t, g.c, `{"name":null}`).Is(t, 400, "")
			if r := makeBucket(t, g.c, `{"name":"`+strings.Repeat("x", 2<<20)+`"}`); r.Status != 413 && r.Status != 400 {
				t.Errorf("2 MiB: %d", r.Status)
			}
			g.c.Call(t, "GET", harness.BucketPath("abc-x", ""), nil).Is(t, 404, "not_found")
		}},
		{says: "versioning: true makes an Enabled bucket, the same string in both places", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			equal(t, "status", status(t, g.c, b), "Enabled")
			var w wireBucket
			g.c.Call(t, "GET", harness.BucketPath(b, ""), nil).Want(t, 200).JSON(t, &w)
			equal(t, "versioning", w.Versioning, "Enabled")
		}},
		{says: "object lock implies versioning Enabled", check: func(t *testing.T, g *ground) {
			for i, v := range []any{nil, true, false} {
				body := object{"name": fmt.Sprintf("locked-%d", i), "objectLock": true}
				if v != nil {
					body["versioning"] = v
				}
				var w wireBucket
				r := makeBucket(t, g.c, body)
				if v == false && r.Status == 400 {
					continue // a contradiction may be refused
				}
				r.Want(t, 201).JSON(t, &w)
				if !w.ObjectLock || w.Versioning != "Enabled" {
					t.Errorf("versioning %v: %s", v, r.Body)
				}
			}
		}},
		{says: "defaultRetention is stored with object lock, and is 400 without it or malformed", check: func(t *testing.T, g *ground) {
			var w wireBucket
			makeBucket(t, g.c, object{"name": "retains", "objectLock": true, "defaultRetention": object{"mode": "COMPLIANCE", "days": 7}}).Want(t, 201)
			g.c.Call(t, "GET", harness.BucketPath("retains", ""), nil).Want(t, 200).JSON(t, &w)
			if w.DefaultRetention == nil || w.DefaultRetention.Mode != "COMPLIANCE" || w.DefaultRetention.Days != 7 {
				t.Errorf("%+v", w.DefaultRetention)
			}
			makeBucket(t, g.c, object{"name": "retains-not", "defaultRetention": object{"mode": "COMPLIANCE", "days": 7}}).Is(t, 400, "")
			for _, d := range []any{object{"mode": "FOREVER", "days": 7}, object{"mode": "GOVERNANCE", "days": 0}, object{"mode": "GOVERNANCE", "days": -1}, object{"mode": "GOVERNANCE", "days": 36501}, object{"days": 1}, object{"mode": "GOVERNANCE"}, 7, "x", object{"mode": "GOVERNANCE", "days": 1.5}} {
				makeBucket(t, g.c, object{"name": "retains-not", "objectLock": true, "defaultRetention": d}).Is(t, 400, "invalid_request")
			}
		}},
		{says: "region is one of the deployment's, and is kept", check: func(t *testing.T, g *ground) {
			c := account(t, g.tight)
			for i, region := range []string{"us-central1", "eu-west1"} {
				var w wireBucket
				makeBucket(t, c, object{"name": fmt.Sprintf("region-%d", i), "region": region}).Want(t, 201)
				c.Call(t, "GET", harness.BucketPath(fmt.Sprintf("region-%d", i), ""), nil).Want(t, 200).JSON(t, &w)
				equal(t, "region", w.Region, region)
				c.Put(t, w.Name, "k", nine, nil)
				equal(t, "object", string(c.Get(t, w.Name, "k", nil).Body), nine)
			}
			makeBucket(t, c, object{"name": "region-x", "region": "EU-WEST1"}).Is(t, 400, "invalid_request")
		}},
		{says: "GET of a bucket counts its objects and bytes", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "a", strings.Repeat("x", 1000))
			g.put(t, b, "b", strings.Repeat("x", 500))
			g.put(t, b, "a", strings.Repeat("y", 200))
			eventually(t, "2 objects of 700 bytes", func() bool { n, size := g.c.Usage(t, b); return n == 2 && size == 700 })
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "b"), nil).Want(t, 204)
			eventually(t, "1 object of 200 bytes", func() bool { n, size := g.c.Usage(t, b); return n == 1 && size == 200 })
		}},
		{says: "DELETE of an empty bucket is 204, then it is 404 and may be made again", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "k", "x")
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "k"), nil).Want(t, 204)
			g.c.Call(t, "DELETE", harness.BucketPath(b, ""), nil).Want(t, 204)
			for _, m := range []string{"GET", "DELETE"} {
				g.c.Call(t, m, harness.BucketPath(b, ""), nil).Is(t, 404, "not_found")
			}
			g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x").Is(t, 404, "not_found")
			g.c.Bucket(t, b, "versioning", true)
			equal(t, "keys of the bucket before", len(g.c.ListAll(t, b)), 0)
		}},
		{says: "bucket_not_empty: objects, old versions, delete markers and uploads count", check: func(t *testing.T, g *ground) {
			full := func(b string) {
				t.Helper()
				g.c.Call(t, "DELETE", harness.BucketPath(b, ""), nil).Is(t, 409, "bucket_not_empty")
			}
			b := g.bucket(t, "versioning", true)
			v := g.put(t, b, "k", "x").VersionID
			full(b)
			var marker struct{ VersionID string }
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "k"), nil).Want(t, 200).JSON(t, &marker)
			full(b) // an old version and a marker
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "k")+"?versionId="+v, nil).Want(t, 204)
			full(b) // a marker
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "k")+"?versionId="+marker.VersionID, nil).Want(t, 204)
			u := g.c.Multipart(t, b, "k")
			full(b)
			u.Abort(t).Want(t, 204)
			g.c.Call(t, "DELETE", harness.BucketPath(b, ""), nil).Want(t, 204)
		}},
		{says: "versioning goes Unversioned, Enabled, Suspended and back; PUT answers the same", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			equal(t, "status", status(t, g.c, b), "Unversioned")
			for _, s := range []string{"Enabled", "Enabled", "Suspended", "Suspended", "Enabled"} {
				r := g.c.Call(t, "PUT", harness.BucketPath(b, "/versioning"), object{"status": s}).Want(t, 200)
				equal(t, "answer", strings.TrimSpace(string(r.Body)), `{"status":"`+s+`"}`)
				equal(t, "status", status(t, g.c, b), s)
			}
			fresh := g.bucket(t)
			g.c.Call(t, "PUT", harness.BucketPath(fresh, "/versioning"), object{"status": "Suspended"}).Want(t, 200)
		}},
		{says: "versioning of another word, type or bucket is 400 or 404", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, body := range []string{``, `[]`, `{}`, `{"status":"Unversioned"}`, `{"status":"enabled"}`, `{"status":""}`, `{"status":true}`, `{"status":null}`} {
				g.c.Call(t, "PUT", harness.BucketPath(b, "/versioning"), body).Is(t, 400, "invalid_request")
			}
			g.c.Call(t, "PUT", harness.BucketPath("no-such-bucket", "/versioning"), object{"status": "Enabled"}).Is(t, 404, "not_found")
			g.c.Call(t, "GET", harness.BucketPath("no-such-bucket", "/versioning"), nil).Is(t, 404, "not_found")
			equal(t, "status", status(t, g.c, b), "Unversioned")
		}},
		{says: "suspending an object-lock bucket is 409 object_lock_requires_versioning", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			g.c.Call(t, "PUT", harness.BucketPath(b, "/versioning"), object{"status": "Suspended"}).Is(t, 409, "object_lock_requires_versioning")
			g.c.Call(t, "PUT", harness.BucketPath(b, "/versioning"), object{"status": "Enabled"}).Want(t, 200)
			equal(t, "status", status(t, g.c, b), "Enabled")
		}},
	}
}

func status(t *testing.T, c *harness.Client, bucket string) string {
	t.Helper()
	var s struct{ Status string }
	c.Call(t, http.MethodGet, harness.BucketPath(bucket, "/versioning"), nil).Want(t, 200).JSON(t, &s)
	return s.Status
}
