package domain

import (
	"context"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/password"
)

// LoginByKeys gives the account of a key pair, and what a token that it is
// exchanged for has to say of the pair. Whatever is wrong gives the same answer
// after the same work: both keys are looked for by one keyed hash, which tells
// nobody how much of them is right. Wrong ones are counted per client address,
// together with wrong passwords; right ones are not counted.
func (s *Service) LoginByKeys(ctx context.Context, key1, key2, source string) (a Account, pair string, err error) {
	addr, now := password.SourceKey(source), s.now()
	if addr != "" {
		if wait := s.byAddr.Take(addr, now); wait > 0 {
			return Account{}, "", throttledFor(wait)
		}
	}
	if !keyShaped(key1) || !keyShaped(key2) {
		return Account{}, "", authv1.ErrBadCredentials
	}
	a, err = s.holderOf(ctx, authv1.TokenKeyPair, key1+key2)
	if err == nil {
		t, ok := a.only(authv1.TokenKeyPair)
		if !ok || !t.Holds(a, now) {
			return Account{}, "", authv1.ErrBadCredentials
		}
		pair = t.ID
	}
	if missing(err) {
		return Account{}, "", authv1.ErrBadCredentials
	}
	if addr != "" {
		s.byAddr.Refund(addr, now)
	}
	if err != nil {
		return Account{}, "", fmt.Errorf("looking for a key pair: %w", err)
	}
	return a, pair, nil
}

// keyShaped reports whether s could be one key of a pair.
func keyShaped(s string) bool { return len(s) == keyLength && isAlphanumeric(s) }
