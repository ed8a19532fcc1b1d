package lockwell_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// TestDocs_Files wants every file that the page names, packed and not, with an
// entity tag that saves the second transfer.
func TestDocs_Files(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	page := w.Want(t, 200, "GET", api+"/docs", "", http.Header{"Authorization": nil})
	if typ := page.Header.Get("Content-Type"); typ != "text/html; charset=utf-8" {
		t.Errorf("the page is %s", typ)
	}
	csp := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'; script-src 'self';") || strings.Contains(csp, "http") || strings.Contains(csp, "*") {
		t.Errorf("policy %q", csp)
	}
	// It asks nobody else, and runs nothing inline.
	if strings.Contains(page.Body, "//") || regexp.MustCompile(`<script>|<style|\son[a-z]+=`).MatchString(page.Body) {
		t.Errorf("the page: %s", page.Body)
	}
	names := regexp.MustCompile(`(?:src|href)="docs/([^"]+)"`).FindAllStringSubmatch(page.Body, -1)
	if len(names) != 5 {
		t.Fatalf("the page names %q", names)
	}
	for _, n := range names {
		path := api + "/docs/" + n[1]
		plain := w.Want(t, 200, "GET", path, "", http.Header{"Authorization": nil, "Accept-Encoding": {"gzip;q=0, br"}})
		if plain.Body == "" || plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, plain.Header)
		}
		packed := w.Want(t, 200, "GET", path, "", http.Header{"Accept-Encoding": {"br, gzip"}})
		if packed.Header.Get("Content-Encoding") == "gzip" {
			if packed.Header.Get("Etag") == plain.Header.Get("Etag") || packed.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: two representations, one tag: %v", path, packed.Header)
			}
			packed.Body = unpack(t, packed.Body)
		}
		if packed.Body != plain.Body {
			t.Errorf("%s: packed and plain differ", path)
		}
		for _, r := range []edgetest.Response{plain, packed} {
			again := w.Want(t, 304, "GET", path, "", http.Header{"If-None-Match": {r.Header.Get("Etag")}, "Accept-Encoding": {acceptFor(r)}})
			if again.Body != "" || again.Header.Get("Etag") != r.Header.Get("Etag") {
				t.Errorf("%s: 304 with %v", path, again.Header)
			}
		}
	}
	for _, path := range []string{"/docs/", "/docs/index.html.gz", "/docs/..%2Fopenapi.json", "/docs/docs.go", "/docs/page.js/x"} {
		if r := w.Want(t, 404, "GET", api+path, "", nil); r.Code() != "not_found" {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
}

func acceptFor(r edgetest.Response) string {
	if r.Header.Get("Content-Encoding") == "gzip" {
		return "gzip"
	}
	return "identity"
}

func unpack(t testing.TB, s string) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader([]byte(s)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
