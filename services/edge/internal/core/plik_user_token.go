package core

import (
	"context"
	"errors"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// ListPlikTokens pages through the caller's upload tokens, which show themselves.
// Codes: those of pkg/paging.
func (c *Core) ListPlikTokens(ctx context.Context, by Caller, page paging.Request) (authv1.PageTokensResponse, error) {
	return c.pageTokens(ctx, by.Principal.AccountID, page)
}

func (c *Core) pageTokens(ctx context.Context, accountID string, page paging.Request) (authv1.PageTokensResponse, error) {
	l, err := c.Auth.PageTokens(ctx, authv1.PageTokensRequest{AccountID: accountID, Kind: authv1.TokenPlik, Page: page})
	if err != nil {
		return authv1.PageTokensResponse{}, fmt.Errorf("listing upload tokens: %w", err)
	}
	return l, nil
}

// CreatePlikToken makes an upload token. Codes: invalid_request,
// auth.too_many_tokens.
func (c *Core) CreatePlikToken(ctx context.Context, by Caller, comment string) (authv1.CreatedToken, error) {
	t, err := c.Auth.CreateToken(ctx, authv1.CreateTokenRequest{AccountID: by.Principal.AccountID, Kind: authv1.TokenPlik, Name: comment})
	if err != nil {
		return authv1.CreatedToken{}, fmt.Errorf("making an upload token: %w", err)
	}
	return t, nil
}

// RevokePlikToken ends an upload token of the caller's. Codes:
// auth.token_not_found, also for another account's and for other kinds.
func (c *Core) RevokePlikToken(ctx context.Context, by Caller, token string) error {
	accountID, id, err := c.PlikTokenID(ctx, token)
	if err != nil {
		return err
	}
	if accountID != by.Principal.AccountID {
		return authv1.ErrTokenNotFound
	}
	if _, err := c.Auth.RevokeToken(ctx, authv1.RevokeTokenRequest{AccountID: accountID, TokenID: id}); err != nil {
		return fmt.Errorf("revoking an upload token: %w", err)
	}
	return nil
}

// PlikTokenID finds an upload token and whose it is. Codes: auth.token_not_found.
func (c *Core) PlikTokenID(ctx context.Context, token string) (accountID, tokenID string, err error) {
	a, err := c.Auth.Authenticate(ctx, authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenPlik})
	if errors.Is(err, authv1.ErrBadToken) {
		return "", "", authv1.ErrTokenNotFound.Because(err)
	}
	if err != nil {
		return "", "", fmt.Errorf("looking an upload token up: %w", err)
	}
	return a.ID, a.TokenID, nil
}

// plikTokens gives the upload tokens of an account by their ids.
func (c *Core) plikTokens(ctx context.Context, accountID string) (map[string]string, error) {
	out := map[string]string{}
	for page := (paging.Request{Limit: paging.MaxLimit}); ; {
		l, err := c.pageTokens(ctx, accountID, page)
		if err != nil {
			return nil, err
		}
		for _, t := range l.Tokens {
			out[t.ID] = t.Secret
		}
		if l.Place.After == "" {
			return out, nil
		}
		page.After = l.Place.After
	}
}
