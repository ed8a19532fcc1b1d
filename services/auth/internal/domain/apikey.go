package domain

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

const (
	apiKeyPrefix = "slk_"
	apiKeyLength = len(apiKeyPrefix) + (tokenBytes*8+5)/6
)

// apiKey is the account's TokenAPIKey, whether it holds or not. It is no document
// of its own: one write of the account makes the new one and ends the old one.
func (a Account) apiKey() (Token, bool) {
	if a.APIKey == "" || a.APIKeyAt == nil {
		return Token{}, false
	}
	return Token{
		ID: a.APIKey, AccountID: a.ID, Kind: authv1.TokenAPIKey, Generation: a.APIKeyGeneration,
		CreatedAt: a.APIKeyAt.UTC(), RevokedAt: a.APIKeyRevokedAt,
	}, true
}

// RotateAPIKey makes a new API key of an account. The one before ends in the same
// write; of several that are made at once, the last one holds.
func (s *Service) RotateAPIKey(ctx context.Context, accountID string) (string, Token, error) {
	key := apiKeyPrefix + base64.RawURLEncoding.EncodeToString(random(tokenBytes))
	hash := s.d.Vault.TokenIDs(key)[0]
	a, err := s.d.Accounts.Update(ctx, accountID, func(a *Account) bool {
		if a.DeletedAt != nil {
			return false
		}
		at := s.now()
		if at.Before(a.NotBefore) {
			at = a.NotBefore // an account that was just enabled again
		}
		a.APIKey, a.APIKeyGeneration, a.APIKeyAt, a.APIKeyRevokedAt = hash, a.Generation, &at, nil
		return true
	})
	if a, err = found(a, err); err != nil {
		return "", Token{}, err
	}
	t := Token{ID: hash, AccountID: a.ID, Kind: authv1.TokenAPIKey, Generation: a.APIKeyGeneration, CreatedAt: a.APIKeyAt.UTC()}
	return key, t, nil
}

// authenticateAPIKey says whom an API key stands for: a hash and a read.
func (s *Service) authenticateAPIKey(ctx context.Context, key string) (Known, error) {
	if !apiKeyShaped(key) {
		return Known{}, authv1.ErrBadToken
	}
	a, err := s.accountOfAPIKey(ctx, key)
	if missing(err) {
		return Known{}, authv1.ErrBadToken
	}
	if err != nil {
		return Known{}, fmt.Errorf("looking for an API key: %w", err)
	}
	t, ok := a.apiKey()
	if !ok || !t.Holds(a, s.now()) {
		return Known{}, authv1.ErrBadToken
	}
	return Known{a, t}, nil
}

// accountOfAPIKey finds an account by its API key's hash under any master key.
func (s *Service) accountOfAPIKey(ctx context.Context, key string) (a Account, err error) {
	err = ErrNoDocument
	for _, hash := range s.d.Vault.TokenIDs(key) {
		if a, err = s.d.Accounts.ByAPIKey(ctx, hash); !missing(err) {
			return a, err
		}
	}
	return a, err
}

// revokeAPIKey is RevokeToken where the token that is named is an API key; done is
// false for any other.
func (s *Service) revokeAPIKey(ctx context.Context, accountID, publicID, key string) (done bool, err error) {
	var a Account
	switch {
	case apiKeyShaped(key) && publicID == "":
		a, err = s.accountOfAPIKey(ctx, key)
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
		return false, fmt.Errorf("looking for an API key: %w", err)
	}
	t, ok := a.apiKey()
	if !ok || publicID != "" && t.PublicID() != publicID {
		return false, nil
	}
	_, err = s.d.Accounts.Update(ctx, a.ID, func(a *Account) bool {
		if a.APIKey != t.ID || a.APIKeyRevokedAt != nil {
			return false // it has ended
		}
		now := s.now()
		a.APIKeyRevokedAt = &now
		return true
	})
	if missing(err) {
		return false, authv1.ErrTokenNotFound
	}
	if err != nil {
		return false, fmt.Errorf("revoking an API key: %w", err)
	}
	return true, nil
}

// apiKeyShaped reports whether s could be an API key.
func apiKeyShaped(s string) bool { return len(s) == apiKeyLength && strings.HasPrefix(s, apiKeyPrefix) }
