package transfer_test

import (
	"bytes"
	"testing"

	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// TestRelay_EitherEndPointsToTheOther hands a stream on between two requests, which
// are traces of their own.
func TestRelay_EitherEndPointsToTheOther(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "edge")
	meter, err := transfer.NewMeter(rec.Telemetry)
	if err != nil {
		t.Fatal(err)
	}
	r := &transfer.Relay{Link: edgetest.NewLink(), Meter: meter, Tracer: rec.Tracer("test")}
	up, uploading := rec.Tracer("test").Start(t.Context(), "PUT")
	down, reading := rec.Tracer("test").Start(t.Context(), "GET")
	s := send(t, r, up, transfer.StreamBody{Reader: bytes.NewReader(noise(1, 1<<20))})
	var got bytes.Buffer
	if err := fetch(down, r, s.subject, &got); err != nil {
		t.Fatal(err)
	}
	<-s.done
	if s.err != nil || got.Len() != 1<<20 {
		t.Fatalf("%d bytes, %v", got.Len(), s.err)
	}
	uploading.End()
	reading.End()
	sent, fetched := rec.Span("relay send"), rec.Span("relay fetch")
	if sent == nil || fetched == nil {
		t.Fatalf("spans %v and %v", sent, fetched)
	}
	if sent.Parent().SpanID() != uploading.SpanContext().SpanID() || fetched.Parent().SpanID() != reading.SpanContext().SpanID() {
		t.Errorf("children of %v and %v", sent.Parent(), fetched.Parent())
	}
	if l := sent.Links(); len(l) != 1 || l[0].SpanContext.SpanID() != fetched.SpanContext().SpanID() || l[0].SpanContext.TraceID() != fetched.SpanContext().TraceID() {
		t.Errorf("the sender points to %v, want %v", l, fetched.SpanContext())
	}
	if l := fetched.Links(); len(l) != 1 || l[0].SpanContext.SpanID() != sent.SpanContext().SpanID() {
		t.Errorf("the reader points to %v, want %v", l, sent.SpanContext())
	}
	for _, way := range []string{"receive", "transmit"} {
		if n, ok := rec.Sum(t, "sluice_edge_transfers_active", map[string]string{"network_io_direction": way}); n != 0 || !ok {
			t.Errorf("%v transfers %s", n, way)
		}
	}
}
