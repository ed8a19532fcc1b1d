package domain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// full reports whether tests may take minutes.
func full() bool { return os.Getenv("SLUICE_TEST_FULL") == "1" }

// model runs random operations of several goroutines on few keys and remembers
// what was acknowledged. The events, in the order of their sequence, are the
// history that everything is held against.
type model struct {
	e       *env
	crashes bool

	mu      sync.Mutex
	acked   map[string]ack // by version id
	removed map[string]bool
	maybe   map[string]bool // versions of operations that crashed
	events  map[string]logged
}

type ack struct {
	bucket, key string
	size        int64
	etag        string
	cond        objectv1.Conditions
}

type logged struct {
	objectv1.ObjectEvent
	removed bool
}

// modelBuckets are unversioned, versioned, and suspended from the start: in the
// last one every version is its key's null version.
var modelBuckets = []string{"plain", "kept", "paused"}

func newModel(t testing.TB, crashes bool) *model {
	t.Helper()
	o := envOptions{hasty: crashes}
	if crashes {
		o.wrap = crashing
	}
	m := &model{
		e: newEnv(t, o), crashes: crashes, acked: map[string]ack{}, removed: map[string]bool{},
		maybe: map[string]bool{}, events: map[string]logged{},
	}
	m.e.bucket("plain", false)
	m.e.bucket("kept", true)
	m.e.bucket("paused", true)
	m.e.versioning("paused", objectv1.Suspended)
	return m
}

// relay takes the events out of the documents as pkg/bus would.
func (m *model) relay() {
	for {
		pending, err := m.e.db.PendingOutbox(context.Background(), 100)
		if err != nil {
			m.e.t.Error(err)
			return
		}
		for _, p := range pending {
			var ids []string
			for _, msg := range p.Messages {
				ids = append(ids, msg.ID)
				var ev objectv1.ObjectEvent
				if err := json.Unmarshal(msg.Data, &ev); err != nil {
					m.e.t.Error(err)
				}
				m.mu.Lock()
				m.events[msg.ID] = logged{ev, strings.HasSuffix(msg.Subject, "removed")}
				m.mu.Unlock()
			}
			if err := m.e.db.ClearOutbox(context.Background(), p.Collection, p.ID, ids); err != nil {
				m.e.t.Error(err)
			}
		}
		if len(pending) == 0 {
			return
		}
	}
}

func (m *model) step(rnd *rand.Rand) {
	ctx := m.e.t.Context()
	if m.crashes && rnd.IntN(3) == 0 {
		ctx, _ = withCrash(ctx, rnd, 9)
	}
	bucket := modelBuckets[rnd.IntN(len(modelBuckets))]
	key := string(rune('a' + rnd.IntN(3)))
	switch n := rnd.IntN(13); {
	case n == 10:
		m.parts(ctx, rnd, bucket, key)
	case n == 11:
		m.copy(ctx, rnd, bucket, key)
	case n == 12:
		m.once(ctx, rnd, bucket, key)
	case n < 5:
		m.put(ctx, rnd, bucket, key, n == 0)
	case n < 8:
		m.del(ctx, bucket, key, "")
	case n == 9 && bucket == "paused":
		m.del(ctx, bucket, key, "null")
	default:
		m.del(ctx, bucket, key, m.anyVersion(rnd, bucket, key))
	}
}

