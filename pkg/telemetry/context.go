package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// HeaderRequestID carries the request id beside the W3C headers in the maps of
// Inject and Extract.
const HeaderRequestID = "sluice-request-id"

// maxRequestID bounds what Extract believes.
const maxRequestID = 128

type requestIDKey struct{}

// WithRequestID returns a context that carries the id of the HTTP request that
// caused what is done under it. An empty id changes nothing.
func WithRequestID(ctx context.Context, id string) context.Context {
	if id == "" {
		return ctx
	}
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the request id of ctx; "" when there is none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// propagator is W3C trace context and baggage; it has no state.
func propagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

// Inject writes the trace context and the request id of ctx into header, with
// lower-case keys ("traceparent", "tracestate", "baggage", HeaderRequestID).
func Inject(ctx context.Context, header map[string]string) {
	propagator().Inject(ctx, propagation.MapCarrier(header))
	if id := RequestID(ctx); id != "" {
		header[HeaderRequestID] = id
	}
}

// Carry gives the headers of a message that goes on with what ctx is part of.
func Carry(ctx context.Context) map[string]string {
	header := map[string]string{}
	Inject(ctx, header)
	return header
}

// HeaderCause carries the trace context of what a message follows from, where it is
// no part of it: a timer that a check of a link set is another check, hours later.
const HeaderCause = "sluice-cause"

// CauseOf gives the headers of a message that only follows from ctx: whoever handles
// it begins a trace, which points here (Cause).
func CauseOf(ctx context.Context) map[string]string {
	if parent := Carry(ctx)["traceparent"]; parent != "" {
		return map[string]string{HeaderCause: parent}
	}
	return nil
}

// Cause gives what a message with these headers follows from; it is not valid where
// they do not say.
func Cause(header map[string]string) trace.SpanContext {
	parent, ok := header[HeaderCause]
	if !ok {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent})
	return trace.SpanContextFromContext(ctx)
}

// Extract returns ctx with the trace context and request id that header
// carries; what is absent or malformed leaves ctx as it is.
func Extract(ctx context.Context, header map[string]string) context.Context {
	ctx = propagator().Extract(ctx, propagation.MapCarrier(header))
	if id := header[HeaderRequestID]; len(id) <= maxRequestID {
		ctx = WithRequestID(ctx, id)
	}
	return ctx
}
