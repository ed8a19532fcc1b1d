package rpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

type text struct {
	Text string `json:"text"`
}

var (
	echo = rpc.Method[text, text]{Subject: "demo.v1.echo", Idempotent: true}
	once = rpc.Method[text, text]{Subject: "demo.v1.once"}
)

func echoes(_ context.Context, r text) (text, error) { return r, nil }

func newServer(t *testing.T, srv *natsd.Server, cfg rpc.ServerConfig) *rpc.Server {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "demo"
	}
	s, err := rpc.NewServer(natstest.Conn(t, srv), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop(s, 2*time.Second) }) // not for long: its nats-server may be gone
	return s
}

// patience bounds what takes a moment; a busy machine's are long.
const patience = 30 * time.Second

func stop(s *rpc.Server, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return s.Stop(ctx)
}

func handle[Req, Resp any](t *testing.T, s *rpc.Server, m rpc.Method[Req, Resp], h func(context.Context, Req) (Resp, error), mw ...endpoint.Middleware) {
	t.Helper()
	if err := rpc.Handle(s, m, h, mw...); err != nil {
		t.Fatal(err)
	}
}

func TestServer_FullEndpointRefusesAtOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{Concurrency: 1, Queue: 1})
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	handle(t, s, once, func(_ context.Context, r text) (text, error) {
		entered <- struct{}{}
		<-leave
		return r, nil
	})
	handle(t, s, echo, echoes)
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})

	results := make(chan error, 8)
	call := func() {
		_, err := rpc.Call(t.Context(), c, once, text{"x"})
		results <- err
	}
	go call()
	<-entered
	for range 3 { // one of them waits, two are refused
		go call()
	}
	for range 2 {
		err := <-results
		if !errors.Is(err, rpc.ErrOverloaded) || fault.From(err).RetryAfter <= 0 {
			t.Errorf("a call over the bound got %v, repeat after %v", err, fault.From(err).RetryAfter)
		}
	}
	if _, err := rpc.Call(t.Context(), c, echo, text{}); err != nil {
		t.Errorf("the neighbour endpoint: %v", err)
	}
	close(leave)
	for range 2 {
		if err := <-results; err != nil {
			t.Errorf("a call that had room: %v", err)
		}
	}
}

func TestServer_CopiesShareTheWork(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var served [2]atomic.Int64
	for i := range served {
		handle(t, newServer(t, srv, rpc.ServerConfig{}), echo, func(_ context.Context, r text) (text, error) {
			served[i].Add(1)
			return r, nil
		})
	}
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	for range 200 {
		if _, err := rpc.Call(t.Context(), c, echo, text{}); err != nil {
			t.Fatal(err)
		}
	}
	a, b := served[0].Load(), served[1].Load()
	if a+b != 200 || a == 0 || b == 0 {
		t.Errorf("the copies served %d and %d of 200", a, b)
	}
}

