package check

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Meter counts what checkers do. Its labels are rules by name, of which there is a
// list, and reasons.
type Meter struct {
	checks   metric.Int64Counter
	duration metric.Float64Histogram
	waits    metric.Int64UpDownCounter
	flies    metric.Int64UpDownCounter
}

// NewMeter makes the instruments.
func NewMeter(tel *telemetry.Telemetry, scope string) (*Meter, error) {
	m := tel.Meter(scope)
	checks, err1 := m.Int64Counter("sluice_linkchecker_checks", metric.WithDescription("links checked, by rule and reason"))
	duration, err2 := m.Float64Histogram("sluice_linkchecker_check_duration", metric.WithUnit("s"),
		metric.WithDescription("time to ask a host, waits for politeness between its requests included, by rule"),
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20))
	waits, err3 := m.Int64UpDownCounter("sluice_linkchecker_waiting", metric.WithDescription("checks in hand that wait for their turn"))
	flies, err4 := m.Int64UpDownCounter("sluice_linkchecker_in_flight", metric.WithDescription("hosts being asked, once per request"))
	return &Meter{checks: checks, duration: duration, waits: waits, flies: flies}, errors.Join(err1, err2, err3, err4)
}

func (m *Meter) checked(ctx context.Context, rule string, why linksv1.Reason) {
	m.checks.Add(ctx, 1, metric.WithAttributes(attribute.String("rule", rule), attribute.String("reason", string(why))))
}

func (m *Meter) asked(ctx context.Context, rule string, took time.Duration) {
	m.duration.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("rule", rule)))
}

func (m *Meter) waiting(ctx context.Context, n int) { m.waits.Add(ctx, int64(n)) }

func (m *Meter) flying(ctx context.Context, n int) { m.flies.Add(ctx, int64(n)) }
