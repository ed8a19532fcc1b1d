package sluice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"

	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// socketServer joins connections to a Unix socket with pipes to the nats-server
// of this process, so that the CLI works when the server listens nowhere.
type socketServer struct {
	l    net.Listener
	srv  *natsd.Server
	log  *slog.Logger
	work sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
}

// listenSocket listens on path, mode 0600. The data directory is locked, so a
// socket that is there was left by a process that is gone.
func listenSocket(path string, srv *natsd.Server, log *slog.Logger) (*socketServer, error) {
	if err := platform.CheckSocketPath(path); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing an old socket: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening on the CLI's socket: %w", err)
	}
	// The data directory, mode 0700, hides the socket until here.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("closing the CLI's socket to others: %w", err)
	}
	s := &socketServer{l: l, srv: srv, log: log, conns: map[net.Conn]struct{}{}}
	s.work.Go(s.accept)
	return s, nil
}

func (s *socketServer) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			return // closed
		}
		pipe, err := s.srv.InProcessConn()
		if err != nil {
			s.log.Warn("cannot join the CLI's socket with the nats-server", telemetry.KeyErr, err)
			_ = c.Close()
			continue
		}
		if !s.keep(c, pipe) {
			return
		}
		s.work.Go(func() { s.join(c, pipe) })
		s.work.Go(func() { s.join(pipe, c) })
	}
}

// join copies one direction; its end ends both.
func (s *socketServer) join(dst, src net.Conn) {
	_, _ = io.Copy(dst, src)
	s.drop(dst, src)
}

func (s *socketServer) keep(cs ...net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range cs {
		if s.conns == nil {
			_ = c.Close()
			continue
		}
		s.conns[c] = struct{}{}
	}
	return s.conns != nil
}

func (s *socketServer) drop(cs ...net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range cs {
		_ = c.Close()
		delete(s.conns, c)
	}
}

// close ends the listener and all connections, and waits for their goroutines.
func (s *socketServer) close() {
	_ = s.l.Close() // removes the file
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.work.Wait()
}
