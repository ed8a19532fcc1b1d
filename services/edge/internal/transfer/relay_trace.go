package transfer

import (
	"context"
	"encoding/binary"

	"go.opentelemetry.io/otel/trace"
)

// span opens one end's span of a stream. The ends are two clients' requests, each a
// trace of its own; where both are recorded, either points to the other.
func (r *Relay) span(ctx context.Context, name string) (context.Context, trace.Span) {
	if r.Tracer == nil {
		return ctx, trace.SpanFromContext(context.Background())
	}
	return r.Tracer.Start(ctx, name)
}

// traceFrame tells the other end of a span; false: nobody records it.
func traceFrame(sc trace.SpanContext) (frame, bool) {
	if !sc.IsValid() || !sc.IsSampled() {
		return frame{}, false
	}
	t, s := sc.TraceID(), sc.SpanID()
	return frame{kind: frameTrace, numbers: [3]uint64{
		binary.BigEndian.Uint64(t[:8]), binary.BigEndian.Uint64(t[8:]), binary.BigEndian.Uint64(s[:]),
	}}, true
}

// link points from a span to the one that a frame tells of.
func (f frame) link(from trace.Span) {
	var t trace.TraceID
	var s trace.SpanID
	binary.BigEndian.PutUint64(t[:8], f.numbers[0])
	binary.BigEndian.PutUint64(t[8:], f.numbers[1])
	binary.BigEndian.PutUint64(s[:], f.numbers[2])
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.FlagsSampled, Remote: true})
	if sc.IsValid() {
		from.AddLink(trace.Link{SpanContext: sc})
	}
}
