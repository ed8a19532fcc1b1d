package endpoint

import (
	"context"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

// CreateToken implements authv1.Service.
func (e *Endpoint) CreateToken(ctx context.Context, r authv1.CreateTokenRequest) (authv1.CreatedToken, error) {
	if r.AccountID == "" {
		return authv1.CreatedToken{}, authv1.ErrAccountNotFound
	}
	token, t, err := e.d.CreateToken(ctx, r.AccountID, domain.NewToken{Kind: r.Kind, Name: r.Name})
	if err != nil {
		return authv1.CreatedToken{}, err
	}
	p := t.Public()
	if p.Kind == authv1.TokenPlik {
		p.Secret = token
	}
	return authv1.CreatedToken{AccountToken: p, Token: token}, nil
}

// ListTokens implements authv1.Service.
func (e *Endpoint) ListTokens(ctx context.Context, r authv1.ListTokensRequest) (authv1.ListTokensResponse, error) {
	out := authv1.ListTokensResponse{Tokens: []authv1.AccountToken{}}
	if r.AccountID == "" {
		return authv1.ListTokensResponse{}, authv1.ErrAccountNotFound
	}
	tokens, current, err := e.d.ListTokens(ctx, r.AccountID, r.Token)
	if err != nil {
		return authv1.ListTokensResponse{}, err
	}
	out.Tokens = append(out.Tokens, tokens...)
	out.Current = current
	return out, nil
}

// RevokeToken implements authv1.Service.
func (e *Endpoint) RevokeToken(ctx context.Context, r authv1.RevokeTokenRequest) (authv1.Empty, error) {
	return authv1.Empty{}, e.d.RevokeToken(ctx, r.AccountID, r.TokenID, r.Token)
}

// RotateToken implements authv1.Service.
func (e *Endpoint) RotateToken(ctx context.Context, r authv1.RotateTokenRequest) (authv1.CreatedToken, error) {
	if r.AccountID == "" {
		return authv1.CreatedToken{}, authv1.ErrAccountNotFound
	}
	key, t, err := e.d.RotateToken(ctx, r.AccountID, r.Kind)
	if err != nil {
		return authv1.CreatedToken{}, err
	}
	return authv1.CreatedToken{AccountToken: t.Public(), Token: key}, nil
}

// ChangePassword implements authv1.Service.
func (e *Endpoint) ChangePassword(ctx context.Context, r authv1.ChangePasswordRequest) (authv1.Account, error) {
	if r.AccountID == "" {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	p := domain.Proof{Password: r.Current, Source: r.Source, Operator: r.Operator}
	return public(e.d.ChangePassword(ctx, r.AccountID, p, r.New, r.Keep))
}

// DeleteAccount implements authv1.Service.
func (e *Endpoint) DeleteAccount(ctx context.Context, r authv1.DeleteAccountRequest) (authv1.Empty, error) {
	if r.AccountID == "" {
		return authv1.Empty{}, authv1.ErrAccountNotFound
	}
	p := domain.Proof{Password: r.Password, Source: r.Source, Operator: r.Operator}
	return authv1.Empty{}, e.d.DeleteAccount(ctx, r.AccountID, p, r.DryRun)
}

// SetAccount implements authv1.Service.
func (e *Endpoint) SetAccount(ctx context.Context, r authv1.SetAccountRequest) (authv1.Account, error) {
	if r.AccountID == "" {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	return public(e.d.SetAccount(ctx, r.AccountID, domain.Change{Plan: r.Plan, Region: r.Region, Admin: r.Admin}))
}
