package faults_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// once are the headers of a put that its client may repeat.
func once(p *plot, body []byte) http.Header {
	sum := sha256.Sum256(body)
	return http.Header{"Idempotency-Key": {strings.ReplaceAll(p.key, " ", "-")}, "X-Lockwell-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])}}
}

// again repeats a put with its idempotency key until that is not in use any more.
func again(t *testing.T, p *plot, body []byte) harness.Response {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; pause(t.Context(), 50*time.Millisecond) {
		r := p.c.Do(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, once(p, body))
		if r.Code() != "idempotency_in_progress" || time.Now().After(deadline) {
			return r
		}
	}
}

// putOnceUnseen dies before the head knows of the version: the repeat makes it,
// as the only one.
func putOnceUnseen(t *testing.T, p *plot) {
	body := p.body(t, "once")
	r := p.strike(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, once(p, body))
	if r.Status == 0 {
		p.shows(t, kept, p.key, nil)
		r = again(t, p, body)
	}
	p.acknowledged(t, kept, p.key, body, r)
	onlyOnce(t, p, body, r)
}

// putOnce dies when the version is current: the repeat is answered with it, and
// makes none.
func putOnce(t *testing.T, p *plot) {
	body := p.body(t, "once")
	r := p.strike(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, once(p, body))
	p.shows(t, kept, p.key, body)
	if r.Status == 0 {
		if r = again(t, p, body); r.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the repeat is no replay: %d %s", r.Status, r.Body)
		}
	}
	p.acknowledged(t, kept, p.key, body, r)
	onlyOnce(t, p, body, r)
}

// putOnceInherited dies a second time, when the repeat has taken the key over
// from the first attempt: the third makes the version.
func putOnceInherited(t *testing.T, p *plot) {
	body, second := p.body(t, "once"), p.crash.point
	p.crash.point = "object.commit.written"
	p.strike(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, once(p, body))
	p.crash.point = second
	p.strike(t, http.MethodPut, harness.ObjectPath(kept, p.key), body, once(p, body))
	p.shows(t, kept, p.key, nil)
	r := again(t, p, body)
	p.acknowledged(t, kept, p.key, body, r)
	onlyOnce(t, p, body, r)
}

func onlyOnce(t *testing.T, p *plot, body []byte, first harness.Response) {
	t.Helper()
	r := again(t, p, body).Want(t, http.StatusCreated)
	if r.Header.Get("Idempotent-Replayed") != "true" || r.Object(t).VersionID != first.Object(t).VersionID {
		t.Errorf("repeated, it answers %s, at first %s", r.Body, first.Body)
	}
	if v := p.versions(t, kept, p.key); len(v) != 1 {
		t.Errorf("versions %v of one put", v)
	}
	p.c.Do(t, http.MethodPut, harness.ObjectPath(kept, p.key), "other", once(p, []byte("other"))).Is(t, http.StatusConflict, "idempotency_conflict")
}

// list is the body that completes an upload.
func list(parts []harness.Part) map[string]any {
	var l []map[string]any
	for _, part := range parts {
		l = append(l, map[string]any{"partNumber": part.PartNumber, "etag": part.ETag})
	}
	return map[string]any{"parts": l}
}

// partUnseen dies when the bytes of a part are kept and nobody knows of them:
// it is sent again, and counted once.
func partUnseen(t *testing.T, p *plot) {
	for _, b := range p.buckets() {
		body := p.body(t, "parts")
		u := p.c.Multipart(t, b, p.key)
		first := u.Part(t, 1, body[:1000])
		r := p.strike(t, http.MethodPut, u.Path("parts/2"), body[1000:], nil)
		if r.Status == 0 {
			if l, _, _ := u.List(t, ""); len(l) > 1 && p.crash.victim == "up" {
				t.Errorf("parts %v, want the first alone", l)
			}
			r = u.Send(t, 2, body[1000:])
		}
		var second harness.Part
		r.Want(t, http.StatusOK).JSON(t, &second)
		p.acknowledged(t, b, p.key, body, u.Complete(t, []harness.Part{first, second}))
	}
}

