package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
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
	// lease that the dead left, and that is over when they are back.
	lease time.Duration
	// together: it takes an edge that dies with the others.
	together bool
	// patient: where object dies alone the edge notices after 10 s and asks again,
	// and so the client has its answer in the end. Others give up before.
	patient bool
}

// leaseOfPlik is longer than that of a file of a temporary upload.
const leaseOfPlik = 20 * time.Second

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
		{point: "object.commit.written", victim: "object", story: putOnceUnseen, lease: 20 * time.Second},
		{point: "object.commit.head_moved", victim: "object", story: putOnce},
		{point: "object.idempotency.answered", victim: "object", story: putOnceUnseen, lease: 20 * time.Second},
		{point: "object.idempotency.inherited", victim: "object", story: putOnceInherited, lease: 20 * time.Second, together: true},
		{point: "edge.put.committed", victim: "edge", story: putOnce},
		{point: "upload.part.staged", victim: "upload", story: partUnseen},
		{point: "object.stage.reserved", victim: "object", story: partUnseen},
		{point: "object.stage.stored", victim: "object", story: partUnseen},
		{point: "object.unstage.leaving", victim: "object", story: partReplaced},
		{point: "object.unstage.given_back", victim: "object", story: partReplaced},
		{point: "object.fill.stored", victim: "object", story: completeUnseen},
		{point: "upload.complete.planned", victim: "upload", story: completeUnseen},
		{point: "upload.complete.committed", victim: "upload", story: completeSeen},
		{point: "upload.complete.recorded", victim: "upload", story: completeSeen},
		{point: "object.commit.head_moved", victim: "object", story: completeSeen},
		{point: "object.copy.held", victim: "object", story: copyUnseen},
		{point: "object.commit.head_moved", victim: "object", story: copySeen},
		{point: "upload.session.staged", victim: "upload", story: sessionGoesOn, lease: 20 * time.Second},
		{point: "upload.session.finishing", victim: "upload", story: sessionGoesOn, lease: 20 * time.Second},
		{point: "upload.session.committed", victim: "upload", story: sessionGoesOn, lease: 20 * time.Second},
		{point: "object.commit.written", victim: "object", story: driveUnseen},
		{point: "object.node.inserted", victim: "object", story: driveUnseen},
		{point: "object.file.emptied", victim: "object", story: driveRemoved},
		{point: "object.node.removing", victim: "object", story: folderRemoved},
		{point: "object.folder.emptied", victim: "object", story: folderRemoved},
		{point: "object.move.noted", victim: "object", story: folderMoved},
		{point: "object.move.noted", victim: "object", story: restored},
		{point: "object.commit.written", victim: "object", story: hosted},
		{point: "object.register.claimed", victim: "object", story: registered},
		{point: "object.register.copied", victim: "object", story: registered},
		{point: "object.register.emptied", victim: "object", story: registered},
		{point: "object.register.undone", victim: "object", story: undone},
		{point: "object.file.doubted", victim: "object", story: doubted},
		{point: "object.close.marked", victim: "object", story: accountDeleted},
		{point: "object.close.decided", victim: "object", story: accountDeleted},
		{point: "upload.plik.announced", victim: "upload", story: plikMade, lease: leaseOfPlik},
		{point: "upload.plik.begun", victim: "upload", story: plikFilled, lease: leaseOfPlik},
		{point: "upload.plik.counted", victim: "upload", story: plikAdded, lease: leaseOfPlik},
		{point: "upload.plik.sized", victim: "upload", story: plikFilled, lease: leaseOfPlik},
		{point: "edge.plik.stored", victim: "edge", story: plikFilled, lease: leaseOfPlik},
		{point: "object.commit.head_moved", victim: "object", story: plikFilled, lease: leaseOfPlik},
		{point: "upload.plik.claimed", victim: "upload", story: plikTaken, lease: leaseOfPlik},
		{point: "edge.plik.claimed", victim: "edge", story: plikTaken, lease: leaseOfPlik},
		{point: "upload.plik.discounted", victim: "upload", story: plikFileRemoved, lease: leaseOfPlik},
		{point: "upload.plik.erased", victim: "upload", story: plikFileRemoved, lease: leaseOfPlik},
		{point: "upload.plik.file_removed", victim: "upload", story: plikFileRemoved, lease: leaseOfPlik},
		{point: "upload.plik.removed", victim: "upload", story: plikRemoved, lease: leaseOfPlik},
		{point: "edge.fetch.stored", victim: "edge", story: fetchedOnce, lease: leaseOfFetch},
		{point: "bus.relay.taken", victim: "object", story: putAnnounced},
		{point: "bus.relay.published", victim: "object", story: putAnnounced},
		{point: "webhook.delivery.sent", victim: "webhook", story: putAnnounced},
	}
}

