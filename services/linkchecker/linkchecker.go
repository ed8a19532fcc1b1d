// Package linkchecker is the service that owns link containers and what is known
// of their links. Its contract is contracts/links/v1.
package linkchecker

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/platform/documents"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/services/linkchecker/internal/check"
	"github.com/sluicehq/sluice/services/linkchecker/internal/consumer"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
	"github.com/sluicehq/sluice/services/linkchecker/internal/endpoint"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
	"github.com/sluicehq/sluice/services/linkchecker/internal/store"
)

const (
	// Name is the service's name: its database, the name of its calls' server.
	Name = "linkchecker"
	// sweepGrace leaves what has just been written to its writer.
	sweepGrace = 5 * time.Second
	hashAtOnce = 2
	hostsEvery = 5 * time.Minute
)

// Unit is linkchecker as a process of its own.
func Unit(version string) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: Name, Version: version, Default: Default(), Declared: streams.Declared,
		New: func(c Config, p *platform.Platform) (lifecycle.Service, error) { return New(c, p) },
	}
}

// Service is linkchecker. Make it by New; it is started, run and stopped once.
type Service struct {
	cfg Config
	p   *platform.Platform

	relay   *bus.Relay
	bus     *bus.Bus
	book    *hosts.Book
	domain  *domain.Service
	checker *check.Checker // nil when this copy does none
	server  *rpc.Server
}

var _ lifecycle.Service = (*Service)(nil)

// New makes the service on a platform. Nothing happens before Start.
func New(cfg Config, p *platform.Platform) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, p: p}, nil
}

// Start implements lifecycle.Service.
func (s *Service) Start(ctx context.Context) error {
	if _, err := s.p.Bucket(ctx, linksv1.BadgeBucket); err != nil { // the containers' outboxes write to it
		return err
	}
	db, err := documents.Open(ctx, s.p, Name)
	if err != nil {
		return err
	}
	s.relay = s.p.Relay(db)
	if s.bus, err = s.p.Bus(ctx, Name); err != nil {
		return err
	}
	if s.book, err = s.cfg.Links.book(); err != nil {
		return err
	}
	if s.domain, err = s.newDomain(ctx, db); err != nil {
		return err
	}
	if err := consumer.Subscribe(s.bus, s.domain); err != nil { //nolint:contextcheck // handlers get the deliveries' contexts
		return fmt.Errorf("subscribing to timers: %w", err)
	}
	if s.cfg.Links.Checks {
		if err := s.newChecker(ctx, db); err != nil {
			return err
		}
	}
	if s.server, err = s.p.NewServer(linksv1.Name); err != nil {
		return err
	}
	if err := linksv1.Register(s.server, endpoint.New(s.domain)); err != nil {
		return errors.Join(fmt.Errorf("serving the calls of linkchecker: %w", err), s.server.Stop(ctx))
	}
	return nil
}

func (s *Service) newDomain(ctx context.Context, db docstore.DB) (*domain.Service, error) {
	containers, err := store.OpenContainers(ctx, db)
	if err != nil {
		return nil, err
	}
	links, err := store.OpenLinks(ctx, db)
	if err != nil {
		return nil, err
	}
	urls, err := store.OpenURLs(ctx, db)
	if err != nil {
		return nil, err
	}
	usages, err := store.OpenUsages(ctx, db)
	if err != nil {
		return nil, err
	}
	set := s.cfg.Links
	steps, err := set.steps()
	if err != nil {
		return nil, err
	}
	return domain.New(domain.Options{Steps: steps, Lost: set.Requeue, Stale: set.Stale, Grace: sweepGrace}, domain.Deps{
		Containers: containers, Links: links, URLs: urls, Usages: usages,
		Passwords: password.NewHasher(password.Config{
			MemoryKiB: uint32(set.HashMemory >> 10), Passes: uint32(set.HashPasses), AtOnce: hashAtOnce, //nolint:gosec // Validate bounds them
		}),
		Passes: store.NewPasses(s.p.Keys), Timers: consumer.Timers{T: s.bus.Timers()},
		Lane:  s.lane,
		Clock: s.p.Clock, Log: s.p.Tel.Log,
	}), nil
}

// lane is where an address is checked.
func (s *Service) lane(a linksv1.Address) (normal, host string) {
	u, err := url.Parse(a.Normal)
	if err != nil {
		return a.Normal, a.Host
	}
	return s.book.Lane(u)
}

func (s *Service) newChecker(ctx context.Context, db docstore.DB) error {
	set := s.cfg.Links
	gate, err := check.OpenGate(ctx, db, s.p.Clock, set.Timeout)
	if err != nil {
		return err
	}
	meter, err := check.NewMeter(s.p.Tel, Name)
	if err != nil {
		return fmt.Errorf("setting up the metrics of checks: %w", err)
	}
	//nolint:contextcheck // workers outlive the start
	s.checker = check.New(check.Deps{Ledger: s.domain, Book: s.book, Gate: gate, Meter: meter, Clock: s.p.Clock, Log: s.p.Tel.Log},
		outbound.Config{Allow: s.p.Settings.OutboundAllow, Timeout: set.Timeout, Own: outbound.Interfaces, Tel: s.p.Tel, Purpose: "check"}, set.InFlight)
	if err := bus.SubscribeRaw(s.bus, streams.LinksChecks(), s.checker.Handle); err != nil { //nolint:contextcheck // as consumer.Subscribe
		return fmt.Errorf("subscribing to checks: %w", err)
	}
	return nil
}

// Run implements lifecycle.Service: the timers, the checks, the sweeps, the outbox.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.relay.Run(ctx) })
	g.Go(func() error { return s.bus.Run(ctx) })
	g.Go(func() error { s.sweeps(ctx); return nil })
	if s.checker != nil {
		g.Go(func() error { s.sweepHosts(ctx); return nil })
	}
	return g.Wait()
}

// Stop implements lifecycle.Service: no more calls, no more timers; checks that
// wait go back to the queue.
func (s *Service) Stop(ctx context.Context) error {
	err := s.server.Stop(ctx)
	if s.checker == nil {
		return errors.Join(err, s.bus.Close(ctx))
	}
	var g errgroup.Group // the bus waits for handlers, who wait for the checker
	g.Go(func() error { return s.bus.Close(ctx) })
	g.Go(func() error { return s.checker.Close(ctx) })
	return errors.Join(err, g.Wait())
}

// sweepHosts forgets hosts that nobody asks any more.
func (s *Service) sweepHosts(ctx context.Context) {
	t := time.NewTicker(hostsEvery)
	defer t.Stop()
	for {
		if err := s.checker.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.p.Tel.Log.WarnContext(ctx, "hosts that nobody asks stay for now", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// sweeps sweeps at once, at every interval, and when the domain asks for it.
func (s *Service) sweeps(ctx context.Context) {
	t := time.NewTicker(s.cfg.Links.Sweep)
	defer t.Stop()
	log := s.p.Tel.Log
	for {
		n, err := s.domain.Sweep(ctx)
		if n > 0 {
			log.DebugContext(ctx, "the sweep went on with what was due", "documents", n)
		}
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the sweep left something for the next one", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.domain.Wanted():
		case <-t.C:
		}
	}
}
