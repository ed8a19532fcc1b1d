package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// drive is the bucket of an account's files.
const drive = "drive"

// as is the header of somebody who speaks lockr.
func as(l *harness.Lockr) http.Header { return http.Header{"Authorization": {"Bearer " + l.Token}} }

// path is the story's in the drive, and never there before.
func (p *plot) path(dir string) string { return dir + p.key }

// reads wants that a file of lockr reads as b.
func (p *plot) reads(t *testing.T, id string, b []byte) {
	t.Helper()
	if r := p.c.Lockr().Download(t, id, ""); r.Status != http.StatusOK || !bytes.Equal(r.Body, b) {
		t.Errorf("%s reads as %d %.80s", id, r.Status, r.Body)
	}
}

// listed counts the files of an account that have the name.
func listed(t *testing.T, l *harness.Lockr, name string) (n int) {
	t.Helper()
	var page struct{ Files []harness.File }
	l.Call(t, http.MethodGet, "/api/v1/files", nil).Want(t, http.StatusOK).JSON(t, &page)
	for _, f := range page.Files {
		if f.Name == name {
			n++
		}
	}
	return n
}

// insist repeats a request until it has an answer that is not 409 or 5xx: others
// come from leases of the dead.
func insist(t *testing.T, what string, ask func() harness.Response) harness.Response {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; pause(t.Context(), 100*time.Millisecond) {
		r := ask()
		if r.Status != http.StatusConflict && r.Status < 500 {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d %s", what, r.Status, r.Body)
		}
	}
}

// sessionGoesOn dies while a session takes its bytes or becomes a file. Whoever
// asks the session goes on where it is, and there is one file in the end.
func sessionGoesOn(t *testing.T, p *plot) {
	l, body := p.c.Lockr(), p.body(t, "session")
	total := int64(len(body))
	s := l.Session(t, p.key, total)
	p.strike(t, http.MethodPut, s.UploadURL[len(l.URL):], body, http.Header{"Content-Range": {harness.ContentRange(0, len(body), total)}})
	r := insist(t, "asking the session", func() harness.Response { return l.Query(t, s, total) })
	if r.Status == http.StatusPermanentRedirect {
		off := r.Stored(t)
		r = insist(t, "going on", func() harness.Response { return l.Chunk(t, s, off, body[off:], total) })
	}
	f := r.Want(t, http.StatusCreated).File(t)
	if f.Size != total || listed(t, l, p.key) != 1 {
		t.Errorf("%+v, and %d of the name", f, listed(t, l, p.key))
	}
	p.reads(t, f.ID, body)
	l.Call(t, http.MethodDelete, "/api/v1/files/"+f.ID, nil).Want(t, http.StatusOK)
}

// driveUnseen dies when a file's place is taken and nobody sees it yet: the
// repeat gets the place.
func driveUnseen(t *testing.T, p *plot) {
	path, body := p.path("made "+p.key+"/"), p.body(t, "new")
	r := p.strike(t, http.MethodPut, harness.ObjectPath(drive, path), body, nil)
	if r.Status == 0 {
		p.shows(t, drive, path, nil)
		r = insist(t, "the repeat", func() harness.Response { return p.c.Put(t, drive, path, body, nil) })
	}
	r.Want(t, http.StatusCreated)
	p.shows(t, drive, path, body)
	p.c.Do(t, http.MethodDelete, harness.ObjectPath(drive, path), nil, nil).Want(t, http.StatusNoContent)
}

// driveRemoved dies while a file goes: it is gone, or goes when it is asked for
// again, and what is written there then is there.
func driveRemoved(t *testing.T, p *plot) {
	path, body := p.path(""), p.body(t, "new")
	p.c.Put(t, drive, path, p.body(t, "old"), nil).Want(t, http.StatusCreated)
	r := p.strike(t, http.MethodDelete, harness.ObjectPath(drive, path), nil, nil)
	if r.Status == 0 {
		insist(t, "the repeat", func() harness.Response {
			return p.c.Do(t, http.MethodDelete, harness.ObjectPath(drive, path), nil, nil)
		}).Want(t, http.StatusNoContent)
	}
	p.shows(t, drive, path, nil)
	insist(t, "the next file", func() harness.Response { return p.c.Put(t, drive, path, body, nil) }).Want(t, http.StatusCreated)
	p.shows(t, drive, path, body)
	p.c.Do(t, http.MethodDelete, harness.ObjectPath(drive, path), nil, nil).Want(t, http.StatusNoContent)
}

