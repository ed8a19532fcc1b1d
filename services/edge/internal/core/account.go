package core

import (
	"context"
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

// Login exchanges a password for an account token.
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
