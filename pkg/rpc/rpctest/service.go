// Package rpctest holds what a transport of calls has to keep, as a suite: a
// service called on its endpoint and the same service called through NATS behave
// the same.
package rpctest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// Service is what the suite calls.
type Service interface {
	// Echo answers what it got, and what its context carries.
	Echo(ctx context.Context, r Message) (Message, error)
	// Fail answers with the error that r describes.
	Fail(ctx context.Context, r FailRequest) (Message, error)
	// Wait answers with its context's error when that ends, or when the suite does.
	Wait(ctx context.Context, r Message) (Message, error)
	// Panic panics with r's text.
	Panic(ctx context.Context, r Message) (Message, error)
}

// Message is what Echo passes through; the last fields are filled by Echo.
type Message struct {
	Text  string         `json:"text,omitempty"`
	Bytes []byte         `json:"bytes,omitempty"`
	Map   map[string]int `json:"map,omitempty"`
	Time  time.Time      `json:"time,omitzero"`

	RequestID string        `json:"requestId,omitempty"`
	TraceID   string        `json:"traceId,omitempty"`
	Left      time.Duration `json:"left,omitempty"` // until the deadline, as the handler saw it
}

// FailRequest describes an error: a fault of Kind, wrapped when Wrap says with
// what; or, without Kind, a plain error of Text.
type FailRequest struct {
	Kind       fault.Kind    `json:"kind,omitempty"`
	Code       string        `json:"code,omitempty"`
	Message    string        `json:"message,omitempty"`
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
	Wrap       string        `json:"wrap,omitempty"`
	Text       string        `json:"text,omitempty"`
}

func (r FailRequest) err() error {
	if r.Kind == "" {
		return errors.New(r.Text)
	}
	f := fault.New(r.Kind, r.Code, r.Message).After(r.RetryAfter).Because(errors.New("a cause that stays here"))
	if r.Wrap != "" {
		return fmt.Errorf("%s: %w", r.Wrap, f)
	}
	return f
}

// The calls of the suite's service.
var (
	Echo  = rpc.Method[Message, Message]{Subject: "rpctest.v1.echo", Idempotent: true}
	Fail  = rpc.Method[FailRequest, Message]{Subject: "rpctest.v1.fail"}
	Wait  = rpc.Method[Message, Message]{Subject: "rpctest.v1.wait", Timeout: 300 * time.Millisecond}
	Panic = rpc.Method[Message, Message]{Subject: "rpctest.v1.panic"}
)

// Direct gives svc on its endpoints, with the server's middlewares and no NATS.
func Direct(t testing.TB, svc Service) Service {
	t.Helper()
	return direct{
		echo: endpointOf(t, Echo, svc.Echo), fail: endpointOf(t, Fail, svc.Fail),
		wait: endpointOf(t, Wait, svc.Wait), panics: endpointOf(t, Panic, svc.Panic),
	}
}

type call[Req any] func(ctx context.Context, r Req) (Message, error)

func endpointOf[Req any](t testing.TB, m rpc.Method[Req, Message], h call[Req]) call[Req] {
	t.Helper()
	ep, err := rpc.Endpoint(nil, m, h)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, r Req) (Message, error) { return rpc.Invoke(ctx, ep, m, r) }
}

type direct struct {
	echo, wait, panics call[Message]
	fail               call[FailRequest]
}

func (d direct) Echo(ctx context.Context, r Message) (Message, error)     { return d.echo(ctx, r) }
func (d direct) Fail(ctx context.Context, r FailRequest) (Message, error) { return d.fail(ctx, r) }
func (d direct) Wait(ctx context.Context, r Message) (Message, error)     { return d.wait(ctx, r) }
func (d direct) Panic(ctx context.Context, r Message) (Message, error)    { return d.panics(ctx, r) }

// OverNATS serves svc on a nats-server of the test and gives its client, each on
// a connection of its own.
func OverNATS(t testing.TB, svc Service) Service {
	t.Helper()
	srv := natstest.Start(t)
	s, err := rpc.NewServer(natstest.Conn(t, srv), rpc.ServerConfig{Name: "rpctest", Version: "0.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stopping the server: %v", err)
		}
	})
	if err := Register(s, svc); err != nil {
		t.Fatal(err)
	}
	return NewClient(rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{}))
}

// Register serves svc on s.
func Register(s *rpc.Server, svc Service) error {
	return errors.Join(
		rpc.Handle(s, Echo, svc.Echo),
		rpc.Handle(s, Fail, svc.Fail),
		rpc.Handle(s, Wait, svc.Wait),
		rpc.Handle(s, Panic, svc.Panic),
	)
}

// NewClient gives the Service that calls over c.
func NewClient(c *rpc.Client) Service { return client{c} }

type client struct{ c *rpc.Client }

func (c client) Echo(ctx context.Context, r Message) (Message, error) {
	return rpc.Call(ctx, c.c, Echo, r)
}

func (c client) Fail(ctx context.Context, r FailRequest) (Message, error) {
	return rpc.Call(ctx, c.c, Fail, r)
}

func (c client) Wait(ctx context.Context, r Message) (Message, error) {
	return rpc.Call(ctx, c.c, Wait, r)
}

func (c client) Panic(ctx context.Context, r Message) (Message, error) {
	return rpc.Call(ctx, c.c, Panic, r)
}
