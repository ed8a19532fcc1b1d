package domain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	maxTokens   = 1000             // TokenAPI, of one account
	maxSessions = 100              // TokenSession; the oldest makes room
	revokedKept = 10 * time.Minute // a repeated revocation finds the token for so long
)

// NewToken is what an account token is made of.
type NewToken struct {
	Kind authv1.TokenKind // empty: TokenAPI
	Name string
}

// Check refuses what no token can be made of.
func (n NewToken) Check() error {
	switch n.Kind {
	case "", authv1.TokenAPI, authv1.TokenSession:
		return CheckTokenName(n.Name)
	}
	return fault.ErrInvalid.Msgf("the kind of a token is %s or %s", authv1.TokenAPI, authv1.TokenSession)
}

// CreateToken makes a token of an account.
func (s *Service) CreateToken(ctx context.Context, accountID string, n NewToken) (string, Token, error) {
	if err := n.Check(); err != nil {
		return "", Token{}, err
	}
	a, err := s.GetAccount(ctx, accountID)
	if err != nil {
		return "", Token{}, err
	}
	return s.IssueToken(ctx, a, n)
}

// IssueToken makes a token of an account as it was read: a password that was
// changed since ends the token too, and so does a disabling.
func (s *Service) IssueToken(ctx context.Context, a Account, n NewToken) (string, Token, error) {
	if err := s.roomForToken(ctx, a, n.Kind); err != nil {
		return "", Token{}, err
	}
	token, at := newToken(), s.now()
	if at.Before(a.NotBefore) {
		at = a.NotBefore // an account that was just enabled again
	}
	t := Token{ID: s.d.Vault.TokenIDs(token)[0], AccountID: a.ID, Kind: n.Kind, Name: n.Name, Generation: a.Generation, CreatedAt: at}
	if n.Kind == authv1.TokenSession {
		ends := at.Add(authv1.SessionLife)
		t.ExpiresAt, t.PurgeAt = &ends, &ends
	}
	if err := s.d.Tokens.Insert(ctx, t); err != nil {
		return "", Token{}, fmt.Errorf("keeping an account token: %w", err)
	}
	// A deletion under way may have looked for tokens before this one was there.
	if _, err := s.GetAccount(ctx, a.ID); errors.Is(err, authv1.ErrAccountNotFound) {
		return "", Token{}, errors.Join(err, s.d.Tokens.Delete(ctx, t.ID))
	}
	return token, t, nil
}

// roomForToken bounds the tokens of an account, so that a list of them fits into
// one answer. Several that are made at once may exceed the bound by a few.
func (s *Service) roomForToken(ctx context.Context, a Account, kind authv1.TokenKind) error {
	n, err := s.d.Tokens.Count(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("counting account tokens: %w", err)
	}
	if n < maxSessions {
		return nil
	}
	tokens, err := s.d.Tokens.List(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("listing account tokens: %w", err)
	}
	now, apis, sessions := s.now(), 0, 0
	for _, t := range tokens { // newest first
		drop := false
		switch {
		case !t.Holds(a, now):
			drop = n >= maxTokens
		case t.Kind == authv1.TokenSession:
			sessions++
			drop = kind == authv1.TokenSession && sessions >= maxSessions
		default:
			apis++
		}
		if !drop {
			continue
		}
		if err := s.d.Tokens.Delete(ctx, t.ID); err != nil && !missing(err) {
			return fmt.Errorf("forgetting an account token: %w", err)
		}
	}
	if kind != authv1.TokenSession && apis >= maxTokens {
		return authv1.ErrTooManyTokens
	}
	return nil
}

// ListTokens gives the tokens of an account that hold, newest first, and the
// public id of the one that is given, if it is among them.
func (s *Service) ListTokens(ctx context.Context, accountID, token string) (out []Token, current string, err error) {
	a, err := s.GetAccount(ctx, accountID)
	if err != nil {
		return nil, "", err
	}
	tokens, err := s.d.Tokens.List(ctx, accountID)
	if err != nil {
		return nil, "", fmt.Errorf("listing account tokens: %w", err)
	}
	mine := map[string]bool{}
	if tokenShaped(token) {
		for _, id := range s.d.Vault.TokenIDs(token) {
			mine[id] = true
		}
	}
	now := s.now()
	for _, t := range tokens {
		if !t.Holds(a, now) {
			continue
		}
		out = append(out, t)
		if mine[t.ID] {
			current = t.PublicID()
		}
	}
	return out, current, nil
}

// RevokeToken ends a token, named by its public id and its account, or by itself.
func (s *Service) RevokeToken(ctx context.Context, accountID, publicID, token string) error {
	id, err := s.named(ctx, accountID, publicID, token)
	if err != nil {
		return err
	}
	_, err = s.d.Tokens.Update(ctx, id, func(t *Token) bool {
		if t.RevokedAt != nil {
			return false
		}
		now := s.now()
		purge := now.Add(revokedKept)
		t.RevokedAt, t.PurgeAt = &now, &purge
		return true
	})
	if missing(err) {
		return authv1.ErrTokenNotFound
	}
	if err != nil {
		return fmt.Errorf("revoking an account token: %w", err)
	}
	return nil
}

// named finds the id of a token's document.
func (s *Service) named(ctx context.Context, accountID, publicID, token string) (string, error) {
	switch {
	case tokenShaped(token) && publicID == "":
		t, err := s.tokenOf(ctx, token)
		if missing(err) || err == nil && accountID != "" && t.AccountID != accountID {
			return "", authv1.ErrTokenNotFound
		}
		if err != nil {
			return "", fmt.Errorf("reading an account token: %w", err)
		}
		return t.ID, nil
	case token == "" && accountID != "" && strings.HasPrefix(publicID, publicTokenPrefix):
		tokens, err := s.d.Tokens.List(ctx, accountID)
		if err != nil {
			return "", fmt.Errorf("listing account tokens: %w", err)
		}
		for _, t := range tokens {
			if t.PublicID() == publicID {
				return t.ID, nil
			}
		}
	}
	return "", authv1.ErrTokenNotFound
}

// cleanTokens removes the tokens of an account that do not hold any more.
func (s *Service) cleanTokens(ctx context.Context, a Account) {
	tokens, err := s.d.Tokens.List(ctx, a.ID)
	for _, t := range tokens {
		// A token of a later generation than a was read in may hold.
		if err == nil && t.Generation < a.Generation && t.ID != a.Kept {
			if err = s.d.Tokens.Delete(ctx, t.ID); missing(err) {
				err = nil
			}
		}
	}
	if err != nil {
		s.d.Log.WarnContext(ctx, "dead account tokens stay in the store", slog.String(telemetry.KeyAccountID, a.ID), slog.Any(telemetry.KeyErr, err))
	}
}

// tokenShaped reports whether s could be an account token.
func tokenShaped(s string) bool { return len(s) == tokenLength && strings.HasPrefix(s, tokenPrefix) }
