package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// spanLogger writes each ended span as one debug line, so that a trace can be
// followed without a collector: grep its trace_id.
type spanLogger struct{ log *slog.Logger }

// OnStart implements sdktrace.SpanProcessor.
func (spanLogger) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor.
func (p spanLogger) OnEnd(s sdktrace.ReadOnlySpan) {
	sc := s.SpanContext()
	as := make([]slog.Attr, 0, 8+len(s.Attributes()))
	as = append(as,
		slog.String(KeySpan, s.Name()), slog.String("kind", s.SpanKind().String()),
		slog.String(KeyTraceID, sc.TraceID().String()), slog.String(KeySpanID, sc.SpanID().String()),
		slog.Duration(KeyDuration, s.EndTime().Sub(s.StartTime())),
	)
	if p := s.Parent(); p.HasSpanID() {
		as = append(as, slog.String(KeyParentID, p.SpanID().String()))
	}
	for _, kv := range s.Attributes() {
		as = append(as, slog.String(string(kv.Key), kv.Value.String()))
	}
	if st := s.Status(); st.Code == codes.Error {
		as = append(as, slog.String(KeyErr, st.Description))
	}
	// The span is over; its context would add the ids a second time.
	p.log.LogAttrs(context.Background(), slog.LevelDebug, "span", as...) //nolint:contextcheck // see above
}

// Shutdown implements sdktrace.SpanProcessor.
func (spanLogger) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (spanLogger) ForceFlush(context.Context) error { return nil }
