package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

// TestBus_OneTraceAndItsMetrics follows a trace from the request through outbox,
// relay and handler, and reads what /metrics would show.
func TestBus_OneTraceAndItsMetrics(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "test")
	w := newWorld(t, quick("traced"))
	b, err := bus.New(t.Context(), w.js, bus.Config{Name: "test", Tel: rec.Telemetry})
	if err != nil {
		t.Fatal(err)
	}
	handled := make(chan trace.SpanContext, 3)
	if err := bus.Subscribe(b, quick("traced"), happened, func(ctx context.Context, _ bus.Envelope, f fact) error {
		handled <- trace.SpanContextFromContext(ctx)
		if f.N == 2 {
			return errors.New("no")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got, ok := rec.Sum(t, "sluice_bus_dead_letters_total", map[string]string{"messaging_consumer_group_name": "traced"}); got != 0 || !ok {
		t.Errorf("dead letters begin with %v (%v)", got, ok)
	}
	start(t, b)
	db := newMemory()

	ctx, span := rec.Tracer("t").Start(t.Context(), "request")
	e, err := bus.NewEnvelope(ctx, happened, "", "x", 1, nowUTC(), fact{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	// What waits before the relay starts is published once, by its first sweep; a
	// commit beside a sweep may be published by both, which the stream takes for one.
	db.commit("doc", false, e.Message())
	runRelay(t, w.js, db, bus.RelayConfig{Name: "test", Tel: rec.Telemetry, Sweep: time.Hour})
	got := <-handled
	span.End()
	publish(t, b, 2)
	waitDead(t, b, "traced", 1)
	of := func(name string) sdktrace.ReadOnlySpan { // the second event's spans may end before the first one's
		for _, s := range rec.Spans() {
			if s.Name() == name && s.SpanContext().TraceID() == span.SpanContext().TraceID() {
				return s
			}
		}
		return nil
	}
	var out, in sdktrace.ReadOnlySpan
	eventually(t, eventuallySoon, "both ends of the event are recorded", func() bool {
		out, in = of("publish "+happened.Type), of("process "+happened.Type)
		return out != nil && in != nil
	})
	if out.SpanKind() != trace.SpanKindProducer || out.Parent().SpanID() != span.SpanContext().SpanID() {
		t.Errorf("published in %v, a child of %v; the request is %v", out.SpanContext(), out.Parent(), span.SpanContext())
	}
	if in.SpanKind() != trace.SpanKindConsumer || in.Parent().SpanID() != out.SpanContext().SpanID() || in.SpanContext().SpanID() != got.SpanID() {
		t.Errorf("handled in %v, a child of %v; it was published in %v", got, in.Parent(), out.SpanContext())
	}
	for key, want := range map[string]string{
		"messaging.system": "nats", "messaging.operation.name": "process", "messaging.operation.type": "process",
		"messaging.destination.name": happened.Type, "messaging.consumer.group.name": "traced", "messaging.message.id": e.ID,
	} {
		if v := telemetrytest.Attribute(in, key); v != want {
			t.Errorf("%s is %q, want %q", key, v, want)
		}
	}
	for name, want := range map[string]float64{
		"messaging_client_sent_messages_total": 2, "messaging_client_consumed_messages_total": 4, "sluice_bus_retries_total": 2, "sluice_bus_dead_letters_total": 1,
		"sluice_bus_postponed_total": 0, "messaging_process_duration_seconds": 4, "sluice_outbox_depth": 0, "sluice_outbox_age_seconds": 0,
	} {
		eventually(t, eventuallySoon, fmt.Sprintf("%s is %v", name, want), func() bool {
			sum, there := rec.Sum(t, name, nil)
			return there && (sum == want || name == "sluice_outbox_age_seconds")
		})
	}
	for _, p := range rec.Points(t, "messaging_process_duration_seconds") {
		if p.Labels["error_type"] == "" && !slices.Contains(p.Traces, got.TraceID().String()) {
			t.Errorf("the exemplars are of %v, want %v", p.Traces, got.TraceID())
		}
	}
}

// TestBus_TellsOfStreamsAndLag fills a stream that nobody may empty.
func TestBus_TellsOfStreamsAndLag(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "test")
	c := quick("slow")
	c.Concurrency = 1
	w := newWorld(t, c)
	b, err := bus.New(t.Context(), w.js, bus.Config{Name: "test", Tel: rec.Telemetry})
	if err != nil {
		t.Fatal(err)
	}
	leave := make(chan struct{})
	if err := bus.SubscribeRaw(b, c, func(ctx context.Context, _ *bus.Message) error {
		select {
		case <-leave:
		case <-ctx.Done():
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for n := range 5 { // before anybody looks: the first sample has them
		publish(t, b, n)
	}
	start(t, b)
	defer close(leave)
	group := map[string]string{"messaging_consumer_group_name": "slow"}
	eventually(t, 2*eventuallySoon, "four wait and one is in hand", func() bool {
		lag, _ := rec.Sum(t, "sluice_bus_lag", group)
		unacked, _ := rec.Sum(t, "sluice_bus_unacked", group)
		return lag == 4 && unacked == 1 || lag == 5 && unacked == 0 // as it was when it was sampled
	})
	for name, stream := range map[string]string{"sluice_bus_stream_messages": "EVENTS", "sluice_bus_stream_bytes": "EVENTS", "sluice_bus_dead_letters_waiting": ""} {
		labels := map[string]string{}
		if stream != "" {
			labels["sluice_stream"] = stream
		}
		// Streams are asked after the durables: their first sample comes a moment later.
		eventually(t, eventuallySoon, name+" is there", func() bool {
			sum, ok := rec.Sum(t, name, labels)
			return ok && (stream == "" || sum >= 5)
		})
	}
}

// TestWatch_ForgetsWhatIsGone deletes a durable that is behind, and a stream.
func TestWatch_ForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "test")
	w := newWorld(t, quick("gone"))
	watch, err := bus.NewTestWatch(w.js, rec.Telemetry, []bus.Consumer{quick("gone")}, "EVENTS", "BRIEF")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "BRIEF", Subjects: []string{"brief.>"}}); err != nil {
		t.Fatal(err)
	}
	told := func() []bool {
		_, lag := rec.Sum(t, "sluice_bus_lag", nil)
		_, brief := rec.Sum(t, "sluice_bus_stream_messages", map[string]string{"sluice_stream": "BRIEF"})
		_, events := rec.Sum(t, "sluice_bus_stream_messages", map[string]string{"sluice_stream": "EVENTS"})
		return []bool{lag, brief, events}
	}
	// A question that is not answered within a second changes nothing.
	sampled := func(want ...bool) {
		t.Helper()
		eventually(t, eventuallySoon, fmt.Sprintf("it tells %v", want), func() bool {
			watch.Sample(t.Context())
			return slices.Equal(told(), want)
		})
	}
	sampled(true, true, true)
	if err := errors.Join(w.js.DeleteConsumer(t.Context(), "EVENTS", "gone"), w.js.DeleteStream(t.Context(), "BRIEF")); err != nil {
		t.Fatal(err)
	}
	sampled(false, false, true) // nothing of what is gone
}

// TestMetrics_KnowNoSubjectsOfThings publishes what has a subject of its own each.
func TestMetrics_KnowNoSubjectsOfThings(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "test")
	w := newWorld(t)
	for name, subject := range map[string]string{"CHECKS": "check.>", "STATES": "$KV.states.>"} {
		if _, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}}); err != nil {
			t.Fatal(err)
		}
	}
	db := newMemory()
	runRelay(t, w.js, db, bus.RelayConfig{Name: "test", Tel: rec.Telemetry})
	for i := range 40 {
		db.commit(fmt.Sprintf("doc%d", i), true,
			docstore.Message{ID: bus.NewID(), Subject: fmt.Sprintf("check.host-%d_example", i), Data: []byte("{}"), Time: time.Now()},
			docstore.Message{ID: bus.NewID(), Subject: fmt.Sprintf("$KV.states.account.%d", i), Data: []byte("{}"), Time: time.Now()})
	}
	eventually(t, eventuallySoon, "all went out", func() bool {
		sum, _ := rec.Sum(t, "messaging_client_sent_messages_total", nil)
		return sum >= 80
	})
	for _, v := range rec.Values(t, "messaging_client_sent_messages_total", "messaging_destination_name") {
		if v != "check" && v != "$KV" {
			t.Errorf("a destination is %q", v)
		}
	}
}

