package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// DefaultDrain is how long Close lets handlers finish.
const DefaultDrain = 10 * time.Second

// Config of a Bus.
type Config struct {
	// Name is the service, for logs and metrics.
	Name string
	// Tel is where it reports; nil reports nowhere.
	Tel *telemetry.Telemetry
	// Drain bounds how long running handlers may finish when the bus closes;
	// 0 means DefaultDrain. Then their contexts end and their messages go back.
	Drain time.Duration
}

// Bus publishes and consumes events for one service: a Watermill router with our
// middleware on our own JetStream ends. Subscribe before Run. It is safe for
// concurrent use.
type Bus struct {
	js      jetstream.JetStream
	cfg     Config
	log     *slog.Logger
	m       *metrics
	pub     message.Publisher
	router  *message.Router
	dead    *deadWriter
	running chan struct{}
	done    chan struct{} // closed by Close
	halt    chan struct{} // closed when Run is to end: whoever still waits for the server gives up

	mu        sync.Mutex
	consumers []Consumer
	started   bool
	closed    bool
	finished  chan struct{} // closed when Run has returned
}

// New returns a Bus on js, which should have a connection that no bulk bytes
// share. Close does not close it.
func New(_ context.Context, js jetstream.JetStream, cfg Config) (*Bus, error) {
	if cfg.Tel == nil {
		cfg.Tel = telemetry.Nop()
	}
	if cfg.Drain <= 0 {
		cfg.Drain = DefaultDrain
	}
	log := cfg.Tel.Log
	m, err := newMetrics(cfg.Tel)
	if err != nil {
		return nil, fmt.Errorf("setting up the metrics of the bus: %w", err)
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: cfg.Drain + 5*time.Second}, logAdapter{log})
	if err != nil {
		return nil, fmt.Errorf("setting up the router of the bus: %w", err)
	}
	b := &Bus{
		js: js, cfg: cfg, log: log, m: m, router: router, dead: &deadWriter{js: js},
		pub:     decorate(NewPublisher(js), cfg.Tel, m),
		running: make(chan struct{}), done: make(chan struct{}), halt: make(chan struct{}), finished: make(chan struct{}),
	}
	router.AddMiddleware(record, b.m.observe, trace(cfg.Tel), recoverPanics(log)) //nolint:contextcheck // a middleware takes the context of each message
	return b, nil
}

// Publish publishes e on the subject that its type names and returns after the
// PubAck. Repeating it with the same ID within the stream's duplicate window
// stores nothing. Codes: bus.invalid_event, bus.event_too_large, bus.full,
// bus.unavailable, timeout, canceled; after the last three it may be stored.
func (b *Bus) Publish(ctx context.Context, e Envelope) error {
	if err := e.Validate(); err != nil {
		return err
	}
	m := message.NewMessageWithContext(ctx, e.ID, e.Data)
	m.Metadata = e.header()
	return b.pub.Publish(e.Type, m)
}

// Subscribe handles the events that c delivers, decoded as T. A message that is
// no CloudEvent, or whose data is not a T, is a dead letter; an event of another
// type than t's is acknowledged unhandled unless t.Type is empty. The handler
// must be idempotent: deliveries repeat. Call it before Run.
func Subscribe[T any](b *Bus, c Consumer, t EventType[T], h func(ctx context.Context, e Envelope, data T) error) error {
	return b.subscribe(c, func(ctx context.Context, m *Message) error {
		e, err := parseEnvelope(m.Header, m.Data)
		if err != nil {
			return err
		}
		if t.Type != "" && e.Type != t.Type {
			return nil
		}
		var data T
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return ErrInvalidEvent.Because(fmt.Errorf("decoding the data of %s: %w", e.Type, err))
		}
		return h(ctx, e, data)
	})
}

// SubscribeRaw handles what c delivers as it is, for timers and other messages
// that are no events. Call it before Run.
func SubscribeRaw(b *Bus, c Consumer, h Handler) error { return b.subscribe(c, h) }

// errStarted says that a Bus takes no more consumers, and runs once.
var errStarted = errors.New("the bus runs already; subscribe before Run")

func (b *Bus) subscribe(c Consumer, h Handler) error {
	if err := c.Validate(); err != nil {
		return err
	}
	c = c.withDefaults()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started || b.closed {
		return errStarted
	}
	for _, o := range b.consumers {
		if o.Durable == c.Durable {
			return fmt.Errorf("consumer %s has a handler already", c.Durable)
		}
	}
	b.consumers = append(b.consumers, c)
	b.m.start(c.Durable)
	sub := newSubscriber(b.js, SubscriberConfig{
		Consumer: func(string) Consumer { return c }, Drain: b.cfg.Drain, Log: b.log,
	}, b.dead, b.m)
	sub.halt = b.halt
	b.router.AddConsumerHandler(c.Durable, c.Durable, sub, func(m *message.Message) error {
		d := deliveryOf(m.Context())
		return h(m.Context(), d.message)
	})
	return nil
}

// Run handles deliveries until ctx ends or Close is called, then drains. It waits
// for a server that is away. It returns nil after a drain, and an error when a
// durable cannot be set up.
func (b *Bus) Run(ctx context.Context) error {
	b.mu.Lock()
	if b.started || b.closed {
		closed := b.closed
		b.mu.Unlock()
		if closed {
			return nil
		}
		return errStarted
	}
	b.started = true
	consumers := b.consumers
	b.mu.Unlock()
	defer close(b.finished)

	if len(consumers) == 0 {
		close(b.running)
		select {
		case <-ctx.Done():
		case <-b.done:
		}
		return nil
	}
	watch, err := newWatch(b.js, b.m.in, consumers, watched(consumers))
	if err != nil {
		return fmt.Errorf("watching the consumers: %w", err)
	}
	// Handlers outlive ctx while they drain; the subscriber ends their contexts.
	rctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	stopped := make(chan struct{})
	defer close(stopped)
	wctx, endWatch := context.WithCancel(rctx)
	defer endWatch()
	wg.Go(func() { watch.Run(wctx) })
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-b.done:
		case <-stopped:
			return
		}
		close(b.halt)
		select { // a router that is closed while it starts its handlers loses track of them
		case <-b.router.Running():
		case <-stopped:
			return
		}
		if err := b.router.Close(); err != nil {
			b.log.Warn("draining the bus", telemetry.KeyErr, err)
		}
	})
	wg.Go(func() {
		select {
		case <-b.router.Running():
			close(b.running)
		case <-stopped:
		}
	})
	if err := b.router.Run(rctx); err != nil {
		return fmt.Errorf("running the consumers of %s: %w", b.cfg.Name, err)
	}
	return nil
}

// Running is closed when every consumer fetches.
func (b *Bus) Running() <-chan struct{} { return b.running }

// Close stops fetching, lets running handlers finish for Config.Drain, and waits
// for Run to return or ctx to end. Messages that were not handled go back to the
// stream. It may be called twice, and without Run.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.done)
	}
	started := b.started
	b.mu.Unlock()
	if !started {
		return b.pub.Close()
	}
	select {
	case <-b.finished:
		return b.pub.Close()
	case <-ctx.Done():
		return fmt.Errorf("draining the bus of %s: %w", b.cfg.Name, ctx.Err())
	}
}

// Dead gives access to the dead letters of all services.
func (b *Bus) Dead() *Dead { return NewDead(b.js) }

// Timers gives access to the timers.
func (b *Bus) Timers() *Timers { return NewTimers(b.js) }
