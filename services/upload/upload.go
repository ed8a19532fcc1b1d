// Package upload is the service that owns what is on its way in: one record per
// ingest, its lease, and the sweep of abandoned ones. Its contract is
// contracts/upload/v1.
package upload

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/platform/documents"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/services/upload/internal/consumer"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
	"github.com/sluicehq/sluice/services/upload/internal/endpoint"
	"github.com/sluicehq/sluice/services/upload/internal/store"
)

// Name is the service's name: its database, its subjects' first token.
const Name = "upload"

const (
	// claimFor is how long a copy has for an abort before others may try it too.
	claimFor = 30 * time.Second
	// plikInterval is how often at least lapsed leases of temporary uploads are
	// looked for: lease, grace and interval together are what a killed edge's entry
	// stays "uploading".
	plikInterval = 5 * time.Second
	// fetchInterval is the same for lapsed leases of fetches.
	fetchInterval = 5 * time.Second
	// grace covers clocks that differ between hosts.
	grace = 5 * time.Second
)

// Unit is upload as a process of its own.
func Unit(version string) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: Name, Version: version, Default: Default(), Declared: streams.Declared,
		New: func(c Config, p *platform.Platform) (lifecycle.Service, error) { return New(c, p) },
	}
}

// Service is upload. Make it by New; it is started, run and stopped once.
type Service struct {
	cfg    Config
	p      *platform.Platform
	domain *domain.Service
	multi  *domain.Multiparts
	sess   *domain.Sessions
	pliks  *domain.Pliks
	fetch  *domain.Fetches
	urls   *outbound.Client // judges URLs, sends nothing
	relay  *bus.Relay
	bus    *bus.Bus
	meter  *meter
	server *rpc.Server

	end     context.CancelFunc // ends the sweeps
	ended   context.Context
	running sync.WaitGroup
}

var _ lifecycle.Service = (*Service)(nil)

// New makes the service on a platform. Nothing happens before Start.
func New(cfg Config, p *platform.Platform) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, p: p}, nil
}

// Start implements lifecycle.Service. The first sweep runs beside the first
// calls: it may have to wait for object.
func (s *Service) Start(ctx context.Context) error {
	db, err := documents.Open(ctx, s.p, Name)
	if err != nil {
		return err
	}
	ingests, err := store.Open(ctx, db)
	if err != nil {
		return err
	}
	multiparts, err := store.OpenMultiparts(ctx, db)
	if err != nil {
		return err
	}
	sessions, err := store.OpenSessions(ctx, db)
	if err != nil {
		return err
	}
	pliks, err := store.OpenPliks(ctx, db)
	if err != nil {
		return err
	}
	fetches, err := store.OpenFetches(ctx, db)
	if err != nil {
		return err
	}
	if s.meter, err = newMeter(s.p.Tel, counts{
		ingests.Count, multiparts.CountOpen, sessions.CountOpenSessions, pliks.CountLeases, fetches.CountFetches,
	}); err != nil {
		return err
	}
	set, objects := s.cfg.Upload, objectv1.NewClient(s.p.Client)
	s.domain = domain.New(domain.Options{Lease: set.Lease, Retry: claimFor, Grace: grace}, domain.Deps{
		Store: ingests, Objects: objects, Meter: s.meter, Clock: s.p.Clock, Log: s.p.Tel.Log,
	})
	s.multi = domain.NewMultiparts(domain.MultipartOptions{
		MinPart: int64(set.MinPartSize), Expiry: set.MultipartExpiry, Retry: claimFor, Grace: grace,
	}, domain.MultipartDeps{Store: multiparts, Objects: objects, Meter: s.meter, Clock: s.p.Clock, Log: s.p.Tel.Log})
	s.sess = domain.NewSessions(domain.SessionOptions{Expiry: set.SessionExpiry, Retry: claimFor, Grace: grace}, domain.SessionDeps{
		Store: sessions, Objects: objects, Meter: s.meter, Clock: s.p.Clock, Log: s.p.Tel.Log,
	})
	s.pliks = domain.NewPliks(domain.PlikOptions{Retry: claimFor, Grace: grace}, domain.PlikDeps{
		Store: pliks, Objects: objects, Accounts: authv1.NewClient(s.p.Client), Vault: store.NewPlikVault(s.p.Keys),
		Meter: s.meter, Clock: s.p.Clock, Log: s.p.Tel.Log,
	})
	if err := s.openFetches(ctx, db, fetches); err != nil {
		return errors.Join(err, s.meter.close())
	}
	if s.server, err = s.p.NewServer(Name); err != nil {
		return errors.Join(fmt.Errorf("serving the calls of upload: %w", err), s.meter.close())
	}
	s.ended, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(s.sweeps)
	s.running.Go(s.sweepPliks)
	s.running.Go(s.sweepFetches)
	err = errors.Join(
		uploadv1.Register(s.server, endpoint.New(s.domain, s.multi, s.sess)), uploadv1.RegisterPlik(s.server, endpoint.NewPlik(s.pliks)),
		uploadv1.RegisterFetch(s.server, endpoint.NewFetch(s.fetch, s.urls)),
	)
	if err != nil {
		return errors.Join(fmt.Errorf("serving the calls of upload: %w", err), s.Stop(ctx))
	}
	return nil
}

