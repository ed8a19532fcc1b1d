package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

func TestBus_PublishSubscribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("one"))
	b := newBus(t, w.js)
	got := make(chan bus.Envelope, 1)
	rid := make(chan string, 1)
	if err := bus.Subscribe(b, quick("one"), happened, func(ctx context.Context, e bus.Envelope, f fact) error {
		if f.Name != "näme" {
			return fault.ErrInvalid
		}
		rid <- telemetry.RequestID(ctx)
		got <- e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	ctx := telemetry.WithRequestID(t.Context(), "req-1")
	want, err := bus.NewEnvelope(ctx, happened, "", "bucket/ключ %\"\n", 7, time.Now(), fact{N: 1, Name: "näme"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(ctx, want); err != nil {
		t.Fatal(err)
	}
	e := <-got
	if d := cmp.Diff(want, e); d != "" {
		t.Errorf("what came differs (-sent +received):\n%s", d)
	}
	if id := <-rid; id != "req-1" {
		t.Errorf("request id %q", id)
	}
}

func TestBus_SameIDOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("once"))
	b := newBus(t, w.js)
	e, err := bus.NewEnvelope(t.Context(), happened, "fixed", "x", 1, time.Now(), fact{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages stored for one id", n)
	}
}

func TestBus_RetriesThenSucceeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("retry"))
	b := newBus(t, w.js)
	var tries atomic.Int32
	done := make(chan int, 1)
	if err := bus.SubscribeRaw(b, quick("retry"), func(_ context.Context, m *bus.Message) error {
		if tries.Add(1) < 3 {
			return errors.New("not yet")
		}
		done <- m.Deliveries
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	if n := <-done; n != 3 {
		t.Errorf("handled at delivery %d, want 3", n)
	}
	if l, err := b.Dead().List(t.Context(), "", 0, 0); err != nil || len(l) != 0 {
		t.Errorf("dead letters: %v, %v", l, err)
	}
}

func TestBus_RetryAfterOfTheFaultCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("after"))
	b := newBus(t, w.js)
	times := make(chan time.Time, 2)
	if err := bus.SubscribeRaw(b, quick("after"), func(_ context.Context, m *bus.Message) error {
		times <- time.Now()
		if m.Deliveries == 1 {
			return fault.ErrUnavailable.After(300 * time.Millisecond)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	if d := (<-times).Sub(<-times).Abs(); d < 280*time.Millisecond {
		t.Errorf("repeated after %v, the fault asked for 300ms", d)
	}
}

// TestBus_Later: what a handler gives back comes again after its wait, without the
// consumer's back-off; deliveries count.
func TestBus_Later(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("later"))
	b := newBus(t, w.js)
	times := make(chan time.Time, 3)
	if err := bus.SubscribeRaw(b, quick("later"), func(context.Context, *bus.Message) error {
		times <- time.Now()
		return fmt.Errorf("too many: %w", bus.Later(300*time.Millisecond))
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	first, second, third := <-times, <-times, <-times
	if a, b := second.Sub(first), third.Sub(second); a < 280*time.Millisecond || b < 280*time.Millisecond {
		t.Errorf("given again after %v, then %v", a, b)
	}
	waitDead(t, b, "later", 1) // the third delivery was the last one
}

// TestBus_FaultKinds is the map of kinds to what becomes of a message.
func TestBus_FaultKinds(t *testing.T) {
	t.Parallel()
	hopeless := map[fault.Kind]bool{
		fault.Invalid: true, fault.Unauthenticated: true, fault.Forbidden: true, fault.TooLarge: true, fault.Unimplemented: true,
	}
	w := newWorld(t, quick("kinds"))
	b := newBus(t, w.js)
	kinds := fault.Kinds()
	if err := bus.Subscribe(b, quick("kinds"), happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		return fault.New(kinds[f.N], "test."+string(kinds[f.N]), "no")
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	for i := range kinds {
		publish(t, b, i)
	}
	letters := waitDead(t, b, "kinds", len(kinds))
	for _, l := range letters {
		kind := fault.Kind(strings.TrimPrefix(l.Code, "test."))
		want := 3
		if hopeless[kind] {
			want = 1
		}
		if l.Deliveries != want {
			t.Errorf("%s: dead after %d deliveries, want %d", kind, l.Deliveries, want)
		}
	}
}

func waitDead(t testing.TB, b *bus.Bus, durable string, n int) []bus.DeadLetter {
	t.Helper()
	var letters []bus.DeadLetter
	eventually(t, eventuallySoon, fmt.Sprintf("%d dead letters", n), func() bool {
		var err error
		letters, err = b.Dead().List(t.Context(), durable, 0, 0)
		return err == nil && len(letters) >= n
	})
	return letters
}

func TestBus_PanicIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("panic"))
	b := newBus(t, w.js)
	if err := bus.SubscribeRaw(b, quick("panic"), func(context.Context, *bus.Message) error {
		panic("boom\nsecond line")
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	l := waitDead(t, b, "panic", 1)[0]
	if !strings.Contains(l.Reason, "boom") || strings.Contains(l.Reason, "goroutine") || strings.Contains(l.Reason, "\n") {
		t.Errorf("reason %q", l.Reason)
	}
	if l.Deliveries != 3 || l.Code != "internal" || l.Subject != happened.Type || l.Durable != "panic" || l.Stream != "EVENTS" ||
		l.Stored.IsZero() || l.Failed.Before(l.Stored) || l.Original == 0 {
		t.Errorf("letter %+v", l)
	}
}

func TestBus_PoisonGoesToTheDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("poison"))
	b := newBus(t, w.js)
	var good log
	if err := bus.Subscribe(b, quick("poison"), happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		good.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	ok := func() nats.Header {
		return nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {bus.NewID()}, "ce-type": {happened.Type}, "ce-source": {"/x"},
			"ce-time": {time.Now().Format(time.RFC3339Nano)},
		}
	}
	with := func(k string, v ...string) nats.Header { h := ok(); h[k] = v; return h }
	poison := []*nats.Msg{
		{Data: []byte(`{"n":1}`)}, // no headers at all
		{Header: ok(), Data: []byte(`{"n":`)},
		{Header: ok(), Data: []byte(`{"n":"one"}`)},
		{Header: ok()},
		{Header: with("ce-id", "a", "b"), Data: []byte(`{"n":1}`)},
		{Header: with("anything", "a", "b"), Data: []byte(`{"n":1}`)},
		{Header: with("ce-specversion", "0.3"), Data: []byte(`{"n":1}`)},
		{Header: with("ce-id", "%zz"), Data: []byte(`{"n":1}`)},
		{Header: with("ce-id", ""), Data: []byte(`{"n":1}`)},
		{Header: with("ce-time", "yesterday"), Data: []byte(`{"n":1}`)},
		{Header: with("ce-revision", "many"), Data: []byte(`{"n":1}`)},
	}
	for _, m := range poison {
		m.Subject = happened.Type
		if _, err := w.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, 42)
	eventually(t, eventuallySoon, "the good event is handled", func() bool { return good.distinct() == 1 })
	for _, l := range waitDead(t, b, "poison", len(poison)) {
		if l.Code != "bus.invalid_event" || l.Deliveries != 1 {
			t.Errorf("letter %s after %d deliveries: %s", l.Code, l.Deliveries, l.Reason)
		}
	}
	if d := cmp.Diff([]int{42}, good.all()); d != "" {
		t.Error(d)
	}
}

func TestBus_CrashedDeliveriesAreNotLeftSilently(t *testing.T) {
	t.Parallel()
	c := quick("crashed")
	c.AckWait = time.Second
	w := newWorld(t, c)
	b := newBus(t, w.js)
	publish(t, b, 1)
	// Deliveries that end without any answer, as a killed process leaves them.
	cons, err := w.js.Consumer(t.Context(), "EVENTS", "crashed")
	if err != nil {
		t.Fatal(err)
	}
	for range c.MaxDeliver {
		if _, err := cons.Next(jetstream.FetchMaxWait(eventuallySoon)); err != nil {
			t.Fatal(err)
		}
	}
	var handled atomic.Int32
	if err := bus.SubscribeRaw(b, c, func(context.Context, *bus.Message) error { handled.Add(1); return nil }); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	l := waitDead(t, b, "crashed", 1)[0]
	if l.Code != "bus.deliveries_exhausted" || handled.Load() != 0 {
		t.Errorf("code %s, handled %d times", l.Code, handled.Load())
	}
}

func TestBus_QueueGroupSharesTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("shared"))
	var all log
	var both sync.WaitGroup // each copy has had an event
	both.Add(2)
	for range 2 {
		b := newBus(t, newJS(t, natstest.Conn(t, w.srv)))
		var first sync.Once
		if err := bus.Subscribe(b, quick("shared"), happened, func(_ context.Context, _ bus.Envelope, f fact) error {
			first.Do(both.Done)
			both.Wait() // else a copy that is slow to start finds nothing left
			all.add(f.N)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		start(t, b)
	}
	b := newBus(t, w.js)
	const n = 400
	for i := range n {
		publish(t, b, i)
	}
	eventually(t, eventuallySoon, "all are handled", func() bool { return all.distinct() == n })
	if got := len(all.all()); got != n {
		t.Errorf("%d deliveries for %d events", got, n)
	}
}

func TestBus_StrictOrderAcrossCopies(t *testing.T) {
	t.Parallel()
	c := quick("ordered")
	c.Concurrency, c.MaxPending, c.MaxDeliver = 1, 1, 10
	w := newWorld(t, c)
	var got log
	var failed atomic.Bool
	for range 2 {
		b := newBus(t, newJS(t, natstest.Conn(t, w.srv)))
		if err := bus.Subscribe(b, c, happened, func(_ context.Context, _ bus.Envelope, f fact) error {
			if f.N == 20 && failed.CompareAndSwap(false, true) {
				return errors.New("once")
			}
			got.add(f.N)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		start(t, b)
	}
	b := newBus(t, w.js)
	want := make([]int, 100)
	for i := range want {
		want[i] = i
		publish(t, b, i)
	}
	eventually(t, eventuallySoon, "all are handled", func() bool { return len(got.all()) == len(want) })
	if d := cmp.Diff(want, got.all()); d != "" {
		t.Error(d)
	}
}

func TestBus_LongHandlerKeepsItsLease(t *testing.T) {
	t.Parallel()
	c := quick("long")
	c.AckWait = 6 * time.Second // a third of it passes between two renewals: the rest is for a busy machine
	w := newWorld(t, c)
	b := newBus(t, w.js)
	var n atomic.Int32
	done := make(chan struct{}, 10)
	if err := bus.SubscribeRaw(b, c, func(ctx context.Context, _ *bus.Message) error {
		n.Add(1)
		select {
		case <-time.After(c.AckWait + 2*time.Second):
		case <-ctx.Done():
		}
		done <- struct{}{}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	<-done
	waitIdle(t, w, "long")
	if n.Load() != 1 {
		t.Errorf("delivered %d times", n.Load())
	}
}

func waitIdle(t testing.TB, w world, durable string) {
	t.Helper()
	eventually(t, eventuallySoon, durable+" has nothing left", func() bool {
		c, err := w.js.Consumer(t.Context(), "EVENTS", durable)
		return err == nil && c.CachedInfo().NumPending == 0 && c.CachedInfo().NumAckPending == 0
	})
}

func TestBus_CloseDrains(t *testing.T) {
	t.Parallel()
	c := quick("drain")
	w := newWorld(t, c)
	b := newBus(t, w.js)
	started, finished := make(chan struct{}, 10), atomic.Int32{}
	release := make(chan struct{})
	if err := bus.SubscribeRaw(b, c, func(ctx context.Context, _ *bus.Message) error {
		started <- struct{}{}
		select {
		case <-release:
			finished.Add(1)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}); err != nil {
		t.Fatal(err)
	}
	run := make(chan error, 1)
	go func() { run <- b.Run(t.Context()) }()
	<-b.Running()
	for i := range 10 {
		publish(t, b, i)
	}
	for range c.Concurrency {
		<-started
	}
	closed := make(chan error, 1)
	go func() { closed <- b.Close(context.Background()) }()
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if err := <-run; err != nil {
		t.Fatal(err)
	}
	done := int(finished.Load())
	// The rest is there for another copy: what was on its way to this one after AckWait.
	b2 := newBus(t, w.js)
	var rest atomic.Int32
	if err := bus.SubscribeRaw(b2, c, func(context.Context, *bus.Message) error { rest.Add(1); return nil }); err != nil {
		t.Fatal(err)
	}
	start(t, b2)
	eventually(t, eventuallySoon, "the rest is handled", func() bool { return done+int(rest.Load()) >= 10 })
	waitIdle(t, w, "drain")
	if total := done + int(rest.Load()); total != 10 {
		t.Errorf("%d handled before and %d after: want 10 in all", done, rest.Load())
	}
}

func TestBus_CloseEndsAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("hang"))
	b, err := bus.New(t.Context(), w.js, bus.Config{Name: "hang", Drain: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{}, 1)
	if err := bus.SubscribeRaw(b, quick("hang"), func(ctx context.Context, _ *bus.Message) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	run := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { run <- b.Run(ctx) }()
	<-b.Running()
	publish(t, b, 1)
	<-started
	cancel()
	if err := <-run; err != nil {
		t.Fatal(err)
	}
	if l, _ := b.Dead().List(t.Context(), "", 0, 0); len(l) != 0 {
		t.Errorf("stopping made dead letters: %v", l)
	}
}

func TestBus_MisuseIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("twice"))
	b := newBus(t, w.js)
	nop := func(context.Context, *bus.Message) error { return nil }
	for _, c := range []bus.Consumer{
		{}, {Stream: "EVENTS", Durable: "a.b", Subjects: []string{"evt.>"}}, {Stream: "EVENTS", Durable: "ab"},
		{Durable: "ab", Subjects: []string{"evt.>"}},
	} {
		if err := bus.SubscribeRaw(b, c, nop); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if err := bus.SubscribeRaw(b, quick("twice"), nop); err != nil {
		t.Fatal(err)
	}
	if err := bus.SubscribeRaw(b, quick("twice"), nop); err == nil {
		t.Error("two handlers for one durable")
	}
	start(t, b)
	if err := bus.SubscribeRaw(b, quick("late"), nop); err == nil {
		t.Error("a handler after Run")
	}
	bad := bus.EventType[string]{Type: "evt.*.x", Source: "/x"}
	if _, err := bus.NewEnvelope(t.Context(), bad, "", "", 0, time.Now(), ""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("wildcard type: %v", err)
	}
	big := bus.EventType[string]{Type: "evt.test.x", Source: "/x"}
	if _, err := bus.NewEnvelope(t.Context(), big, "", "", 0, time.Now(), strings.Repeat("x", bus.MaxData)); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("large event: %v", err)
	}
}

func TestBus_FullStreamIsAFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small := testStreams()[:1]
	small[0].MaxBytes = 2000
	if err := bus.Reconcile(t.Context(), w.js, small, []bus.Consumer{quick("slow")}); err != nil {
		t.Fatal(err)
	}
	b := newBus(t, w.js)
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		var e bus.Envelope
		if e, err = bus.NewEnvelope(t.Context(), happened, "", "x", 1, time.Now(), fact{N: i}); err == nil {
			err = b.Publish(t.Context(), e)
		}
	}
	if !errors.Is(err, bus.ErrFull) {
		t.Errorf("got %v, want bus.full", err)
	}
}
