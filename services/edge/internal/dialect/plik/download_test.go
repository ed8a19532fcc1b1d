package plik_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// holds insists on headers; "" means that there is none.
func holds(t testing.TB, r edgetest.Response, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := strings.Join(r.Header.Values(name), " | "); got != want[name] {
			t.Errorf("%s: %q, want %q", name, got, want[name])
		}
	}
}

// secured is on every download.
func secured(policy string) map[string]string {
	return map[string]string{
		"X-Content-Type-Options": "nosniff", "X-XSS-Protection": "1; mode=block", "X-Frame-Options": "DENY",
		"Content-Security-Policy": "default-src 'none'; " + policy + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
	}
}

func TestGetFile_Headers(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u, f := stored(t, w, "{}", "a b.txt", "hello")
	want := secured("media-src 'self'; ")
	maps.Copy(want, map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Content-Length": "5", "Content-Disposition": `filename="a b.txt"`,
		"Cache-Control": "", "Pragma": "", "Expires": "", "ETag": "", "Last-Modified": "", "Accept-Ranges": "", "Access-Control-Allow-Origin": "",
	})
	for _, path := range []string{u.path(f), strings.Replace(u.path(f), "/file/", "/stream/", 1)} {
		for method, body := range map[string]string{"GET": "hello", "HEAD": ""} {
			r := ask(t, w, method, path, "", "X-ClientApp", "plik_client")
			says(t, r, 200, body)
			holds(t, r, want)
		}
	}
	for query, disposition := range map[string]string{"?dl=1": "attachment; ", "?dl=0": "attachment; ", "?dl=": "", "?dl=%zz": "", "?download=1": ""} {
		holds(t, ask(t, w, "GET", u.path(f)+query, ""), map[string]string{"Content-Disposition": disposition + `filename="a b.txt"`})
	}
	odd := u.send(t, w, file{FileName: "é\".bin"}, "x")
	holds(t, ask(t, w, "GET", u.path(odd)+"?dl=1", ""), map[string]string{"Content-Disposition": `attachment; filename="__.bin"; filename*=UTF-8''%C3%A9%22.bin`})
	once, g := stored(t, w, `{"oneShot":true}`, "a", "x")
	holds(t, ask(t, w, "HEAD", once.path(g), ""), map[string]string{"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Expires": "0"})
}

// TestGetFile_Types: nothing acts as a page (8.2).
func TestGetFile_Types(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for content, want := range map[string]string{
		"<html>": "text/plain", "": "application/octet-stream", "%PDF-1.4": "application/octet-stream", "GIF89a": "image/gif", "<?xml version=\"1.0\"?>": "text/xml; charset=utf-8",
	} {
		u, f := stored(t, w, "{}", "a", content)
		for _, method := range []string{"GET", "HEAD"} {
			r := ask(t, w, method, u.path(f), "")
			if got := r.Header.Get("Content-Type"); got != want || r.Status != 200 {
				t.Errorf("%q: %d %q, want %q", content, r.Status, got, want)
			}
		}
	}
}

// TestGetFile_Checks holds their order (8.1).
func TestGetFile_Checks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) {
		s.DownloadDomain, s.DownloadDomainAlias = "https://dl.example:8443", []string{"http://other.example"}
	}))
	u := create(t, w, announced("", "a"))
	other, g := stored(t, w, "{}", "b", "x")
	a := u.Files[0]
	here := strings.TrimPrefix(w.URL, "http://")
	for _, method := range []string{"GET", "HEAD"} {
		for path, k := range map[string]struct {
			status int
			text   string
		}{
			"/file/nothing/x/y":                 {404, "upload nothing not found"},
			"/file/" + u.ID + "/nothing/a":      {404, "file nothing not found"},
			"/file/" + u.ID + "/" + g.ID + "/b": {404, "file " + g.ID + " not found"}, // of another upload
			"/file/" + u.ID + "/" + a.ID + "/A": {400, "invalid file name"},
			u.path(a):                           {400, "Invalid download domain " + here},
			other.path(g):                       {400, "Invalid download domain " + here},
			"/archive/" + u.ID + "/a.zip":       {400, "Invalid download domain " + here},
		} {
			r := ask(t, w, method, path, "")
			if method == "HEAD" {
				if r.Status != k.status {
					t.Errorf("HEAD %s: %d", path, r.Status)
				}
				continue
			}
			says(t, r, k.status, k.text)
		}
	}
	for host, want := range map[string]int{"dl.example:8443": 404, "other.example": 404, "dl.example": 400, "other.example:80": 400, "DL.example:8443": 400} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", w.URL+u.path(a), nil)
		req.Host = host
		resp, err := w.Server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || want == 404 && string(b) != "file a ("+a.ID+") is not available : missing\n" {
			t.Errorf("%s: %d %s", host, resp.StatusCode, b)
		}
	}
	says(t, ask(t, w, "GET", "/upload/"+u.ID, ""), 200, "") // other routes do not look at it
}

