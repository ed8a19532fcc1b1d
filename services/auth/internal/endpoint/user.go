package endpoint

import (
	"context"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

// Enter implements authv1.Service.
func (e *Endpoint) Enter(ctx context.Context, r authv1.EnterRequest) (authv1.Session, error) {
	n := domain.NewToken{Kind: authv1.TokenSession, Life: r.Life}
	if err := n.Check(); err != nil {
		return authv1.Session{}, err
	}
	a, err := e.d.Enter(ctx, domain.NewEntry{Identity: r.Identity, Email: r.Email, Name: r.Name, Create: r.Create, Source: r.Source})
	if err != nil {
		return authv1.Session{}, err
	}
	return e.session(ctx, a, n, r.Source)
}

// CreateUser implements authv1.Service.
func (e *Endpoint) CreateUser(ctx context.Context, r authv1.CreateUserRequest) (authv1.Account, error) {
	return public(e.d.CreateUser(ctx, r.Actor.AccountID, domain.NewAccount{
		Identity: r.Identity, Password: r.Password, Email: r.Email, Name: r.Name, Admin: r.Admin, Plik: r.Plik,
	}))
}

// UpdateUser implements authv1.Service.
func (e *Endpoint) UpdateUser(ctx context.Context, r authv1.UpdateUserRequest) (authv1.Account, error) {
	if r.AccountID == "" {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	return public(e.d.UpdateUser(ctx, r.Actor.AccountID, r.AccountID, domain.UserChange{
		Name: r.Name, Email: r.Email, Admin: r.Admin, Plik: r.Plik, Password: r.Password, Keep: r.Keep,
	}))
}

// DeleteUser implements authv1.Service.
func (e *Endpoint) DeleteUser(ctx context.Context, r authv1.DeleteUserRequest) (authv1.Empty, error) {
	if r.AccountID == "" {
		return authv1.Empty{}, authv1.ErrAccountNotFound
	}
	return authv1.Empty{}, e.d.DeleteUser(ctx, r.Actor.AccountID, r.AccountID, r.DryRun)
}

// ListUsers implements authv1.Service.
func (e *Endpoint) ListUsers(ctx context.Context, r authv1.ListUsersRequest) (authv1.ListUsersResponse, error) {
	page, place, err := e.d.ListUsers(ctx, r.Actor.AccountID, r.Page)
	if err != nil {
		return authv1.ListUsersResponse{}, err
	}
	out := authv1.ListUsersResponse{Accounts: make([]authv1.Account, len(page)), Place: place}
	for i, a := range page {
		out.Accounts[i] = a.Public()
	}
	return out, nil
}

// PageTokens implements authv1.Service.
func (e *Endpoint) PageTokens(ctx context.Context, r authv1.PageTokensRequest) (authv1.PageTokensResponse, error) {
	if r.AccountID == "" {
		return authv1.PageTokensResponse{}, authv1.ErrAccountNotFound
	}
	page, place, err := e.d.PageTokens(ctx, r.AccountID, r.Kind, r.Page)
	if err != nil {
		return authv1.PageTokensResponse{}, err
	}
	return authv1.PageTokensResponse{Tokens: append([]authv1.AccountToken{}, page...), Place: place}, nil
}
