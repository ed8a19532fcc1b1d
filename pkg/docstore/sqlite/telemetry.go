package sqlite

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	mnoop "go.opentelemetry.io/otel/metric/noop"
)

// Telemetry is what the engine reports to; *telemetry.Telemetry is one. Nil is none.
type Telemetry interface {
	Meter(name string) metric.Meter
}

// instruments measure operations. Reads and writes are too frequent and too
// short for a span each; their callers' spans show them.
type instruments struct {
	on       bool
	db       attribute.KeyValue
	duration metric.Float64Histogram
	batches  metric.Int64Histogram
	commits  metric.Float64Histogram
}

func newInstruments(tel Telemetry, name string) (instruments, error) {
	in := instruments{on: tel != nil, db: attribute.String("db", name)}
	meter := mnoop.NewMeterProvider().Meter("docstore")
	if tel != nil {
		meter = tel.Meter("github.com/sluicehq/sluice/pkg/docstore/sqlite")
	}
	var err error
	if in.duration, err = meter.Float64Histogram("sluice_docstore_operation_duration", metric.WithUnit("s"),
		metric.WithDescription("time of one operation, waiting for its commit included")); err != nil {
		return in, err
	}
	if in.batches, err = meter.Int64Histogram("sluice_docstore_batch_size",
		metric.WithDescription("writes that shared one transaction")); err != nil {
		return in, err
	}
	in.commits, err = meter.Float64Histogram("sluice_docstore_commit_duration", metric.WithUnit("s"),
		metric.WithDescription("time of one transaction, fsync included"))
	return in, err
}

// op starts the clock of an operation; call the result at its end.
func (in instruments) op(ctx context.Context, verb, collection string) func() {
	if !in.on {
		return func() {}
	}
	start := time.Now()
	return func() {
		in.duration.Record(ctx, time.Since(start).Seconds(), metric.WithAttributes(in.db,
			attribute.String("engine", "sqlite"), attribute.String("op", verb), attribute.String("collection", collection)))
	}
}

func (in instruments) batch(ctx context.Context, size int) func() {
	if !in.on {
		return func() {}
	}
	start := time.Now()
	return func() {
		in.batches.Record(ctx, int64(size), metric.WithAttributes(in.db))
		in.commits.Record(ctx, time.Since(start).Seconds(), metric.WithAttributes(in.db))
	}
}
