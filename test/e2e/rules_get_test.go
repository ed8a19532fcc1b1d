package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// ranged wants a part of an object, or 416 when to is negative.
func ranged(t *testing.T, g *ground, bucket, key, header string, data []byte, from, to int) {
	t.Helper()
	for _, m := range []string{"GET", "HEAD"} {
		r := g.c.Call(t, m, harness.ObjectPath(bucket, key), nil, "Range", header)
		if to < 0 {
			if r.Status != 416 || r.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", len(data)) || m == "GET" && r.Code() != "range_not_satisfiable" {
				t.Errorf("%s %s: %d, Content-Range %q", m, header, r.Status, r.Header.Get("Content-Range"))
			}
			continue
		}
		want := fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(data))
		if r.Status != 206 || r.Header.Get("Content-Range") != want || r.Header.Get("Content-Length") != strconv.Itoa(to-from) || m == "GET" && !bytes.Equal(r.Body, data[from:to]) || m == "HEAD" && len(r.Body) > 0 {
			t.Errorf("%s %s: %d, Content-Range %q, %d bytes", m, header, r.Status, r.Header.Get("Content-Range"), len(r.Body))
		}
	}
}

// quickest is how long the quickest of n takes.
func quickest(n int, do func()) time.Duration {
	least := time.Duration(math.MaxInt64)
	for range n {
		start := time.Now()
		do()
		least = min(least, time.Since(start))
	}
	return least
}

func getRules() []rule {
	return append(readRules(), conditionRules()...)
}

