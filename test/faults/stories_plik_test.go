package faults_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// plik speaks Plik as the plot's account.
func (p *plot) plik(t *testing.T) *harness.Plik {
	t.Helper()
	l := p.c.Lockr()
	k := harness.NewPlik(t, p.w.URL).Login(t, l.Username, "correct horse "+l.Username)
	k.HTTP = p.c.HTTP
	return k
}

// with is the header of somebody who speaks Plik with an upload's secret.
func with(k *harness.Plik, u harness.PlikUpload) http.Header {
	return http.Header{"X-Uploadtoken": {u.UploadToken}, "Cookie": {"plik-session=" + k.Session}, "X-Xsrftoken": {k.XSRF}}
}

// announces makes an upload of one file that is to come.
func (p *plot) announces(t *testing.T, k *harness.Plik, options map[string]any) (harness.PlikUpload, harness.PlikFile) {
	t.Helper()
	if options == nil {
		options = map[string]any{}
	}
	options["files"] = []map[string]any{{"fileName": "f"}}
	u := k.Create(t, options)
	return u, u.Files[0]
}

// posts strikes while a file's content is posted.
func (p *plot) posts(t *testing.T, k *harness.Plik, u harness.PlikUpload, path string, content []byte) harness.Response {
	t.Helper()
	form, contentType := harness.PlikForm("f", content)
	b, err := io.ReadAll(form)
	if err != nil {
		t.Fatal(err)
	}
	h := with(k, u)
	h.Set("Content-Type", contentType)
	return p.strike(t, http.MethodPost, path, b, h)
}

// overtaken lets the leases of the dead end: the service that holds them starts
// anew, ahead of the others.
func (p *plot) overtaken(t *testing.T) {
	t.Helper()
	if p.crash.victim == "up" || p.crash.victim == "upload" {
		return // it did already
	}
	p.later(t, p.crash.lease)
	p.w.Kill("upload")
	p.revive(t, "upload")
}

// ends waits until a file is in a final state, and gives it.
func (p *plot) ends(t *testing.T, k *harness.Plik, u harness.PlikUpload, id string) string {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 100*time.Millisecond) {
		r, err := k.Try(t.Context(), http.MethodGet, "/upload/"+u.ID, nil)
		if err != nil || r.Status != http.StatusOK {
			continue
		}
		for _, f := range r.PlikUpload(t).Files {
			if f.ID == id {
				last = f.Status
			}
		}
		if last == "uploaded" || last == "deleted" || last == "missing" {
			return last
		}
	}
	t.Fatalf("the file of %s stays %q", u.ID, last)
	return ""
}

// used waits until the account uses that much besides what it has otherwise.
func (p *plot) used(t *testing.T, want int64) {
	t.Helper()
	var got int64
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 100*time.Millisecond) {
		if got = p.stats(t).TotalSize; got == want {
			return
		}
	}
	t.Errorf("temporary uploads count %d bytes, want %d", got, want)
}

type plikStats struct{ Uploads, Files, TotalSize int64 }

func (p *plot) stats(t *testing.T) (s plikStats) {
	t.Helper()
	p.plik(t).Call(t, http.MethodGet, "/me/stats", nil).Want(t, http.StatusOK).JSON(t, &s)
	return s
}

// plikMade dies while an upload's files are recorded: it is to nobody then, and
// the repeat is one.
func plikMade(t *testing.T, p *plot) {
	k, before := p.plik(t), p.stats(t)
	ask := `{"files":[{"fileName":"f"},{"fileName":"g"}]}`
	r := p.strike(t, http.MethodPost, "/upload", ask, with(k, harness.PlikUpload{}))
	now := before.Uploads + 1
	if r.Status == 0 {
		insist(t, "the repeat", func() harness.Response { return k.Call(t, http.MethodPost, "/upload", ask) }).Want(t, http.StatusOK)
	}
	if s := p.stats(t); s.Uploads != now {
		t.Errorf("%d uploads, then %d", before.Uploads, s.Uploads)
	}
	k.Call(t, http.MethodDelete, "/me/uploads", nil).Want(t, http.StatusOK)
}

// plikFilled dies while an announced file becomes readable: acknowledged, it is
// there; else it is there as well, or deleted, and never in between for long.
func plikFilled(t *testing.T, p *plot) {
	k, body := p.plik(t), p.body(t, "posted")
	u, f := p.announces(t, k, nil)
	r := p.posts(t, k, u, u.Path(f), body)
	p.overtaken(t)
	status := p.ends(t, k, u, f.ID)
	if r.Status == http.StatusOK && status != "uploaded" {
		t.Errorf("acknowledged, and then %s", status)
	}
	switch got := insist(t, "reading", func() harness.Response { return k.Call(t, http.MethodGet, u.Path(f), nil) }); {
	case status == "uploaded" && (got.Status != http.StatusOK || !bytes.Equal(got.Body, body)):
		t.Errorf("%s reads as %d %.80s", f.ID, got.Status, got.Body)
	case status != "uploaded" && got.Status != http.StatusNotFound:
		t.Errorf("%s, and reads as %d %.80s", status, got.Status, got.Body)
	}
	again := insist(t, "another file", func() harness.Response { return k.Add(t, u, "g", body) }).Want(t, http.StatusOK).PlikFile(t)
	if got := k.Call(t, http.MethodGet, u.Path(again), nil); !bytes.Equal(got.Body, body) {
		t.Errorf("%d %.80s", got.Status, got.Body)
	}
	p.leaves(t, k, u)
}

