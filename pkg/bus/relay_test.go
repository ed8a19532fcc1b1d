package bus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
)

// memory is an outbox in memory.
type memory struct {
	mu     sync.Mutex
	docs   map[string][]docstore.Message
	hooks  []func(collection, id string, pending []docstore.Message)
	fail   error
	failed int // how often it did
}

func newMemory() *memory { return &memory{docs: map[string][]docstore.Message{}} }

func (m *memory) PendingOutbox(_ context.Context, limit int) ([]docstore.Pending, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []docstore.Pending
	for id, p := range m.docs {
		if len(p) > 0 {
			out = append(out, docstore.Pending{Collection: "c", ID: id, Messages: slices.Clone(p)})
		}
	}
	slices.SortFunc(out, func(a, b docstore.Pending) int { return a.Messages[0].Time.Compare(b.Messages[0].Time) })
	if m.fail != nil {
		m.failed++
	}
	return out[:min(limit, len(out))], m.fail
}

func (m *memory) ClearOutbox(_ context.Context, _, id string, ids []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.docs[id] = slices.DeleteFunc(m.docs[id], func(p docstore.Message) bool { return slices.Contains(ids, p.ID) })
	return m.fail
}

func (m *memory) OnCommit(h func(collection, id string, pending []docstore.Message)) {
	m.hooks = append(m.hooks, h)
}

func (m *memory) commit(id string, hook bool, msgs ...docstore.Message) {
	m.mu.Lock()
	m.docs[id] = append(m.docs[id], msgs...)
	pending := slices.Clone(m.docs[id])
	m.mu.Unlock()
	if hook {
		for _, h := range m.hooks {
			h("c", id, pending)
		}
	}
}

func (m *memory) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, p := range m.docs {
		n += len(p)
	}
	return n
}

func event(t testing.TB, doc string, n int) docstore.Message {
	t.Helper()
	e, err := bus.NewEnvelope(context.Background(), happened, "", doc, int64(n), time.Now(), fact{N: n, Name: doc})
	if err != nil {
		t.Fatal(err)
	}
	return e.Message()
}

func runRelay(t testing.TB, js jetstream.JetStream, db bus.Outbox, cfg bus.RelayConfig) *bus.Relay {
	t.Helper()
	r := bus.NewRelay(js, db, cfg)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("running the relay: %v", err)
		}
	})
	return r
}

// collect subscribes to everything on a subject, in order of the stream.
func collect(t testing.TB, nc *nats.Conn, subject string) func() []*nats.Msg {
	t.Helper()
	var mu sync.Mutex
	var got []*nats.Msg
	sub, err := nc.Subscribe(subject, func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() []*nats.Msg {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

// ids are those of messages, each once: what is published twice, as a relay may, the
// stream stores once, but who listens beside it hears both.
func ids(ms []*nats.Msg) map[string]bool {
	out := map[string]bool{}
	for _, m := range ms {
		out[m.Header.Get("ce-id")] = true
	}
	return out
}

func TestRelay_PublishesRightAfterTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	got := collect(t, w.nc, happened.Type)
	db := newMemory()
	r := runRelay(t, w.js, db, bus.RelayConfig{Name: "t", Sweep: time.Hour})
	m := event(t, "a", 1)
	db.commit("a", true, m)
	eventually(t, eventuallySoon, "it is published and cleared", func() bool { return len(ids(got())) == 1 && db.left() == 0 })
	e := got()[0]
	if e.Header.Get(nats.MsgIdHdr) != m.ID || e.Header.Get("ce-id") != m.ID || string(e.Data) != string(m.Data) {
		t.Errorf("published as %v %s", e.Header, e.Data)
	}
	eventually(t, eventuallySoon, "nothing waits", func() bool { return r.Backlog() == 0 && r.Queued() == 0 })
}

func TestRelay_SweepFindsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	got := collect(t, w.nc, happened.Type)
	db := newMemory()
	db.commit("before", false, event(t, "before", 1))
	runRelay(t, w.js, db, bus.RelayConfig{Name: "t"})
	eventually(t, eventuallySoon, "the one from before the start is out", func() bool { return len(ids(got())) == 1 })
	db.commit("other", false, event(t, "other", 1)) // by a process that died
	eventually(t, eventuallySoon, "the one of the other process is out", func() bool { return len(ids(got())) == 2 && db.left() == 0 })
}

func TestRelay_OrderWithinADocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	got := collect(t, w.nc, happened.Type)
	db := newMemory()
	runRelay(t, w.js, db, bus.RelayConfig{Name: "t"})
	const docs, each = 10, 60
	var wg sync.WaitGroup
	for d := range docs {
		wg.Go(func() {
			id := fmt.Sprint("doc", d)
			for i := range each {
				db.commit(id, true, event(t, id, i))
			}
		})
	}
	wg.Wait()
	eventually(t, eventuallySoon, "all are out", func() bool { return db.left() == 0 })
	last := map[string]int64{}
	eventually(t, eventuallySoon, "all came", func() bool { return len(ids(got())) == docs*each })
	seen := map[string]bool{}
	for _, m := range got() {
		if seen[m.Header.Get("ce-id")] {
			continue
		}
		seen[m.Header.Get("ce-id")] = true
		var n int64
		doc := m.Header.Get("ce-subject")
		if _, err := fmt.Sscan(m.Header.Get("ce-revision"), &n); err != nil {
			t.Fatal(err)
		}
		if prev, ok := last[doc]; ok && n != prev+1 {
			t.Fatalf("%s: %d after %d", doc, n, prev)
		}
		last[doc] = n
	}
	if len(seen) != docs*each {
		t.Errorf("%d events, want %d", len(seen), docs*each)
	}
}

