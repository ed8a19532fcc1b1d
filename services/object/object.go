// Package object runs the object service: buckets, objects and their versions,
// the contents behind them, usage and quota, and what a bucket notifies.
package object

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/platform/documents"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/services/object/internal/domain"
	"github.com/sluicehq/sluice/services/object/internal/endpoint"
	"github.com/sluicehq/sluice/services/object/internal/store"
)

// Name is the service's name: of its database, its calls and its metrics.
const Name = "object"

// jobQueue bounds the background work that waits in memory; more is left to the sweep.
const jobQueue = 8192

// purposeListToken is the keys purpose that authenticates continuation tokens.
const purposeListToken = "object-list-token"

// Unit is object as a process of its own.
func Unit(version string) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: Name, Version: version, Default: Default(),
		New:      func(c Config, p *platform.Platform) (lifecycle.Service, error) { return New(c, p) },
		Declared: streams.Declared,
	}
}

// Service is the object service in a process.
type Service struct {
	cfg Config
	p   *platform.Platform
	log *slog.Logger

	relay  *bus.Relay
	domain *domain.Service
	object *endpoint.Object
	meter  *meter
	server *rpc.Server
	urls   *outbound.Client

	stop    context.CancelFunc // ends sweeps and collections, then Run
	stopped context.Context
	flush   context.CancelFunc // ends relay and background work
	flushed context.Context
	running sync.WaitGroup
}

var _ lifecycle.Service = (*Service)(nil)

// New makes the service on a platform; Start opens what it needs.
func New(cfg Config, p *platform.Platform) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, p: p, log: p.Tel.Log}, nil
}

// Start implements lifecycle.Service.
func (s *Service) Start(ctx context.Context) error {
	db, err := documents.Open(ctx, s.p, Name)
	if err != nil {
		return err
	}
	blobs, err := s.p.Blobs(ctx)
	if err != nil {
		return err
	}
	if err := s.assemble(ctx, db, blobs); err != nil {
		return err
	}
	if s.server, err = s.p.NewServer(Name); err != nil {
		return fmt.Errorf("serving calls: %w", err)
	}
	s.stopped, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.flushed, s.flush = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() {
		if err := s.relay.Run(s.flushed); err != nil && s.flushed.Err() == nil {
			s.log.Error("the relay ended", "err", err)
			s.stop()
		}
	})
	s.running.Go(func() { s.domain.Run(s.flushed) })
	s.running.Go(func() {
		s.sweep(s.stopped) // what a crash left is old already
		every(s.stopped, s.cfg.Object.SweepInterval, s.domain.Wanted(), s.sweep)
	})
	s.running.Go(func() { s.domain.RunTallies(s.stopped) })
	s.running.Go(func() {
		if err := blobs.Watch(s.stopped); err != nil {
			s.log.Error("the object stores are not measured", "err", err)
		}
	})
	s.running.Go(func() { every(s.stopped, s.cfg.GC.Interval, nil, s.collect) })
	if err := errors.Join(objectv1.Register(s.server, s.object), objectv1.RegisterDrive(s.server, s.object)); err != nil {
		return errors.Join(fmt.Errorf("serving calls: %w", err), s.Stop(ctx))
	}
	return nil
}

// blobStore is what the service does with contents; *blob.Store is one.
type blobStore interface {
	endpoint.Collector
	domain.Composer
}

// assemble joins the parts of the service.
func (s *Service) assemble(ctx context.Context, db docstore.DB, blobs blobStore) error {
	st, err := store.Open(ctx, db)
	if err != nil {
		return fmt.Errorf("opening the collections: %w", err)
	}
	if s.meter, err = newMeter(s.p.Tel); err != nil {
		return err
	}
	s.relay = s.p.Relay(db)
	s.urls = outbound.New(outbound.Config{Allow: s.p.Settings.OutboundAllow})
	s.domain = domain.New(domain.Options{
		Regions: s.p.Settings.Regions, MaxBacklog: int64(s.cfg.Object.MaxBacklog), Workers: s.cfg.Object.Workers, Queue: jobQueue,
		TrashKeep: s.cfg.Object.TrashKeep,
	}, domain.Deps{
		Store: st, URLs: s.urls, Sealer: s.p.Keys.Sealer(objectv1.PurposeWebhookSecret),
		Signer: s.p.Keys.Signer(purposeListToken), Composer: blobs, Log: s.log, Clock: s.p.Clock, Backlog: s.relay.Backlog, Swept: s.meter.swept,
	})
	s.object = endpoint.New(s.domain, blobs)
	return nil
}

// Run implements lifecycle.Service.
func (s *Service) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-s.stopped.Done():
	}
	return nil
}

// Stop implements lifecycle.Service: calls first, then what they left to the
// background, then their events.
func (s *Service) Stop(ctx context.Context) error {
	err := s.server.Stop(ctx)
	s.stop()
	s.flush()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.running.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("finishing background work: %w", ctx.Err()))
	}
	s.urls.Close()
	return err
}

func (s *Service) sweep(ctx context.Context) {
	began := time.Now()
	err := s.domain.Sweep(ctx)
	if ctx.Err() != nil {
		return
	}
	s.meter.ran(ctx, began, err)
	if err != nil {
		s.log.WarnContext(ctx, "the sweep left something for the next one", "err", err)
	}
}

func (s *Service) collect(ctx context.Context) {
	r, err := s.object.CollectGarbage(ctx, objectv1.CollectGarbageRequest{})
	switch {
	case err == nil:
		s.log.InfoContext(ctx, "collected blobs", "contents", r.Contents, "segments", r.Segments,
			"condemned", r.Condemned, "purged", r.Purged, "freed_bytes", r.FreedBytes)
	case errors.Is(err, objectv1.ErrCollectorBusy) || ctx.Err() != nil:
	default:
		s.log.WarnContext(ctx, "collecting blobs failed", "err", err)
	}
}

// every does work again and again, with a little jitter so that copies of the
// service do not do it all at once, and before its time when it is wanted. An
// interval of 0 never does it.
func every(ctx context.Context, interval time.Duration, wanted <-chan struct{}, work func(context.Context)) {
	if interval <= 0 {
		return
	}
	for {
		t := time.NewTimer(interval - time.Duration(rand.Int64N(int64(interval/10)+1)))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-wanted:
			t.Stop()
			work(ctx)
		case <-t.C:
			work(ctx)
		}
	}
}
