package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// nine is the text whose check values the catalogues of the algorithms give.
const nine = "123456789"

// nineSums are the digests of nine, by the ends of their headers' names.
func nineSums(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"CRC32": b64(t, "cbf43926"), "CRC32C": b64(t, "e3069283"), "CRC64NVME": b64(t, "ae8b14860a799888"),
		"SHA1": b64(t, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"), "SHA256": b64(t, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
	}
}

func sha(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// unsized hides a body's length, so that it is sent in chunks.
func unsized(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b)) }

func putRules() []rule {
	return append(putStoreRules(), putCheckRules()...)
}

func putStoreRules() []rule {
	return []rule{
		{says: "201 with the object, all its members", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			r := g.c.Call(t, "PUT", harness.ObjectPath(b, "dir/k"), nine, "Content-Type", "text/plain").Want(t, 201)
			var all object
			r.JSON(t, &all)
			if want := []string{"bucket", "checksums", "compression", "contentType", "createdAt", "encryption", "etag", "key", "size", "storageClass", "versionId"}; !slices.Equal(slices.Sorted(maps.Keys(all)), want) {
				t.Errorf("%s", r.Body)
			}
			o := r.Object(t)
			if o.Bucket != b || o.Key != "dir/k" || o.VersionID == "" || o.Size != 9 || o.ContentType != "text/plain" || o.Encryption != "AES256" || o.Compression != "none" || o.StorageClass != "STANDARD" || time.Since(o.CreatedAt) > time.Minute {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "the answer has the headers of a GET as well", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			r := g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), nine).Want(t, 201)
			o := r.Object(t)
			for name, want := range map[string]string{
				"ETag": o.ETag, "X-Lockwell-Version-Id": o.VersionID, "X-Lockwell-Checksum-Sha256": o.Checksums["sha256"], "X-Lockwell-Checksum-Crc64nvme": o.Checksums["crc64nvme"],
				"X-Lockwell-Encryption": "AES256", "X-Lockwell-Compression": "none", "X-Lockwell-Storage-Class": "STANDARD",
			} {
				equal(t, name, r.Header.Get(name), want)
			}
		}},
		{says: "the ETag is the first 32 hex of the SHA-256 and -1, in quotes", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, body := range []string{"", nine, strings.Repeat("long ", 1000)} {
				sum := sha256.Sum256([]byte(body))
				equal(t, "ETag", g.put(t, b, "k", body).ETag, `"`+hex.EncodeToString(sum[:16])+`-1"`)
			}
		}},
		{says: "bodies of every size come back as they went, also of unknown length", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			data := randomBytes(t, 9<<20) // two segments
			for _, n := range []int{0, 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 8 << 20, 9 << 20} {
				for name, body := range map[string]io.Reader{"sized": bytes.NewReader(data[:n]), "chunked": unsized(data[:n])} {
					o := g.put(t, b, name, body)
					if o.Size != int64(n) || o.Checksums["sha256"] != sha(data[:n]) {
						t.Errorf("%s %d: %+v", name, n, o)
					}
					if r := g.get(t, b, name); !bytes.Equal(r.Body, data[:n]) {
						t.Errorf("%s %d: %d bytes came back", name, n, len(r.Body))
					}
				}
			}
		}},
		{says: "a PUT replaces what was there, whole", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "first", "X-Lockwell-Meta-A", "1", "Content-Type", "text/plain", "X-Lockwell-Tags", "a=1")
			g.put(t, b, k, "2nd")
			r := g.get(t, b, k).Want(t, 200)
			if string(r.Body) != "2nd" || r.Header.Get("X-Lockwell-Meta-A") != "" || r.Header.Get("Content-Type") != "application/octet-stream" || r.Header.Get("X-Lockwell-Tag-Count") != "0" {
				t.Errorf("%q %v", r.Body, r.Header)
			}
		}},
		{says: "Content-Type, Cache-Control, Content-Disposition, Content-Encoding are stored", check: func(t *testing.T, g *ground) {
			headers := []string{"Content-Type", "text/x-thing; charset=utf-8", "Cache-Control", "max-age=60, private", "Content-Disposition", `attachment; filename="ü.txt"`, "Content-Encoding", "x-own"}
			b, k := g.key(t, nine, headers...)
			for _, m := range []string{"GET", "HEAD"} {
				r := g.c.Call(t, m, harness.ObjectPath(b, k), nil).Want(t, 200)
				for i := 0; i < len(headers); i += 2 {
					equal(t, m+" "+headers[i], r.Header.Get(headers[i]), headers[i+1])
				}
			}
		}},
		{says: "X-Lockwell-Meta-* is stored, names without case", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x", "x-lockwell-meta-CAMERA", "K-3", "X-Lockwell-Meta-With-Dash", "väl ue", "X-Lockwell-Meta-Empty", "")
			r := g.get(t, b, k).Want(t, 200)
			equal(t, "camera", r.Header.Get("X-Lockwell-Meta-Camera"), "K-3")
			equal(t, "with-dash", r.Header.Get("X-Lockwell-Meta-With-Dash"), "väl ue")
			if _, ok := r.Header["X-Lockwell-Meta-Empty"]; !ok {
				t.Error("an empty value is lost")
			}
		}},
		{says: "2 KiB of metadata in all, more is 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "k", "x", "X-Lockwell-Meta-A", strings.Repeat("v", 2047))
			p := harness.ObjectPath(b, "refused")
			g.c.Call(t, "PUT", p, "x", "X-Lockwell-Meta-A", strings.Repeat("v", 2048)).Is(t, 400, "invalid_request")
			g.c.Call(t, "PUT", p, "x", "X-Lockwell-Meta-A", strings.Repeat("v", 1023), "X-Lockwell-Meta-B", strings.Repeat("v", 1024)).Is(t, 400, "invalid_request")
			g.c.Call(t, "PUT", p, "x", "X-Lockwell-Meta-A", "\xff").Is(t, 400, "invalid_request")
			g.c.Call(t, "PUT", p, "x", "X-Lockwell-Meta-", "v").Is(t, 400, "invalid_request")
			absent(t, g.c, b, "refused")
		}},
		{says: "a stored header that is too long or no text is 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, name := range []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding"} {
				g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", name, strings.Repeat("x", 5000)).Is(t, 400, "invalid_request")
				g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", name, "\xff\xfe").Is(t, 400, "invalid_request")
			}
			absent(t, g.c, b, "k")
		}},
		{says: "X-Lockwell-Tags in query-string form is stored", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x", "X-Lockwell-Tags", "team=red+blue&note=a%26b%3Dc&empty=&caf%C3%A9=%F0%9F%AA%A3")
			equal(t, "count", g.get(t, b, k).Header.Get("X-Lockwell-Tag-Count"), "4")
			want := map[string]string{"team": "red blue", "note": "a&b=c", "empty": "", "café": "🪣"}
			if got := tagsOf(t, g.c, b, k, ""); !maps.Equal(got, want) {
				t.Errorf("%v", got)
			}
		}},
		{says: "X-Lockwell-Tags beyond the limits or malformed is 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, v := range []string{
				"a=1&a=2", "%zz", "=v", strings.Repeat("k", 129) + "=v", "k=" + strings.Repeat("v", 257), "a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1", "a=%FF", "a=%00", "a;b=1",
			} {
				g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", "X-Lockwell-Tags", v).Is(t, 400, "invalid_request")
			}
			g.put(t, b, "most", "x", "X-Lockwell-Tags", strings.Repeat("é", 128)+"="+strings.Repeat("é", 256))
			absent(t, g.c, b, "k")
		}},
		{says: "retention headers are stored in an object-lock bucket", check: func(t *testing.T, g *ground) {
			b, until := g.bucket(t, "objectLock", true), in(time.Hour)
			for _, mode := range []string{"GOVERNANCE", "COMPLIANCE"} {
				g.put(t, b, mode, "x", "X-Lockwell-Retention-Mode", mode, "X-Lockwell-Retain-Until", until)
				for _, m := range []string{"GET", "HEAD"} {
					h := g.c.Call(t, m, harness.ObjectPath(b, mode), nil).Want(t, 200).Header
					equal(t, "mode", h.Get("X-Lockwell-Retention-Mode"), mode)
					if got, err := time.Parse(time.RFC3339, h.Get("X-Lockwell-Retain-Until")); err != nil || got.UTC().Format(time.RFC3339) != until {
						t.Errorf("X-Lockwell-Retain-Until %q, want %s", h.Get("X-Lockwell-Retain-Until"), until)
					}
				}
			}
		}},
		{says: "X-Lockwell-Legal-Hold is stored there, too", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			for _, v := range []string{"ON", "OFF"} {
				g.put(t, b, v, "x", "X-Lockwell-Legal-Hold", v)
				equal(t, "hold", g.get(t, b, v).Header.Get("X-Lockwell-Legal-Hold"), v)
			}
		}},
		{says: "lock headers in a bucket without object lock are 400 object_lock_not_enabled", check: func(t *testing.T, g *ground) {
			for _, b := range []string{g.bucket(t), g.bucket(t, "versioning", true)} {
				p := harness.ObjectPath(b, "k")
				g.c.Call(t, "PUT", p, "x", "X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Retain-Until", in(time.Hour)).Is(t, 400, "object_lock_not_enabled")
				g.c.Call(t, "PUT", p, "x", "X-Lockwell-Legal-Hold", "ON").Is(t, 400, "object_lock_not_enabled")
				absent(t, g.c, b, "k")
			}
		}},
		{says: "lock headers take the admin scope besides write", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			writer, both := g.c.WithScopes(t, "write"), g.c.WithScopes(t, "write", "admin")
			for _, h := range [][]string{{"X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Retain-Until", in(time.Hour)}, {"X-Lockwell-Legal-Hold", "ON"}} {
				writer.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", h...).Is(t, 403, "access_denied")
				both.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", h...).Want(t, 201)
			}
		}},
		{says: "lock headers of the wrong form are 400", check: func(t *testing.T, g *ground) {
			b, soon := g.bucket(t, "objectLock", true), in(time.Hour)
			for _, h := range [][]string{
				{"X-Lockwell-Retention-Mode", "GOVERNANCE"}, {"X-Lockwell-Retain-Until", soon}, {"X-Lockwell-Retention-Mode", "governance", "X-Lockwell-Retain-Until", soon},
				{"X-Lockwell-Retention-Mode", "FOREVER", "X-Lockwell-Retain-Until", soon}, {"X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Retain-Until", "tomorrow"},
				{"X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Retain-Until", in(-time.Hour)}, {"X-Lockwell-Retention-Mode", "COMPLIANCE", "X-Lockwell-Retain-Until", in(101 * 366 * 24 * time.Hour)},
				{"X-Lockwell-Legal-Hold", "on"}, {"X-Lockwell-Legal-Hold", "true"}, {"X-Lockwell-Legal-Hold", ""},
			} {
				if r := g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", h...); r.Status != 400 {
					t.Errorf("%v: %d %s", h, r.Status, r.Body)
				}
			}
			absent(t, g.c, b, "k")
		}},
		{says: "compression is said truly: zstd where it helps, and the bytes are the same", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for body, want := range map[string]string{strings.Repeat("the same again ", 20000): "zstd", string(randomBytes(t, 300000)): "none"} {
				equal(t, "compression", g.put(t, b, "k", body, "Content-Type", "text/plain").Compression, want)
				r := g.get(t, b, "k")
				equal(t, "header", r.Header.Get("X-Lockwell-Compression"), want)
				equal(t, "bytes", string(r.Body) == body, true)
			}
		}},
		{says: "what is stored is sealed: its text stands in no file", check: func(t *testing.T, g *ground) {
			c, marker := account(t, g.tight), "plain-"+hex.EncodeToString(randomBytes(t, 24))
			b := newBucket(t, c)
			c.Put(t, b, "k", strings.Repeat(marker, 50), nil)
			inNoFile(t, g.tight.DataDir, marker)
		}},
	}
}
