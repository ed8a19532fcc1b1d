// Package platform is what every service stands on: connections to NATS, its
// document database, the master key, the blob store, the bus and telemetry, all
// built from the settings that the services of an installation share.
//
// It joins the other packages of pkg and decides nothing of its own.
package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// bulkWriteBuffer lets a chunk of 1 MiB go out in one write (platform-facts 3.11).
const bulkWriteBuffer = 1 << 20

// bulkReconnectBuffer is small: bytes that wait for a reconnect are sent again
// by their writer, which has not seen their acknowledgement.
const bulkReconnectBuffer = 8 << 20

// flushWithin bounds the last round trips of Close.
const flushWithin = 10 * time.Second

// connectWait is how long a process waits for its nats-server to come up.
const connectWait = 30 * time.Second

// reconnectWait is the pause between tries to find a lost server again; it comes
// back within a second, and the library's 2 s would be most of an outage.
const reconnectWait = 100 * time.Millisecond

// maxRefused is how often the server may refuse the credentials.
const maxRefused = 5

// Options of Open that are no settings.
type Options struct {
	Service string // whose platform it is
	Version string // build version
	// Tel is taken over as it is; nil makes one from the settings.
	Tel *telemetry.Telemetry
	// Dial reaches the nats-server; nil means Settings.Dialer.
	Dial Dial
	// Streams and Consumers are brought into being before Open returns, so that
	// no event is published before those who wait for it are declared.
	Streams   []jetstream.StreamConfig
	Consumers []bus.Consumer
	Clock     func() time.Time // nil means the true time
	// Stopping is closed when the process begins to stop; nil never is.
	Stopping <-chan struct{}
}

// Platform is what one service uses. Its fields are not to be changed; all
// methods are safe for concurrent use. What its methods open, Close closes.
type Platform struct {
	Settings Settings
	Service  string
	Version  string
	Tel      *telemetry.Telemetry
	RPC      *nats.Conn // calls
	Events   *nats.Conn // streams and KV, apart from calls
	JS       jetstream.JetStream
	Client   *rpc.Client // over RPC
	Keys     *keys.Master
	Clock    func() time.Time
	Stopping <-chan struct{} // closed when the process begins to stop: readiness turns red

	dial   Dial
	ownTel bool

	mu      sync.Mutex
	conns   []*nats.Conn
	closers []func() error // documents and blobs, in the order of opening
	ring    *keys.Ring
	store   *blob.Store
}

