package blob

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// metrics counts what moves. Bytes are plain unless a name says stored.
type metrics struct {
	in                        *telemetry.Instruments
	tracer                    trace.Tracer
	written, read, stored     metric.Int64Counter
	deduped                   metric.Int64Counter
	segments, lookups         metric.Int64Counter
	damaged                   metric.Int64Counter
	retries, condemned, freed metric.Int64Counter

	fresh, known, hit, miss telemetry.Labels
}

// outcomeKey is the attribute that says how something went.
const outcomeKey attribute.Key = "sluice.outcome"

func newMetrics(ctx context.Context, tel *telemetry.Telemetry) (*metrics, error) {
	const scope = "github.com/sluicehq/sluice/pkg/blob"
	in := tel.Instruments(scope)
	m := &metrics{
		in:        in,
		tracer:    tel.Tracer(scope),
		written:   in.Counter("sluice.blob.written", "By", "plain bytes written"),
		read:      in.Counter("sluice.blob.read", "By", "plain bytes read"),
		stored:    in.Counter("sluice.blob.stored", "By", "bytes stored after compression and sealing"),
		deduped:   in.Counter("sluice.blob.deduped", "By", "plain bytes that were there before"),
		segments:  in.Counter("sluice.blob.segments", "{segment}", "segments written"),
		lookups:   in.Counter("sluice.blob.cache.requests", "{request}", "chunks and records looked for in memory"),
		damaged:   in.Counter("sluice.blob.damaged", "{chunk}", "chunks missing or altered"),
		retries:   in.Counter("sluice.blob.retries", "{segment}", "segments written once more"),
		condemned: in.Counter("sluice.blob.condemned", "{segment}", "segments condemned by the collector"),
		freed:     in.Counter("sluice.blob.freed", "By", "stored bytes removed by the collector"),
		fresh:     telemetry.NewLabels(outcomeKey.String("new")), known: telemetry.NewLabels(outcomeKey.String("known")),
		hit: telemetry.NewLabels(outcomeKey.String("hit")), miss: telemetry.NewLabels(outcomeKey.String("miss")),
	}
	m.start(ctx)
	return m, in.Err()
}

// start has every counter be there before anything happens.
func (m *metrics) start(ctx context.Context) {
	for _, c := range []metric.Int64Counter{m.written, m.read, m.stored, m.deduped, m.damaged, m.retries, m.condemned, m.freed} {
		c.Add(ctx, 0)
	}
	m.segments.Add(ctx, 0, m.fresh.Add...)
	m.segments.Add(ctx, 0, m.known.Add...)
	m.lookups.Add(ctx, 0, m.hit.Add...)
	m.lookups.Add(ctx, 0, m.miss.Add...)
}

func (m *metrics) wrote(ctx context.Context, r SegmentRef, known bool) {
	m.written.Add(ctx, r.Len)
	if known {
		m.deduped.Add(ctx, r.Len)
		m.segments.Add(ctx, 1, m.known.Add...)
		return
	}
	m.stored.Add(ctx, r.Stored)
	m.segments.Add(ctx, 1, m.fresh.Add...)
}

// span opens the span of a content's way in or out, where its caller's is recorded.
func (s *Store) span(ctx context.Context, name string) (context.Context, trace.Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, trace.SpanFromContext(context.Background())
	}
	return s.metrics.tracer.Start(ctx, name)
}

// failSpan marks it as failed. One that was cut short is no failure: its caller left.
func failSpan(span trace.Span, err error) {
	if err != nil && span.IsRecording() && fault.KindOf(err) != fault.Canceled {
		span.SetStatus(codes.Error, fault.CodeOf(err))
	}
}

// endSpan closes it.
func endSpan(span trace.Span, bytes int64) {
	if span.IsRecording() {
		span.SetAttributes(attribute.Int64("sluice.blob.bytes", bytes))
	}
	span.End()
}

// usageEvery is how often the object stores are measured.
const usageEvery = 30 * time.Second

// Watch measures the object stores now and then, and reports the last measurement,
// until ctx ends. One service of an installation does so.
func (s *Store) Watch(ctx context.Context) error {
	type region struct {
		labels       telemetry.Labels
		bytes, limit atomic.Int64
		known        atomic.Bool
	}
	regions := make(map[string]*region, len(s.cfg.Regions))
	for _, r := range s.cfg.Regions {
		regions[r.Name] = &region{labels: telemetry.NewLabels(attribute.String("sluice.region", r.Name))}
	}
	in := s.metrics.in
	bytes := in.Gauge("sluice.blob.store.bytes", "By", "bytes in the object stores of a region")
	limit := in.Gauge("sluice.blob.store.limit", "By", "bytes that the object stores of a region may have")
	reg := in.Watch(func(_ context.Context, o metric.Observer) error {
		for _, r := range regions {
			if r.known.Load() {
				o.ObserveInt64(bytes, r.bytes.Load(), r.labels.Observe...)
				o.ObserveInt64(limit, r.limit.Load(), r.labels.Observe...)
			}
		}
		return nil
	}, bytes, limit)
	if err := in.Err(); err != nil {
		return err
	}
	defer func() { _ = reg.Unregister() }()
	tick := time.NewTicker(usageEvery)
	defer tick.Stop()
	for {
		if all, err := s.Usage(ctx); err == nil { // else the last one stands
			sums := map[string][2]int64{}
			for _, u := range all {
				sum := sums[u.Region]
				sums[u.Region] = [2]int64{sum[0] + u.Bytes, sum[1] + max(u.MaxBytes, 0)}
			}
			for name, sum := range sums {
				r := regions[name]
				r.bytes.Store(sum[0])
				r.limit.Store(sum[1])
				r.known.Store(true)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
