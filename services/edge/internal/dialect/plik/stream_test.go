package plik_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// sending is the request of a stream's uploader.
type sending struct {
	to     io.WriteCloser // the file
	cancel context.CancelFunc
	done   chan edgetest.Response // Status 0: it failed
}

// stream begins to send a file, and waits until it can be read.
func stream(t testing.TB, w *edgetest.World, u upload, f file) *sending {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	rd, wr := io.Pipe()
	head, typ := form(f.FileName, "\x00")
	head, tail, _ := strings.Cut(head, "\x00")
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, io.MultiReader(strings.NewReader(head), rd, strings.NewReader(tail)))
		pw.CloseWithError(err)
	}()
	path := strings.Replace(u.path(f), "/file/", "/stream/", 1)
	if f.ID == "" {
		path = "/file/" + u.ID
	}
	req, err := http.NewRequestWithContext(ctx, "POST", w.URL+path, pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", typ)
	req.Header.Set("X-UploadToken", u.UploadToken)
	s := &sending{to: wr, cancel: cancel, done: make(chan edgetest.Response, 1)}
	go func() {
		resp, err := w.Server.Client().Do(req)
		if err != nil {
			s.done <- edgetest.Response{Body: err.Error()}
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		s.done <- edgetest.Response{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}
	}()
	t.Cleanup(func() { cancel(); wr.Close() })
	becomes(t, func() bool {
		for _, g := range u.get(t, w).Files {
			if g.FileName == f.FileName && g.Status == "uploading" {
				return true
			}
		}
		return false
	})
	return s
}

func TestStream(t *testing.T) {
	t.Parallel()
	for _, options := range []string{`"stream":true`, `"stream":true,"oneShot":true`} {
		w := edgetest.New(t)
		u := create(t, w, `{`+options+`,"files":[{"fileName":"a b","reference":"0"},{"fileName":"c","fileType":"text/html","fileSize":600000}]}`)
		for i, f := range u.Files {
			says(t, ask(t, w, "GET", u.path(f), ""), 404, "file "+f.FileName+" ("+f.ID+") is not available : missing")
			if r := ask(t, w, "HEAD", u.path(f), ""); r.Status != 404 {
				t.Error(r.Status)
			}
			s := stream(t, w, u, f)
			says(t, post(t, w, u.path(f), f.FileName, "x", u.admin()...), 400, "invalid file status uploading, expected missing")
			want := map[string]string{"Content-Type": "application/octet-stream", "Content-Length": "", "Cache-Control": "no-cache, no-store, must-revalidate", "X-Frame-Options": "DENY", "Content-Disposition": `filename="a b"`}
			if i == 1 {
				want["Content-Type"], want["Content-Length"], want["Content-Disposition"] = "text/plain", "600000", `filename="c"`
			}
			head := ask(t, w, "HEAD", u.path(f), "") // consumes nothing
			says(t, head, 200, "")
			holds(t, head, want)
			go func() {
				_, _ = io.WriteString(s.to, strings.Repeat("hello ", 100_000))
				s.to.Close()
			}()
			r := ask(t, w, "GET", u.path(f), "", "Range", "bytes=0-1")
			says(t, r, 200, strings.Repeat("hello ", 100_000))
			holds(t, r, want)
			var sent file
			read(t, <-s.done, &sent)
			if sent.Status != "deleted" || sent.FileSize != 600_000 || len(sent.FileMd5) != 32 || sent.FileType != "text/plain; charset=utf-8" || sent.Reference != f.Reference {
				t.Errorf("%+v", sent)
			}
			says(t, ask(t, w, "GET", u.path(f), ""), 404, "file "+f.FileName+" ("+f.ID+") is not available : deleted")
		}
		if len(objects(w)) != 0 {
			t.Error("something was stored")
		}
	}
}

// TestStream_Empty completes without a reader, and without an announced entry.
func TestStream_Empty(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced(`"stream":true`, "a"))
	if f := u.send(t, w, u.Files[0], ""); f.Status != "deleted" || f.FileSize != 0 || f.FileType != "" || f.FileMd5 != "d41d8cd98f00b204e9800998ecf8427e" {
		t.Errorf("%+v", f)
	}
	if f := u.send(t, w, file{FileName: "b"}, ""); f.Status != "deleted" || f.ID == "" {
		t.Errorf("%+v", f)
	}
}

// TestStream_Live: what is sent arrives before the end, and a second reader gets
// nothing.
func TestStream_Live(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, `{"stream":true}`)
	s := stream(t, w, u, file{FileName: "log"}) // not announced: the entry appears with its body
	f := u.get(t, w).Files[0]
	go func() { _, _ = s.to.Write([]byte("one\n")) }()
	resp, err := w.Server.Client().Get(w.URL + u.path(f))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	rd := bufio.NewReader(resp.Body)
	for _, want := range []string{"one\n", "two\n", "three\n"} {
		if got, err := rd.ReadString('\n'); got != want || err != nil {
			t.Fatalf("%q %v", got, err)
		}
		switch want {
		case "one\n":
			_, _ = s.to.Write([]byte("two\n"))
			says(t, ask(t, w, "GET", u.path(f), ""), 404, "file log ("+f.ID+") is not available : uploading")
		case "two\n":
			_, _ = s.to.Write([]byte("three\n"))
		}
	}
	s.to.Close()
	if rest, err := io.ReadAll(rd); len(rest) > 0 || err != nil {
		t.Errorf("%q %v", rest, err)
	}
	if r := <-s.done; r.Status != 200 || !strings.Contains(r.Body, `"fileSize":14`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestStream_ReaderBreaks fails the uploader (17.2).
func TestStream_ReaderBreaks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced(`"stream":true`, "a"))
	f := u.Files[0]
	s := stream(t, w, u, f)
	go func() { // more than all buffers take
		for {
			if _, err := s.to.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", u.path(f))
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	says(t, ask(t, w, "GET", u.path(f), ""), 404, "file a ("+f.ID+") is not available : uploading")
	conn.Close()
	r := <-s.done
	if r.Status != 500 && r.Status != 0 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	becomes(t, func() bool { f, _ := w.Plik.File(u.ID, f.ID); return f.Status == uploadv1.PlikDeleted })
}

// TestStream_UploaderBreaks cuts the reader, and deletes the entry at once, with a
// reader or without (17.3).
func TestStream_UploaderBreaks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced(`"stream":true`, "a", "b"))
	s := stream(t, w, u, u.Files[0])
	s.cancel()
	becomes(t, func() bool { f, _ := w.Plik.File(u.ID, u.Files[0].ID); return f.Status == uploadv1.PlikDeleted })

	f := u.Files[1]
	s = stream(t, w, u, f)
	go func() { _, _ = s.to.Write([]byte("hello")) }()
	resp, err := w.Server.Client().Get(w.URL + u.path(f))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b := make([]byte, 5); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	} else if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "hello" {
		t.Fatalf("%q %v", b, err)
	}
	s.cancel()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a body that broke off ends well")
	}
	becomes(t, func() bool { f, _ := w.Plik.File(u.ID, f.ID); return f.Status == uploadv1.PlikDeleted })
}

// TestStream_Removed ends it with an error (17.5).
func TestStream_Removed(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced(`"stream":true`, "a"))
	s := stream(t, w, u, u.Files[0])
	says(t, ask(t, w, "DELETE", u.path(u.Files[0]), "", u.admin()...), 200, "ok")
	if r := <-s.done; r.Status != 500 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