// openFetches makes the part of remote URLs, with what it hears and publishes.
func (s *Service) openFetches(ctx context.Context, db docstore.DB, fetches *store.Fetches) (err error) {
	s.relay = s.p.Relay(db)
	if s.bus, err = s.p.Bus(ctx, Name); err != nil {
		return err
	}
	s.fetch = domain.NewFetches(domain.FetchOptions{Retry: s.cfg.Upload.FetchRetry, Grace: grace}, domain.FetchDeps{
		Store: fetches, Accounts: authv1.NewClient(s.p.Client), Timers: consumer.FetchTimers{T: s.bus.Timers()},
		Meter: s.meter, Clock: s.p.Clock, Log: s.p.Tel.Log,
	})
	if err := consumer.SubscribeFetches(s.bus, s.fetch); err != nil { //nolint:contextcheck // handlers get the deliveries' contexts
		return fmt.Errorf("subscribing to timers: %w", err)
	}
	s.urls = outbound.New(outbound.Config{Allow: s.p.Settings.OutboundAllow, Resolver: nobodyKnows{}})
	return nil
}

// nobodyKnows looks no name up: a URL is judged by its form and by the address
// that it spells out. What its name stands for may change until it is fetched.
type nobodyKnows struct{}

// LookupNetIP implements outbound.Resolver.
func (nobodyKnows) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("names are not looked up here")
}

// Run implements lifecycle.Service: the timers and the outbox.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var parts sync.WaitGroup
	parts.Go(func() {
		select {
		case <-s.ended.Done():
			cancel()
		case <-ctx.Done():
		}
	})
	failed := make(chan error, 2)
	part := func(run func(context.Context) error) {
		parts.Go(func() {
			if err := run(ctx); err != nil {
				failed <- err
				cancel()
			}
		})
	}
	part(s.relay.Run)
	part(s.bus.Run)
	<-ctx.Done()
	parts.Wait()
	close(failed)
	return <-failed
}

// Stop implements lifecycle.Service: calls first, then timers and the sweeps.
func (s *Service) Stop(ctx context.Context) error {
	err := errors.Join(s.server.Stop(ctx), s.bus.Close(ctx))
	s.end()
	s.running.Wait()
	s.urls.Close()
	return errors.Join(err, s.meter.close())
}

// sweeps sweeps at once, at every interval, and uploads of many requests also
// when they ask for it.
func (s *Service) sweeps() {
	t := time.NewTicker(s.cfg.Upload.SweepInterval)
	defer t.Stop()
	ingests := func() { s.sweep("ingests", s.domain.Sweep) }
	multiparts := func() { s.sweep("multipart uploads", s.multi.Sweep) }
	sessions := func() { s.sweep("sessions", s.sess.Sweep) }
	ingests()
	multiparts()
	sessions()
	for {
		select {
		case <-s.ended.Done():
			return
		case <-s.multi.Wanted():
			multiparts()
		case <-s.sess.Wanted():
			sessions()
		case <-t.C:
			ingests()
			multiparts()
			sessions()
		}
	}
}

// sweepPliks sweeps temporary uploads at once, at every interval, and when they
// ask for it.
func (s *Service) sweepPliks() {
	t := time.NewTicker(min(s.cfg.Upload.SweepInterval, plikInterval))
	defer t.Stop()
	for {
		s.sweep("temporary uploads", s.pliks.Sweep)
		select {
		case <-s.ended.Done():
			return
		case <-s.pliks.Wanted():
		case <-t.C:
		}
	}
}

// sweepFetches sweeps fetches at once and at every interval.
func (s *Service) sweepFetches() {
	t := time.NewTicker(min(s.cfg.Upload.SweepInterval, fetchInterval))
	defer t.Stop()
	for {
		s.sweep("fetches", s.fetch.Sweep)
		select {
		case <-s.ended.Done():
			return
		case <-t.C:
		}
	}
}

func (s *Service) sweep(what string, sweep func(context.Context) (int, error)) {
	n, err := sweep(s.ended)
	log := s.p.Tel.Log
	if n > 0 {
		log.InfoContext(s.ended, "the sweep went on with uploads that were due", "of", what, "uploads", n)
	}
	if err != nil && s.ended.Err() == nil {
		log.WarnContext(s.ended, "the sweep left something for the next one", "of", what, "err", err)
	}
}
