// Package webhook is the service that tells receivers outside what happened to
// objects, to containers and to links. Its contract is contracts/webhook/v1.
package webhook

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/platform/documents"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/services/webhook/internal/consumer"
	"github.com/sluicehq/sluice/services/webhook/internal/dispatch"
	"github.com/sluicehq/sluice/services/webhook/internal/endpoint"
	"github.com/sluicehq/sluice/services/webhook/internal/store"
	"github.com/sluicehq/sluice/services/webhook/internal/target"
)

// Name is the service's name: its database, its subjects' first token.
const Name = "webhook"

// Unit is webhook as a process of its own.
func Unit(version string) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: Name, Version: version, Default: Default(),
		New:      func(c Config, p *platform.Platform) (lifecycle.Service, error) { return New(c, p) },
		Declared: streams.Declared,
	}
}

// Service is webhook. Make it by New; it is started, run and stopped once.
type Service struct {
	cfg Config
	p   *platform.Platform

	relay      *bus.Relay
	bus        *bus.Bus
	out        *outbound.Client
	dispatcher *dispatch.Dispatcher
	calls      *endpoint.Service
	server     *rpc.Server
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
	db, err := documents.Open(ctx, s.p, Name)
	if err != nil {
		return err
	}
	s.relay = s.p.Relay(db)
	deliveries, err := store.OpenDeliveries(ctx, db)
	if err != nil {
		return err
	}
	endpoints, err := store.OpenEndpoints(ctx, db)
	if err != nil {
		return err
	}
	subscriptions, err := store.OpenSubscriptions(ctx, db)
	if err != nil {
		return err
	}
	if s.bus, err = s.p.Bus(ctx, Name); err != nil {
		return err
	}
	w, object := s.cfg.Webhook, objectv1.NewClient(s.p.Client)
	sealer := s.p.Keys.Sealer(objectv1.PurposeWebhookSecret)
	s.out = outbound.New(outbound.Config{Allow: s.p.Settings.OutboundAllow, Timeout: w.Timeout, UserAgent: "Sluice-Webhook", Tel: s.p.Tel, Purpose: "webhook"})
	s.dispatcher, err = dispatch.New(
		dispatch.Config{
			Concurrency: w.Concurrency, PerEndpoint: w.PerEndpoint, SwitchOff: w.SwitchOff, Retention: w.Retention, Sweep: w.Sweep,
		},
		dispatch.Deps{
			Deliveries: deliveries, Endpoints: endpoints, Clock: s.p.Clock, Tel: s.p.Tel,
			Targets: &target.Targets{
				Configs: target.NewResolver(object, sealer, s.p.Clock), Subscriptions: subscriptions, Opener: sealer, Clock: s.p.Clock,
			},
			Sender: dispatch.NewSender(s.out, s.p.Clock), Timers: consumer.Timers{T: s.bus.Timers()},
		})
	if err != nil {
		return err
	}
	if err := consumer.Subscribe(s.bus, s.dispatcher); err != nil { //nolint:contextcheck // handlers get the deliveries' contexts
		return fmt.Errorf("subscribing to events: %w", err)
	}
	if err := consumer.SubscribeLinks(s.bus, s.dispatcher, subscriptions); err != nil { //nolint:contextcheck // as above
		return fmt.Errorf("subscribing to events of links: %w", err)
	}
	if s.server, err = s.p.NewServer(Name); err != nil {
		return err
	}
	s.calls = endpoint.New(endpoint.Deps{
		Deliveries: deliveries, Endpoints: endpoints, Auth: authv1.NewClient(s.p.Client), Object: object,
		Subscriptions: subscriptions, Sealer: sealer, URLs: s.out, Offer: s.dispatcher.Offer, Clock: s.p.Clock,
	})
	if err := webhookv1.Register(s.server, s.calls); err != nil {
		return errors.Join(fmt.Errorf("serving the calls of webhook: %w", err), s.server.Stop(ctx))
	}
	return nil
}

// Run implements lifecycle.Service: the consumers, the attempts, the outbox.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.relay.Run(ctx) })
	g.Go(func() error { return s.dispatcher.Run(ctx) })
	g.Go(func() error { return s.bus.Run(ctx) })
	return g.Wait()
}

// Stop implements lifecycle.Service: no more calls, no more events, then the
// attempts under way end.
func (s *Service) Stop(ctx context.Context) error {
	err := errors.Join(s.server.Stop(ctx), s.bus.Close(ctx), s.dispatcher.Stop(ctx))
	s.out.Close()
	return err
}
