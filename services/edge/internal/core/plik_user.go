package core

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/closing"
	"github.com/sluicehq/sluice/pkg/paging"
)

// The purposes of the keys behind Plik's sessions.
const (
	PurposePlikXSRF  = "plik-xsrf"
	PurposePlikLogin = "plik-login"
	PlikLoginPrefix  = "pl_" // of what a provider hands back
)

// FromPlikToken identifies the bearer of an upload token. Codes: auth.bad_token,
// auth.throttled.
func (c *Core) FromPlikToken(ctx context.Context, token, source string) (Caller, error) {
	return c.fromPlik(ctx, authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenPlik, Source: source})
}

// FromPlikSession identifies a browser by its session. Codes: auth.bad_token,
// auth.account_not_found, auth.throttled.
func (c *Core) FromPlikSession(ctx context.Context, token, source string) (Caller, error) {
	by, err := c.fromPlik(ctx, authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenSession, Source: source})
	by.Cookie = true
	return by, err
}

func (c *Core) fromPlik(ctx context.Context, r authv1.AuthenticateRequest) (Caller, error) {
	a, err := c.Auth.Authenticate(ctx, r)
	if err != nil {
		return Caller{}, fmt.Errorf("authenticating a user: %w", err)
	}
	by := Caller{Principal: principalOf(a.Account), Token: r.Token, Plik: a.Plik}
	if r.Kind == authv1.TokenPlik {
		by.UploadTokenID = a.TokenID
	}
	return by, nil
}

func principalOf(a authv1.Account) authv1.Principal {
	return authv1.Principal{AccountID: a.ID, Username: a.Username, Admin: a.Admin, Limits: a.Limits, Region: a.Region}
}

// Impersonate lets an administrator act as somebody else: what is done counts
// for that account, by an administrator's rights (plik-wire.md 13.6). Codes:
// auth.not_admin, auth.account_not_found.
func (c *Core) Impersonate(ctx context.Context, by Caller, userID string) (Caller, error) {
	if !by.Principal.Admin {
		return Caller{}, authv1.ErrNotAdmin
	}
	a, err := c.PlikUser(ctx, userID)
	if err != nil {
		return Caller{}, err
	}
	actor := by.Principal
	by.Actor, by.Principal, by.Plik = &actor, principalOf(a), a.Plik
	by.Principal.Admin = true
	return by, nil
}

// PlikUserID is how Plik names an account: provider:login.
func PlikUserID(a authv1.Account) string {
	return string(a.Identity.Provider) + ":" + a.Identity.Login
}

