package webdav_test

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func sums(s string) (sha, md string) {
	a, b := sha1.Sum([]byte(s)), md5.Sum([]byte(s))
	return hex.EncodeToString(a[:]), hex.EncodeToString(b[:])
}

func TestFile_Life(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "MKCOL", "docs/", "")
	sha, md := sums("hello")
	r := w.want(t, 201, "PUT", "docs/a.txt", "hello", "X-OC-Mtime", "1000000000", "OC-Checksum", "SHA1:"+sha, "Content-Type", "text/plain")
	if r.Header.Get("X-Oc-Mtime") != "accepted" || r.Header.Get("Etag") == "" {
		t.Errorf("%v", r.Header)
	}
	const stamp = "Sun, 09 Sep 2001 01:46:40 GMT"
	r = w.want(t, 200, "GET", "docs/a.txt", "")
	if r.Body != "hello" || r.Header.Get("Last-Modified") != stamp || r.Header.Get("Content-Type") != "text/plain" || r.Header.Get("Oc-Checksum") != "SHA1:"+sha+" MD5:"+md {
		t.Errorf("%q %v", r.Body, r.Header)
	}
	if r.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(r.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%v", r.Header)
	}
	if r = w.want(t, 206, "GET", "docs/a.txt", "", "Range", "bytes=1-2"); r.Body != "el" {
		t.Error(r.Body)
	}
	w.want(t, 416, "GET", "docs/a.txt", "", "Range", "bytes=9-")
	w.want(t, 304, "GET", "docs/a.txt", "", "If-None-Match", r.Header.Get("Etag"))
	if r = w.want(t, 200, "HEAD", "docs/a.txt", ""); r.Header.Get("Content-Length") != "5" {
		t.Errorf("%v", r.Header)
	}
	r = w.want(t, 204, "PUT", "docs/a.txt", "hello again", "X-OC-Mtime", "1000000001.25")
	if got := w.want(t, 200, "GET", "docs/a.txt", ""); got.Body != "hello again" || got.Header.Get("Last-Modified") != "Sun, 09 Sep 2001 01:46:41 GMT" || got.Header.Get("Etag") != r.Header.Get("Etag") {
		t.Errorf("%q %v", got.Body, got.Header)
	}
	w.want(t, 201, "PUT", "docs/empty", "")
	w.want(t, 204, "DELETE", "docs/a.txt", "")
	w.want(t, 404, "GET", "docs/a.txt", "")
	w.want(t, 404, "DELETE", "docs/a.txt", "")
	w.want(t, 204, "DELETE", "docs/", "")
	w.want(t, 404, "PROPFIND", "docs/empty", "", "Depth", "0")
}