// TestGetFile_Parts: only who asks for less learns of ranges and tags (plik.md).
func TestGetFile_Parts(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u, f := stored(t, w, "{}", "a", "hello")
	r := ask(t, w, "GET", u.path(f), "", "Range", "bytes=1-3")
	says(t, ask(t, w, "GET", u.path(f), ""), 200, "hello")
	if r.Status != 206 || r.Body != "ell" || r.Header.Get("Content-Range") != "bytes 1-3/5" || r.Header.Get("ETag") == "" {
		t.Errorf("%d %q %v", r.Status, r.Body, r.Header)
	}
	tag := r.Header.Get("ETag")
	for _, k := range []struct {
		name, value string
		status      int
	}{
		{"If-None-Match", tag, 304}, {"If-None-Match", `"other"`, 200}, {"If-Match", `"other"`, 412}, {"If-Match", tag, 200}, {"Range", "bytes=9-", 416}, {"Range", "lines=1", 200},
		{"If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 304}, {"If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", 412}, {"If-Range", tag, 200},
	} {
		// A browser gets these as they are: a page in their place helps nobody.
		if r := ask(t, w, "GET", u.path(f), "", k.name, k.value, "User-Agent", "Mozilla/5.0"); r.Status != k.status {
			t.Errorf("%s: %s is %d %s", k.name, k.value, r.Status, r.Body)
		}
	}
	once, g := stored(t, w, `{"oneShot":true}`, "a", "hello")
	r = ask(t, w, "GET", once.path(g), "", "Range", "bytes=1-3", "If-None-Match", "*")
	says(t, r, 200, "hello")
	holds(t, r, map[string]string{"ETag": "", "Accept-Ranges": ""})
}

// TestGetFile_OneShot: of many at once one gets it, the others nothing of it (9).
func TestGetFile_OneShot(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	content := strings.Repeat("secret", 100_000)
	u := create(t, w, announced(`"oneShot":true`, "a"))
	says(t, ask(t, w, "GET", u.path(u.Files[0]), ""), 404, "file a ("+u.Files[0].ID+") is not available : missing") // uses nothing up
	f := u.send(t, w, u.Files[0], content)
	for range 3 {
		says(t, ask(t, w, "HEAD", u.path(f), ""), 200, "")
	}
	var wait sync.WaitGroup
	got := make([]edgetest.Response, 50)
	for i := range got {
		wait.Go(func() { got[i] = ask(t, w, "GET", u.path(f), "") })
	}
	wait.Wait()
	won := 0
	for _, r := range got {
		switch {
		case r.Status == 200 && r.Body == content:
			won++
		case r.Status != 404 || !strings.HasPrefix(r.Body, "file a ("+f.ID+") is not available : ") || len(r.Body) > 80:
			t.Errorf("%d %.100q", r.Status, r.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d readers got it", won)
	}
	says(t, ask(t, w, "GET", u.path(f), ""), 404, "file a ("+f.ID+") is not available : deleted")
	if got := u.get(t, w); len(got.Files) != 1 || got.Files[0].Status != "deleted" || len(objects(w)) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestGetFile_OneShotBreaks: there is no second chance.
func TestGetFile_OneShotBreaks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u, f := stored(t, w, `{"oneShot":true}`, "a", strings.Repeat("x", 1_000_000))
	w.Blobs.Damaged = true
	resp, err := w.Server.Client().Get(w.URL + u.path(f))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil || len(b) != 500_000 {
		t.Errorf("%d bytes: %v", len(b), err)
	}
	resp.Body.Close()
	becomes(t, func() bool { f, _ := w.Plik.File(u.ID, f.ID); return f.Status == uploadv1.PlikDeleted })
	// Where nobody could be asked nothing is claimed.
	u, f = stored(t, w, `{"oneShot":true}`, "a", "x")
	w.Plik.SetFail("ClaimPlik", fault.ErrUnavailable)
	says(t, ask(t, w, "GET", u.path(f), ""), 503, fault.ErrUnavailable.Message)
	w.Plik.SetFail("ClaimPlik", nil)
	w.Blobs.Damaged = false
	says(t, ask(t, w, "GET", u.path(f), ""), 200, "x")
}

func TestGetArchive(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced("", "b.txt", "missing", "a/../c", "gone"))
	u.send(t, w, u.Files[0], strings.Repeat("hello", 10_000))
	gone := u.send(t, w, u.Files[3], "gone")
	says(t, ask(t, w, "DELETE", u.path(gone), "", u.admin()...), 200, "ok")
	u.send(t, w, file{FileName: "b.txt"}, "the second of this name")
	u.send(t, w, file{FileName: "é \".bin"}, "")
	r := ask(t, w, "GET", "/archive/"+u.ID+"/all%20of%20it.zip?dl=1", "")
	want := secured("")
	maps.Copy(want, map[string]string{"Content-Type": "application/zip", "Content-Disposition": `attachment; filename="all of it.zip"`, "Cache-Control": ""})
	holds(t, r, want)
	if got, want := unzip(t, r.Body), "b.txt=50000 b.txt=23 é \".bin=0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(r.Body) > 5000 {
		t.Errorf("%d bytes: it is not deflated", len(r.Body))
	}
	head := ask(t, w, "HEAD", "/archive/"+u.ID+"/a.zip", "")
	says(t, head, 200, "")
	want["Content-Disposition"] = `filename="a.zip"`
	holds(t, head, want)

	says(t, ask(t, w, "GET", "/archive/nothing/a.zip", ""), 404, "upload nothing not found")
	says(t, ask(t, w, "GET", "/archive/"+u.ID+"/a.tar", ""), 400, "invalid archive name, missing .zip extension")
	says(t, ask(t, w, "GET", "/archive/"+u.ID+"/"+strings.Repeat("n", 1021)+".zip", ""), 400, "archive name is too long, maximum length is 1024 characters")
	empty := create(t, w, announced("", "a"))
	says(t, ask(t, w, "GET", "/archive/"+empty.ID+"/a.zip", ""), 400, "nothing to archive")
	says(t, ask(t, w, "HEAD", "/archive/"+empty.ID+"/a.zip", ""), 200, "")
	stream := create(t, w, `{"stream":true}`)
	says(t, ask(t, w, "GET", "/archive/"+stream.ID+"/a.zip", ""), 400, "archive feature is not available in stream mode")
	if r := ask(t, w, "HEAD", "/archive/"+stream.ID+"/a.zip", ""); r.Status != 400 {
		t.Error(r.Status)
	}
}

// unzip lists names and sizes.
func unzip(t testing.TB, body string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range z.File {
		rd, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, rd)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s=%d", f.Name, n))
	}
	return strings.Join(out, " ")
}

