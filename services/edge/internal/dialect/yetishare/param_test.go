package yetishare_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestParams_ThreeWays sends every parameter of each endpoint in each of the three
// ways (field-facts.md, 1).
func TestParams_ThreeWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	ways := map[string]func(path string, v url.Values) int{
		"urlencoded": func(path string, v url.Values) int { return successOf(t, w.post(t, path, v).Body) },
		"multipart": func(path string, v url.Values) int {
			var parts []part
			for name := range v {
				parts = append(parts, field(name, v.Get(name)))
			}
			return successOf(t, w.send(t, path, parts...).Body)
		},
		"query": func(path string, v url.Values) int {
			return successOf(t, w.Do(t, "GET", api+path+"?"+v.Encode(), "", header()).Body)
		},
		"query of a POST": func(path string, v url.Values) int {
			return successOf(t, w.Do(t, "POST", api+path+"?"+v.Encode(), "", header()).Body)
		},
	}
	for way, send := range ways {
		for _, k := range []struct {
			path   string
			params url.Values
		}{
			{"/authorize", values("username", "ada", "password", "right")},
			{"/account/info", w.who}, {"/account/package", w.who},
			{"/file/info", plus(w.who, "file_id", x.file)}, {"/file/download", plus(w.who, "file_id", x.file)},
			{"/file/edit", plus(w.who, "file_id", x.file, "filename", "b & c=d.txt", "fileType", "text/plain", "folder_id", x.folder)},
			{"/file/move", plus(w.who, "file_id", x.file, "new_parent_folder_id", x.folder)},
			{"/file/copy", plus(w.who, "file_id", x.file, "copy_to_folder_id", x.folder)},
			{"/folder/create", plus(w.who, "folder_name", "a+b é", "parent_id", x.folder, "is_public", "1", "access_password", strings.Repeat("a", 32))},
			{"/folder/listing", plus(w.who, "parent_folder_id", x.folder)}, {"/folder/info", plus(w.who, "folder_id", x.folder)},
			{"/folder/edit", plus(w.who, "folder_id", x.folder, "folder_name", "n", "parent_id", "", "is_public", "2", "access_password", "")},
			{"/folder/move", plus(w.who, "folder_id", x.folder, "new_parent_folder_id", "")},
			{"/file/url_upload_add", plus(w.who, "url", "https://example.org/?a=b&c=d;e")}, {"/file/url_upload_status", plus(w.who, "url_upload_id", "1")},
		} {
			if send(k.path, k.params) != 1 {
				t.Errorf("%s as %s failed", k.path, way)
			}
		}
	}
}

// successOf is 1 for a success, 0 else.
func successOf(t testing.TB, body string) int {
	t.Helper()
	if strings.Contains(body, `"_status":"success"`) {
		return 1
	}
	t.Log(body)
	return 0
}

func TestParams_Precedence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	urlencoded := header("Content-Type", "application/x-www-form-urlencoded")
	name := func(path, body string, h http.Header) string {
		return fmt.Sprint(data(t, w.Do(t, "POST", api+path, body, h))["folderName"])
	}
	who := w.who.Encode()
	if got := name("/folder/create?folder_name=query", who+"&folder_name=body", urlencoded); got != "body" {
		t.Errorf("%q: the body's parameter comes before the query's", got)
	}
	if got := name("/folder/create?folder_name=query", who, urlencoded); got != "query" {
		t.Errorf("%q: what the body does not say the query may", got)
	}
	if got := name("/folder/create", who+"&folder_name=one&folder_name=two", urlencoded); got != "one" {
		t.Errorf("%q: the first one of a repeated parameter counts", got)
	}
	body, kind := formOf(t, append(w.credentials(), field("folder_name", "1st"), field("folder_name", "2nd"))...)
	if got := name("/folder/create?folder_name=query", body, header("Content-Type", kind)); got != "1st" {
		t.Errorf("%q of a form", got)
	}
	if got := name("/folder/create?"+who+"&folder_name=semi;colon", "", header()); got != "semi;colon" {
		t.Errorf("%q: a semicolon is a character", got)
	}
	if got := name("/folder/create", who+"&folder_name=plus+space%2B", header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")); got != "plus space+" {
		t.Errorf("%q", got)
	}
	// A GET's body says nothing.
	refusal(t, w.Do(t, "GET", api+"/folder/create?folder_name=a", who, urlencoded), 200, param("account_id"))
}

