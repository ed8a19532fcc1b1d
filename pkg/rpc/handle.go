package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/nats-io/nats.go/micro"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Handle serves m with h, inside mw (the first one outermost, its requests of
// type Req), inside the server's own middlewares: trace, metrics, deadline,
// recover. An error of h that is no fault reaches the caller as "internal"; its
// text is logged here, once. h must be safe for concurrent use and end when its
// context does.
func Handle[Req, Resp any](s *Server, m Method[Req, Resp], h func(context.Context, Req) (Resp, error), mw ...endpoint.Middleware) error {
	inner := make([]endpoint.Middleware, 0, len(s.cfg.Middleware)+len(mw))
	inner = append(append(inner, s.cfg.Middleware...), mw...)
	return s.add(&served{
		server:  s,
		subject: m.Subject,
		timeout: timeout(m.Timeout),
		pool:    newPool(s.cfg.Concurrency, s.cfg.Queue),
		decode: func(data []byte) (any, error) {
			var req Req
			if err := json.Unmarshal(data, &req); err != nil {
				return nil, ErrBadRequest.Because(fmt.Errorf("decoding the request of %s: %w", m.Subject, err))
			}
			return req, nil
		},
		call: s.obs.serve(m.Subject, timeout(m.Timeout), typed(h, inner)),
	})
}

// Endpoint is what Handle serves for m, as a go-kit endpoint that takes a Req and
// gives a Resp, without NATS: the same middlewares, the same faults. Use Invoke to
// call it.
func Endpoint[Req, Resp any](tel *telemetry.Telemetry, m Method[Req, Resp], h func(context.Context, Req) (Resp, error), mw ...endpoint.Middleware) (endpoint.Endpoint, error) {
	obs, err := newObserver(tel, trace.SpanKindServer)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", m.Subject, err)
	}
	return obs.serve(m.Subject, timeout(m.Timeout), typed(h, mw)), nil
}

// Invoke calls an endpoint of m with its types.
func Invoke[Req, Resp any](ctx context.Context, ep endpoint.Endpoint, _ Method[Req, Resp], req Req) (Resp, error) {
	var none Resp
	out, err := ep(ctx, req)
	if err != nil {
		return none, err
	}
	resp, ok := out.(Resp)
	if !ok {
		return none, ErrBadResponse.Because(fmt.Errorf("the endpoint answered a %T", out))
	}
	return resp, nil
}

// typed makes an endpoint of a handler, with mw around it.
func typed[Req, Resp any](h func(context.Context, Req) (Resp, error), mw []endpoint.Middleware) endpoint.Endpoint {
	ep := endpoint.Endpoint(func(ctx context.Context, request any) (any, error) {
		req, ok := request.(Req)
		if !ok {
			return nil, ErrBadRequest.Because(fmt.Errorf("the request is a %T", request))
		}
		return h(ctx, req)
	})
	for i := len(mw) - 1; i >= 0; i-- {
		ep = mw[i](ep)
	}
	return ep
}

func timeout(d time.Duration) time.Duration {
	if d <= 0 {
		return DefaultTimeout
	}
	return d
}

// served is one endpoint of a Server.
type served struct {
	server  *Server
	subject string
	timeout time.Duration
	pool    *pool
	decode  func([]byte) (any, error)
	call    endpoint.Endpoint
	stats   stats
}

// take runs on the subscription's goroutine, of p, and never blocks it.
func (e *served) take(p *post, r micro.Request) {
	// Published, not called: there is nobody to answer. Or no service's call at all:
	// whoever reads a durable may name this subject as where JetStream delivers to,
	// and would so call what its own rights refuse.
	if r.Reply() == "" || strings.HasPrefix(r.Reply(), "$") {
		return
	}
	s := e.server
	p.arrived.Add(1)
	if !e.pool.admit() {
		e.stats.refused.Add(1)
		s.obs.refused.Add(s.ctx, 1, of(e.subject))
		p.answer(r.Reply(), nil, ErrOverloaded.After(overloadPause))
		return
	}
	p.running.Add(1)
	go e.serve(p, r, time.Now())
}

