package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"

	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

// TestAttempts_StayInTheTraceOfTheEvent fails one delivery until it is given up, by
// timers over days.
func TestAttempts_StayInTheTraceOfTheEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := telemetrytest.New(t, "webhook")
		w := openWith(t, rec.Telemetry, newMemory(), false, nil)
		defer w.stop()
		w.sender.answers(status(503))
		ctx, handling := rec.Tracer("test").Start(t.Context(), "process evt")
		if err := w.x.Deliver(ctx, event("ev", "c")); err != nil {
			t.Fatal(err)
		}
		handling.End()
		time.Sleep(5 * 24 * time.Hour)
		synctest.Wait()
		attempts := 0
		var before = handling.SpanContext()
		for _, span := range rec.Spans() {
			if span.Name() != "webhook attempt" {
				continue
			}
			attempts++
			if span.Parent().SpanID() != handling.SpanContext().SpanID() || span.SpanContext().TraceID() != handling.SpanContext().TraceID() {
				t.Errorf("attempt %d is in %v, a child of %v", attempts, span.SpanContext(), span.Parent())
			}
			links := span.Links()
			if attempts == 1 && len(links) != 0 || attempts > 1 && (len(links) != 1 || links[0].SpanContext.SpanID() != before.SpanID()) {
				t.Errorf("attempt %d points to %v, want %v", attempts, links, before.SpanID())
			}
			if span.Status().Code != codes.Error {
				t.Errorf("attempt %d is fine", attempts)
			}
			before = span.SpanContext()
		}
		if attempts != 10 {
			t.Errorf("%d attempts", attempts)
		}
		for name, want := range map[string]float64{"sluice_webhook_attempt_duration_seconds": 10, "sluice_webhook_deliveries_total": 1, "sluice_webhook_attempts_active": 0, "sluice_webhook_endpoints_waiting": 0} {
			if sum, ok := rec.Sum(t, name, nil); sum != want || !ok {
				t.Errorf("%s is %v (there: %v), want %v", name, sum, ok, want)
			}
		}
		if sum, _ := rec.Sum(t, "sluice_webhook_deliveries_total", map[string]string{"sluice_outcome": "exhausted"}); sum != 1 {
			t.Errorf("outcomes %v", rec.Points(t, "sluice_webhook_deliveries_total"))
		}
	})
}

// TestMetrics_OfWhatWasTaken has receivers answer as they like.
func TestMetrics_OfWhatWasTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := telemetrytest.New(t, "webhook")
		w := openWith(t, rec.Telemetry, newMemory(), false, nil)
		defer w.stop()
		for i, code := range []int{200, 204, 410, 799, 42} {
			w.sender.answers(status(code))
			w.deliver(t, event("ev"+string(rune(97+i)), "c"+string(rune(97+i))))
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		for outcome, want := range map[string]float64{"2xx": 2, "4xx": 1, "_OTHER": 2} {
			if sum, _ := rec.Sum(t, "sluice_webhook_attempt_duration_seconds", map[string]string{"sluice_outcome": outcome}); sum != want {
				t.Errorf("%v attempts end as %s", sum, outcome)
			}
		}
		if sum, _ := rec.Sum(t, "sluice_webhook_delivery_delay_seconds", nil); sum != 2 {
			t.Errorf("%v deliveries were taken", sum)
		}
	})
}
