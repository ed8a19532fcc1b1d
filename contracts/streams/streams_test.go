package streams_test

import (
	"strings"
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
	// What a connection asks of JetStream, it hears as well, in that order.
	asked, err := nc.SubscribeSync("$JS.API.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Reconcile(t.Context(), js, streams.All(1), streams.Consumers()); err != nil {
		t.Fatal(err)
	}
	const last = "$JS.API.INFO"
	if _, err := js.AccountInfo(t.Context()); err != nil {
		t.Fatal(err)
	}
	for m := new(nats.Msg); m.Subject != last; {
		if m, err = asked.NextMsg(30 * time.Second); err != nil {
			t.Fatal(err)
		}
		if m.Subject != last && !strings.Contains(m.Subject, ".INFO.") {
			t.Errorf("a second time it asks for %s", m.Subject)
		}
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