// serve runs one call on a goroutine of its own and answers it.
func (e *served) serve(p *post, r micro.Request, received time.Time) {
	s := e.server
	defer p.running.Add(-1)
	defer e.pool.leave()
	h := map[string][]string(r.Headers())
	ctx, cancel := context.WithDeadline(requestContext(s.ctx, h), received.Add(timeoutOf(h, e.timeout)))
	defer cancel()
	if !e.pool.acquire(ctx) {
		e.stats.refused.Add(1)
		s.obs.refused.Add(ctx, 1, of(e.subject))
		p.answer(r.Reply(), nil, ErrOverloaded.After(overloadPause))
		return
	}
	defer e.pool.release()
	began := time.Now()
	data, err := e.run(ctx, r.Data())
	e.stats.record(time.Since(began), err)
	if err != nil {
		p.answer(r.Reply(), nil, fault.From(err))
		return
	}
	p.answer(r.Reply(), data, nil)
}

func (e *served) run(ctx context.Context, data []byte) ([]byte, error) {
	req, err := e.decode(data)
	if err != nil {
		return nil, err
	}
	resp, err := e.call(ctx, req)
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(resp)
	if err != nil {
		err = fmt.Errorf("encoding the answer of %s: %w", e.subject, err)
		e.server.cfg.Tel.Log.ErrorContext(ctx, "rpc answer cannot be encoded", slog.String(telemetry.KeyMethod, e.subject), slog.Any(telemetry.KeyErr, err))
		return nil, fault.ErrInternal.Because(err)
	}
	return out, nil
}

// pool bounds the calls of one endpoint: admit counts those that run or wait,
// acquire those that run.
type pool struct {
	admitted atomic.Int64
	limit    int64
	slots    chan struct{}
}

func newPool(concurrency, queue int) *pool {
	return &pool{limit: int64(concurrency + max(queue, 0)), slots: make(chan struct{}, concurrency)}
}

func (p *pool) admit() bool {
	if p.admitted.Add(1) > p.limit {
		p.admitted.Add(-1)
		return false
	}
	return true
}

func (p *pool) leave() { p.admitted.Add(-1) }

func (p *pool) acquire(ctx context.Context) bool {
	select {
	case p.slots <- struct{}{}:
		return true
	default:
	}
	select {
	case p.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pool) release() { <-p.slots }

// stats are an endpoint's numbers. micro's own count only how long take lasted.
type stats struct {
	requests, errors, refused, busy atomic.Int64 // busy in nanoseconds

	mu   sync.Mutex
	last string
}

func (t *stats) record(took time.Duration, err error) {
	t.requests.Add(1)
	t.busy.Add(int64(took))
	if err == nil {
		return
	}
	t.errors.Add(1)
	t.mu.Lock()
	t.last = fault.CodeOf(err)
	t.mu.Unlock()
}

// EndpointStats is the "data" of an endpoint in micro's STATS: what really
// happened, where micro's own fields measure only the hand-over to the pool.
type EndpointStats struct {
	Requests      int64         `json:"requests"`
	Errors        int64         `json:"errors"`  // answered with a fault
	Refused       int64         `json:"refused"` // for lack of room
	Running       int           `json:"running"`
	Waiting       int           `json:"waiting"`
	Capacity      int           `json:"capacity"`
	LastErrorCode string        `json:"last_error_code,omitempty"`
	Processing    time.Duration `json:"processing_time"`         // nanoseconds in all
	Average       time.Duration `json:"average_processing_time"` // nanoseconds
}

// stats is micro's StatsHandler.
func (s *Server) stats(m *micro.Endpoint) any {
	s.mu.Lock()
	e := s.endpoints[m.Subject]
	s.mu.Unlock()
	if e == nil {
		return EndpointStats{}
	}
	running := len(e.pool.slots)
	st := EndpointStats{
		Requests: e.stats.requests.Load(), Errors: e.stats.errors.Load(), Refused: e.stats.refused.Load(),
		Running: running, Waiting: max(int(e.pool.admitted.Load())-running, 0), Capacity: cap(e.pool.slots),
		Processing: time.Duration(e.stats.busy.Load()),
	}
	if st.Requests > 0 {
		st.Average = st.Processing / time.Duration(st.Requests)
	}
	e.stats.mu.Lock()
	st.LastErrorCode = e.stats.last
	e.stats.mu.Unlock()
	return st
}