func readRules() []rule {
	return []rule{
		{says: "GET gives the bytes and all the headers", check: func(t *testing.T, g *ground) {
			b, sums := g.bucket(t, "objectLock", true), nineSums(t)
			o := g.put(t, b, "k", nine, "Content-Type", "text/plain", "X-Lockwell-Tags", "a=1&b=2", "X-Lockwell-Legal-Hold", "ON", "X-Lockwell-Meta-A", "1",
				"X-Lockwell-Checksum-SHA1", sums["SHA1"], "X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Retain-Until", in(time.Hour))
			r := g.get(t, b, "k").Want(t, 200)
			equal(t, "body", string(r.Body), nine)
			for name, want := range map[string]string{
				"ETag": o.ETag, "Accept-Ranges": "bytes", "Content-Length": "9", "Content-Type": "text/plain", "X-Lockwell-Version-Id": o.VersionID,
				"X-Lockwell-Checksum-Sha256": sums["SHA256"], "X-Lockwell-Checksum-Crc64nvme": sums["CRC64NVME"], "X-Lockwell-Checksum-Sha1": sums["SHA1"], "X-Lockwell-Checksum-Crc32": "",
				"X-Lockwell-Encryption": "AES256", "X-Lockwell-Compression": "none", "X-Lockwell-Storage-Class": "STANDARD", "X-Lockwell-Retention-Mode": "GOVERNANCE",
				"X-Lockwell-Legal-Hold": "ON", "X-Lockwell-Meta-A": "1", "X-Lockwell-Tag-Count": "2",
			} {
				equal(t, name, r.Header.Get(name), want)
			}
			modified, err := http.ParseTime(r.Header.Get("Last-Modified"))
			if err != nil || modified.Unix() != o.CreatedAt.Unix() || r.Header.Get("X-Lockwell-Retain-Until") == "" || !strings.HasPrefix(r.ID(), "req_") {
				t.Errorf("%v", r.Header)
			}
		}},
		{says: "HEAD is GET without the body", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, strings.Repeat("x", 5000), "Content-Type", "text/plain", "X-Lockwell-Meta-A", "1")
			get, head := g.get(t, b, k).Want(t, 200), g.c.Call(t, "HEAD", harness.ObjectPath(b, k), nil).Want(t, 200)
			equal(t, "body", len(head.Body), 0)
			get.Body = nil
			sameAnswer(t, "HEAD", get, head)
			equal(t, "Content-Length", head.Header.Get("Content-Length"), "5000")
		}},
		{says: "a key that is not there is 404 not_found, HEAD too", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.get(t, b, "nothing").Is(t, 404, "not_found")
			equal(t, "HEAD body", len(g.c.Call(t, "HEAD", harness.ObjectPath(b, "nothing"), nil).Want(t, 404).Body), 0)
			equal(t, "delete marker", g.get(t, b, "nothing").Header.Get("X-Lockwell-Delete-Marker"), "")
		}},
		{says: "?versionId= reads that version", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			one, two := g.put(t, b, "k", "one"), g.put(t, b, "k", "two")
			for _, o := range []harness.Object{one, two} {
				r := g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+o.VersionID, nil).Want(t, 200)
				equal(t, "version", r.Header.Get("X-Lockwell-Version-Id"), o.VersionID)
				equal(t, "etag", r.Header.Get("ETag"), o.ETag)
			}
			equal(t, "current", string(g.get(t, b, "k").Body), "two")
		}},
		{says: "a versionId that is not the key's is 404, one of the wrong form 400 or 404", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "k", "x")
			other := g.put(t, b, "other", "x").VersionID
			for _, m := range []string{"GET", "HEAD"} {
				g.c.Call(t, m, harness.ObjectPath(b, "k")+"?versionId="+other, nil).Want(t, 404)
			}
			for _, v := range []string{"", "nonsense", "%00", "%ff", strings.Repeat("v", 5000), "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a&versionId=b"} {
				if r := g.c.Call(t, "GET", harness.ObjectPath(b, "k")+"?versionId="+v, nil); r.Status != 400 && r.Status != 404 {
					t.Errorf("%.20q: %d", v, r.Status)
				}
			}
		}},
		{says: "a current delete marker is 404 with X-Lockwell-Delete-Marker: true", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "k", "x")
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "k"), nil).Want(t, 200)
			equal(t, "GET", g.get(t, b, "k").Is(t, 404, "not_found").Header.Get("X-Lockwell-Delete-Marker"), "true")
			equal(t, "HEAD", g.c.Call(t, "HEAD", harness.ObjectPath(b, "k"), nil).Want(t, 404).Header.Get("X-Lockwell-Delete-Marker"), "true")
		}},
		{says: "Range: single, suffix, open-ended, clipped", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			data := randomBytes(t, 9<<20+137) // two segments
			g.put(t, b, "k", data)
			n := len(data)
			for _, k := range []struct {
				header   string
				from, to int
			}{
				{"bytes=0-0", 0, 1}, {"bytes=0-99", 0, 100}, {"bytes=8388600-8388615", 8388600, 8388616}, {"bytes=1048570-1048583", 1048570, 1048584},
				{"bytes=-137", n - 137, n}, {"bytes=9437184-", 9437184, n}, {"bytes=5-99999999999999999999999", 5, n}, {"bytes=-99999999999999999999999", 0, n},
				{fmt.Sprintf("bytes=%d-", n-1), n - 1, n}, {"BYTES=1-2", 1, 3}, {"bytes= 3-4 ,", 3, 5}, {"bytes=0-", 0, n},
			} {
				ranged(t, g, b, "k", k.header, data, k.from, k.to)
			}
		}},
		{says: "what lies behind the end, or makes no sense, is 416 with the size", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			for _, h := range []string{"bytes=9-", "bytes=9-9", "bytes=-0", "bytes=99999999999-", "bytes=20-30,40-50"} {
				ranged(t, g, b, k, h, []byte(nine), 0, -1)
			}
			g.put(t, b, "empty", "")
			ranged(t, g, b, "empty", "bytes=0-", nil, 0, -1)
			ranged(t, g, b, "empty", "bytes=-1", nil, 0, -1)
		}},
		{says: "a header that is no byte range is 416 or is ignored, never half obeyed", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			for _, h := range []string{"bytes=5-2", "bytes=a-b", "bytes=", "bytes", "lines=1-2", "0-5", "bytes=--5", "bytes=1-2-3", "bytes=0x1-2", "bytes=1–2", "bytes=-", "bytes=1 -2", strings.Repeat("bytes=0-0,", 200)} {
				if r := g.get(t, b, k, "Range", h); r.Status != 416 && (r.Status != 200 || string(r.Body) != nine) && (h != "bytes=1 -2" || r.Status != 206) {
					t.Errorf("%.30s: %d %s", h, r.Status, r.Body)
				}
			}
		}},
		{says: "several ranges come as multipart/byteranges", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			data := randomBytes(t, 9<<20)
			g.put(t, b, "k", data, "Content-Type", "text/plain")
			want := [][2]int{{0, 10}, {8388600, 8388620}, {100, 110}, {len(data) - 5, len(data)}}
			r := g.get(t, b, "k", "Range", "bytes=0-9,8388600-8388619,100-109,-5").Want(t, 206)
			kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
			if err != nil || kind != "multipart/byteranges" || r.Header.Get("Content-Length") != strconv.Itoa(len(r.Body)) || r.Header.Get("Content-Range") != "" {
				t.Fatalf("%v", r.Header)
			}
			mr := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"])
			for _, w := range want {
				p, err := mr.NextPart()
				if err != nil {
					t.Fatal(err)
				}
				got, _ := io.ReadAll(p)
				if !bytes.Equal(got, data[w[0]:w[1]]) || p.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", w[0], w[1]-1, len(data)) || p.Header.Get("Content-Type") != "text/plain" {
					t.Errorf("part %v: %v, %d bytes", w, p.Header, len(got))
				}
			}
			if _, err := mr.NextPart(); err != io.EOF {
				t.Errorf("more parts: %v", err)
			}
			ranged(t, g, b, "k", "bytes=7-8,99999999999-", data, 7, 9) // one that can be met stands alone
		}},
		{says: "overlapping ranges never cost more than the object", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, strings.Repeat("x", 100000))
			for _, h := range []string{"bytes=" + strings.Repeat("0-,", 50) + "0-", "bytes=0-99999,0-99999", "bytes=" + strings.Repeat("0-0,", 500) + "0-0"} {
				if r := g.get(t, b, k, "Range", h); r.Status != 416 && len(r.Body) > 150000 {
					t.Errorf("%.30s: %d with %d bytes", h, r.Status, len(r.Body))
				}
			}
		}},
		{says: "If-Range holds by strong ETag and by exact date", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			h := g.get(t, b, k).Header
			date, _ := http.ParseTime(h.Get("Last-Modified"))
			for v, status := range map[string]int{
				h.Get("ETag"): 206, `"other"`: 200, "W/" + h.Get("ETag"): 200, h.Get("Last-Modified"): 206, date.Add(-time.Hour).Format(http.TimeFormat): 200,
				date.Add(time.Hour).Format(http.TimeFormat): 200, "nonsense": 200, strings.Trim(h.Get("ETag"), `"`): 200,
			} {
				r := g.get(t, b, k, "Range", "bytes=1-2", "If-Range", v)
				if r.Status != status || string(r.Body) != map[int]string{200: nine, 206: "23"}[status] {
					t.Errorf("If-Range %s: %d %s", v, r.Status, r.Body)
				}
			}
			equal(t, "without Range", g.get(t, b, k, "If-Range", `"other"`).Status, 200)
		}},
		{says: "a range read costs what the range costs", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "k", randomBytes(t, 32<<20))
			// The quickest of several is what it costs where nothing else is in the way.
			i := 0
			ranges := quickest(20, func() {
				i++
				g.get(t, b, "k", "Range", fmt.Sprintf("bytes=%d-%d", i<<20+7, i<<20+8)).Want(t, 206)
			})
			if whole := quickest(3, func() { g.get(t, b, "k").Want(t, 200) }); ranges > whole/2 {
				t.Errorf("a range of 2 bytes takes %v, the whole %v", ranges, whole)
			}
		}},
		{says: "a large body arrives whole, compressed by nobody on the way", check: func(t *testing.T, g *ground) {
			b, data := g.bucket(t), bytes.Repeat([]byte("compressible "), 1<<20)
			g.put(t, b, "k", data, "Content-Type", "text/plain")
			r := g.get(t, b, "k", "Accept-Encoding", "gzip, zstd, br").Want(t, 200)
			if sha256.Sum256(r.Body) != sha256.Sum256(data) || r.Header.Get("Content-Encoding") != "" {
				t.Errorf("%d bytes, Content-Encoding %q", len(r.Body), r.Header.Get("Content-Encoding"))
			}
		}},
		{says: "an upload never acts as a page of ours: nosniff and a sandbox", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "<script>alert(1)</script>", "Content-Type", "text/html")
			h := g.get(t, b, k).Header
			equal(t, "nosniff", h.Get("X-Content-Type-Options"), "nosniff")
			if !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%v", h)
			}
		}},
	}
}