// TestTimers_PointBack sets one timer that goes on with a trace and one that only
// follows from it.
func TestTimers_PointBack(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "test")
	c := quick("due")
	c.Stream, c.Subjects = bus.TimerStream, []string{"due.>"}
	w := newWorld(t, c)
	b, err := bus.New(t.Context(), w.js, bus.Config{Name: "test", Tel: rec.Telemetry})
	if err != nil {
		t.Fatal(err)
	}
	fired := make(chan string, 4)
	if err := bus.SubscribeRaw(b, c, func(_ context.Context, m *bus.Message) error {
		fired <- m.Subject
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	ctx, span := rec.Tracer("t").Start(t.Context(), "attempt")
	defer span.End()
	for subject, header := range map[string]map[string]string{"due.same": telemetry.Carry(ctx), "due.other": telemetry.CauseOf(ctx)} {
		if err := b.Timers().At(ctx, subject, time.Now(), subject, nil, header); err != nil {
			t.Fatal(err)
		}
	}
	<-fired
	<-fired
	eventually(t, eventuallySoon, "both are recorded", func() bool { return len(rec.Spans()) == 2 })
	for _, s := range rec.Spans() {
		same := s.SpanContext().TraceID() == span.SpanContext().TraceID()
		switch telemetrytest.Attribute(s, "messaging.destination.name") {
		case "due.same":
			if !same || s.Parent().SpanID() != span.SpanContext().SpanID() {
				t.Errorf("a timer that carries the trace fires in %v", s.SpanContext())
			}
		case "due.other":
			if same || len(s.Links()) != 1 || s.Links()[0].SpanContext.SpanID() != span.SpanContext().SpanID() {
				t.Errorf("a timer that follows fires in %v with links %v", s.SpanContext(), s.Links())
			}
		}
	}
}
