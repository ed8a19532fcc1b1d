// Package lifecycle starts services in order, keeps them running together and
// stops them in reverse.
//
// It knows nothing of what the services do, and imports only the standard library.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Service is a part of a process that starts, runs and stops.
type Service interface {
	// Start returns when the service can do its work for others. ctx bounds the
	// start only. A Start that fails has released what it took; Stop does not follow.
	Start(ctx context.Context) error
	// Run blocks until Stop was called or ctx is done, and returns nil then. It
	// is called once, after Start. Returning before either is a failure of the
	// service, whatever it returns, and stops all others.
	Run(ctx context.Context) error
	// Stop ends the work in order: nothing new is taken, what is under way is
	// finished, then everything is released. At the deadline of ctx it gives up
	// and returns. The context of Run is canceled once Stop has returned.
	Stop(ctx context.Context) error
}

// DefaultStopTimeout is how long one service may take to stop.
const DefaultStopTimeout = 30 * time.Second

// ErrEnded says that a service's Run returned although nobody stopped it.
var ErrEnded = errors.New("the service ended by itself")

// State of a Group:
//
//	New ──Run──► Starting ──all started──► Ready
//	                │                        │
//	                │ a start failed         │ ctx done, or a service
//	                │ or ctx done            │ failed or ended
//	                └────────► Stopping ◄────┘
//	                               │ stopped in reverse order
//	                               ▼
//	                            Stopped
type State int32

// The states of a Group.
const (
	New State = iota
	Starting
	Ready
	Stopping
	Stopped
)

// String gives the state's name in lower case.
func (s State) String() string {
	return [...]string{"new", "starting", "ready", "stopping", "stopped"}[s]
}

// Options of a Group.
type Options struct {
	Log         *slog.Logger  // nil discards
	StopTimeout time.Duration // for each service; 0 means DefaultStopTimeout
	// RedFor is how long the group stays up after it stopped being ready, so
	// that load balancers can see it; 0 stops at once.
	RedFor time.Duration
	// OnState is told of each change, in order, from the goroutine of Run; it
	// must not block. May be nil.
	OnState func(State)
}

// Group is an ordered list of services. Add before Run; the rest is safe for
// concurrent use.
type Group struct {
	opts    Options
	entries []*entry
	failed  chan error // the first failure of a Run

	mu    sync.Mutex
	state State
	ready chan struct{} // closed when Ready is reached
	red   chan struct{} // closed when Stopping is reached
}

// entry is one service and the goroutine of its Run.
type entry struct {
	name   string
	svc    Service
	cancel context.CancelFunc // ends Run's context
	done   chan struct{}      // closed when Run has returned
	asked  chan struct{}      // closed when Stop is about to be called
}

// NewGroup returns an empty group.
func NewGroup(o Options) *Group {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = DefaultStopTimeout
	}
	return &Group{opts: o, failed: make(chan error, 1), ready: make(chan struct{}), red: make(chan struct{})}
}

// Add appends a service: it starts after those before it and stops before them.
func (g *Group) Add(name string, s Service) {
	g.entries = append(g.entries, &entry{name: name, svc: s, done: make(chan struct{}), asked: make(chan struct{})})
}

// State returns the present state.
func (g *Group) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// Ready is closed when all services have started.
func (g *Group) Ready() <-chan struct{} { return g.ready }

// Stopping is closed when the group stops being ready for good, before the
// first service is stopped.
func (g *Group) Stopping() <-chan struct{} { return g.red }

func (g *Group) set(s State) {
	g.mu.Lock()
	g.state = s
	switch s {
	case Ready:
		close(g.ready)
	case Stopping:
		close(g.red)
	case New, Starting, Stopped:
	}
	g.mu.Unlock()
	if g.opts.OnState != nil {
		g.opts.OnState(s)
	}
}

// Run starts the services one after the other, waits until ctx is done or one
// of them fails, and stops all that had started, last first. It returns nil when
// ctx ended it and everything stopped in order; else what failed first, joined
// with what failed while stopping. A Group runs once.
func (g *Group) Run(ctx context.Context) error {
	g.set(Starting)
	started, err := g.start(ctx)
	wasReady := err == nil && ctx.Err() == nil
	if wasReady {
		g.set(Ready)
		select {
		case <-ctx.Done():
		case err = <-g.failed:
		}
	}
	g.set(Stopping)
	if wasReady && err == nil && g.opts.RedFor > 0 {
		t := time.NewTimer(g.opts.RedFor)
		select {
		case <-t.C:
		case err = <-g.failed:
			t.Stop()
		}
	}
	// ctx has ended or nobody waits for it; stopping needs time of its own.
	errs := []error{err}
	for i := started - 1; i >= 0; i-- {
		errs = append(errs, g.stop(context.WithoutCancel(ctx), g.entries[i]))
	}
	g.set(Stopped)
	return errors.Join(errs...)
}

// start returns how many services have started.
func (g *Group) start(ctx context.Context) (int, error) {
	for i, e := range g.entries {
		select {
		case <-ctx.Done():
			return i, nil
		case err := <-g.failed:
			return i, err
		default:
		}
		begin := time.Now()
		if err := g.startOne(ctx, e); err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return i, nil // told to stop while starting: no failure of the service
			}
			return i, err
		}
		g.opts.Log.Debug("started", "unit", e.name, "duration", time.Since(begin))
		runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		e.cancel = cancel
		go g.run(runCtx, e)
	}
	return len(g.entries), nil
}

// startOne starts one service, and gives up early when one that runs already fails.
func (g *Group) startOne(ctx context.Context, e *entry) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- e.svc.Start(ctx) }()
	select {
	case err := <-result:
		if err != nil {
			return fmt.Errorf("starting %s: %w", e.name, err)
		}
		return nil
	case failure := <-g.failed:
		cancel()
		if err := <-result; err == nil {
			stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), g.opts.StopTimeout)
			defer stop()
			return errors.Join(failure, e.svc.Stop(stopCtx))
		}
		return failure
	}
}

// run is the goroutine of one service; stop waits for it.
func (g *Group) run(ctx context.Context, e *entry) {
	defer close(e.done)
	err := e.svc.Run(ctx)
	select {
	case <-e.asked:
		if err == nil || errors.Is(err, context.Canceled) {
			return
		}
	default:
		if err == nil {
			err = ErrEnded
		}
	}
	err = fmt.Errorf("running %s: %w", e.name, err)
	g.opts.Log.Error("a service failed", "unit", e.name, "err", err)
	select {
	case g.failed <- err:
	default: // the first failure is what stops the group
	}
}

// stop stops one service and waits for its Run, within the time for one service.
func (g *Group) stop(ctx context.Context, e *entry) error {
	ctx, cancel := context.WithTimeout(ctx, g.opts.StopTimeout)
	defer cancel()
	begin := time.Now()
	close(e.asked)
	err := e.svc.Stop(ctx)
	e.cancel()
	select {
	case <-e.done:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("it still runs after %s", g.opts.StopTimeout))
	}
	g.opts.Log.Debug("stopped", "unit", e.name, "duration", time.Since(begin))
	if err != nil {
		return fmt.Errorf("stopping %s: %w", e.name, err)
	}
	return nil
}
