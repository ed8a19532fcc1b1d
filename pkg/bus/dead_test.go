package bus_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

func TestDead_ReplayReachesOnlyWhoFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("fails"), quick("fine"))
	b := newBus(t, w.js)
	var fixed atomic.Bool
	var fine log
	replayed := make(chan *bus.Message, 1)
	if err := bus.SubscribeRaw(b, quick("fails"), func(_ context.Context, m *bus.Message) error {
		if !fixed.Load() {
			return errors.New("broken")
		}
		replayed <- m
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := bus.Subscribe(b, quick("fine"), happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		fine.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	e := publish(t, b, 5)
	l := waitDead(t, b, "fails", 1)[0]
	shown, err := b.Dead().Show(t.Context(), l.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(l, shown); d != "" {
		t.Error(d)
	}
	fixed.Store(true)
	if err := b.Dead().Replay(t.Context(), l.Sequence); err != nil {
		t.Fatal(err)
	}
	m := <-replayed
	if m.ID != e.ID || m.Subject != e.Type || m.Deliveries != 1 || string(m.Data) != string(e.Data) {
		t.Errorf("replayed as %+v", m)
	}
	waitIdle(t, w, "fails")
	waitIdle(t, w, "fine")
	if d := cmp.Diff([]int{5}, fine.all()); d != "" {
		t.Errorf("the other consumer: %s", d)
	}
	if left, _ := b.Dead().List(t.Context(), "", 0, 0); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if err := b.Dead().Replay(t.Context(), l.Sequence); !errors.Is(err, bus.ErrNoDeadLetter) {
		t.Errorf("a second replay: %v", err)
	}
}

func TestDead_AReplayThatFailsIsDeadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("again"))
	b := newBus(t, w.js)
	if err := bus.SubscribeRaw(b, quick("again"), func(context.Context, *bus.Message) error { return fault.ErrInvalid }); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	e := publish(t, b, 1)
	seq := uint64(0)
	for range 3 {
		l := waitDead(t, b, "again", 1)[0]
		if l.Sequence <= seq || l.ID != e.ID || l.Subject != e.Type {
			t.Fatalf("letter %+v after %d", l, seq)
		}
		seq = l.Sequence
		if err := b.Dead().Replay(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		eventually(t, eventuallySoon, "it is dead again", func() bool {
			ls, _ := b.Dead().List(t.Context(), "again", seq, 0)
			return len(ls) == 1
		})
	}
}

func TestDead_ListPagesAndReplayAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("many"))
	b := newBus(t, w.js)
	var fixed atomic.Bool
	var got log
	if err := bus.Subscribe(b, quick("many"), happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		if !fixed.Load() {
			return fault.ErrInvalid
		}
		got.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	const n = 25
	for i := range n {
		publish(t, b, i)
	}
	waitDead(t, b, "many", n)
	var after uint64
	total := 0
	for {
		page, err := b.Dead().List(t.Context(), "", after, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		total += len(page)
		after = page[len(page)-1].Sequence
	}
	if total != n {
		t.Errorf("%d letters in pages", total)
	}
	if ls, err := b.Dead().List(t.Context(), "nobody", 0, 0); err != nil || len(ls) != 0 {
		t.Errorf("of nobody: %v %v", ls, err)
	}
	fixed.Store(true)
	if k, err := b.Dead().ReplayAll(t.Context(), "many"); err != nil || k != n {
		t.Fatalf("replayed %d, %v", k, err)
	}
	eventually(t, eventuallySoon, "all are handled", func() bool { return got.distinct() == n })
}

func TestDead_ReplayIsRefusedWhenNobodyListens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("gone"))
	b := newBus(t, w.js)
	if err := bus.SubscribeRaw(b, quick("gone"), func(context.Context, *bus.Message) error { return fault.ErrInvalid }); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	l := waitDead(t, b, "gone", 1)[0]
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.js.DeleteConsumer(t.Context(), "EVENTS", "gone"); err != nil {
		t.Fatal(err)
	}
	if err := b.Dead().Replay(t.Context(), l.Sequence); !errors.Is(err, bus.ErrNoReplay) {
		t.Errorf("got %v", err)
	}
	if _, err := b.Dead().Show(t.Context(), l.Sequence); err != nil {
		t.Errorf("a refused replay lost the letter: %v", err)
	}
	if err := b.Dead().Drop(t.Context(), l.Sequence); err != nil {
		t.Fatal(err)
	}
	if err := b.Dead().Drop(t.Context(), l.Sequence); err != nil {
		t.Errorf("dropping twice: %v", err)
	}
}

func TestDead_AMessageAsLargeAsTheServerTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("large"))
	b := newBus(t, w.js)
	if err := bus.SubscribeRaw(b, quick("large"), func(context.Context, *bus.Message) error {
		return fault.New(fault.Invalid, "test.no", strings.Repeat("é", 2000))
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	m := &nats.Msg{Subject: "evt.test.large", Data: make([]byte, w.nc.MaxPayload()-20), Header: nats.Header{"a": {"b"}}}
	if _, err := w.js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	l := waitDead(t, b, "large", 1)[0]
	if !l.DataCut || len(l.Data) != 0 || len(l.Reason) > 600 {
		t.Errorf("cut %v, %d bytes, reason of %d bytes", l.DataCut, len(l.Data), len(l.Reason))
	}
	if err := b.Dead().Replay(t.Context(), l.Sequence); !errors.Is(err, bus.ErrNoReplay) {
		t.Errorf("got %v", err)
	}
}

// TestDead_FullStreamKeepsTheMessage fills DEAD: the message must stay where it is.
func TestDead_FullStreamKeepsTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	streams := testStreams()[:2]
	streams[1].MaxBytes = 1
	if err := bus.Reconcile(t.Context(), w.js, streams, []bus.Consumer{quick("stays")}); err != nil {
		t.Fatal(err)
	}
	told, tel := &lines{}, telemetry.Nop()
	tel.Log = slog.New(slog.NewTextHandler(told, nil))
	b, err := bus.New(t.Context(), w.js, bus.Config{Name: "test", Tel: tel})
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.SubscribeRaw(b, quick("stays"), func(context.Context, *bus.Message) error { return fault.ErrInvalid }); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	eventually(t, eventuallySoon, "it was to be buried", func() bool { return told.has("writing a dead letter failed") })
	c, err := w.js.Consumer(t.Context(), "EVENTS", "stays")
	if err != nil {
		t.Fatal(err)
	}
	if p := c.CachedInfo().NumAckPending; p != 1 {
		t.Errorf("%d unanswered, want the one", p)
	}
}