// folderRemoved dies while a folder goes: when it is asked for again all of it
// is gone, and the name is free.
func folderRemoved(t *testing.T, p *plot) {
	l := p.c.Lockr()
	dir := fmt.Sprintf("dir %s", p.key)
	for n := range 2 {
		p.c.Put(t, drive, fmt.Sprintf("%s/%d", dir, n), p.body(t, "old"), nil).Want(t, http.StatusCreated)
	}
	dav := "/dav/" + l.Username + "/" + url.PathEscape(dir)
	p.strike(t, http.MethodDelete, dav, nil, as(l))
	r := insist(t, "the repeat", func() harness.Response { return p.c.Do(t, http.MethodDelete, dav, nil, as(l)) })
	if r.Status != http.StatusNoContent && r.Status != http.StatusNotFound {
		t.Errorf("removing it again: %d %s", r.Status, r.Body)
	}
	for n := range 2 {
		p.shows(t, drive, fmt.Sprintf("%s/%d", dir, n), nil)
	}
	insist(t, "the next file", func() harness.Response { return p.c.Put(t, drive, dir, p.body(t, "new"), nil) }).Want(t, http.StatusCreated)
	p.c.Do(t, http.MethodDelete, harness.ObjectPath(drive, dir), nil, nil).Want(t, http.StatusNoContent)
}

// folderMoved dies when it is noted that a folder moves: the next one who moves a
// folder carries it out, and when it is asked for again all of it is there, once.
func folderMoved(t *testing.T, p *plot) {
	l := p.c.Lockr()
	dir, into, other := "dir "+p.key, "into "+p.key, "other "+p.key
	bodies := [][]byte{p.body(t, "a"), p.body(t, "b")}
	for n, body := range bodies {
		p.c.Put(t, drive, fmt.Sprintf("%s/%d", dir, n), body, nil).Want(t, http.StatusCreated)
	}
	for _, name := range []string{into, other} {
		p.c.Put(t, drive, name+"/kept", p.body(t, "kept"), nil).Want(t, http.StatusCreated)
	}
	dav := "/dav/" + l.Username + "/"
	to := func(path string) http.Header {
		h := as(l)
		h.Set("Destination", dav+path)
		h.Set("Overwrite", "F")
		return h
	}
	there := url.PathEscape(into) + "/" + url.PathEscape(dir)
	p.strike(t, "MOVE", dav+url.PathEscape(dir), nil, to(there))
	insist(t, "another move", func() harness.Response {
		return p.c.Do(t, "MOVE", dav+url.PathEscape(other), nil, to(url.PathEscape(into)+"/other"))
	}).Want(t, http.StatusCreated)
	r := insist(t, "the repeat", func() harness.Response { return p.c.Do(t, "MOVE", dav+url.PathEscape(dir), nil, to(there)) })
	if r.Status != http.StatusCreated && r.Status != http.StatusNotFound {
		t.Errorf("moving it again: %d %s", r.Status, r.Body)
	}
	for n, body := range bodies {
		p.shows(t, drive, fmt.Sprintf("%s/%d", dir, n), nil)
		p.shows(t, drive, fmt.Sprintf("%s/%s/%d", into, dir, n), body)
	}
	insist(t, "the end", func() harness.Response {
		return p.c.Do(t, http.MethodDelete, dav+url.PathEscape(into), nil, as(l))
	}).Want(t, http.StatusNoContent)
}

