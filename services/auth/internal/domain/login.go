package domain

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Login checks a password. Unknown name, wrong password and disabled account
// cost the same work and give the same answer. Wrong tries are counted per name,
// known or not, and per client address; a right one is not counted.
func (s *Service) Login(ctx context.Context, identifier, password, source string) (Account, error) {
	name, addr, now := fold(identifier[:min(len(identifier), maxIdent+1)]), sourceKey(source), s.now()
	if err := s.admit(name, addr, now); err != nil {
		return Account{}, err
	}
	a, err := s.identify(ctx, name)
	if err != nil {
		s.refund(name, addr, now)
		return Account{}, err
	}
	ok, err := s.hasher.Verify(ctx, a.Password, password[:min(len(password), maxPassword+1)])
	if err != nil {
		s.refund(name, addr, now)
		return Account{}, fmt.Errorf("checking a password: %w", err)
	}
	if !ok || a.Disabled {
		return Account{}, authv1.ErrBadCredentials
	}
	s.refund(name, addr, now)
	s.renew(ctx, a, password)
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

// IssueToken makes an account token. It lives until its account is disabled.
func (s *Service) IssueToken(ctx context.Context, a Account) (string, error) {
	token, at := newToken(), s.now()
	if at.Before(a.NotBefore) {
		at = a.NotBefore // an account that was just enabled again
	}
	if err := s.d.Tokens.Insert(ctx, Token{ID: s.d.Vault.TokenIDs(token)[0], AccountID: a.ID, CreatedAt: at}); err != nil {
		return "", fmt.Errorf("keeping an account token: %w", err)
	}
	return token, nil
}

// Authenticate says whom an account token stands for: a hash and two reads.
func (s *Service) Authenticate(ctx context.Context, token string) (Account, error) {
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) {
		return Account{}, authv1.ErrBadToken
	}
	t, err := s.tokenOf(ctx, token)
	if missing(err) {
		return Account{}, authv1.ErrBadToken
	}
	if err != nil {
		return Account{}, fmt.Errorf("reading an account token: %w", err)
	}
	a, err := s.d.Accounts.Get(ctx, t.AccountID)
	if missing(err) {
		return Account{}, authv1.ErrBadToken
	}
	if err != nil {
		return Account{}, fmt.Errorf("reading an account: %w", err)
	}
	if a.Disabled || t.CreatedAt.Before(a.NotBefore) {
		return Account{}, authv1.ErrBadToken
	}
	return a, nil
}

// tokenOf finds a token's document by its hash under any master key.
func (s *Service) tokenOf(ctx context.Context, token string) (t Token, err error) {
	err = ErrNoDocument
	for _, id := range s.d.Vault.TokenIDs(token) {
		if t, err = s.d.Tokens.Get(ctx, id); !missing(err) {
			return t, err
		}
	}
	return t, err
}
