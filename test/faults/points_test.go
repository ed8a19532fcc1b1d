package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// crash is what happens at one point of pkg/faultpoint.
type crash struct {
	point  string
	victim string // the process that comes to it, where each service has its own
	story  func(t *testing.T, p *plot)
	// patient: where object dies alone the edge notices after 10 s and asks again,
	// and so the client has its answer in the end. Others give up before.
	patient bool
}

// crashes has every point of the code, each with the stories that it can spoil.
func crashes() []crash {
	return []crash{
		{point: "object.commit.written", victim: "object", story: putUnseen, patient: true},
		{point: "object.commit.written", victim: "object", story: markUnseen},
		{point: "object.commit.head_moved", victim: "object", story: putSeen},
		{point: "object.commit.head_moved", victim: "object", story: putFirstSeen},
		{point: "object.commit.head_moved", victim: "object", story: putOverSeen},
		{point: "object.settle.counted", victim: "object", story: putCounted},
		{point: "object.remove.decided", victim: "object", story: removeVersion},
		{point: "object.clean.released", victim: "object", story: overwrite},
		{point: "edge.put.committed", victim: "edge", story: putSeen},
		{point: "edge.put.committed", victim: "edge", story: putFirstSeen},
		{point: "bus.relay.taken", victim: "object", story: putAnnounced},
		{point: "bus.relay.published", victim: "object", story: putAnnounced},
		{point: "webhook.delivery.sent", victim: "webhook", story: putAnnounced},
	}
}

// TestPoints_Crash kills processes at each point, on a system of its own per
// topology. Whatever was acknowledged is there and identical, what was not is
// there wholly or not at all, a client that repeats its request gets the right
// answer, every version is announced under one id, and once the leases of the
// dead are over nothing of them is counted and every bucket can be emptied.
func TestPoints_Crash(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes at every point; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	for _, topology := range harness.Topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			p := newPlot(t, topology)
			for i, c := range crashes() {
				name := fmt.Sprintf("%s/%d", c.point, i)
				t.Run(name, func(t *testing.T) {
					p.crash, p.key = c, fmt.Sprintf("%02d %s", i, c.point)
					if p.crash.victim = c.victim; topology == harness.Embedded {
						p.crash.victim = "up"
					}
					c.story(t, p)
				})
			}
			p.end(t)
		})
	}
}

// plot is the system under test, and what must be true of it.
type plot struct {
	w *harness.World
	c *harness.Client
	r *harness.Receiver

	crash crash
	key   string                       // of the story
	want  map[string]map[string][]byte // by bucket, key
	gone  map[string]bool              // versions that were removed for good
	acked map[string]bool              // versions that were acknowledged
}

const (
	plain = "plain" // a bucket without versions
	kept  = "kept"  // one with
)

func newPlot(t *testing.T, topology harness.Topology) *plot {
	p := &plot{
		w:    harness.Start(t, harness.Options{Topology: topology, FaultPoints: true, Env: []string{"SLUICE_OBJECT_SWEEP_INTERVAL=1s"}}),
		r:    harness.NewReceiver(t, nil),
		want: map[string]map[string][]byte{plain: {}, kept: {}}, gone: map[string]bool{}, acked: map[string]bool{},
	}
	p.c = harness.NewClient(t, p.w, "plotter")
	p.c.HTTP.Timeout = 40 * time.Second
	p.c.Bucket(t, plain)
	p.c.Bucket(t, kept, "versioning", true)
	for _, b := range []string{plain, kept} {
		p.c.Do(t, http.MethodPut, harness.BucketPath(b, "/notifications"),
			map[string]any{"configs": []map[string]any{{"url": p.r.URL, "events": []string{"object-created", "object-removed"}}}}, nil).Want(t, http.StatusOK)
	}
	return p
}

