// Package edge is the HTTP listener of Sluice: it speaks the dialects, finds out
// who a caller is, and moves bytes between clients and the object stores. It
// keeps nothing itself.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/audit"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
	"github.com/sluicehq/sluice/services/edge/internal/clicks"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/fetch"
	"github.com/sluicehq/sluice/services/edge/internal/keystate"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// auditWindow is how long the record of a read may wait for company.
const auditWindow = 50 * time.Millisecond

// services are those that must answer before the edge says that it is ready.
func services() []string {
	return []string{"auth", "object", "upload", linksv1.Name, "stats", "webhook"}
}

// Unit is the edge as a process of its own.
func Unit(version string) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: "edge", Version: version, Default: Default(), New: New,
		Declared: streams.Declared,
	}
}

// Service is the edge. New makes it; lifecycle runs it.
type Service struct {
	cfg Config
	p   *platform.Platform
	own func() []netip.Addr // addresses of this machine, which no fetch reaches

	ready     *readiness
	urls      *outbound.Client
	fetches   *bus.Bus // of remote URLs; nil when this edge fetches none
	fetcher   *fetch.Worker
	relay     *transfer.Relay
	listeners []*listener
	failed    chan error // of a listener or a background part
	stopped   chan struct{}
	stopOnce  sync.Once
	cancel    context.CancelFunc // ends the background parts
	parts     sync.WaitGroup
}

// listener is one address with its server.
type listener struct {
	ln  net.Listener
	srv *http.Server
	tls bool
}

// New sets the edge up; it opens nothing yet.
func New(cfg Config, p *platform.Platform) (lifecycle.Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, p: p, own: outbound.Interfaces, failed: make(chan error, 4), stopped: make(chan struct{})}, nil
}

// Start opens the blob store and the listeners. It does not wait for the other
// services: /readyz does, and requests that need one that is away get 503.
func (s *Service) Start(ctx context.Context) (err error) {
	store, err := s.p.Blobs(ctx)
	if err != nil {
		return fmt.Errorf("opening the blob store: %w", err)
	}
	bytes, err := s.p.Bulk(ctx, 1) // of streams alone: an overrun cuts all that share a connection
	if err != nil {
		return fmt.Errorf("connecting for streams: %w", err)
	}
	meter, err := transfer.NewMeter(s.p.Tel)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	blobs := transfer.Counted{Blobs: transfer.Stored{Store: store}, Meter: meter}
	s.relay = &transfer.Relay{Link: transfer.NATS{Conn: bytes[0]}, Meter: meter, Tracer: s.p.Tel.Tracer("edge")}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	auth := authv1.NewClient(s.p.Client)
	states := keystate.New(auth, s.p.Clock, s.p.Tel.Log)
	s.part(func() error { return states.Run(background, s.p.Events, s.p.JS) })
	recorder, err := audit.New(audit.JetStream(s.p.JS), auditWindow, s.p.Tel)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	s.part(func() error { recorder.Run(background); return nil })
	watch, err := bus.NewWatch(s.p.JS, s.p.Tel, streams.Audit) // which nobody consumes
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	s.part(func() error { watch.Run(background); return nil })
	objects := objectv1.NewClient(s.p.Client)
	downloads := core.NewDownloads(objects, s.p.Tel.Log)
	s.part(func() error { downloads.Run(background); return nil })
	links := linksv1.NewClient(s.p.Client)
	badges, err := badge.New(links, s.p.Clock, s.p.Tel)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	s.part(func() error { return badges.Run(background, s.p.JS) })
	views, err := clicks.New(clicks.JetStream(s.p.JS), s.p.Keys.Signer(clicks.PurposeSalt), s.p.Clock, s.p.Tel)
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	s.part(func() error { views.Run(background); return nil })
	s.urls = outbound.New(outbound.Config{Allow: s.p.Settings.OutboundAllow, Timeout: 5 * time.Second})
	if s.cfg.Fetch.Concurrency > 0 {
		if err := s.fetch(ctx, background, blobs, objects); err != nil {
			return err
		}
	}
	s.ready = &readiness{checks: s.checks(), now: s.p.Clock}
	public, admin, err := Handlers(s.cfg, Deps{
		Auth: auth, Object: objects, Upload: uploadv1.NewClient(s.p.Client), Plik: uploadv1.NewPlikClient(s.p.Client),
		Links: links, Clicks: views, Badges: badges, Stats: statsv1.NewClient(s.p.Client), Webhooks: webhookv1.NewClient(s.p.Client),
		Drive: objectv1.NewDriveClient(s.p.Client), Fetches: uploadv1.NewFetchClient(s.p.Client),
		HostingLinks: s.p.Keys.Signer(core.PurposeHosting), FolderPasswords: s.p.Keys.Signer(core.PurposeFolderPassword),
		Pages: s.p.Keys.Sealer(core.PurposePages), Stopping: s.p.Stopping,
		Blobs: blobs, Relay: s.relay, Tokens: accessTokens(s.p.Keys), Signer: urlTokens(s.p.Keys), Keys: states, URLs: s.urls,
		FileKeys: s.p.Keys.Signer(core.PurposeFileKey), FileLinks: s.p.Keys.Signer(core.PurposeLink),
		PlikXSRF: s.p.Keys.Signer(core.PurposePlikXSRF), Logins: s.p.Keys.Token(core.PurposePlikLogin, core.PlikLoginPrefix), Regions: s.p.Settings.Regions, Downloads: downloads,
		Version: s.p.Version, Audit: recorder, Ready: s.ready.check, Tel: s.p.Tel, Now: s.p.Clock,
	})
	if err != nil {
		return err
	}
	if err := s.listen(ctx, s.cfg.HTTPAddr, public, s.cfg.HTTP.TLSCert != ""); err != nil {
		return err
	}
	if s.cfg.AdminAddr != "" {
		return s.listen(ctx, s.cfg.AdminAddr, admin, false)
	}
	return nil
}

