package rpc_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

// TestCall_OneTraceOfBothSides follows a call from the caller's span over NATS into
// the handler's context.
func TestCall_OneTraceOfBothSides(t *testing.T) {
	t.Parallel()
	srv, rec := natstest.Start(t), telemetrytest.New(t, "edge")
	s := newServer(t, srv, rpc.ServerConfig{Tel: rec.Of(t, "demo")})
	within := make(chan trace.SpanContext, 1)
	handle(t, s, echo, func(ctx context.Context, r text) (text, error) {
		within <- trace.SpanContextFromContext(ctx)
		return r, nil
	})
	handle(t, s, once, func(context.Context, text) (text, error) {
		return text{}, fault.New(fault.NotFound, "demo.missing", "there is none")
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{Tel: rec.Telemetry})

	ctx, request := rec.Tracer("test").Start(t.Context(), "request")
	if _, err := rpc.Call(ctx, c, echo, text{"x"}); err != nil {
		t.Fatal(err)
	}
	_, _ = rpc.Call(ctx, c, once, text{})
	request.End()
	if err := stop(s, patience); err != nil {
		t.Fatal(err)
	}
	parent, inner := request.SpanContext(), <-within
	for _, kind := range []trace.SpanKind{trace.SpanKindClient, trace.SpanKindServer} {
		found := false
		for _, span := range rec.Spans() {
			if span.Name() != echo.Subject || span.SpanKind() != kind {
				continue
			}
			found = true
			if span.SpanContext().TraceID() != parent.TraceID() || span.Parent().SpanID() != parent.SpanID() {
				t.Errorf("%v span of %v is no child of %v", kind, span.Parent(), parent)
			}
			if telemetrytest.Attribute(span, "rpc.system.name") != "nats" || telemetrytest.Attribute(span, "rpc.method") != echo.Subject {
				t.Errorf("attributes %v", span.Attributes())
			}
			parent = span.SpanContext() // of the next one
		}
		if !found {
			t.Errorf("no %v span among %d", kind, len(rec.Spans()))
		}
	}
	if inner.SpanID() != parent.SpanID() || inner.TraceID() != parent.TraceID() {
		t.Errorf("the handler runs in %v, want %v", inner.SpanID(), parent.SpanID())
	}
	for _, span := range rec.Spans() {
		if span.Name() == once.Subject && telemetrytest.Attribute(span, "error.type") != string(fault.NotFound) {
			t.Errorf("error.type %v", span.Attributes())
		}
		if failed := span.Status().Code == codes.Error; failed != (span.Name() == once.Subject && span.SpanKind() == trace.SpanKindClient) {
			t.Errorf("%s of %v failed: %v; that something is not there is no error of who says so", span.Name(), span.SpanKind(), failed)
		}
	}
}

// TestMetrics_AreOfMethodsAndKindsOnly drives calls whose texts all differ.
func TestMetrics_AreOfMethodsAndKindsOnly(t *testing.T) {
	t.Parallel()
	srv, rec := natstest.Start(t), telemetrytest.New(t, "demo")
	s := newServer(t, srv, rpc.ServerConfig{Tel: rec.Telemetry})
	handle(t, s, echo, func(_ context.Context, r text) (text, error) {
		if r.Text == "" {
			return r, nil
		}
		return r, fault.New(fault.Invalid, r.Text, r.Text)
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{Tel: rec.Telemetry})
	if got, ok := rec.Sum(t, "sluice_rpc_refused_total", map[string]string{"rpc_method": echo.Subject}); got != 0 || !ok {
		t.Errorf("refused begins with %v (%v)", got, ok)
	}
	for i := range 50 {
		msg := fmt.Sprintf("bad.%d", i)
		if i%2 == 0 {
			msg = ""
		}
		_, _ = rpc.Call(t.Context(), c, echo, text{msg})
	}
	if err := stop(s, patience); err != nil {
		t.Fatal(err)
	}
	for _, side := range []string{"server", "client"} {
		name := "rpc_" + side + "_call_duration_seconds"
		if got := rec.Values(t, name, "error_type"); !slices.Equal(got, []string{"", "invalid"}) {
			t.Errorf("%s has kinds %q", name, got)
		}
		if got := rec.Values(t, name, "rpc_method"); !slices.Equal(got, []string{echo.Subject}) {
			t.Errorf("%s has methods %q", name, got)
		}
		if sum, _ := rec.Sum(t, name, nil); sum != 50 {
			t.Errorf("%s counts %v", name, sum)
		}
		if sum, ok := rec.Sum(t, "sluice_rpc_"+side+"_active", nil); sum != 0 || !ok {
			t.Errorf("%v calls are active on the %s", sum, side)
		}
	}
}
