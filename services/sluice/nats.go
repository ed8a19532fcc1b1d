package sluice

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/access"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// usersEvery is how often the bus looks whether somebody changed a password.
const usersEvery = 2 * time.Second

// busServer is the nats-server of a data directory as a service of the group.
type busServer struct {
	set    platform.Settings
	tel    *telemetry.Telemetry
	socket bool // also listen on the CLI's socket when it has no address

	srv     *natsd.Server
	users   platform.Users
	stores  []string // object stores that the services' users may use
	socks   *socketServer
	stopped chan struct{}
	change  sync.Mutex // of the users, and the end of the server
}

func newBusServer(s platform.Settings, tel *telemetry.Telemetry, socket bool) *busServer {
	return &busServer{set: s, tel: tel, socket: socket, stopped: make(chan struct{})}
}

// Start implements lifecycle.Service.
func (b *busServer) Start(ctx context.Context) (err error) {
	if err := b.credentials(ctx); err != nil {
		return err
	}
	if err := portFree(ctx, b.set.NATS.Addr); err != nil {
		return err
	}
	b.stores = access.Stores(b.set.Regions, b.set.Blob.Shards)
	b.srv, err = natsd.Start(ctx, natsd.Options{
		StoreDir: b.set.NATSDir(), Addr: b.set.NATS.Addr, SyncAlways: b.set.Durability == platform.Power,
		Users: natsUsers(b.users, b.stores), Log: b.tel.Log,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if err := b.users.SetURL(b.set.CredsPath(), b.srv.URL()); err != nil {
		return err
	}
	if b.set.NATS.Addr == platform.Off && b.socket {
		if b.socks, err = listenSocket(b.set.SocketPath(), b.srv, b.tel.Log); err != nil { //nolint:contextcheck // the socket lives as long as the bus
			return err
		}
	}
	return b.declare(ctx)
}

// credentials makes those that are missing.
func (b *busServer) credentials(ctx context.Context) error {
	users, migrated, err := platform.EnsureUsers(b.set.CredsPath(), access.Services())
	if err != nil {
		return err
	}
	if migrated {
		b.tel.Log.WarnContext(ctx, "the nats-server has a user per service now: the file of its only user became the operator's, with a new password, "+
			"and the services have files of their own beside it, which services on other hosts need", "file", b.set.CredsPath())
	}
	b.users = users
	return nil
}

// natsUsers gives every user the rights that follow from the contracts.
func natsUsers(users platform.Users, stores []string) []natsd.User {
	var out []natsd.User
	for _, c := range users {
		u := natsd.User{Name: c.User, Password: c.Password}
		if c.User != rpc.Operator {
			may := access.Of(c.User, stores)
			u.Publish, u.Subscribe = may.Publish, may.Subscribe
		}
		out = append(out, u)
	}
	return out
}

// declare brings streams, buckets and object stores into being before any service
// runs, and lets the users use those that were there before, too.
func (b *busServer) declare(ctx context.Context) error {
	nc, err := b.dialer(rpc.Operator)()
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := platform.Declare(ctx, nc, b.set, streams.Declared(b.set.NATS.Replicas), b.tel); err != nil {
		return err
	}
	stores, err := storesOf(ctx, nc)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(stores, func(s string) bool { return !slices.Contains(b.stores, s) }) {
		b.stores = stores
		return b.srv.SetUsers(natsUsers(b.users, b.stores))
	}
	return nil
}

// storesOf gives the object stores that there are.
func storesOf(ctx context.Context, nc *nats.Conn) ([]string, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	regions, err := blob.Look(ctx, js, blob.DefaultPrefix)
	if err != nil {
		return nil, fmt.Errorf("looking for object stores: %w", err)
	}
	var out []string
	for _, r := range regions {
		for n := range r.Streams {
			out = append(out, blob.StoreName(blob.DefaultPrefix, r.Region, n))
		}
	}
	return out, nil
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

// Run implements lifecycle.Service: it takes up passwords that were changed.
func (b *busServer) Run(ctx context.Context) error {
	tick := time.NewTicker(usersEvery)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.stopped:
			return nil
		case <-tick.C:
			why := ""
			if err := b.reload(); err != nil {
				why = err.Error()
			}
			if why != "" && why != told { // once
				b.tel.Log.ErrorContext(ctx, "the credentials of the nats-server's users cannot be read; those of before hold", slog.String(telemetry.KeyErr, why))
			}
			told = why
		}
	}
}

// reload gives the server the users' passwords when they are others than before.
func (b *busServer) reload() error {
	b.change.Lock()
	defer b.change.Unlock()
	select {
	case <-b.stopped:
		return nil
	default:
	}
	users, err := platform.ReadUsers(b.set.CredsPath(), access.Services())
	if err != nil || slices.Equal(users, b.users) {
		return err
	}
	if err := b.srv.SetUsers(natsUsers(users, b.stores)); err != nil {
		return err
	}
	for _, c := range users {
		if was, _ := b.users.Of(c.User); was.Password != c.Password {
			b.tel.Log.Info("a user of the nats-server has another password now", "user", c.User)
		}
	}
	b.users = users
	return nil
}

// Stop implements lifecycle.Service.
func (b *busServer) Stop(context.Context) error {
	close(b.stopped)
	b.change.Lock()
	defer b.change.Unlock()
	b.close()
	return nil
}

func (b *busServer) close() {
	if b.socks != nil {
		b.socks.close()
	}
	b.srv.Shutdown()
}

// dialer connects a user inside the process.
func (b *busServer) dialer(user string) platform.Dial {
	return func(opts ...nats.Option) (*nats.Conn, error) {
		return b.srv.ConnectAs(user, append([]nats.Option{nats.CustomInboxPrefix(rpc.InboxPrefix(user))}, opts...)...)
	}
}

// where says where the server can be reached from outside, for people.
func (b *busServer) where() string {
	if url := b.srv.URL(); url != "" {
		return strings.Replace(url, "0.0.0.0", "127.0.0.1", 1)
	}
	return "inside this process only"
}
