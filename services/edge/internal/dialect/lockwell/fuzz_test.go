package lockwell_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// fuzzed is a World with buckets "box" and "vault", which has object lock.
func fuzzed(f *testing.F) *edgetest.World {
	f.Helper()
	w := edgetest.New(f)
	w.Want(f, 201, "POST", api+"/buckets", `{"name":"box"}`, nil)
	w.Want(f, 201, "POST", api+"/buckets", `{"name":"vault","objectLock":true}`, nil)
	w.Want(f, 201, "PUT", api+"/buckets/vault/objects/k", "x", nil)
	return w
}

// serve answers a request without a connection, so that what no client would
// send comes through, and insists on what holds for every answer.
func serve(t *testing.T, w *edgetest.World, method, escaped, body string, h http.Header) edgetest.Response {
	t.Helper()
	path, err := url.PathUnescape(strings.SplitN(escaped, "?", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	_, query, _ := strings.Cut(escaped, "?")
	r.URL = &url.URL{Path: path, RawPath: strings.SplitN(escaped, "?", 2)[0], RawQuery: query}
	r.Header.Set("Authorization", "Bearer "+w.Token)
	maps.Copy(r.Header, h)
	rec := httptest.NewRecorder()
	w.Server.Config.Handler.ServeHTTP(rec, r)
	b, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	res := edgetest.Response{Status: rec.Code, Header: rec.Header(), Body: string(b)}
	switch {
	case res.Status >= 500, res.Status < 200, res.Status/100 == 3:
		t.Fatalf("%s %q %q: %d %s", method, escaped, body, res.Status, res.Body)
	case res.Status >= 400 && (res.Code() == "" || res.Header.Get("Content-Type") != "application/problem+json" || len(res.Body) > 1000):
		t.Fatalf("%s %q: %v %s", method, escaped, res.Header, res.Body)
	case !utf8.ValidString(res.Body):
		t.Fatalf("%q", res.Body)
	}
	return res
}

func FuzzTagsHeader(f *testing.F) {
	for _, s := range []string{"a=1&b=%20", "a", "a=1&a=2", "=v", "%zz", "a;b", "k=" + strings.Repeat("v", 257), "é=%ff", "a=%00", "&&", "a=b=c"} {
		f.Add(s)
	}
	w := fuzzed(f)
	f.Fuzz(func(t *testing.T, header string) {
		r := serve(t, w, "PUT", api+"/buckets/box/objects/k", "x", http.Header{"X-Lockwell-Tags": {header}})
		if r.Status == 400 {
			return
		}
		var got struct{ Tags map[string]string }
		decode(t, serve(t, w, "GET", api+"/buckets/box/object-tags/k", "", nil), &got)
		want, err := url.ParseQuery(header)
		if err != nil || len(want) != len(got.Tags) || len(want) > 10 {
			t.Fatalf("%q: %v %v", header, got.Tags, err)
		}
		for k, vs := range want {
			if v, ok := got.Tags[k]; !ok || len(vs) != 1 || v != vs[0] || k == "" || utf8.RuneCountInString(k) > 128 || utf8.RuneCountInString(v) > 256 {
				t.Fatalf("%q: %q %q", header, k, vs)
			}
		}
	})
}

func FuzzLockHeaders(f *testing.F) {
	f.Add("GOVERNANCE", "2099-01-01T00:00:00Z", "ON")
	f.Add("COMPLIANCE", "2099-01-01T00:00:00.999999999+23:59", "OFF")
	f.Add("", "9999-99-99T99:99:99Z", "on")
	f.Add("COMPLIANCE", "0000-01-01T00:00:00Z", "")
	w := fuzzed(f)
	f.Fuzz(func(t *testing.T, mode, until, hold string) {
		r := serve(t, w, "PUT", api+"/buckets/vault/objects/new", "x", http.Header{
			"X-Lockwell-Retention-Mode": {mode}, "X-Lockwell-Retain-Until": {until}, "X-Lockwell-Legal-Hold": {hold},
		})
		if r.Status == 400 {
			return
		}
		h := serve(t, w, "HEAD", api+"/buckets/vault/objects/new", "", nil).Header
		got, err := time.Parse("2006-01-02T15:04:05.000Z", h.Get("X-Lockwell-Retain-Until"))
		if want, e := time.Parse(time.RFC3339, until); err != nil || e != nil || !got.Equal(want.Truncate(time.Millisecond)) || !want.After(time.Now()) {
			t.Fatalf("%q: %v %v", until, h, err)
		}
		if h.Get("X-Lockwell-Retention-Mode") != mode || h.Get("X-Lockwell-Legal-Hold") != hold {
			t.Fatalf("%q %q: %v", mode, hold, h)
		}
	})
}

func FuzzIdempotencyKey(f *testing.F) {
	f.Add("k", "k")
	f.Add("a b", "")
	f.Add("\x7f", "é")
	f.Add(strings.Repeat("k", 255), strings.Repeat("k", 256))
	w := fuzzed(f)
	visible := regexp.MustCompile(`^[!-~]{1,255}$`)
	f.Fuzz(func(t *testing.T, one, other string) {
		r := serve(t, w, "PUT", api+"/buckets/box/objects/k", "x", http.Header{
			"Idempotency-Key": {one}, "X-Lockwell-Idempotency-Key": {other}, "X-Lockwell-Checksum-Sha256": {shaX},
		})
		if good := one == other && visible.MatchString(one); good != (r.Status == 201) {
			t.Fatalf("%q %q: %d %s", one, other, r.Status, r.Body)
		}
	})
}

// FuzzBodies sends bodies to every route that takes JSON. What a PUT answers
// must be good as a body of the same PUT.
func FuzzBodies(f *testing.F) {
	routes := []struct{ method, path string }{
		{"PUT", "/buckets/box/versioning"}, {"PUT", "/buckets/box/policy"}, {"PUT", "/buckets/vault/object-tags/k"}, {"PUT", "/buckets/vault/object-retention/k"},
		{"PUT", "/buckets/vault/object-legal-hold/k"}, {"POST", "/buckets/box/objects:batchDelete"}, {"POST", "/buckets/box/object-copy/copy"}, {"POST", "/buckets/box/multipart/k"},
		{"POST", "/buckets/box/multipart/mpu_00000000000000000000000000/complete/k"}, {"POST", "/sign-url"}, {"PUT", "/buckets/box/notifications"}, {"POST", "/buckets"}, {"POST", "/account/access-keys"},
	}
	for _, body := range []string{
		`{"status":"Enabled"}`, `{"status":"ON"}`, `{"statements":[{"effect":"Deny","actions":["deleteBucket"],"prefixes":["a"],"accessKeyIds":["x"]}]}`, `{"tags":{"k":"v"}}`,
		`{"mode":"COMPLIANCE","retainUntil":"2099-01-01T00:00:00Z"}`, `{"objects":[{"key":"a","versionId":"b"}]}`, `{"sourceBucket":"vault","sourceKey":"k","metadataDirective":"REPLACE","metadata":{"a":"b"},"ifMatch":"*"}`,
		`{"parts":[{"partNumber":1,"etag":"\"x\""}]}`, `{"method":"GET","bucket":"box","key":"\ud83d\ude00","ttlSeconds":5}`, `{"contentType":"a/b","metadata":{},"tags":{}}`,
		`null`, `[]`, ``, `{"tags":{"k":"\ud800\u0041"}}`, `{"tags":{"k":"\\ud800"}}`, `{"a":[null]}`, `{"status":"ON","status":"OFF"}`, `{"key":` + strings.Repeat(`{"a":`, 70), "\xff", `{"name":"abc"}`, `{"scopes":["read"]}`,
	} {
		for i := range routes {
			f.Add(uint8(i), body)
		}
	}
	w := fuzzed(f)
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		k := routes[int(route)%len(routes)]
		r := serve(t, w, k.method, api+k.path, body, nil)
		if r.Status >= 300 || k.method != "PUT" || strings.HasSuffix(k.path, "retention/k") { // which may only be extended
			return
		}
		again := serve(t, w, k.method, api+k.path, r.Body, nil)
		if again.Status != r.Status || again.Body != r.Body {
			t.Fatalf("%s %q: %s, then %s", k.path, body, r.Body, again.Body)
		}
	})
}

