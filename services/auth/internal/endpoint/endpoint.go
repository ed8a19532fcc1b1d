// Package endpoint is authv1.Service over the domain: it translates, and decides nothing.
package endpoint

import (
	"context"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

// Page sizes of ListAccounts.
const (
	defaultPage = 100
	maxPage     = 1000
)

// Endpoint serves the calls of auth. It is safe for concurrent use.
type Endpoint struct{ d *domain.Service }

var _ authv1.Service = (*Endpoint)(nil)

// New makes the endpoint of a domain.
func New(d *domain.Service) *Endpoint { return &Endpoint{d: d} }

// public is the answer to a call that gives an account.
func public(a domain.Account, err error) (authv1.Account, error) {
	if err != nil {
		return authv1.Account{}, err
	}
	return a.Public(), nil
}

// session gives an account that logs in from source a fresh token.
func (e *Endpoint) session(ctx context.Context, a domain.Account, n domain.NewToken, source string) (authv1.Session, error) {
	token, a, err := e.d.OpenSession(ctx, a, n, source)
	if err != nil {
		return authv1.Session{}, err
	}
	return authv1.Session{Token: token, Account: a.Public()}, nil
}

// CreateAccount implements authv1.Service.
func (e *Endpoint) CreateAccount(ctx context.Context, r authv1.CreateAccountRequest) (authv1.Session, error) {
	a, err := e.d.CreateAccount(ctx, domain.NewAccount{Username: r.Username, Email: r.Email, Password: r.Password, Admin: r.Admin, Source: r.Source})
	if err != nil {
		return authv1.Session{}, err
	}
	token, _, err := e.d.IssueToken(ctx, a, domain.NewToken{})
	if err != nil {
		return authv1.Session{}, err
	}
	return authv1.Session{Token: token, Account: a.Public()}, nil
}

// Login implements authv1.Service.
func (e *Endpoint) Login(ctx context.Context, r authv1.LoginRequest) (authv1.Session, error) {
	n := domain.NewToken{Kind: r.Kind, Name: r.Name, Life: r.Life}
	if err := n.CheckLogin(); err != nil {
		return authv1.Session{}, err
	}
	if r.Key1 != "" || r.Key2 != "" {
		return e.loginByKeys(ctx, r, n)
	}
	a, err := e.d.Login(ctx, r.Identifier, r.Password, r.Source)
	if err != nil {
		return authv1.Session{}, err
	}
	return e.session(ctx, a, n, r.Source)
}

// loginByKeys is Login with a key pair.
func (e *Endpoint) loginByKeys(ctx context.Context, r authv1.LoginRequest, n domain.NewToken) (authv1.Session, error) {
	if r.Kind != authv1.TokenHosting || r.Identifier != "" || r.Password != "" {
		return authv1.Session{}, fault.ErrInvalid.Msgf("a key pair is exchanged for a token of kind %s, without a name or a password beside it", authv1.TokenHosting)
	}
	a, pair, err := e.d.LoginByKeys(ctx, r.Key1, r.Key2, r.Source)
	if err != nil {
		return authv1.Session{}, err
	}
	n.Pair = pair
	return e.session(ctx, a, n, r.Source)
}

// Authenticate implements authv1.Service.
func (e *Endpoint) Authenticate(ctx context.Context, r authv1.AuthenticateRequest) (authv1.Authenticated, error) {
	if r.Kind != "" || r.Token != "" || r.Identifier == "" && r.Password == "" {
		return known(e.d.AuthenticateToken(ctx, r.Token, r.Kind))
	}
	return known(e.d.AuthenticatePassword(ctx, r.Identifier, r.Password, r.Source))
}

// known is the answer to a call that tells whom a credential stands for.
func known(k domain.Known, err error) (authv1.Authenticated, error) {
	if err != nil {
		return authv1.Authenticated{}, err
	}
	out := authv1.Authenticated{Account: k.Account.Public()}
	if k.Token.ID != "" {
		out.TokenID, out.TokenKind = k.Token.PublicID(), k.Token.Purpose()
	}
	return out, nil
}

// GetAccount implements authv1.Service.
func (e *Endpoint) GetAccount(ctx context.Context, r authv1.GetAccountRequest) (authv1.Account, error) {
	switch r {
	case authv1.GetAccountRequest{}:
	case authv1.GetAccountRequest{ID: r.ID}:
		return public(e.d.GetAccount(ctx, r.ID))
	case authv1.GetAccountRequest{Username: r.Username}:
		return public(e.d.AccountNamed(ctx, r.Username))
	case authv1.GetAccountRequest{Identity: r.Identity}:
		return public(e.d.AccountOf(ctx, *r.Identity))
	case authv1.GetAccountRequest{Number: r.Number}:
		return public(e.d.AccountNumbered(ctx, r.Number))
	}
	return authv1.Account{}, fault.ErrInvalid.Msgf("an account is named by either its id, its user name, its identity or its number")
}

// ListAccounts implements authv1.Service.
func (e *Endpoint) ListAccounts(ctx context.Context, r authv1.ListAccountsRequest) (authv1.ListAccountsResponse, error) {
	limit := r.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	page, more, err := e.d.ListAccounts(ctx, r.After, min(limit, maxPage))
	if err != nil {
		return authv1.ListAccountsResponse{}, err
	}
	out := authv1.ListAccountsResponse{Accounts: make([]authv1.Account, len(page)), More: more}
	for i, a := range page {
		out.Accounts[i] = a.Public()
	}
	return out, nil
}

// SetAccountDisabled implements authv1.Service.
func (e *Endpoint) SetAccountDisabled(ctx context.Context, r authv1.SetAccountDisabledRequest) (authv1.Account, error) {
	if r.AccountID == "" {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	return public(e.d.SetDisabled(ctx, r.AccountID, r.Disabled))
}

// CreateAccessKey implements authv1.Service.
func (e *Endpoint) CreateAccessKey(ctx context.Context, r authv1.CreateAccessKeyRequest) (authv1.AccessKeyWithSecret, error) {
	if r.AccountID == "" {
		return authv1.AccessKeyWithSecret{}, authv1.ErrAccountNotFound
	}
	k, secret, err := e.d.CreateKey(ctx, r.AccountID, r.Grant, r.ExpiresAt)
	if err != nil {
		return authv1.AccessKeyWithSecret{}, err
	}
	return authv1.AccessKeyWithSecret{AccessKey: k.Public(), Secret: secret}, nil
}

// ListAccessKeys implements authv1.Service.
func (e *Endpoint) ListAccessKeys(ctx context.Context, r authv1.ListAccessKeysRequest) (authv1.ListAccessKeysResponse, error) {
	out := authv1.ListAccessKeysResponse{Keys: []authv1.AccessKey{}}
	if r.AccountID == "" {
		return out, nil
	}
	keys, err := e.d.ListKeys(ctx, r.AccountID)
	if err != nil {
		return authv1.ListAccessKeysResponse{}, err
	}
	for _, k := range keys {
		out.Keys = append(out.Keys, k.Public())
	}
	return out, nil
}

// RevokeAccessKey implements authv1.Service.
func (e *Endpoint) RevokeAccessKey(ctx context.Context, r authv1.RevokeAccessKeyRequest) (authv1.AccessKey, error) {
	k, err := e.d.RevokeKey(ctx, r.AccountID, r.KeyID)
	if err != nil {
		return authv1.AccessKey{}, err
	}
	return k.Public(), nil
}

// MintAccessToken implements authv1.Service.
func (e *Endpoint) MintAccessToken(ctx context.Context, r authv1.MintAccessTokenRequest) (authv1.AccessToken, error) {
	m, err := e.d.Mint(ctx, r.KeyID, r.Secret)
	if err != nil {
		return authv1.AccessToken{}, err
	}
	return authv1.AccessToken{Token: m.Token, ExpiresAt: m.ExpiresAt, AccountID: m.AccountID}, nil
}

// KeyState implements authv1.Service.
func (e *Endpoint) KeyState(ctx context.Context, r authv1.KeyStateRequest) (authv1.KeyStateResponse, error) {
	return e.d.KeyState(ctx, r.KeyID)
}