// TestPoints_AllTold finds the points in the code, so that none is without a story
// and no story waits for a point that is gone.
func TestPoints_AllTold(t *testing.T) {
	t.Parallel()
	hit := regexp.MustCompile(`faultpoint\.Hit\("([^"]+)"\)`)
	found := map[string]bool{}
	for _, dir := range []string{"../../pkg", "../../services"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range hit.FindAllSubmatch(b, -1) {
				found[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	told := map[string]bool{}
	for _, c := range crashes() {
		told[c.point] = true
	}
	for _, c := range linkCrashes() {
		told[c.point] = true
	}
	for point := range told {
		if !found[point] {
			t.Errorf("%s is no point of the code", point)
		}
	}
	for point := range found {
		if !told[point] {
			t.Errorf("%s has no story", point)
		}
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
				if c.together && topology != harness.Embedded {
					continue
				}
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
	ahead time.Duration                // of the system's clock
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
		w:    harness.Start(t, harness.Options{Topology: topology, FaultPoints: true, Env: []string{"SLUICE_OBJECT_SWEEP_INTERVAL=1s", "SLUICE_UPLOAD_SWEEP_INTERVAL=1s", "SLUICE_UPLOAD_MIN_PART_SIZE=1B"}}),
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
	if p.crash.lease > 0 {
		p.later(t, p.crash.lease)
	}
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
	name := p.w.Died(t, time.Minute)
	if name != p.crash.victim {
		t.Fatalf("%s died, not %s", name, p.crash.victim)
	}
	p.revive(t, name)
	if !p.crash.patient && !harness.Soak() {
		defer time.AfterFunc(500*time.Millisecond, giveUp).Stop()
	}
	return <-answer
}

// buckets are those that a story is played in: both where that is quick.
func (p *plot) buckets() []string {
	if p.crash.victim != "up" && !harness.Soak() {
		return []string{kept}
	}
	return []string{plain, kept}
}

// later puts the clock of what is started from now on ahead, more and more.
func (p *plot) later(t *testing.T, d time.Duration) {
	t.Helper()
	p.ahead += d
	p.w.Ahead(t, p.ahead)
}

func (p *plot) revive(t *testing.T, names ...string) {
	t.Helper()
	p.c.HTTP.CloseIdleConnections()
	for _, name := range names {
		if err := p.w.StartProc(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.w.WaitReady(t.Context(), 3*time.Minute); err != nil {
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
	if r.Status != http.StatusOK { // of a completed upload
		r.Want(t, http.StatusCreated)
	}
	o := r.Object(t)
	if o.Size != int64(len(content)) || o.VersionID == "" {
		t.Errorf("acknowledged as %s", r.Body)
	}
	p.acked[o.VersionID] = true
	p.want[bucket][key] = content
	if v := p.shows(t, bucket, key, content); v != o.VersionID {
		t.Errorf("the acknowledged version is %s, shown is %s", o.VersionID, v)
	}
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
	p.later(t, 25*time.Minute) // past tickets, leases and the age of orphans
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
	p.r.Wait(t, time.Minute, "an event for every acknowledged version", func(hooks []harness.Hook) bool {
		for _, h := range hooks {
			var ev struct{ Data struct{ EventName string } }
			if err := json.Unmarshal(h.Body, &ev); err != nil {
				t.Fatal(err)
			}
			for _, v := range versionsOf(t, h.Body) {
				what := strings.Split(ev.Data.EventName, ":")[1] + " " + v // whatever made it
				if id, ok := ids[what]; ok && id != h.ID {
					t.Errorf("%s was announced as %s and as %s", what, id, h.ID)
				}
				ids[what] = h.ID
			}
		}
		for v := range p.acked {
			if ids["ObjectCreated "+v] == "" {
				return false
			}
		}
		for v := range p.gone {
			if ids["ObjectRemoved "+v] == "" {
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
	p.comesTo(t, b, objects, size)
}

// comesTo waits until a bucket counts that much: what is given back in the background
// is counted for a moment.
func (p *plot) comesTo(t *testing.T, b string, objects, size int64) {
	t.Helper()
	var gotObjects, gotSize int64
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 100*time.Millisecond) {
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
	p.comesTo(t, b, 0, 0)
	p.c.Do(t, http.MethodDelete, harness.BucketPath(b, ""), nil, nil).Want(t, http.StatusNoContent)
}
