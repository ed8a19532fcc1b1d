package webdav_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// rclones is what rclone asks for with vendor=owncloud.
const rclones = `<?xml version="1.0"?>
<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>
<d:displayname/><d:getlastmodified/><d:getcontentlength/><d:resourcetype/><d:getcontenttype/><oc:checksums/>
</d:prop></d:propfind>`

func TestProperties(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "MKCOL", "docs", "")
	w.want(t, 201, "PUT", "docs/a <b>.txt", "hello", "X-OC-Mtime", "1000000000", "Content-Type", "text/plain")
	sha, md := sums("hello")
	const file, folder = "/dav/ada/docs/a%20%3Cb%3E.txt", "/dav/ada/docs/"

	got := w.props(t, "docs", "1", rclones)
	if !slices.Equal(hrefs(got), []string{folder, file}) {
		t.Fatalf("%q", hrefs(got))
	}
	f := got[file]
	if f["displayname"] != "a <b>.txt" && f["displayname"] != "a &lt;b&gt;.txt" || f["getlastmodified"] != "Sun, 09 Sep 2001 01:46:40 GMT" || f["getcontentlength"] != "5" || f["resourcetype"] != "" ||
		f["getcontenttype"] != "text/plain" || !strings.Contains(f["checksums"], "SHA1:"+sha+" MD5:"+md) {
		t.Errorf("%q", f)
	}
	d := got[folder]
	if !strings.Contains(d["resourcetype"], "collection") || d["404"] != "getcontentlength getcontenttype checksums " || d["displayname"] != "docs" || d["getlastmodified"] == "" {
		t.Errorf("%q", d)
	}
	all := w.props(t, "docs/a <b>.txt", "0", "")[file]
	for _, n := range []string{"getetag", "creationdate", "supportedlock", "lockdiscovery", "getcontentlength"} {
		if _, ok := all[n]; !ok {
			t.Errorf("no %s: %q", n, all)
		}
	}
	if _, ok := all["checksums"]; ok || all["404"] != "" {
		t.Errorf("%q", all)
	}
	more := w.props(t, "docs/a <b>.txt", "0", `<propfind xmlns="DAV:"><allprop/><include><c:checksums xmlns:c="http://owncloud.org/ns"/></include></propfind>`)[file]
	if more["checksums"] == "" || more["getetag"] == "" {
		t.Errorf("%q", more)
	}
	names := w.props(t, "docs/a <b>.txt", "0", `<propfind xmlns="DAV:"><propname/></propfind>`)[file]
	if v, ok := names["getetag"]; !ok || v != "" || names["404"] != "" {
		t.Errorf("%q", names)
	}
	strange := w.props(t, "docs", "0", `<a:propfind xmlns:a="DAV:"><a:prop><x xmlns="urn:&lt;x&gt;"/><y xmlns=""/><a:z/></a:prop></a:propfind>`)[folder]
	if strange["404"] != "x y z " {
		t.Errorf("%q", strange)
	}
}

