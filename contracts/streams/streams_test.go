package streams_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

// TestReconcile_OnAServer makes everything that is declared, and then finds
// nothing to change.
func TestReconcile_OnAServer(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Reconcile(t.Context(), js, streams.All(1), streams.Consumers()); err != nil {
		t.Fatal(err)
	}
	changes, err := nc.SubscribeSync("$JS.EVENT.ADVISORY.STREAM.UPDATED.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Reconcile(t.Context(), js, streams.All(1), streams.Consumers()); err != nil {
		t.Fatal(err)
	}
	if m, err := changes.NextMsg(50 * time.Millisecond); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("changed: %v, %v", m, err)
	}
	if err := bus.NewTimers(js).At(t.Context(), "k", time.Now().Add(time.Hour), streams.DueWebhook, nil, nil); err != nil {
		t.Errorf("setting a timer: %v", err)
	}
}

func TestConsumers_AreOfDeclaredStreams(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, s := range streams.All(1) {
		declared[s.Name] = true
	}
	seen := map[string]bool{}
	for _, c := range streams.Consumers() {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if !declared[c.Stream] || seen[c.Durable] {
			t.Errorf("%s of %s: no such stream, or declared twice", c.Durable, c.Stream)
		}
		seen[c.Durable] = true
	}
}
