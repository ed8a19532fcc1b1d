package clicks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/services/edge/internal/clicks"
)

// TestJetStream_StoresOnce: what goes out twice under its id is stored once, and
// what stats reads is what was told.
func TestJetStream_StoresOnce(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(natstest.Conn(t, natstest.Start(t)))
	if err != nil {
		t.Fatal(err)
	}
	publish := clicks.JetStream(js)
	var events []docstore.Message
	for i := range 100 {
		e, err := bus.NewEnvelope(t.Context(), statsv1.Clicked, "", subject, 0, time.Now(), statsv1.ClickEvent{Subject: subject, Visitor: fmt.Sprint(i), Time: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e.Message())
	}
	if err := publish(t.Context(), events); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("without the stream: %v", err)
	}
	all := streams.All(1)
	config := all[slices.IndexFunc(all, func(c jetstream.StreamConfig) bool { return c.Name == streams.Clicks })]
	s, err := js.CreateStream(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := publish(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	info, err := s.Info(t.Context())
	if err != nil || info.State.Msgs != 100 {
		t.Fatalf("%d stored, %v", info.State.Msgs, err)
	}
	m, err := s.GetMsg(t.Context(), info.State.FirstSeq)
	if err != nil {
		t.Fatal(err)
	}
	var c statsv1.ClickEvent
	if err := json.Unmarshal(m.Data, &c); err != nil || m.Subject != statsv1.Clicked.Type || c.Subject != subject {
		t.Errorf("%s %s %v", m.Subject, m.Data, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := publish(ctx, events); err == nil {
		t.Error("published although cancelled")
	}
}
