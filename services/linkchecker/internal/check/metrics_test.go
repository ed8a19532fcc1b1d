package check_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

// TestChecker_OneTraceFromTheTaskToTheRequest checks links of a known host and of
// one that nobody knows, each queued by a request of its own.
func TestChecker_OneTraceFromTheTaskToTheRequest(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "linkchecker")
	h := linksv1test.NewImitation(t, linksv1test.Plain)
	h.Set("1", linksv1test.There)
	w := newWorld(t, settings{bases: map[string]string{"h.example": h.URL, "other.example": h.URL}, out: loopback(), tel: rec.Telemetry})
	addresses := []string{"https://h.example/1", "https://h.example/3", "https://other.example/1"}
	traces := make([]trace.TraceID, len(addresses))
	var wg sync.WaitGroup
	for i, a := range addresses {
		ctx, span := rec.Tracer("test").Start(context.WithoutCancel(t.Context()), "process check")
		traces[i] = span.SpanContext().TraceID()
		wg.Go(func() {
			defer span.End()
			if err := w.Handle(ctx, message(a)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	spans := rec.Spans()
	for i, id := range traces {
		var check, request trace.SpanContext
		for _, s := range spans {
			if s.SpanContext().TraceID() != id {
				continue
			}
			switch s.Name() {
			case "link check":
				check = s.SpanContext()
			case "GET", "HEAD":
				request = s.Parent()
			}
		}
		if !check.IsValid() || request.SpanID() != check.SpanID() {
			t.Errorf("%s: the check is %v, its request a child of %v", addresses[i], check, request)
		}
	}
	if got := rec.Values(t, "sluice_linkchecker_checks_total", "sluice_host"); !slices.Equal(got, []string{"other"}) {
		t.Errorf("hosts %q; those that have no rule of their own are one", got)
	}
	if got := rec.Values(t, "sluice_linkchecker_checks_total", "sluice_outcome"); !slices.Equal(got, []string{"offline", "online"}) {
		t.Errorf("outcomes %q", got)
	}
	if sum, _ := rec.Sum(t, "sluice_linkchecker_checks_total", nil); sum != 3 {
		t.Errorf("%v checks", sum)
	}
	for _, name := range []string{"sluice_linkchecker_checks_waiting", "sluice_linkchecker_checks_active"} {
		if sum, ok := rec.Sum(t, name, nil); sum != 0 || !ok {
			t.Errorf("%s is %v", name, sum)
		}
	}
}
