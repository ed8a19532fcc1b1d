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
	"go.opentelemetry.io/otel/metric"

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

// retryEvery is the pause between tries to find what a start waits for.
const retryEvery = 100 * time.Millisecond

// refusedFor is how long the server may refuse the credentials: it looks every 2 s
// whether somebody changed a password.
const refusedFor = 5 * time.Second

// Options of Open that are no settings.
type Options struct {
	Service string // whose platform it is
	Version string // build version
	// Tel is taken over as it is; nil makes one from the settings.
	Tel *telemetry.Telemetry
	// Dial reaches the nats-server; nil means Settings.Dialer of the Service.
	Dial Dial
	// Open waits until the streams and durables of Declared are there, so that no
	// event is published before those who wait for it are declared.
	Declared bus.Declaration
	// Declare has Open make what Declared says, and the object stores, first. Only
	// where every connection is the operator's: a server without users, in tests.
	Declare bool
	Clock   func() time.Time // nil means the true time
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
	Events   *nats.Conn // streams and KV, apart from calls
	JS       jetstream.JetStream
	Client   *rpc.Client // over RPC
	Keys     *keys.Master
	Clock    func() time.Time
	Stopping <-chan struct{} // closed when the process begins to stop: readiness turns red

	dial     Dial
	ownTel   bool
	watching metric.Registration // nil before Open has come so far

	mu      sync.Mutex
	calls   *nats.Conn // moves to another server when its own is to stop
	servers []*rpc.Server
	closed  bool
	moving  bool
	next    *nats.Conn // whose server said so during a move
	moves   sync.WaitGroup
	lasting context.Context // of moves; Close ends it
	end     context.CancelFunc
	again   int64 // reconnects of connections for calls that were left
	conns   []link
	closers []func() error // documents and blobs, in the order of opening
	store   *blob.Store

	ringMu sync.Mutex // apart: it is held while the server is waited for, and a scrape does not
	ring   *keys.Ring
}

// Open connects a service. It waits up to 30 s for the nats-server, so that
// processes may be started in any order.
func Open(ctx context.Context, s Settings, o Options) (_ *Platform, err error) {
	p := &Platform{Settings: s, Service: o.Service, Version: o.Version, Tel: o.Tel, Clock: o.Clock, Stopping: o.Stopping, dial: o.Dial}
	if p.Clock == nil {
		p.Clock = faultpoint.Now
	}
	p.lasting, p.end = context.WithCancel(context.WithoutCancel(ctx))
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
	if o.Declare {
		if err := Declare(ctx, p.Events, s, o.Declared, p.Tel); err != nil {
			return nil, err
		}
	}
	if err := p.verify(ctx, o.Declared); err != nil {
		return nil, err
	}
	if err := p.openKeys(ctx); err != nil {
		return nil, err
	}
	if err := p.watch(); err != nil {
		return nil, err
	}
	return p, nil
}

// NewTelemetry makes the telemetry that the settings ask for.
func NewTelemetry(ctx context.Context, s Settings, service, version string) (*telemetry.Telemetry, error) {
	return telemetry.New(ctx, telemetry.Config{
		Service: service, Version: version, LogLevel: s.Log.Level, LogFormat: s.Log.Format, Environ: settings.Environ(),
	})
}

// Flush shuts telemetry down. What a collector does not take is logged: it is no
// reason for a service to fail.
func Flush(ctx context.Context, tel *telemetry.Telemetry) {
	if err := tel.Shutdown(ctx); err != nil {
		tel.Log.WarnContext(ctx, "telemetry was not flushed", slog.Any(telemetry.KeyErr, err))
	}
}

func (p *Platform) connect(ctx context.Context) (err error) {
	calls, err := p.conn(ctx, useCalls)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.calls, p.Client = calls, rpc.NewClient(calls, rpc.ClientConfig{Tel: p.Tel}) // from now on they may move
	p.mu.Unlock()
	p.Events, err = p.conn(ctx, "events")
	return err
}

