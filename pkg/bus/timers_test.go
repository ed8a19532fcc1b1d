package bus_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

func due() bus.Consumer {
	c := quick("due")
	c.Stream, c.Subjects = bus.TimerStream, []string{"due.test", "due.test.>"}
	return c
}

type fired struct {
	key, data, subject string
	at                 time.Time
	header             map[string]string
}

func listen(t *testing.T, w world) (*bus.Timers, <-chan fired) {
	t.Helper()
	b := newBus(t, w.js)
	got := make(chan fired, 100)
	if err := bus.SubscribeRaw(b, due(), func(_ context.Context, m *bus.Message) error {
		got <- fired{bus.TimerKey(m), string(m.Data), m.Subject, time.Now(), m.Header}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	return b.Timers(), got
}

func TestTimers_FireOnTimeNotBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, due())
	timers, got := listen(t, w)
	when := time.Now().Add(700 * time.Millisecond)
	if err := timers.At(t.Context(), "k", when, "due.test.x", []byte("hello"), map[string]string{"attempt": "3", "Nats-Rollup": "all"}); err != nil {
		t.Fatal(err)
	}
	f := <-got
	if late := f.at.Sub(when); late < 0 || late > eventuallySoon {
		t.Errorf("fired %v after its time", late)
	}
	if f.key != "k" || f.data != "hello" || f.subject != "due.test.x" || f.header["attempt"] != "3" {
		t.Errorf("fired as %+v", f)
	}
	nothingLeft(t, w)
}

// nothingLeft waits until there is neither a schedule nor what one made due.
func nothingLeft(t *testing.T, w world) {
	t.Helper()
	eventually(t, eventuallySoon, "the stream is empty", func() bool {
		s, err := w.js.Stream(t.Context(), bus.TimerStream)
		return err == nil && s.CachedInfo().State.Msgs == 0
	})
}

func TestTimers_PastReplaceCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, due())
	timers, got := listen(t, w)
	ctx := t.Context()
	at := func(key string, in time.Duration, data string) {
		t.Helper()
		if err := timers.At(ctx, key, time.Now().Add(in), "due.test", []byte(data), nil); err != nil {
			t.Fatal(err)
		}
	}
	at("past", -time.Hour, "past")
	at("moved", time.Hour, "old")
	at("moved", 400*time.Millisecond, "new")
	at("cancelled", time.Hour, "never") // its time must not come before it is cancelled
	if err := timers.Cancel(ctx, "cancelled"); err != nil {
		t.Fatal(err)
	}
	if err := timers.Cancel(ctx, "never set"); err != nil {
		t.Fatal(err)
	}
	at("last", 800*time.Millisecond, "last")
	var fired []string
	for range 3 { // a busy machine brings them in any order
		fired = append(fired, (<-got).data)
	}
	slices.Sort(fired)
	if want := []string{"last", "new", "past"}; !slices.Equal(fired, want) {
		t.Errorf("fired %q, want %q", fired, want)
	}
	nothingLeft(t, w) // so what was replaced or cancelled never fires
}

func TestTimers_AnyStringIsAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, due())
	timers, got := listen(t, w)
	keys := []string{"", "a.b", "*", ">", "a b\r\nc", "ключ/ü", "=", "=41", "A", strings.Repeat("long", 500), "\x00\xff"}
	for i, k := range keys {
		if err := timers.At(t.Context(), k, time.Now(), fmt.Sprintf("due.test.%d", i), []byte(k), nil); err != nil {
			t.Fatalf("key %q: %v", k, err)
		}
	}
	seen := map[string]bool{}
	for range keys {
		f := <-got
		seen[f.data] = true
		if f.key != f.data && f.data != "\x00\xff" { // a header is text
			t.Errorf("key %q came back as %q", f.data, f.key)
		}
	}
	if len(seen) != len(keys) {
		t.Errorf("%d of %d keys are apart", len(seen), len(keys))
	}
}

func TestTimers_BadTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, due())
	for _, target := range []string{"", "due", "due.", "due.*", "evt.x", "due.a b", "due.>"} {
		if err := bus.NewTimers(w.js).At(t.Context(), "k", time.Now(), target, nil, nil); fault.KindOf(err) != fault.Invalid {
			t.Errorf("target %q: %v", target, err)
		}
	}
}

func TestTimers_SurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := natstest.StartWith(t, natsd.Options{StoreDir: dir})
	js := newJS(t, natstest.Conn(t, srv))
	if err := bus.Reconcile(t.Context(), js, testStreams(), []bus.Consumer{due()}); err != nil {
		t.Fatal(err)
	}
	if err := bus.NewTimers(js).At(t.Context(), "k", time.Now().Add(300*time.Millisecond), "due.test", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	srv.Shutdown()
	srv = natstest.StartWith(t, natsd.Options{StoreDir: dir})
	js = newJS(t, natstest.Conn(t, srv))
	cons, err := js.Consumer(t.Context(), bus.TimerStream, "due")
	if err != nil {
		t.Fatal(err)
	}
	m, err := cons.Next(jetstream.FetchMaxWait(eventuallySoon))
	if err != nil || string(m.Data()) != "x" {
		t.Fatalf("after the restart: %v, %v", m, err)
	}
}
