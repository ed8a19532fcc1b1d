package rpc_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// TestMove_LosesNoCall moves the only server and the client to other connections,
// again and again, under calls that are repeated once at most.
func TestMove_LosesNoCall(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	conn := natstest.Conn(t, srv)
	s, err := rpc.NewServer(conn, rpc.ServerConfig{Name: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop(s, patience) })
	handle(t, s, once, func(ctx context.Context, r text) (text, error) {
		select { // long enough to be under way during a move
		case <-ctx.Done():
		case <-time.After(2 * time.Millisecond):
		}
		return r, nil
	})
	calling := natstest.Conn(t, srv)
	c := rpc.NewClient(calling, rpc.ClientConfig{})
	var calls atomic.Int64
	var wg sync.WaitGroup
	ended := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				if r, err := rpc.Call(t.Context(), c, once, text{"x"}); err != nil || r.Text != "x" {
					t.Errorf("call: %v, %v", r, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := range int64(5) {
		for calls.Load() < 10*(n+1) && !t.Failed() { // too few would show nothing
			<-tick.C
		}
		next, nextCalling := natstest.Conn(t, srv), natstest.Conn(t, srv)
		left, err := s.Move(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		for _, leave := range []func(context.Context) error{left, c.Move(nextCalling)} {
			if err := leave(t.Context()); err != nil {
				t.Error(err)
			}
		}
		conn.Close() // nothing is under way there any more
		calling.Close()
		conn, calling = next, nextCalling
	}
	close(ended)
	wg.Wait()
	if err := rpc.Ping(t.Context(), c, "demo"); err != nil {
		t.Error(err)
	}
}

// TestMove_StoppedStaysStopped: who moves a server that has stopped starts nothing.
func TestMove_StoppedStaysStopped(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	handle(t, s, echo, echoes)
	if err := stop(s, patience); err != nil {
		t.Fatal(err)
	}
	nc := natstest.Conn(t, srv)
	leave, err := s.Move(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := leave(t.Context()); err != nil {
		t.Error(err)
	}
	c := rpc.NewClient(nc, rpc.ClientConfig{RideOut: -1})
	if _, err := rpc.Call(t.Context(), c, echo, text{"x"}); err == nil {
		t.Error("a stopped server answers")
	}
}

// TestClient_LostAnswer: a call whose connection dies with the server does not wait
// for its deadline.
func TestClient_LostAnswer(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	entered, leave := make(chan struct{}), make(chan struct{})
	defer close(leave)
	handle(t, s, once, func(_ context.Context, r text) (text, error) {
		close(entered)
		<-leave
		return r, nil
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := rpc.Call(ctx, c, once, text{"x"})
		result <- err
	}()
	<-entered
	srv.Shutdown()
	if err := <-result; !errors.Is(err, rpc.ErrDisconnected) {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it took %v", took)
	}
}

// TestStop_WaitsForWhatMoves: a server that is stopped while it still leaves the
// connection before answers what runs there too.
func TestStop_WaitsForWhatMoves(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	conn := natstest.Conn(t, srv)
	s, err := rpc.NewServer(conn, rpc.ServerConfig{Name: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	handle(t, s, once, func(ctx context.Context, r text) (text, error) {
		close(entered)
		select {
		case <-leave:
			return r, nil
		case <-ctx.Done():
			return r, ctx.Err()
		}
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{RideOut: -1})
	called, moved, stopped := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := rpc.Call(t.Context(), c, once, text{"x"})
		called <- err
	}()
	<-entered
	next := natstest.Conn(t, srv)
	left, err := s.Move(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	go func() { moved <- left(t.Context()) }()
	go func() { stopped <- stop(s, patience) }()
	select {
	case err := <-stopped:
		t.Errorf("it stopped (%v) before the call was answered", err)
		stopped <- err
	case <-time.After(300 * time.Millisecond): // as long as it takes to see that nothing runs on the new one
	}
	close(leave)
	for what, result := range map[string]chan error{"the call": called, "the move": moved, "the stop": stopped} {
		if err := <-result; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