func conditionRules() []rule {
	type condition struct {
		status  int
		headers []string
	}
	hold := func(t *testing.T, g *ground, conditions func(etag, modified, before, after string) []condition) {
		t.Helper()
		b, k := g.key(t, nine)
		h := g.get(t, b, k).Header
		date, _ := http.ParseTime(h.Get("Last-Modified"))
		at := func(d time.Duration) string { return date.Add(d).Format(http.TimeFormat) }
		for _, c := range conditions(h.Get("ETag"), at(0), at(-time.Hour), at(time.Hour)) {
			for _, m := range []string{"GET", "HEAD"} {
				r := g.c.Call(t, m, harness.ObjectPath(b, k), nil, c.headers...)
				if r.Status != c.status || r.Status == 304 && (len(r.Body) > 0 || r.Header.Get("ETag") != h.Get("ETag")) {
					t.Errorf("%s %v: %d, want %d: %v", m, c.headers, r.Status, c.status, r.Header)
				}
			}
		}
	}
	return []rule{
		{says: "If-None-Match that matches is 304 with the ETag", check: func(t *testing.T, g *ground) {
			hold(t, g, func(etag, _, _, _ string) []condition {
				return []condition{
					{304, []string{"If-None-Match", etag}}, {304, []string{"If-None-Match", "W/" + etag}}, {304, []string{"If-None-Match", `"a", ` + etag}},
					{304, []string{"If-None-Match", "*"}}, {200, []string{"If-None-Match", `"other"`}}, {304, []string{"If-None-Match", `"a"`, "If-None-Match", etag}},
				}
			})
		}},
		{says: "If-Match that does not is 412", check: func(t *testing.T, g *ground) {
			hold(t, g, func(etag, _, _, _ string) []condition {
				return []condition{
					{200, []string{"If-Match", etag}}, {200, []string{"If-Match", "*"}}, {412, []string{"If-Match", `"other"`}}, {412, []string{"If-Match", "W/" + etag}},
					{200, []string{"If-Match", `"a", ` + etag}},
				}
			})
		}},
		{says: "If-Modified-Since is 304 when it was not", check: func(t *testing.T, g *ground) {
			hold(t, g, func(_, modified, before, after string) []condition {
				return []condition{
					{304, []string{"If-Modified-Since", modified}}, {304, []string{"If-Modified-Since", after}}, {200, []string{"If-Modified-Since", before}}, {200, []string{"If-Modified-Since", "yesterday"}},
				}
			})
		}},
		{says: "If-Unmodified-Since is 412 when it was", check: func(t *testing.T, g *ground) {
			hold(t, g, func(_, modified, before, after string) []condition {
				return []condition{
					{412, []string{"If-Unmodified-Since", before}}, {200, []string{"If-Unmodified-Since", modified}}, {200, []string{"If-Unmodified-Since", after}}, {200, []string{"If-Unmodified-Since", "soon"}},
				}
			})
		}},
		{says: "tags come before dates (RFC 9110, 13.2.2)", check: func(t *testing.T, g *ground) {
			hold(t, g, func(etag, modified, before, _ string) []condition {
				return []condition{
					{200, []string{"If-None-Match", `"other"`, "If-Modified-Since", modified}}, {200, []string{"If-Match", etag, "If-Unmodified-Since", before}},
					{412, []string{"If-Match", `"other"`, "If-None-Match", etag}}, {304, []string{"If-Match", etag, "If-None-Match", etag}},
				}
			})
		}},
		{says: "a condition goes before a range", check: func(t *testing.T, g *ground) {
			hold(t, g, func(etag, _, _, _ string) []condition {
				return []condition{
					{304, []string{"If-None-Match", etag, "Range", "bytes=0-0"}}, {412, []string{"If-Match", `"other"`, "Range", "bytes=0-0"}},
					{304, []string{"If-None-Match", etag, "Range", "bytes=99-"}}, {206, []string{"If-Match", etag, "Range", "bytes=0-0"}}, {416, []string{"If-Match", etag, "Range", "bytes=99-"}},
				}
			})
		}},
		{says: "412 is a problem, of a missing object it is 404", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			g.get(t, b, k, "If-Match", `"other"`).Is(t, 412, "precondition_failed")
			g.get(t, b, "nothing", "If-Match", `"other"`).Is(t, 404, "not_found")
			g.get(t, b, "nothing", "If-None-Match", "*").Is(t, 404, "not_found")
		}},
	}
}
