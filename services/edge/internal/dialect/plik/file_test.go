package plik_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	sizes "github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestPutFile(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced("", "a b.txt", "é?#%\"\\.bin", "a/b"))
	for i, name := range []string{"a b.txt", "é?#%\"\\.bin"} {
		if name != u.Files[i].FileName {
			t.Fatal(u.Files[i])
		}
		path := "/file/"
		if i == 1 {
			path = "/stream/" // the same handlers
		}
		var f file
		read(t, post(t, w, strings.Replace(u.path(u.Files[i]), "/file/", path, 1), strings.ReplaceAll(name, "/", ""), "hello", u.admin()...), &f)
		if f.ID != u.Files[i].ID || f.Status != "uploaded" || f.FileSize != 5 || f.FileMd5 != "5d41402abc4b2a76b9719d911017c592" || f.Reference != fmt.Sprint(i) {
			t.Errorf("%+v", f)
		}
		says(t, ask(t, w, "GET", u.path(f), ""), 200, "hello")
	}
	says(t, ask(t, w, "POST", u.path(u.Files[2]), "x", u.admin()...), 404, "404 page not found") // a name with a slash fits no route
}

func TestAddFile_Names(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, "{}")
	for sent, want := range map[string]string{
		"a.txt": "a.txt", "a/b.txt": "b.txt", "/etc/passwd": "passwd", "a/": "a", "\xff.bin": "\uFFFD.bin", "日本 語.txt": "日本 語.txt", strings.Repeat("n", 1024): strings.Repeat("n", 1024),
	} {
		var f file
		read(t, post(t, w, "/file/"+u.ID, sent, "x", u.admin()...), &f)
		if f.FileName != want || f.Status != "uploaded" || f.Reference != "" {
			t.Errorf("%q: %+v", sent, f)
		}
		says(t, ask(t, w, "GET", u.path(f), ""), 200, "x")
	}
	long := strings.Repeat("n", 1025)
	says(t, post(t, w, "/file/"+u.ID, long, "x", u.admin()...), 400, "unable to create file : file name nnnnnnnnnnnnnnnnnnnn... is too long, maximum length is 1024 characters")
}

// TestPutFile_Types: what a content is follows from its first bytes, whatever was
// announced (7.3).
func TestPutFile_Types(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for content, want := range map[string]string{
		"": "", "hello": "text/plain; charset=utf-8", "GIF89a..": "image/gif", "%PDF-1.4": "application/pdf", "<html>": "text/html; charset=utf-8",
		"<?xml version=\"1.0\"?>": "text/xml; charset=utf-8", "\x00\x01": "application/octet-stream", "<svg xmlns=\"\"/>": "text/plain; charset=utf-8", `{"a":1}`: "text/plain; charset=utf-8",
		strings.Repeat("x", 511) + "\x00": "application/octet-stream", strings.Repeat("x", 512) + "\x00": "text/plain; charset=utf-8", strings.Repeat("y", 100_000): "text/plain; charset=utf-8",
	} {
		u := create(t, w, `{"files":[{"fileName":"a","fileType":"image/png","fileSize":77}]}`)
		f := u.send(t, w, u.Files[0], content)
		if f.FileType != want || f.FileSize != int64(len(content)) {
			t.Errorf("%.10q: %+v", content, f)
		}
		if got := u.get(t, w).Files[0]; got != f {
			t.Errorf("%+v is read as %+v", f, got)
		}
		says(t, ask(t, w, "GET", u.path(f), ""), 200, content)
	}
}

