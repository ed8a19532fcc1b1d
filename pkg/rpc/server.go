package rpc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.opentelemetry.io/otel/trace"

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
	cfg    ServerConfig
	obs    *observer
	ctx    context.Context // of all handlers; ends when Stop runs out of time
	cancel context.CancelFunc

	mu        sync.Mutex
	at        *post   // of now; its service is registered with the first endpoint
	leaving   []*post // where calls may still run after a Move
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
	obs, err := newObserver(cfg.Tel, trace.SpanKindServer)
	if err != nil {
		return nil, fmt.Errorf("rpc server %s: %w", cfg.Name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{at: &post{nc: nc, log: cfg.Tel.Log}, cfg: cfg, obs: obs, ctx: ctx, cancel: cancel, endpoints: map[string]*served{}}, nil
}

// Name is the service's name.
func (s *Server) Name() string { return s.cfg.Name }

// add registers an endpoint with micro, and returns when NATS knows of it.
//
//nolint:contextcheck // calls have contexts of their own
func (s *Server) add(e *served) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("serving %s: the server is stopped", e.subject)
	}
	if _, taken := s.endpoints[e.subject]; taken {
		return fmt.Errorf("serving %s: the subject is served already", e.subject)
	}
	if s.at.svc == nil {
		if err := s.register(s.at); err != nil {
			return err
		}
	}
	s.endpoints[e.subject] = e
	if err := s.at.add(e); err != nil {
		delete(s.endpoints, e.subject)
		return err
	}
	if err := s.at.nc.FlushTimeout(flushWithin); err != nil {
		return fmt.Errorf("announcing %s: %w", e.subject, err)
	}
	return nil
}

// register makes the service known at p.
func (s *Server) register(p *post) (err error) {
	p.svc, err = micro.AddService(p.nc, micro.Config{
		Name: s.cfg.Name, Version: semver(s.cfg.Version), Description: s.cfg.Description,
		QueueGroup: s.cfg.Name, StatsHandler: s.stats, Metadata: where(),
	})
	if err != nil {
		return fmt.Errorf("registering service %s: %w", s.cfg.Name, err)
	}
	return nil
}

// What a copy tells of itself in micro's PING, INFO and STATS, so that an operator
// can match it with a process.
const (
	MetadataHost = "host"
	MetadataPID  = "pid"
)

func where() map[string]string {
	host, _ := os.Hostname() // one without a name is told by its pid
	return map[string]string{MetadataHost: host, MetadataPID: strconv.Itoa(os.Getpid())}
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
	posts, again := append([]*post{s.at}, s.leaving...), s.stopped
	s.stopped = true
	s.mu.Unlock()
	defer s.cancel()
	if again || posts[0].svc == nil {
		return nil
	}
	var errs []error
	for _, p := range posts {
		errs = append(errs, p.leave(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stopping service %s: %w", s.cfg.Name, err)
	}
	return nil
}
