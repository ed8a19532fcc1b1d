package core

import (
	"context"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// FromAPIKey identifies the holder of an account's API key, which may do with
// link containers what the account may. auth is asked each time, so that a
// regenerated one ends at once. Codes: auth.bad_token.
func (c *Core) FromAPIKey(ctx context.Context, key, source string) (Caller, error) {
	if key == "" || len(key) > MaxCredential {
		return Caller{}, authv1.ErrBadToken
	}
	caller, err := c.fromAccount(ctx, authv1.AuthenticateRequest{Token: key, Kind: authv1.TokenAPIKey, Source: source})
	caller.Token, caller.APIKey = "", true
	return caller, err
}

// RotateAPIKey makes a new API key of the caller's account; the one before dies
// at once. An API key cannot, so that who finds one does not lock its owner out.
// Codes: object.access_denied.
func (c *Core) RotateAPIKey(ctx context.Context, by Caller) (authv1.CreatedToken, error) {
	if by.APIKey {
		return authv1.CreatedToken{}, authv1.ErrBadToken.Msgf("an API key cannot make another one: this takes the account's own bearer token")
	}
	if err := MayContainers(by.Principal, authv1.ScopeAdmin); err != nil {
		return authv1.CreatedToken{}, err
	}
	t, err := c.Auth.RotateToken(ctx, authv1.RotateTokenRequest{AccountID: by.Principal.AccountID, Kind: authv1.TokenAPIKey})
	if err != nil {
		return authv1.CreatedToken{}, fmt.Errorf("making an API key: %w", err)
	}
	return t, nil
}

// ClientToken is what OAuth's client credentials are exchanged for.
type ClientToken struct {
	authv1.AccessToken
	Scopes []authv1.Scope // of the access key
}

// ClientCredentials exchanges an access key for a token and says what it is good
// for. Codes: auth.bad_credentials, auth.throttled.
func (c *Core) ClientCredentials(ctx context.Context, r authv1.MintAccessTokenRequest) (ClientToken, error) {
	t, err := c.MintAccessToken(ctx, r)
	if err != nil {
		return ClientToken{}, err
	}
	state, err := c.Keys.Lookup(ctx, r.KeyID)
	if err != nil {
		return ClientToken{}, err //nolint:wrapcheck // it says what was being done
	}
	return ClientToken{AccessToken: t, Scopes: state.Key.Grant.Scopes}, nil
}