func TestPutFile_Refusals(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.MaxFilePerUpload = 4 }))
	u := create(t, w, announced("", "a", "b", "c"))
	other := create(t, w, announced("", "z"))
	a, b := u.Files[0], u.Files[1]
	says(t, post(t, w, u.path(a), "a", "x"), 403, "you are not allowed to add file to this upload")
	says(t, post(t, w, "/file/"+u.ID+"/nothing/a", "a", "x"), 403, "you are not allowed to add file to this upload")
	says(t, post(t, w, "/file/nothing", "a", "x"), 404, "upload nothing not found")
	says(t, post(t, w, "/file/"+u.ID+"/nothing/a", "a", "x", u.admin()...), 404, "file nothing not found")
	says(t, post(t, w, "/file/"+u.ID+"/"+other.Files[0].ID+"/z", "z", "x", u.admin()...), 404, "file "+other.Files[0].ID+" not found")
	says(t, post(t, w, "/file/"+u.ID+"/"+a.ID+"/A", "A", "x", u.admin()...), 400, "invalid file name")
	says(t, post(t, w, u.path(a), "b", "x", u.admin()...), 400, "invalid file name")
	u.send(t, w, a, "x")
	says(t, post(t, w, u.path(a), "a", "x", u.admin()...), 400, "invalid file status uploaded, expected missing")
	says(t, ask(t, w, "DELETE", u.path(b), "", u.admin()...), 200, "ok")
	says(t, post(t, w, u.path(b), "b", "x", u.admin()...), 400, "invalid file status deleted, expected missing")
	u.send(t, w, file{FileName: "d"}, "x")
	says(t, post(t, w, "/file/"+u.ID, "e", "x", u.admin()...), 400, "maximum number file per upload reached, limit is 4")
	if got := u.get(t, w).Files; len(got) != 4 || got[2].Status != "missing" {
		t.Errorf("%+v", got)
	}
}

// TestPutFile_Forms: what is no form with a file (7.2).
func TestPutFile_Forms(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	const boundary, typ = "--x\r\n", "multipart/form-data; boundary=x"
	part := func(disposition, content string) string {
		return boundary + "Content-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n"
	}
	good := part(`form-data; name="file"; filename="a"`, "hello")
	for name, k := range map[string]struct {
		body, typ string
		status    int
		text      string // its beginning
		left      string // what the entry is then; empty: there is none
	}{
		"no form":           {"hello", "text/plain", 400, "invalid multipart form : ", ""},
		"no type":           {"hello", "", 400, "invalid multipart form : ", ""},
		"no boundary":       {good + "--x--", "multipart/form-data", 400, "invalid multipart form : ", ""},
		"nothing":           {"", typ, 400, "invalid multipart form : ", ""},
		"not the boundary":  {"--y\r\n", typ, 400, "invalid multipart form : ", ""},
		"empty form":        {"--x--\r\n", typ, 400, "missing file from multipart form\n", ""},
		"another field":     {part(`form-data; name="File"; filename="a"`, "x") + "--x--", typ, 400, "missing file from multipart form\n", ""},
		"no name":           {part(`form-data; name="file"`, "x") + "--x--", typ, 400, "missing file name from multipart form\n", ""},
		"empty name":        {part(`form-data; name="file"; filename=""`, "x") + "--x--", typ, 400, "missing file name from multipart form\n", ""},
		"root":              {part(`form-data; name="file"; filename="/"`, "x") + "--x--", typ, 400, "missing file name from multipart form\n", ""},
		"no disposition":    {boundary + "\r\nx\r\n--x--", typ, 400, "missing file from multipart form\n", ""},
		"broken header":     {boundary + "nonsense\r\n\r\nx\r\n--x--", typ, 400, "invalid multipart form : ", ""},
		"no end":            {good, typ, 500, "internal server error\n", "deleted"},
		"cut in the file":   {good[:len(good)-4], typ, 500, "internal server error\n", "deleted"},
		"cut in the end":    {good + "--x", typ, 500, "internal server error\n", "deleted"},
		"before and behind": {part(`form-data; name="a"`, "1") + good + part(`form-data; name="file"; filename="b"`, "other") + "--x--\r\nepilogue", typ, 200, "", "uploaded"},
		"mixed":             {good + "--x--", "multipart/mixed; boundary=x", 200, "", "uploaded"},
		"encoded":           {strings.Replace(good, "\r\n\r\n", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", 1) + "--x--", typ, 200, "", "uploaded"},
	} {
		u := create(t, w, "{}")
		r := ask(t, w, "POST", "/file/"+u.ID, k.body, append(u.admin(), "Content-Type", k.typ)...)
		if r.Status != k.status || !strings.HasPrefix(r.Body, k.text) {
			t.Errorf("%s: %d %q, want %d %q", name, r.Status, r.Body, k.status, k.text)
		}
		files := u.get(t, w).Files
		if k.left == "" && len(files) > 0 || k.left != "" && (len(files) != 1 || files[0].Status != k.left || files[0].FileName != "a") {
			t.Errorf("%s: %+v is left", name, files)
		}
	}
}

// TestPutFile_Size: one byte too many; the entry cannot be used again (7.3).
func TestPutFile_Size(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{10, 40_000} {
		w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.MaxFileSize = sizes.Bytes(limit) }))
		u := create(t, w, announced("", "a", "b"))
		u.send(t, w, u.Files[0], strings.Repeat("x", limit))
		says(t, post(t, w, u.path(u.Files[1]), "b", strings.Repeat("x", limit+1), u.admin()...), 400, "file too big (limit is set to "+core.PlikBytes(int64(limit))+")")
		says(t, post(t, w, u.path(u.Files[1]), "b", "x", u.admin()...), 400, "invalid file status deleted, expected missing")
		if got := u.get(t, w).Files; got[0].Status != "uploaded" || got[1].Status != "deleted" {
			t.Errorf("%+v", got)
		}
	}
}