// accessTokens reads what auth mints.
func accessTokens(m *keys.Master) *keys.Token {
	return m.Token(authv1.PurposeAccessToken, authv1.TokenPrefix)
}

// urlTokens signs URLs, and reads them on any edge.
func urlTokens(m *keys.Master) *keys.Token {
	return m.Token(core.PurposeSignedURL, core.SignedURLPrefix)
}

// checks is what /readyz asks.
func (s *Service) checks() map[string]func(context.Context) error {
	out := map[string]func(context.Context) error{"nats": func(context.Context) error {
		if !s.p.Connected() {
			return fault.ErrUnavailable
		}
		return nil
	}}
	for _, name := range services() {
		out[name] = func(ctx context.Context) error { return rpc.Ping(ctx, s.p.Client, name) }
	}
	return out
}

func (s *Service) listen(ctx context.Context, addr string, h http.Handler, tls bool) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	c := s.cfg.HTTP
	s.listeners = append(s.listeners, &listener{ln: ln, tls: tls, srv: &http.Server{
		Handler: parting(s.p.Stopping, h), ReadHeaderTimeout: c.HeaderTimeout, IdleTimeout: c.IdleTimeout, MaxHeaderBytes: int(c.MaxHeaderBytes),
		ConnContext: dialect.ConnContext, ErrorLog: slog.NewLogLogger(s.p.Tel.Log.Handler(), slog.LevelDebug),
	}})
	s.p.Tel.Log.InfoContext(ctx, "listening", slog.String(telemetry.KeyAddr, ln.Addr().String()), slog.Bool("tls", tls))
	return nil
}

// Addrs gives where the listeners are, the public one first; for tests that let
// the system choose a port.
func (s *Service) Addrs() []string {
	out := make([]string, len(s.listeners))
	for i, l := range s.listeners {
		out[i] = l.ln.Addr().String()
	}
	return out
}

// part runs a background part until cancel; one that fails fails the service.
func (s *Service) part(run func() error) {
	s.parts.Go(func() {
		if err := run(); err != nil {
			s.fail(err)
		}
	})
}

func (s *Service) fail(err error) {
	select {
	case s.failed <- err:
	default: // one failure is enough to stop
	}
}

// Run serves until Stop.
func (s *Service) Run(ctx context.Context) error {
	var serving sync.WaitGroup
	for _, l := range s.listeners {
		serving.Go(func() {
			err := l.serve(s.cfg.HTTP)
			if !errors.Is(err, http.ErrServerClosed) {
				s.fail(fmt.Errorf("serving %s: %w", l.ln.Addr(), err))
			}
		})
	}
	defer serving.Wait()
	select {
	case <-ctx.Done():
		return nil
	case <-s.stopped:
		return nil
	case <-s.p.Stopping: // told before Stop: only readiness changes
		s.ready.drain()
	case err := <-s.failed:
		s.closeAll()
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.stopped:
	case err := <-s.failed:
		s.closeAll()
		return err
	}
	return nil
}

func (l *listener) serve(c HTTP) error {
	if l.tls {
		return l.srv.ServeTLS(l.ln, c.TLSCert, c.TLSKey) //nolint:wrapcheck // the caller names the listener
	}
	return l.srv.Serve(l.ln) //nolint:wrapcheck // as above
}

// Stop lets the transfers under way finish, within ctx, and cuts what is left.
func (s *Service) Stop(ctx context.Context) error {
	s.ready.drain()
	s.relay.Drain()
	fetches := make(chan error, 1)
	go func() { fetches <- s.endFetches(ctx) }()
	var errs []error
	for _, l := range s.listeners {
		if err := l.srv.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("transfers were cut: %w", err), l.srv.Close())
		}
	}
	errs = append(errs, <-fetches)
	s.stopOnce.Do(func() { close(s.stopped) })
	s.release()
	return errors.Join(errs...)
}

func (s *Service) closeAll() {
	for _, l := range s.listeners {
		_ = l.srv.Close() // the service has failed; its reason is what counts
	}
}

// release ends the background parts, the audit's last message included.
func (s *Service) release() {
	s.cancel()
	s.parts.Wait()
	for _, l := range s.listeners {
		_ = l.ln.Close() // closed already, where it was served
	}
	if s.urls != nil {
		s.urls.Close()
	}
	if s.fetcher != nil {
		s.fetcher.Close()
	}
}
