package bus_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// buffer is a log output that many goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestBus_OneTraceAndItsMetrics follows a trace from the request through outbox,
// relay and handler, and reads what /metrics would show.
func TestBus_OneTraceAndItsMetrics(t *testing.T) {
	t.Parallel()
	out := &buffer{}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "test", LogLevel: "debug", LogOutput: out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	w := newWorld(t, quick("traced"))
	b, err := bus.New(t.Context(), w.js, bus.Config{Name: "test", Tel: tel})
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
	start(t, b)
	db := newMemory()
	runRelay(t, w.js, db, bus.RelayConfig{Name: "test", Tel: tel})

	ctx, span := tel.Tracer("t").Start(t.Context(), "request")
	e, err := bus.NewEnvelope(ctx, happened, "", "x", 1, nowUTC(), fact{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	db.commit("doc", true, e.Message())
	got := <-handled
	span.End()
	if got.TraceID() != span.SpanContext().TraceID() || got.SpanID() == span.SpanContext().SpanID() {
		t.Errorf("handled in trace %v, want %v", got.TraceID(), span.SpanContext().TraceID())
	}
	publish(t, b, 2)
	waitDead(t, b, "traced", 1)
	eventually(t, eventuallySoon, "both spans are logged", func() bool {
		id := span.SpanContext().TraceID().String()
		var producer, consumer bool
		for line := range strings.SplitSeq(out.String(), "\n") {
			if strings.Contains(line, id) {
				producer = producer || strings.Contains(line, "kind=producer")
				consumer = consumer || strings.Contains(line, "kind=consumer")
			}
		}
		return producer && consumer
	})
	families, err := tel.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			sums[f.GetName()] += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"sluice_bus_published_total": 2, "sluice_bus_handled_total": 4, "sluice_bus_retries_total": 2, "sluice_bus_dead_letters_total": 1,
		"sluice_bus_handle_duration_seconds": 4, "sluice_bus_lag": 0, "sluice_bus_unacked": 0, "sluice_outbox_depth": 0, "sluice_outbox_age_seconds": 0,
	} {
		got, ok := sums[name]
		if !ok || got != want && !strings.HasPrefix(name, "sluice_bus_unacked") && !strings.HasPrefix(name, "sluice_outbox_age") {
			t.Errorf("%s is %v (there: %v), want %v", name, got, ok, want)
		}
	}
}