func TestProperties_Top(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "PUT", "a", "x")
	const quota = `<D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/></D:prop></D:propfind>`
	for _, path := range []string{"/dav", "/dav/"} {
		got := read(t, w.raw(t, "PROPFIND", path, quota, "Depth", "1"))
		if !slices.Equal(hrefs(got), []string{"/dav/", "/dav/ada/"}) {
			t.Errorf("%s: %q", path, hrefs(got))
		}
		for href, p := range got {
			if p["quota-used-bytes"] == "" || p["quota-available-bytes"] == "" {
				t.Errorf("%s: %q", href, p)
			}
		}
	}
	for _, path := range []string{"/dav/ada", "/dav/ada/"} {
		if got := hrefs(read(t, w.raw(t, "PROPFIND", path, quota, "Depth", "1"))); !slices.Equal(got, []string{"/dav/ada/", "/dav/ada/a"}) {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := w.props(t, "a", "0", quota)["/dav/ada/a"]; got["404"] == "" {
		t.Errorf("a file has a quota: %q", got)
	}
}

// TestProperties_ManyFiles asks object once for the folder and once for each page.
func TestProperties_ManyFiles(t *testing.T) {
	t.Parallel()
	w := start(t)
	const files = 1100
	w.want(t, 201, "MKCOL", "many", "")
	for i := range files {
		w.want(t, 201, "PUT", fmt.Sprintf("many/%04d", i), "x")
	}
	stats, lists := w.Object.Called("StatNode"), w.Object.Called("ListFolder")
	got := w.props(t, "many", "1", rclones)
	if len(got) != files+1 {
		t.Errorf("%d of %d", len(got), files)
	}
	if s, l := w.Object.Called("StatNode")-stats, w.Object.Called("ListFolder")-lists; s != 1 || l != 2 {
		t.Errorf("%d and %d calls", s, l)
	}
	// A page that fails in the middle cuts the answer: nobody may take it for whole.
	w.Object.FailAfter("ListFolder", 1, errAway)
	resp, err := w.Server.Client().Do(request(t, w, "PROPFIND", "/dav/ada/many", "1"))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("half a folder looks like a whole one")
	}
}

func TestProperties_Refusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "PUT", "a", "x")
	for _, depth := range []string{"infinity", "Infinity", ""} {
		r := w.do(t, "PROPFIND", "", "", "Depth", depth)
		if _, _, condition := tell(t, r); r.Status != 403 || condition != "propfind-finite-depth" {
			t.Errorf("Depth %q: %d %s", depth, r.Status, r.Body)
		}
	}
	for _, depth := range []string{"2", "-1", "x", "0, 1"} {
		w.want(t, 400, "PROPFIND", "", "", "Depth", depth)
	}
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	for body, status := range map[string]int{
		"<": 400, "<a/>": 400, "<propfind/>": 400, `<propfind xmlns="DAV:"/>`: 400, "text": 400, `<propfind xmlns="DAV:"><allprop/></propfind><x/>`: 400,
		`<propfind xmlns="DAV:"><allprop></propfind>`: 400, "\xff\xfe<": 400, `<?xml version="1.0" encoding="utf-16"?><a/>`: 400,
		`<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><propfind xmlns="DAV:"><prop>&c;</prop></propfind>`: 400,
		`<!DOCTYPE a SYSTEM "file:///etc/passwd"><propfind xmlns="DAV:"><allprop/></propfind>`:                    400,
		`<propfind xmlns="DAV:"><prop>&nbsp;</prop></propfind>`:                                                   400,
		`<propfind xmlns="DAV:"><prop>` + deep + `</prop></propfind>`:                                             400,
		`<propfind xmlns="DAV:"><prop>` + strings.Repeat("<a/>", 2000) + `</prop></propfind>`:                     400,
		`<propfind xmlns="DAV:"><prop>` + strings.Repeat("t", 10<<10) + `</prop></propfind>`:                      400,
		`<propfind xmlns="DAV:">` + strings.Repeat(" ", 300<<10) + `<allprop/></propfind>`:                        413,
		"<!-- " + strings.Repeat("c", 100<<10) + ` --><propfind xmlns="DAV:"><allprop/></propfind>`:               207,
		`<?xml version="1.0" encoding="UTF-8"?><propfind xmlns="DAV:"><allprop/><unknown/></propfind>`:            207,
		`<propfind xmlns="DAV:"><prop><x:colon xmlns:x="u"/><undeclared:x/></prop></propfind>`:                    207,
		`<propfind xmlns="DAV:"><prop/></propfind>`:                                                               207,
	} {
		r := w.do(t, "PROPFIND", "a", body, "Depth", "0")
		if r.Status != status {
			t.Errorf("%.80q: %d, want %d: %s", body, r.Status, status, r.Body)
		}
		if r.Status == 207 {
			read(t, r)
		}
	}
}
