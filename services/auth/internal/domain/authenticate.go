package domain

import (
	"context"
	"errors"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// Known is whom a credential stands for. Token is empty for a password.
type Known struct {
	Account Account
	Token   Token
}

// AuthenticateToken says whom an account token of a kind stands for: a hash and
// two reads, and once a minute a write where it is a TokenHosting. An empty kind is
// any but TokenPlik, TokenAPIKey and TokenHosting, which open nothing that does not
// ask for them.
func (s *Service) AuthenticateToken(ctx context.Context, token string, kind authv1.TokenKind) (Known, error) {
	if kind == authv1.TokenAPIKey {
		return s.authenticateAPIKey(ctx, token)
	}
	if !shapedAs(token, kind) {
		return Known{}, authv1.ErrBadToken
	}
	t, err := s.tokenOf(ctx, token)
	if missing(err) {
		return Known{}, authv1.ErrBadToken
	}
	if err != nil {
		return Known{}, fmt.Errorf("reading an account token: %w", err)
	}
	if p := t.Purpose(); kind != p && (kind != "" || p == authv1.TokenPlik || p == authv1.TokenHosting) {
		return Known{}, authv1.ErrBadToken
	}
	a, err := s.d.Accounts.Get(ctx, t.AccountID)
	if missing(err) {
		return Known{}, authv1.ErrBadToken
	}
	if err != nil {
		return Known{}, fmt.Errorf("reading an account: %w", err)
	}
	now := s.now()
	if !t.Holds(a, now) {
		return Known{}, authv1.ErrBadToken
	}
	if t.Kind == authv1.TokenHosting {
		s.noteUse(ctx, t, now)
	}
	return Known{s.withNumber(ctx, a), t}, nil
}

// shapedAs reports whether s could be a token that stands for its account where
// that kind is asked for.
func shapedAs(s string, kind authv1.TokenKind) bool {
	switch kind {
	case authv1.TokenPlik:
		return plikShaped(s)
	case authv1.TokenHosting:
		return hostingShaped(s)
	case authv1.TokenKeyPair:
		return false
	}
	return tokenShaped(s)
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

// AuthenticatePassword says whom a name and a password stand for; a token in
// the password's place stands for its account, whatever the name. It is asked
// for each request: what was right lately costs a read and no hash, and tries
// that are alike and under way at once cost one hash together.
func (s *Service) AuthenticatePassword(ctx context.Context, identifier, password, source string) (Known, error) {
	if tokenShaped(password) {
		return s.AuthenticateToken(ctx, password, "")
	}
	a, err := s.authenticatePassword(ctx, identifier, password, source)
	return Known{Account: a}, err
}

func (s *Service) authenticatePassword(ctx context.Context, identifier, password, source string) (Account, error) {
	c := newClaim(identifier, password, source)
	if c.addr != "" {
		// Otherwise an address could guess what the memo knows without end.
		if wait := s.byAddr.Wait(c.addr, s.now()); wait > 0 {
			return Account{}, throttledFor(wait)
		}
	}
	k := s.memo.key(c)
	for {
		if a, ok, err := s.remembered(ctx, k); ok || err != nil {
			return a, err
		}
		f, first := s.memo.join(k)
		if first {
			f.account, f.err = s.Login(ctx, identifier, password, source)
			if f.err == nil {
				s.memo.put(k, f.account, s.now())
			}
			s.memo.leave(k, f)
			return f.account, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return Account{}, ctx.Err() //nolint:wrapcheck // fault.From knows it
		}
		if errors.Is(f.err, authv1.ErrBadCredentials) || errors.Is(f.err, authv1.ErrThrottled) {
			return Account{}, f.err
		}
		// Right: the memo knows it. Or the one that did the work was called off.
	}
}

// remembered answers from the memo. The account's document is read all the same,
// so that another password or a disabling ends it at once. A name that an
// attacker has throttled holds for the address that it was right from.
func (s *Service) remembered(ctx context.Context, k memoKey) (Account, bool, error) {
	id, hash, ok := s.memo.get(k, s.now())
	if !ok {
		return Account{}, false, nil
	}
	a, err := s.d.Accounts.Get(ctx, id)
	if err != nil && !missing(err) {
		return Account{}, false, fmt.Errorf("reading an account: %w", err)
	}
	if err != nil || !a.Live() || a.Password != hash {
		s.memo.drop(k)
		return Account{}, false, nil
	}
	return a, true, nil
}
