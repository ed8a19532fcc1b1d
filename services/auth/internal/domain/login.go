package domain

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// claim is a name with a password, as a client at an address gave them.
type claim struct{ name, password, addr string }

// newClaim cuts what is longer than anything that could be right.
func newClaim(identifier, secret, source string) claim {
	return claim{
		name:     fold(identifier[:min(len(identifier), maxIdent+1)]),
		password: secret[:min(len(secret), maxPassword+1)], addr: password.SourceKey(source),
	}
}

// Login checks a password. Unknown name, wrong password and disabled account
// cost the same work and give the same answer. Wrong tries are counted per name,
// known or not, and per client address; a right one is not counted.
func (s *Service) Login(ctx context.Context, identifier, password, source string) (Account, error) {
	c := newClaim(identifier, password, source)
	a, err := s.verify(ctx, c, Account.Live)
	if err != nil {
		return Account{}, err
	}
	s.renew(ctx, a, c.password)
	return a, nil
}

// verify is Login without its renewal, for accounts that accept takes.
func (s *Service) verify(ctx context.Context, c claim, accept func(Account) bool) (Account, error) {
	name, addr, now := c.name, c.addr, s.now()
	if err := s.admit(name, addr, now); err != nil {
		return Account{}, err
	}
	a, err := s.identify(ctx, name)
	if err != nil {
		s.refund(name, addr, now)
		return Account{}, err
	}
	ok, err := s.hasher.Verify(ctx, a.Password, c.password)
	if err != nil {
		s.refund(name, addr, now)
		return Account{}, fmt.Errorf("checking a password: %w", err)
	}
	if !ok || !accept(a) {
		return Account{}, authv1.ErrBadCredentials
	}
	s.refund(name, addr, now)
	return a, nil
}

// renew brings the hash of a password that was just right to the settings of
// today. Without it the login holds all the same.
func (s *Service) renew(ctx context.Context, a Account, password string) {
	if !s.hasher.Outdated(a.Password) {
		return
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err == nil {
		_, err = s.d.Accounts.Update(ctx, a.ID, func(now *Account) bool {
			if now.Password != a.Password {
				return false
			}
			now.Password = hash
			return true
		})
	}
	if err != nil {
		s.d.Log.WarnContext(ctx, "a password keeps its hash of older settings", slog.String(telemetry.KeyAccountID, a.ID), slog.Any(telemetry.KeyErr, err))
	}
}

// identify finds an account by user name or e-mail address; an empty one when
// there is none.
func (s *Service) identify(ctx context.Context, name string) (Account, error) {
	find := s.d.Accounts.ByUsername
	if strings.Contains(name, "@") {
		find = s.d.Accounts.ByEmail
	}
	a, err := find(ctx, name)
	if missing(err) {
		return Account{}, nil
	}
	if err != nil {
		return Account{}, fmt.Errorf("looking for an account: %w", err)
	}
	return a, nil
}

func (s *Service) admit(name, addr string, now time.Time) error {
	if addr != "" {
		if wait := s.byAddr.Take(addr, now); wait > 0 {
			return throttledFor(wait)
		}
	}
	if wait := s.byName.Take(name, now); wait > 0 {
		return throttledFor(wait)
	}
	return nil
}

func (s *Service) refund(name, addr string, now time.Time) {
	if addr != "" {
		s.byAddr.Refund(addr, now)
	}
	s.byName.Refund(name, now)
}

// throttledFor rounds up, since Retry-After has whole seconds.
func throttledFor(wait time.Duration) error {
	return authv1.ErrThrottled.After((wait + time.Second - 1).Truncate(time.Second))
}