func (m *model) anyVersion(rnd *rand.Rand, bucket, key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id, a := range m.acked {
		if a.bucket == bucket && a.key == key {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids)
	return ids[rnd.IntN(len(ids))]
}

func (m *model) put(ctx context.Context, rnd *rand.Rand, bucket, key string, hold bool) {
	body := fmt.Sprint(rnd.Uint64())[:1+rnd.IntN(10)]
	var cond objectv1.Conditions
	switch rnd.IntN(4) {
	case 0:
		cond.IfNoneMatchAny = true
	case 1:
		if o, err := m.e.stat(bucket, key, ""); err == nil {
			cond.IfMatch = []string{o.ETag}
		}
	}
	size := int64(len(body))
	if hold {
		size = -1
	}
	ticket, err := m.e.BeginPut(ctx, objectv1.BeginPutRequest{Principal: alice, Bucket: bucket, Key: key, Size: size, Hold: hold})
	if err != nil {
		m.allowed("begin", err)
		return
	}
	r := commitOf(alice, bucket, key, body, ticket)
	r.Conditions = cond
	m.commit(ctx, rnd, ticket.VersionID, ack{bucket: bucket, key: key, cond: cond}, func(ctx context.Context) (objectv1.Object, error) {
		return m.e.CommitPut(ctx, r)
	})
}

// commit does a write that has a version id, at times again, and notes what was
// acknowledged.
func (m *model) commit(
	ctx context.Context, rnd *rand.Rand, version string, a ack, do func(context.Context) (objectv1.Object, error),
) {
	m.mu.Lock()
	m.maybe[version] = true
	m.mu.Unlock()
	var o objectv1.Object
	var err error
	for try := range 3 {
		o, err = do(ctx)
		if err == nil && rnd.IntN(8) > 0 {
			break
		}
		if try == 2 && err != nil {
			m.allowed("commit", err)
			return
		}
		if rnd.IntN(4) == 0 { // a retry that outlives the first attempt's process
			ctx = m.e.t.Context()
		}
		if k := fault.KindOf(err); k == fault.Precondition || k == fault.Conflict {
			return
		}
	}
	if err != nil {
		m.allowed("commit", err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a.size, a.etag = o.Size, o.ETag
	m.acked[o.VersionID] = a
}

func (m *model) del(ctx context.Context, bucket, key, version string) {
	if bucket == "kept" && version != "" {
		m.mu.Lock()
		m.removed[version] = true
		m.mu.Unlock()
	}
	_, err := m.e.DeleteObject(ctx, objectv1.DeleteObjectRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: version})
	m.allowed("delete", err)
}

// allowed takes the errors that a race or a crash explains.
func (m *model) allowed(what string, err error) {
	if err == nil || m.crashes && errors.Is(err, errCrash) {
		return
	}
	switch fault.KindOf(err) {
	case fault.Precondition, fault.Unavailable:
	case fault.NotFound:
		if !errors.Is(err, objectv1.ErrUploadGone) {
			m.e.t.Errorf("%s: %v", what, err)
		}
	default:
		if !m.crashes {
			m.e.t.Errorf("%s: %v", what, err)
		}
	}
}

func (m *model) run(workers, steps int, seed uint64) {
	stop := make(chan struct{})
	var side, wg sync.WaitGroup
	side.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				m.relay()
			case <-stop:
				return
			}
		}
	})
	for w := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(w)))
			for range steps {
				m.step(rnd)
			}
		})
	}
	wg.Wait()
	close(stop)
	side.Wait()
}

// settleDown lets sweeps repair what crashes left, as time would.
func (m *model) settleDown() {
	m.e.t.Helper()
	m.e.usage()
	for range 4 {
		m.e.advance(20 * time.Minute)
		if err := m.e.Sweep(m.e.t.Context()); err != nil {
			m.e.t.Fatalf("sweep: %v", err)
		}
		m.e.usage()
	}
	m.relay()
}

