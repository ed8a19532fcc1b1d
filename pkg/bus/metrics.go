package bus

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// metrics are the bus's instruments.
type metrics struct {
	in                            *telemetry.Instruments
	sent, consumed                metric.Int64Counter
	retries, later, dead          metric.Int64Counter
	duration                      metric.Float64Histogram
	sending, fetching, processing telemetry.Cache[handled]
}

// handled is what a message's measurements are told apart by.
type handled struct {
	destination, durable string
	failed               fault.Kind // empty: not
}

func newMetrics(tel *telemetry.Telemetry) (*metrics, error) {
	in := tel.Instruments(instrumentation)
	m := &metrics{
		in:       in,
		sent:     in.Counter("messaging.client.sent.messages", "{message}", "messages given to a stream"),
		consumed: in.Counter("messaging.client.consumed.messages", "{message}", "deliveries to a consumer, repetitions included"),
		retries:  in.Counter("sluice.bus.retries", "{message}", "deliveries that failed and are repeated"),
		later:    in.Counter("sluice.bus.postponed", "{message}", "deliveries given back for later, which is no failure"),
		dead:     in.Counter("sluice.bus.dead_letters", "{message}", "messages given up"),
		duration: in.Seconds("messaging.process.duration", "time in the handler of a delivery", telemetry.LongBuckets),
	}
	return m, in.Err()
}

func system() attribute.KeyValue { return semconv.MessagingSystemKey.String("nats") }

// destinationOf is what messages of a subject count as: an event's type; of what
// else goes out (key-value entries and tasks have one subject each) the root.
func destinationOf(subject string) string {
	if strings.HasPrefix(subject, "evt.") {
		return subject
	}
	return subjectRoot(subject)
}

// published counts what was given to a stream.
func (m *metrics) published(ctx context.Context, subject string, err error) {
	k := handled{destination: destinationOf(subject)}
	if err != nil {
		k.failed = fault.KindOf(err)
	}
	m.sent.Add(ctx, 1, m.sending.Of(k, func(k handled) telemetry.Labels { return k.labels("publish") }).Add...)
}

func (k handled) labels(operation string) telemetry.Labels {
	return telemetry.NewLabels(system(), semconv.MessagingOperationName(operation), semconv.MessagingDestinationName(k.destination),
		semconv.MessagingConsumerGroupName(k.durable), semconv.ErrorTypeKey.String(string(k.failed)))
}

// start has a consumer's counters be there before anything happens.
func (m *metrics) start(durable string) {
	for _, c := range []metric.Int64Counter{m.retries, m.later, m.dead} {
		telemetry.Zero(c, consumer(durable))
	}
}

func (m *metrics) retried(durable string)   { m.retries.Add(context.Background(), 1, consumer(durable)) }
func (m *metrics) postponed(durable string) { m.later.Add(context.Background(), 1, consumer(durable)) }
func (m *metrics) died(durable string)      { m.dead.Add(context.Background(), 1, consumer(durable)) }

func consumer(durable string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(groupOf(durable)))
}

func groupOf(durable string) attribute.KeyValue { return semconv.MessagingConsumerGroupName(durable) }

// streamKey is the attribute that names a stream.
const streamKey attribute.Key = "sluice.stream"

// observe is the middleware that counts and times.
func (m *metrics) observe(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		start := time.Now()
		k := handled{durable: message.SubscribeTopicFromCtx(msg.Context())}
		if d := deliveryOf(msg.Context()); d != nil {
			k.destination = destinationOf(d.message.Subject)
		}
		m.consumed.Add(msg.Context(), 1, m.fetching.Of(k, func(k handled) telemetry.Labels { return k.labels("fetch") }).Add...)
		out, err := h(msg)
		var again later
		if err != nil && !errors.As(err, &again) {
			k.failed = fault.KindOf(err)
		}
		// The handler's span is in the context by now: it is the exemplar.
		m.duration.Record(msg.Context(), time.Since(start).Seconds(), m.processing.Of(k, func(k handled) telemetry.Labels { return k.labels("process") }).Record...)
		return out, err
	}
}

func startPublish(ctx context.Context, t oteltrace.Tracer, subject, id string) (context.Context, oteltrace.Span) {
	return t.Start(ctx, "publish "+destinationOf(subject), oteltrace.WithSpanKind(oteltrace.SpanKindProducer), oteltrace.WithAttributes(
		system(), semconv.MessagingOperationName("publish"), semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(subject), semconv.MessagingMessageID(id)))
}

func endPublish(span oteltrace.Span, err error) { endSpan(span, err); span.End() }

// endSpan writes an error into a span; one that asks for a repetition is none.
func endSpan(span oteltrace.Span, err error) {
	var again later
	if err == nil || errors.As(err, &again) || !span.IsRecording() {
		return
	}
	span.SetAttributes(semconv.ErrorTypeKey.String(string(fault.KindOf(err))))
	span.SetStatus(codes.Error, fault.CodeOf(err))
}
