package mongo

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/event"
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

const scope = "github.com/sluicehq/sluice/pkg/docstore/mongo"

// command names one command on the wire: request ids count per connection.
type command struct {
	conn string
	id   int64
}

// underway is a command that the server has not answered.
type underway struct {
	ctx        context.Context //nolint:containedctx // of its span, for the measurement's exemplar
	span       trace.Span
	collection string
}

// monitor makes a client span and a measurement of each command. Commands
// themselves are not recorded: they hold users' data.
type monitor struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
	labels   telemetry.Cache[commandKey]
	open     sync.Map // command → underway
}

// commandKey is what commands are told apart by.
type commandKey struct {
	db, verb, collection string
	failed               fault.Kind
}

// newMonitor gives the driver's hooks; nil without telemetry.
func newMonitor(tel Telemetry) (*event.CommandMonitor, error) {
	if tel == nil {
		return nil, nil
	}
	in := telemetry.NewInstruments(tel.Meter(scope))
	m := &monitor{
		tracer: tel.Tracer(scope),
		duration: in.Seconds("db.client.operation.duration", "time of an operation on documents, waiting for its commit included; of MongoDB: of one command",
			telemetry.ShortBuckets),
	}
	return &event.CommandMonitor{
		Started: m.started,
		Succeeded: func(ctx context.Context, ev *event.CommandSucceededEvent) {
			m.ended(ctx, &ev.CommandFinishedEvent, nil)
		},
		Failed: func(ctx context.Context, ev *event.CommandFailedEvent) {
			m.ended(ctx, &ev.CommandFinishedEvent, ev.Failure)
		},
	}, in.Err()
}

func (m *monitor) started(ctx context.Context, ev *event.CommandStartedEvent) {
	collection, _ := ev.Command.Lookup(ev.CommandName).StringValueOK()
	if ev.CommandName == "getMore" {
		collection, _ = ev.Command.Lookup("collection").StringValueOK()
	}
	name := ev.CommandName
	if collection != "" {
		name += " " + collection
	}
	ctx, span := m.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.DBSystemNameMongoDB, semconv.DBNamespace(ev.DatabaseName), semconv.DBOperationName(ev.CommandName), semconv.DBCollectionName(collection)))
	m.open.Store(command{ev.ConnectionID, ev.RequestID}, underway{ctx, span, collection})
}

func (m *monitor) ended(ctx context.Context, ev *event.CommandFinishedEvent, failure error) { //nolint:contextcheck // the span's context stands in for the driver's
	k := commandKey{db: ev.DatabaseName, verb: ev.CommandName}
	var u underway
	if s, ok := m.open.LoadAndDelete(command{ev.ConnectionID, ev.RequestID}); ok {
		u = s.(underway)
		ctx, k.collection = u.ctx, u.collection
	}
	if failure != nil {
		k.failed = fault.KindOf(mapRead(failure))
	}
	m.duration.Record(ctx, ev.Duration.Seconds(), m.labels.Of(k, labelsOf).Record...)
	if u.span == nil {
		return
	}
	if failure != nil {
		u.span.SetAttributes(semconv.ErrorTypeKey.String(string(k.failed)))
		u.span.SetStatus(codes.Error, "command failed")
	}
	u.span.End()
}

func labelsOf(k commandKey) telemetry.Labels {
	return telemetry.NewLabels(semconv.DBSystemNameMongoDB, semconv.DBNamespace(k.db), semconv.DBOperationName(k.verb),
		semconv.DBCollectionName(k.collection), semconv.ErrorTypeKey.String(string(k.failed)))
}