// TestPutFile_UserLimits: the caller's own bound counts before the server's, the
// plan below both.
func TestPutFile_UserLimits(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := join(t, w, "robert", false)
	w.Auth.SetLimits("acc-robert", authv1.Limits{StorageBytes: 1000, ObjectBytes: 20})
	body, typ := form("a", strings.Repeat("x", 21))
	var u upload
	bob.gets(t, w, &u, "POST", "/upload", "{}")
	says(t, bob.does(t, w, "POST", "/file/"+u.ID, body, "Content-Type", typ), 400, "file too big (limit is set to 20 B)")
	says(t, post(t, w, "/file/"+u.ID, "a", strings.Repeat("x", 21), u.admin()...), 400, "file too big (limit is set to 20 B)")
	w.Auth.SetLimits("acc-robert", authv1.Limits{StorageBytes: 1000})
	bob.gets(t, w, &u, "POST", "/upload", "{}")
	w.Object.SetFail("CommitPut", objectv1.ErrQuotaExceeded)
	says(t, bob.does(t, w, "POST", "/file/"+u.ID, body, "Content-Type", typ), 400, "maximum user upload size reached. (1.0 kB)")
}

// TestPutFile_Parallel: as the Go client does, all files of an upload at once; and
// of two bodies for one entry one.
func TestPutFile_Parallel(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	names := make([]string, 30)
	for i := range names {
		names[i] = fmt.Sprintf("f%d", i)
	}
	u := create(t, w, announced("", names...))
	var wait sync.WaitGroup
	won := make([]int, 2*len(names))
	for i := range won {
		wait.Go(func() {
			f := u.Files[i/2]
			won[i] = post(t, w, u.path(f), f.FileName, fmt.Sprintf("content %d", i/2), u.admin()...).Status
		})
	}
	wait.Wait()
	for i, f := range u.get(t, w).Files {
		if won[2*i]+won[2*i+1] != 200+400 || f.Status != "uploaded" {
			t.Errorf("%d and %d: %+v", won[2*i], won[2*i+1], f)
		}
		says(t, ask(t, w, "GET", u.path(f), ""), 200, fmt.Sprintf("content %d", i))
	}
}

