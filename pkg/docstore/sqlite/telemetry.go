package sqlite

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Telemetry is what the engine reports to; *telemetry.Telemetry is one. Nil is none.
type Telemetry interface {
	Tracer(name string) trace.Tracer
	Meter(name string) metric.Meter
}

const scope = "github.com/sluicehq/sluice/pkg/docstore/sqlite"

// instruments measure operations. Reads are too frequent and too short for a span
// each; writes, which wait for the disk, have one where the caller's is recorded.
type instruments struct {
	tracer   trace.Tracer
	db       string
	of       telemetry.Labels // of the database as a whole
	ops      telemetry.Cache[opKey]
	duration metric.Float64Histogram
	batches  metric.Int64Histogram
	commits  metric.Float64Histogram
}

// opKey is what operations are told apart by.
type opKey struct {
	verb, collection string
	failed           fault.Kind
}

func newInstruments(tel Telemetry, name string) (*instruments, error) {
	if tel == nil {
		tel = telemetry.Nop()
	}
	in := telemetry.NewInstruments(tel.Meter(scope))
	return &instruments{
		tracer: tel.Tracer(scope), db: name, of: telemetry.NewLabels(semconv.DBNamespace(name)),
		duration: in.Seconds("db.client.operation.duration", "time of an operation on documents, waiting for its commit included; of MongoDB: of one command",
			telemetry.ShortBuckets),
		batches: in.Sizes("sluice.docstore.batch.size", "{write}", "writes that shared one transaction", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}),
		commits: in.Seconds("sluice.docstore.commit.duration", "time of one transaction, fsync included", telemetry.ShortBuckets),
	}, in.Err()
}

// timed is an operation under way.
type timed struct {
	in    *instruments
	ctx   context.Context //nolint:containedctx // of the operation, which it lives as long as
	key   opKey
	start time.Time
	span  trace.Span // nil: none
}

// read starts the clock of an operation that changes nothing.
func (in *instruments) read(ctx context.Context, verb, collection string) timed {
	return timed{in: in, ctx: ctx, key: opKey{verb: verb, collection: collection}, start: time.Now()}
}

// write is read for one that does.
func (in *instruments) write(ctx context.Context, verb, collection string) timed {
	t := in.read(ctx, verb, collection)
	if trace.SpanFromContext(ctx).IsRecording() {
		t.ctx, t.span = in.tracer.Start(ctx, verb+" "+collection, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			semconv.DBSystemNameSQLite, semconv.DBNamespace(in.db), semconv.DBOperationName(verb), semconv.DBCollectionName(collection)))
	}
	return t
}

// end measures; err is where the operation leaves its error. That there is no such
// document is an answer.
func (t timed) end(err *error) {
	if *err != nil {
		if t.key.failed = fault.KindOf(*err); t.key.failed == fault.NotFound {
			t.key.failed = ""
		}
	}
	t.in.duration.Record(t.ctx, time.Since(t.start).Seconds(), t.in.ops.Of(t.key, t.in.labels).Record...)
	if t.span == nil {
		return
	}
	if t.key.failed != "" {
		t.span.SetAttributes(semconv.ErrorTypeKey.String(string(t.key.failed)))
		t.span.SetStatus(codes.Error, fault.CodeOf(*err))
	}
	t.span.End()
}

func (in *instruments) labels(k opKey) telemetry.Labels {
	return telemetry.NewLabels(semconv.DBSystemNameSQLite, semconv.DBNamespace(in.db), semconv.DBOperationName(k.verb),
		semconv.DBCollectionName(k.collection), semconv.ErrorTypeKey.String(string(k.failed)))
}

// committed measures a transaction of size writes.
func (in *instruments) committed(ctx context.Context, size int, start time.Time) {
	in.batches.Record(ctx, int64(size), in.of.Record...)
	in.commits.Record(ctx, time.Since(start).Seconds(), in.of.Record...)
}
