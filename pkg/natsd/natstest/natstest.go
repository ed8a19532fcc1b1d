// Package natstest starts a nats-server with JetStream for one test.
package natstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

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
	// The library gives a server 2 s to answer, which a busy machine may take.
	nc, err := s.Connect(append([]nats.Option{nats.Timeout(30 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Addrs gives addresses on 127.0.0.1 for servers that have to be known before they
// start, or that come back where they were. Their ports are none of those that the
// system gives to whoever asks for any, so that nobody gets one while it is free.
func Addrs(t testing.TB, n int) []string {
	t.Helper()
	const from, to = 10_000, 30_000
	addrs := make([]string, 0, n)
	for range 1000 {
		if len(addrs) == n {
			return addrs
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", from+rand.IntN(to-from)))
		if err != nil {
			continue // somebody has it
		}
		defer func() { _ = l.Close() }() // when all are found, so that none is found twice
		addrs = append(addrs, l.Addr().String())
	}
	t.Fatalf("only %d of %d ports are free", len(addrs), n)
	return nil
}
