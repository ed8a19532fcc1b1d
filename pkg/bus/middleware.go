package bus

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// instrumentation names the tracer and meter of this package.
const instrumentation = "bus"

// record leaves the handler's error where the subscriber decides by it; Watermill
// itself passes on only that there was one.
func record(h message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		out, err := h(m)
		if d := deliveryOf(m.Context()); d != nil {
			d.err = err
		}
		return out, err
	}
}

// recoverPanics turns a panic into an error. The stack goes to the log and
// nowhere else.
func recoverPanics(log *slog.Logger) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) (out []*message.Message, err error) {
			defer func() {
				if p := recover(); p != nil {
					log.ErrorContext(m.Context(), "handler panicked", telemetry.KeyEventID, m.UUID, "stack", string(debug.Stack()), telemetry.KeyErr, p)
					err = fault.ErrInternal.Because(fmt.Errorf("the handler panicked: %v", p))
				}
			}()
			return h(m)
		}
	}
}

// trace continues the trace of the message in a consumer span.
func trace(tel *telemetry.Telemetry) message.HandlerMiddleware {
	tracer := tel.Tracer(instrumentation)
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) {
			topic, subject := message.SubscribeTopicFromCtx(m.Context()), ""
			if d := deliveryOf(m.Context()); d != nil {
				subject = d.message.Subject
			}
			opts := []oteltrace.SpanStartOption{oteltrace.WithSpanKind(oteltrace.SpanKindConsumer), oteltrace.WithAttributes(
				system(), semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess,
				semconv.MessagingDestinationName(subject), groupOf(topic), semconv.MessagingMessageID(m.UUID))}
			if cause := telemetry.Cause(m.Metadata); cause.IsValid() {
				opts = append(opts, oteltrace.WithLinks(oteltrace.Link{SpanContext: cause}))
			}
			ctx, span := tracer.Start(telemetry.Extract(m.Context(), m.Metadata), "process "+destinationOf(subject), opts...)
			defer span.End()
			m.SetContext(ctx)
			out, err := h(m)
			endSpan(span, err)
			return out, err
		}
	}
}

// publisher adds spans and metrics to another one.
type publisher struct {
	message.Publisher
	tracer oteltrace.Tracer
	m      *metrics
}

func decorate(p message.Publisher, tel *telemetry.Telemetry, m *metrics) message.Publisher {
	return publisher{p, tel.Tracer(instrumentation), m}
}

// Publish implements message.Publisher.
func (p publisher) Publish(topic string, msgs ...*message.Message) error {
	for _, m := range msgs {
		ctx, _ := startPublish(m.Context(), p.tracer, topic, m.UUID)
		telemetry.Inject(ctx, m.Metadata)
		m.SetContext(ctx)
	}
	err := p.Publisher.Publish(topic, msgs...)
	for _, m := range msgs {
		p.m.published(m.Context(), topic, err)
		endPublish(oteltrace.SpanFromContext(m.Context()), err)
	}
	return err
}

// logAdapter hands Watermill's notes to slog. What it calls errors of handlers is
// a detail here: the subscriber logs them together with what it does about them.
type logAdapter struct{ log *slog.Logger }

func (a logAdapter) Error(msg string, err error, f watermill.LogFields) {
	if msg == "Handler returned error" {
		a.log.Debug("handler returned error", attrs(f, telemetry.KeyErr, err)...)
		return
	}
	a.log.Error("watermill", attrs(f, "note", msg, telemetry.KeyErr, err)...)
}

func (a logAdapter) Info(msg string, f watermill.LogFields)  { a.Debug(msg, f) }
func (a logAdapter) Trace(msg string, f watermill.LogFields) { a.Debug(msg, f) }
func (a logAdapter) Debug(msg string, f watermill.LogFields) {
	if !a.log.Enabled(context.Background(), slog.LevelDebug) {
		return // twice per message
	}
	a.log.Debug("watermill", attrs(f, "note", msg)...)
}

func (a logAdapter) With(f watermill.LogFields) watermill.LoggerAdapter {
	return logAdapter{a.log.With(attrs(f)...)}
}

func attrs(f watermill.LogFields, more ...any) []any {
	out := make([]any, 0, 2*len(f)+len(more))
	for k, v := range f {
		out = append(out, k, v)
	}
	return append(out, more...)
}
