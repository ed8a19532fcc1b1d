package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/circuitbreaker"
	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/sony/gobreaker"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Defaults of ClientConfig.
const (
	DefaultRideOut = 3 * time.Second
	DefaultTrip    = 10
	DefaultSlow    = time.Second
	DefaultPause   = 500 * time.Millisecond
)

// Pauses between the repetitions of an idempotent call.
const (
	firstBackoff = 10 * time.Millisecond
	lastBackoff  = 250 * time.Millisecond
)

// ClientConfig configures a Client. The zero value is good.
type ClientConfig struct {
	Tel *telemetry.Telemetry // nil drops logs, traces and metrics
	// RateLimit bounds the calls per second to each service, with bursts of
	// Burst (default: one second's worth); 0 does not. Calls over it are refused
	// at once with ErrRateLimited.
	RateLimit float64
	Burst     int
	// RideOut is how long an idempotent call keeps trying while the service is
	// away or full; 0 means DefaultRideOut, less than 0 not at all.
	RideOut time.Duration
	// The breaker of a service opens for Pause after Trip calls in a row were
	// left unanswered for Slow or longer. Faults that the service answers, and
	// the absence of responders, which NATS tells at once, do not count.
	Trip  int
	Slow  time.Duration
	Pause time.Duration
	// Middleware stands around every call, inside trace, metrics and deadline.
	Middleware []endpoint.Middleware
}

// Client makes calls over one connection. It is safe for concurrent use and is
// made once per process: the breakers live in it.
type Client struct {
	cur atomic.Pointer[line]
	cfg ClientConfig
	obs *observer
	log *slog.Logger

	mu        sync.RWMutex
	peers     map[string]endpoint.Middleware // by service: limit, repetition, breaker
	endpoints map[string]endpoint.Endpoint   // by subject
}

// NewClient makes a client. The caller keeps the connection.
func NewClient(nc *nats.Conn, cfg ClientConfig) *Client {
	if cfg.Tel == nil {
		cfg.Tel = telemetry.Nop()
	}
	if cfg.RideOut == 0 {
		cfg.RideOut = DefaultRideOut
	}
	if cfg.Trip <= 0 {
		cfg.Trip = DefaultTrip
	}
	if cfg.Slow <= 0 {
		cfg.Slow = DefaultSlow
	}
	if cfg.Pause <= 0 {
		cfg.Pause = DefaultPause
	}
	if cfg.Burst <= 0 {
		cfg.Burst = max(int(cfg.RateLimit), 1)
	}
	obs, err := newObserver(cfg.Tel, trace.SpanKindClient)
	if err != nil {
		cfg.Tel.Log.Error("rpc client has no metrics", slog.Any(telemetry.KeyErr, err))
		obs, _ = newObserver(telemetry.Nop(), trace.SpanKindClient)
	}
	c := &Client{
		cfg: cfg, obs: obs, log: cfg.Tel.Log,
		peers: map[string]endpoint.Middleware{}, endpoints: map[string]endpoint.Endpoint{},
	}
	c.cur.Store(newLine(nc))
	return c
}

// outgoing is a call on its way through the client's middlewares.
type outgoing struct {
	subject    string
	data       []byte
	timeout    time.Duration
	idempotent bool
}

// Call calls m and waits for the answer until ctx ends, or for m's timeout when
// ctx has no deadline. Every error is a *fault.Error: the one that the handler
// answered, or one of this package; fault.ErrTimeout and fault.ErrCanceled leave
// open whether the call was carried out. The handler is told the deadline, but
// not that ctx was canceled.
func Call[Req, Resp any](ctx context.Context, c *Client, m Method[Req, Resp], req Req) (Resp, error) {
	var resp Resp
	data, err := json.Marshal(req)
	if err != nil {
		return resp, fault.ErrInternal.Because(fmt.Errorf("encoding the request of %s: %w", m.Subject, err))
	}
	out, err := c.endpoint(m.Subject)(ctx, &outgoing{subject: m.Subject, data: data, timeout: timeout(m.Timeout), idempotent: m.Idempotent})
	if err != nil {
		return resp, fault.From(err)
	}
	answer, _ := out.([]byte)
	if err := json.Unmarshal(answer, &resp); err != nil {
		var none Resp
		return none, ErrBadResponse.Because(fmt.Errorf("decoding the answer of %s: %w", m.Subject, err))
	}
	return resp, nil
}

