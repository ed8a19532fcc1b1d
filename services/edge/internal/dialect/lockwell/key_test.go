package lockwell_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestKeys_Exact(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	for _, key := range []string{
		"a//b", "/leading", "//", "///", "trailing/", "a/../b", "a/./b", "..", ".", "../..", "./", "a/..", "per%cent", "per%2Fcent", "%2e%2e", "plus+sign", "a b", "ünïcödé/文件",
		"q?uery", "h#ash", "semi;colon", "new\nline", "back\\slash", "quote\"'", "a:b", "objects", "a/b/", "~", "*", strings.Repeat("k", 1024), "%", "e\u0301", "{key}", "a/objects/b",
	} {
		keyRoundTrip(t, w, key)
	}
	// Dots and double slashes as a careless client sends them.
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/x//../y", "raw", nil)
	if r := w.Want(t, 200, "GET", api+"/buckets/box/objects/x%2F%2F..%2Fy", "", nil); r.Body != "raw" {
		t.Errorf("%q", r.Body)
	}
	// An unclean prefix is no other key either.
	if r := w.Do(t, "PUT", "/api/v1//buckets/box/objects/x//y", "no", nil); r.Status != 404 {
		t.Errorf("unclean prefix: %d", r.Status)
	}
}

// keyRoundTrip puts a key in three spellings and wants exactly it to exist.
func keyRoundTrip(t testing.TB, w *edgetest.World, key string) {
	t.Helper()
	var all strings.Builder
	for i := range len(key) {
		fmt.Fprintf(&all, "%%%02x", key[i])
	}
	segments := strings.Split(key, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	for _, spelled := range []string{all.String(), strings.Join(segments, "/"), (&url.URL{Path: "/" + key}).EscapedPath()[1:]} {
		path := api + "/buckets/box/objects/" + spelled
		w.Want(t, 201, "PUT", path, "of "+key, nil)
		if keys := w.Object.Keys("acc-ada", "box"); len(keys) != 1 || keys[0] != key {
			t.Errorf("key %q by %q arrived as %q", key, spelled, keys)
		}
		if r := w.Want(t, 200, "GET", path, "", nil); r.Body != "of "+key {
			t.Errorf("key %q: %q", key, r.Body)
		}
		w.Want(t, 204, "DELETE", path, "", nil)
		if keys := w.Object.Keys("acc-ada", "box"); len(keys) != 0 {
			t.Fatalf("key %q stayed: %q", key, keys)
		}
	}
}

func FuzzKeys(f *testing.F) {
	for _, k := range []string{"a", "a//b", "../..", "%2F", "+ ", "/.", "é/文件", "a/./..//"} {
		f.Add(k)
	}
	w := edgetest.New(f)
	w.Want(f, 201, "POST", api+"/buckets", `{"name":"box"}`, nil)
	f.Fuzz(func(t *testing.T, key string) {
		if key == "" || len(key) > 1024 || strings.ContainsRune(key, 0) || !utf8.ValidString(key) {
			return
		}
		keyRoundTrip(t, w, key)
	})
}
