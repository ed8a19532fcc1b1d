package sluice

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// busServer is the nats-server of a data directory as a service of the group.
type busServer struct {
	set    platform.Settings
	tel    *telemetry.Telemetry
	socket bool // also listen on the CLI's socket when it has no address

	srv     *natsd.Server
	socks   *socketServer
	stopped chan struct{}
}

func newBusServer(s platform.Settings, tel *telemetry.Telemetry, socket bool) *busServer {
	return &busServer{set: s, tel: tel, socket: socket, stopped: make(chan struct{})}
}

// Start implements lifecycle.Service.
func (b *busServer) Start(ctx context.Context) (err error) {
	creds, err := platform.EnsureCredentials(b.set.CredsPath())
	if err != nil {
		return err
	}
	if err := portFree(ctx, b.set.NATS.Addr); err != nil {
		return err
	}
	b.srv, err = natsd.Start(ctx, natsd.Options{
		StoreDir: b.set.NATSDir(), Addr: b.set.NATS.Addr, SyncAlways: b.set.Durability == platform.Power,
		User: creds.User, Password: creds.Password, Log: b.tel.Log,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if url := b.srv.URL(); creds.URL != url {
		creds.URL = url
		if err := platform.SaveCredentials(b.set.CredsPath(), creds); err != nil {
			return err
		}
	}
	if b.set.NATS.Addr == platform.Off && b.socket {
		if b.socks, err = listenSocket(b.set.SocketPath(), b.srv, b.tel.Log); err != nil { //nolint:contextcheck // the socket lives as long as the bus
			return err
		}
	}
	return b.declare(ctx)
}

// declare brings the streams into being before any service runs.
func (b *busServer) declare(ctx context.Context) error {
	nc, err := b.srv.Connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("using JetStream: %w", err)
	}
	return bus.Reconcile(ctx, js, streams.All(b.set.NATS.Replicas), streams.Consumers())
}

// portFree names the reason that nats-server itself only shows as a failed start.
func portFree(ctx context.Context, addr string) error {
	if addr == platform.Off {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("the nats-server cannot listen on %s: %w; choose another address with --nats-addr HOST:PORT, or keep it inside the process with --nats-addr off", addr, err)
	}
	return l.Close()
}

// Run implements lifecycle.Service.
func (b *busServer) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-b.stopped:
	}
	return nil
}

// Stop implements lifecycle.Service.
func (b *busServer) Stop(context.Context) error {
	close(b.stopped)
	b.close()
	return nil
}

func (b *busServer) close() {
	if b.socks != nil {
		b.socks.close()
	}
	b.srv.Shutdown()
}

// dial connects inside the process.
func (b *busServer) dial(opts ...nats.Option) (*nats.Conn, error) { return b.srv.Connect(opts...) }

// where says where the server can be reached from outside, for people.
func (b *busServer) where() string {
	if url := b.srv.URL(); url != "" {
		return strings.Replace(url, "0.0.0.0", "127.0.0.1", 1)
	}
	return "inside this process only"
}
