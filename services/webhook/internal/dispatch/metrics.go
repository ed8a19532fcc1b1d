package dispatch

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

const scope = "github.com/sluicehq/sluice/services/webhook"

type metrics struct {
	tracer     trace.Tracer
	attempts   metric.Float64Histogram
	deliveries metric.Int64Counter
	delay      metric.Float64Histogram
}

func newMetrics(tel *telemetry.Telemetry) (*metrics, error) {
	m := tel.Meter(scope)
	attempts, err1 := m.Float64Histogram("sluice.webhook.attempt.duration", metric.WithUnit("s"),
		metric.WithDescription("time of one attempt, by outcome"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20))
	deliveries, err2 := m.Int64Counter("sluice.webhook.deliveries",
		metric.WithDescription("deliveries that ended, by state and reason"))
	delay, err3 := m.Float64Histogram("sluice.webhook.delivery.delay", metric.WithUnit("s"),
		metric.WithDescription("time from the event's arrival until the receiver took it"),
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, 5, 30, 300, 3600, 86400))
	return &metrics{tracer: tel.Tracer(scope), attempts: attempts, deliveries: deliveries, delay: delay}, errors.Join(err1, err2, err3)
}

// watch reports load whenever metrics are read.
func (m *metrics) watch(tel *telemetry.Telemetry, load func() (running, waiting int)) error {
	meter := tel.Meter(scope)
	running, err1 := meter.Int64ObservableGauge("sluice.webhook.attempts.inflight", metric.WithDescription("attempts under way"))
	waiting, err2 := meter.Int64ObservableGauge("sluice.webhook.endpoints.waiting",
		metric.WithDescription("endpoints whose due deliveries wait for room"))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		r, w := load()
		o.ObserveInt64(running, int64(r))
		o.ObserveInt64(waiting, int64(w))
		return nil
	}, running, waiting)
	return err
}

// attempted counts an attempt by what the receiver answered.
func (m *metrics) attempted(ctx context.Context, o domain.Outcome) {
	outcome := "error"
	if o.Error == "" {
		outcome = strconv.Itoa(o.Status/100) + "xx"
	}
	m.attempts.Record(ctx, o.Took.Seconds(), metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", outcome))))
}

// finished counts a delivery that has come to its end.
func (m *metrics) finished(ctx context.Context, d domain.Delivery, now time.Time) {
	m.deliveries.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("state", string(d.State)), attribute.String("why", d.Why))))
	if d.Why == "" {
		m.delay.Record(ctx, now.Sub(d.CreatedAt).Seconds())
	}
}
