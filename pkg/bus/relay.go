package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Outbox is what the relay needs of a docstore.DB.
type Outbox interface {
	PendingOutbox(ctx context.Context, limit int) ([]docstore.Pending, error)
	ClearOutbox(ctx context.Context, collection, id string, ids []string) error
	OnCommit(hook func(collection, id string, pending []docstore.Message))
}

// RelayConfig of a Relay; zero values mean the defaults.
type RelayConfig struct {
	// Name is the service, for metrics, logs and dead letters.
	Name string
	// Tel is where it reports; nil reports nowhere.
	Tel *telemetry.Telemetry
	// Workers is how many documents are published at a time; 16 by default.
	Workers int
	// Sweep is how often the store is asked for what a crash, here or in another
	// process, left behind; 500 ms by default. It is found within two sweeps.
	Sweep time.Duration
	// MaxQueued bounds the documents that wait in memory for one stream; 4096 by
	// default. What comes on top waits in the store and is found by the sweep.
	MaxQueued int
	// Drain bounds how long Run publishes what is queued after its context has
	// ended; 2 s by default.
	Drain time.Duration
}

// publishWithin bounds one publish of the relay.
const publishWithin = 5 * time.Second

// Relay publishes the events that wait in documents (outbox):
//
//	commit ──► queued ──worker──► published ──► cleared
//	             ▲                   │ refused
//	             └───── parked ◄─────┘           sweep: what memory does not know
//
// Events of one document go out one after the other, oldest first; an event is
// cleared only after its PubAck. Event ids are message ids, so that several
// relays, and a relay after a crash, publish the same event twice without harm
// within the stream's duplicate window. While the stream is full or away the
// documents keep their events. It is safe for concurrent use.
type Relay struct {
	js     jetstream.JetStream
	db     Outbox
	cfg    RelayConfig
	log    *slog.Logger
	tracer oteltrace.Tracer
	m      *metrics
	dead   *deadWriter
	wake   chan struct{} // asks for a sweep at once

	mu       sync.Mutex
	work     sync.Cond // something was queued, or the workers are to end
	queue    []*waitingDoc
	docs     map[docKey]*waitingDoc
	rooms    map[string]int // documents by the root of their first event
	lanes    map[string]*lane
	backlog  int64     // events in docs
	overflow int64     // events that memory had no room for
	oldest   time.Time // of what waits, at the last sweep
	errs     []error   // of the set-up, told by Run
}

type docKey struct{ collection, id string }

// waitingDoc is a document with events to publish. The relay's mutex guards it; whoever
// set it running owns it until it is parked, queued or gone.
type waitingDoc struct {
	key     docKey
	root    string // of the subject of its first event
	state   docState
	probe   bool // may go through a closed lane, to see whether it is open
	msgs    []docstore.Message
	seen    map[string]bool // ids in msgs, and of the batch before
	waiters []flushWaiter
}

type docState int

const (
	stateQueued docState = iota
	stateRunning
	stateParked
)

// NewRelay returns a relay of db's outboxes and hooks it to the commits. Flush
// works at once; everything else happens in Run.
func NewRelay(js jetstream.JetStream, db Outbox, cfg RelayConfig) *Relay {
	if cfg.Tel == nil {
		cfg.Tel = telemetry.Nop()
	}
	if cfg.Workers <= 0 {
		cfg.Workers = 16
	}
	if cfg.Sweep <= 0 {
		cfg.Sweep = 500 * time.Millisecond
	}
	if cfg.MaxQueued <= 0 {
		cfg.MaxQueued = 4096
	}
	if cfg.Drain <= 0 {
		cfg.Drain = 2 * time.Second
	}
	r := &Relay{
		js: js, db: db, cfg: cfg, log: cfg.Tel.Log, tracer: cfg.Tel.Tracer(instrumentation), dead: &deadWriter{js: js},
		wake: make(chan struct{}, 1), docs: map[docKey]*waitingDoc{}, rooms: map[string]int{}, lanes: map[string]*lane{},
	}
	r.work.L = &r.mu
	var err error
	if r.m, err = newMetrics(cfg.Tel); err != nil {
		r.errs = append(r.errs, err)
	}
	if err := r.m.watchOutbox(r); err != nil {
		r.errs = append(r.errs, err)
	}
	db.OnCommit(func(collection, id string, pending []docstore.Message) {
		if !r.offer(docKey{collection, id}, pending, false) {
			r.mu.Lock()
			r.overflow++
			r.mu.Unlock()
		}
	})
	return r
}

