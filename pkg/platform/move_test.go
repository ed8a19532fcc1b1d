package platform_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

// lines are the connections that a platform dialed, and how they hear that their
// nats-server is to stop.
type lines struct {
	dial platform.Dial
	soon int // the connection of this number hears it before it is used

	mu    sync.Mutex
	calls []*nats.Conn
	lame  []func()
}

// Dial is a platform.Dial that remembers the connections for calls.
func (l *lines) Dial(opts ...nats.Option) (*nats.Conn, error) {
	nc, err := l.dial(opts...)
	if err != nil {
		return nil, err
	}
	o := nats.GetDefaultOptions()
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if o.Name == "sluice-test-rpc" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.calls = append(l.calls, nc)
		l.lame = append(l.lame, func() { o.LameDuckModeHandler(nc) })
		if l.soon > 0 && len(l.calls) == l.soon+1 {
			o.LameDuckModeHandler(nc)
		}
	}
	return nc, nil
}

// at gives the i-th connection for calls, and what tells it that its server stops;
// nil while there is none.
func (l *lines) at(i int) (*nats.Conn, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i >= len(l.calls) {
		return nil, nil
	}
	return l.calls[i], l.lame[i]
}

// until waits for something that is to become true.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	over, tick := time.After(20*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatal(what)
		}
	}
}

// TestMove_OneSlowCallHoldsNothingUp: while a call takes its time on the connection
// that is left, everything else goes over the next ones, and its answer still comes.
func TestMove_OneSlowCallHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s, dial := dialed(t)
	l, rec := &lines{dial: dial}, telemetrytest.New(t, "test")
	p, err := platform.Open(t.Context(), s, platform.Options{Service: "test", Tel: rec.Telemetry, Declare: true, Dial: l.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	srv, err := p.NewServer("demo")
	if err != nil {
		t.Fatal(err)
	}
	slow := rpc.Method[string, string]{Subject: "demo.v1.slow", Timeout: time.Minute}
	quick := rpc.Method[string, string]{Subject: "demo.v1.quick"}
	entered, leave := make(chan struct{}), make(chan struct{})
	if err := rpc.Handle(srv, slow, func(_ context.Context, r string) (string, error) {
		close(entered)
		<-leave
		return r, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := rpc.Handle(srv, quick, func(_ context.Context, r string) (string, error) { return r, nil }); err != nil {
		t.Fatal(err)
	}
	first, lame := l.at(0)
	if err := first.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	until(t, "the connection does not come back", func() bool { return first.IsConnected() && first.Stats().Reconnects == 1 })
	result := make(chan error, 1)
	go func() {
		_, err := rpc.Call(t.Context(), p.Client, slow, "x")
		result <- err
	}()
	<-entered
	for i := 1; i <= 2; i++ { // twice, the slow call still on the first one
		lame() // said once, be it while the move before is about to end
		until(t, "there is no next connection", func() bool {
			_, lame = l.at(i)
			return lame != nil
		})
		next, _ := l.at(i)
		until(t, "calls do not go over it", func() bool {
			before := next.Stats().OutMsgs
			if _, err := rpc.Call(t.Context(), p.Client, quick, "x"); err != nil {
				t.Fatal(err)
			}
			return next.Stats().OutMsgs >= before+2 // the call and its answer
		})
	}
	second, _ := l.at(1)
	until(t, "a connection without calls is not closed", second.IsClosed)
	if n, _ := rec.Sum(t, "sluice_nats_connected", map[string]string{"sluice_connection": "rpc"}); n != 1 || first.IsClosed() {
		t.Errorf("%v connections for calls; the one with a call is closed: %v", n, first.IsClosed())
	}
	if n, _ := rec.Sum(t, "sluice_nats_reconnects_total", map[string]string{"sluice_connection": "rpc"}); n != 1 {
		t.Errorf("%v reconnects after the connection that had one was left", n)
	}
	close(leave)
	if err := <-result; err != nil {
		t.Error(err)
	}
	until(t, "the connection that was left is not closed", first.IsClosed)
	if err := srv.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMove_TheNextServerStopsToo: a server that is moved to says during the move
// that it stops as well, and once only.
func TestMove_TheNextServerStopsToo(t *testing.T) {
	t.Parallel()
	s, dial := dialed(t)
	l := &lines{dial: dial, soon: 1}
	open(t, s, platform.Options{Service: "test", Dial: l.Dial})
	_, lame := l.at(0)
	lame()
	until(t, "calls stay where they cannot", func() bool { nc, _ := l.at(2); return nc != nil })
	for i := range 2 {
		left, _ := l.at(i)
		until(t, "a connection that was left is not closed", left.IsClosed)
	}
}

// TestMove_CloseDoesNotWait: a platform that is closed waits for no call, nor for a
// server that cannot be found.
func TestMove_CloseDoesNotWait(t *testing.T) {
	t.Parallel()
	s, dial := dialed(t)
	var gone atomic.Bool
	var tries atomic.Int64
	l := &lines{dial: func(opts ...nats.Option) (*nats.Conn, error) {
		if gone.Load() {
			tries.Add(1)
			return nil, nats.ErrNoServers
		}
		return dial(opts...)
	}}
	p := open(t, s, platform.Options{Dial: l.Dial})
	gone.Store(true)
	_, lame := l.at(0)
	lame()
	until(t, "it looks for no other server", func() bool { return tries.Load() > 0 })
	before := tries.Load()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := tries.Load() - before; n > 20 { // a move makes eighty before it gives up
		t.Errorf("closing waited for %d more tries", n)
	}
}
