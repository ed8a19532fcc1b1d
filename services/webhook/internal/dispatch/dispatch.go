// Package dispatch carries deliveries out: it decides which one is attempted
// when, keeps the bounds per endpoint and overall, and finds what a crash or a
// lost timer left behind. It reaches the world only through the domain's ports.
package dispatch

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// Config of a Dispatcher; all fields are needed.
type Config struct {
	Concurrency int           // attempts at once
	PerEndpoint int           // of these, to one endpoint
	SwitchOff   time.Duration // an endpoint that only failed for so long is switched off
	Retention   time.Duration // of finished deliveries
	Sweep       time.Duration // between searches for due deliveries
}

// Deps is what a Dispatcher works with.
type Deps struct {
	Deliveries domain.Deliveries
	Endpoints  domain.Endpoints
	Targets    domain.Targets
	Sender     domain.Sender
	Timers     domain.Timers
	Clock      func() time.Time
	Tel        *telemetry.Telemetry
}

// lease is how long a claim holds without being extended: what a crash leaves
// behind is attempted again after it, at the next sweep.
const lease = 5 * time.Second

// Dispatcher attempts deliveries. The store is the queue: a delivery that finds
// no room stays there as it is, and its endpoint's lane fetches it when an
// attempt ends. Safe for concurrent use.
type Dispatcher struct {
	cfg Config
	d   Deps
	log *slog.Logger
	m   *metrics

	ctx    context.Context // of attempts; ends when Stop runs out of time
	cancel context.CancelFunc
	wake   chan struct{} // a lane may have room
	done   chan struct{} // closed by Stop
	wg     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	lanes    map[string]*lane
	inflight map[string]bool // ids of deliveries
	waiting  []string        // lanes with deliveries in the store, longest waiting first
	cursor   string          // where the next sweep goes on
}

// lane is an endpoint's share of the room.
type lane struct {
	running int
	waiting bool // the store holds due deliveries that found no room
	marks   int  // grows with each delivery that found none
	failing bool // the last attempt failed: one at a time from now on
}

// New makes a Dispatcher. Run must be called for what waits to be attempted.
func New(cfg Config, d Deps) (*Dispatcher, error) {
	m, err := newMetrics(d.Tel)
	if err != nil {
		return nil, fmt.Errorf("making the metrics of deliveries: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	x := &Dispatcher{
		cfg: cfg, d: d, log: d.Tel.Log, m: m, ctx: ctx, cancel: cancel,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		lanes: map[string]*lane{}, inflight: map[string]bool{},
	}
	if err := m.watch(d.Tel, x.load); err != nil {
		cancel()
		return nil, fmt.Errorf("making the metrics of deliveries: %w", err)
	}
	return x, nil
}

// load gives the attempts under way, and the endpoints whose deliveries wait for room.
func (x *Dispatcher) load() (running, waiting int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.inflight), len(x.waiting)
}

// Run searches the store, at once and then every Config.Sweep, serves the lanes
// that wait and cuts the log, until Stop is called or ctx ends.
func (x *Dispatcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { x.serveLanes(ctx) })
	wg.Go(func() { x.sweeps(ctx) })
	wg.Go(func() { x.expiry(ctx) })
	select {
	case <-x.done:
	case <-ctx.Done():
	}
	cancel()
	wg.Wait()
	return nil
}

// drainFor is how long Stop lets attempts finish. A receiver that is cut off gets
// its delivery again.
const drainFor = 5 * time.Second

// Stop begins no more attempts and lets those that run finish for a few seconds.
// Then, or when ctx ends, they are cut off and given back to the other copies.
func (x *Dispatcher) Stop(ctx context.Context) error {
	x.mu.Lock()
	if !x.closed {
		x.closed = true
		close(x.done)
	}
	x.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		x.wg.Wait()
		close(idle)
	}()
	defer x.cancel()
	drain, done := context.WithTimeout(ctx, drainFor)
	defer done()
	select {
	case <-idle:
		return nil
	case <-drain.Done():
	}
	x.cancel()
	<-idle // the attempts end with their context
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("waiting for webhook attempts: %w", err)
	}
	return nil
}

// Offer attempts a due delivery that is in the store, now if there is room.
func (x *Dispatcher) Offer(d domain.Delivery) { x.offer(d, trace.SpanContext{}) }

// offer is Offer with what brought it about, if that is known.
func (x *Dispatcher) offer(d domain.Delivery, cause trace.SpanContext) {
	if !d.Due(x.d.Clock()) {
		return
	}
	if !x.reserve(d.EndpointID, d.ID, true) {
		x.mark(d.EndpointID, d.ID)
		return
	}
	x.start(d, rand.Text(), false, cause)
}

// Wake is Offer for what a timer knows. An unknown id is no error: the log may
// have been cut.
func (x *Dispatcher) Wake(ctx context.Context, id string) error {
	d, err := x.d.Deliveries.Get(ctx, id)
	if isNoDocument(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading delivery %s: %w", id, err)
	}
	x.offer(d, trace.SpanContextFromContext(ctx)) //nolint:contextcheck // an attempt lives as long as the dispatcher, not as its starter
	return nil
}

