package dialect_test

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

func TestExactPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/api/v1/buckets/b/objects/a/b":         "/api/v1/buckets/b/objects/a/b",
		"/api/v1/buckets/b/objects/a//b":        "/api/v1/buckets/b/objects/a/%2Fb",
		"/api/v1/buckets/b/objects//a":          "/api/v1/buckets/b/objects/%2Fa",
		"/api/v1/buckets/b/objects/..":          "/api/v1/buckets/b/objects/%2E%2E",
		"/api/v1/buckets/b/objects/./a/../":     "/api/v1/buckets/b/objects/%2E/a/%2E%2E/",
		"/api/v1/buckets/b/objects/a/":          "/api/v1/buckets/b/objects/a/",
		"/api/v1/buckets/b/objects/.hidden/...": "/api/v1/buckets/b/objects/.hidden/...",
		"/api/v2//x":                            "/api/v2//x",
		"/dav//x":                               "/dav/%2Fx",
	} {
		if got := dialect.ExactPath(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func FuzzExactPath(f *testing.F) {
	for _, s := range []string{"a//b", "../x", "./.", "%2F%2e", "///", "a/..//", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		in := (&url.URL{Path: "/api/v1/buckets/b/objects/" + key}).EscapedPath()
		out := dialect.ExactPath(in)
		a, errA := url.PathUnescape(in)
		b, errB := url.PathUnescape(out)
		if errA != nil || errB != nil || a != b {
			t.Fatalf("%q became %q", a, b)
		}
		cleaned := path.Clean(out)
		if strings.HasSuffix(out, "/") {
			cleaned += "/"
		}
		if cleaned != out {
			t.Fatalf("%q is not clean: %q", out, cleaned)
		}
	})
}

func TestAllow(t *testing.T) {
	t.Parallel()
	if got := dialect.Allow([]string{"PUT", "GET", "DELETE"}); got != "DELETE, GET, HEAD, PUT" {
		t.Error(got)
	}
}

func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{`{"a":"x","b":[1,{"c":2}]}`, `{"a":1}`, `{"a":"x","a":"y"}`, `[]`, `{}x`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", strings.Repeat(`{"d":`, 70)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var into struct {
			A string
			B []map[string]int
		}
		if err := dialect.ReadJSON(r, &into); err == nil {
			if !strings.HasPrefix(strings.TrimSpace(body), "{") || strings.ToValidUTF8(body, "") != body {
				t.Fatalf("%q was taken", body)
			}
		} else if strings.Contains(err.Error(), "panic") {
			t.Fatal(err)
		}
	})
}

func TestQuery_Strict(t *testing.T) {
	t.Parallel()
	for q, ok := range map[string]bool{"a=1&b=2": true, "": true, "a=%zz": false, "a=%ff": false, "a=1&a=2": false, "a;b": false} {
		r := &http.Request{URL: &url.URL{RawQuery: q}}
		if _, err := dialect.Query(r); (err == nil) != ok {
			t.Errorf("%q: %v", q, err)
		}
	}
}