// check holds the documents against each other and against the events.
func (m *model) check() {
	t := m.e.t
	t.Helper()
	ctx := t.Context()
	live := map[string]domain.Version{}
	held := map[string]bool{}
	var used int64
	for _, name := range modelBuckets {
		b, _, err := m.e.st.Buckets.ByName(ctx, "alice", name)
		if err != nil {
			t.Fatal(err)
		}
		all, err := m.e.st.Versions.Live(ctx, b.ID, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		var bytes int64
		for _, v := range all {
			if v.State != domain.VersionCommitted || !v.Settled {
				t.Errorf("version %s of %s/%s is %s, settled %v", v.ID, name, v.Key, v.State, v.Settled)
			}
			live[v.ID] = v
			bytes += v.Size
			if !v.Marker {
				held[v.Content] = true
			}
		}
		used += bytes
		listed := m.e.keys(name)
		view, err := m.e.GetBucket(ctx, objectv1.BucketRequest{Principal: alice, Bucket: name})
		if err != nil || view.Bytes != bytes || view.ObjectCount != int64(len(listed)) {
			t.Errorf("%s: %+v, %v; its versions have %d bytes, it lists %d", name, view, err, bytes, len(listed))
		}
		for _, k := range []string{"a", "b", "c"} {
			m.checkKey(b, name, k, slices.Contains(listed, k), all)
		}
	}
	u, err := m.e.st.Accounts.Get(ctx, "alice")
	if err != nil || u.Used != used || u.Total != used || len(u.Reserved) != 0 {
		t.Errorf("usage %+v, %v; the versions have %d bytes", u, err, used)
	}
	page, err := m.e.st.Contents.Between(ctx, "", "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page {
		if !held[c.ID] {
			t.Errorf("content %s is an orphan: %v", c.ID, c.Holds)
		}
		delete(held, c.ID)
	}
	if len(held) > 0 {
		t.Errorf("contents %v are gone", held)
	}
	for id, a := range m.acked {
		if a.bucket == "kept" && !m.removed[id] && live[id].ID == "" {
			t.Errorf("version %s of kept/%s was acknowledged and is gone", id, a.key)
		}
	}
}

// checkKey replays the events of a key: conditions held where they were
// decided, and the end of the history is what is shown.
func (m *model) checkKey(b domain.Bucket, bucket, key string, listed bool, all []domain.Version) {
	t := m.e.t
	t.Helper()
	h, _, err := m.e.st.Heads.Get(t.Context(), b.ID, key)
	if err != nil || len(h.Discard) > 0 {
		t.Errorf("head of %s/%s: %+v, %v", bucket, key, h, err)
	}
	if listed != h.Visible() {
		t.Errorf("%s/%s is listed: %v, head %+v", bucket, key, listed, h)
	}
	if bucket != "kept" {
		n := 0
		for _, v := range all {
			if v.Key == key {
				n++
			}
		}
		if n > 1 || n == 1 != (h.Current != "") || h.Null != h.Current || bucket == "plain" && h.Marker {
			t.Errorf("%s/%s has %d versions, head %+v", bucket, key, n, h)
		}
	} else if h.Null != "" {
		t.Errorf("kept/%s has a null version: %+v", key, h)
	}
	var history []logged
	for _, ev := range m.events {
		if ev.BucketID == b.ID && ev.Key == key {
			history = append(history, ev)
		}
	}
	slices.SortFunc(history, func(x, y logged) int { return int(x.Sequencer - y.Sequencer) })
	m.replay(bucket, key, h, history)
}

func (m *model) replay(bucket, key string, h domain.Head, history []logged) {
	t := m.e.t
	t.Helper()
	var stack []logged // what the key shows, newest last; markers are removed ones
	visible := func() bool { return len(stack) > 0 && !stack[len(stack)-1].DeleteMarker }
	seen := map[string]bool{}
	for i, ev := range history {
		if i > 0 && history[i-1].Sequencer == ev.Sequencer {
			t.Errorf("%s/%s: two events of sequence %d", bucket, key, ev.Sequencer)
		}
		switch {
		case !ev.removed:
			if seen[ev.VersionID] {
				t.Errorf("%s/%s: version %s came twice", bucket, key, ev.VersionID)
			}
			seen[ev.VersionID] = true
			cond := m.acked[ev.VersionID].cond
			if cond.IfNoneMatchAny && visible() {
				t.Errorf("%s/%s: version %s came although something was there", bucket, key, ev.VersionID)
			}
			if len(cond.IfMatch) > 0 && (!visible() || stack[len(stack)-1].ETag != cond.IfMatch[0]) {
				t.Errorf("%s/%s: version %s came although its If-Match did not hold", bucket, key, ev.VersionID)
			}
			if bucket != "kept" {
				stack = nil
			}
			stack = append(stack, ev)
		case ev.Operation == "DeleteMarkerCreated":
			if bucket != "kept" {
				stack = nil
			}
			stack = append(stack, ev)
		default:
			n := len(stack)
			stack = slices.DeleteFunc(stack, func(x logged) bool { return x.VersionID == ev.VersionID })
			if n == len(stack) {
				t.Errorf("%s/%s: version %s was removed and was not there", bucket, key, ev.VersionID)
			}
		}
	}
	if visible() != h.Visible() || visible() && stack[len(stack)-1].VersionID != h.Current {
		t.Errorf("%s/%s: head %+v, the events end in %+v", bucket, key, h, stack)
	}
	for id, a := range m.acked {
		if a.bucket == bucket && a.key == key && !seen[id] {
			t.Errorf("%s/%s: no event told of version %s", bucket, key, id)
		}
	}
	for id := range seen {
		if !m.maybe[id] {
			t.Errorf("%s/%s: an event told of version %s, which nobody wrote", bucket, key, id)
		}
	}
}

// rounds is how much of something there is in make test, in make test-all and in a soak.
func rounds(short, wide, long int) int {
	switch {
	case os.Getenv("SLUICE_SOAK") != "":
		return long
	case full():
		return wide
	}
	return short
}

func TestModel_Races(t *testing.T) {
	t.Parallel()
	for round := range rounds(1, 1, 10) {
		m := newModel(t, false)
		m.run(6, rounds(40, 60, 200), uint64(round))
		m.settleDown()
		m.check()
		m.e.stop()
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

func TestModel_RacesAndCrashes(t *testing.T) {
	t.Parallel()
	for round := range rounds(1, 2, 30) {
		m := newModel(t, true)
		m.run(5, rounds(50, 50, 100), uint64(round))
		m.settleDown()
		m.check()
		m.e.stop()
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}
