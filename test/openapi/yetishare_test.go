package openapi_test

import (
	"bytes"
	"fmt"
	forms "mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/test/harness"
)

// TestYetishareOperations drives every operation of yetishare's document, by POST
// and by GET, against the embedded system.
func TestYetishareOperations(t *testing.T) {
	t.Parallel()
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_SECURITY_HASH_MEMORY=8MiB", "SLUICE_SECURITY_HASH_PASSES=1"}})
	ada := harness.NewClient(t, w, "ada")
	ada.Token = ada.Account
	y := &yetishareDriver{driver: newDriver(load(t, openapi.Yetishare()), ada)}
	y.authorize(t)
	y.files(t)
	y.folders(t)
	y.ask(t, "addURLUpload", "url", "https://files.example/a.iso")
	y.ask(t, "showURLUpload", "url_upload_id", "1")
	y.refused(t)
	y.ask(t, "disableAccessToken")
	for op, rt := range y.routes {
		for _, status := range []int{http.StatusOK, http.StatusCreated} {
			if rt.Operation.Responses.Status(status) != nil && !y.seen[op][status] {
				t.Errorf("not driven: %s", op)
			}
		}
	}
}

type yetishareDriver struct {
	*driver
	who url.Values
}

// ask sends an operation by GET and then by POST, whose data it gives.
func (y *yetishareDriver) ask(t *testing.T, op string, pairs ...string) map[string]any {
	t.Helper()
	var at []string
	form := url.Values{}
	for name := range y.who {
		at, form[name] = append(at, name+"="+y.who.Get(name)), y.who[name]
	}
	for i := 0; i < len(pairs); i += 2 {
		at = append(at, pairs[i]+"="+pairs[i+1])
		form.Set(pairs[i], pairs[i+1])
	}
	// What takes a node away can be done once.
	if byGet := op + "ByGet"; !strings.HasPrefix(op, "delete") && op != "disableAccessToken" {
		y.do(t, call{op: byGet, at: at, status: 200, bearer: "none"})
	} else {
		y.do(t, call{op: byGet, at: []string{"access_token=x", "account_id=1", "file_id=1", "folder_id=1"}, status: 200, bearer: "none"})
	}
	r := y.do(t, call{op: op, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: form.Encode(), status: 200, bearer: "none"})
	var a struct {
		Status string `json:"_status"`
		Data   map[string]any
	}
	r.JSON(t, &a)
	if a.Status != "success" {
		t.Fatalf("%s with %v: %s", op, pairs, r.Body)
	}
	return a.Data
}

func (y *yetishareDriver) authorize(t *testing.T) {
	var k struct{ Key1, Key2 string }
	y.do(t, call{op: "createKeys", status: 201}).JSON(t, &k)
	by := y.ask(t, "authorize", "key1", k.Key1, "key2", k.Key2)
	y.ask(t, "authorize", "username", "ada", "password", "correct horse ada")
	y.who = url.Values{"access_token": {fmt.Sprint(by["access_token"])}, "account_id": {fmt.Sprint(by["account_id"])}}
	y.ask(t, "accountInfo")
	y.ask(t, "accountPackage")
}

// upload sends a file and gives its id.
func (y *yetishareDriver) upload(t *testing.T, name, folder string, fieldsLast bool) string {
	t.Helper()
	var b bytes.Buffer
	m := forms.NewWriter(&b)
	fields := func(names ...string) {
		for _, n := range names {
			_ = m.WriteField(n, y.who.Get(n)) // into memory
		}
	}
	fields("access_token", "account_id")
	if !fieldsLast {
		_ = m.WriteField("folder_id", folder)
	}
	p, err := m.CreateFormFile("upload_file", name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = p.Write(bytes.Repeat([]byte("content "), 20<<10))
	if fieldsLast {
		_ = m.WriteField("folder_id", folder)
	}
	_ = m.Close()
	r := y.do(t, call{op: "uploadFile", header: http.Header{"Content-Type": {m.FormDataContentType()}}, body: b.String(), status: 200, bearer: "none"})
	var a struct{ Data []map[string]any }
	if r.JSON(t, &a); len(a.Data) != 1 || a.Data[0]["name"] != name {
		t.Fatalf("uploading %s: %s", name, r.Body)
	}
	return fmt.Sprint(a.Data[0]["file_id"])
}

func (y *yetishareDriver) files(t *testing.T) {
	dir := fmt.Sprint(y.ask(t, "createFolder", "folder_name", "in", "is_public", "2", "access_password", strings.Repeat("a", 32))["id"])
	root, inside := y.upload(t, "a.txt", "", false), y.upload(t, "b.txt", dir, true)
	y.do(t, call{op: "uploadFileByGet", at: []string{"access_token=x", "account_id=1"}, status: 200, bearer: "none"})
	for _, op := range []string{"fileInfo", "downloadFile"} {
		y.ask(t, op, "file_id", inside)
	}
	if d := y.ask(t, "fileInfo", "file_id", inside); d["folderId"] != dir {
		t.Errorf("a folder that stands behind its file: %v", d)
	}
	y.ask(t, "editFile", "file_id", root, "filename", `q"<b>.txt`, "fileType", "text/x-q")
	y.ask(t, "moveFile", "file_id", root, "new_parent_folder_id", dir)
	y.ask(t, "copyFile", "file_id", root, "copy_to_folder_id", "")
	y.ask(t, "listFolder", "parent_folder_id", dir)
	y.ask(t, "deleteFile", "file_id", root)
}

func (y *yetishareDriver) folders(t *testing.T) {
	outer := fmt.Sprint(y.ask(t, "createFolder", "folder_name", "outer")["id"])
	inner := fmt.Sprint(y.ask(t, "createFolder", "folder_name", "inner", "parent_id", outer)["id"])
	y.ask(t, "folderInfo", "folder_id", inner)
	y.ask(t, "editFolder", "folder_id", inner, "folder_name", "AC/DC", "is_public", "1")
	y.ask(t, "moveFolder", "folder_id", inner, "new_parent_folder_id", "")
	y.ask(t, "listFolder", "parent_folder_id", "")
	y.ask(t, "deleteFolder", "folder_id", inner)
}

// refused sends what every operation answers with a sentence of the document.
func (y *yetishareDriver) refused(t *testing.T) {
	for op, rt := range y.routes {
		if rt.Method != http.MethodPost || slices.Contains([]string{"authorize", "createKeys", "uploadFile"}, op) {
			continue
		}
		form := url.Values{"account_id": {"1"}, "access_token": {"x"}, "file_id": {"1"}, "folder_id": {"1"}, "folder_name": {"x"}, "url": {"x"}, "url_upload_id": {"1"}, "new_parent_folder_id": {""}, "copy_to_folder_id": {""}}
		r := y.do(t, call{op: op, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: form.Encode(), status: 200, bearer: "none"})
		if !strings.Contains(string(r.Body), "Could not validate access_token and account_id") {
			t.Errorf("%s: %s", op, r.Body)
		}
	}
}
