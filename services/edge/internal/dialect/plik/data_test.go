package plik_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// upload is an upload as clients decode it.
type upload struct {
	ID, DownloadDomain, UploadIP, Comments, UploadToken, User, Token string
	TTL                                                              int64
	ExtendTTL                                                        bool `json:"extend_ttl"`
	Files                                                            []file
	Admin, Stream, OneShot, Removable, ProtectedByPassword           bool
	CreatedAt                                                        time.Time
	ExpireAt                                                         *time.Time
}

// file is a file as clients decode it.
type file struct {
	ID, FileName, Status, FileMd5, FileType, Reference string
	FileSize                                           int64
	CreatedAt                                          time.Time
}

func read(t testing.TB, r edgetest.Response, into any) {
	t.Helper()
	if r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
}

// create makes an upload.
func create(t testing.TB, w *edgetest.World, body string, pairs ...string) upload {
	t.Helper()
	var u upload
	read(t, ask(t, w, "POST", "/upload", body, pairs...), &u)
	return u
}

// get reads an upload.
func (u upload) get(t testing.TB, w *edgetest.World, pairs ...string) upload {
	t.Helper()
	var out upload
	read(t, ask(t, w, "GET", "/upload/"+u.ID, "", pairs...), &out)
	return out
}

// admin is the header of the upload's admin.
func (u upload) admin() []string { return []string{"X-UploadToken", u.UploadToken} }

// path of a file of the upload.
func (u upload) path(f file) string {
	return "/file/" + u.ID + "/" + f.ID + "/" + url.PathEscape(f.FileName)
}

// form is a body with one file.
func form(name, content string) (body, contentType string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	h := textproto.MIMEHeader{"Content-Type": {"application/x-ignored"}}
	h.Set("Content-Disposition", `form-data; name="file"; filename="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)+`"`)
	p, _ := m.CreatePart(h)
	_, _ = p.Write([]byte(content))
	_ = m.Close()
	return b.String(), m.FormDataContentType()
}

// post sends a file.
func post(t testing.TB, w *edgetest.World, path, name, content string, pairs ...string) edgetest.Response {
	t.Helper()
	body, typ := form(name, content)
	return ask(t, w, "POST", path, body, append([]string{"Content-Type", typ}, pairs...)...)
}

// send stores a file of an upload: the announced one, or without an id a new one.
func (u upload) send(t testing.TB, w *edgetest.World, f file, content string) file {
	t.Helper()
	path := "/file/" + u.ID
	if f.ID != "" {
		path = u.path(f)
	}
	var out file
	read(t, post(t, w, path, f.FileName, content, u.admin()...), &out)
	return out
}

// stored makes an upload with one file.
func stored(t testing.TB, w *edgetest.World, options, name, content string) (upload, file) {
	t.Helper()
	u := create(t, w, options)
	return u, u.send(t, w, file{FileName: name}, content)
}

// announced is a body that announces files of these names.
func announced(options string, names ...string) string {
	files := make([]string, len(names))
	for i, n := range names {
		b, _ := json.Marshal(n)
		files[i] = fmt.Sprintf(`{"fileName":%s,"reference":"%d"}`, b, i)
	}
	if options != "" {
		options += ","
	}
	return "{" + options + `"files":[` + strings.Join(files, ",") + "]}"
}
