package transfer_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// plain is a single range in the form on which everybody agrees.
var plain = regexp.MustCompile(`^bytes=(\d{1,15}-(\d{1,15})?|-[1-9]\d{0,14})$`) // net/http answers bytes=-0 with an empty 206

func FuzzParseRange(f *testing.F) {
	for _, h := range []string{"", "bytes=0-0", "bytes=-5", "bytes=5-", "bytes=5-2", "bytes=-0", "bytes=0-1,3-4", "bytes=,", "bytes=99999999999999999999-", "items=1-2", "bytes= 1 - 2 ", "bytes=--1", "bytes=0-,0-"} {
		f.Add(h, int64(10))
		f.Add(h, int64(0))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		ranges, err := transfer.ParseRange(header, size)
		var sum int64
		for _, r := range ranges {
			if r.Off < 0 || r.Len <= 0 || r.Off+r.Len > size || r.Off+r.Len < 0 {
				t.Fatalf("%q of %d: %+v", header, size, ranges)
			}
			sum += r.Len
		}
		if err != nil && len(ranges) > 0 || len(ranges) > 1 && sum > size || len(ranges) > 100 {
			t.Fatalf("%q of %d: %d ranges, %d bytes, %v", header, size, len(ranges), sum, err)
		}
		if size == 0 || size > 1<<16 || !plain.MatchString(header) {
			return
		}
		// The standard library as the oracle.
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("Range", header)
		http.ServeContent(rec, req, "", time.Time{}, strings.NewReader(strings.Repeat("x", int(size))))
		switch {
		case err != nil && rec.Code != http.StatusRequestedRangeNotSatisfiable,
			err == nil && len(ranges) == 0,
			len(ranges) == 1 && (rec.Code != http.StatusPartialContent || rec.Header().Get("Content-Range") != ranges[0].ContentRange(size)):
			t.Fatalf("%q of %d: %+v, %v; the oracle says %d %s", header, size, ranges, err, rec.Code, rec.Header().Get("Content-Range"))
		}
	})
}

func TestTags(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"a"`: `"a"`, `"a", W/"b"`: `"a" W/"b"`, `*`: `*`, `"a,b" , "c"`: `"a,b" "c"`, `, "a",,`: `"a"`, `a`: "!", `"a`: "!", ``: "!", `"a" "b"`: "!", `W/a`: "!", `"a", *`: "!",
	} {
		tags, ok := transfer.Tags([]string{in})
		got := strings.Join(tags, " ")
		if !ok {
			got = "!"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func FuzzTags(f *testing.F) {
	f.Add(`"a", W/"b"`)
	f.Add(`*`)
	f.Fuzz(func(t *testing.T, in string) {
		tags, ok := transfer.Tags([]string{in})
		for _, tag := range tags {
			if ok && tag != "*" && (!strings.HasSuffix(tag, `"`) || strings.Count(tag, `"`) != 2) {
				t.Fatalf("%q gave %q", in, tags)
			}
		}
	})
}

func TestCompressible(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]bool{
		"": true, "text/plain; charset=utf-8": true, "application/json": true, "image/svg+xml": true, "image/jpeg": false, "video/mp4": false, "application/zip": false,
		"application/x-gzip": false, "application/vnd.openxmlformats-officedocument.wordprocessingml.document": false, "application/epub+zip": false, "application/octet-stream": true,
	} {
		if transfer.Compressible(typ, "") != want {
			t.Errorf("%s: %v", typ, !want)
		}
	}
	if transfer.Compressible("text/plain", "gzip") {
		t.Error("gzip again")
	}
}
