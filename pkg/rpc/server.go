package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Defaults of ServerConfig.
const (
	DefaultConcurrency = 128
	queuePerSlot       = 4
)

// flushWithin bounds a round trip to NATS.
const flushWithin = 10 * time.Second

// overloadPause is what a refused caller is told to wait.
const overloadPause = 50 * time.Millisecond

// ServerConfig configures a Server.
type ServerConfig struct {
	Name        string // of the service: [A-Za-z0-9_-]+, and the first token of its subjects
	Version     string // of the build; what is no semantic version is made one
	Description string
	// Concurrency is how many calls of one endpoint run at once; 0 means
	// DefaultConcurrency. Queue is how many more may wait for room, each until its
	// deadline; 0 means four times Concurrency, less than 0 none. What is over
	// both is refused with ErrOverloaded.
	Concurrency int
	Queue       int
	// Middleware stands around every handler, inside the server's own.
	Middleware []endpoint.Middleware
	Tel        *telemetry.Telemetry // nil drops logs, traces and metrics
}

// Server serves the calls of one service on one connection. All copies of the
// service share the work. It is safe for concurrent use.
type Server struct {
	nc     *nats.Conn
	cfg    ServerConfig
	obs    *observer
	ctx    context.Context // of all handlers; ends when Stop runs out of time
	cancel context.CancelFunc

	arrived atomic.Int64 // messages ever taken from the subscriptions
	running atomic.Int64 // of these, not answered yet

	mu        sync.Mutex
	svc       micro.Service // registered with the first endpoint
	endpoints map[string]*served
	stopped   bool
}

var serviceName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// NewServer makes a server. The service shows up on NATS, and answers Ping, from
// its first Handle on. The caller keeps the connection and closes it after Stop.
func NewServer(nc *nats.Conn, cfg ServerConfig) (*Server, error) {
	if !serviceName.MatchString(cfg.Name) {
		return nil, fmt.Errorf("rpc server: the name %q is not of letters, digits, '-' and '_'", cfg.Name)
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Queue == 0 {
		cfg.Queue = queuePerSlot * cfg.Concurrency
	}
	if cfg.Tel == nil {
		cfg.Tel = telemetry.Nop()
	}
	obs, err := newObserver(cfg.Tel, "server")
	if err != nil {
		return nil, fmt.Errorf("rpc server %s: %w", cfg.Name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{nc: nc, cfg: cfg, obs: obs, ctx: ctx, cancel: cancel, endpoints: map[string]*served{}}, nil
}

// Name is the service's name.
func (s *Server) Name() string { return s.cfg.Name }

// add registers an endpoint with micro, and returns when NATS knows of it.
func (s *Server) add(e *served) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("serving %s: the server is stopped", e.subject)
	}
	if _, taken := s.endpoints[e.subject]; taken {
		return fmt.Errorf("serving %s: the subject is served already", e.subject)
	}
	if s.svc == nil {
		svc, err := micro.AddService(s.nc, micro.Config{
			Name: s.cfg.Name, Version: semver(s.cfg.Version), Description: s.cfg.Description,
			QueueGroup: s.cfg.Name, StatsHandler: s.stats,
		})
		if err != nil {
			return fmt.Errorf("registering service %s: %w", s.cfg.Name, err)
		}
		s.svc = svc
	}
	s.endpoints[e.subject] = e
	if err := s.svc.AddEndpoint(endpointName(e.subject), micro.HandlerFunc(e.take), micro.WithEndpointSubject(e.subject)); err != nil {
		delete(s.endpoints, e.subject)
		return fmt.Errorf("serving %s: %w", e.subject, err)
	}
	if err := s.nc.FlushTimeout(flushWithin); err != nil {
		return fmt.Errorf("announcing %s: %w", e.subject, err)
	}
	return nil
}

// endpointName is the subject without its service, in micro's alphabet.
func endpointName(subject string) string {
	_, rest, ok := strings.Cut(subject, ".")
	if !ok {
		rest = subject
	}
	return strings.ReplaceAll(rest, ".", "_")
}

var (
	semverPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)
	notMetadata   = regexp.MustCompile(`[^0-9a-zA-Z.-]+`)
)

// semver makes a version that micro accepts: builds between releases ("dev", a
// commit) become metadata of 0.0.0.
func semver(v string) string {
	plain := strings.TrimPrefix(v, "v")
	if semverPattern.MatchString(plain) {
		return plain
	}
	meta := strings.Trim(strings.ReplaceAll(notMetadata.ReplaceAllString(v, "-"), "..", "."), ".-")
	if meta == "" || strings.Contains(meta, "..") {
		return "0.0.0"
	}
	return "0.0.0+" + meta
}

// Stop takes no more calls, lets those that arrived finish, and returns when the
// last one is answered. When ctx ends first, their contexts are canceled and Stop
// returns ctx's error. Stopping twice does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	svc, again := s.svc, s.stopped
	s.stopped = true
	s.mu.Unlock()
	defer s.cancel()
	if again || svc == nil {
		return nil
	}
	if err := svc.Stop(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("stopping service %s: %w", s.cfg.Name, err)
	}
	// After the round trip, all that NATS ever routed to this copy is in the
	// subscriptions' queues, which drain without blocking.
	if err := s.flush(ctx); err != nil && !s.nc.IsClosed() {
		return fmt.Errorf("draining service %s: %w", s.cfg.Name, err)
	}
	if err := s.quiet(ctx); err != nil {
		return fmt.Errorf("waiting for calls of service %s: %w", s.cfg.Name, err)
	}
	if s.nc.IsClosed() {
		return nil
	}
	if err := s.flush(ctx); err != nil {
		return fmt.Errorf("sending the last answers of service %s: %w", s.cfg.Name, err)
	}
	return nil
}

// flush is a round trip to NATS, which insists on a deadline.
func (s *Server) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	return s.nc.FlushWithContext(ctx)
}

// quiet waits until nothing runs and nothing has arrived for a few rounds: the
// client library tells nobody when a subscription's queue is empty.
func (s *Server) quiet(ctx context.Context) error {
	const rounds = 4
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	seen := s.arrived.Load()
	for n := 0; n < rounds; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		n++
		if now := s.arrived.Load(); now != seen || s.running.Load() > 0 {
			seen, n = now, 0
		}
	}
	return nil
}

// answer sends what a call came to.
func (s *Server) answer(reply string, data []byte, f *fault.Error) {
	msg := &nats.Msg{Subject: reply, Data: data}
	if f != nil {
		msg.Data, msg.Header = nil, faultHeader(f)
	}
	err := s.nc.PublishMsg(msg)
	if errors.Is(err, nats.ErrMaxPayload) {
		msg.Data, msg.Header = nil, faultHeader(ErrResponseTooLarge)
		err = s.nc.PublishMsg(msg)
		s.cfg.Tel.Log.Error("rpc answer is over the message limit", slog.Int(telemetry.KeyBytes, len(data)))
	}
	if err != nil {
		s.cfg.Tel.Log.Warn("rpc answer not sent", slog.Any(telemetry.KeyErr, err))
	}
}