// Run publishes until ctx ends, and then what is queued for at most Drain.
func (r *Relay) Run(ctx context.Context) error {
	if err := errors.Join(r.errs...); err != nil {
		return fmt.Errorf("setting up the relay of %s: %w", r.cfg.Name, err)
	}
	wctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for range r.cfg.Workers {
		wg.Go(func() { r.worker(wctx) })
	}
	defer context.AfterFunc(wctx, func() {
		r.mu.Lock()
		r.work.Broadcast()
		r.mu.Unlock()
	})()
	wg.Go(func() { r.sweepLoop(ctx) })
	<-ctx.Done()

	t := time.NewTimer(r.cfg.Drain)
	defer t.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.Queued() > 0 {
		select {
		case <-t.C:
			r.log.Warn("stopping with events unpublished; the next start publishes them", "events", r.Backlog())
			cancel()
			return nil
		case <-tick.C:
		}
	}
	cancel()
	return nil
}

// Backlog is how many events are known to wait: 0 when all is well. A service
// answers "unavailable" above a bound of its own.
func (r *Relay) Backlog() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.backlog + r.overflow
}

// Queued is how many documents wait in memory or are being published.
func (r *Relay) Queued() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.docs)
}

// offer takes the pending list of a document, oldest first. False says that there
// is no room in memory, which force ignores; the sweep comes back to it.
func (r *Relay) offer(k docKey, pending []docstore.Message, force bool) bool {
	if len(pending) == 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.docs[k]; d != nil {
		r.add(d, pending)
		return true
	}
	root := subjectRoot(pending[0].Subject)
	if r.rooms[root] >= r.cfg.MaxQueued && !force {
		return false
	}
	d := &waitingDoc{key: k, root: root, seen: make(map[string]bool, len(pending))}
	r.docs[k] = d
	r.rooms[root]++
	r.add(d, pending)
	r.enqueue(d)
	return true
}

func (r *Relay) add(d *waitingDoc, pending []docstore.Message) {
	for _, m := range pending {
		if !d.seen[m.ID] {
			d.seen[m.ID] = true
			d.msgs = append(d.msgs, m)
			r.backlog++
		}
	}
}

// enqueue makes d wait for a worker; the mutex is held.
func (r *Relay) enqueue(d *waitingDoc) {
	d.state = stateQueued
	r.queue = append(r.queue, d)
	r.work.Signal()
}

func (r *Relay) worker(ctx context.Context) {
	for {
		d := r.take(ctx)
		if d == nil {
			return
		}
		_ = r.publishDoc(ctx, d) // it has logged, and d waits again
	}
}

// take waits for a document to publish and sets it running; nil when ctx is over.
func (r *Relay) take(ctx context.Context) *waitingDoc {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ctx.Err() == nil {
		if len(r.queue) == 0 {
			r.work.Wait()
			continue
		}
		d := r.queue[0]
		r.queue[0] = nil
		r.queue = r.queue[1:]
		// Flush may have taken it in the meantime.
		if d.state == stateQueued && r.docs[d.key] == d && r.enter(d) {
			return d
		}
	}
	return nil
}

