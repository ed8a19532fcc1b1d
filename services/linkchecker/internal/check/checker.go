package check

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

const (
	// handSeconds is for how long a lane has work in hand, at its rate; what comes
	// beyond is given back until about its turn.
	handSeconds = 5
	minHand     = 16
	maxHand     = 200
	// patience is how long a task waits in a lane. Somebody else may have all of the
	// lane's permits, or the host may be slow.
	patience = 10 * time.Second
	// inQueue is how long a task is given back to the queue at most, which holds a
	// bounded number of those; for longer, its URL is due later.
	inQueue = 5 * time.Second
	// ailing is the wait when the store does not answer.
	ailing = 3 * time.Second
	// grace is how long requests may go on when the checker stops.
	grace = 2 * time.Second
)

// Ledger knows what is to be checked and takes what was found; *domain.Service is
// one.
type Ledger interface {
	// Open reports whether a task is still to be done.
	Open(ctx context.Context, t domain.Task) (bool, error)
	// Record writes what a check found.
	Record(ctx context.Context, r domain.Result) error
	// Postpone makes a task that is not done due at until.
	Postpone(ctx context.Context, t domain.Task, until time.Time) error
}

// Deps is what a Checker works with.
type Deps struct {
	Ledger Ledger
	Book   *hosts.Book
	Gate   *Gate
	Meter  *Meter
	Clock  func() time.Time
	Log    *slog.Logger
}

// Checker does checks. It is safe for concurrent use.
type Checker struct {
	d     Deps
	out   *outbound.Client
	slots chan struct{}   // requests under way, over all hosts
	ctx   context.Context //nolint:containedctx // the workers', who outlive deliveries
	end   context.CancelFunc

	mu      sync.Mutex
	lanes   map[string]*lane
	closing bool
	wg      sync.WaitGroup
}

// New makes a checker that makes atOnce requests at once at most. Where they may go
// is out's business, but for redirects, which are the checker's.
func New(d Deps, out outbound.Config, atOnce int) *Checker {
	c := &Checker{d: d, slots: make(chan struct{}, atOnce), lanes: map[string]*lane{}}
	c.ctx, c.end = context.WithCancel(context.Background())
	out.MaxRedirects, out.MaxBytes, out.Cookies, out.Cut, out.UserAgent = maxRedirects, maxBody, true, true, userAgent
	out.Redirect = redirected
	c.out = outbound.New(out)
	return c
}

// Handle does a task, and returns when what it found is recorded; it is a
// bus.Handler. A task that cannot be done now comes again later.
func (c *Checker) Handle(ctx context.Context, m *bus.Message) error {
	var t domain.Task
	if err := json.Unmarshal(m.Data, &t); err != nil {
		return fault.ErrInvalid.Msgf("it is no check").Because(err)
	}
	u, err := url.Parse(t.Address)
	if err != nil || u.Host == "" || t.URLID == "" {
		return fault.ErrInvalid.Msgf("it is no check of a URL").Because(err)
	}
	_, name := c.d.Book.Lane(u)
	if until, full := c.crowded(name); full {
		return c.later(ctx, t, until)
	}
	open, err := c.d.Ledger.Open(ctx, t)
	if err != nil || !open {
		return err
	}
	j := &job{url: u, batch: c.d.Book.BatchOf(u), from: trace.SpanContextFromContext(ctx), done: make(chan outcome, 1)}
	if until, full := c.put(name, j); full { //nolint:contextcheck // workers outlive deliveries
		return c.later(ctx, t, until)
	}
	o := c.await(ctx, name, j)
	switch {
	case o.err != nil:
		return o.err
	case !o.until.IsZero():
		return c.later(ctx, t, o.until)
	}
	r := domain.Result{
		URLID: t.URLID, At: o.at, Status: o.found.Status, Reason: o.found.Reason, HTTPStatus: o.found.HTTPStatus, Name: o.found.Name, Size: o.found.Size,
	}
	if o.found.RetryAfter > 0 && o.found.Status == linksv1.Unknown { // who answers wants no wait
		r.NotBefore = o.at.Add(time.Duration(o.found.RetryAfter) * time.Second)
	}
	faultpoint.Hit("linkchecker.check.answered")
	if err := c.d.Ledger.Record(ctx, r); err != nil {
		return fmt.Errorf("recording what a check found: %w", err)
	}
	return nil
}

// await waits for what becomes of a job.
func (c *Checker) await(ctx context.Context, name string, j *job) outcome {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case o := <-j.done:
			return o
		case <-timer.C:
			if until, taken := c.withdraw(name, j); taken {
				return outcome{until: until}
			}
		case <-ctx.Done():
			c.withdraw(name, j)
			return outcome{err: bus.Later(0)}
		}
	}
}

// later has a task come again.
func (c *Checker) later(ctx context.Context, t domain.Task, until time.Time) error {
	if wait := until.Sub(c.d.Clock()); wait <= inQueue {
		return bus.Later(wait)
	}
	if err := c.d.Ledger.Postpone(ctx, t, until); err != nil {
		return fmt.Errorf("postponing a check: %w", err)
	}
	return nil
}

// Close gives back what waits and lets requests end for a moment. It returns when
// no worker is left, or with ctx. The subscription should be closing already.
func (c *Checker) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	for _, l := range c.lanes {
		c.flush(l, func() outcome { return outcome{err: bus.Later(time.Second)} })
	}
	c.mu.Unlock()
	done := make(chan struct{})
	go func() { c.wg.Wait(); close(done) }()
	defer c.out.Close()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-done:
		c.end()
		return nil
	case <-t.C:
	case <-ctx.Done():
	}
	c.end()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("ending the checks: %w", ctx.Err())
	}
}
