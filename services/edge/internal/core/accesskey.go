package core

import (
	"context"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// MintAccessToken exchanges an access key for a token.
func (c *Core) MintAccessToken(ctx context.Context, r authv1.MintAccessTokenRequest) (authv1.AccessToken, error) {
	t, err := c.Auth.MintAccessToken(ctx, r)
	if err != nil {
		return authv1.AccessToken{}, fmt.Errorf("minting an access token: %w", err)
	}
	return t, nil
}

// CreateAccessKey makes a key for the caller's account. A key can only make
// keys that may do no more, and live no longer, than itself.
func (c *Core) CreateAccessKey(ctx context.Context, by Caller, grant authv1.Grant, expires *time.Time) (authv1.AccessKeyWithSecret, error) {
	if err := mayManageKeys(by.Principal); err != nil {
		return authv1.AccessKeyWithSecret{}, err
	}
	if more := exceeds(by.Principal, grant); more != "" {
		return authv1.AccessKeyWithSecret{}, objectv1.ErrAccessDenied.Msgf("an access key cannot make one with scopes that it lacks: %s", more)
	}
	if by.KeyEnds != nil {
		if expires == nil {
			expires = by.KeyEnds
		} else if expires.After(*by.KeyEnds) {
			return authv1.AccessKeyWithSecret{}, objectv1.ErrAccessDenied.Msgf("an access key cannot make one that outlives it")
		}
	}
	k, err := c.Auth.CreateAccessKey(ctx, authv1.CreateAccessKeyRequest{AccountID: by.Principal.AccountID, Grant: grant, ExpiresAt: expires})
	if err != nil {
		return authv1.AccessKeyWithSecret{}, fmt.Errorf("making an access key: %w", err)
	}
	return k, nil
}

// ListAccessKeys gives the keys of the caller's account, revoked ones included.
func (c *Core) ListAccessKeys(ctx context.Context, by Caller) ([]authv1.AccessKey, error) {
	if err := mayManageKeys(by.Principal); err != nil {
		return nil, err
	}
	r, err := c.Auth.ListAccessKeys(ctx, authv1.ListAccessKeysRequest{AccountID: by.Principal.AccountID})
	if err != nil {
		return nil, fmt.Errorf("listing access keys: %w", err)
	}
	return r.Keys, nil
}

// RevokeAccessKey ends a key of the caller's account.
func (c *Core) RevokeAccessKey(ctx context.Context, by Caller, keyID string) error {
	if err := mayManageKeys(by.Principal); err != nil {
		return err
	}
	if _, err := c.Auth.RevokeAccessKey(ctx, authv1.RevokeAccessKeyRequest{AccountID: by.Principal.AccountID, KeyID: keyID}); err != nil {
		return fmt.Errorf("revoking an access key: %w", err)
	}
	return nil
}
