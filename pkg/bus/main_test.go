package bus_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashEnv) != "" {
		crashChild()
		return
	}
	goleak.VerifyTestMain(m)
}

// full says whether the long tests run; a skipped one says why.
func full(t *testing.T) {
	t.Helper()
	if os.Getenv("SLUICE_TEST_FULL") == "" {
		t.Skip("takes more than ten seconds; set SLUICE_TEST_FULL=1 (make test-all does)")
	}
}

type fact struct {
	N    int    `json:"n"`
	Name string `json:"name,omitempty"`
}

var happened = bus.EventType[fact]{Type: "evt.test.v1.thing.happened", Source: "/sluice/test"}

// testStreams are small copies of the real ones.
func testStreams() []jetstream.StreamConfig {
	return []jetstream.StreamConfig{
		{
			Name: "EVENTS", Subjects: []string{"evt.>", bus.ReplaySubjects("EVENTS")}, Retention: jetstream.InterestPolicy,
			Discard: jetstream.DiscardNew, MaxBytes: 64 << 20, Duplicates: time.Minute, Replicas: 1,
		},
		{Name: bus.DeadStream, Subjects: []string{bus.DeadSubjects}, Discard: jetstream.DiscardNew, MaxBytes: 16 << 20, Replicas: 1},
		{
			Name: bus.TimerStream, Subjects: []string{"sched.>", "due.>", bus.ReplaySubjects(bus.TimerStream)},
			Retention: jetstream.WorkQueuePolicy, AllowMsgSchedules: true, AllowMsgTTL: true, AllowRollup: true, Replicas: 1,
		},
	}
}

func quick(durable string) bus.Consumer {
	return bus.Consumer{
		Stream: "EVENTS", Durable: durable, Subjects: []string{"evt.test.>"}, Concurrency: 4, MaxDeliver: 3,
		// Longer than a busy machine keeps a handler's answer waiting: most tests count deliveries.
		AckWait: 10 * time.Second, Backoff: func(int) time.Duration { return time.Millisecond },
	}
}

// restless is quick for tests in which deliveries get lost: these come again soon,
// however often that happens.
func restless(durable string) bus.Consumer {
	c := quick(durable)
	c.AckWait, c.MaxDeliver = time.Second, 1000
	return c
}

type world struct {
	srv *natsd.Server
	nc  *nats.Conn
	js  jetstream.JetStream
}

func newWorld(t testing.TB, consumers ...bus.Consumer) world {
	t.Helper()
	srv := natstest.Start(t)
	w := world{srv: srv, nc: natstest.Conn(t, srv)}
	w.js = newJS(t, w.nc)
	if err := bus.Reconcile(t.Context(), w.js, testStreams(), consumers); err != nil {
		t.Fatal(err)
	}
	return w
}

func newJS(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func newBus(t testing.TB, js jetstream.JetStream) *bus.Bus {
	t.Helper()
	b, err := bus.New(t.Context(), js, bus.Config{Name: "test", Drain: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// start runs b until the test ends.
func start(t testing.TB, b *bus.Bus) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- b.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Errorf("closing the bus: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("running the bus: %v", err)
		}
	})
	select {
	case <-b.Running():
	case err := <-done:
		t.Fatalf("the bus did not start: %v", err)
		done <- err
	}
}

func publish(t testing.TB, b *bus.Bus, n int) bus.Envelope {
	t.Helper()
	e, err := bus.NewEnvelope(t.Context(), happened, "", fmt.Sprintf("thing/%d", n), int64(n), time.Now(), fact{N: n})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// eventually polls a condition.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(within)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", within, what)
		}
		<-tick.C
	}
}

// log records what handlers saw.
type log struct {
	mu  sync.Mutex
	got []int
}

func (l *log) add(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, n)
	return len(l.got)
}

func (l *log) all() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]int(nil), l.got...)
}

func (l *log) distinct() int {
	seen := map[int]bool{}
	for _, n := range l.all() {
		seen[n] = true
	}
	return len(seen)
}

const eventuallySoon = 30 * time.Second

func nowUTC() time.Time { return time.Now().UTC() }
