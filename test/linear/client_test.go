package linear_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// hotKey is one of the few keys that all clients want.
type hotKey struct {
	bucket, name string
	turns        bool // its bucket's versioning is turned on and off
}

// version is a version of a key that a client has heard of.
type version struct{ id, value string }

// client is one of the many; what it does next depends on what it last saw.
type client struct {
	c    *harness.Client
	h    *history
	id   int
	rng  *rand.Rand
	stop <-chan struct{} // closed when the load ends
	keys []hotKey
	last []string    // by key: the value that it last saw
	old  [][]version // by key: versions that it knows of
	n    int         // writes so far
}

func newClient(c *harness.Client, h *history, id int, keys []hotKey, seed uint64, stop <-chan struct{}) *client {
	return &client{
		c: c, h: h, id: id, keys: keys, stop: stop, rng: rand.New(rand.NewPCG(seed, uint64(id)+2)),
		last: make([]string, len(keys)), old: make([][]version, len(keys)),
	}
}

// act does one operation.
func (c *client) act(t *testing.T) {
	i := c.rng.IntN(len(c.keys))
	switch p := c.rng.IntN(100); {
	case p < 25:
		c.get(t, i)
	case p < 32:
		c.list(t, i)
	case p < 44:
		c.write(t, i, request{})
	case p < 58:
		c.write(t, i, request{Absent: true})
	case p < 80 && c.last[i] != "":
		c.write(t, i, request{Match: c.last[i]})
	case p < 90:
		c.delete(t, i)
	case p < 98 || !c.keys[i].turns:
		c.discard(t, i)
	default:
		c.turn(t, i, [...]string{enabled, suspended}[c.rng.IntN(2)])
	}
}

// try sends a request. It reports false when the request cannot have arrived;
// an answer that settles nothing has status 0.
func (c *client) try(t *testing.T, method, path, body string, h http.Header) (harness.Response, bool) {
	var rd any
	if method == http.MethodPut || method == http.MethodPost {
		rd = body
	}
	r, err := c.c.Try(t.Context(), method, path, rd, h)
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		pause(t.Context(), 20*time.Millisecond) // nobody listens
		return r, false
	}
	if err != nil || !answered(r.Status) {
		pause(t.Context(), 20*time.Millisecond)
		return harness.Response{}, true
	}
	return r, true
}

func (c *client) unexpected(t *testing.T, in request, r harness.Response) {
	t.Errorf("%s of %s: %d %s", in.Way, in.Key, r.Status, r.Body)
}

func (k hotKey) path() string { return harness.ObjectPath(k.bucket, k.name) }
func (k hotKey) key() string  { return k.bucket + "/" + k.name }

// saw remembers what a client may act upon later.
func (c *client) saw(i int, v version) {
	c.last[i] = v.value
	if v.value != "" {
		c.old[i] = append(c.old[i], v)
	}
}

// get reads the key, by GET or HEAD.
func (c *client) get(t *testing.T, i int) {
	k, method := c.keys[i], http.MethodGet
	if c.rng.IntN(3) == 0 {
		method = http.MethodHead
	}
	in := request{Kind: read, Way: strings.ToLower(method), Key: k.key()}
	call := c.h.now()
	r, sent := c.try(t, method, k.path(), "", nil)
	if !sent || r.Status == 0 {
		return
	}
	out := answer{Known: true}
	switch r.Status {
	case http.StatusOK:
		out.Value = r.Header.Get("ETag")
		if want, ok := c.h.bodies.Load(out.Value); method == http.MethodGet && (!ok || want != string(r.Body)) {
			t.Errorf("%s: the body of %d bytes is not that of its ETag %s", k.key(), len(r.Body), out.Value)
		}
	case http.StatusNotFound:
		if r.Header.Get("X-Lockwell-Delete-Marker") == "true" {
			out.Marker = "yes"
		}
		if method == http.MethodGet && r.Code() != "not_found" {
			c.unexpected(t, in, r)
		}
	default:
		c.unexpected(t, in, r)
		return
	}
	c.h.add(c.id, in, out, call)
	c.saw(i, version{id: r.Header.Get("X-Lockwell-Version-Id"), value: out.Value})
}

// list reads the key as a listing shows it.
func (c *client) list(t *testing.T, i int) {
	k := c.keys[i]
	in := request{Kind: read, Way: "list", Key: k.key()}
	call := c.h.now()
	r, sent := c.try(t, http.MethodGet, harness.BucketPath(k.bucket, "/objects?prefix=")+url.QueryEscape(k.name), "", nil)
	if !sent || r.Status == 0 {
		return
	}
	var page harness.Listing
	if r.Status != http.StatusOK || json.Unmarshal(r.Body, &page) != nil || len(page.Objects) > 1 {
		c.unexpected(t, in, r)
		return
	}
	out := answer{Known: true, Blind: true}
	if len(page.Objects) == 1 {
		out.Value = page.Objects[0].ETag
	}
	c.h.add(c.id, in, out, call)
}

// delete removes the key, or puts a marker on it.
func (c *client) delete(t *testing.T, i int) {
	k := c.keys[i]
	in := request{Kind: remove, Way: "delete", Key: k.key()}
	call := c.h.now()
	r, sent := c.try(t, http.MethodDelete, k.path(), "", nil)
	if !sent {
		return
	}
	out := answer{Known: true}
	var marked struct {
		DeleteMarker bool
		VersionID    string
	}
	switch r.Status {
	case 0:
		out.Known = false
	case http.StatusNoContent:
	case http.StatusOK:
		if json.Unmarshal(r.Body, &marked) != nil || !marked.DeleteMarker {
			c.unexpected(t, in, r)
		}
		out.Marker = marked.VersionID
		c.old[i] = append(c.old[i], version{id: marked.VersionID, value: "m:" + marked.VersionID})
	default:
		c.unexpected(t, in, r)
		return
	}
	c.h.add(c.id, in, out, call)
	c.last[i] = ""
}

// discard takes a version away for good, or a marker.
func (c *client) discard(t *testing.T, i int) {
	k := c.keys[i]
	if len(c.old[i]) == 0 {
		return
	}
	// Mostly one of the last, which may be current still.
	n := max(0, len(c.old[i])-1-c.rng.IntN(3))
	v := c.old[i][n]
	if c.rng.IntN(6) == 0 {
		v = version{id: "null", value: "null"}
	}
	in := request{Kind: discard, Way: "delete version", Key: k.key(), Value: v.value}
	call := c.h.now()
	r, sent := c.try(t, http.MethodDelete, k.path()+"?versionId="+v.id, "", nil)
	if !sent {
		return
	}
	if r.Status != 0 && r.Status != http.StatusNoContent {
		c.unexpected(t, in, r)
		return
	}
	c.h.add(c.id, in, answer{Known: r.Status != 0}, call)
}

// turn turns the versioning of the key's bucket, which is an operation on each
// of its keys.
func (c *client) turn(t *testing.T, i int, to string) {
	k := c.keys[i]
	in := request{Kind: turn, Way: "turn " + strings.ToLower(to), Value: to}
	call := c.h.now()
	r, sent := c.try(t, http.MethodPut, harness.BucketPath(k.bucket, "/versioning"), `{"status":"`+to+`"}`, http.Header{"Content-Type": {"application/json"}})
	if !sent {
		return
	}
	if r.Status != 0 && r.Status != http.StatusOK {
		c.unexpected(t, in, r)
		return
	}
	for _, other := range c.keys {
		if other.bucket == k.bucket {
			in.Key = other.key()
			c.h.add(c.id, in, answer{Known: r.Status != 0}, call)
		}
	}
}