// Ping returns nil when a copy of the service answers, and ErrNoResponders when
// there is none. It tries once.
func Ping(ctx context.Context, c *Client, service string) error {
	subject, err := micro.ControlSubject(micro.PingVerb, service, "")
	if err != nil {
		return fault.ErrInvalid.Because(fmt.Errorf("pinging %q: %w", service, err))
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	l := c.take()
	defer l.leave()
	if _, err := l.nc.RequestWithContext(ctx, subject, nil); err != nil {
		return transportFault(ctx, err)
	}
	return nil
}

// endpoint gives the endpoint of a subject, which takes an *outgoing and gives
// the answer's bytes.
func (c *Client) endpoint(subject string) endpoint.Endpoint {
	c.mu.RLock()
	ep, ok := c.endpoints[subject]
	c.mu.RUnlock()
	if ok {
		return ep
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ep, ok := c.endpoints[subject]; ok {
		return ep
	}
	service, _, _ := strings.Cut(subject, ".")
	peer, ok := c.peers[service]
	if !ok {
		peer = c.newPeer(service)
		c.peers[service] = peer
	}
	ep = peer(c.roundTrip)
	for i := len(c.cfg.Middleware) - 1; i >= 0; i-- {
		ep = c.cfg.Middleware[i](ep)
	}
	ep = endpoint.Chain(
		c.obs.trace(subject, trace.SpanKindClient),
		c.obs.measure(subject),
		deadline(func(request any) time.Duration { return request.(*outgoing).timeout }),
	)(ep)
	c.endpoints[subject] = ep
	return ep
}

// newPeer makes the middlewares that all calls to one service share.
func (c *Client) newPeer(service string) endpoint.Middleware {
	breaker := gobreaker.NewCircuitBreaker(gobreaker.Settings{
		Name: service, MaxRequests: 1, Timeout: c.cfg.Pause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= c.cfg.Trip },
		IsSuccessful: func(err error) bool {
			var u *unanswered
			return !errors.As(err, &u)
		},
		OnStateChange: func(name string, from, to gobreaker.State) {
			c.log.Warn("rpc breaker changed", slog.String(telemetry.KeyService, name), slog.String("from", from.String()), slog.String("to", to.String()))
		},
	})
	chain := endpoint.Chain(c.repeat, c.breakerFault, circuitbreaker.Gobreaker(breaker))
	if c.cfg.RateLimit <= 0 {
		return chain
	}
	limiter := rate.NewLimiter(rate.Limit(c.cfg.RateLimit), c.cfg.Burst)
	return endpoint.Chain(limitFault(time.Duration(float64(time.Second)/c.cfg.RateLimit)), ratelimit.NewErroringLimiter(limiter), chain)
}

// repeat rides out the absence of a service for idempotent calls, and the breaker's
// pause for all: what it holds back has not even been sent. Also every call is made
// once more when nobody was there: a nats-server says so, too, when the copy that it
// chose left before it handed the call over, though another one had come. It repeats
// only what was certainly not carried out.
func (c *Client) repeat(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		resp, err := next(ctx, request)
		if err == nil || c.cfg.RideOut < 0 {
			return resp, err
		}
		once := true
		again := func(err error) bool {
			switch {
			case errors.Is(err, ErrBreakerOpen):
				return true
			case request.(*outgoing).idempotent:
				return refused(err)
			}
			first := once
			once = false
			return first && errors.Is(err, ErrNoResponders)
		}
		until := time.Now().Add(c.cfg.RideOut)
		for pause := firstBackoff; again(err); pause = min(2*pause, lastBackoff) {
			wait := max(pause/2+rand.N(pause), fault.From(err).RetryAfter)
			if time.Now().Add(wait).After(until) {
				return nil, err
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				if errors.Is(ctx.Err(), context.Canceled) {
					return nil, fault.From(ctx.Err())
				}
				return nil, err
			}
			resp, err = next(ctx, request)
			if err == nil {
				return resp, nil
			}
		}
		return nil, err
	}
}

// refused reports whether the call never reached a handler.
func refused(err error) bool {
	return errors.Is(err, ErrNoResponders) || errors.Is(err, ErrOverloaded)
}

// breakerFault names the breaker's own errors.
func (c *Client) breakerFault(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		resp, err := next(ctx, request)
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return nil, ErrBreakerOpen.After(c.cfg.Pause)
		}
		return resp, err
	}
}

// limitFault names the limiter's error.
func limitFault(interval time.Duration) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			resp, err := next(ctx, request)
			if errors.Is(err, ratelimit.ErrLimited) {
				return nil, ErrRateLimited.After(interval)
			}
			return resp, err
		}
	}
}

// unanswered marks what the breaker counts.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return u.err.Error() }
func (u *unanswered) Unwrap() error { return u.err }

// roundTrip is the innermost endpoint: one request, one answer.
func (c *Client) roundTrip(ctx context.Context, request any) (any, error) {
	call := request.(*outgoing)
	began := time.Now()
	msg := &nats.Msg{Subject: call.subject, Data: call.data, Header: requestHeader(ctx)}
	l := c.take()
	defer l.leave()
	answer, err := l.request(ctx, msg)
	if err != nil {
		f := transportFault(ctx, err)
		if f.Kind == fault.Timeout && time.Since(began) >= c.cfg.Slow {
			return nil, &unanswered{f}
		}
		return nil, f
	}
	if f := faultOf(answer.Header); f != nil {
		return nil, f
	}
	return answer.Data, nil
}

// transportFault names an error of the connection.
func transportFault(ctx context.Context, err error) *fault.Error {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return ErrNoResponders.Because(err)
	case errors.Is(err, nats.ErrMaxPayload):
		return ErrRequestTooLarge.Because(err)
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case errors.Is(err, nats.ErrTimeout):
		return fault.ErrTimeout.Because(err)
	}
	return ErrDisconnected.Because(err)
}
