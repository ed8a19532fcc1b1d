package rpc_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
)

func TestClient_NobodyThere(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{RideOut: time.Hour})
	began := time.Now()
	if _, err := rpc.Call(t.Context(), c, once, text{}); !errors.Is(err, rpc.ErrNoResponders) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("a call that may not be repeated took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := rpc.Call(ctx, c, echo, text{}); !errors.Is(err, rpc.ErrNoResponders) && fault.KindOf(err) != fault.Timeout {
		t.Errorf("up to its deadline: %v", err)
	}
	c = rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{RideOut: 100 * time.Millisecond})
	if _, err := rpc.Call(t.Context(), c, echo, text{}); !errors.Is(err, rpc.ErrNoResponders) {
		t.Errorf("up to the bound: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := rpc.Call(ctx, c, echo, text{}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("canceled: %v", err)
	}
}

func TestClient_RidesOutARestart(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var tries atomic.Int64
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{RideOut: 20 * time.Second})
	result := make(chan error, 1)
	go func() {
		_, err := rpc.Call(t.Context(), c, echo, text{"x"})
		result <- err
	}()
	s := newServer(t, srv, rpc.ServerConfig{})
	handle(t, s, echo, func(_ context.Context, r text) (text, error) {
		tries.Add(1)
		return r, nil
	})
	if err := <-result; err != nil {
		t.Errorf("the call: %v", err)
	}
	if n := tries.Load(); n != 1 {
		t.Errorf("it was carried out %d times", n)
	}
}

func TestClient_RepeatsRefusedCalls(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{Concurrency: 1, Queue: -1})
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	handle(t, s, echo, func(_ context.Context, r text) (text, error) {
		entered <- struct{}{}
		<-leave
		return r, nil
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{RideOut: 20 * time.Second})
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := rpc.Call(t.Context(), c, echo, text{})
			results <- err
		}()
	}
	<-entered
	close(leave)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestClient_NeverRepeatsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	var calls atomic.Int64
	own := fault.New(fault.Unavailable, "demo.away", "my database is away")
	handle(t, s, echo, func(context.Context, text) (text, error) {
		calls.Add(1)
		return text{}, own
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	if _, err := rpc.Call(t.Context(), c, echo, text{}); !errors.Is(err, own) {
		t.Errorf("%v", err)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("carried out %d times", n)
	}
}

func TestClient_BreakerIgnoresAnsweredFaults(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	kinds := make(chan fault.Kind, 1)
	handle(t, s, once, func(context.Context, text) (text, error) {
		return text{}, fault.New(<-kinds, "demo.fault", "a fault")
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{Trip: 2, Slow: time.Nanosecond})
	for range 3 {
		for _, k := range fault.Kinds() {
			kinds <- k
			if _, err := rpc.Call(t.Context(), c, once, text{}); fault.CodeOf(err) != "demo.fault" {
				t.Fatalf("%s: %v", k, err)
			}
		}
	}
}

func TestClient_BreakerPerService(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	hung := make(chan struct{})
	var silent atomic.Bool
	silent.Store(true)
	s := newServer(t, srv, rpc.ServerConfig{})
	handle(t, s, once, func(_ context.Context, r text) (text, error) {
		if silent.Load() {
			<-hung
		}
		return r, nil
	})
	defer close(hung)
	well := rpc.Method[text, text]{Subject: "well.v1.echo"}
	handle(t, newServer(t, srv, rpc.ServerConfig{Name: "well"}), well, echoes)

	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{Trip: 3, Slow: time.Nanosecond, Pause: time.Second})
	short := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := rpc.Call(ctx, c, once, text{})
		return err
	}
	for range 3 {
		if err := short(); fault.KindOf(err) != fault.Timeout {
			t.Fatalf("a silent service: %v", err)
		}
	}
	err := short()
	for n := 0; n < 10 && fault.KindOf(err) == fault.Timeout; n++ {
		err = short() // a busy machine slept through the pause: the call before was the one that tries
	}
	if !errors.Is(err, rpc.ErrBreakerOpen) || fault.From(err).RetryAfter <= 0 {
		t.Fatalf("after three silent calls: %v", err)
	}
	if _, err := rpc.Call(t.Context(), c, well, text{}); err != nil {
		t.Errorf("another service: %v", err)
	}
	silent.Store(false)
	// The pause ends, one call tries, the breaker closes; who comes before waits for it.
	if _, err := rpc.Call(t.Context(), c, once, text{}); err != nil {
		t.Errorf("while the breaker was open: %v", err)
	}
}

func TestClient_RateLimit(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	handle(t, newServer(t, srv, rpc.ServerConfig{}), once, echoes)
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{RateLimit: 0.001, Burst: 2})
	for range 2 {
		if _, err := rpc.Call(t.Context(), c, once, text{}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := rpc.Call(t.Context(), c, once, text{})
	if !errors.Is(err, rpc.ErrRateLimited) || fault.From(err).RetryAfter <= 0 {
		t.Errorf("the third call: %v", err)
	}
}

func TestClient_ClosedConnection(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	c := rpc.NewClient(nc, rpc.ClientConfig{})
	nc.Close()
	if _, err := rpc.Call(t.Context(), c, once, text{}); !errors.Is(err, rpc.ErrDisconnected) {
		t.Errorf("%v", err)
	}
	if err := rpc.Ping(t.Context(), c, "demo"); !errors.Is(err, rpc.ErrDisconnected) {
		t.Errorf("Ping: %v", err)
	}
	if err := rpc.Ping(t.Context(), c, ""); err == nil {
		t.Error("a service without a name was pinged")
	}
}

func TestClient_MalformedAnswers(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	bodies := []string{"", "nonsense", `{"text":1}`}
	answers := make(chan string, len(bodies))
	if _, err := nc.Subscribe(once.Subject, func(m *nats.Msg) { _ = m.Respond([]byte(<-answers)) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	for _, body := range bodies {
		answers <- body
		if _, err := rpc.Call(t.Context(), c, once, text{}); !errors.Is(err, rpc.ErrBadResponse) {
			t.Errorf("%q: %v", body, err)
		}
	}
	unencodable := rpc.Method[any, text]{Subject: once.Subject}
	if _, err := rpc.Call[any](t.Context(), c, unencodable, func() {}); fault.KindOf(err) != fault.Internal {
		t.Errorf("a request that JSON does not know: %v", err)
	}
}
