package domain

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	apiKeyPrefix = "slk_"
	apiKeyLength = len(apiKeyPrefix) + (tokenBytes*8+5)/6
)

// rotated are the kinds of which an account has one token. Such a one is no
// document of its own: one write of the account makes it and ends the one before.
var rotated = []authv1.TokenKind{authv1.TokenAPIKey, authv1.TokenKeyPair}

// place is where an account's document keeps the token of a kind.
type place struct {
	hash       *string
	generation *int64
	at         **time.Time
	revokedAt  **time.Time
}

// place gives that of a rotated kind.
func (a *Account) place(kind authv1.TokenKind) place {
	if kind == authv1.TokenKeyPair {
		return place{&a.KeyPair, &a.KeyPairGeneration, &a.KeyPairAt, &a.KeyPairRevokedAt}
	}
	return place{&a.APIKey, &a.APIKeyGeneration, &a.APIKeyAt, &a.APIKeyRevokedAt}
}

// only is the account's token of a rotated kind, whether it holds or not.
func (a Account) only(kind authv1.TokenKind) (Token, bool) {
	p := a.place(kind)
	if *p.hash == "" || *p.at == nil {
		return Token{}, false
	}
	return Token{
		ID: *p.hash, AccountID: a.ID, Kind: kind, Generation: *p.generation, CreatedAt: (*p.at).UTC(), RevokedAt: *p.revokedAt,
	}, true
}

// newRotated makes the secret of a rotated kind.
func newRotated(kind authv1.TokenKind) string {
	if kind == authv1.TokenKeyPair {
		return alphanumeric(keyLength) + alphanumeric(keyLength)
	}
	return apiKeyPrefix + base64.RawURLEncoding.EncodeToString(random(tokenBytes))
}

// RotateToken makes a new token of a rotated kind for an account. The one before
// ends in the same write; of several that are made at once, the last one holds.
func (s *Service) RotateToken(ctx context.Context, accountID string, kind authv1.TokenKind) (string, Token, error) {
	if !slices.Contains(rotated, kind) {
		return "", Token{}, fault.ErrInvalid.Msgf("an account has one token of kind %s and one of kind %s, and none other is made anew", rotated[0], rotated[1])
	}
	secret := newRotated(kind)
	hash := s.d.Vault.TokenIDs(secret)[0]
	a, err := s.d.Accounts.Update(ctx, accountID, func(a *Account) bool {
		if a.DeletedAt != nil {
			return false
		}
		at := s.now()
		if at.Before(a.NotBefore) {
			at = a.NotBefore // an account that was just enabled again
		}
		p := a.place(kind)
		*p.hash, *p.generation, *p.at, *p.revokedAt = hash, a.Generation, &at, nil
		return true
	})
	if a, err = found(a, err); err != nil {
		return "", Token{}, err
	}
	t, _ := a.only(kind)
	return secret, t, nil
}

// authenticateAPIKey says whom an API key stands for: a hash and a read.
func (s *Service) authenticateAPIKey(ctx context.Context, key string) (Known, error) {
	if !apiKeyShaped(key) {
		return Known{}, authv1.ErrBadToken
	}
	a, err := s.holderOf(ctx, authv1.TokenAPIKey, key)
	if missing(err) {
		return Known{}, authv1.ErrBadToken
	}
	if err != nil {
		return Known{}, fmt.Errorf("looking for an API key: %w", err)
	}
	t, ok := a.only(authv1.TokenAPIKey)
	if !ok || !t.Holds(a, s.now()) {
		return Known{}, authv1.ErrBadToken
	}
	return Known{s.withNumber(ctx, a), t}, nil
}

// holderOf finds an account by its token of a rotated kind, by the hash under any
// master key.
func (s *Service) holderOf(ctx context.Context, kind authv1.TokenKind, secret string) (a Account, err error) {
	find := s.d.Accounts.ByAPIKey
	if kind == authv1.TokenKeyPair {
		find = s.d.Accounts.ByKeyPair
	}
	err = ErrNoDocument
	for _, hash := range s.d.Vault.TokenIDs(secret) {
		if a, err = find(ctx, hash); !missing(err) {
			return a, err
		}
	}
	return a, err
}

// revokeRotated is RevokeToken where the token that is named is of a rotated kind;
// done is false for any other. A key pair is named by its id alone, since its
// secret looks like that of a TokenHosting.
func (s *Service) revokeRotated(ctx context.Context, accountID, publicID, key string) (done bool, err error) {
	var a Account
	switch {
	case apiKeyShaped(key) && publicID == "":
		a, err = s.holderOf(ctx, authv1.TokenAPIKey, key)
		if missing(err) || err == nil && accountID != "" && accountID != a.ID {
			return false, authv1.ErrTokenNotFound
		}
	case key == "" && accountID != "" && strings.HasPrefix(publicID, publicTokenPrefix):
		a, err = s.d.Accounts.Get(ctx, accountID)
		if missing(err) {
			return false, nil
		}
	default:
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for a token of an account: %w", err)
	}
	for _, kind := range rotated {
		// Without an id it was found by its API key.
		if t, ok := a.only(kind); ok && (publicID == "" && kind == authv1.TokenAPIKey || t.PublicID() == publicID) {
			return true, s.revokeOnly(ctx, a.ID, t)
		}
	}
	return false, nil
}

// revokeOnly ends a token of a rotated kind, unless another took its place.
func (s *Service) revokeOnly(ctx context.Context, accountID string, t Token) error {
	_, err := s.d.Accounts.Update(ctx, accountID, func(a *Account) bool {
		p := a.place(t.Kind)
		if *p.hash != t.ID || *p.revokedAt != nil {
			return false // it has ended
		}
		now := s.now()
		*p.revokedAt = &now
		return true
	})
	if missing(err) {
		return authv1.ErrTokenNotFound
	}
	if err != nil {
		return fmt.Errorf("revoking a token of an account: %w", err)
	}
	return nil
}

// apiKeyShaped reports whether s could be an API key.
func apiKeyShaped(s string) bool { return len(s) == apiKeyLength && strings.HasPrefix(s, apiKeyPrefix) }
