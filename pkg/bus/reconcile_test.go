package bus_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

func TestReconcile_ChangesNothingTwice(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	js := newJS(t, nc)
	streams, consumers := testStreams(), []bus.Consumer{quick("a"), due()}
	if err := bus.Reconcile(t.Context(), js, streams, consumers); err != nil {
		t.Fatal(err)
	}
	// What a connection asks of JetStream, it hears as well, in that order.
	asked, err := nc.SubscribeSync("$JS.API.>")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := bus.Reconcile(t.Context(), js, streams, consumers); err != nil {
			t.Fatal(err)
		}
	}
	streams[0].Description = "changed"
	if err := bus.Reconcile(t.Context(), js, streams, nil); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := asked.NextMsg(eventuallySoon)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject == "$JS.API.STREAM.UPDATE."+streams[0].Name {
			return // the only change there was
		}
		if !strings.Contains(m.Subject, ".INFO.") {
			t.Errorf("reconciling again asked for %s", m.Subject)
		}
	}
}

func TestReconcile_Updates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick("a"))
	streams, consumers := testStreams(), []bus.Consumer{quick("a")}
	streams[0].MaxBytes *= 2
	streams[0].Description = "changed"
	consumers[0].Subjects = []string{"evt.test.>", "evt.more.>"}
	consumers[0].AckWait = 7 * time.Second
	if err := bus.Reconcile(t.Context(), w.js, streams, consumers); err != nil {
		t.Fatal(err)
	}
	s, err := w.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if cfg := s.CachedInfo().Config; cfg.MaxBytes != streams[0].MaxBytes || cfg.Description != "changed" {
		t.Errorf("stream %+v", cfg)
	}
	c, err := s.Consumer(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if cfg := c.CachedInfo().Config; len(cfg.FilterSubjects) != 3 || cfg.AckWait != 7*time.Second {
		t.Errorf("consumer %+v", cfg)
	}
}

func TestReconcile_SaysWhatIsImpossible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	change := func(f func(*jetstream.StreamConfig)) []jetstream.StreamConfig {
		s := testStreams()[:1]
		f(&s[0])
		return s
	}
	for name, c := range map[string]struct {
		streams   []jetstream.StreamConfig
		consumers []bus.Consumer
		says      string
	}{
		"retention": {streams: change(func(s *jetstream.StreamConfig) { s.Retention = jetstream.LimitsPolicy }), says: "retention"},
		"storage":   {streams: change(func(s *jetstream.StreamConfig) { s.Storage = jetstream.MemoryStorage }), says: "storage"},
		"replicas":  {streams: change(func(s *jetstream.StreamConfig) { s.Replicas = 3 }), says: "EVENTS"},
		"overlap":   {streams: change(func(s *jetstream.StreamConfig) { s.Name = "OTHER" }), says: "OTHER"},
		"no stream": {consumers: []bus.Consumer{{Stream: "NONE", Durable: "x", Subjects: []string{"evt.x"}}}, says: "NONE"},
		"no name":   {consumers: []bus.Consumer{{Stream: "EVENTS", Subjects: []string{"evt.x"}}}, says: "name"},
	} {
		err := bus.Reconcile(t.Context(), w.js, c.streams, c.consumers)
		if !errors.Is(err, bus.ErrImpossible) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReconcile_ManyAtOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var wg sync.WaitGroup
	for range 8 {
		js := newJS(t, natstest.Conn(t, srv))
		wg.Go(func() {
			if err := bus.Reconcile(t.Context(), js, testStreams(), []bus.Consumer{quick("a"), quick("b"), due()}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestReconcile_DurablesBeforePublishing shows why all durables are declared at
// once: what nobody waits for is not kept.
func TestReconcile_DurablesBeforePublishing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBus(t, w.js)
	kept := func() uint64 {
		t.Helper()
		s, err := w.js.Stream(t.Context(), "EVENTS")
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.Msgs
	}
	publish(t, b, 1)
	if err := bus.Reconcile(t.Context(), w.js, nil, []bus.Consumer{quick("a")}); err != nil {
		t.Fatal(err)
	}
	if n := kept(); n != 0 {
		t.Errorf("%d kept without a durable", n)
	}
	publish(t, b, 2)
	if n := kept(); n != 1 {
		t.Errorf("%d kept, want 1", n)
	}
}
