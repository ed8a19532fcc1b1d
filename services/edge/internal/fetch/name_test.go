package fetch_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/edge/internal/fetch"
)

func response(t testing.TB, at, disposition string) *http.Response {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Response{Header: http.Header{"Content-Disposition": {disposition}}, Request: &http.Request{URL: u}}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 150)
	for _, c := range []struct{ at, disposition, want string }{
		{"http://a/x/y.zip?q=1", "", "y.zip"},
		{"http://a/x/%C3%A4%20b.zip", "", "ä b.zip"},
		{"http://a/x/a%2Fb%5Cc.zip", "", "c.zip"},
		{"http://a/x/..%2F..%2Fpasswd", "", "passwd"},
		{"http://a/dir/", "", "dir"},
		{"http://a", "", "file"},
		{"http://a/", "attachment", "file"},
		{"http://a/%2E%2E", "", "file"},
		{"http://a/%00%01", "", "file"},
		{"http://a/%ff", "", "ÿ"},
		{"http://a/x", `attachment; filename="b.txt"`, "b.txt"},
		{"http://a/x", `attachment; filename=b.txt`, "b.txt"},
		{"http://a/x", `attachment; filename=my file.txt; size=3`, "my file.txt"},
		{"http://a/x", `inline;FileName = "b.txt"`, "b.txt"},
		{"http://a/x", `filename="b.txt"`, "b.txt"},
		{"http://a/x", `attachment; filename="a;b\"c.txt"; x=y`, `a;b"c.txt`},
		{"http://a/x", `attachment; filename="b.txt"; filename*=UTF-8''%e2%82%ac%20rates.txt`, "€ rates.txt"},
		{"http://a/x", `attachment; filename*=UTF-8'en'%c3%a4.txt; filename="b.txt"`, "ä.txt"},
		{"http://a/x", `attachment; filename*=ISO-8859-1''%e4.txt`, "ä.txt"},
		{"http://a/x", `attachment; filename="b.txt"; filename*=UTF-8''%ff.txt`, "b.txt"},
		{"http://a/x", `attachment; filename="b.txt"; filename*=UTF-16''%00a`, "b.txt"},
		{"http://a/x", `attachment; filename="b.txt"; filename*=nonsense`, "b.txt"},
		{"http://a/x", `attachment; filename="b.txt"; filename*=UTF-8''%zz`, "b.txt"},
		{"http://a/x", `attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`, "passwd"},
		{"http://a/x", `attachment; filename="first.txt"; filename="second.txt"`, "first.txt"},
		{"http://a/x", `attachment; filename="../../etc/passwd"`, "passwd"},
		{"http://a/x", `attachment; filename="C:\\dir\\b.txt"`, "b.txt"},
		{"http://a/x", `attachment; filename=""`, "x"},
		{"http://a/x", `attachment; filename=".."`, "x"},
		{"http://a/x", `attachment; filename="dir/"`, "x"},
		{"http://a/x", `attachment; filename=" . "`, "x"},
		{"http://a/x", `attachment; filename=".bashrc"`, ".bashrc"},
		{"http://a/x", "attachment; filename=\"\xe4.txt\"", "ä.txt"},
		{"http://a/x", "attachment; filename=\"ä.txt\"", "ä.txt"},
		{"http://a/x", "attachment; filename=\"a\x01\u202eb.txt\"", "ab.txt"},
		{"http://a/x", `attachment; filename="open`, "open"},
		{"http://a/x", `attachment; filename="a\`, `x`},
		{"http://a/x", ";;;=;=\"", "x"},
		{"http://a/x", `attachment; filename="` + long + `.tar"`, strings.Repeat("ä", 125) + ".tar"},
		{"http://a/x", `attachment; filename="` + strings.Repeat("a", 300) + `"`, strings.Repeat("a", 255)},
	} {
		if got := fetch.NameOf(response(t, c.at, c.disposition)); got != c.want {
			t.Errorf("%s, %q: %q, want %q", c.at, c.disposition, got, c.want)
		}
	}
}

// FuzzNameOf: whatever a server says, the name is one that the drive takes.
func FuzzNameOf(f *testing.F) {
	for _, seed := range []string{
		"", `attachment; filename="b.txt"`, `a;filename*=UTF-8''%e2%82%ac`, `filename="\`, `;;=;"`, "filename=\xff", `filename*=iso-8859-1'x'%ff%2f`,
		"filename=\"a\nb\"", fmt.Sprintf("filename=%s.x", strings.Repeat("é", 200)), `filename=..`, `filename="/"; filename*=utf-8''`,
	} {
		f.Add(seed, "/a/b%20c")
	}
	f.Fuzz(func(t *testing.T, disposition, path string) {
		resp := response(t, "http://a/", disposition)
		resp.Request.URL.Path = path
		name := fetch.NameOf(resp)
		if name == "" || name == "." || name == ".." || len(name) > 255 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c == '/' || unicode.IsControl(c) }) {
			t.Errorf("%q, %q: %q", disposition, path, name)
		}
	})
}
