package core

import (
	"context"
	"errors"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// Session is an account with a fresh token and what it uses.
type Session struct {
	authv1.Session
	Used int64 // logical bytes
}

// CreateAccount makes an ordinary account.
func (c *Core) CreateAccount(ctx context.Context, r authv1.CreateAccountRequest) (Session, error) {
	r.Admin = false
	s, err := c.Auth.CreateAccount(ctx, r)
	if err != nil {
		return Session{}, fmt.Errorf("making an account: %w", err)
	}
	return Session{Session: s}, nil
}

// Login exchanges a password for an account token; with authv1.TokenSession for
// one that SessionCookie keeps.
func (c *Core) Login(ctx context.Context, r authv1.LoginRequest) (Session, error) {
	s, err := c.Auth.Login(ctx, r)
	if err != nil {
		return Session{}, fmt.Errorf("logging in: %w", err)
	}
	u, err := c.Objects.GetUsage(ctx, objectv1.GetUsageRequest{AccountID: s.Account.ID})
	if err != nil {
		return Session{}, fmt.Errorf("reading an account's usage: %w", err)
	}
	return Session{Session: s, Used: u.Used}, nil
}

// Logout ends the token that the caller presented, if it was one.
func (c *Core) Logout(ctx context.Context, by Caller) error {
	if by.Token == "" {
		return nil
	}
	_, err := c.Auth.RevokeToken(ctx, authv1.RevokeTokenRequest{AccountID: by.Principal.AccountID, Token: by.Token})
	if err != nil && !errors.Is(err, authv1.ErrTokenNotFound) {
		return fmt.Errorf("logging out: %w", err)
	}
	return nil
}

// Account reads the caller's account and what it uses.
func (c *Core) Account(ctx context.Context, by Caller) (authv1.Account, objectv1.Usage, error) {
	a, err := c.Auth.GetAccount(ctx, authv1.GetAccountRequest{ID: by.Principal.AccountID})
	if err != nil {
		return authv1.Account{}, objectv1.Usage{}, fmt.Errorf("reading an account: %w", err)
	}
	u, err := c.Usage(ctx, by.Principal)
	return a, u, err
}

// SetRegion sets where the caller's new files live. Codes: object.unknown_region.
func (c *Core) SetRegion(ctx context.Context, by Caller, region string) error {
	if err := c.CheckRegion(region); err != nil {
		return err
	}
	if _, err := c.Auth.SetAccount(ctx, authv1.SetAccountRequest{AccountID: by.Principal.AccountID, Region: region}); err != nil {
		return fmt.Errorf("setting an account's region: %w", err)
	}
	return nil
}

// ChangePassword sets a new password. Every token but the one that the caller
// presented ends.
func (c *Core) ChangePassword(ctx context.Context, by Caller, current, wanted, source string) error {
	_, err := c.Auth.ChangePassword(ctx, authv1.ChangePasswordRequest{
		AccountID: by.Principal.AccountID, Current: current, New: wanted, Keep: by.Token, Source: source,
	})
	if err != nil {
		return fmt.Errorf("changing a password: %w", err)
	}
	return nil
}

// DeleteAccount ends the caller's account and everything it stores. The password
// is looked at before anything is closed; what is under retention refuses it
// all; and a failure in the middle is mended by a repeat.
func (c *Core) DeleteAccount(ctx context.Context, by Caller, password, source string) error {
	r := authv1.DeleteAccountRequest{AccountID: by.Principal.AccountID, Password: password, Source: source, DryRun: true}
	if _, err := c.Auth.DeleteAccount(ctx, r); err != nil {
		return fmt.Errorf("checking the password of an account to delete: %w", err)
	}
	if err := c.closing().Close(ctx, r.AccountID); err != nil {
		return err
	}
	r.DryRun = false
	if _, err := c.Auth.DeleteAccount(ctx, r); err != nil {
		return fmt.Errorf("deleting an account: %w", err)
	}
	return nil
}

// ListTokens gives the account tokens that hold, newest first, and the id of the
// one that was presented.
func (c *Core) ListTokens(ctx context.Context, by Caller) (authv1.ListTokensResponse, error) {
	l, err := c.Auth.ListTokens(ctx, authv1.ListTokensRequest{AccountID: by.Principal.AccountID, Token: by.Token})
	if err != nil {
		return authv1.ListTokensResponse{}, fmt.Errorf("listing account tokens: %w", err)
	}
	return l, nil
}

// CreateToken makes an account token.
func (c *Core) CreateToken(ctx context.Context, by Caller, name string) (authv1.CreatedToken, error) {
	t, err := c.Auth.CreateToken(ctx, authv1.CreateTokenRequest{AccountID: by.Principal.AccountID, Kind: authv1.TokenAPI, Name: name})
	if err != nil {
		return authv1.CreatedToken{}, fmt.Errorf("making an account token: %w", err)
	}
	return t, nil
}

// RevokeToken ends a token of the caller's account by its id.
func (c *Core) RevokeToken(ctx context.Context, by Caller, id string) error {
	if _, err := c.Auth.RevokeToken(ctx, authv1.RevokeTokenRequest{AccountID: by.Principal.AccountID, TokenID: id}); err != nil {
		return fmt.Errorf("revoking an account token: %w", err)
	}
	return nil
}