func TestRelay_SeveralProcessesPublishOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	db := newMemory()
	for i := range 100 {
		db.commit(fmt.Sprint(i), false, event(t, "x", i))
	}
	for range 3 {
		runRelay(t, newJS(t, w.nc), db, bus.RelayConfig{Name: "t", Sweep: 20 * time.Millisecond})
	}
	for i := range 100 {
		db.commit(fmt.Sprint("live", i), true, event(t, "x", i))
	}
	eventually(t, eventuallySoon, "all are out", func() bool { return db.left() == 0 })
	s, err := w.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 200 {
		t.Errorf("%d messages stored, want 200", n)
	}
}

func TestRelay_FlushIsSynchronous(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kv, err := w.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "state"})
	if err != nil {
		t.Fatal(err)
	}
	for _, running := range []bool{true, false} {
		db := newMemory()
		var r *bus.Relay
		if running {
			r = runRelay(t, w.js, db, bus.RelayConfig{Name: "t"})
		} else {
			r = bus.NewRelay(w.js, db, bus.RelayConfig{Name: "t"})
		}
		for i := range 20 {
			key := fmt.Sprintf("k%v", running)
			value := fmt.Sprint(i)
			m := docstore.Message{ID: bus.NewID(), Subject: "$KV.state." + key, Data: []byte(value), Time: time.Now()}
			db.commit("doc", i%2 == 0, m) // every other one as if a dead process had written it
			if err := r.Flush(t.Context(), "c", "doc"); err != nil {
				t.Fatal(err)
			}
			e, err := kv.Get(t.Context(), key)
			if err != nil || string(e.Value()) != value {
				t.Fatalf("after Flush %d: %v, %v", i, e, err)
			}
			if db.left() != 0 {
				t.Fatal("not cleared")
			}
		}
		if err := r.Flush(t.Context(), "c", "nothing"); err != nil {
			t.Errorf("nothing to flush: %v", err)
		}
	}
}

func TestRelay_FullStreamBuffersAndRecovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	streams := testStreams()
	streams[0].MaxBytes = 4000
	c := quick("slow")
	if err := bus.Reconcile(t.Context(), w.js, streams, []bus.Consumer{c}); err != nil {
		t.Fatal(err)
	}
	kv, err := w.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "state"})
	if err != nil {
		t.Fatal(err)
	}
	db := newMemory()
	r := runRelay(t, w.js, db, bus.RelayConfig{Name: "t", MaxQueued: 50})
	const n = 200
	for i := range n {
		db.commit(fmt.Sprint(i), true, event(t, "x", i))
	}
	eventually(t, eventuallySoon, "the backlog shows", func() bool { return r.Backlog() > 50 && db.left() > 100 })
	// Another stream is not held up.
	m := docstore.Message{ID: bus.NewID(), Subject: "$KV.state.a", Data: []byte("1"), Time: time.Now()}
	db.commit("kv", true, m)
	eventually(t, eventuallySoon, "the other stream has its message", func() bool {
		_, err := kv.Get(t.Context(), "a")
		return err == nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := r.Flush(ctx, "c", fmt.Sprint(n-1)); err == nil { // the last one: the first ones went out
		t.Error("Flush of what cannot go out says nothing")
	}
	var got log
	b := newBus(t, w.js)
	if err := bus.Subscribe(b, c, happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		got.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	eventually(t, eventuallySoon, "all are handled", func() bool { return got.distinct() == n })
	eventually(t, eventuallySoon, "nothing waits", func() bool { return r.Backlog() == 0 && db.left() == 0 })
}

func TestRelay_UnpublishableEventsDoNotBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	db := newMemory()
	r := runRelay(t, w.js, db, bus.RelayConfig{Name: "t"})
	db.commit("a", true,
		docstore.Message{ID: "huge", Subject: happened.Type, Data: make([]byte, 2<<20), Time: time.Now()},
		docstore.Message{ID: "bad", Subject: "evt.a b", Data: []byte("{}"), Time: time.Now()},
		event(t, "a", 3))
	if err := r.Flush(t.Context(), "c", "a"); err != nil {
		t.Fatal(err)
	}
	b := newBus(t, w.js)
	letters := waitDead(t, b, "outbox-t", 2)
	var ids []string
	for _, l := range letters {
		ids = append(ids, l.ID)
	}
	if d := cmp.Diff([]string{"huge", "bad"}, ids); d != "" {
		t.Error(d)
	}
}

func TestRelay_StoreThatFailsForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	db := newMemory()
	db.fail = errors.New("away")
	runRelay(t, w.js, db, bus.RelayConfig{Name: "t", Sweep: 20 * time.Millisecond})
	db.commit("a", false, event(t, "a", 1))
	eventually(t, eventuallySoon, "it was asked", func() bool {
		db.mu.Lock()
		defer db.mu.Unlock()
		return db.failed > 1
	})
	db.mu.Lock()
	db.fail = nil
	db.mu.Unlock()
	eventually(t, eventuallySoon, "it is out", func() bool { return db.left() == 0 })
}