// registered dies while a guest's file becomes the account's: asked for again it
// is, once, under the same id.
func registered(t *testing.T, p *plot) {
	l, body := p.c.Lockr(), p.body(t, "guest")
	f := harness.Guest(t, p.w).Upload(t, p.key, body)
	p.strike(t, http.MethodPost, "/api/v1/files/register", map[string]string{"id": f.ID}, as(l))
	p.registers(t, f, body)
}

func (p *plot) registers(t *testing.T, f harness.File, body []byte) {
	t.Helper()
	l := p.c.Lockr()
	got := insist(t, "the repeat", func() harness.Response {
		return l.Call(t, http.MethodPost, "/api/v1/files/register", map[string]string{"id": f.ID})
	}).Want(t, http.StatusOK).File(t)
	if got.ID != f.ID || listed(t, l, p.key) != 1 {
		t.Errorf("%+v, and %d of the name", got, listed(t, l, p.key))
	}
	p.reads(t, f.ID, body)
	l.Call(t, http.MethodDelete, "/api/v1/files/"+f.ID, nil).Want(t, http.StatusOK)
}

// sweepDies kills at another point first, and then, some minutes later, the sweep
// that cleans up behind that one, at the point of the story.
func (p *plot) sweepDies(t *testing.T, first, method, path string, body any, h http.Header) {
	t.Helper()
	p.w.Arm(t, first, 0)
	ctx, giveUp := context.WithCancel(t.Context())
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = p.c.Try(ctx, method, path, body, h)
	}()
	name := p.w.Died(t, time.Minute)
	giveUp()
	<-answered
	p.later(t, 3*time.Minute)
	p.w.Arm(t, p.crash.point, 0)
	p.c.HTTP.CloseIdleConnections()
	if err := p.w.StartProc(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	p.w.Died(t, time.Minute)
	p.revive(t, name)
}

// undone dies while the sweep takes a registration back that broke off.
func undone(t *testing.T, p *plot) {
	l, body := p.c.Lockr(), p.body(t, "guest")
	f := harness.Guest(t, p.w).Upload(t, p.key, body)
	p.sweepDies(t, "object.register.claimed", http.MethodPost, "/api/v1/files/register", map[string]string{"id": f.ID}, as(l))
	p.registers(t, f, body)
}

// doubted dies while the sweep takes a name back that came to nothing.
func doubted(t *testing.T, p *plot) {
	path, body := p.path(""), p.body(t, "new")
	p.sweepDies(t, "object.commit.written", http.MethodPut, harness.ObjectPath(drive, path), p.body(t, "never"), nil)
	p.shows(t, drive, path, nil)
	insist(t, "the next file", func() harness.Response { return p.c.Put(t, drive, path, body, nil) }).Want(t, http.StatusCreated)
	p.shows(t, drive, path, body)
	p.c.Do(t, http.MethodDelete, harness.ObjectPath(drive, path), nil, nil).Want(t, http.StatusNoContent)
}

// accountDeleted dies while it is decided that an account may be closed: asked
// for again it is, and its files are gone.
func accountDeleted(t *testing.T, p *plot) {
	name := fmt.Sprintf("leaver-%.2s", p.key)
	other := harness.NewClient(t, p.w, name)
	l := other.Lockr()
	f := l.Upload(t, "left", p.body(t, "left"))
	ask := map[string]string{"password": "correct horse " + name}
	r := p.strike(t, http.MethodPost, "/api/v1/account/delete", ask, as(l))
	if r.Status == 0 {
		r = insist(t, "the repeat", func() harness.Response {
			return p.c.Do(t, http.MethodPost, "/api/v1/account/delete", ask, as(l))
		})
	}
	if r.Status != http.StatusUnauthorized { // then the first one went through
		r.Want(t, http.StatusNoContent)
	}
	p.c.Do(t, http.MethodGet, "/api/v1/account", nil, as(l)).Want(t, http.StatusUnauthorized)
	insist(t, "its file", func() harness.Response {
		if r := p.c.Lockr().Download(t, f.ID, ""); r.Status != http.StatusOK {
			return r
		}
		return harness.Response{Status: http.StatusConflict} // not yet
	}).Want(t, http.StatusNotFound)
}
