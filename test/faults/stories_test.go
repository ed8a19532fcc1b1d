package faults_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// putUnseen dies before the head knows of the version: nothing of it shows.
func putUnseen(t *testing.T, p *plot) {
	body := p.body(t, "new")
	r := p.strike(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, nil)
	if r.Status == 0 {
		p.shows(t, kept, p.key, nil)
		if n := p.versions(t, kept, p.key); len(n) != 0 {
			t.Errorf("versions %v of what nobody finished", n)
		}
		r = p.c.Put(t, kept, p.key, body, http.Header{"If-None-Match": {"*"}})
	}
	p.acknowledged(t, kept, p.key, body, r)
}

// markUnseen does the same to a delete marker.
func markUnseen(t *testing.T, p *plot) {
	body := p.body(t, "old")
	p.acknowledged(t, kept, p.key, body, p.c.Put(t, kept, p.key, body, nil))
	r := p.strike(t, http.MethodDelete, harness.ObjectPath(kept, p.key), nil, nil)
	if r.Status == 0 {
		p.shows(t, kept, p.key, body)
		r = p.c.Do(t, http.MethodDelete, harness.ObjectPath(kept, p.key), nil, nil)
	}
	r.Want(t, http.StatusOK)
	delete(p.want[kept], p.key)
	p.shows(t, kept, p.key, nil)
	if v := p.versions(t, kept, p.key); len(v) != 2 {
		t.Errorf("versions %v, want one and its marker", v)
	}
}

// putSeen dies when the version is current: it stays, and the same content
// again is a version of its own.
func putSeen(t *testing.T, p *plot) {
	for _, b := range p.buckets() {
		body := p.body(t, "new")
		r := p.strike(t, http.MethodPut, harness.ObjectPath(b, p.key), body, nil)
		p.shows(t, b, p.key, body)
		if r.Status == 0 {
			r = p.c.Put(t, b, p.key, body, nil)
		}
		p.acknowledged(t, b, p.key, body, r)
	}
}

// putFirstSeen is a conditional put whose answer was lost: repeated, it finds
// its own work and is refused.
func putFirstSeen(t *testing.T, p *plot) {
	for _, b := range p.buckets() {
		body := p.body(t, "first")
		h := http.Header{"If-None-Match": {"*"}}
		r := p.strike(t, http.MethodPut, harness.ObjectPath(b, p.key), body, h)
		p.want[b][p.key] = body
		v := p.shows(t, b, p.key, body)
		if r.Status == 0 {
			p.c.Do(t, http.MethodPut, harness.ObjectPath(b, p.key), "other", h).Want(t, http.StatusPreconditionFailed)
			p.acked[v] = true
		} else {
			p.acknowledged(t, b, p.key, body, r)
		}
		p.shows(t, b, p.key, body)
	}
}

// putOverSeen is the same with If-Match: the old content is not put back.
func putOverSeen(t *testing.T, p *plot) {
	for _, b := range p.buckets() {
		old, body := p.body(t, "old"), p.body(t, "new")
		first := p.c.Put(t, b, p.key, old, nil)
		p.acknowledged(t, b, p.key, old, first)
		h := http.Header{"If-Match": {first.Object(t).ETag}}
		r := p.strike(t, http.MethodPut, harness.ObjectPath(b, p.key), body, h)
		p.want[b][p.key] = body
		p.shows(t, b, p.key, body)
		if r.Status != 0 {
			p.acknowledged(t, b, p.key, body, r)
		}
		p.c.Do(t, http.MethodPut, harness.ObjectPath(b, p.key), "other", h).Want(t, http.StatusPreconditionFailed)
		p.shows(t, b, p.key, body)
	}
}

// putCounted dies in the background, when the bytes are counted and nobody has
// noted it: end sees whether they are counted twice.
func putCounted(t *testing.T, p *plot) {
	body := p.body(t, "new")
	r := p.strike(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, nil)
	p.shows(t, kept, p.key, body)
	if r.Status == 0 {
		r = p.c.Put(t, kept, p.key, body, nil)
	}
	p.acknowledged(t, kept, p.key, body, r)
}

// removeVersion dies when a version is condemned and its key does not know yet:
// nobody sees it again.
func removeVersion(t *testing.T, p *plot) {
	old, body := p.body(t, "old"), p.body(t, "new")
	p.acknowledged(t, kept, p.key, old, p.c.Put(t, kept, p.key, old, nil))
	made := p.c.Put(t, kept, p.key, body, nil)
	p.acknowledged(t, kept, p.key, body, made)
	id := made.Object(t).VersionID
	path := harness.ObjectPath(kept, p.key) + "?versionId=" + id
	r := p.strike(t, http.MethodDelete, path, nil, nil)
	p.want[kept][p.key], p.gone[id] = old, true
	p.shows(t, kept, p.key, old)
	p.c.Do(t, http.MethodGet, path, nil, nil).Want(t, http.StatusNotFound)
	if r.Status == 0 {
		r = p.c.Do(t, http.MethodDelete, path, nil, nil)
	}
	r.Want(t, http.StatusNoContent)
	if v := p.versions(t, kept, p.key); len(v) != 1 {
		t.Errorf("versions %v, want the old one alone", v)
	}
}

// overwrite dies in the background, when the bytes of the old content are given
// back and nobody has noted it.
func overwrite(t *testing.T, p *plot) {
	old, body := p.body(t, "old"), p.body(t, "new")
	p.acknowledged(t, plain, p.key, old, p.c.Put(t, plain, p.key, old, nil))
	r := p.strike(t, http.MethodPut, harness.ObjectPath(plain, p.key), body, nil)
	p.shows(t, plain, p.key, body)
	if r.Status == 0 {
		r = p.c.Put(t, plain, p.key, body, nil)
	}
	p.acknowledged(t, plain, p.key, body, r)
}

// putAnnounced dies somewhere between the event and the receiver, which hears
// of the version all the same, and soon.
func putAnnounced(t *testing.T, p *plot) {
	body := p.body(t, "news")
	r := p.strike(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, nil)
	v := p.shows(t, kept, p.key, body)
	if r.Status != 0 {
		p.acknowledged(t, kept, p.key, body, r)
	}
	p.want[kept][p.key], p.acked[v] = body, true
	p.r.Wait(t, time.Minute, "the event of the version", func(h []harness.Hook) bool {
		return slices.ContainsFunc(h, func(h harness.Hook) bool { return slices.Contains(versionsOf(t, h.Body), v) })
	})
}
