package check

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

// hostKey names whom a check asks: a rule by its name, of which there is a list.
const hostKey attribute.Key = "sluice.host"

// other is the host of checks that no rule is for.
const other = "other"

// Meter counts and traces what checkers do.
type Meter struct {
	tracer   trace.Tracer
	checks   metric.Int64Counter
	duration metric.Float64Histogram
	waits    metric.Int64UpDownCounter
	flies    metric.Int64UpDownCounter

	found telemetry.Cache[finding]
	hosts telemetry.Cache[string]
}

// finding is what checks are told apart by.
type finding struct {
	host   string
	status linksv1.Status
	reason linksv1.Reason
}

// NewMeter makes the instruments.
func NewMeter(tel *telemetry.Telemetry, scope string) (*Meter, error) {
	in := tel.Instruments(scope)
	m := &Meter{
		tracer:   tel.Tracer(scope),
		checks:   in.Counter("sluice.linkchecker.checks", "{link}", "links checked, by host and what was found"),
		duration: in.Seconds("sluice.linkchecker.check.duration", "time to ask a host, waits for politeness between its requests included", telemetry.LongBuckets),
		waits:    in.UpDown("sluice.linkchecker.checks.waiting", "{link}", "checks in hand that wait for their turn"),
		flies:    in.UpDown("sluice.linkchecker.checks.active", "{request}", "hosts being asked, once per request"),
	}
	telemetry.Zero(m.waits)
	telemetry.Zero(m.flies)
	return m, in.Err()
}

// hostOf is what a rule's checks count as.
func hostOf(rule string) string {
	if rule == hosts.Generic {
		return other
	}
	return rule
}

// begin opens the span of a check of some links: a child of what the first one was
// queued by, which points to the others.
func (m *Meter) begin(ctx context.Context, rule string, jobs []*job) (context.Context, trace.Span) {
	opts := []trace.SpanStartOption{trace.WithAttributes(hostKey.String(hostOf(rule)), attribute.Int("sluice.links", len(jobs)))}
	for _, j := range jobs[1:] {
		if j.from.IsValid() {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: j.from}))
		}
	}
	return m.tracer.Start(trace.ContextWithSpanContext(ctx, jobs[0].from), "link check", opts...)
}

// end closes it.
func (m *Meter) end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "broken off")
	}
	span.End()
}

func (m *Meter) checked(ctx context.Context, rule string, f hosts.Finding) {
	m.checks.Add(ctx, 1, m.found.Of(finding{hostOf(rule), f.Status, f.Reason}, func(f finding) telemetry.Labels {
		return telemetry.NewLabels(hostKey.String(f.host), attribute.String("sluice.outcome", string(f.status)), attribute.String("sluice.reason", string(f.reason)))
	}).Add...)
}

func (m *Meter) asked(ctx context.Context, rule string, took time.Duration) {
	m.duration.Record(ctx, took.Seconds(), m.hosts.Of(hostOf(rule), func(host string) telemetry.Labels {
		return telemetry.NewLabels(hostKey.String(host))
	}).Record...)
}

func (m *Meter) waiting(ctx context.Context, n int) { m.waits.Add(ctx, int64(n)) }

func (m *Meter) flying(ctx context.Context, n int) { m.flies.Add(ctx, int64(n)) }