// conn opens one connection and repeats while the server is not there yet.
func (p *Platform) conn(ctx context.Context, use string, opts ...nats.Option) (*nats.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	told, refused := false, time.Time{}
	for {
		nc, err := p.tryConn(use, opts) //nolint:contextcheck // a move begins long after the connection was made
		if err == nil {
			p.mu.Lock()
			p.conns = append(p.conns, link{useOf(use), nc})
			p.mu.Unlock()
			return nc, nil
		}
		if errors.Is(err, errDamaged) { // files are put into place whole: it will not get better
			return nil, err
		}
		// The credentials may have been read just before the server wrote them, or
		// before it took them up.
		switch {
		case !errors.Is(err, nats.ErrAuthorization):
			refused = time.Time{}
		case refused.IsZero():
			refused = time.Now()
		case time.Since(refused) > refusedFor:
			return nil, err
		}
		if !told {
			p.Tel.Log.InfoContext(ctx, "waiting for the nats-server", "connection", use, telemetry.KeyErr, err)
			told = true
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
		d, err := p.Settings.Dialer(p.Service) // each time: the server may write its credentials meanwhile
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
		nats.LameDuckModeHandler(func(nc *nats.Conn) { p.leave(use, nc) }),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("the nats-server is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) { // it names the subject
				log.Error("the nats-server refused what this user may not; its users may be those of another version", telemetry.KeyErr, err)
				return
			}
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
	// The bucket itself is declared before anybody has a key.
	switch st, err := p.JS.Stream(ctx, "KV_"+natskv.Bucket); {
	case err == nil:
		return st.CachedInfo().State.LastSeq > 0, nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
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
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := rpc.NewServer(p.calls, rpc.ServerConfig{Name: name, Version: p.Version, Tel: p.Tel})
	if err == nil {
		p.servers = append(p.servers, s)
	}
	return s, err
}

// Bus makes a bus for the events of a service; the caller runs and closes it.
func (p *Platform) Bus(ctx context.Context, name string) (*bus.Bus, error) {
	return bus.New(ctx, p.JS, bus.Config{Name: name, Tel: p.Tel})
}

// Ring opens the key domains, once.
func (p *Platform) Ring(ctx context.Context) (*keys.Ring, error) {
	p.ringMu.Lock()
	defer p.ringMu.Unlock()
	if p.ring != nil {
		return p.ring, nil
	}
	var kv *natskv.Store
	err := await(ctx, p.Tel.Log, func(ctx context.Context) (err error) {
		kv, err = natskv.Find(ctx, p.JS)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the key domains: %w", err)
	}
	p.ring, err = keys.OpenRing(ctx, kv, p.Keys)
	return p.ring, err
}

// OnClose has Close close something else that stands on p, before p's connections
// and in the reverse order of OnClose. It may be called at any time before Close.
func (p *Platform) OnClose(closer func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closers = append(p.closers, closer)
}

// Close closes what was opened through p: documents, then connections, then
// telemetry that p made. Closing twice does nothing.
func (p *Platform) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true // nothing moves any more
	p.mu.Unlock()
	p.end()
	p.moves.Wait()
	p.mu.Lock()
	closers, conns, watching := p.closers, p.conns, p.watching
	p.closers, p.conns, p.watching = nil, nil, nil
	p.mu.Unlock()
	var errs []error
	if watching != nil {
		errs = append(errs, watching.Unregister())
	}
	for i := len(closers) - 1; i >= 0; i-- {
		errs = append(errs, closers[i]())
	}
	ctx, cancel := context.WithTimeout(ctx, flushWithin) // NATS insists on a deadline
	defer cancel()
	for i := len(conns) - 1; i >= 0; i-- {
		nc := conns[i].nc
		if err := nc.FlushWithContext(ctx); err != nil && !nc.IsClosed() && ctx.Err() == nil {
			errs = append(errs, fmt.Errorf("flushing a connection: %w", err))
		}
		nc.Close()
	}
	if p.ownTel {
		p.ownTel = false
		Flush(ctx, p.Tel)
	}
	return errors.Join(errs...)
}