// start runs an attempt that has room. Its caller has reserved.
func (x *Dispatcher) start(d domain.Delivery, token string, claimed bool, cause trace.SpanContext) {
	go func() {
		defer x.wg.Done()
		result := x.attempt(d, token, claimed, cause)
		x.release(d.EndpointID, d.ID, result)
	}()
}

// reserve takes room for a delivery. Those that come new do not overtake what
// waits in their lane.
func (x *Dispatcher) reserve(endpoint, id string, fresh bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || x.inflight[id] || len(x.inflight) >= x.cfg.Concurrency {
		return false
	}
	l := x.lanes[endpoint]
	if l == nil {
		l = &lane{}
		x.lanes[endpoint] = l
	}
	if l.running >= x.limit(l) || fresh && l.waiting {
		return false
	}
	l.running++
	x.inflight[id] = true
	x.wg.Add(1)
	return true
}

// unreserve gives room back that no attempt used.
func (x *Dispatcher) unreserve(endpoint, id string) {
	x.release(endpoint, id, skipped)
	x.wg.Done()
}

func (x *Dispatcher) limit(l *lane) int {
	if l.failing {
		return 1
	}
	return x.cfg.PerEndpoint
}

// result is what an attempt means for its lane.
type result int

const (
	skipped   result = iota // nothing was sent
	succeeded               // 2xx
	failed
)

func (x *Dispatcher) release(endpoint, id string, r result) {
	x.mu.Lock()
	l := x.lanes[endpoint]
	l.running--
	delete(x.inflight, id)
	if r != skipped {
		l.failing = r == failed
	}
	if l.running == 0 && !l.waiting && !l.failing {
		delete(x.lanes, endpoint)
	}
	more := len(x.waiting) > 0
	x.mu.Unlock()
	if more {
		x.poke()
	}
}

// mark notes that a delivery in the store found no room.
func (x *Dispatcher) mark(endpoint, id string) {
	x.mu.Lock()
	if x.closed || x.inflight[id] {
		x.mu.Unlock()
		return
	}
	l := x.lanes[endpoint]
	if l == nil {
		l = &lane{}
		x.lanes[endpoint] = l
	}
	l.marks++
	if !l.waiting {
		l.waiting = true
		x.waiting = append(x.waiting, endpoint)
	}
	x.mu.Unlock()
	x.poke()
}

func (x *Dispatcher) poke() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// storePause is the wait after an error of the store.
const storePause = time.Second

// serveLanes fetches what waits in the store when there is room for it.
func (x *Dispatcher) serveLanes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.wake:
		}
		for endpoint, marks := x.nextLane(); endpoint != ""; endpoint, marks = x.nextLane() {
			if err := x.serveLane(ctx, endpoint, marks); err != nil {
				if ctx.Err() != nil {
					return
				}
				x.log.Warn("reading due deliveries failed, will be repeated", slog.String("endpoint", endpoint), slog.Any(telemetry.KeyErr, err))
				if !pause(ctx, storePause) {
					return
				}
			}
		}
	}
}

// nextLane gives the longest waiting lane that has room, and puts it last.
func (x *Dispatcher) nextLane() (endpoint string, marks int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || len(x.inflight) >= x.cfg.Concurrency {
		return "", 0
	}
	for i, id := range x.waiting {
		l := x.lanes[id]
		if l.running < x.limit(l) {
			x.waiting = append(append(x.waiting[:i:i], x.waiting[i+1:]...), id)
			return id, l.marks
		}
	}
	return "", 0
}

// serveLane starts what fits of a lane. When there is nothing left to start, and
// nothing was marked since marks was read, the lane waits no more.
func (x *Dispatcher) serveLane(ctx context.Context, endpoint string, marks int) error {
	due, err := x.d.Deliveries.DueFor(ctx, endpoint, x.d.Clock(), 2*x.cfg.PerEndpoint)
	if err != nil {
		return err
	}
	left := false
	for _, d := range due {
		switch {
		case x.reserve(endpoint, d.ID, false):
			x.start(d, rand.Text(), false, trace.SpanContext{}) //nolint:contextcheck // an attempt lives as long as the dispatcher, not as its starter
			left = true
		case !x.runs(d.ID):
			left = true
		}
	}
	if left {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.lanes[endpoint]
	if l == nil || l.marks != marks {
		return nil
	}
	l.waiting = false
	for i, id := range x.waiting {
		if id == endpoint {
			x.waiting = append(x.waiting[:i:i], x.waiting[i+1:]...)
			break
		}
	}
	if l.running == 0 && !l.failing {
		delete(x.lanes, endpoint)
	}
	return nil
}

func (x *Dispatcher) runs(id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.inflight[id]
}

// pause waits; false means that ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
