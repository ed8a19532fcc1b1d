package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// upload begins a multipart upload in a new bucket.
func (g *ground) upload(t *testing.T, key string, headers ...string) *harness.Upload {
	t.Helper()
	return g.c.Multipart(t, g.bucket(t), key, headers...)
}

// uploads is a listing of a bucket's open uploads.
type uploads struct {
	Uploads []struct {
		Key, UploadID string
		InitiatedAt   time.Time
	}
	IsTruncated                       bool
	NextKeyMarker, NextUploadIDMarker string
}

func openUploads(t *testing.T, c *harness.Client, bucket, query string) uploads {
	t.Helper()
	var l uploads
	c.Call(t, http.MethodGet, harness.BucketPath(bucket, "/multipart?"+query), nil).Want(t, 200).JSON(t, &l)
	return l
}

// gone wants that nothing knows an upload any more.
func gone(t *testing.T, u *harness.Upload) {
	t.Helper()
	u.Send(t, 1, "x").Is(t, 404, "not_found")
	u.Complete(t, []harness.Part{{PartNumber: 1, ETag: `"x"`}}).Is(t, 404, "not_found")
}

// etagOf is the entity tag that a part of these bytes has.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:16]) + `-1"`
}

func multipartRules() []rule {
	big := func(t *testing.T, n int) []byte { return randomBytes(t, n*leastPart) }
	return []rule{
		{says: "complete moves no bytes", alone: true, check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			parts := u.Parts(t, randomBytes(t, 9<<20), randomBytes(t, 9<<20), randomBytes(t, 100))
			messages, stored := g.w.Stored(t)
			u.Complete(t, parts).Want(t, 200)
			afterMessages, afterStored := g.w.Stored(t)
			// A large manifest would be one message; the parts' bytes are dozens.
			if afterMessages > messages+4 || afterStored > stored+64<<10 {
				t.Errorf("completing 18 MiB wrote %d messages, %d bytes", afterMessages-messages, int64(afterStored)-int64(stored))
			}
		}},
		{says: "create answers 201 with uploadId mpu_ and 26 base32 characters, bucket, key", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			r := g.c.Call(t, "POST", harness.KeyPath(b, "multipart", "dir/k"), nil).Want(t, 201)
			var all object
			r.JSON(t, &all)
			if len(all) != 3 || all["bucket"] != b || all["key"] != "dir/k" || !regexp.MustCompile(`^mpu_[0-9A-Z]{26}$`).MatchString(fmt.Sprint(all["uploadId"])) {
				t.Errorf("%s", r.Body)
			}
			absent(t, g.c, b, "dir/k")
		}},
		{says: "headers of create are stored as a PUT's", check: func(t *testing.T, g *ground) {
			b, until := g.bucket(t, "objectLock", true), in(time.Hour)
			headers := []string{
				"Content-Type", "text/x-parts", "Cache-Control", "max-age=5", "Content-Disposition", "attachment", "Content-Encoding", "x-own", "X-Lockwell-Meta-A", "1",
				"X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Legal-Hold", "ON",
			}
			u := g.c.Multipart(t, b, "k", append(slices.Clone(headers), "X-Lockwell-Tags", "t=1", "X-Lockwell-Retain-Until", until)...)
			u.Complete(t, u.Parts(t, "x")).Want(t, 200)
			h := g.get(t, b, "k").Want(t, 200).Header
			for i := 0; i < len(headers); i += 2 {
				equal(t, headers[i], h.Get(headers[i]), headers[i+1])
			}
			equal(t, "tags", h.Get("X-Lockwell-Tag-Count"), "1")
		}},
		{says: "or from a JSON body", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			var u struct{ UploadID string }
			g.c.Call(t, "POST", harness.KeyPath(b, "multipart", "k"), object{"contentType": "text/x-parts", "metadata": object{"a": "1"}, "tags": object{"t": "1"}}).Want(t, 201).JSON(t, &u)
			up := harness.Upload{Bucket: b, Key: "k", ID: u.UploadID}.By(g.c)
			up.Complete(t, up.Parts(t, "x")).Want(t, 200)
			h := g.get(t, b, "k").Header
			if h.Get("Content-Type") != "text/x-parts" || h.Get("X-Lockwell-Meta-A") != "1" || h.Get("X-Lockwell-Tag-Count") != "1" {
				t.Errorf("%v", h)
			}
			g.c.Call(t, "POST", harness.KeyPath(b, "multipart", "k"), `{"contentType":7}`).Is(t, 400, "invalid_request")
		}},
		{says: "what a PUT refuses create refuses: metadata, tags, locks, bucket", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			p := harness.KeyPath(b, "multipart", "k")
			g.c.Call(t, "POST", p, nil, "X-Lockwell-Meta-A", strings.Repeat("v", 3000)).Is(t, 400, "invalid_request")
			g.c.Call(t, "POST", p, nil, "X-Lockwell-Tags", "a=1&a=2").Is(t, 400, "invalid_request")
			g.c.Call(t, "POST", p, nil, "X-Lockwell-Legal-Hold", "ON").Is(t, 400, "object_lock_not_enabled")
			g.c.Call(t, "POST", harness.KeyPath("no-such-bucket", "multipart", "k"), nil).Is(t, 404, "not_found")
			locked := g.bucket(t, "objectLock", true)
			g.c.WithScopes(t, "write").Call(t, "POST", harness.KeyPath(locked, "multipart", "k"), nil, "X-Lockwell-Legal-Hold", "ON").Is(t, 403, "access_denied")
			equal(t, "uploads", len(openUploads(t, g.c, b, "").Uploads), 0)
		}},
		{says: "a first segment of another form than an upload's id is part of the key", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, k := range []string{"abc/complete/x", "mpu_short/complete/x", "complete/x", "parts/1/x", "mpu_" + strings.Repeat("a", 26) + "/complete/x", "x/complete", "mpu_" + strings.Repeat("A", 27) + "/complete/x"} {
				u := g.c.Multipart(t, b, k)
				u.Complete(t, u.Parts(t, k)).Want(t, 200)
				equal(t, "object", string(g.get(t, b, k).Body), k)
			}
		}},
		{says: "the object is its parts in order; ETag -N, sha256 COMPOSITE, crc64nvme whole", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			bodies := [][]byte{big(t, 1), big(t, 3), []byte("the end")}
			whole := bytes.Join(bodies, nil)
			var digests []byte
			for _, b := range bodies {
				sum := sha256.Sum256(b)
				digests = append(digests, sum[:]...)
			}
			composite := sha256.Sum256(digests)
			o := u.Complete(t, u.Parts(t, bodies[0], bodies[1], bodies[2])).Want(t, 200).Object(t)
			plain := g.put(t, u.Bucket, "plain", whole)
			if o.Size != int64(len(whole)) || o.ETag != `"`+hex.EncodeToString(composite[:16])+`-3"` || o.Bucket != u.Bucket || o.Key != "k" || o.VersionID == "" || o.Encryption != "AES256" || o.StorageClass != "STANDARD" {
				t.Errorf("%+v", o)
			}
			equal(t, "sha256", o.Checksums["sha256"], base64.StdEncoding.EncodeToString(composite[:]))
			equal(t, "crc64nvme", o.Checksums["crc64nvme"], plain.Checksums["crc64nvme"])
			equal(t, "types", o.ChecksumType["sha256"]+" "+o.ChecksumType["crc64nvme"], "COMPOSITE FULL_OBJECT")
			r := g.get(t, u.Bucket, "k").Want(t, 200)
			if !bytes.Equal(r.Body, whole) || r.Header.Get("ETag") != o.ETag || !strings.Contains(r.Header.Get("X-Lockwell-Checksum-Type"), "sha256=COMPOSITE") || r.Header.Get("X-Lockwell-Checksum-Sha256") != o.Checksums["sha256"] {
				t.Errorf("%d bytes, %v", len(r.Body), r.Header)
			}
			ranged(t, g, u.Bucket, "k", fmt.Sprintf("bytes=%d-%d", leastPart-5, leastPart+4), whole, leastPart-5, leastPart+5)
			equal(t, "type of a plain object", g.get(t, u.Bucket, "plain").Header.Get("X-Lockwell-Checksum-Type"), "")
		}},
		{says: "crc32 and crc32c are whole, sha1 composite, when every part has them", check: func(t *testing.T, g *ground) {
			u, sums := g.upload(t, "all"), nineSums(t)
			headers := []string{"X-Lockwell-Checksum-CRC32", sums["CRC32"], "X-Lockwell-Checksum-CRC32C", sums["CRC32C"], "X-Lockwell-Checksum-SHA1", sums["SHA1"]}
			o := u.Complete(t, []harness.Part{u.Part(t, 1, nine, headers...)}).Want(t, 200).Object(t)
			if o.Checksums["crc32"] != sums["CRC32"] || o.Checksums["crc32c"] != sums["CRC32C"] || o.ChecksumType["crc32"] != "FULL_OBJECT" || o.ChecksumType["sha1"] != "COMPOSITE" || o.Checksums["sha1"] == "" {
				t.Errorf("%+v", o)
			}
			u = g.c.Multipart(t, u.Bucket, "some")
			o = u.Complete(t, []harness.Part{u.Part(t, 1, big(t, 1)), u.Part(t, 2, nine, headers...)}).Want(t, 200).Object(t)
			if o.Checksums["crc32"] != "" || o.Checksums["sha1"] != "" || o.Checksums["crc64nvme"] == "" {
				t.Errorf("%+v", o)
			}
		}},
		{says: "parts may come in any order, at once, from several clients", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			other := u.By(g.c.WithScopes(t, "write"))
			const n = 24
			parts, bodies := make([]harness.Part, n), make([][]byte, n)
			for i := range bodies {
				bodies[i] = big(t, 1)
			}
			parallel(t, n, func(i int) {
				i = n - 1 - i
				by := u
				if i%2 == 0 {
					by = other
				}
				parts[i] = by.Part(t, 1+i*300, bodies[i])
			})
			u.Complete(t, parts).Want(t, 200)
			equal(t, "object", bytes.Equal(g.get(t, u.Bucket, "k").Body, bytes.Join(bodies, nil)), true)
		}},
		{says: "parts that are not listed are dropped, their space given back", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			parts := u.Parts(t, big(t, 1), big(t, 9), big(t, 1))
			o := u.Complete(t, []harness.Part{parts[0], parts[2]}).Want(t, 200).Object(t)
			equal(t, "size", o.Size, 2*leastPart)
			eventually(t, "two parts' bytes", func() bool { n, size := g.c.Usage(t, u.Bucket); return n == 1 && size == 2*leastPart })
		}},
		{says: "a list that does not ascend is 400 invalid_part_order", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			p := u.Parts(t, big(t, 1), big(t, 1), big(t, 1))
			for _, list := range [][]harness.Part{{p[1], p[0]}, {p[0], p[0]}, {p[0], p[2], p[1]}, {p[0], p[1], p[1]}} {
				u.Complete(t, list).Is(t, 400, "invalid_part_order")
			}
			absent(t, g.c, u.Bucket, "k")
			u.Complete(t, p).Want(t, 200)
		}},
		{says: "a part that was not sent, or has another etag, or no part at all, is 400 invalid_part", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			p := u.Parts(t, big(t, 1), big(t, 1))
			for _, list := range [][]harness.Part{{}, {p[0], {PartNumber: 7, ETag: p[1].ETag}}, {{PartNumber: 1, ETag: p[1].ETag}}, {{PartNumber: 1, ETag: `"x"`}}, {{PartNumber: 1}}} {
				u.Complete(t, list).Is(t, 400, "invalid_part")
			}
			for _, list := range [][]harness.Part{{{PartNumber: 0, ETag: p[0].ETag}}, {{PartNumber: 10001, ETag: p[0].ETag}}, {{PartNumber: -1, ETag: p[0].ETag}}} {
				u.Complete(t, list).Is(t, 400, "")
			}
			u.Complete(t, p).Want(t, 200)
		}},
		{says: "a part below the least size is 400 part_too_small, the last excepted", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			small, full, exact := u.Part(t, 1, randomBytes(t, leastPart-1)), u.Part(t, 2, big(t, 1)), u.Part(t, 3, "x")
			u.Complete(t, []harness.Part{small, full}).Is(t, 400, "part_too_small")
			u.Complete(t, []harness.Part{full, exact}).Want(t, 200)
			single := g.upload(t, "k")
			single.Complete(t, single.Parts(t, "")).Want(t, 200)
			equal(t, "empty object", len(g.get(t, single.Bucket, "k").Want(t, 200).Body), 0)
		}},
		{says: "the least size is 5 MiB unless set otherwise", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			u := c.Multipart(t, b, "k")
			u.Complete(t, u.Parts(t, randomBytes(t, 1<<20), "x")).Is(t, 400, "part_too_small")
			out, err := g.tight.CLI(t.Context(), "", "config", "print")
			if err != nil || !strings.Contains(strings.ReplaceAll(out, " ", ""), "min_part_size:5MiB") {
				t.Errorf("%v: config print has no min_part_size of 5 MiB:\n%s", err, out)
			}
		}},
		{says: "a list of the wrong form is 400", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			u.Part(t, 1, "x")
			for _, body := range []string{``, `[]`, `{"parts":{}}`, `{"parts":[1]}`, `{"parts":[{"partNumber":"1","etag":"x"}]}`, `{"parts":[{"partNumber":1,"etag":7}]}`, `{"parts":[{"partNumber":1.5,"etag":"x"}]}`, `{"parts":[{"partNumber":99999999999999999999,"etag":"x"}]}`, `{`} {
				g.c.Call(t, "POST", u.Path("complete"), body).Is(t, 400, "invalid_request")
			}
			for _, body := range []string{`{}`, `{"parts":null}`} {
				g.c.Call(t, "POST", u.Path("complete"), body).Is(t, 400, "")
			}
		}},
		{says: "preconditions as PUT's: 412, and the upload stays open", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			there := g.put(t, b, "k", "there").ETag
			u := g.c.Multipart(t, b, "k")
			parts := u.Parts(t, "x")
			u.Complete(t, parts, "If-None-Match", "*").Is(t, 412, "precondition_failed")
			u.Complete(t, parts, "If-Match", `"other"`).Is(t, 412, "precondition_failed")
			u.Complete(t, parts, "If-None-Match", `"x"`).Is(t, 400, "invalid_request")
			equal(t, "object", string(g.get(t, b, "k").Body), "there")
			u.Complete(t, parts, "If-Match", there).Want(t, 200)
			equal(t, "object", string(g.get(t, b, "k").Body), "x")
		}},
		{says: "of racing completions with If-None-Match: * exactly one wins", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			won := make([]bool, 6)
			parallel(t, len(won), func(i int) {
				u := g.c.Multipart(t, b, "k")
				r := u.Complete(t, u.Parts(t, fmt.Sprint(i)), "If-None-Match", "*")
				if won[i] = r.Status == 200; !won[i] {
					r.Is(t, 412, "precondition_failed")
				}
			})
			if i := slices.Index(won, true); i < 0 || slices.Contains(won[i+1:], true) {
				t.Errorf("%v", won)
			}
		}},
		{says: "completing twice with the same list gives the same answer and one version", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			u := g.c.Multipart(t, b, "k")
			parts := u.Parts(t, big(t, 1), "x")
			first := u.Complete(t, parts).Want(t, 200)
			answers := make([]harness.Response, 4)
			parallel(t, len(answers), func(i int) { answers[i] = u.Complete(t, parts) })
			for _, again := range answers {
				equal(t, "answer", string(again.Want(t, 200).Body), string(first.Body))
			}
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 1)
			g.put(t, b, "k", "over")
			equal(t, "after an overwrite", string(u.Complete(t, parts).Want(t, 200).Body), string(first.Body))
			equal(t, "object", string(g.get(t, b, "k").Body), "over")
		}},
		{says: "many completions at once make one object", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			u := g.c.Multipart(t, b, "k")
			parts, answers := u.Parts(t, big(t, 1), "x"), make([]harness.Response, 8)
			parallel(t, len(answers), func(i int) { answers[i] = u.Complete(t, parts) })
			for _, r := range answers {
				equal(t, "version", r.Want(t, 200).Object(t).VersionID, answers[0].Object(t).VersionID)
			}
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 1)
		}},
		{says: "completing again with another list is refused", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			parts := u.Parts(t, big(t, 1), big(t, 1))
			u.Complete(t, parts).Want(t, 200)
			if r := u.Complete(t, parts[:1]); r.Status != 400 && r.Status != 404 && r.Status != 409 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			u.Send(t, 3, "x").Is(t, 404, "not_found")
			equal(t, "size", g.get(t, u.Bucket, "k").Header.Get("Content-Length"), fmt.Sprint(2*leastPart))
		}},
		{says: "abort is 204, and nothing of the upload is left", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			u.Parts(t, big(t, 9), big(t, 9))
			equal(t, "body", len(u.Abort(t).Want(t, 204).Body), 0)
			gone(t, u)
			if r := u.Abort(t); r.Status != 404 && r.Status != 204 {
				t.Errorf("a second abort: %d", r.Status)
			}
			equal(t, "uploads", len(openUploads(t, g.c, u.Bucket, "").Uploads), 0)
			absent(t, g.c, u.Bucket, "k")
			eventually(t, "its space is given back", func() bool { n, size := g.c.Usage(t, u.Bucket); return n == 0 && size == 0 })
			g.c.Call(t, "DELETE", harness.BucketPath(u.Bucket, ""), nil).Want(t, 204)
		}},
		{says: "aborting what is complete takes nothing away", check: func(t *testing.T, g *ground) {
			u := g.upload(t, "k")
			u.Complete(t, u.Parts(t, "x")).Want(t, 200)
			if r := u.Abort(t); r.Status/100 == 5 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			equal(t, "object", string(g.get(t, u.Bucket, "k").Body), "x")
		}},
		{says: "GET /multipart lists the open uploads by key, oldest first, page by page", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			var want []string
			for _, k := range []string{"a", "b/1", "b/1", "b/2", "é"} {
				want = append(want, g.c.Multipart(t, b, k).ID)
			}
			done := g.c.Multipart(t, b, "done")
			done.Complete(t, done.Parts(t, "x")).Want(t, 200)
			for _, size := range []int{1, 2, 1000} {
				var got []string
				more := ""
				for {
					l := openUploads(t, g.c, b, fmt.Sprintf("maxUploads=%d%s", size, more))
					for _, u := range l.Uploads {
						got = append(got, u.UploadID)
						if time.Since(u.InitiatedAt) > time.Minute || u.Key == "" {
							t.Errorf("%+v", u)
						}
					}
					if !l.IsTruncated {
						break
					}
					more = "&keyMarker=" + url.QueryEscape(l.NextKeyMarker) + "&uploadIdMarker=" + l.NextUploadIDMarker
				}
				if !slices.Equal(got, want) {
					t.Errorf("pages of %d: %v, want %v", size, got, want)
				}
			}
			equal(t, "prefix", len(openUploads(t, g.c, b, "prefix=b/").Uploads), 3)
			for _, q := range []string{"maxUploads=0", "maxUploads=1001", "maxUploads=x", "uploadIdMarker=mpu_x", "prefix=%ff"} {
				g.c.Call(t, "GET", harness.BucketPath(b, "/multipart?"+q), nil).Is(t, 400, "invalid_request")
			}
		}},
		{says: "without uploads the list is empty, not null", check: func(t *testing.T, g *ground) {
			var l object
			g.c.Call(t, "GET", harness.BucketPath(g.bucket(t), "/multipart"), nil).Want(t, 200).JSON(t, &l)
			if l["uploads"] == nil || l["isTruncated"] == true {
				t.Errorf("%v", l)
			}
		}},
	}
}
