package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// fetchFor is how long one pull request waits on the server. It bounds how long
// a pull that the server forgot (a restart nobody noticed) goes unrepeated.
const fetchFor = 5 * time.Second

// errSubscriberClosed is what a closed Subscriber answers.
var errSubscriberClosed = errors.New("the subscriber is closed")

// errHalted is of a Subscribe that waits for the server while its Bus ends.
var errHalted = errors.New("the bus ends")

// SubscriberConfig says how a Subscriber maps topics to durables.
type SubscriberConfig struct {
	// Consumer gives the durable behind a topic. It is declared by somebody else
	// (Reconcile): Subscribe waits while it is missing, and so does the fetch loop
	// when somebody deletes it.
	Consumer func(topic string) Consumer
	// Drain bounds how long handlers may finish after Close; 0 means DefaultDrain.
	Drain time.Duration
	// Log may be nil.
	Log *slog.Logger
}

// Subscriber is Watermill's subscriber over JetStream pull consumers. It asks
// the server for exactly as many messages as it has free handler slots, so that
// no message's AckWait runs while it queues here; each request is a Fetch of its
// own, which is immune to the lost pulls of Consume and Messages.
//
// A nacked message is delivered again after the consumer's back-off; one that
// used up its deliveries, or that cannot be read, goes to the dead letters.
// Safe for concurrent use. Close leaves connection and durables alone.
type Subscriber struct {
	js      jetstream.JetStream
	cfg     SubscriberConfig
	dead    *deadWriter
	m       *metrics
	mu      sync.Mutex // closing against wg.Add
	closed  bool
	closing chan struct{}
	halt    <-chan struct{} // of the Bus; nil outside one
	wg      sync.WaitGroup
}

var _ message.Subscriber = (*Subscriber)(nil)

// NewSubscriber returns a Subscriber for use outside a Bus.
func NewSubscriber(js jetstream.JetStream, cfg SubscriberConfig) *Subscriber {
	m, _ := newMetrics(telemetry.Nop())
	return newSubscriber(js, cfg, &deadWriter{js: js}, m)
}

func newSubscriber(js jetstream.JetStream, cfg SubscriberConfig, dead *deadWriter, m *metrics) *Subscriber {
	if cfg.Drain <= 0 {
		cfg.Drain = DefaultDrain
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Subscriber{js: js, cfg: cfg, dead: dead, m: m, closing: make(chan struct{})}
}

// Subscribe implements message.Subscriber. It waits for a server that is away. The
// channel is closed after ctx ends or Close is called and the messages in flight
// are answered.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	c := s.cfg.Consumer(topic).withDefaults()
	cons, err := s.durable(ctx, c)
	if errors.Is(err, errHalted) { // to the router, which loses goroutines over errors, it began and ended
		none := make(chan *message.Message)
		close(none)
		return none, nil
	}
	if err != nil {
		return nil, fmt.Errorf("subscribing to %s: %w", topic, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errSubscriberClosed
	}
	l := &loop{
		s: s, c: c, cons: cons, topic: topic, out: make(chan *message.Message),
		slots: make(chan struct{}, c.Concurrency), log: s.cfg.Log.With(telemetry.KeyConsumer, c.Durable),
	}
	// Handlers may outlive ctx: they are allowed to finish.
	l.hctx, l.endHandlers = context.WithCancel(context.WithoutCancel(ctx))
	l.fctx, l.stopFetch = context.WithCancel(ctx)
	s.wg.Go(func() {
		select {
		case <-l.fctx.Done():
		case <-s.closing:
			l.stopFetch()
		}
	})
	s.wg.Go(l.run)
	return l.out, nil
}

// Close implements message.Subscriber: it stops fetching and waits until what is
// in flight is answered or Drain is over.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// loop is one subscription: it fetches, hands out, and waits for the answers.
type loop struct {
	s           *Subscriber
	c           Consumer
	cons        jetstream.Consumer
	topic       string
	out         chan *message.Message
	slots       chan struct{}
	log         *slog.Logger
	fctx        context.Context // ends when fetching is to stop
	stopFetch   context.CancelFunc
	hctx        context.Context // ends when handlers have to give up
	endHandlers context.CancelFunc
	inflight    sync.WaitGroup
}

func (l *loop) run() {
	defer close(l.out)
	defer l.endHandlers()
	defer l.stopFetch()
	defer l.inflight.Wait()
	nc := l.s.js.Conn()
	reconnected := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(reconnected)
	failures, busy := 0, false
	for {
		n, ok := l.claim(busy)
		if !ok {
			return
		}
		left, err := l.fetch(n, reconnected)
		busy = left == 0
		for range left {
			<-l.slots
		}
		switch {
		case l.fctx.Err() != nil:
			return
		case err == nil:
			failures = 0
		default:
			failures++
			l.recover(err, failures)
		}
	}
}

// linger is how long a busy subscription waits for more free slots than one.
const linger = time.Millisecond

// claim takes every free slot, at least one. When the last pull was filled, more
// is waiting on the server: then it waits a moment for the others, so that quick
// handlers do not cost a pull each.
func (l *loop) claim(busy bool) (int, bool) {
	select {
	case <-l.fctx.Done():
		return 0, false
	case l.slots <- struct{}{}:
	}
	n := 1
	if busy && l.c.Concurrency > 1 {
		t := time.NewTimer(linger)
		defer t.Stop()
		for n < l.c.Concurrency {
			select {
			case l.slots <- struct{}{}:
				n++
				continue
			case <-t.C:
			case <-l.fctx.Done():
			}
			break
		}
	}
	for n < l.c.Concurrency {
		select {
		case l.slots <- struct{}{}:
			n++
		default:
			return n, true
		}
	}
	return n, true
}

// fetch pulls up to n messages and hands them out. It returns how many of the n
// slots stayed unused. A reconnect ends the pull, since the server that had it
// may be gone.
func (l *loop) fetch(n int, reconnected <-chan nats.Status) (int, error) {
	ctx, cancel := context.WithTimeout(l.fctx, fetchFor)
	defer cancel()
	batch, err := l.cons.Fetch(n, jetstream.FetchContext(ctx))
	if err != nil {
		return n, err
	}
	msgs := batch.Messages()
	for {
		select {
		case jm, ok := <-msgs:
			if !ok {
				if err := batch.Error(); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) &&
					!errors.Is(err, context.Canceled) {
					return n, err
				}
				return n, nil
			}
			if l.handOut(jm) {
				n--
			}
		case <-reconnected:
			cancel()
			reconnected = nil
		}
	}
}

