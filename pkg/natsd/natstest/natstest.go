// Package natstest starts a nats-server with JetStream for one test.
package natstest

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/natsd"
)

// Start runs a server on a directory of the test and stops it at its end. It
// listens on a free port of 127.0.0.1.
func Start(t testing.TB) *natsd.Server {
	t.Helper()
	return StartWith(t, natsd.Options{})
}

// StartWith is Start with options; an empty StoreDir is a directory of the
// test, an empty Addr a free port of 127.0.0.1.
func StartWith(t testing.TB, o natsd.Options) *natsd.Server {
	t.Helper()
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	s, err := natsd.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("starting nats-server: %v", err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// Conn opens a connection that the test closes.
func Conn(t testing.TB, s *natsd.Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := s.Connect(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