// partReplaced dies when a part was sent again and the first one is on its way
// out: the second one counts, and the first is not counted.
func partReplaced(t *testing.T, p *plot) {
	for _, b := range p.buckets() {
		old, body := p.body(t, "old parts"), p.body(t, "new")
		u := p.c.Multipart(t, b, p.key)
		u.Part(t, 1, old)
		r := p.strike(t, http.MethodPut, u.Path("parts/1"), body, nil)
		if r.Status == 0 {
			r = u.Send(t, 1, body)
		}
		var part harness.Part
		r.Want(t, http.StatusOK).JSON(t, &part)
		p.acknowledged(t, b, p.key, body, u.Complete(t, []harness.Part{part}))
	}
}

// completeUnseen dies before the object is there: it shows nothing of it until
// the same list is sent again.
func completeUnseen(t *testing.T, p *plot) {
	for _, b := range p.buckets() {
		body := p.body(t, "parts")
		u := p.c.Multipart(t, b, p.key)
		parts := u.Parts(t, body[:1000], body[1000:])
		r := p.strike(t, http.MethodPost, u.Path("complete"), list(parts), nil)
		if r.Status == 0 {
			p.shows(t, b, p.key, nil)
			r = u.Complete(t, parts)
		}
		p.acknowledged(t, b, p.key, body, r)
		sameAnswer(t, p, u, parts, r)
	}
}

// completeSeen dies when the object is there: completing again answers with it.
func completeSeen(t *testing.T, p *plot) {
	for _, b := range p.buckets() {
		body := p.body(t, "parts")
		u := p.c.Multipart(t, b, p.key)
		parts := u.Parts(t, body[:1000], body[1000:])
		r := p.strike(t, http.MethodPost, u.Path("complete"), list(parts), nil)
		p.shows(t, b, p.key, body)
		if r.Status == 0 {
			r = u.Complete(t, parts)
		}
		p.acknowledged(t, b, p.key, body, r)
		sameAnswer(t, p, u, parts, r)
	}
}

func sameAnswer(t *testing.T, p *plot, u *harness.Upload, parts []harness.Part, first harness.Response) {
	t.Helper()
	if r := u.Complete(t, parts).Want(t, http.StatusOK); string(r.Body) != string(first.Body) {
		t.Errorf("completed again, it answers %s, at first %s", r.Body, first.Body)
	}
	if v := p.versions(t, u.Bucket, p.key); len(v) != 1 {
		t.Errorf("versions %v of one upload", v)
	}
	u.Abort(t).Want(t, http.StatusNotFound)
}

// copyUnseen dies when the source's content is held for a copy that is not
// there yet. copySeen dies when it is.
func copyUnseen(t *testing.T, p *plot) { copied(t, p, nil) }

func copySeen(t *testing.T, p *plot) { copied(t, p, p.body(t, "source")) }

// copied lets a copy break off, repeats it, and takes the source away: the
// bytes are the copy's then.
func copied(t *testing.T, p *plot, shown []byte) {
	body, source := p.body(t, "source"), p.key+" source"
	p.acknowledged(t, plain, p.key, []byte("before"), p.c.Put(t, plain, p.key, "before", nil))
	r := p.c.Put(t, plain, source, body, nil)
	p.acked[r.Object(t).VersionID] = true
	ask := map[string]any{"sourceBucket": plain, "sourceKey": source}
	path := harness.KeyPath(kept, "object-copy", p.key)
	if r = p.strike(t, http.MethodPost, path, ask, nil); r.Status == 0 {
		p.shows(t, kept, p.key, shown)
		r = p.c.Do(t, http.MethodPost, path, ask, nil)
	}
	p.acknowledged(t, kept, p.key, body, r)
	p.c.Do(t, http.MethodDelete, harness.ObjectPath(plain, source), nil, nil).Want(t, http.StatusNoContent)
	p.shows(t, plain, source, nil)
	p.shows(t, kept, p.key, body)
}
