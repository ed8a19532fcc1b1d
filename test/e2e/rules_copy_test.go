package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// copyTo copies bucket/key; more are more members of the request.
func copyTo(t *testing.T, c *harness.Client, bucket, key, to, as string, more ...any) harness.Response {
	t.Helper()
	body := object{"sourceBucket": bucket, "sourceKey": key}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return c.Call(t, http.MethodPost, harness.KeyPath(to, "object-copy", as), body)
}

func copyRules() []rule {
	return []rule{
		{says: "a copy moves no bytes", alone: true, check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			data := randomBytes(t, 20<<20)
			g.put(t, b, "k", data)
			messages, bytes := g.w.Stored(t)
			for _, as := range []string{"c1", "c2", "c3"} {
				copyTo(t, g.c, b, "k", b, as).Want(t, 201)
			}
			afterMessages, afterBytes := g.w.Stored(t)
			if afterMessages != messages || afterBytes > bytes {
				t.Errorf("three copies of 20 MiB wrote %d messages, %d bytes", afterMessages-messages, int64(afterBytes)-int64(bytes))
			}
			equal(t, "bytes of a copy", string(g.get(t, b, "c3").Body) == string(data), true)
		}},
		{says: "201 like PUT, with all that the source has", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			sums := nineSums(t)
			src := g.put(t, b, "k", nine, "Content-Type", "text/plain", "Cache-Control", "no-cache", "X-Lockwell-Meta-A", "1", "X-Lockwell-Tags", "t=1", "X-Lockwell-Checksum-CRC32", sums["CRC32"])
			r := copyTo(t, g.c, b, "k", b, "dir/copy").Want(t, 201)
			o := r.Object(t)
			if o.Bucket != b || o.Key != "dir/copy" || o.Size != 9 || o.ETag != src.ETag || o.ContentType != "text/plain" || o.VersionID == src.VersionID || o.VersionID == "" || o.Checksums["crc32"] != sums["CRC32"] || o.Encryption != "AES256" || o.StorageClass != "STANDARD" {
				t.Errorf("%s", r.Body)
			}
			equal(t, "ETag", r.Header.Get("ETag"), src.ETag)
			got := g.get(t, b, "dir/copy").Want(t, 200)
			if string(got.Body) != nine || got.Header.Get("Cache-Control") != "no-cache" || got.Header.Get("X-Lockwell-Meta-A") != "1" || got.Header.Get("X-Lockwell-Tag-Count") != "1" {
				t.Errorf("%q %v", got.Body, got.Header)
			}
		}},
		{says: "sourceVersionId copies that version", check: func(t *testing.T, g *ground) {
			b, to := g.bucket(t, "versioning", true), g.bucket(t)
			one := g.put(t, b, "k", "one").VersionID
			g.put(t, b, "k", "two")
			mark(t, g.c, b, "k")
			copyTo(t, g.c, b, "k", to, "c", "sourceVersionId", one).Want(t, 201)
			equal(t, "copy", string(g.get(t, to, "c").Body), "one")
			copyTo(t, g.c, b, "k", to, "c").Is(t, 404, "not_found") // a marker is current
			copyTo(t, g.c, b, "k", to, "c", "sourceVersionId", "01ARZ3NDEKTSV4RRFFQ69G5FAV").Is(t, 404, "not_found")
		}},
		{says: "metadataDirective COPY takes no metadata, REPLACE takes all from the body", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "k", nine, "Content-Type", "text/plain", "Cache-Control", "no-cache", "X-Lockwell-Meta-A", "1", "X-Lockwell-Tags", "t=1")
			copyTo(t, g.c, b, "k", b, "same", "metadataDirective", "COPY").Want(t, 201)
			equal(t, "same", g.get(t, b, "same").Header.Get("X-Lockwell-Meta-A"), "1")
			copyTo(t, g.c, b, "k", b, "c", "contentType", "text/html").Is(t, 400, "invalid_request")
			copyTo(t, g.c, b, "k", b, "c", "metadataDirective", "COPY", "metadata", object{"b": "2"}).Is(t, 400, "invalid_request")
			copyTo(t, g.c, b, "k", b, "c", "metadataDirective", "REPLACE", "contentType", "text/html", "metadata", object{"b": "2", "C-D": "3"}).Want(t, 201)
			h := g.get(t, b, "c").Want(t, 200).Header
			for name, want := range map[string]string{"Content-Type": "text/html", "X-Lockwell-Meta-A": "", "X-Lockwell-Meta-B": "2", "X-Lockwell-Meta-C-D": "3", "Cache-Control": "", "X-Lockwell-Tag-Count": "1"} {
				if name == "Cache-Control" && h.Get(name) == "no-cache" {
					continue // the document's body has no word for it; kept or dropped
				}
				equal(t, name, h.Get(name), want)
			}
			copyTo(t, g.c, b, "k", b, "bare", "metadataDirective", "REPLACE").Want(t, 201)
			equal(t, "bare", g.get(t, b, "bare").Header.Get("Content-Type"), "application/octet-stream")
			copyTo(t, g.c, b, "k", b, "c", "metadataDirective", "MERGE").Is(t, 400, "invalid_request")
		}},
		{says: "metadata of a copy has the limits of a PUT's", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			for _, m := range []any{object{"a": string(make([]byte, 3000))}, object{"": "x"}, object{"a": 7}, []string{"a"}, object{"a b": "x"}, object{"a": "x\ny"}, object{"A": "1", "a": "2"}} {
				copyTo(t, g.c, b, k, b, "c", "metadataDirective", "REPLACE", "metadata", m).Is(t, 400, "invalid_request")
			}
			absent(t, g.c, b, "c")
		}},
		{says: "source preconditions by ETag: 412", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			etag := g.put(t, b, "k", "x").ETag
			copyTo(t, g.c, b, "k", b, "c", "ifMatch", `"other"`).Is(t, 412, "precondition_failed")
			copyTo(t, g.c, b, "k", b, "c", "ifNoneMatch", etag).Is(t, 412, "precondition_failed")
			copyTo(t, g.c, b, "k", b, "c", "ifNoneMatch", "*").Is(t, 412, "precondition_failed")
			absent(t, g.c, b, "c")
			copyTo(t, g.c, b, "k", b, "c", "ifMatch", etag).Want(t, 201)
			copyTo(t, g.c, b, "k", b, "c", "ifMatch", "*", "ifNoneMatch", `"other"`).Want(t, 201)
		}},
		{says: "source preconditions by date: 412", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			past, future := in(-time.Hour), in(time.Hour)
			copyTo(t, g.c, b, k, b, "c", "ifModifiedSince", future).Is(t, 412, "precondition_failed")
			copyTo(t, g.c, b, k, b, "c", "ifUnmodifiedSince", past).Is(t, 412, "precondition_failed")
			absent(t, g.c, b, "c")
			copyTo(t, g.c, b, k, b, "c", "ifModifiedSince", past, "ifUnmodifiedSince", future).Want(t, 201)
			copyTo(t, g.c, b, k, b, "c", "ifModifiedSince", "yesterday").Is(t, 400, "invalid_request")
		}},
		{says: "requireAbsent is 412 when the destination is there", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			copyTo(t, g.c, b, k, b, "c", "requireAbsent", true).Want(t, 201)
			copyTo(t, g.c, b, k, b, "c", "requireAbsent", true).Is(t, 412, "precondition_failed")
			copyTo(t, g.c, b, k, b, "c", "requireAbsent", false).Want(t, 201)
		}},
		{says: "of many racing copies with requireAbsent exactly one wins", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			won := make([]bool, 16)
			parallel(t, len(won), func(i int) {
				r := copyTo(t, g.c, b, k, b, "c", "requireAbsent", true)
				if won[i] = r.Status == 201; !won[i] {
					r.Is(t, 412, "precondition_failed")
				}
			})
			n := 0
			for _, w := range won {
				if w {
					n++
				}
			}
			equal(t, "winners", n, 1)
		}},
		{says: "requireMatchEtag is 412 when the destination differs or is absent", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			copyTo(t, g.c, b, k, b, "c", "requireMatchEtag", `"other"`).Is(t, 412, "precondition_failed")
			etag := g.put(t, b, "c", "before").ETag
			copyTo(t, g.c, b, k, b, "c", "requireMatchEtag", `"other"`).Is(t, 412, "precondition_failed")
			copyTo(t, g.c, b, k, b, "c", "requireMatchEtag", etag).Want(t, 201)
			equal(t, "object", string(g.get(t, b, "c").Body), "x")
		}},
		{says: "what is not there is 404: source bucket, source key, destination bucket", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			copyTo(t, g.c, "no-such-bucket", k, b, "c").Is(t, 404, "not_found")
			copyTo(t, g.c, b, "nothing", b, "c").Is(t, 404, "not_found")
			copyTo(t, g.c, b, k, "no-such-bucket", "c").Is(t, 404, "not_found")
			absent(t, g.c, b, "c")
		}},
		{says: "a copy across tenants is impossible: 404", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			other := account(t, g.w)
			own := newBucket(t, other)
			theirs, nobodys := copyTo(t, other, b, k, own, "c"), copyTo(t, other, "no-such-bucket", k, own, "c")
			sameAnswer(t, "source", theirs.Is(t, 404, "not_found"), nobodys)
			other.Put(t, own, "k", "x", nil)
			sameAnswer(t, "destination", copyTo(t, other, own, "k", b, "c").Is(t, 404, "not_found"), copyTo(t, other, own, "k", "no-such-bucket", "c"))
		}},
		{says: "a copy onto itself is allowed, and in a versioned bucket a new version", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "k", "x")
			copyTo(t, g.c, b, "k", b, "k", "metadataDirective", "REPLACE", "contentType", "text/html").Want(t, 201)
			equal(t, "type", g.get(t, b, "k").Header.Get("Content-Type"), "text/html")
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 2)
		}},
		{says: "a copy stands on its own: the source may go or change", check: func(t *testing.T, g *ground) {
			b, to := g.bucket(t), g.bucket(t)
			data := randomBytes(t, 2<<20)
			g.put(t, b, "k", data)
			copyTo(t, g.c, b, "k", to, "c").Want(t, 201)
			g.put(t, b, "k", "over")
			remove(t, g.c, b, "k", "").Want(t, 204)
			g.c.Call(t, "DELETE", harness.BucketPath(b, ""), nil).Want(t, 204)
			equal(t, "copy", string(g.get(t, to, "c").Body) == string(data), true)
		}},
		{says: "retention is not copied; the destination's default applies", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			to := g.bucket(t, "objectLock", true, "defaultRetention", object{"mode": "GOVERNANCE", "days": 1})
			g.put(t, b, "k", "x", "X-Lockwell-Retention-Mode", "COMPLIANCE", "X-Lockwell-Retain-Until", in(time.Minute), "X-Lockwell-Legal-Hold", "ON")
			copyTo(t, g.c, b, "k", to, "c").Want(t, 201)
			h := g.get(t, to, "c").Header
			equal(t, "mode", h.Get("X-Lockwell-Retention-Mode"), "GOVERNANCE")
			if hold := h.Get("X-Lockwell-Legal-Hold"); hold == "ON" {
				t.Error("the hold was copied")
			}
			copyTo(t, g.c, b, "k", b, "c").Want(t, 201)
			equal(t, "mode", g.get(t, b, "c").Header.Get("X-Lockwell-Retention-Mode"), "")
		}},
		{says: "into another region the server streams it", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			far := newBucket(t, c, "region", "eu-west1", "versioning", true)
			data := randomBytes(t, 1<<20)
			src := c.Put(t, b, "k", data, http.Header{"X-Lockwell-Meta-A": {"1"}, "X-Lockwell-Tags": {"t=1"}}).Object(t)
			o := copyTo(t, c, b, "k", far, "c", "ifMatch", src.ETag, "requireAbsent", true).Want(t, 201).Object(t)
			equal(t, "etag", o.ETag, src.ETag)
			r := c.Get(t, far, "c", nil).Want(t, 200)
			if string(r.Body) != string(data) || r.Header.Get("X-Lockwell-Meta-A") != "1" || r.Header.Get("X-Lockwell-Tag-Count") != "1" {
				t.Errorf("%d bytes, %v", len(r.Body), r.Header)
			}
			copyTo(t, c, b, "k", far, "c", "requireAbsent", true).Is(t, 412, "precondition_failed")
			copyTo(t, c, b, "k", far, "c", "ifMatch", `"other"`).Is(t, 412, "precondition_failed")
			copyTo(t, c, far, "c", b, "back", "sourceVersionId", o.VersionID).Want(t, 201)
		}},
		{says: "a copy counts in its bucket", check: func(t *testing.T, g *ground) {
			b, to := g.bucket(t), g.bucket(t)
			g.put(t, b, "k", nine)
			copyTo(t, g.c, b, "k", to, "c").Want(t, 201)
			eventually(t, "1 object of 9 bytes", func() bool { n, size := g.c.Usage(t, to); return n == 1 && size == 9 })
		}},
		{says: "a body of the wrong form is 400", check: func(t *testing.T, g *ground) {
			b, _ := g.key(t, "x")
			for _, body := range []string{``, `[]`, `{}`, `{"sourceBucket":"` + b + `"}`, `{"sourceKey":"k"}`, `{"sourceBucket":7,"sourceKey":"k"}`, `{"sourceBucket":"` + b + `","sourceKey":"k","requireAbsent":"yes"}`, `{"sourceBucket":"` + b + `","sourceKey":"k","ifMatch":7}`, `{"sourceBucket":"` + b + `","sourceKey":"k","requireMatchEtag":"unquoted"}`} {
				g.c.Call(t, "POST", harness.KeyPath(b, "object-copy", "c"), body).Is(t, 400, "")
			}
			absent(t, g.c, b, "c")
		}},
	}
}