// FuzzSignedToken: no text but the one that was minted opens anything.
func FuzzSignedToken(f *testing.F) {
	w := fuzzed(f)
	w.Want(f, 201, "PUT", api+"/buckets/box/objects/k", "x", nil)
	var s signed
	decode(f, w.Want(f, 200, "POST", api+"/sign-url", `{"method":"GET","bucket":"box","key":"k","ttlSeconds":604800}`, nil), &s)
	_, minted, _ := strings.Cut(s.URL, "?token=")
	for _, token := range []string{minted, minted + "=", minted[:len(minted)-1], "lwurl_", "lwurl_.", w.Token, strings.Replace(minted, ".", "..", 1), "lwurl_e30.AAAA", minted + "\n"} {
		f.Add(token, "k")
	}
	f.Add(minted, "K")
	f.Fuzz(func(t *testing.T, token, key string) {
		if key == "" {
			return
		}
		r := serve(t, w, "GET", api+"/signed/box/"+url.PathEscape(key)+"?token="+url.QueryEscape(token), "", http.Header{"Authorization": nil})
		if opened := r.Status == 200; opened != (token == minted && key == "k") {
			t.Fatalf("%q %q: %d", token, key, r.Status)
		}
	})
}

// FuzzMultipartPath: what is no completion is a key, and arrives as one.
func FuzzMultipartPath(f *testing.F) {
	id := "mpu_" + strings.Repeat("0", 26)
	for _, s := range []string{"k", id + "/complete/k", id + "/complete", id + "//complete/k", id + "%2Fcomplete/k", "x/complete/k", "../" + id + "/complete/k", id + "/complete//", "%", "/", id + "/parts/1/k", id + "/./complete/k"} {
		f.Add(s)
	}
	w := fuzzed(f)
	completion := regexp.MustCompile(`(?s)^mpu_[0-9A-Z]{26}/complete/.*$`)
	f.Fuzz(func(t *testing.T, tail string) {
		key, err := url.PathUnescape(tail)
		if err != nil || strings.ContainsAny(tail, "?#") || (&url.URL{Path: key, RawPath: tail}).EscapedPath() != tail {
			return
		}
		r := serve(t, w, "POST", api+"/buckets/box/multipart/"+tail, "", nil)
		segments := strings.SplitN(tail, "/", 3)
		for i := range segments[:min(len(segments), 2)] {
			if segments[i], err = url.PathUnescape(segments[i]); err != nil {
				t.Fatal(err)
			}
		}
		isCompletion := len(segments) == 3 && !strings.Contains(segments[0]+segments[1], "/") && completion.MatchString(strings.Join(segments, "/"))
		good := key != "" && len(key) <= 1024 && utf8.ValidString(key) && !strings.Contains(key, "\x00")
		var m struct{ Key string }
		switch _ = json.Unmarshal([]byte(r.Body), &m); {
		case isCompletion && (r.Status == 404 || r.Status == 400):
		case !isCompletion && good && r.Status == 201 && m.Key == key:
		case !isCompletion && !good && r.Status == 400 && r.Code() == "invalid_key":
		default:
			t.Fatalf("%q: %d %s", tail, r.Status, r.Body)
		}
	})
}
