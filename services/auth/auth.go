// Package auth is the service that knows accounts, account tokens and access
// keys, and who a caller is. Its contract is contracts/auth/v1.
package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/platform/documents"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
	"github.com/sluicehq/sluice/services/auth/internal/endpoint"
	"github.com/sluicehq/sluice/services/auth/internal/store"
)

// Name is the service's name: its database, its subjects' first token.
const Name = "auth"

// AdminUsername is the account that the first start makes.
const AdminUsername = "admin"

// Unit is auth as a process of its own, which tells the operator on out of an
// account that it made.
func Unit(version string, out io.Writer) platform.Unit[Config] {
	return platform.Unit[Config]{
		Name: Name, Version: version, Default: Default(), Declared: streams.Declared,
		New: func(c Config, p *platform.Platform) (lifecycle.Service, error) {
			s, err := New(c, p)
			return announcing{s, out}, err
		},
	}
}

// announcing is a Service that shows a generated password once.
type announcing struct {
	*Service
	out io.Writer
}

// Start implements lifecycle.Service.
func (a announcing) Start(ctx context.Context) error {
	if err := a.Service.Start(ctx); err != nil {
		return err
	}
	if name, password, created := a.FirstStart(); created && password != "" {
		fmt.Fprintf(a.out, "account %q was made; its password, shown only now: %s\n", name, password)
	}
	return nil
}

// Service is auth. Make it by New; it is started, run and stopped once.
type Service struct {
	cfg Config
	p   *platform.Platform

	relay  *bus.Relay
	server *rpc.Server
	domain *domain.Service
	first  atomic.Pointer[firstStart]
}

type firstStart struct{ username, password string }

var _ lifecycle.Service = (*Service)(nil)

// New makes the service on a platform. Nothing happens before Start.
func New(cfg Config, p *platform.Platform) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, p: p}, nil
}

// FirstStart gives, after Start, the account that it made because there was
// none, once for all copies that ever start on the same data. Password is empty
// when it came from the settings.
func (s *Service) FirstStart() (username, password string, created bool) {
	f := s.first.Load()
	if f == nil {
		return "", "", false
	}
	return f.username, f.password, true
}

// Start implements lifecycle.Service.
func (s *Service) Start(ctx context.Context) error {
	if _, err := s.p.Bucket(ctx, authv1.KeyStateBucket); err != nil { // outboxes write to it
		return err
	}
	db, err := documents.Open(ctx, s.p, Name)
	if err != nil {
		return err
	}
	s.relay = s.p.Relay(db)
	d, err := s.open(ctx, db)
	if err != nil {
		return err
	}
	s.domain = d
	if err := s.ensureAdmin(ctx, d); err != nil {
		return err
	}
	if s.server, err = s.p.NewServer(Name); err != nil {
		return err
	}
	if err := authv1.Register(s.server, endpoint.New(d)); err != nil {
		return errors.Join(fmt.Errorf("serving the calls of auth: %w", err), s.server.Stop(ctx))
	}
	return nil
}

func (s *Service) open(ctx context.Context, db docstore.DB) (*domain.Service, error) {
	st, err := store.Open(ctx, db, s.relay)
	if err != nil {
		return nil, err
	}
	return domain.New(s.cfg.domain(), domain.Deps{
		Accounts: st.Accounts, Tokens: st.Tokens, Keys: st.Keys, Vault: store.NewVault(s.p.Keys),
		Clock: s.p.Clock, Log: s.p.Tel.Log,
	})
}

// ensureAdmin makes the account of the operator on first start.
func (s *Service) ensureAdmin(ctx context.Context, d *domain.Service) error {
	password, shown := s.cfg.AdminPassword.Reveal(), ""
	if password == "" {
		password = strings.ToLower(rand.Text()) // 130 bits
		shown = password
	}
	created, err := d.EnsureAdmin(ctx, AdminUsername, password)
	if err != nil {
		return fmt.Errorf("making account %s: %w", AdminUsername, err)
	}
	if created {
		s.first.Store(&firstStart{AdminUsername, shown})
	}
	return nil
}

// sweepInterval is how often Run finishes what broke off and removes what ended.
const sweepInterval = time.Minute

// Run implements lifecycle.Service: the relay, the beat and the sweep.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	relay := make(chan error, 1)
	go func() {
		defer cancel() // without a relay no revocation gets out: fail as a whole
		relay <- s.relay.Run(ctx)
	}()
	var sweeper sync.WaitGroup
	sweeper.Go(func() { s.sweep(ctx) })
	s.beat(ctx)
	cancel()
	sweeper.Wait()
	return <-relay
}

// sweep finishes deletions and removes dead tokens until ctx ends, first at once.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		if err := s.domain.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.p.Tel.Log.WarnContext(ctx, "a sweep of accounts and tokens broke off", slog.Any(telemetry.KeyErr, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Stop implements lifecycle.Service.
func (s *Service) Stop(ctx context.Context) error { return s.server.Stop(ctx) }
