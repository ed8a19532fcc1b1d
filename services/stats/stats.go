// Package stats is the service that counts: clicks on link containers, by day and
// by where they came from. Its contract is contracts/stats/v1.
package stats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/errgroup"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/platform/documents"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/stats/internal/clicks"
	"github.com/sluicehq/sluice/services/stats/internal/endpoint"
)

// Name is the service's name: its database, its subjects' first token.
const Name = "stats"

// Unit is stats as a process of its own.
func Unit(version string) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: Name, Version: version, Default: Default(), Declared: streams.Declared,
		New: func(c Config, p *platform.Platform) (lifecycle.Service, error) { return New(c, p) },
	}
}

// Service is stats. Make it by New; it is started, run and stopped once.
type Service struct {
	cfg     Config
	p       *platform.Platform
	counter *clicks.Counter
	bus     *bus.Bus
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

// meter implements clicks.Meter.
type meter struct {
	clicks metric.Int64Counter
	of     telemetry.Values[clicks.Outcome]
}

func newMeter(tel *telemetry.Telemetry) (meter, error) {
	in := tel.Instruments(Name)
	m := meter{
		clicks: in.Counter("sluice.stats.clicks", "{click}", "clicks that came, by what became of them"),
		of:     telemetry.NewValues("sluice.outcome", []clicks.Outcome{clicks.Counted, clicks.Repeated, clicks.Late, clicks.Gone}),
	}
	m.of.Start(m.clicks)
	return m, in.Err()
}

// Clicked implements clicks.Meter.
func (m meter) Clicked(o clicks.Outcome) { m.clicks.Add(context.Background(), 1, m.of.Of(o).Add...) }

// Start implements lifecycle.Service.
func (s *Service) Start(ctx context.Context) error {
	db, err := documents.Open(ctx, s.p, Name)
	if err != nil {
		return err
	}
	meter, err := newMeter(s.p.Tel)
	if err != nil {
		return err
	}
	set := s.cfg.Stats
	if s.counter, err = clicks.Open(ctx, db, clicks.Options{Fold: set.Fold, Days: set.Days}, s.p.Clock, meter); err != nil {
		return err
	}
	if s.bus, err = s.p.Bus(ctx, Name); err != nil {
		return err
	}
	if err := s.subscribe(); err != nil { //nolint:contextcheck // handlers get the deliveries' contexts
		return fmt.Errorf("subscribing to events: %w", err)
	}
	if s.server, err = s.p.NewServer(Name); err != nil {
		return err
	}
	if err := statsv1.Register(s.server, endpoint.New(s.counter)); err != nil {
		return errors.Join(fmt.Errorf("serving the calls of stats: %w", err), s.server.Stop(ctx))
	}
	return nil
}

func (s *Service) subscribe() error {
	return errors.Join(
		bus.Subscribe(s.bus, streams.StatsClicks(), statsv1.Clicked, func(ctx context.Context, _ bus.Envelope, e statsv1.ClickEvent) error {
			return s.counter.Count(ctx, e)
		}),
		bus.Subscribe(s.bus, streams.StatsContainers(), linksv1.ContainerDeleted, func(ctx context.Context, _ bus.Envelope, e linksv1.ContainerEvent) error {
			return s.counter.Drop(ctx, e.Container.ID)
		}),
	)
}

// Run implements lifecycle.Service: the consumers and the sweep.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.bus.Run(ctx) })
	g.Go(func() error { s.sweeps(ctx); return nil })
	return g.Wait()
}

func (s *Service) sweeps(ctx context.Context) {
	t := time.NewTicker(s.cfg.Stats.Sweep)
	defer t.Stop()
	for {
		n, err := s.counter.Sweep(ctx)
		if n > 0 {
			s.p.Tel.Log.InfoContext(ctx, "days and months of clicks were folded", "documents", n)
		}
		if err != nil && ctx.Err() == nil {
			s.p.Tel.Log.WarnContext(ctx, "the sweep left something for the next one", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Stop implements lifecycle.Service: no more calls, no more events.
func (s *Service) Stop(ctx context.Context) error {
	return errors.Join(s.server.Stop(ctx), s.bus.Close(ctx))
}
