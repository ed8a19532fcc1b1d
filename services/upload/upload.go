// Package upload is the service that owns what is on its way in: one record per
// ingest, its lease, and the sweep of abandoned ones. Its contract is
// contracts/upload/v1.
package upload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
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
	// grace covers clocks that differ between hosts.
	grace = 5 * time.Second
)

// Unit is upload as a process of its own.
func Unit(version string) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: Name, Version: version, Default: Default(), Streams: streams.All, Consumers: streams.Consumers(),
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
	db, err := s.p.Docs(ctx, Name)
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
	if s.meter, err = newMeter(s.p.Tel.Meter(Name), counts{ingests.Count, multiparts.CountOpen, sessions.CountOpenSessions, pliks.CountLeases}); err != nil {
		return fmt.Errorf("setting up metrics: %w", err)
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
	if s.server, err = s.p.NewServer(Name); err != nil {
		return errors.Join(fmt.Errorf("serving the calls of upload: %w", err), s.meter.close())
	}
	s.ended, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(s.sweeps)
	s.running.Go(s.sweepPliks)
	err = errors.Join(
		uploadv1.Register(s.server, endpoint.New(s.domain, s.multi, s.sess)), uploadv1.RegisterPlik(s.server, endpoint.NewPlik(s.pliks)),
	)
	if err != nil {
		return errors.Join(fmt.Errorf("serving the calls of upload: %w", err), s.Stop(ctx))
	}
	return nil
}

// Run implements lifecycle.Service.
func (s *Service) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-s.ended.Done():
	}
	return nil
}

// Stop implements lifecycle.Service: calls first, then the sweep.
func (s *Service) Stop(ctx context.Context) error {
	err := s.server.Stop(ctx)
	s.end()
	s.running.Wait()
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