func TestPut_Refusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "MKCOL", "docs", "")
	tag := w.want(t, 201, "PUT", "docs/a", "one").Header.Get("Etag")
	sha, md := sums("two")
	for _, c := range []struct {
		status  int
		path    string
		headers []string
	}{
		{409, "nowhere/b", nil},
		{409, "docs/a/b", nil},
		{405, "docs", nil},
		{405, "docs/", nil},
		{405, "", nil},
		{400, "docs//x", nil},
		{400, "docs/../x", nil},
		{400, "docs/" + strings.Repeat("n", 256), nil},
		{400, strings.Repeat("deep/", 300) + "x", nil},
		{400, "docs/nul\x00", nil},
		{400, "docs/b", []string{"X-OC-Mtime", "yesterday"}},
		{400, "docs/b", []string{"X-OC-Mtime", ""}},
		{400, "docs/b", []string{"X-OC-Mtime", "1e9"}},
		{400, "docs/b", []string{"X-OC-Mtime", "99999999999999"}},
		{400, "docs/b", []string{"OC-Checksum", "SHA1:" + md}},
		{400, "docs/b", []string{"OC-Checksum", "ROT13:abcd"}},
		{400, "docs/b", []string{"OC-Checksum", "SHA1:" + strings.Repeat("0", 40)}},
		{400, "docs/b", []string{"OC-Checksum", "MD5:" + md + " SHA1:" + strings.Repeat("0", 40)}},
		{400, "docs/b", []string{"Content-Range", "bytes 0-1/10"}},
		{412, "docs/a", []string{"If-None-Match", "*"}},
		{412, "docs/a", []string{"If-Match", `"other"`}},
		{412, "docs/b", []string{"If-Match", "*"}},
		{400, "docs/a", []string{"If-Match", "other"}},
		{400, "docs/b", []string{"If-None-Match", tag}},
		{412, "docs/a", []string{"If", `(["other"])`}},
		{412, "docs/a", []string{"If", `(<opaquelocktoken:gone>)`}},
		{400, "docs/a", []string{"If", `(`}},
	} {
		r := w.do(t, "PUT", c.path, "two", c.headers...)
		if r.Status != c.status {
			t.Errorf("%q %q: %d, want %d: %s", c.path, c.headers, r.Status, c.status, r.Body)
		}
		if code, message, _ := tell(t, r); code == "" || message == "" {
			t.Errorf("%q: %s", c.path, r.Body)
		}
	}
	if got := w.want(t, 200, "GET", "docs/a", "").Body; got != "one" {
		t.Errorf("a refused PUT left %q", got)
	}
	if keys := w.Object.Keys("acc-ada", objectv1.DriveBucket); len(keys) != 1 {
		t.Errorf("refused PUTs left %q", keys)
	}
	w.want(t, 201, "PUT", "docs/b", "two", "OC-Checksum", "MD5:"+strings.ToUpper(md)+" SHA1:"+sha, "If-None-Match", "*")
	w.want(t, 204, "PUT", "docs/a", "two", "If-Match", tag)
	w.want(t, 204, "PUT", "docs/a", "three", "If", `(["other"]) (Not <DAV:no-lock>)`)
	// The least and the greatest times.
	for sec, want := range map[string]string{"0": "1970", "-1": "1969", "-62135596800": "0001", "253402300799": "9999"} {
		w.want(t, 204, "PUT", "docs/a", "x", "X-OC-Mtime", sec)
		if got := w.want(t, 200, "HEAD", "docs/a", "").Header.Get("Last-Modified"); !strings.Contains(got, " "+want+" ") {
			t.Errorf("%s: %s", sec, got)
		}
	}
}

func TestMakeFolder_Refusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "MKCOL", "a", "")
	w.want(t, 201, "PUT", "file", "x")
	for path, status := range map[string]int{"a": 405, "a/": 405, "file": 405, "": 405, "b/c": 409, "file/c": 409, "a//b": 400} {
		w.want(t, status, "MKCOL", path, "")
	}
	w.want(t, 415, "MKCOL", "b", "<x/>")
	w.want(t, 201, "MKCOL", "a/b", "")
	w.want(t, 403, "DELETE", "", "")
	w.want(t, 400, "DELETE", "a", "", "Depth", "1")
}

// TestNames_Exactly keeps names byte by byte: what is awkward in a URL, in XML or
// to a normaliser.
func TestNames_Exactly(t *testing.T) {
	t.Parallel()
	w := start(t)
	names := []string{"a b", " a", "a#b", "what?", "100%", "%41", "%2F", "new\nline", "tab\t", "bell\a", "<&>\"'", "u\u0308", "\u00fc", "日本", "🦀", "a;b=c", "a+b", "~", "...", "-", ":x", "a\\b", "\ufffe", "\x7f"}
	for _, n := range names {
		w.want(t, 201, "MKCOL", n, "")
		w.want(t, 201, "PUT", n+"/"+n, n)
	}
	listed := w.props(t, "", "1", "")
	if len(listed) != len(names)+1 {
		t.Errorf("%d of %d names: %q", len(listed)-1, len(names), hrefs(listed))
	}
	for _, n := range names {
		in := w.props(t, n+"/", "1", "")
		if len(in) != 2 {
			t.Errorf("%q: %q", n, hrefs(in))
		}
		for href := range in {
			method, status := "GET", 200
			if strings.HasSuffix(href, "/") {
				method, status = "PROPFIND", 207
			}
			if r := w.raw(t, method, href, "", "Depth", "0"); r.Status != status || method == "GET" && r.Body != n {
				t.Errorf("%s %s: %d", method, href, r.Status)
			}
		}
	}
}

