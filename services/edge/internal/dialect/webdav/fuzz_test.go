package webdav_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// fuzzed is a world with a folder "d" and a file "a".
func fuzzed(f *testing.F) world {
	f.Helper()
	w := start(f)
	w.want(f, 201, "MKCOL", "d", "")
	w.want(f, 201, "PUT", "a", "x")
	return w
}

// serve answers a request without a connection, so that what no client would send
// comes through, and insists on what holds for every answer.
func serve(t *testing.T, w world, method, path, body string, headers ...string) edgetest.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	r.URL = &url.URL{Path: path}
	r.Header.Set("Authorization", "Bearer "+w.Account)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header[http.CanonicalHeaderKey(headers[i])] = []string{headers[i+1]}
	}
	rec := httptest.NewRecorder()
	w.Server.Config.Handler.ServeHTTP(rec, r)
	b, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	res := edgetest.Response{Status: rec.Code, Header: rec.Header(), Body: string(b)}
	if res.Status >= 500 && res.Status != 502 && res.Status != 507 || res.Status < 200 || res.Status/100 == 3 && res.Status != 304 || !utf8.ValidString(res.Body) {
		t.Fatalf("%s %q %q %q: %d %q", method, path, headers, body, res.Status, res.Body)
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/xml") {
		var any struct {
			Inner string `xml:",innerxml"`
		}
		if err := xml.Unmarshal(b, &any); err != nil {
			t.Fatalf("%s %q %q: %v: %q", method, path, body, err, b)
		}
	}
	return res
}

func FuzzXML(f *testing.F) {
	for _, s := range []string{
		rclones, patch(`<D:lastmodified>1</D:lastmodified>`), lockinfo("exclusive", "<D:href>x</D:href>"), `<propfind xmlns="DAV:"><allprop/></propfind>`,
		`<propfind xmlns="DAV:"><prop><a:b xmlns:a="x&quot;&#xA;"/><c xmlns=""/><xml:d/></prop></propfind>`, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "<a", "\x00", `<a:b:c/>`, `<_ xmlns:_="_"/>`,
	} {
		f.Add(s)
	}
	w := fuzzed(f)
	f.Fuzz(func(t *testing.T, body string) {
		serve(t, w, "PROPFIND", "/dav/ada/a", body, "Depth", "0")
		serve(t, w, "PROPFIND", "/dav/ada", body, "Depth", "1")
		serve(t, w, "PROPPATCH", "/dav/ada/a", body)
		if r := serve(t, w, "LOCK", "/dav/ada/d", body, "Depth", "infinity"); r.Status == 200 {
			serve(t, w, "PROPFIND", "/dav/ada/a", "", "Depth", "0")
			if r := serve(t, w, "UNLOCK", "/dav/ada/d", "", "Lock-Token", r.Header.Get("Lock-Token")); r.Status != 204 {
				t.Fatalf("a lock cannot be given back: %d", r.Status)
			}
		}
	})
}

func FuzzHeaders(f *testing.F) {
	for _, s := range [][5]string{
		{"/dav/ada/b", "T", `(<opaquelocktoken:x>)`, "1000000000", "SHA1:da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{"http://example.com/dav/ada/b?q#f", "F", `</dav/ada/a> (Not <DAV:no-lock> ["x"]) ([W/"y"])`, "-1.5", "MD5:x ADLER32:1"},
		{"//dav/ada", "t", "(Not(", "1.", ":"}, {"/dav/ada/%2e%2e/x", "", "<", "0.0000000001", "sha-1:"}, {"\x00", "\xff", "()", "+1", "SHA256"},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4])
	}
	w := fuzzed(f)
	f.Fuzz(func(t *testing.T, destination, overwrite, ifs, mtime, sum string) {
		serve(t, w, "COPY", "/dav/ada/a", "", "Destination", destination, "Overwrite", overwrite, "If", ifs, "X-OC-Mtime", mtime, "Timeout", sum)
		serve(t, w, "PUT", "/dav/ada/put", "", "If", ifs, "X-OC-Mtime", mtime, "OC-Checksum", sum, "If-Match", overwrite, "Content-Type", sum)
		serve(t, w, "LOCK", "/dav/ada/a", "", "If", ifs, "Timeout", sum, "Depth", overwrite)
		serve(t, w, "GET", "/dav/ada/put", "", "Range", sum, "If-Range", overwrite)
		if r := serve(t, w, "GET", "/dav/ada/a", ""); r.Status != 200 && r.Status != 404 {
			t.Fatalf("%d", r.Status)
		}
	})
}

// FuzzPath holds that a name that was taken is listed as itself, and that nothing
// else is.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"b", "a b", "d/x", "d//x", "../x", "%2F", "\u0308", "x/", "\x01", "ada", "\xff", "<&>"} {
		f.Add(s)
	}
	w := fuzzed(f)
	f.Fuzz(func(t *testing.T, path string) {
		path = strings.TrimRight(path, "/") // says nothing once, and more are refused
		r := serve(t, w, "PUT", "/dav/ada/"+path, "content")
		if r.Status != 201 {
			return
		}
		if got := serve(t, w, "GET", "/dav/ada/"+path, ""); got.Body != "content" {
			t.Fatalf("%q: %d %q", path, got.Status, got.Body)
		}
		one := read(t, serve(t, w, "PROPFIND", "/dav/ada/"+path, "", "Depth", "0"))
		for href := range one {
			u, err := url.Parse(href)
			if err != nil || u.Path != "/dav/ada/"+path || len(one) != 1 {
				t.Fatalf("%q is shown as %q: %v", path, href, err)
			}
		}
		if r := serve(t, w, "DELETE", "/dav/ada/"+path, ""); r.Status != 204 {
			t.Fatalf("%q: %d", path, r.Status)
		}
	})
}
