package dispatch

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

const scope = "github.com/sluicehq/sluice/services/webhook"

// outcomeKey is the attribute that says how something ended.
const outcomeKey = "sluice.outcome"

type metrics struct {
	tracer     trace.Tracer
	attempts   metric.Float64Histogram
	deliveries metric.Int64Counter
	delay      metric.Float64Histogram

	answered telemetry.Values[string]
	ended    telemetry.Values[string]
}

// errored is the outcome of an attempt that no answer came to.
const errored = "error"

func newMetrics(tel *telemetry.Telemetry) (*metrics, error) {
	in := tel.Instruments(scope)
	m := &metrics{
		tracer:     tel.Tracer(scope),
		attempts:   in.Seconds("sluice.webhook.attempt.duration", "time of one attempt, by what the receiver answered", telemetry.LongBuckets),
		deliveries: in.Counter("sluice.webhook.deliveries", "{delivery}", "deliveries that ended"),
		delay: in.Seconds("sluice.webhook.delivery.delay", "time from the event's arrival until the receiver took it",
			[]float64{.01, .025, .05, .1, .25, .5, 1, 5, 30, 300, 3600, 86400}),
		answered: telemetry.NewValues(outcomeKey, []string{"1xx", "2xx", "3xx", "4xx", "5xx", errored}),
		ended:    telemetry.NewValues(outcomeKey, []string{"delivered", "exhausted", "gone", "off", "removed"}),
	}
	m.ended.Start(m.deliveries)
	return m, in.Err()
}

// watch reports load whenever metrics are read.
func (m *metrics) watch(tel *telemetry.Telemetry, load func() (running, waiting int)) error {
	in := tel.Instruments(scope)
	running := in.Gauge("sluice.webhook.attempts.active", "{attempt}", "attempts under way")
	waiting := in.Gauge("sluice.webhook.endpoints.waiting", "{endpoint}", "endpoints whose due deliveries wait for room")
	in.Watch(func(_ context.Context, o metric.Observer) error {
		r, w := load()
		o.ObserveInt64(running, int64(r))
		o.ObserveInt64(waiting, int64(w))
		return nil
	}, running, waiting)
	return in.Err()
}

// attempted counts an attempt by what the receiver answered.
func (m *metrics) attempted(ctx context.Context, o domain.Outcome) {
	outcome := errored
	if o.Error == "" {
		outcome = strconv.Itoa(o.Status/100) + "xx"
	}
	m.attempts.Record(ctx, o.Took.Seconds(), m.answered.Of(outcome).Record...)
}

// finished counts a delivery that has come to its end.
func (m *metrics) finished(ctx context.Context, d domain.Delivery, now time.Time) {
	m.deliveries.Add(ctx, 1, m.ended.Of(endOf(d)).Add...)
	if d.State == webhookv1.Delivered {
		m.delay.Record(ctx, now.Sub(d.CreatedAt).Seconds())
	}
}

// endOf is what a delivery's end counts as.
func endOf(d domain.Delivery) string {
	switch d.Why {
	case domain.WhyExhausted:
		return "exhausted"
	case domain.WhyGone:
		return "gone"
	case domain.WhyOff:
		return "off"
	case domain.WhyRemoved:
		return "removed"
	}
	return "delivered"
}