// TestGetArchive_OneShot claims what it packs; what others have is left out (11).
func TestGetArchive_OneShot(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced(`"oneShot":true`, "a", "b", "c"))
	for _, f := range u.Files {
		u.send(t, w, f, "hello")
	}
	says(t, ask(t, w, "HEAD", "/archive/"+u.ID+"/a.zip", ""), 200, "")
	says(t, ask(t, w, "GET", u.path(u.Files[1]), ""), 200, "hello")
	var wait sync.WaitGroup
	got := make([]edgetest.Response, 8)
	for i := range got {
		wait.Go(func() { got[i] = ask(t, w, "GET", "/archive/"+u.ID+"/a.zip", "") })
	}
	wait.Wait()
	packed := 0
	for _, r := range got {
		switch r.Status {
		case 200:
			packed += len(strings.Fields(unzip(t, r.Body)))
			holds(t, r, map[string]string{"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Expires": "0"})
		default:
			says(t, r, 400, "nothing to archive")
		}
	}
	if packed != 2 || len(objects(w)) != 0 {
		t.Errorf("%d files were packed, %v are left", packed, objects(w))
	}
	for _, f := range u.Files {
		says(t, ask(t, w, "GET", u.path(f), ""), 404, "file "+f.FileName+" ("+f.ID+") is not available : deleted")
	}
}

// TestGetArchive_Breaks: a file that dies in the middle cuts the connection.
func TestGetArchive_Breaks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u := create(t, w, announced("", "a", "b"))
	noise := make([]byte, 1_000_000)
	_, _ = rand.Read(noise) // which does not deflate
	u.send(t, w, u.Files[0], string(noise))
	w.Blobs.Damaged = true
	resp, err := w.Server.Client().Get(w.URL + "/archive/" + u.ID + "/a.zip")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("the archive ended well")
	}
}