// publishDoc publishes the events of a document that the caller set running,
// until none is left or one is refused; then it is parked.
func (r *Relay) publishDoc(ctx context.Context, d *waitingDoc) error {
	for {
		r.mu.Lock()
		batch := d.msgs[:len(d.msgs):len(d.msgs)]
		if len(batch) == 0 {
			delete(r.docs, d.key)
			r.rooms[d.root]--
			more := r.rooms[d.root] == 0 && r.overflow > 0
			r.mu.Unlock()
			if more {
				r.sweepNow()
			}
			return nil
		}
		r.mu.Unlock()

		faultpoint.Hit("bus.relay.taken")
		n, err := r.publishAll(ctx, batch)
		if n > 0 {
			faultpoint.Hit("bus.relay.published")
			r.clear(ctx, d.key, batch[:n])
		}
		r.done(d, batch[:n])
		r.passed(batch, n)
		if err != nil {
			if ctx.Err() != nil {
				r.giveBack(d) // the caller gave up, the lane did not
			} else {
				r.park(d, batch[n].Subject, err)
			}
			return err
		}
	}
}

func (r *Relay) giveBack(d *waitingDoc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enqueue(d)
}

// publishAll publishes one after the other, since the order in a document's
// subject counts (a key-value entry keeps the last). It returns how many went out.
func (r *Relay) publishAll(ctx context.Context, msgs []docstore.Message) (int, error) {
	for i, m := range msgs {
		if err := r.publish(ctx, m); err != nil {
			return i, err
		}
	}
	return len(msgs), nil
}

func (r *Relay) publish(ctx context.Context, m docstore.Message) error {
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	h := maps.Clone(m.Header)
	if h == nil {
		h = map[string]string{}
	}
	ctx, span := startPublish(telemetry.Extract(ctx, h), r.tracer, m.Subject, m.ID)
	telemetry.Inject(ctx, h)
	// A connection that is away would take the message into its buffer and let us
	// wait for an answer; we have a better place to keep it.
	err := error(ErrUnavailable)
	if r.js.Conn().IsConnected() {
		err = publishOne(ctx, r.js, natsMsg(m.Subject, m.ID, h, m.Data))
	}
	r.m.published(ctx, m.Subject, err)
	endPublish(span, err)
	if !hopeless(err) {
		return err
	}
	// It could never go out and would block those behind it.
	r.log.ErrorContext(ctx, "outbox event cannot be published, it is a dead letter now",
		telemetry.KeyEventID, m.ID, telemetry.KeySubject, m.Subject, telemetry.KeyErr, err)
	header := make(map[string][]string, len(m.Header))
	for k, v := range m.Header {
		if legalHeader(k, v) {
			header[k] = []string{v}
		}
	}
	return r.dead.write(ctx, DeadLetter{
		Durable: OutboxDurable(r.cfg.Name), Subject: encodeValue(m.Subject), ID: m.ID, Code: fault.CodeOf(err), Reason: cutReason(err.Error()),
		Deliveries: 1, Stored: m.Time, Failed: time.Now().UTC(), Header: header, Data: m.Data,
	})
}

// clear removes published events from their document. When it fails, the sweep
// finds them again and the stream's duplicate window swallows them.
func (r *Relay) clear(ctx context.Context, k docKey, msgs []docstore.Message) {
	ids := make([]string, len(msgs))
	for i, m := range msgs {
		ids[i] = m.ID
	}
	// Published is published: also when we are being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWithin)
	defer cancel()
	if err := r.db.ClearOutbox(ctx, k.collection, k.id, ids); err != nil {
		r.log.Warn("clearing published events failed, they will be sent again", "collection", k.collection, "events", len(ids), telemetry.KeyErr, err)
	}
}

// done forgets published events and wakes those who wait for them.
func (r *Relay) done(d *waitingDoc, published []docstore.Message) {
	if len(published) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d.msgs = d.msgs[len(published):]
	r.backlog -= int64(len(published))
	// A hook that was overtaken may still name what was just published.
	d.seen = make(map[string]bool, len(published)+len(d.msgs))
	for _, m := range published {
		d.seen[m.ID] = true
	}
	waiting := d.waiters[:0]
	for _, w := range d.waiters {
		if d.seen[w.last] {
			close(w.done)
		} else {
			waiting = append(waiting, w)
		}
	}
	d.waiters = waiting
	for _, m := range d.msgs {
		d.seen[m.ID] = true
	}
}

func subjectRoot(s string) string {
	for i := range len(s) {
		if s[i] == '.' {
			return s[:i]
		}
	}
	return s
}
