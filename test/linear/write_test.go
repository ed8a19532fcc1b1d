package linear_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// write makes a content that nobody else makes the key's, in one of the ways
// that there are, as in asks for.
func (c *client) write(t *testing.T, i int, in request) {
	k := c.keys[i]
	c.n++
	body := fmt.Sprintf("%d/%d of %s", c.id, c.n, k.key())
	if c.rng.IntN(4) == 0 {
		body += strings.Repeat(".", 100<<10) // more than a small one: it holds a ticket
	}
	in.Kind, in.Key, in.Value = write, k.key(), etag(body)
	way := []func(*testing.T, hotKey, request, string) (request, answer, string, int64){c.put, c.put, c.put, c.once, c.copy, c.multipart}[c.rng.IntN(6)]
	in, out, id, call := way(t, k, in, body)
	if call < 0 {
		return // nothing that matters was asked
	}
	c.h.add(c.id, in, out, call)
	if id != "" {
		c.saw(i, version{id: id, value: in.Value})
	}
}

// conditions are the headers of what in asks for.
func (in request) conditions() http.Header {
	h := http.Header{}
	if in.Absent {
		h.Set("If-None-Match", "*")
	}
	if in.Match != "" {
		h.Set("If-Match", in.Match)
	}
	return h
}

// result reads the answer of what makes an object: its version, and what it says.
func (c *client) result(t *testing.T, in request, r harness.Response) (answer, string) {
	switch r.Status {
	case 0:
		return answer{}, ""
	case http.StatusPreconditionFailed:
		return answer{Known: true, Refused: true}, ""
	case http.StatusCreated, http.StatusOK:
		var made struct{ VersionID, ETag string }
		if json.Unmarshal(r.Body, &made) != nil || made.ETag != in.Value {
			c.unexpected(t, in, r)
		}
		return answer{Known: true}, made.VersionID
	}
	c.unexpected(t, in, r)
	return answer{}, ""
}

// put asks once, and never again.
func (c *client) put(t *testing.T, k hotKey, in request, body string) (request, answer, string, int64) {
	in.Way = "put"
	c.h.bodies.Store(in.Value, body)
	call := c.h.now()
	r, sent := c.try(t, http.MethodPut, k.path(), body, in.conditions())
	if !sent {
		return in, answer{}, "", -1
	}
	out, id := c.result(t, in, r)
	return in, out, id, call
}

// once asks with an idempotency key until it is answered: it is one operation,
// however often it is asked for.
func (c *client) once(t *testing.T, k hotKey, in request, body string) (request, answer, string, int64) {
	in.Way = "put once"
	c.h.bodies.Store(in.Value, body)
	h := in.conditions()
	h.Set("Idempotency-Key", fmt.Sprintf("%s-%d-%d", k.bucket, c.id, c.n))
	h.Set("X-Lockwell-Checksum-Sha256", digest(body))
	call := c.h.now()
	r := c.insist(t, func() (harness.Response, bool) {
		r, _ := c.try(t, http.MethodPut, k.path(), body, h)
		return r, r.Status != 0 && r.Code() != "idempotency_in_progress"
	})
	out, id := c.result(t, in, r)
	return in, out, id, call
}

// insist repeats until there is an answer, or the load ends; then there is none.
func (c *client) insist(t *testing.T, ask func() (harness.Response, bool)) harness.Response {
	for {
		if r, ok := ask(); ok {
			return r
		}
		select {
		case <-c.stop:
			return harness.Response{}
		default:
			pause(t.Context(), 50*time.Millisecond)
		}
	}
}

// copy makes the content under a key of its own and copies it to the hot one.
func (c *client) copy(t *testing.T, k hotKey, in request, body string) (request, answer, string, int64) {
	in.Way = "copy"
	c.h.bodies.Store(in.Value, body)
	source := fmt.Sprintf("source/%d/%d", c.id, c.n)
	made := c.insist(t, func() (harness.Response, bool) {
		r, _ := c.try(t, http.MethodPut, harness.ObjectPath(k.bucket, source), body, nil)
		return r, r.Status != 0
	})
	if made.Status != http.StatusCreated {
		return in, answer{}, "", -1
	}
	ask, err := json.Marshal(map[string]any{"sourceBucket": k.bucket, "sourceKey": source, "requireAbsent": in.Absent, "requireMatchEtag": in.Match})
	if err != nil {
		t.Fatal(err)
	}
	call := c.h.now()
	r, sent := c.try(t, http.MethodPost, harness.KeyPath(k.bucket, "object-copy", k.name), string(ask), http.Header{"Content-Type": {"application/json"}})
	if !sent {
		return in, answer{}, "", -1
	}
	out, id := c.result(t, in, r)
	return in, out, id, call
}

// multipart sends the content in two parts, and asks for their completion until
// it is answered.
func (c *client) multipart(t *testing.T, k hotKey, in request, body string) (request, answer, string, int64) {
	in.Way = "complete"
	parts := []string{body[:len(body)/2], body[len(body)/2:]}
	in.Value = etag(parts...)
	c.h.bodies.Store(in.Value, body)
	var u struct{ UploadID string }
	r := c.insist(t, func() (harness.Response, bool) {
		r, _ := c.try(t, http.MethodPost, harness.KeyPath(k.bucket, "multipart", k.name), "", nil)
		return r, r.Status != 0
	})
	if r.Status != http.StatusCreated || json.Unmarshal(r.Body, &u) != nil {
		return in, answer{}, "", -1
	}
	list := make([]map[string]any, len(parts))
	for n, p := range parts {
		r := c.insist(t, func() (harness.Response, bool) {
			r, _ := c.try(t, http.MethodPut, harness.KeyPath(k.bucket, fmt.Sprintf("multipart/%s/parts/%d", u.UploadID, n+1), k.name), p, nil)
			return r, r.Status != 0
		})
		if r.Status != http.StatusOK {
			return in, answer{}, "", -1
		}
		list[n] = map[string]any{"partNumber": n + 1, "etag": etag(p)}
	}
	ask, err := json.Marshal(map[string]any{"parts": list})
	if err != nil {
		t.Fatal(err)
	}
	h := in.conditions()
	h.Set("Content-Type", "application/json")
	asked := 0
	call := c.h.now()
	r = c.insist(t, func() (harness.Response, bool) {
		asked++
		r, _ := c.try(t, http.MethodPost, harness.KeyPath(k.bucket, "multipart/"+u.UploadID+"/complete", k.name), string(ask), h)
		return r, r.Status != 0
	})
	if r.Status == http.StatusNotFound && asked > 1 {
		// It was completed, and its object deleted before anybody had the answer.
		r = harness.Response{}
	}
	out, id := c.result(t, in, r)
	return in, out, id, call
}

// etag of a content, by its parts when there are several (lockwell.md, Objects).
func etag(parts ...string) string {
	sum := sha256.Sum256([]byte(parts[0]))
	if len(parts) > 1 {
		h := sha256.New()
		for _, p := range parts {
			sum := sha256.Sum256([]byte(p))
			h.Write(sum[:])
		}
		sum = [32]byte(h.Sum(nil))
	}
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:])[:32], len(parts))
}

func digest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}
