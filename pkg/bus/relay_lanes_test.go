package bus_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

// TestRelay_LanesOpenForMixedDocuments: documents whose events go to two streams,
// of which one is away and comes back. What went through first is what opens the
// way, not what went out last.
func TestRelay_LanesOpenForMixedDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "state"}); err != nil {
		t.Fatal(err)
	}
	if err := w.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	db := newMemory()
	told := &lines{}
	tel := telemetry.Nop()
	tel.Log = slog.New(slog.NewTextHandler(told, nil))
	r := runRelay(t, w.js, db, bus.RelayConfig{Name: "t", Tel: tel})
	const n = 5
	for i := range n {
		state := docstore.Message{ID: bus.NewID(), Subject: fmt.Sprintf("$KV.state.%d", i), Data: []byte("1"), Time: time.Now()}
		db.commit(fmt.Sprint(i), true, event(t, "x", i), state)
	}
	eventually(t, eventuallySoon, "all are refused", func() bool { return told.has("wait=100ms") })
	if err := bus.Reconcile(t.Context(), w.js, testStreams(), nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, eventuallySoon, "nothing waits", func() bool { return r.Backlog() == 0 && db.left() == 0 })
	db.commit("late", true, event(t, "x", n))
	eventually(t, eventuallySoon, "what comes later goes out", func() bool { return db.left() == 0 })
}
