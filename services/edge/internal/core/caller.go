package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// Caller is who a credential stands for.
type Caller struct {
	Principal authv1.Principal
	KeyEnds   *time.Time // when the access key behind it expires; nil: never, or no key
	Token     string     // the account token that was presented, if it was one
	Cookie    bool       // it came as a browser's cookie
	APIKey    bool       // it came as the account's API key
	// UploadTokenID is of the authv1.TokenPlik that was presented, if it was one.
	UploadTokenID string
	Plik          authv1.PlikLimits // of the account
	// Actor is the administrator who acts as Principal, with an administrator's
	// rights; nil: nobody does.
	Actor *authv1.Principal
}

// Guest reports whether nobody presented a credential.
func (c Caller) Guest() bool { return c.Principal.AccountID == objectv1.GuestAccount }

// Acting is who answers for what the caller does.
func (c Caller) Acting() authv1.Principal {
	if c.Actor != nil {
		return *c.Actor
	}
	return c.Principal
}

// FromAccessToken identifies the bearer of a token that was minted from an
// access key. It makes no call while the key states are fresh.
func (c *Core) FromAccessToken(ctx context.Context, token string) (Caller, error) {
	var claims authv1.TokenClaims
	if err := c.Tokens.Parse(token, &claims); err != nil {
		return Caller{}, authv1.ErrBadToken.Because(err)
	}
	return c.fromClaims(ctx, claims)
}

// fromClaims holds the claims of a well-signed token against what is known of
// its key now.
func (c *Core) fromClaims(ctx context.Context, claims authv1.TokenClaims) (Caller, error) {
	now := c.Now()
	if claims.ExpiresAt <= now.Unix() || claims.KeyID == "" || claims.AccountID == "" {
		return Caller{}, authv1.ErrBadToken.Because(fmt.Errorf("expired at %d", claims.ExpiresAt))
	}
	state, err := c.Keys.Lookup(ctx, claims.KeyID)
	if err != nil {
		return Caller{}, err //nolint:wrapcheck // it says what was being done
	}
	if why := refused(claims, state, now); why != "" {
		return Caller{}, authv1.ErrBadToken.Because(fmt.Errorf("key %s: %s", claims.KeyID, why))
	}
	return Caller{
		Principal: authv1.Principal{
			AccountID: claims.AccountID, Username: state.Account.Username, KeyID: claims.KeyID,
			Grant: state.Key.Grant, Limits: state.Account.Limits, Region: state.Account.Region,
		},
		KeyEnds: state.Key.ExpiresAt,
	}, nil
}

// refused says why a token with a good signature does not hold.
func refused(claims authv1.TokenClaims, s authv1.KeyStateResponse, now time.Time) string {
	switch {
	case !s.Found:
		return "unknown"
	case s.Key.KeyID != claims.KeyID || s.Key.AccountID != claims.AccountID || s.Account.AccountID != claims.AccountID:
		return "belongs to another account"
	case !s.Key.Active:
		return "revoked"
	case s.Key.ExpiresAt != nil && !now.Before(*s.Key.ExpiresAt):
		return "expired"
	case !s.Account.Active:
		return "its account is disabled"
	case time.Unix(claims.IssuedAt, 0).Before(s.Account.NotBefore.Truncate(time.Second)):
		return "the token is older than the account allows"
	}
	return ""
}

// FromAccountToken identifies the bearer of an account token. auth is asked
// each time, so that a revoked token ends at once.
func (c *Core) FromAccountToken(ctx context.Context, token string) (Caller, error) {
	return c.fromAccount(ctx, authv1.AuthenticateRequest{Token: token})
}

func (c *Core) fromAccount(ctx context.Context, r authv1.AuthenticateRequest) (Caller, error) {
	a, err := c.Auth.Authenticate(ctx, r)
	if err != nil {
		return Caller{}, fmt.Errorf("authenticating an account: %w", err)
	}
	return Caller{
		Principal: authv1.Principal{AccountID: a.ID, Username: a.Username, Admin: a.Admin, Limits: a.Limits, Region: a.Region},
		Token:     r.Token,
	}, nil
}

// mayManageKeys decides whether p may see and end the account's access keys:
// the account itself, or a key with the admin scope and no limits.
func mayManageKeys(p authv1.Principal) error {
	if p.KeyID == "" {
		return nil
	}
	if !slices.Contains(p.Grant.Scopes, authv1.ScopeAdmin) {
		return objectv1.ErrAccessDenied.Msgf("managing access keys takes the admin scope")
	}
	if len(p.Grant.Buckets) > 0 || len(p.Grant.Prefixes) > 0 {
		return objectv1.ErrAccessDenied.Msgf("an access key that is limited to buckets or prefixes cannot manage access keys")
	}
	return nil
}

// exceeds says what a new grant would allow that the key asking for it may not
// do itself; "" means nothing.
func exceeds(p authv1.Principal, want authv1.Grant) string {
	if p.KeyID == "" {
		return ""
	}
	var more []string
	for _, s := range want.Scopes {
		if !slices.Contains(p.Grant.Scopes, s) {
			more = append(more, string(s))
		}
	}
	return strings.Join(more, ", ")
}