func TestParams_Bad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.who.Encode()
	form := "application/x-www-form-urlencoded"
	const ways = "Parameters are sent as application/x-www-form-urlencoded, as multipart/form-data, or in the query string."
	multi := "multipart/form-data; boundary=b"
	cut := "--b\r\nContent-Disposition: form-data; name=\"folder_name\"\r\n\r\nval"
	for _, k := range []struct{ method, path, body, kind, want string }{
		{"POST", "/account/info", `{"access_token":"x"}`, "application/json", ways},
		{"POST", "/account/info", who, "", ways},
		{"POST", "/account/info", who, "text/plain", ways},
		{"POST", "/account/info", who, "multipart/mixed; boundary=b", ways},
		{"POST", "/account/info", who, "; ;", ways},
		{"POST", "/account/info", "a", "multipart/form-data", "The multipart form has no boundary."},
		{"POST", "/file/upload", "a", "multipart/form-data", "The multipart form has no boundary."},
		{"POST", "/account/info", "access_token=%zz", form, "The \"access_token\" param has a bad percent escape."},
		{"GET", "/account/info?access_token=%2", "", "", "The \"access_token\" param has a bad percent escape."},
		{"GET", "/account/info?%2=1", "", "", "The name of a param has a bad percent escape."},
		{"POST", "/account/info", "access_token=%ff", form, "The \"access_token\" param is not UTF-8."},
		{"POST", "/account/info", "a=" + strings.Repeat("x", 64<<10), form, "The form is longer than 64 KiB."},
		{"GET", "/account/info?a=" + strings.Repeat("x", 65<<10), "", "", "The parameters are longer than 64 KiB."},
		{"POST", "/account/info", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n" + strings.Repeat("x", 64<<10) + "\r\n--b--\r\n", multi, "The form is longer than 64 KiB."},
		{"POST", "/account/info", cut, multi, "the body ended before its announced length; nothing was stored"},
		{"POST", "/file/upload", cut, multi, "the body ended before its announced length; nothing was stored"},
		{"POST", "/account/info", "--b\r\nno header\r\n\r\nval\r\n--b--\r\n", multi, "The multipart form is malformed."},
		{"POST", "/account/info", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\xff\r\n--b--\r\n", multi, "The \"x\" param is not UTF-8."},
		{"POST", "/file/upload", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n", 2000) + "--b--\r\n", multi, "The parameters are longer than 64 KiB."},
	} {
		h := header()
		if k.kind != "" {
			h.Set("Content-Type", k.kind)
		}
		r := w.Do(t, k.method, api+k.path, k.body, h)
		refusal(t, r, 400, k.want)
		if t.Failed() {
			t.Fatalf("%s %.60s %.60q", k.method, k.path, k.body)
		}
	}
	// Of a form that is no upload, files are passed over.
	if r := w.send(t, "/account/info", append(w.credentials(), part{name: "access_token", filename: "x", value: "y", file: true})...); r.Status != 200 {
		t.Error(r.Body)
	}
}

// TestIDs_Hostile tries what is no id in every place of one: nothing of it is ever
// looked up.
func TestIDs_Hostile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	before := w.Object.Called("FindNode")
	hostile := []string{
		"0", "-1", "+1", "01", " 1", "1 ", "1\x00", "1\n", "0x1", "1e0", "1.0", "١", "１", "⑴", "9223372036854775808", "99999999999999999999", strings.Repeat("1", 5000),
		"null", "undefined", "1'", `1"`, "1;2", "1,2", "../1", "$ne", "{}", "[]", "1%00", "é", x.file + "x",
	}
	for _, id := range hostile {
		for _, path := range []string{"/file/info", "/file/download", "/file/edit", "/file/delete", "/file/move", "/file/copy"} {
			refusal(t, w.ask(t, path, "file_id", id), 200, noFile)
		}
		for _, path := range []string{"/folder/info", "/folder/edit", "/folder/delete", "/folder/move"} {
			refusal(t, w.ask(t, path, "folder_id", id), 200, noDir)
		}
		refusal(t, w.ask(t, "/folder/listing", "parent_folder_id", id), 200, "Could not find folder based on parent_folder_id.")
		refusal(t, w.ask(t, "/folder/create", "folder_name", "a", "parent_id", id), 200, "Could not find folder based on parent_id.")
		refusal(t, w.send(t, "/file/upload", append(w.credentials(), field("folder_id", id), fileOf("a", "b"))...), 200, noDir)
		refusal(t, w.ask(t, "/file/url_upload_add", "url", "https://example.org/", "folder_id", id), 200, noDir)
		refusal(t, w.ask(t, "/file/url_upload_status", "url_upload_id", id), 200, "Could not find url upload based on url_upload_id.")
		refusal(t, w.post(t, "/account/info", plus(w.who, "account_id", id)), 200, reauth)
		if t.Failed() {
			t.Fatalf("as %.40q", id)
		}
	}
	if n := w.Object.Called("FindNode"); n != before {
		t.Errorf("%d look-ups of what is no id", n-before)
	}
	for _, short := range []string{"a b", "../x", "a/b", "~d", strings.Repeat("a", 33), "é", "a\x00"} {
		refusal(t, w.ask(t, "/file/info", "short_url", short), 200, noFile)
	}
	for _, id := range hostile[1:] {
		refusal(t, w.ask(t, "/file/move", "file_id", x.file, "new_parent_folder_id", id), 200, "Could not find the destination folder id defined by new_parent_folder_id.")
		refusal(t, w.ask(t, "/file/copy", "file_id", x.file, "copy_to_folder_id", id), 200, "Could not find the destination folder id defined by copy_to_folder_id.")
	}
}