func TestRelay_StopPublishesWhatIsQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	db := newMemory()
	r := bus.NewRelay(w.js, db, bus.RelayConfig{Name: "t", Workers: 1, Drain: time.Minute})
	for i := range 200 {
		db.commit(fmt.Sprint(i), true, event(t, "x", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := db.left(); n != 0 {
		t.Errorf("%d left", n)
	}
}

// The crash test: a child stores documents with events in SQLite and publishes
// them, and is killed in the middle.

const crashEnv = "SLUICE_BUS_CRASH_CHILD"

type thing struct {
	N int `bson:"n"`
}

func openThings(ctx context.Context, path string) (docstore.DB, *docstore.Collection[thing], error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		return nil, nil, err
	}
	c, err := docstore.Open[thing](ctx, db, docstore.Spec{Name: "things"})
	return db, c, err
}

func crashChild() {
	ctx := context.Background()
	path, url, _ := strings.Cut(os.Getenv(crashEnv), "|")
	fatal := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	db, things, err := openThings(ctx, path)
	fatal(err)
	nc, err := nats.Connect(url, nats.Timeout(eventuallySoon))
	fatal(err)
	js, err := jetstream.New(nc)
	fatal(err)
	r := bus.NewRelay(js, db, bus.RelayConfig{Name: "child"})
	go func() { fatal(r.Run(ctx)) }()
	var mu sync.Mutex
	for g := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", g, i)
				e, err := bus.NewEnvelope(ctx, happened, id, id, 1, time.Now(), fact{N: i})
				fatal(err)
				_, err = things.Insert(ctx, id, thing{N: i}, e.Message())
				fatal(err)
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestRelay_KilledBetweenStoreAndPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("r"))
	path := filepath.Join(t.TempDir(), "things.db")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+path+"|"+w.srv.URL())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var stored []string
	lines := bufio.NewScanner(out)
	for len(stored) < 500 && lines.Scan() {
		stored = append(stored, lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		stored = append(stored, lines.Text())
	}
	_ = cmd.Wait() // it was killed
	if len(stored) < 500 {
		t.Fatalf("the child stored only %d", len(stored))
	}
	// A torn last line was not acknowledged to anybody.
	stored = stored[:len(stored)-1]

	db, _, err := openThings(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	left, err := db.PendingOutbox(t.Context(), 10000)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d stored, %d unpublished or uncleared after the kill", len(stored), len(left))
	runRelay(t, w.js, db, bus.RelayConfig{Name: "after"})
	eventually(t, eventuallySoon, "the outbox is empty", func() bool {
		p, err := db.PendingOutbox(t.Context(), 1)
		return err == nil && len(p) == 0
	})
	b := newBus(t, w.js)
	var mu sync.Mutex
	times := map[string]int{}
	if err := bus.Subscribe(b, quick("r"), happened, func(_ context.Context, e bus.Envelope, _ fact) error {
		mu.Lock()
		defer mu.Unlock()
		times[e.ID]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	waitIdle(t, w, "r")
	mu.Lock()
	defer mu.Unlock()
	for _, id := range stored {
		if times[id] != 1 {
			t.Errorf("event of %s came %d times", id, times[id])
		}
	}
}