// TestPutFile_Breaks: whoever fails, the entry is deleted, and nothing is left.
func TestPutFile_Breaks(t *testing.T) {
	t.Parallel()
	for method, k := range map[string]struct {
		err    error
		status int
		text   string
	}{
		"BeginPut":  {fault.ErrUnavailable, 503, fault.ErrUnavailable.Message},
		"CommitPut": {fault.ErrInternal, 500, "internal server error"},
	} {
		w := edgetest.New(t)
		u := create(t, w, "{}")
		w.Object.SetFail(method, k.err)
		says(t, post(t, w, "/file/"+u.ID, "a", "x", u.admin()...), k.status, k.text)
		if got := u.get(t, w).Files; len(got) != 1 || got[0].Status != "deleted" {
			t.Errorf("%s: %+v", method, got)
		}
	}
	w := edgetest.New(t)
	u := create(t, w, "{}")
	w.Plik.SetFail("FinishPlik", uploadv1.ErrPlikLost)
	says(t, post(t, w, "/file/"+u.ID, "a", "x", u.admin()...), 500, "internal server error")
	if got := u.get(t, w).Files; len(got) != 1 || got[0].Status != "deleted" || len(objects(w)) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestPutFile_ClientLeaves: in the middle of a body.
func TestPutFile_ClientLeaves(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced("", "a"))
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-UploadToken: %s\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello", u.path(u.Files[0]), u.UploadToken)
	becomes(t, func() bool { return u.get(t, w).Files[0].Status == "uploading" })
	says(t, ask(t, w, "GET", u.path(u.Files[0]), ""), 404, "file a ("+u.Files[0].ID+") is not available : uploading")
	says(t, post(t, w, u.path(u.Files[0]), "a", "x", u.admin()...), 400, "invalid file status uploading, expected missing")
	conn.Close()
	becomes(t, func() bool { return u.get(t, w).Files[0].Status == "deleted" })
}

// objects are the keys of what nobody's uploads have in the store.
func objects(w *edgetest.World) []string {
	return w.Object.Keys(objectv1.GuestAccount, objectv1.PlikBucket)
}

// becomes waits for a condition.
func becomes(t testing.TB, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it never came to be")
		}
	}
}

// TestPutFile_BodyToItsEnd: a client waits until all of its body is read.
func TestPutFile_BodyToItsEnd(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, "{}")
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /file/%s HTTP/1.1\r\nHost: x\r\nX-UploadToken: %s\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n", u.ID, u.UploadToken)
	chunk := func(s string) { fmt.Fprintf(conn, "%x\r\n%s\r\n", len(s), s) }
	chunk("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n--x--\r\n")
	junk := strings.Repeat("j", 64<<10)
	for range 64 {
		chunk(junk)
	}
	becomes(t, func() bool { return len(u.get(t, w).Files) == 1 })
	if f := u.get(t, w).Files; f[0].Status != "uploading" {
		t.Errorf("before the end of the body: %+v", f)
	}
	fmt.Fprint(conn, "0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || !strings.Contains(string(b), `"status":"uploaded"`) {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

func TestQuickUpload(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	r := post(t, w, "/?oneShot=true&ttl=1", "a b.txt", "hello")
	link, ok := strings.CutPrefix(r.Body, w.URL+"/file/")
	if r.Status != 200 || !ok || !strings.HasSuffix(link, "/a b.txt\n") || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Fatalf("%d %q", r.Status, r.Body)
	}
	ids := strings.Split(link, "/")
	says(t, ask(t, w, "GET", "/file/"+ids[0]+"/"+ids[1]+"/a%20b.txt", ""), 200, "hello")
	if got := (upload{ID: ids[0]}).get(t, w); got.OneShot || got.TTL != 2592000 || got.Admin {
		t.Errorf("%+v", got)
	}
	says(t, ask(t, w, "POST", "/", "x", "Content-Type", "multipart/form-data; boundary=y"), 400, "invalid multipart form : it ends too early")
	says(t, ask(t, w, "POST", "/", "--y--", "Content-Type", "multipart/form-data; boundary=y"), 400, "missing file from multipart form")
	if n := w.Plik.Called("CreatePlik"); n != 3 {
		t.Errorf("%d uploads were made", n)
	}
	forced := edgetest.New(t, settings(func(s *core.PlikSettings) {
		s.FeatureAuthentication, s.Path = core.PlikForced, "/p"
	}))
	says(t, post(t, forced, "/p/", "a", "x"), 400, "unable to create upload : anonymous uploads are disabled")
	domain := edgetest.New(t, settings(func(s *core.PlikSettings) { s.DownloadDomain, s.Path = "https://dl.example/", "/p" }))
	if r := post(t, domain, "/p/", "a", "x"); !strings.HasPrefix(r.Body, "https://dl.example/file/") {
		t.Error(r.Body)
	}
}