func TestCallers(t *testing.T) {
	t.Parallel()
	w := start(t)
	if _, err := w.Auth.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: "bob", Password: "phrase"}); err != nil {
		t.Fatal(err)
	}
	w.want(t, 201, "PUT", "a", "x")
	for _, m := range []string{"GET", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"} {
		if r := w.raw(t, m, "/dav/bob/a", "", "Depth", "0", "Destination", "/dav/ada/b"); r.Status != 403 {
			t.Errorf("%s of another user's: %d", m, r.Status)
		}
		for _, credential := range []string{"", "Bearer wrong", "Bearer ", "Basic !!!", "Basic YWRhOndyb25n", "Bearer " + w.Token, "Digest x"} {
			r := w.raw(t, m, "/dav/ada/a", "", "Authorization", credential, "Depth", "0")
			if r.Status != 401 || len(r.Header.Values("Www-Authenticate")) != 2 {
				t.Errorf("%s with %q: %d %v", m, credential, r.Status, r.Header)
			}
		}
	}
	cookie := http.Header{"Cookie": {"sluice_session=" + w.Account}, "Authorization": nil}
	if r := w.Do(t, "GET", "/dav/ada/a", "", cookie); r.Status != 401 {
		t.Errorf("a cookie let somebody in: %d", r.Status)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "/", nil)
	for _, basic := range [][2]string{{"anybody", w.Account}} {
		req.SetBasicAuth(basic[0], basic[1])
		if r := w.raw(t, "GET", "/dav/ada/a", "", "Authorization", req.Header.Get("Authorization")); r.Status != 200 {
			t.Errorf("Basic with a token: %d %s", r.Status, r.Body)
		}
	}
	req.SetBasicAuth("bob", "phrase")
	if r := w.raw(t, "PROPFIND", "/dav/bob", "", "Authorization", req.Header.Get("Authorization"), "Depth", "0"); r.Status != 207 {
		t.Errorf("Basic with a password: %d %s", r.Status, r.Body)
	}
	for _, path := range []string{"/dav", "/dav/", "/dav/ada", "/dav/ada/", "/dav/bob/x", "/dav/ada/nothing"} {
		r := w.raw(t, "OPTIONS", path, "", "Authorization", "")
		if r.Status != 200 || r.Header.Get("Dav") != "1, 2" || !strings.Contains(r.Header.Get("Allow"), "PROPFIND") || r.Header.Get("Ms-Author-Via") != "DAV" {
			t.Errorf("OPTIONS %s: %d %v", path, r.Status, r.Header)
		}
	}
	for _, m := range []string{"POST", "PATCH", "REPORT", "ACL"} {
		if r := w.raw(t, m, "/dav/ada/a", ""); r.Status != 405 || r.Header.Get("Allow") == "" {
			t.Errorf("%s: %d %v", m, r.Status, r.Header)
		}
	}
	for _, m := range []string{"PUT", "MKCOL", "DELETE"} {
		if r := w.raw(t, m, "/dav/", ""); r.Status != 405 && r.Status != 403 {
			t.Errorf("%s of the top: %d", m, r.Status)
		}
	}
}

func TestErrors_EveryKind(t *testing.T) {
	t.Parallel()
	w := start(t)
	want := map[fault.Kind]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409, fault.Precondition: 412, fault.TooLarge: 413,
		fault.QuotaExceeded: 507, fault.RateLimited: 429, fault.Unimplemented: 501, fault.Unavailable: 503, fault.Timeout: 503, fault.Canceled: 499, fault.Internal: 500,
	}
	for _, kind := range fault.Kinds() {
		w.Object.SetFail("StatNode", fault.New(kind, "object.some_code", "the <message>").Because(fmt.Errorf("/var/lib/secret.go:12")))
		r := w.do(t, "GET", "a", "")
		code, message, _ := tell(t, r)
		if r.Status != want[kind] || code == "" || message == "" || strings.Contains(r.Body, "secret") {
			t.Errorf("%s: %d %s", kind, r.Status, r.Body)
		}
		if (r.Status == 429 || r.Status == 503) && r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", kind)
		}
	}
	w.Object.SetFail("StatNode", nil)
	w.Object.SetFail("BeginPut", objectv1.ErrQuotaExceeded)
	if r := w.do(t, "PUT", "a", "x"); r.Status != 507 || !strings.Contains(r.Body, "quota-not-exceeded") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
