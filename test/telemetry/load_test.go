package telemetry_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// mixedLoad does with each dialect what its users do, and what they do wrong.
func mixedLoad(t *testing.T, w *harness.World) {
	t.Helper()
	away := hosts(t)
	c := harness.NewClient(t, w, "mixed-load")
	t.Run("lockwell", func(t *testing.T) { loadObjects(t, c, away.URL) })
	t.Run("webdav", func(t *testing.T) { loadWebDAV(t, c) })
	t.Run("lockr", func(t *testing.T) { loadFiles(t, w, c) })
	t.Run("plik", func(t *testing.T) { loadPlik(t, w) })
	t.Run("locknex", func(t *testing.T) { loadLinks(t, c, away.URL) })
	t.Run("yetishare", func(t *testing.T) { loadHosting(t, c, away.URL) })
	t.Run("pages", func(t *testing.T) { loadPages(t, w) })
	if out, err := w.CLI(t.Context(), "", "webhook", "list"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func loadObjects(t *testing.T, c *harness.Client, away string) {
	c.Bucket(t, "mixed")
	c.Do(t, http.MethodPut, "/api/v1/buckets/mixed/notifications", map[string]any{"configs": []map[string]any{
		{"url": away + "/hook", "events": []string{"object-created", "object-removed"}},
		{"url": away + "/broken/hook", "events": []string{"object-created"}},
	}}, nil).Want(t, http.StatusOK)
	same := randomBytes(t, 64<<10)
	for i := range 5 {
		c.Put(t, "mixed", fmt.Sprintf("same-%d", i), same, nil)
	}
	c.Put(t, "mixed", "text", strings.Repeat("compressible ", 1000), nil)
	for range 3 {
		c.Get(t, "mixed", "same-0", nil).Want(t, http.StatusOK)
	}
	c.Get(t, "mixed", "none", nil).Want(t, http.StatusNotFound)
	c.Get(t, "mixed", "text", http.Header{"Authorization": {"Bearer lwtk_wrong"}}).Want(t, http.StatusUnauthorized)
	c.List(t, "mixed", "maxKeys=2")
	u := c.Multipart(t, "mixed", "big")
	u.Complete(t, u.Parts(t, bytes.Repeat([]byte("p"), 5<<20), "the end")).Want(t, http.StatusOK)
	c.Multipart(t, "mixed", "broken off").Abort(t)
	c.Do(t, http.MethodDelete, harness.ObjectPath("mixed", "same-0"), nil, nil).Want(t, http.StatusNoContent)
}

func loadWebDAV(t *testing.T, c *harness.Client) {
	auth := http.Header{"Authorization": {"Bearer " + c.Account}}
	for _, r := range []struct{ method, path, body string }{
		{"PROPFIND", "/dav/", ""}, {"MKCOL", "/dav/load", ""}, {"PUT", "/dav/load/a.txt", "a"}, {"GET", "/dav/load/a.txt", ""}, {"DELETE", "/dav/load", ""}, {"GET", "/dav/none", ""},
	} {
		c.Do(t, r.method, r.path, r.body, auth)
	}
}

func loadFiles(t *testing.T, w *harness.World, c *harness.Client) {
	l := c.Lockr()
	f := l.Upload(t, "a.bin", randomBytes(t, 100<<10))
	l.Download(t, f.ID, "").Want(t, http.StatusOK)
	body := randomBytes(t, 300<<10)
	s := l.Session(t, "s.bin", len(body))
	l.Chunk(t, s, 0, body, int64(len(body))).Want(t, http.StatusCreated)
	cancelled := l.Session(t, "no.bin", 10)
	harness.Guest(t, w).Call(t, http.MethodDelete, cancelled.UploadURL, nil)
	harness.Guest(t, w).Upload(t, "guest.txt", "from nobody")
	l.Call(t, http.MethodGet, "/api/v1/files/none", nil)
}

func loadPlik(t *testing.T, w *harness.World) {
	p := harness.NewPlik(t, w.URL)
	u, f := p.Stored(t, map[string]any{"files": []map[string]any{{"fileName": "a.txt"}}}, "a.txt", "temporary")
	p.Call(t, http.MethodGet, u.Path(f), nil).Want(t, http.StatusOK)
	p.Call(t, http.MethodGet, "/upload/none", nil).Want(t, http.StatusNotFound)
}

func loadLinks(t *testing.T, c *harness.Client, away string) {
	l := c.Locknex(t)
	id := l.Create(t, "mixed", []string{away + "/a", away + "/b", away + "/gone/c", away + "/broken/d", "https://rapidgator.net/file/" + strings.Repeat("0", 32)}).ID
	for i := range 3 {
		l.Nobody().Unlock(t, id, "", "User-Agent", fmt.Sprintf("Visitor %d", i)).Want(t, http.StatusOK)
	}
	for _, format := range []string{"svg", "svg", "webp", "png"} {
		l.Nobody().Call(t, http.MethodGet, "/s/"+id+"."+format, nil).Want(t, http.StatusOK)
	}
	l.Nobody().Call(t, http.MethodGet, "/s/nonesuch.svg", nil)
	l.Status(t, id)
	l.Clicks(t, id)
	gone := l.Create(t, "gone", []string{away + "/e"}).ID
	l.Call(t, http.MethodDelete, "/api/v1/container/"+gone, nil).Want(t, http.StatusOK)
}

func loadHosting(t *testing.T, c *harness.Client, away string) {
	y := c.Yetishare(t)
	folder := y.Folder(t, "load", "")
	up := y.Upload(t, "a.bin", randomBytes(t, 10<<10), "folder_id", folder.ID)
	c.Do(t, http.MethodGet, strings.TrimPrefix(up.URL, c.URL), nil, http.Header{})
	y.List(t, folder.ID)
	y.Ask(t, "/file/url_upload_add", "url", away+"/fetched.bin")
	y.Ask(t, "/file/url_upload_add", "url", away+"/gone/fetched.bin")
	y.Nobody().Ask(t, "/account/info", "access_token", "wrong", "account_id", y.ID)
}

func loadPages(t *testing.T, w *harness.World) {
	l := harness.Guest(t, w)
	for _, path := range []string{"/", "/account", "/nothing/here", "/healthz", "/readyz", "/docs"} {
		l.Call(t, http.MethodGet, path, nil)
	}
	// Somebody who tries passwords is slowed down.
	eventually(t, time.Minute, func() string {
		r := l.Call(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": "admin", "password": "wrong"})
		if r.Status == http.StatusTooManyRequests {
			return ""
		}
		return fmt.Sprintf("wrong passwords are answered %d", r.Status)
	})
}

// hostileLoad asks for what no table and no contract names, each time by another
// name, all of which have word in them.
func hostileLoad(t *testing.T, w *harness.World, word string) {
	t.Helper()
	c := harness.NewClient(t, w, "hostile-"+word)
	l := c.Locknex(t)
	for i := range 60 {
		name := fmt.Sprintf("%s%d", word, i)
		for _, r := range []struct{ method, path string }{
			{"GET", "/" + name}, {"GET", "/api/v1/" + name}, {strings.ToUpper(name), "/api/v1/buckets"}, {"GET", "/api/v1/buckets/" + name + "/objects/" + name},
			{"GET", "/s/" + name + "." + name}, {"GET", "/s/" + name + ".svg"}, {"GET", "/file/" + name + "/" + name + "/" + name}, {"POST", "/api/v2/" + name},
			{"PROPFIND", "/dav/" + name}, {"GET", "/healthz?" + name},
		} {
			c.Do(t, r.method, r.path, nil, http.Header{
				"User-Agent": {name}, "Referer": {"https://" + name + ".example/"}, "X-Request-Id": {name}, "Traceparent": {name}, "X-Forwarded-Proto": {name}, "X-Forwarded-Host": {name},
			})
		}
	}
	c.Bucket(t, word)
	for i := range 20 {
		c.Put(t, word, fmt.Sprintf("%s/%d", word, i), word, http.Header{"Content-Type": {"application/" + word}})
	}
	links := make([]string, 20)
	for i := range links {
		links[i] = fmt.Sprintf("https://%s%d.invalid/%s", word, i, word)
	}
	l.Create(t, word, links)
}
