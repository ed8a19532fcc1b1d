package bus

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// watchEvery is how often streams and durables are asked.
const watchEvery = 5 * time.Second

// Watch samples how full streams are and how far durables are behind. A scrape only
// reads the last sample, so that a server that is away does not hang it; what was
// never answered, or is gone, is not reported.
type Watch struct {
	js      jetstream.JetStream
	lags    []*lagOf
	streams []*streamOf
	reg     metric.Registration
}

type lagOf struct {
	c                Consumer
	known            atomic.Bool
	waiting, unacked atomic.Int64
	labels           telemetry.Labels
}

type streamOf struct {
	name                   string
	known                  atomic.Bool
	messages, bytes, limit atomic.Int64
	labels                 telemetry.Labels
}

// NewWatch makes a Watch of streams alone, for a service that fills them and
// consumes none of them. Run must run.
func NewWatch(js jetstream.JetStream, tel *telemetry.Telemetry, streams ...string) (*Watch, error) {
	return newWatch(js, tel.Instruments(instrumentation), nil, streams)
}

func newWatch(js jetstream.JetStream, in *telemetry.Instruments, consumers []Consumer, streams []string) (*Watch, error) {
	w := &Watch{js: js}
	for _, c := range consumers {
		w.lags = append(w.lags, &lagOf{c: c, labels: telemetry.NewLabels(groupOf(c.Durable))})
	}
	for _, s := range streams {
		w.streams = append(w.streams, &streamOf{name: s, labels: telemetry.NewLabels(streamKey.String(s))})
	}
	waiting := in.Gauge("sluice.bus.lag", "{message}", "messages not yet delivered to the consumer")
	unacked := in.Gauge("sluice.bus.unacked", "{message}", "messages delivered to the consumer and not yet answered")
	messages := in.Gauge("sluice.bus.stream.messages", "{message}", "messages in a stream")
	bytes := in.Gauge("sluice.bus.stream.bytes", "By", "bytes of a stream")
	limit := in.Gauge("sluice.bus.stream.limit", "By", "bytes that a stream may have; of one without a limit there is none")
	dead := in.Gauge("sluice.bus.dead_letters.waiting", "{message}", "dead letters that nobody replayed or dropped")
	w.reg = in.Watch(func(_ context.Context, o metric.Observer) error {
		for _, l := range w.lags {
			if l.known.Load() {
				o.ObserveInt64(waiting, l.waiting.Load(), l.labels.Observe...)
				o.ObserveInt64(unacked, l.unacked.Load(), l.labels.Observe...)
			}
		}
		for _, s := range w.streams {
			if !s.known.Load() {
				continue
			}
			o.ObserveInt64(messages, s.messages.Load(), s.labels.Observe...)
			o.ObserveInt64(bytes, s.bytes.Load(), s.labels.Observe...)
			if most := s.limit.Load(); most > 0 {
				o.ObserveInt64(limit, most, s.labels.Observe...)
			}
			if s.name == DeadStream {
				o.ObserveInt64(dead, s.messages.Load())
			}
		}
		return nil
	}, waiting, unacked, messages, bytes, limit, dead)
	return w, in.Err()
}

// watched are the streams that a bus with these consumers tells of: theirs, and
// where what they give up goes.
func watched(consumers []Consumer) []string {
	out := []string{DeadStream}
	for _, c := range consumers {
		if !slices.Contains(out, c.Stream) {
			out = append(out, c.Stream)
		}
	}
	return out
}

// Run samples until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	defer func() { _ = w.reg.Unregister() }()
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		w.sample(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// sample asks the server once; what it does not answer stays as it was, what it says
// is not there is not known any more.
func (w *Watch) sample(ctx context.Context) {
	for _, l := range w.lags {
		cctx, cancel := context.WithTimeout(ctx, time.Second)
		cons, err := w.js.Consumer(cctx, l.c.Stream, l.c.Durable)
		cancel()
		if err != nil {
			if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
				l.known.Store(false)
			}
			continue
		}
		i := cons.CachedInfo()
		l.waiting.Store(bounded(i.NumPending))
		l.unacked.Store(int64(i.NumAckPending))
		l.known.Store(true)
	}
	for _, s := range w.streams {
		cctx, cancel := context.WithTimeout(ctx, time.Second)
		stream, err := w.js.Stream(cctx, s.name)
		cancel()
		if err != nil {
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				s.known.Store(false)
			}
			continue
		}
		i := stream.CachedInfo()
		s.messages.Store(bounded(i.State.Msgs))
		s.bytes.Store(bounded(i.State.Bytes))
		s.limit.Store(i.Config.MaxBytes)
		s.known.Store(true)
	}
}

func bounded(n uint64) int64 { return int64(min(n, 1<<62)) }
