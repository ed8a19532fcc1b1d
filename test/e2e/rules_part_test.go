package e2e_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strconv"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

func partRules() []rule {
	return []rule{
		{says: "a part answers its number, ETag and size", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			for _, body := range []string{"", nine} {
				p := u.Part(t, 7, body)
				equal(t, "etag", p.ETag, etagOf([]byte(body)))
				equal(t, "size", p.Size, int64(len(body)))
			}
			equal(t, "chunked", u.Part(t, 7, unsized([]byte(nine))).ETag, etagOf([]byte(nine)))
		}},
		{says: "n is 1 to 10000, else 400", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			for _, n := range []string{"0", "10001", "-1", "x", "1.5", "01x", "99999999999999999999", "%31%00"} {
				g.c.Call(t, "PUT", u.Path("parts/"+n), "x").Is(t, 400, "invalid_request")
			}
			u.Part(t, 1, "x")
			u.Part(t, 10000, "x")
		}},
		{says: "sending a part again replaces it, its space is given back", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			old := u.Part(t, 1, randomBytes(t, 100<<10))
			latest := u.Part(t, 1, nine)
			u.Complete(t, []harness.Part{old}).Is(t, 400, "invalid_part")
			u.Complete(t, []harness.Part{latest}).Want(t, 200)
			equal(t, "object", string(g.get(t, u.Bucket, "k").Body), nine)
			eventually(t, "9 bytes", func() bool { _, size := g.c.Usage(t, u.Bucket); return size == 9 })
		}},
		{says: "one part number sent by many at once is one of them, whole", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			parallel(t, 8, func(i int) { u.Part(t, 1, bytes.Repeat([]byte{byte('a' + i)}, 5000)) })
			parts, _, _ := u.List(t, "")
			equal(t, "parts", len(parts), 1)
			u.Complete(t, parts).Want(t, 200)
			r := g.get(t, u.Bucket, "k")
			equal(t, "whole", bytes.Count(r.Body, r.Body[:1]), 5000)
			equal(t, "its ETag", etagOf(r.Body), parts[0].ETag)
		}},
		{says: "checksums of a part are checked: 400 bad_digest, and the earlier part stays", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			for alg, sum := range nineSums(t) {
				u.Part(t, 1, nine, "X-Lockwell-Checksum-"+alg, sum)
				u.Send(t, 1, "12345678X", "X-Lockwell-Checksum-"+alg, sum).Is(t, 400, "bad_digest")
				u.Send(t, 2, unsized([]byte("x")), "X-Lockwell-Checksum-"+alg, sum).Is(t, 400, "bad_digest")
				u.Send(t, 2, nine, "X-Lockwell-Checksum-"+alg, "AAA").Is(t, 400, "invalid_request")
			}
			md := md5.Sum([]byte(nine))
			u.Part(t, 1, nine, "Content-MD5", base64.StdEncoding.EncodeToString(md[:]))
			u.Send(t, 2, "x", "Content-MD5", base64.StdEncoding.EncodeToString(md[:])).Is(t, 400, "bad_digest")
			parts, _, _ := u.List(t, "")
			if len(parts) != 1 || parts[0].ETag != etagOf([]byte(nine)) {
				t.Errorf("%+v", parts)
			}
		}},
		{says: "a part that ends early leaves nothing", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			for _, n := range []int{0, 10, 1 << 20} {
				raw := g.c.Raw(t, "PUT", u.Path("parts/1"), "Content-Length", strconv.Itoa(2<<20))
				_, _ = raw.Write(make([]byte, n))
				if status := raw.CutOff(); status/100 == 2 {
					t.Errorf("cut at %d: %d", n, status)
				}
			}
			parts, _, _ := u.List(t, "")
			equal(t, "parts", len(parts), 0)
		}},
		{says: "the list of parts goes by number, page by page", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			for _, n := range []int{9, 1, 10000, 100, 2} {
				u.Part(t, n, fmt.Sprint(n))
			}
			for _, size := range []int{1, 2, 5, 1000} {
				var got []int
				more := ""
				for {
					parts, truncated, next := u.List(t, fmt.Sprintf("maxParts=%d%s", size, more))
					for _, p := range parts {
						got = append(got, p.PartNumber)
						if p.Size != int64(len(strconv.Itoa(p.PartNumber))) || p.ETag != etagOf([]byte(strconv.Itoa(p.PartNumber))) {
							t.Errorf("%+v", p)
						}
					}
					if !truncated {
						break
					}
					more = fmt.Sprintf("&partNumberMarker=%d", next)
				}
				equal(t, "numbers", fmt.Sprint(got), "[1 2 9 100 10000]")
			}
			for _, q := range []string{"maxParts=0", "maxParts=1001", "maxParts=x", "partNumberMarker=-1", "partNumberMarker=x", "maxParts=1&maxParts=1"} {
				g.c.Call(t, "GET", u.Path("parts")+"?"+q, nil).Is(t, 400, "invalid_request")
			}
		}},
		{says: "an upload that is not there is 404 in every route", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, id := range []string{"mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV", "mpu_" + "zzzzzzzzzzzzzzzzzzzzzzzzzz", "nonsense", "mpu_"} {
				u := harness.Upload{Bucket: b, Key: "k", ID: id}.By(g.c)
				u.Send(t, 1, "x").Is(t, 404, "not_found")
				g.c.Call(t, "GET", u.Path("parts"), nil).Is(t, 404, "not_found")
				u.Abort(t).Is(t, 404, "not_found")
			}
			u := harness.Upload{Bucket: b, Key: "k", ID: "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV"}.By(g.c)
			u.Complete(t, []harness.Part{{PartNumber: 1, ETag: `"x"`}}).Is(t, 404, "not_found")
		}},
		{says: "an upload of another key or bucket is 404", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			parts := u.Parts(t, "x")
			for _, other := range []harness.Upload{{Bucket: u.Bucket, Key: "other", ID: u.ID}, {Bucket: g.bucket(t), Key: "k", ID: u.ID}, {Bucket: "no-such-bucket", Key: "k", ID: u.ID}} {
				by := other.By(g.c)
				by.Send(t, 1, "y").Is(t, 404, "not_found")
				by.Complete(t, parts).Is(t, 404, "not_found")
				by.Abort(t).Is(t, 404, "not_found")
				g.c.Call(t, "GET", by.Path("parts"), nil).Is(t, 404, "not_found")
			}
			u.Complete(t, parts).Want(t, 200)
		}},
		{says: "the object that is there stays until complete, which in a versioned bucket adds a version", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "k", "before")
			u := g.c.Multipart(t, b, "k")
			parts := u.Parts(t, "after")
			equal(t, "object", string(g.get(t, b, "k").Body), "before")
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 1)
			u.Complete(t, parts).Want(t, 200)
			equal(t, "object", string(g.get(t, b, "k").Body), "after")
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 2)
		}},
		{says: "an abandoned upload expires, and its space with it", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			u := c.Multipart(t, b, "k")
			u.Part(t, 1, randomBytes(t, tightObject))
			eventually(t, "the expiry", func() bool { return len(openUploads(t, c, b, "").Uploads) == 0 })
			gone(t, u)
			eventually(t, "the space", func() bool {
				a := c.Call(t, "PUT", harness.ObjectPath(b, "a"), make([]byte, tightObject))
				return a.Status == 201 && c.Call(t, "PUT", harness.ObjectPath(b, "b"), make([]byte, tightObject)).Status == 201
			})
			for _, k := range []string{"a", "b"} {
				remove(t, c, b, k, "").Want(t, 204)
			}
			c.Call(t, "DELETE", harness.BucketPath(b, ""), nil).Want(t, 204)
		}},
		{says: "10,000 parts make one object", check: func(t *testing.T, g *ground) {
			n := 500
			if harness.Soak() {
				n = 10000
			}
			u := g.upload(t, "k")
			body, parts := randomBytes(t, leastPart), make([]harness.Part, n)
			const workers = 16
			parallel(t, workers, func(w int) {
				for i := w; i < n; i += workers {
					part := bytes.Clone(body)
					copy(part, fmt.Sprintf("%08d", i))
					parts[i] = u.Part(t, i*10000/n+1, part)
				}
			})
			o := u.Complete(t, parts).Want(t, 200).Object(t)
			equal(t, "size", o.Size, int64(n*leastPart))
			r := g.get(t, u.Bucket, "k").Want(t, 200)
			for i := range n {
				if got := string(r.Body[i*leastPart : i*leastPart+8]); got != fmt.Sprintf("%08d", i) {
					t.Fatalf("part %d holds %q", i, got)
				}
			}
		}},
	}
}