func TestRemoveFile(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u, f := stored(t, w, announced("", "b"), "a", "hello")
	const denied = "you are not allowed to remove files from this upload"
	says(t, ask(t, w, "DELETE", u.path(f), ""), 403, denied)
	says(t, ask(t, w, "DELETE", "/file/"+u.ID+"/nothing/a", "", u.admin()...), 404, "file nothing not found")
	says(t, ask(t, w, "DELETE", "/file/"+u.ID+"/"+f.ID+"/b", "", u.admin()...), 400, "invalid file name")
	for range 2 { // again is none's matter
		says(t, ask(t, w, "DELETE", u.path(f), "", u.admin()...), 200, "ok")
	}
	says(t, ask(t, w, "GET", u.path(f), ""), 404, "file a ("+f.ID+") is not available : deleted")
	if got := u.get(t, w).Files; len(got) != 2 || got[1].Status != "deleted" || got[0].Status != "missing" || len(objects(w)) != 0 {
		t.Errorf("%+v", got)
	}
	open, g := stored(t, w, `{"removable":true}`, "a", "hello")
	says(t, post(t, w, "/file/"+open.ID, "b", "x"), 403, "you are not allowed to add file to this upload")
	says(t, ask(t, w, "DELETE", open.path(g), ""), 200, "ok")
	says(t, ask(t, w, "DELETE", "/stream/"+strings.TrimPrefix(open.path(g), "/file/"), ""), 404, "404 page not found")
}

// TestPutFile_UploadRestarts: what has arrived is not lost because a service is
// away for a moment.
func TestPutFile_UploadRestarts(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, "{}")
	w.Plik.SetFail("FinishPlik", fault.ErrUnavailable)
	done := make(chan edgetest.Response, 1)
	go func() { done <- post(t, w, "/file/"+u.ID, "a", "hello", u.admin()...) }()
	becomes(t, func() bool { return w.Plik.Called("FinishPlik") > 1 })
	w.Plik.SetFail("FinishPlik", nil)
	if r := <-done; r.Status != 200 || !strings.Contains(r.Body, `"status":"uploaded"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestPutFile_Removed: whoever removes the upload under a body ends it.
func TestPutFile_Removed(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced("", "a"))
	body, typ := form("a", "hello")
	pr, pw := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+u.path(u.Files[0]), pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", typ)
	req.Header.Set("X-UploadToken", u.UploadToken)
	done := make(chan int, 1)
	go func() {
		resp, err := w.Server.Client().Do(req)
		if err != nil {
			done <- 0
			return
		}
		resp.Body.Close()
		done <- resp.StatusCode
	}()
	cut := strings.Index(body, "hello") + 3
	_, _ = io.WriteString(pw, body[:cut])
	becomes(t, func() bool { return u.get(t, w).Files[0].Status == "uploading" })
	says(t, ask(t, w, "DELETE", "/upload/"+u.ID, "", u.admin()...), 200, "ok")
	_, _ = io.WriteString(pw, body[cut:])
	pw.Close()
	if got := <-done; got != 500 { // the bytes are upload's to delete
		t.Error(got)
	}
}