// PlikUser reads the account of a user id. Codes: auth.account_not_found, also
// for what is no user id.
func (c *Core) PlikUser(ctx context.Context, userID string) (authv1.Account, error) {
	provider, login, ok := strings.Cut(userID, ":")
	if !ok || provider == "" || login == "" {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	a, err := c.Auth.GetAccount(ctx, authv1.GetAccountRequest{Identity: &authv1.Identity{Provider: authv1.Provider(provider), Login: login}})
	if err != nil {
		return authv1.Account{}, fmt.Errorf("reading a user: %w", err)
	}
	return a, nil
}

// PlikSelf reads the account that the caller is, or acts as.
func (c *Core) PlikSelf(ctx context.Context, by Caller) (authv1.Account, error) {
	a, err := c.Auth.GetAccount(ctx, authv1.GetAccountRequest{ID: by.Principal.AccountID})
	if err != nil {
		return authv1.Account{}, fmt.Errorf("reading a user: %w", err)
	}
	a.Admin = by.Principal.Admin
	return a, nil
}

// PlikLogin exchanges a password for a session. Codes: auth.bad_credentials,
// auth.throttled.
func (c *Core) PlikLogin(ctx context.Context, login, password, source string) (authv1.Session, error) {
	s, err := c.Auth.Login(ctx, authv1.LoginRequest{
		Identifier: login, Password: password, Source: source, Kind: authv1.TokenSession, Name: "plik", Life: c.plikLife(),
	})
	if err != nil {
		return authv1.Session{}, fmt.Errorf("logging a user in: %w", err)
	}
	return s, nil
}

func (c *Core) plikLife() int64 { return int64(c.Plik.SessionTimeout / time.Second) }

// PlikEnter logs somebody in whom a provider has vouched for. Where there is no
// account yet, mayJoin decides about one. Codes: those of auth.Enter and of mayJoin.
func (c *Core) PlikEnter(ctx context.Context, who authv1.EnterRequest, mayJoin func() error) (authv1.Session, error) {
	who.Life, who.Create = c.plikLife(), false
	s, err := c.Auth.Enter(ctx, who)
	if errors.Is(err, authv1.ErrAccountNotFound) {
		if err := mayJoin(); err != nil {
			return authv1.Session{}, err
		}
		who.Create = true
		s, err = c.Auth.Enter(ctx, who)
	}
	if err != nil {
		return authv1.Session{}, fmt.Errorf("logging a provider's user in: %w", err)
	}
	return s, nil
}

// PlikLogout ends a session; one that does not hold is no error.
func (c *Core) PlikLogout(ctx context.Context, session string) error {
	_, err := c.Auth.RevokeToken(ctx, authv1.RevokeTokenRequest{Token: session})
	if err != nil && !errors.Is(err, authv1.ErrTokenNotFound) {
		return fmt.Errorf("logging a user out: %w", err)
	}
	return nil
}

// PlikXSRFValue is what a page shows beside a session's cookie. It follows from
// the session, so that nothing is stored.
func (c *Core) PlikXSRFValue(session string) string {
	return uuidForm(c.PlikXSRF.Sign([]byte(session)))
}

// PlikXSRFValues are the values that hold for a session, those under older master
// keys included.
func (c *Core) PlikXSRFValues(session string) []string {
	codes := c.PlikXSRF.All([]byte(session))
	out := make([]string, len(codes))
	for i, code := range codes {
		out[i] = uuidForm(code)
	}
	return out
}

// uuidForm writes the first 16 bytes of code as a UUID of version 8.
func uuidForm(code []byte) string {
	var b [16]byte
	copy(b[:], code)
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	x := hex.EncodeToString(b[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// CreatePlikUser makes an account for somebody else. Codes: those of
// auth.CreateUser.
func (c *Core) CreatePlikUser(ctx context.Context, by Caller, r authv1.CreateUserRequest) (authv1.Account, error) {
	r.Actor = by.Acting()
	a, err := c.Auth.CreateUser(ctx, r)
	if err != nil {
		return authv1.Account{}, fmt.Errorf("making a user: %w", err)
	}
	return a, nil
}

// UpdatePlikUser replaces what is said of a user. Codes: those of auth.UpdateUser.
func (c *Core) UpdatePlikUser(ctx context.Context, by Caller, r authv1.UpdateUserRequest) (authv1.Account, error) {
	r.Actor = by.Acting()
	if r.AccountID == r.Actor.AccountID {
		r.Keep = by.Token
	}
	a, err := c.Auth.UpdateUser(ctx, r)
	if err != nil {
		return authv1.Account{}, fmt.Errorf("changing a user: %w", err)
	}
	return a, nil
}

// DeletePlikUser ends an account and everything it stores. Whether it may be is
// asked before anything is removed; a failure in the middle is mended by a repeat.
// Codes: those of auth.DeleteUser and object.CloseAccount.
func (c *Core) DeletePlikUser(ctx context.Context, by Caller, accountID string) error {
	r := authv1.DeleteUserRequest{Actor: by.Acting(), AccountID: accountID, DryRun: true}
	if _, err := c.Auth.DeleteUser(ctx, r); err != nil {
		return fmt.Errorf("asking whether a user may be deleted: %w", err)
	}
	if err := c.closing().Close(ctx, accountID); err != nil {
		return err
	}
	r.DryRun = false
	if _, err := c.Auth.DeleteUser(ctx, r); err != nil {
		return fmt.Errorf("deleting a user: %w", err)
	}
	return nil
}

// closing is what ends the things of an account.
func (c *Core) closing() closing.Services {
	return closing.Services{Objects: c.Objects, Pliks: c.Pliks, Fetches: c.Fetches, Links: c.Links, Webhooks: c.Webhooks}
}

// ListPlikUsers pages through all accounts. Codes: auth.not_admin, those of
// pkg/paging.
func (c *Core) ListPlikUsers(ctx context.Context, by Caller, page paging.Request) (authv1.ListUsersResponse, error) {
	l, err := c.Auth.ListUsers(ctx, authv1.ListUsersRequest{Actor: by.Acting(), Page: page})
	if err != nil {
		return authv1.ListUsersResponse{}, fmt.Errorf("listing users: %w", err)
	}
	return l, nil
}
