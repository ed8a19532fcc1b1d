package webdav_test

import (
	"slices"
	"strings"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// tree makes a small one: d/a, d/sub/b, other/c, file.
func (w world) tree(t *testing.T) {
	t.Helper()
	for _, d := range []string{"d", "d/sub", "other"} {
		w.want(t, 201, "MKCOL", d, "")
	}
	for _, f := range []string{"d/a", "d/sub/b", "other/c", "file"} {
		w.want(t, 201, "PUT", f, f, "X-OC-Mtime", "1000000000")
	}
}

func TestMoveCopy_Matrix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		move, copied     int // statuses
		from, to         string
		overwrite, depth string
		gives            string // content at the destination; a folder's first file
	}{
		{201, 201, "file", "d/new", "", "", "file"},
		{201, 201, "file", "d/new%20name%23", "F", "", "file"},
		{204, 204, "file", "d/a", "T", "", "file"},
		{204, 204, "file", "d/a", "", "", "file"},
		{412, 412, "file", "d/a", "F", "", "d/a"},
		{204, 204, "file", "other", "T", "", "file"},
		{412, 412, "file", "other", "F", "", ""},
		{409, 409, "file", "nowhere/x", "T", "", ""},
		{409, 409, "file", "d/a/x", "T", "", ""},
		{403, 403, "file", "file", "T", "", "file"},
		{404, 404, "gone", "x", "T", "", ""},
		{201, 201, "d", "e", "F", "", ""},
		{204, 204, "d", "other", "T", "infinity", ""},
		{412, 412, "d", "other", "F", "", ""},
		{204, 204, "d", "file", "T", "", ""},
		{403, 403, "d", "d/sub/d", "T", "", ""},
		{403, 403, "d/sub", "d", "T", "", ""},
		{400, 201, "d", "shallow", "F", "0", ""},
		{400, 400, "d", "e", "F", "1", ""},
		{400, 400, "file", "x", "maybe", "", ""},
		{403, 403, "", "x", "T", "", ""},
		{403, 403, "file", "", "T", "", ""},
	} {
		for _, method := range []string{"MOVE", "COPY"} {
			w := start(t)
			w.tree(t)
			want := c.move
			if method == "COPY" {
				want = c.copied
			}
			if method == "COPY" && c.from == "" {
				continue // the whole drive into itself
			}
			headers := []string{"Destination", w.URL + "/dav/ada/" + c.to}
			if c.overwrite != "" {
				headers = append(headers, "Overwrite", c.overwrite)
			}
			if c.depth != "" {
				headers = append(headers, "Depth", c.depth)
			}
			r := w.do(t, method, c.from, "", headers...)
			if r.Status != want {
				t.Errorf("%s %s to %s %q: %d, want %d: %s", method, c.from, c.to, c.overwrite, r.Status, want, r.Body)
			}
			if c.gives != "" {
				if got := w.raw(t, "GET", "/dav/ada/"+c.to, ""); got.Body != c.gives {
					t.Errorf("%s to %s gives %d %q", method, c.to, got.Status, got.Body)
				}
			}
			keys := w.Object.Keys("acc-ada", objectv1.DriveBucket)
			gone := r.Status < 300 && method == "MOVE"
			if there := slices.ContainsFunc(keys, func(k string) bool { return k == c.from || strings.HasPrefix(k, c.from+"/") }); c.from != "gone" && c.from != "" && there == gone {
				t.Errorf("%s %s to %s leaves %q", method, c.from, c.to, keys)
			}
		}
	}
}

func TestCopy_Folder(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.tree(t)
	w.want(t, 204, "COPY", "d", "", "Destination", "/dav/ada/other/")
	if keys := w.Object.Keys("acc-ada", objectv1.DriveBucket); !slices.Equal(keys, []string{"d/a", "d/sub/b", "file", "other/a", "other/sub/b"}) {
		t.Errorf("%q", keys)
	}
	w.want(t, 201, "COPY", "d", "", "Destination", "/dav/ada/shallow", "Depth", "0")
	if got := w.props(t, "shallow", "1", ""); len(got) != 1 {
		t.Errorf("%q", hrefs(got))
	}
	w.Object.FailAfter("CopyObject", 1, errAway)
	r := w.want(t, 207, "COPY", "d", "", "Destination", "/dav/ada/partly")
	if !strings.Contains(r.Body, "/dav/ada/partly/sub/b") || !strings.Contains(r.Body, "503") {
		t.Error(r.Body)
	}
}

func TestMove_Headers(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.tree(t)
	for destination, status := range map[string]int{
		"": 400, "://": 400, "relative": 400, "http://other.example/dav/ada/x": 502, "/elsewhere/x": 502, w.URL + "/api/v1/files": 502, w.URL + "/dav/bob/x": 403, "/dav/bob/x": 403,
		"/dav/": 403, "/dav/ada": 403, "/dav/ada/": 403, "/dav/ada//x": 400, "/dav/ada/%zz": 400, "/dav/ada/../bob/x": 400, "mailto:x": 400, "/dav/ada/a%00": 400,
	} {
		w.want(t, status, "MOVE", "file", "", "Destination", destination)
		w.want(t, status, "COPY", "file", "", "Destination", destination)
	}
	w.want(t, 400, "MOVE", "file", "")
	w.want(t, 415, "MOVE", "file", "body", "Destination", "/dav/ada/x")
	w.want(t, 400, "COPY", "file", "", "Destination", "/dav/ada/x", "X-OC-Mtime", "x")
	r := w.want(t, 201, "COPY", "file", "", "Destination", "/dav/ada/x", "X-OC-Mtime", "1234567890", "Overwrite", "F")
	if r.Header.Get("X-Oc-Mtime") != "accepted" || !strings.Contains(w.want(t, 200, "HEAD", "x", "").Header.Get("Last-Modified"), "2009") {
		t.Errorf("%v", r.Header)
	}
	upper := strings.Replace(w.URL, "http://", "HTTP://", 1)
	w.want(t, 201, "MOVE", "x", "", "Destination", upper+"/dav/ada/%79")
	if at := w.want(t, 200, "HEAD", "y", "").Header.Get("Last-Modified"); !strings.Contains(at, "2009") {
		t.Errorf("a move changed the time: %s", at)
	}
}
