package mongo

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
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

// monitor makes a client span and a measurement of each command. Commands
// themselves are not recorded: they hold users' data.
type monitor struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
	open     sync.Map // command → trace.Span
}

// newMonitor gives the driver's hooks; nil without telemetry.
func newMonitor(tel Telemetry) (*event.CommandMonitor, error) {
	if tel == nil {
		return nil, nil
	}
	m := &monitor{tracer: tel.Tracer(scope)}
	var err error
	m.duration, err = tel.Meter(scope).Float64Histogram("sluice_docstore_command_duration", metric.WithUnit("s"),
		metric.WithDescription("time of one MongoDB command"))
	return &event.CommandMonitor{
		Started: m.started,
		Succeeded: func(ctx context.Context, ev *event.CommandSucceededEvent) {
			m.ended(ctx, &ev.CommandFinishedEvent, nil)
		},
		Failed: func(ctx context.Context, ev *event.CommandFailedEvent) {
			m.ended(ctx, &ev.CommandFinishedEvent, ev.Failure)
		},
	}, err
}

func (m *monitor) started(ctx context.Context, ev *event.CommandStartedEvent) {
	collection, _ := ev.Command.Lookup(ev.CommandName).StringValueOK()
	_, span := m.tracer.Start(ctx, "mongodb "+ev.CommandName, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "mongodb"), attribute.String("db.namespace", ev.DatabaseName),
		attribute.String("db.operation.name", ev.CommandName), attribute.String("db.collection.name", collection)))
	m.open.Store(command{ev.ConnectionID, ev.RequestID}, span)
}

func (m *monitor) ended(ctx context.Context, ev *event.CommandFinishedEvent, failure error) {
	m.duration.Record(ctx, ev.Duration.Seconds(), metric.WithAttributes(
		attribute.String("op", ev.CommandName), attribute.Bool("failed", failure != nil)))
	s, ok := m.open.LoadAndDelete(command{ev.ConnectionID, ev.RequestID})
	if !ok {
		return
	}
	span := s.(trace.Span)
	if failure != nil {
		span.SetStatus(codes.Error, "command failed")
	}
	span.End()
}