// plikAdded dies while an entry is made for a file that was not announced: the
// repeat makes one, and all that are listed end.
func plikAdded(t *testing.T, p *plot) {
	k, body := p.plik(t), p.body(t, "added")
	u := k.Create(t, nil)
	r := p.posts(t, k, u, "/file/"+u.ID, body)
	if r.Status == 0 {
		r = insist(t, "the repeat", func() harness.Response { return k.Add(t, u, "f", body) })
	}
	f := r.Want(t, http.StatusOK).PlikFile(t)
	p.overtaken(t)
	for _, o := range k.Get(t, u.ID).Files {
		if status := p.ends(t, k, u, o.ID); o.ID == f.ID && status != "uploaded" {
			t.Errorf("acknowledged, and then %s", status)
		}
	}
	if got := k.Call(t, http.MethodGet, u.Path(f), nil); !bytes.Equal(got.Body, body) {
		t.Errorf("%d %.80s", got.Status, got.Body)
	}
	p.leaves(t, k, u)
}

// plikTaken dies while a one-shot file is claimed: it goes out to one at most, and
// then it is deleted.
func plikTaken(t *testing.T, p *plot) {
	k, body := p.plik(t), p.body(t, "once")
	u, f := p.announces(t, k, map[string]any{"oneShot": true})
	k.Fill(t, u, f, body).Want(t, http.StatusOK)
	path := strings.TrimPrefix(u.Path(f), k.URL)
	r := p.strike(t, http.MethodGet, path, nil, with(k, u))
	p.overtaken(t)
	got := insist(t, "reading again", func() harness.Response { return k.Call(t, http.MethodGet, path, nil) })
	if got.Status != http.StatusNotFound {
		t.Errorf("a second reader gets %d %.80s; the first got %d", got.Status, got.Body, r.Status)
	}
	if status := p.ends(t, k, u, f.ID); status != "deleted" {
		t.Errorf("claimed, and then %s", status)
	}
	p.leaves(t, k, u)
}

// plikFileRemoved dies while a file is deleted: it is not read any more, and is
// deleted and counts nothing when that is asked for again, or sooner.
func plikFileRemoved(t *testing.T, p *plot) {
	k := p.plik(t)
	u, f := p.announces(t, k, nil)
	k.Fill(t, u, f, p.body(t, "posted")).Want(t, http.StatusOK)
	r := p.strike(t, http.MethodDelete, u.Path(f), nil, with(k, u))
	if r.Status == 0 {
		insist(t, "the repeat", func() harness.Response { return k.Call(t, http.MethodDelete, u.Path(f), nil) }).OK(t)
	}
	if got := k.Call(t, http.MethodGet, u.Path(f), nil); got.Status != http.StatusNotFound {
		t.Errorf("removed, and reads as %d %.80s", got.Status, got.Body)
	}
	if status := p.ends(t, k, u, f.ID); status != "deleted" {
		t.Errorf("removed, and then %s", status)
	}
	p.leaves(t, k, u)
}

// plikRemoved dies while an upload is removed: it is gone, and its bytes go.
func plikRemoved(t *testing.T, p *plot) {
	k := p.plik(t)
	u, f := p.announces(t, k, nil)
	k.Fill(t, u, f, p.body(t, "posted")).Want(t, http.StatusOK)
	r := p.strike(t, http.MethodDelete, "/upload/"+u.ID, nil, with(k, u))
	if r.Status == 0 {
		if r = insist(t, "the repeat", func() harness.Response { return k.Call(t, http.MethodDelete, "/upload/"+u.ID, nil) }); r.Status != http.StatusNotFound {
			r.OK(t)
		}
	}
	if got := k.Call(t, http.MethodGet, u.Path(f), nil); got.Status != http.StatusNotFound {
		t.Errorf("removed, and reads as %d %.80s", got.Status, got.Body)
	}
	p.used(t, 0)
}

// leaves removes what the story made; nothing of it counts any more.
func (p *plot) leaves(t *testing.T, k *harness.Plik, u harness.PlikUpload) {
	t.Helper()
	insist(t, "removing it", func() harness.Response { return k.Call(t, http.MethodDelete, "/upload/"+u.ID, nil) }).OK(t)
	p.used(t, 0)
}
