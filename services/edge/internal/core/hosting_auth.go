package core

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// hostingName is what an account's list calls the tokens of HostingLogin.
const hostingName = "YetiShare API"

// FromHosting identifies the bearer of an authv1.TokenHosting, which holds only
// beside the number of its account, in decimal as Account.Number prints. auth is
// asked each time, which also notes the use. Codes: auth.bad_token.
func (c *Core) FromHosting(ctx context.Context, token, accountNumber, source string) (Caller, error) {
	if !hostingShaped(token) || accountNumber == "" {
		return Caller{}, authv1.ErrBadToken
	}
	a, err := c.Auth.Authenticate(ctx, authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenHosting, Source: source})
	if err != nil {
		return Caller{}, fmt.Errorf("authenticating a hosting token: %w", err)
	}
	if strconv.FormatInt(a.Number, 10) != accountNumber {
		return Caller{}, authv1.ErrBadToken
	}
	return Caller{Principal: authv1.Principal{AccountID: a.ID, Username: a.Username, Admin: a.Admin, Limits: a.Limits, Region: a.Region}}, nil
}

// HostingLogin exchanges a key pair, or else a user name or e-mail address and
// the password, for an authv1.TokenHosting (yetishare.md, /authorize). Where any key
// is given, keys count and nothing else. Codes: auth.bad_credentials,
// auth.throttled (with RetryAfter).
func (c *Core) HostingLogin(ctx context.Context, r authv1.LoginRequest) (authv1.Session, error) {
	if r.Key1 != "" || r.Key2 != "" {
		r.Identifier, r.Password = "", ""
	}
	for _, s := range []string{r.Key1, r.Key2, r.Identifier, r.Password} {
		if len(s) > MaxCredential {
			return authv1.Session{}, authv1.ErrBadCredentials
		}
	}
	r.Kind, r.Name, r.Life = authv1.TokenHosting, hostingName, 0
	s, err := c.Auth.Login(ctx, r)
	if err != nil {
		return authv1.Session{}, fmt.Errorf("logging in: %w", err)
	}
	return s, nil
}

// HostingLogout ends a hosting token of the account of that number. One that has
// ended a while ago is found no more. Codes: auth.bad_token.
func (c *Core) HostingLogout(ctx context.Context, token, accountNumber string) error {
	number, err := strconv.ParseInt(accountNumber, 10, 64)
	if err != nil || number < authv1.FirstAccountNumber || strconv.FormatInt(number, 10) != accountNumber || !hostingShaped(token) {
		return authv1.ErrBadToken
	}
	a, err := c.Auth.GetAccount(ctx, authv1.GetAccountRequest{Number: number})
	if err == nil {
		_, err = c.Auth.RevokeToken(ctx, authv1.RevokeTokenRequest{AccountID: a.ID, Token: token})
	}
	if errors.Is(err, authv1.ErrAccountNotFound) || errors.Is(err, authv1.ErrTokenNotFound) {
		return authv1.ErrBadToken.Because(err)
	}
	if err != nil {
		return fmt.Errorf("ending a hosting token: %w", err)
	}
	return nil
}

// KeyPair is an account's authv1.TokenKeyPair in its two parts.
type KeyPair struct{ Key1, Key2 string }

// hostingKey is the length of each key of a pair.
const hostingKey = 64

// RotateKeyPair makes a new key pair of the caller's account; the one before and
// the tokens that it gave end at once. It takes the account itself: access keys
// and API keys, which may do less than a pair, get none. Codes: object.access_denied.
func (c *Core) RotateKeyPair(ctx context.Context, by Caller) (KeyPair, error) {
	if by.APIKey || by.Principal.KeyID != "" || by.UploadTokenID != "" || by.Guest() {
		return KeyPair{}, objectv1.ErrAccessDenied.Msgf("a key pair is made for the account itself, by its own token")
	}
	t, err := c.Auth.RotateToken(ctx, authv1.RotateTokenRequest{AccountID: by.Principal.AccountID, Kind: authv1.TokenKeyPair})
	if err != nil {
		return KeyPair{}, fmt.Errorf("making a key pair: %w", err)
	}
	if len(t.Token) != 2*hostingKey {
		return KeyPair{}, fmt.Errorf("making a key pair: it has %d characters", len(t.Token))
	}
	return KeyPair{Key1: t.Token[:hostingKey], Key2: t.Token[hostingKey:]}, nil
}

// hostingShaped reports whether s could be an authv1.TokenHosting. Nothing else may
// be revoked in its place.
func hostingShaped(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return len(s) == 2*hostingKey
}
