// Package natsd runs a nats-server with JetStream inside this process: the bus
// and blob store of a single machine, and the peer of tests.
package natsd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Off is the Options.Addr that keeps the server inside the process.
const Off = "off"

// readyWithin bounds the start; recovering the streams of a large store takes seconds.
const readyWithin = 2 * time.Minute

// Options configure a Server.
type Options struct {
	StoreDir   string // JetStream's files; made when absent
	Addr       string // "host:port" to listen on, port 0 for a free one, or Off
	SyncAlways bool   // fsync before every acknowledgement
	// Users may connect; without any, everybody may. Connect is the first one.
	Users []User
	Log   *slog.Logger // nil discards
}

// patience is how long either side of a connection may take to say who it is. On a
// machine that stands still for a moment the libraries' two seconds are too short.
const patience = 10 * time.Second

// Server is a running nats-server. It is safe for concurrent use.
type Server struct {
	ns *server.Server

	mu    sync.Mutex
	set   *server.Options // as it was started, with the users of now
	users []User
}

// Start starts a server and waits until JetStream has recovered and connections
// are taken, or ctx ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	so := &server.Options{
		ServerName: "sluice", JetStream: true, StoreDir: o.StoreDir, SyncAlways: o.SyncAlways,
		JetStreamMaxStore: 1 << 50, // streams are bounded one by one; the disk is the operator's
		MaxPayload:        server.MAX_PAYLOAD_SIZE, NoSigs: true, NoLog: o.Log == nil,
		AuthTimeout: patience.Seconds(),
	}
	if o.Addr == Off || o.Addr == "" {
		so.DontListen = true
	} else {
		host, port, err := splitAddr(o.Addr)
		if err != nil {
			return nil, err
		}
		so.Host, so.Port = host, port
	}
	var err error
	if so.Users, err = serverUsers(o.Users); err != nil {
		return nil, err
	}
	set := so.Clone() // the server changes its own
	ns, err := server.NewServer(so)
	if err != nil {
		return nil, fmt.Errorf("setting up nats-server: %w", err)
	}
	if o.Log != nil {
		ns.SetLoggerV2(logger{o.Log}, false, false, false)
	}
	s := &Server{ns: ns, set: set, users: o.Users}
	ns.Start()
	if err := s.waitReady(ctx); err != nil {
		s.Shutdown()
		return nil, err
	}
	return s, nil
}

func splitAddr(addr string) (string, int, error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("nats address %q: %w", addr, err)
	}
	port, err := strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("nats address %q: the port is not a number from 0 to 65535", addr)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		if s.ns.ReadyForConnections(10*time.Millisecond) && s.ns.JetStreamEnabled() {
			return nil
		}
		if !s.ns.Running() {
			return errors.New("nats-server stopped while starting; is its store directory in use, or its port taken?")
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("waiting for nats-server: %w", err)
		}
	}
}

// InProcessConn gives the client side of a pipe to the server, for transports of our own.
func (s *Server) InProcessConn() (net.Conn, error) { return s.ns.InProcessConn() }

// URL is where the server listens; "" when it does not.
func (s *Server) URL() string {
	if s.ns.Addr() == nil {
		return ""
	}
	return s.ns.ClientURL()
}

// Shutdown stops the server and waits until its files are closed. It may be called twice.
func (s *Server) Shutdown() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

// logger adapts slog; the server's notices are details to an operator of Sluice.
type logger struct{ l *slog.Logger }

func (l logger) Noticef(f string, v ...any) { l.l.Debug("nats-server", "notice", fmt.Sprintf(f, v...)) }
func (l logger) Warnf(f string, v ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(f, "Plaintext passwords") {
		level = slog.LevelDebug // ours is random and in memory only; hashing it would cost 50 ms per connection
	}
	l.l.Log(context.Background(), level, "nats-server", "warning", fmt.Sprintf(f, v...))
}
func (l logger) Fatalf(f string, v ...any) { l.l.Error("nats-server", "err", fmt.Sprintf(f, v...)) }
func (l logger) Errorf(f string, v ...any) { l.l.Error("nats-server", "err", fmt.Sprintf(f, v...)) }
func (l logger) Debugf(f string, v ...any) { l.l.Debug("nats-server", "debug", fmt.Sprintf(f, v...)) }
func (l logger) Tracef(string, ...any)     {}