// Open connects a service. It waits up to 30 s for the nats-server, so that
// processes may be started in any order.
func Open(ctx context.Context, s Settings, o Options) (_ *Platform, err error) {
	p := &Platform{Settings: s, Service: o.Service, Version: o.Version, Tel: o.Tel, Clock: o.Clock, Stopping: o.Stopping, dial: o.Dial}
	if p.Clock == nil {
		p.Clock = faultpoint.Now
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("opening the platform of %s: %w", o.Service, err), p.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := s.MakeDataDir(); err != nil {
		return nil, err
	}
	if p.Tel == nil {
		p.ownTel = true
		if p.Tel, err = NewTelemetry(ctx, s, o.Service, o.Version); err != nil {
			p.Tel = telemetry.Nop()
			return nil, err
		}
	}
	if err := p.connect(ctx); err != nil {
		return nil, err
	}
	if p.JS, err = jetstream.New(p.Events); err != nil {
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	if err := bus.Reconcile(ctx, p.JS, o.Streams, o.Consumers); err != nil {
		return nil, err
	}
	if err := p.openKeys(ctx); err != nil {
		return nil, err
	}
	p.Client = rpc.NewClient(p.RPC, rpc.ClientConfig{Tel: p.Tel})
	return p, nil
}

// NewTelemetry makes the telemetry that the settings ask for.
func NewTelemetry(ctx context.Context, s Settings, service, version string) (*telemetry.Telemetry, error) {
	return telemetry.New(ctx, telemetry.Config{
		Service: service, Version: version, LogLevel: s.Log.Level, LogFormat: s.Log.Format, Environ: settings.Environ(),
	})
}

func (p *Platform) connect(ctx context.Context) (err error) {
	if p.RPC, err = p.conn(ctx, "rpc"); err != nil {
		return err
	}
	p.Events, err = p.conn(ctx, "events")
	return err
}

// conn opens one connection and repeats while the server is not there yet.
func (p *Platform) conn(ctx context.Context, use string, opts ...nats.Option) (*nats.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for refused := 0; ; {
		nc, err := p.tryConn(use, opts)
		if err == nil {
			p.mu.Lock()
			p.conns = append(p.conns, nc)
			p.mu.Unlock()
			return nc, nil
		}
		// The credentials may have been read just before the server wrote them.
		if errors.Is(err, nats.ErrAuthorization) {
			if refused++; refused > maxRefused {
				return nil, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-retry.C:
		}
	}
}

func (p *Platform) tryConn(use string, opts []nats.Option) (*nats.Conn, error) {
	dial := p.dial
	if dial == nil {
		d, err := p.Settings.Dialer() // each time: the server may write its credentials meanwhile
		if err != nil {
			return nil, err
		}
		dial = d
	}
	log := p.Tel.Log.With("connection", use)
	return dial(append([]nats.Option{
		nats.Name("sluice-" + p.Service + "-" + use),
		nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("lost the nats-server", telemetry.KeyErr, err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("the nats-server is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			as := []any{slog.Any(telemetry.KeyErr, err)}
			if sub != nil {
				as = append([]any{telemetry.KeySubject, sub.Subject}, as...)
			}
			log.Warn("nats connection", as...)
		}),
	}, opts...)...)
}

// openKeys reads the master key, and makes it when nothing can have been sealed yet.
func (p *Platform) openKeys(ctx context.Context) error {
	exists, err := p.dataExists(ctx)
	if err != nil {
		return err
	}
	p.Keys, err = keys.LoadOrCreate(p.Settings.KeyPath(), exists)
	return err
}

// dataExists reports whether something was kept before: documents in this data
// directory, or key domains in the nats-server. Both come after the key file.
func (p *Platform) dataExists(ctx context.Context) (bool, error) {
	dbs, err := filepath.Glob(filepath.Join(p.Settings.DocsDir(), "*.db"))
	if err != nil || len(dbs) > 0 {
		return len(dbs) > 0, err
	}
	switch _, err := p.JS.KeyValue(ctx, natskv.Bucket); {
	case err == nil:
		return true, nil
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return false, nil
	default:
		return false, fmt.Errorf("looking for key domains: %w", err)
	}
}

// Bulk opens n connections for bytes, apart from calls and events: an overrun
// cuts all that share a connection.
func (p *Platform) Bulk(ctx context.Context, n int) ([]*nats.Conn, error) {
	out := make([]*nats.Conn, n)
	for i := range out {
		nc, err := p.conn(ctx, fmt.Sprintf("bytes-%d", i+1), nats.WriteBufferSize(bulkWriteBuffer), nats.ReconnectBufSize(bulkReconnectBuffer))
		if err != nil {
			return nil, err
		}
		out[i] = nc
	}
	return out, nil
}

// NewServer makes the server of this service's calls; the caller stops it.
func (p *Platform) NewServer(name string) (*rpc.Server, error) {
	return rpc.NewServer(p.RPC, rpc.ServerConfig{Name: name, Version: p.Version, Tel: p.Tel})
}

// Bus makes a bus for the events of a service; the caller runs and closes it.
func (p *Platform) Bus(ctx context.Context, name string) (*bus.Bus, error) {
	return bus.New(ctx, p.JS, bus.Config{Name: name, Tel: p.Tel})
}

// Ring opens the key domains, once.
func (p *Platform) Ring(ctx context.Context) (*keys.Ring, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ring != nil {
		return p.ring, nil
	}
	kv, err := natskv.Open(ctx, p.JS, p.Settings.NATS.Replicas)
	if err != nil {
		return nil, err
	}
	p.ring, err = keys.OpenRing(ctx, kv, p.Keys)
	return p.ring, err
}

// Close closes what was opened through p: documents, then connections, then
// telemetry that p made. Closing twice does nothing.
func (p *Platform) Close(ctx context.Context) error {
	p.mu.Lock()
	closers, conns := p.closers, p.conns
	p.closers, p.conns = nil, nil
	p.mu.Unlock()
	var errs []error
	for i := len(closers) - 1; i >= 0; i-- {
		errs = append(errs, closers[i]())
	}
	ctx, cancel := context.WithTimeout(ctx, flushWithin) // NATS insists on a deadline
	defer cancel()
	for i := len(conns) - 1; i >= 0; i-- {
		if err := conns[i].FlushWithContext(ctx); err != nil && !conns[i].IsClosed() && ctx.Err() == nil {
			errs = append(errs, fmt.Errorf("flushing a connection: %w", err))
		}
		conns[i].Close()
	}
	if p.ownTel {
		p.ownTel = false
		errs = append(errs, p.Tel.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
