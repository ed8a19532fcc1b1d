package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// settle is how often a connection that is being left is looked at.
const settle = 5 * time.Millisecond

// lostAfter is how long a call that was under way when its connection broke still
// waits for its answer: it comes over the next connection, unless it was lost.
const lostAfter = 2 * time.Second

// errLost ends such a call.
var errLost = errors.New("the connection broke, and no answer came over the next one")

// line is a connection of a Client, with how many calls on it wait for answers.
type line struct {
	nc     *nats.Conn
	active atomic.Int64

	mu    sync.Mutex
	epoch context.Context // ends lostAfter the connection broke that it is about
	end   context.CancelFunc
}

// newLine makes a line, which watches its connection until that is closed.
func newLine(nc *nats.Conn) *line {
	l := &line{nc: nc}
	l.epoch, l.end = context.WithCancel(context.Background())
	changes := nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	if nc.IsClosed() {
		l.end()
		return l
	}
	go func() {
		for status := range changes {
			end := l.next()
			if status == nats.CLOSED {
				end()
				return
			}
			time.AfterFunc(lostAfter, end)
		}
	}()
	return l
}

// next begins another epoch and gives what ends the one before.
func (l *line) next() context.CancelFunc {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := l.end
	l.epoch, l.end = context.WithCancel(context.Background())
	return end
}

// request sends msg and waits for the answer, but not for one that was lost.
func (l *line) request(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
	l.mu.Lock()
	epoch := l.epoch
	l.mu.Unlock()
	cut, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(epoch, func() { cancel(errLost) })() //nolint:contextcheck // the connection's, beside the caller's
	answer, err := l.nc.RequestMsgWithContext(cut, msg)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(cut), errLost) {
		return nil, errLost
	}
	return answer, err
}

func (l *line) leave() { l.active.Add(-1) }

// take gives the connection of now; the caller leaves it when it has its answer.
func (c *Client) take() *line {
	for {
		l := c.cur.Load()
		l.active.Add(1)
		if c.cur.Load() == l {
			return l
		}
		l.leave() // moved meanwhile: whoever moves may have seen it without us
	}
}

// Move has all further calls go over nc. What it gives waits until those on the
// connection before are answered, or gives ctx's error when it ends first. The
// caller keeps both connections, and may close the one before afterwards.
func (c *Client) Move(nc *nats.Conn) (leave func(ctx context.Context) error) {
	old := c.cur.Swap(newLine(nc))
	return func(ctx context.Context) error {
		tick := time.NewTicker(settle)
		defer tick.Stop()
		for old.active.Load() > 0 {
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for answers on the connection before: %w", ctx.Err())
			case <-tick.C:
			}
		}
		return nil
	}
}

// post is where a Server can be called: a connection and what came over it.
type post struct {
	nc      *nats.Conn
	svc     micro.Service
	log     *slog.Logger
	arrived atomic.Int64 // messages ever taken from the subscriptions
	running atomic.Int64 // of these, not answered yet
}

// Move serves over nc as well. What it gives leaves the connection before, as Stop
// does: no call finds nobody, and none is lost. A Move that fails leaves the Server
// serving where it did. Stop waits for all connections that were not left yet. The
// caller keeps both, and moves to one after the other.
func (s *Server) Move(ctx context.Context, nc *nats.Conn) (leave func(ctx context.Context) error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, next := s.at, &post{nc: nc, log: s.cfg.Tel.Log}
	if s.stopped {
		return func(context.Context) error { return nil }, nil
	}
	if err := s.serveAt(ctx, next); err != nil {
		if next.svc != nil { // something may have been taken there
			s.leaving = append(s.leaving, next)
		}
		return nil, fmt.Errorf("moving service %s: %w", s.cfg.Name, err)
	}
	s.at = next
	if old.svc == nil {
		return func(context.Context) error { return nil }, nil
	}
	s.leaving = append(s.leaving, old)
	return func(ctx context.Context) error { return s.leave(ctx, old) }, nil
}

// leave leaves p for good.
func (s *Server) leave(ctx context.Context, p *post) error {
	if err := p.leave(ctx); err != nil {
		return fmt.Errorf("moving service %s: %w", s.cfg.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = slices.DeleteFunc(s.leaving, func(l *post) bool { return l == p })
	return nil
}

// serveAt registers every endpoint at p; s.mu is held.
func (s *Server) serveAt(ctx context.Context, p *post) error {
	if s.at.svc == nil {
		return nil // nothing is served yet
	}
	if err := s.register(p); err != nil {
		return err
	}
	for _, e := range s.endpoints {
		if err := p.add(e); err != nil { //nolint:contextcheck // calls have contexts of their own
			return errors.Join(err, p.svc.Stop())
		}
	}
	if err := p.flush(ctx); err != nil {
		return errors.Join(fmt.Errorf("announcing service %s: %w", s.cfg.Name, err), p.svc.Stop())
	}
	return nil
}

// add has e called at p.
func (p *post) add(e *served) error {
	h := micro.HandlerFunc(func(r micro.Request) { e.take(p, r) })
	if err := p.svc.AddEndpoint(endpointName(e.subject), h, micro.WithEndpointSubject(e.subject)); err != nil {
		return fmt.Errorf("serving %s: %w", e.subject, err)
	}
	return nil
}

// leave takes no more calls at p and returns when all that arrived are answered.
func (p *post) leave(ctx context.Context) error {
	if err := p.svc.Stop(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("unsubscribing: %w", err)
	}
	// After the round trip, all that NATS ever routed to this copy is in the
	// subscriptions' queues, which drain without blocking.
	if err := p.flush(ctx); err != nil && !p.nc.IsClosed() {
		return fmt.Errorf("draining: %w", err)
	}
	if err := p.quiet(ctx); err != nil {
		return fmt.Errorf("waiting for calls: %w", err)
	}
	if p.nc.IsClosed() {
		return nil
	}
	if err := p.flush(ctx); err != nil {
		return fmt.Errorf("sending the last answers: %w", err)
	}
	return nil
}

// flush is a round trip to NATS, which insists on a deadline.
func (p *post) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	return p.nc.FlushWithContext(ctx)
}

// quiet waits until nothing runs and nothing has arrived for a few rounds: the
// client library tells nobody when a subscription's queue is empty.
func (p *post) quiet(ctx context.Context) error {
	const rounds = 4
	tick := time.NewTicker(settle)
	defer tick.Stop()
	seen := p.arrived.Load()
	for n := 0; n < rounds; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		n++
		if now := p.arrived.Load(); now != seen || p.running.Load() > 0 {
			seen, n = now, 0
		}
	}
	return nil
}

// answer sends what a call came to.
func (p *post) answer(reply string, data []byte, f *fault.Error) {
	msg := &nats.Msg{Subject: reply, Data: data}
	if f != nil {
		msg.Data, msg.Header = nil, faultHeader(f)
	}
	err := p.nc.PublishMsg(msg)
	if errors.Is(err, nats.ErrMaxPayload) {
		msg.Data, msg.Header = nil, faultHeader(ErrResponseTooLarge)
		err = p.nc.PublishMsg(msg)
		p.log.Error("rpc answer is over the message limit", slog.Int(telemetry.KeyBytes, len(data)))
	}
	if err != nil {
		p.log.Warn("rpc answer not sent", slog.Any(telemetry.KeyErr, err))
	}
}