// handOut gives jm to the reader of the channel; false says that the slot is free again.
func (l *loop) handOut(jm jetstream.Msg) bool {
	d, err := newDelivery(jm)
	if err != nil {
		// It names no stream sequence: not a JetStream delivery, nothing to answer.
		l.log.Warn("message without JetStream metadata", telemetry.KeyErr, err)
		return false
	}
	if err := d.check(l.c.MaxDeliver); err != nil {
		l.bury(d, err)
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithValue(l.hctx, deliveryKey{}, d), l.c.Timeout)
	m := d.watermill(ctx)
	select {
	case <-l.fctx.Done():
		cancel()
		l.answered(jm.Nak())
		return false
	case l.out <- m:
	}
	l.inflight.Go(func() {
		defer func() { cancel(); <-l.slots }()
		l.await(ctx, d, m)
	})
	return true
}

// await answers the server once the handler is done, and keeps the message's
// lease while it runs.
func (l *loop) await(ctx context.Context, d *delivery, m *message.Message) {
	beat := time.NewTicker(max(l.c.AckWait/3, 50*time.Millisecond))
	defer beat.Stop()
	stop := l.fctx.Done()
	var drained <-chan time.Time
	for {
		select {
		case <-m.Acked():
			l.answered(d.jm.Ack())
			return
		case <-m.Nacked():
			l.settle(d) //nolint:contextcheck // a delivery is settled whatever became of its caller
			return
		case <-beat.C:
			if ctx.Err() == nil { // a handler past its time-out loses the lease
				l.answered(d.jm.InProgress())
			}
		case <-stop:
			stop = nil
			t := time.NewTimer(l.s.cfg.Drain)
			defer t.Stop()
			drained = t.C
		case <-drained:
			l.endHandlers()
			l.answered(d.jm.Nak())
			return
		}
	}
}

// durable is findConsumer that tries again while the server is away or the durable
// is missing: a service whose start meets a server's restart is none that failed.
func (s *Subscriber) durable(ctx context.Context, c Consumer) (jetstream.Consumer, error) {
	for failures := 1; ; failures++ {
		cons, err := findConsumer(ctx, s.js, c)
		if fault.KindOf(err) != fault.Unavailable || ctx.Err() != nil {
			return cons, err
		}
		s.cfg.Log.WarnContext(ctx, "the durable is not there yet", telemetry.KeyConsumer, c.Durable, "failures", failures, telemetry.KeyErr, err)
		t := time.NewTimer(pauseAfter(failures))
		select {
		case <-ctx.Done():
		case <-s.closing:
			err = errSubscriberClosed
		case <-s.halt:
			err = errHalted
		case <-t.C:
			err = nil
		}
		t.Stop()
		if err != nil {
			return nil, err
		}
	}
}

// pauseAfter is how long after so many failures in a row the next attempt waits.
func pauseAfter(failures int) time.Duration {
	return min(50*time.Millisecond<<min(failures-1, 6), 2*time.Second)
}

// recover deals with a fetch that failed: it is tried again after a pause, on the
// durable as it is by then. One that somebody deleted is waited for.
func (l *loop) recover(err error, failures int) {
	level := slog.LevelDebug
	if failures > 2 {
		level = slog.LevelWarn
	}
	l.log.Log(l.fctx, level, "fetching failed", "failures", failures, telemetry.KeyErr, err)
	t := time.NewTimer(pauseAfter(failures))
	defer t.Stop()
	select {
	case <-l.fctx.Done():
		return
	case <-t.C:
	}
	ctx, cancel := context.WithTimeout(l.fctx, fetchFor)
	defer cancel()
	cons, err := findConsumer(ctx, l.s.js, l.c)
	if err != nil {
		l.log.Log(l.fctx, level, "finding the durable again failed", telemetry.KeyErr, err)
		return
	}
	l.cons = cons
}

// answered logs an answer that could not be sent; the server then repeats the
// delivery after AckWait, which is what at-least-once means.
func (l *loop) answered(err error) {
	if err != nil {
		l.log.Debug("answering a delivery failed", telemetry.KeyErr, err)
	}
}