// TestIDs_Others holds that nobody finds another account's nodes.
func TestIDs_Others(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	short := fmt.Sprint(data(t, w.ask(t, "/file/info", "file_id", x.file))["shortUrl"])
	bob := w.authorize(t, "bob")
	for _, path := range []string{"/file/info", "/file/download", "/file/edit", "/file/delete", "/file/move", "/file/copy"} {
		refusal(t, w.post(t, path, plus(bob, "file_id", x.file, "filename", "x", "new_parent_folder_id", "", "copy_to_folder_id", "")), 200, noFile)
		refusal(t, w.post(t, path, plus(bob, "short_url", short, "filename", "x", "new_parent_folder_id", "", "copy_to_folder_id", "")), 200, noFile)
	}
	for _, path := range []string{"/folder/info", "/folder/edit", "/folder/delete", "/folder/move"} {
		refusal(t, w.post(t, path, plus(bob, "folder_id", x.folder, "folder_name", "x", "new_parent_folder_id", "")), 200, noDir)
	}
	refusal(t, w.post(t, "/account/info", plus(w.who, "account_id", bob.Get("account_id"))), 200, reauth)
	id := fmt.Sprint(data(t, w.ask(t, "/file/url_upload_add", "url", "https://example.org/"))["url_upload_id"])
	refusal(t, w.post(t, "/file/url_upload_status", plus(bob, "url_upload_id", id)), 200, "Could not find url upload based on url_upload_id.")
	if got := data(t, w.ask(t, "/file/info", "file_id", x.file))["filename"]; got != "sample4_l.jpg" {
		t.Errorf("%v", got)
	}
}
