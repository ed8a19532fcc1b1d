package bus

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// lagEvery is how often the lag of the durables is asked.
const lagEvery = 5 * time.Second

// metrics are the bus's instruments.
type metrics struct {
	meter    metric.Meter
	pub      metric.Int64Counter
	handled  metric.Int64Counter
	retries  metric.Int64Counter
	dead     metric.Int64Counter
	duration metric.Float64Histogram
}

func newMetrics(tel *telemetry.Telemetry) (*metrics, error) {
	m := &metrics{meter: tel.Meter(instrumentation)}
	var errs [5]error
	m.pub, errs[0] = m.meter.Int64Counter("sluice_bus_published", metric.WithDescription("events published, by subject and outcome"))
	m.handled, errs[1] = m.meter.Int64Counter("sluice_bus_handled", metric.WithDescription("deliveries handled, by consumer and outcome"))
	m.retries, errs[2] = m.meter.Int64Counter("sluice_bus_retries", metric.WithDescription("deliveries put back for a later repetition"))
	m.dead, errs[3] = m.meter.Int64Counter("sluice_bus_dead_letters", metric.WithDescription("messages given up"))
	m.duration, errs[4] = m.meter.Float64Histogram("sluice_bus_handle_duration", metric.WithUnit("s"),
		metric.WithDescription("time in the handler"),
		metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60))
	return m, errors.Join(errs[:]...)
}

// published counts by event type; what else goes out (key-value entries have one
// subject each) by the root of its subject.
func (m *metrics) published(subject string, err error) {
	if !strings.HasPrefix(subject, "evt.") {
		subject = subjectRoot(subject)
	}
	m.pub.Add(context.Background(), 1, metric.WithAttributes(attribute.String("subject", subject), outcome(err)))
}

func (m *metrics) retried(durable string) {
	m.retries.Add(context.Background(), 1, metric.WithAttributes(consumer(durable)))
}

func (m *metrics) died(durable string) {
	m.dead.Add(context.Background(), 1, metric.WithAttributes(consumer(durable)))
}

func consumer(durable string) attribute.KeyValue { return attribute.String("consumer", durable) }

// outcome is "ok", "later" or the kind of the fault, of which there are few.
func outcome(err error) attribute.KeyValue {
	var again later
	switch {
	case err == nil:
		return attribute.String("outcome", "ok")
	case errors.As(err, &again):
		return attribute.String("outcome", "later")
	}
	return attribute.String("outcome", string(fault.KindOf(err)))
}

// observe is the middleware that counts and times.
func (m *metrics) observe(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		start := time.Now()
		durable := consumer(message.SubscribeTopicFromCtx(msg.Context()))
		out, err := h(msg)
		ctx := msg.Context()
		m.duration.Record(ctx, time.Since(start).Seconds(), metric.WithAttributes(durable))
		m.handled.Add(ctx, 1, metric.WithAttributes(durable, outcome(err)))
		return out, err
	}
}

func startPublish(ctx context.Context, t oteltrace.Tracer, subject, id string) (context.Context, oteltrace.Span) {
	return t.Start(ctx, "publish "+subject, oteltrace.WithSpanKind(oteltrace.SpanKindProducer), oteltrace.WithAttributes(
		attribute.String("messaging.system", "nats"), attribute.String("messaging.destination.name", subject),
		attribute.String("messaging.message.id", id)))
}

func endPublish(span oteltrace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, fault.CodeOf(err))
	}
	span.End()
}

// lag samples how far each durable is behind; scraping only reads the sample,
// so that a server that is away does not hang /metrics.
type lag struct {
	js  jetstream.JetStream
	of  []*lagOf
	reg metric.Registration
}

type lagOf struct {
	c                Consumer
	waiting, unacked atomic.Int64
}

func (m *metrics) watchLag(js jetstream.JetStream, consumers []Consumer) (*lag, error) {
	l := &lag{js: js}
	for _, c := range consumers {
		l.of = append(l.of, &lagOf{c: c})
	}
	waiting, err1 := m.meter.Int64ObservableGauge("sluice_bus_lag", metric.WithDescription("messages not yet delivered to the consumer"))
	unacked, err2 := m.meter.Int64ObservableGauge("sluice_bus_unacked", metric.WithDescription("messages delivered to the consumer and not yet answered"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	reg, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, c := range l.of {
			o.ObserveInt64(waiting, c.waiting.Load(), metric.WithAttributes(consumer(c.c.Durable)))
			o.ObserveInt64(unacked, c.unacked.Load(), metric.WithAttributes(consumer(c.c.Durable)))
		}
		return nil
	}, waiting, unacked)
	l.reg = reg
	return l, err
}

// run samples until stop is closed.
func (l *lag) run(stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer func() { _ = l.reg.Unregister() }()
	wg.Go(func() {
		t := time.NewTicker(lagEvery)
		defer t.Stop()
		for {
			l.sample(ctx)
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	})
	<-stop
}

func (l *lag) sample(ctx context.Context) {
	for _, c := range l.of {
		cctx, cancel := context.WithTimeout(ctx, time.Second)
		cons, err := l.js.Consumer(cctx, c.c.Stream, c.c.Durable)
		cancel()
		if err != nil {
			continue // the last sample stands
		}
		i := cons.CachedInfo()
		c.waiting.Store(int64(min(i.NumPending, 1<<62)))
		c.unacked.Store(int64(i.NumAckPending))
	}
}