// strike arms the point, sends a request that leads there, and has everything up
// again when it returns. The answer is zero when none came, or none that settles it.
func (p *plot) strike(t *testing.T, method, path string, body any, h http.Header) harness.Response {
	t.Helper()
	p.w.Arm(t, p.crash.point, 0)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	answer := make(chan harness.Response, 1)
	go func() {
		r, err := p.c.Try(ctx, method, path, body, h)
		if err != nil || r.Status >= 500 {
			r = harness.Response{}
		}
		answer <- r
	}()
	name := p.w.Died(t, 30*time.Second)
	if name != p.crash.victim {
		t.Fatalf("%s died, not %s", name, p.crash.victim)
	}
	p.revive(t, name)
	if !p.crash.patient && !harness.Soak() {
		defer time.AfterFunc(500*time.Millisecond, giveUp).Stop()
	}
	return <-answer
}

func (p *plot) revive(t *testing.T, names ...string) {
	t.Helper()
	p.c.HTTP.CloseIdleConnections()
	for _, name := range names {
		if err := p.w.StartProc(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.w.WaitReady(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
}

// body is a content that no other story has.
func (p *plot) body(t *testing.T, kind string) []byte {
	return fmt.Appendf(nil, "%s of %s: %s", kind, t.Name(), strings.Repeat(kind, 500))
}

// shows fails the test unless the key shows exactly that content; nil: nothing.
func (p *plot) shows(t *testing.T, bucket, key string, want []byte) (version string) {
	t.Helper()
	r := p.c.Get(t, bucket, key, nil)
	switch {
	case want == nil && r.Status == http.StatusNotFound:
	case want == nil:
		t.Errorf("%s shows %d %.80s, want nothing", key, r.Status, r.Body)
	case r.Status != http.StatusOK || !bytes.Equal(r.Body, want):
		t.Errorf("%s shows %d %.80s, want %.80s", key, r.Status, r.Body, want)
	}
	return r.Header.Get("X-Lockwell-Version-Id")
}

// acknowledged notes that a content is the bucket's for good, and its version.
func (p *plot) acknowledged(t *testing.T, bucket, key string, content []byte, r harness.Response) {
	t.Helper()
	o := r.Want(t, http.StatusCreated).Object(t)
	if o.Size != int64(len(content)) || o.VersionID == "" {
		t.Errorf("acknowledged as %s", r.Body)
	}
	p.acked[o.VersionID] = true
	p.want[bucket][key] = content
	if v := p.shows(t, bucket, key, content); v != o.VersionID {
		t.Errorf("the acknowledged version is %s, shown is %s", o.VersionID, v)
	}
}

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
	for _, b := range []string{plain, kept} {
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
	for _, b := range []string{plain, kept} {
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
	for _, b := range []string{plain, kept} {
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
	p.r.Wait(t, 20*time.Second, "the event of the version", func(h []harness.Hook) bool {
		return slices.ContainsFunc(h, func(h harness.Hook) bool { return slices.Contains(versionsOf(t, h.Body), v) })
	})
}

// versions lists the versions of a key as they are, newest first.
func (p *plot) versions(t *testing.T, bucket, key string) (ids []string) {
	t.Helper()
	for _, v := range p.c.Versions(t, bucket, "prefix="+url.QueryEscape(key)).Versions {
		ids = append(ids, v.VersionID)
	}
	return ids
}

// end lets the leases of the dead run out and looks at everything once more.
func (p *plot) end(t *testing.T) {
	p.content(t)
	heard := time.Now()
	p.events(t)
	t.Logf("all was announced %v after the last story", time.Since(heard).Round(time.Millisecond))
	for _, name := range slices.Backward(p.w.Order()) {
		p.w.Kill(name)
	}
	p.w.Ahead(t, 25*time.Minute) // past tickets, leases and the age of orphans
	ready := time.Now()
	p.revive(t, p.w.Order()...)
	p.content(t)
	for _, b := range []string{plain, kept} {
		p.counts(t, b)
		p.empty(t, b)
	}
	t.Logf("counted and emptied %v after a start ahead of time", time.Since(ready).Round(time.Millisecond))
}

// content holds the listings and every object to what was acknowledged.
func (p *plot) content(t *testing.T) {
	t.Helper()
	for b, want := range p.want {
		listed := p.c.ListAll(t, b)
		if len(listed) != len(want) {
			t.Errorf("%s lists %d objects, want %d: %v", b, len(listed), len(want), listed)
		}
		for key, body := range want {
			if listed[key] != int64(len(body)) {
				t.Errorf("%s/%s is listed with %d bytes, want %d", b, key, listed[key], len(body))
			}
			p.shows(t, b, key, body)
		}
	}
}

// events waits until every acknowledged version was announced, and holds the
// ids against each other: what happened once has one id, however often it came,
// and nothing is told of that did not happen.
func (p *plot) events(t *testing.T) {
	t.Helper()
	ids := map[string]string{} // what happened → webhook-id
	p.r.Wait(t, 30*time.Second, "an event for every acknowledged version", func(hooks []harness.Hook) bool {
		for _, h := range hooks {
			var ev struct{ Data struct{ EventName string } }
			if err := json.Unmarshal(h.Body, &ev); err != nil {
				t.Fatal(err)
			}
			for _, v := range versionsOf(t, h.Body) {
				what := ev.Data.EventName + " " + v
				if id, ok := ids[what]; ok && id != h.ID {
					t.Errorf("%s was announced as %s and as %s", what, id, h.ID)
				}
				ids[what] = h.ID
			}
		}
		for v := range p.acked {
			if ids["s3:ObjectCreated:Put "+v] == "" {
				return false
			}
		}
		for v := range p.gone {
			if ids["s3:ObjectRemoved:Delete "+v] == "" {
				return false
			}
		}
		return true
	})
	for _, v := range p.versions(t, kept, "") {
		p.acked[v] = true // an unanswered put may have happened besides
	}
	for what := range ids {
		v := what[strings.LastIndexByte(what, ' ')+1:]
		if !p.acked[v] && !p.gone[v] && !p.ofPlain(t, v) {
			t.Errorf("%s was announced, but nobody knows of the version", what)
		}
	}
}

// ofPlain reports whether a version was announced for the bucket that keeps no
// versions, so that nothing else can tell of it.
func (p *plot) ofPlain(t *testing.T, version string) bool {
	t.Helper()
	return slices.ContainsFunc(p.r.Hooks(), func(h harness.Hook) bool {
		return slices.Contains(versionsOf(t, h.Body), version) && bytes.Contains(h.Body, []byte(`"name":"`+plain+`"`))
	})
}

// counts holds the bucket's counts to what its listings show.
func (p *plot) counts(t *testing.T, b string) {
	t.Helper()
	var objects, size int64
	for _, n := range p.c.ListAll(t, b) {
		objects++
		size += n
	}
	if b == kept {
		size = 0
		for _, v := range p.c.Versions(t, b, "maxKeys=1000").Versions {
			size += v.Size
		}
	}
	var gotObjects, gotSize int64
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); pause(t.Context(), 100*time.Millisecond) {
		if gotObjects, gotSize = p.c.Usage(t, b); gotObjects == objects && gotSize == size {
			return
		}
	}
	t.Errorf("%s counts %d objects of %d bytes; there are %d of %d", b, gotObjects, gotSize, objects, size)
}

// empty deletes all there is; a bucket that can be deleted then has nothing
// hidden in it.
func (p *plot) empty(t *testing.T, b string) {
	t.Helper()
	for key := range p.want[b] {
		p.c.Do(t, http.MethodDelete, harness.ObjectPath(b, key), nil, nil)
	}
	for _, v := range p.c.Versions(t, b, "maxKeys=1000").Versions {
		p.c.Do(t, http.MethodDelete, harness.ObjectPath(b, v.Key)+"?versionId="+v.VersionID, nil, nil).Want(t, http.StatusNoContent)
	}
	if n, size := p.c.Usage(t, b); n != 0 || size != 0 {
		t.Errorf("empty, %s counts %d objects of %d bytes", b, n, size)
	}
	p.c.Do(t, http.MethodDelete, harness.BucketPath(b, ""), nil, nil).Want(t, http.StatusNoContent)
}
