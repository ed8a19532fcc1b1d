package webdav_test

import (
	"strings"
	"testing"
)

const head = `<?xml version="1.0" encoding="utf-8"?>`

func patch(inner string) string {
	return head + `<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>` + inner + `</D:prop></D:set></D:propertyupdate>`
}

func TestPatchProperties(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "PUT", "a b", "x")
	w.want(t, 201, "MKCOL", "d", "")
	const href = "/dav/ada/a%20b"
	for inner, want := range map[string]string{
		`<D:lastmodified>1000000000</D:lastmodified>`:                          "2001",
		`<D:getlastmodified>Tue, 05 Feb 2019 10:00:00 GMT</D:getlastmodified>`: "2019",
		`<Z:Win32LastModifiedTime>Wed, 05 Feb 2020 10:00:00 GMT</Z:Win32LastModifiedTime><Z:Win32CreationTime>x</Z:Win32CreationTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>`: "2020",
		`<D:lastmodified>2021-02-05T10:00:00Z</D:lastmodified>`: "2021",
	} {
		got := read(t, w.want(t, 207, "PROPPATCH", "a b", patch(inner)))
		if _, refused := got[href]["403"]; refused || len(got) != 1 {
			t.Errorf("%s: %q", inner, got)
		}
		if at := w.want(t, 200, "HEAD", "a b", "").Header.Get("Last-Modified"); !strings.Contains(at, want) {
			t.Errorf("%s: %s", inner, at)
		}
	}
	before := w.want(t, 200, "HEAD", "a b", "").Header.Get("Last-Modified")
	got := read(t, w.want(t, 207, "PROPPATCH", "a b", patch(`<D:lastmodified>1</D:lastmodified><D:getetag>"x"</D:getetag><q xmlns="urn:q">dead</q>`)))
	if got[href]["403"] != "getetag q " || got[href]["424"] != "lastmodified " {
		t.Errorf("%q", got)
	}
	if at := w.want(t, 200, "HEAD", "a b", "").Header.Get("Last-Modified"); at != before {
		t.Errorf("half a patch was done: %s", at)
	}
	if got := read(t, w.want(t, 207, "PROPPATCH", "d", patch(`<D:lastmodified>1</D:lastmodified>`))); got["/dav/ada/d/"]["403"] == "" {
		t.Errorf("%q", got)
	}
	for body, status := range map[string]int{
		"": 400, "<x/>": 400, patch(""): 400, patch(`<D:lastmodified>soon</D:lastmodified>`): 400,
		head + `<D:propertyupdate xmlns:D="DAV:"><D:remove><D:prop><q/></D:prop></D:remove></D:propertyupdate>`: 207,
	} {
		w.want(t, status, "PROPPATCH", "a b", body)
	}
	w.want(t, 404, "PROPPATCH", "gone", patch(`<D:lastmodified>1</D:lastmodified>`))
	w.want(t, 403, "PROPPATCH", "", patch(`<D:lastmodified>1</D:lastmodified>`))
}