func TestServer_StopFinishesWhatArrived(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	entered, leave := make(chan struct{}), make(chan struct{})
	handle(t, s, once, func(_ context.Context, r text) (text, error) {
		close(entered)
		<-leave
		return r, nil
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	result := make(chan error, 1)
	go func() {
		_, err := rpc.Call(t.Context(), c, once, text{})
		result <- err
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop(s, patience) }()
	for !errors.Is(rpc.Ping(t.Context(), c, "demo"), rpc.ErrNoResponders) { // gone from NATS
		if t.Context().Err() != nil {
			t.Fatal("the service never went away")
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("Stop returned (%v) while a call ran", err)
	default:
	}
	close(leave)
	if err := <-result; err != nil {
		t.Errorf("the call that ran: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := rpc.Handle(s, echo, echoes); err == nil {
		t.Error("a stopped server took another endpoint")
	}
}

func TestServer_StopWithoutDeadline(t *testing.T) {
	t.Parallel()
	s := newServer(t, natstest.Start(t), rpc.ServerConfig{})
	handle(t, s, echo, echoes)
	for range 2 {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestServer_StopUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	handle(t, s, once, echoes)
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	var wg sync.WaitGroup
	var ok atomic.Int64
	for range 16 {
		wg.Go(func() {
			for {
				_, err := rpc.Call(t.Context(), c, once, text{})
				if err == nil {
					ok.Add(1)
					continue
				}
				if !errors.Is(err, rpc.ErrNoResponders) {
					t.Errorf("a call got %v", err)
				}
				return
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ok.Load() < 500 && !t.Failed() {
		<-tick.C
	}
	if err := stop(s, patience); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func TestServer_StopOutOfTimeCancelsHandlers(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	entered, ended := make(chan struct{}), make(chan error, 1)
	handle(t, s, once, func(ctx context.Context, r text) (text, error) {
		close(entered)
		<-ctx.Done()
		ended <- ctx.Err()
		return r, ctx.Err()
	})
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	result := make(chan error, 1)
	go func() {
		_, err := rpc.Call(t.Context(), c, once, text{})
		result <- err
	}()
	<-entered
	if err := stop(s, 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop: %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context: %v", err)
	}
	if err := <-result; fault.KindOf(err) != fault.Canceled {
		t.Errorf("the caller: %v", err)
	}
}

func TestServer_ShowsUpInMicro(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{Version: "3f2c-dirty", Description: "a demo"})
	nc := natstest.Conn(t, srv)
	c := rpc.NewClient(nc, rpc.ClientConfig{})
	if err := rpc.Ping(t.Context(), c, "demo"); !errors.Is(err, rpc.ErrNoResponders) {
		t.Errorf("before the first endpoint, Ping: %v", err)
	}
	handle(t, s, echo, echoes)
	handle(t, s, once, func(context.Context, text) (text, error) { return text{}, fault.ErrInvalid })
	if err := rpc.Ping(t.Context(), c, "demo"); err != nil {
		t.Errorf("Ping: %v", err)
	}
	for range 3 {
		_, _ = rpc.Call(t.Context(), c, echo, text{})
		_, _ = rpc.Call(t.Context(), c, once, text{})
	}
	var info micro.Info
	request(t, nc, "$SRV.INFO.demo", &info)
	if info.Version != "0.0.0+3f2c-dirty" || info.Description != "a demo" || len(info.Endpoints) != 2 || info.Endpoints[0].Subject != echo.Subject {
		t.Errorf("INFO: %+v", info)
	}
	var stats micro.Stats
	request(t, nc, "$SRV.STATS.demo", &stats)
	for _, e := range stats.Endpoints {
		var st rpc.EndpointStats
		if err := json.Unmarshal(e.Data, &st); err != nil {
			t.Fatal(err)
		}
		wantErrors, wantCode := int64(0), ""
		if e.Subject == once.Subject {
			wantErrors, wantCode = 3, fault.ErrInvalid.Code
		}
		if st.Requests != 3 || st.Errors != wantErrors || st.LastErrorCode != wantCode || st.Average <= 0 || st.Capacity != rpc.DefaultConcurrency {
			t.Errorf("STATS of %s: %+v", e.Name, st)
		}
	}
}

func request(t *testing.T, nc *nats.Conn, subject string, into any) {
	t.Helper()
	m, err := nc.RequestWithContext(t.Context(), subject, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m.Data, into); err != nil {
		t.Fatal(err)
	}
}

func TestServer_MalformedRequests(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	var calls atomic.Int64
	handle(t, s, echo, func(_ context.Context, r text) (text, error) {
		calls.Add(1)
		return r, nil
	})
	nc := natstest.Conn(t, srv)
	for _, body := range []string{"", "{", `{"text":1}`, `[]`, `{"text":"a"} {`, "\x00\xff", strings.Repeat("[", 20000)} {
		m, err := nc.RequestWithContext(t.Context(), echo.Subject, []byte(body))
		if err != nil {
			t.Fatalf("%.20q: %v", body, err)
		}
		if got := m.Header[micro.ErrorCodeHeader]; len(got) != 1 || got[0] != rpc.ErrBadRequest.Code {
			t.Errorf("%.20q was answered with %v", body, m.Header)
		}
	}
	if err := nc.Publish(echo.Subject, []byte(`{}`)); err != nil { // nobody waits for an answer
		t.Fatal(err)
	}
	if _, err := nc.RequestWithContext(t.Context(), echo.Subject, []byte(`{"text":"a","new":1}`)); err != nil {
		t.Fatal(err)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("the handler ran %d times", n)
	}
}

func TestServer_TooLarge(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := newServer(t, srv, rpc.ServerConfig{})
	handle(t, s, echo, func(context.Context, text) (text, error) { return text{strings.Repeat("x", 2<<20)}, nil })
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	if _, err := rpc.Call(t.Context(), c, echo, text{strings.Repeat("x", 2<<20)}); !errors.Is(err, rpc.ErrRequestTooLarge) {
		t.Errorf("a request of 2 MiB: %v", err)
	}
	if _, err := rpc.Call(t.Context(), c, echo, text{}); !errors.Is(err, rpc.ErrResponseTooLarge) {
		t.Errorf("an answer of 2 MiB: %v", err)
	}
}

func TestServer_LogsUnknownErrorsOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var out lockedBuffer
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "demo", LogOutput: &out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	s := newServer(t, srv, rpc.ServerConfig{Tel: tel})
	handle(t, s, echo, func(context.Context, text) (text, error) { return text{}, errors.New("disk is on fire") })
	handle(t, s, once, func(context.Context, text) (text, error) { return text{}, fault.ErrInvalid })
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{Tel: tel})
	ctx := telemetry.WithRequestID(t.Context(), "req_42")
	_, _ = rpc.Call(ctx, c, echo, text{})
	_, _ = rpc.Call(ctx, c, once, text{})
	log := out.String()
	if n := strings.Count(log, "disk is on fire"); n != 1 || strings.Count(log, "\n") != 1 {
		t.Errorf("the text stands %d times in:\n%s", n, log)
	}
	for _, want := range []string{"req_42", echo.Subject, "code=internal"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in:\n%s", want, log)
		}
	}
	families, err := tel.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	for _, want := range []string{"rpc_server_call_duration_seconds", "rpc_client_call_duration_seconds"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("no metric %s in %v", want, names)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestServer_Middlewares(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var order []string
	mw := func(name string) endpoint.Middleware {
		return func(next endpoint.Endpoint) endpoint.Endpoint {
			return func(ctx context.Context, request any) (any, error) {
				order = append(order, name+":"+request.(text).Text)
				return next(ctx, request)
			}
		}
	}
	s := newServer(t, srv, rpc.ServerConfig{Middleware: []endpoint.Middleware{mw("a")}})
	handle(t, s, echo, echoes, mw("b"), mw("c"))
	c := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{})
	if _, err := rpc.Call(t.Context(), c, echo, text{"x"}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "a:x b:x c:x" {
		t.Errorf("order %q", got)
	}
}

func TestServer_BadDeclarations(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	if _, err := rpc.NewServer(natstest.Conn(t, srv), rpc.ServerConfig{Name: "a b"}); err == nil {
		t.Error("a name with a space was taken")
	}
	s := newServer(t, srv, rpc.ServerConfig{Tel: telemetry.Nop()})
	handle(t, s, echo, echoes)
	if err := rpc.Handle(s, echo, echoes); err == nil {
		t.Error("a subject was served twice")
	}
	if err := rpc.Handle(s, rpc.Method[text, text]{Subject: "demo.v1.a b"}, echoes); err == nil {
		t.Error("a subject with a space was taken")
	}
}

// TestServer_TakesNoDeliveryForACall: a durable's reader names where JetStream
// delivers to, rights or not; what it so sends to an endpoint is no call.
func TestServer_TakesNoDeliveryForACall(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "TALES", Subjects: []string{"tales.>"}, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateConsumer(t.Context(), "TALES", jetstream.ConsumerConfig{Durable: "mine", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "tales.one", []byte(`{"text":"forged"}`)); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, srv, rpc.ServerConfig{})
	said := make(chan string, 4)
	handle(t, s, echo, func(_ context.Context, r text) (text, error) {
		said <- r.Text
		return r, nil
	})
	seen, err := nc.SubscribeSync(echo.Subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.TALES.mine", echo.Subject, []byte(`{"batch":1}`)); err != nil {
		t.Fatal(err)
	}
	if m, err := seen.NextMsg(patience); err != nil || !strings.HasPrefix(m.Reply, "$JS.ACK.") {
		t.Fatal(m, err) // it has reached the endpoint, too
	}
	if _, err := rpc.Call(t.Context(), rpc.NewClient(nc, rpc.ClientConfig{}), echo, text{"called"}); err != nil {
		t.Fatal(err)
	}
	if err := stop(s, patience); err != nil { // all that arrived has run
		t.Fatal(err)
	}
	close(said)
	for text := range said {
		if text != "called" {
			t.Errorf("the endpoint took %q", text)
		}
	}
}
