package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// useCalls names the connection of calls.
const useCalls = "rpc"

// moveWithin bounds the way to another server; a nats-server in lame duck mode keeps
// its clients for 10 s at least.
const moveWithin = 8 * time.Second

// Connected reports whether the connections that everything needs are up.
func (p *Platform) Connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls.IsConnected() && p.Events.IsConnected()
}

// leave leaves a nats-server that says that it is to stop (lame duck mode), before
// it does. Calls move to a second connection without losing one. On the other
// connections a request under way is cut and repeated by whoever made it: streams
// know their messages by id.
func (p *Platform) leave(use string, nc *nats.Conn) {
	log := p.Tel.Log.With("connection", use)
	if use != useCalls {
		if err := nc.ForceReconnect(); err != nil {
			log.Warn("a nats-server is to stop, and its connection cannot be moved", telemetry.KeyErr, err)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.moving {
		p.next = nc // heard when this move is done
		return
	}
	if p.closed || nc != p.calls {
		return
	}
	p.moving = true
	p.moves.Go(func() {
		switch err := p.moveCalls(nc); {
		case err == nil:
			log.Info("a nats-server is to stop, its calls have moved")
		case p.lasting.Err() == nil: // else it is we who stop
			log.Warn("a nats-server is to stop, and its calls were not moved in order", slog.Any(telemetry.KeyErr, err))
		}
	})
}

// moveCalls has servers and client use another connection than old, and closes old
// when nothing is under way there any more, which may be long after its server
// stopped: old finds another one, and the answers come there.
func (p *Platform) moveCalls(old *nats.Conn) error {
	leave, err := p.switchCalls(old)
	if leave == nil {
		return err
	}
	defer old.Close()
	left := make([]error, len(leave))
	var wg sync.WaitGroup
	for i, l := range leave {
		wg.Go(func() { left[i] = l(p.lasting) })
	}
	wg.Wait()
	if err := errors.Join(left...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.lasting, flushWithin)
	defer cancel()
	if err := old.FlushWithContext(ctx); err != nil && !old.IsClosed() {
		return fmt.Errorf("flushing the connection before: %w", err)
	}
	return nil
}

// switchCalls has what is new go over another connection, and gives what waits for
// the calls on old, which are the caller's now. When not all could be switched, it
// gives only the error: old stays.
func (p *Platform) switchCalls(old *nats.Conn) (leave []func(context.Context) error, err error) {
	defer func() {
		p.mu.Lock()
		next := p.next
		p.moving, p.next = false, nil
		p.mu.Unlock()
		if next != nil { // the server that was moved to is to stop as well
			p.leave(useCalls, next)
		}
	}()
	ctx, cancel := context.WithTimeout(p.lasting, moveWithin)
	defer cancel()
	nc, err := p.conn(ctx, useCalls) // the server that is to stop takes no new ones
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.calls = nc
	servers := slices.Clone(p.servers)
	p.mu.Unlock()
	var errs []error
	for _, s := range servers {
		l, err := s.Move(ctx, nc)
		leave, errs = append(leave, l), append(errs, err)
	}
	leave = append(leave, p.Client.Move(nc))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = slices.DeleteFunc(p.conns, func(l link) bool { return l.nc == old })
	p.again += reconnects(old)
	return leave, nil
}
