package domain

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// CreateKey makes an access key of an account and gives its secret.
func (s *Service) CreateKey(ctx context.Context, accountID string, g Grant, expires *time.Time) (Key, string, error) {
	grant, err := CheckGrant(g)
	if err != nil {
		return Key{}, "", err
	}
	now := s.now()
	if expires != nil {
		at := expires.UTC().Truncate(time.Millisecond)
		if !at.After(now) {
			return Key{}, "", fault.ErrInvalid.Msgf("expiresAt is not in the future")
		}
		expires = &at
	}
	if _, err := s.GetAccount(ctx, accountID); err != nil {
		return Key{}, "", err
	}
	if err := s.makeRoom(ctx, accountID); err != nil {
		return Key{}, "", err
	}
	id, secret := newKeyID(), newSecret()
	sealed, err := s.d.Vault.Seal(id, secret)
	if err != nil {
		return Key{}, "", fmt.Errorf("sealing the secret of an access key: %w", err)
	}
	k, err := s.d.Keys.Insert(ctx, Key{ID: id, AccountID: accountID, Grant: grant, Secret: sealed, CreatedAt: now, ExpiresAt: expires})
	if err != nil {
		return Key{}, "", fmt.Errorf("creating an access key: %w", err)
	}
	// A deletion under way may have looked for keys before this one was there.
	if _, err := s.GetAccount(ctx, accountID); errors.Is(err, authv1.ErrAccountNotFound) {
		return Key{}, "", errors.Join(err, s.removeKey(ctx, id))
	}
	return k, secret, nil
}

// makeRoom bounds the keys of an account, so that a list of them fits into one
// answer. Dead ones go first, the oldest of them; edges refuse them by the state
// that they have, and unknown keys anyway.
func (s *Service) makeRoom(ctx context.Context, accountID string) error {
	n, err := s.d.Keys.Count(ctx, accountID)
	if err != nil {
		return fmt.Errorf("counting access keys: %w", err)
	}
	if n < maxKeys {
		return nil
	}
	keys, err := s.d.Keys.List(ctx, accountID)
	if err != nil {
		return fmt.Errorf("listing access keys: %w", err)
	}
	over, now := len(keys)-maxKeys+1, s.now()
	for i := len(keys) - 1; i >= 0 && over > 0; i-- {
		if keys[i].Active(now) {
			continue
		}
		if err := s.d.Keys.Delete(ctx, keys[i].ID); err != nil && !missing(err) {
			return fmt.Errorf("forgetting a dead access key: %w", err)
		}
		over--
	}
	if over > 0 {
		return authv1.ErrTooManyKeys
	}
	return nil
}

// ListKeys gives an account's keys, newest first.
func (s *Service) ListKeys(ctx context.Context, accountID string) ([]Key, error) {
	keys, err := s.d.Keys.List(ctx, accountID)
	if err != nil {
		return nil, fmt.Errorf("listing access keys: %w", err)
	}
	return keys, nil
}

// RevokeKey ends a key. The document decides at once; the answer waits until
// every edge can know, also when the key was revoked before.
func (s *Service) RevokeKey(ctx context.Context, accountID, keyID string) (Key, error) {
	if !ValidKeyID(keyID) {
		return Key{}, authv1.ErrKeyNotFound
	}
	k, err := s.d.Keys.Update(ctx, keyID, func(k *Key) bool {
		if k.AccountID != accountID || k.RevokedAt != nil {
			return false
		}
		now := s.now()
		k.RevokedAt = &now
		return true
	})
	if missing(err) || err == nil && k.AccountID != accountID {
		return Key{}, authv1.ErrKeyNotFound
	}
	if err != nil {
		return Key{}, fmt.Errorf("revoking an access key: %w", err)
	}
	if err := s.flushed(ctx, s.d.Keys.Flush, keyID); err != nil {
		return Key{}, err
	}
	return k, nil
}

// Minted is a lwtk_ token.
type Minted struct {
	Token     string
	ExpiresAt time.Time
	AccountID string
}

// Mint exchanges a key and its secret for a token. A key that does not exist
// costs the same work as a wrong secret and gives the same answer. Right and
// wrong tries of a key are counted apart, so that nobody can lock its owner out.
func (s *Service) Mint(ctx context.Context, keyID, secret string) (Minted, error) {
	if !ValidKeyID(keyID) {
		return Minted{}, authv1.ErrBadCredentials
	}
	now := s.now()
	k, a, err := s.holder(ctx, keyID, secret, now)
	if err != nil {
		return Minted{}, err
	}
	if k.ID != keyID {
		if wait := s.wrong.Take(keyID, now); wait > 0 {
			return Minted{}, throttledFor(wait)
		}
		return Minted{}, authv1.ErrBadCredentials
	}
	if wait := s.mints.Take(keyID, now); wait > 0 {
		return Minted{}, throttledFor(wait)
	}
	issued := now
	if issued.Before(a.NotBefore) {
		issued = a.NotBefore
	}
	expires := issued.Add(s.cfg.TokenTTL)
	if k.ExpiresAt != nil && k.ExpiresAt.Before(expires) {
		expires = *k.ExpiresAt
	}
	token, err := s.d.Vault.Mint(authv1.TokenClaims{KeyID: k.ID, AccountID: a.ID, IssuedAt: issued.Unix(), ExpiresAt: expires.Unix()})
	if err != nil {
		return Minted{}, fmt.Errorf("minting a token: %w", err)
	}
	return Minted{Token: token, ExpiresAt: time.Unix(expires.Unix(), 0).UTC(), AccountID: a.ID}, nil
}

// holder gives the key and account that keyID and secret stand for, or zero
// values when they do not hold.
func (s *Service) holder(ctx context.Context, keyID, secret string, now time.Time) (Key, Account, error) {
	k, err := s.d.Keys.Get(ctx, keyID)
	if missing(err) {
		k, err = s.nobody, nil
	}
	if err != nil {
		return Key{}, Account{}, fmt.Errorf("reading an access key: %w", err)
	}
	want, err := s.d.Vault.Open(k.ID, k.Secret)
	if err != nil {
		return Key{}, Account{}, fmt.Errorf("opening the secret of an access key: %w", err)
	}
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(secret)) // equal lengths to compare
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || k.ID != keyID || !k.Active(now) {
		return Key{}, Account{}, nil
	}
	acc, err := s.d.Accounts.Get(ctx, k.AccountID)
	if err != nil && !missing(err) {
		return Key{}, Account{}, fmt.Errorf("reading an account: %w", err)
	}
	if missing(err) || !acc.Live() {
		return Key{}, Account{}, nil
	}
	return k, acc, nil
}

// KeyState tells the states of a key and its account from their documents.
func (s *Service) KeyState(ctx context.Context, keyID string) (authv1.KeyStateResponse, error) {
	if !ValidKeyID(keyID) {
		return authv1.KeyStateResponse{}, nil
	}
	k, err := s.d.Keys.Get(ctx, keyID)
	if missing(err) {
		return authv1.KeyStateResponse{}, nil
	}
	if err != nil {
		return authv1.KeyStateResponse{}, fmt.Errorf("reading an access key: %w", err)
	}
	a, err := s.d.Accounts.Get(ctx, k.AccountID)
	if missing(err) {
		return authv1.KeyStateResponse{}, nil
	}
	if err != nil {
		return authv1.KeyStateResponse{}, fmt.Errorf("reading an account: %w", err)
	}
	ks := k.State()
	ks.Active = k.Active(s.now())
	return authv1.KeyStateResponse{Found: true, Key: ks, Account: a.State()}, nil
}
