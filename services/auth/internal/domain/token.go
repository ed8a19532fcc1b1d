package domain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	maxTokens   = 1000             // TokenAPI, and TokenPlik, of one account
	maxSessions = 100              // TokenSession; the oldest makes room
	maxHosting  = 100              // TokenHosting; the longest unused makes room
	revokedKept = 10 * time.Minute // a repeated revocation finds the token for so long

	maxLife = 10 * 366 * 24 * time.Hour // of a session
)

// NewToken is what an account token is made of.
type NewToken struct {
	Kind authv1.TokenKind // empty: TokenAPI
	Name string
	Life int64  // of a TokenSession, seconds; 0: SessionLife
	Pair string // of a TokenHosting: what LoginByKeys gave; empty for a password
}

// Check refuses what no token can be made of.
func (n NewToken) Check() error {
	switch {
	case n.Life < 0 || n.Life > int64(maxLife/time.Second):
		return fault.ErrInvalid.Msgf("the life of a session is at most %d seconds", int64(maxLife/time.Second))
	case n.Life > 0 && n.Kind != authv1.TokenSession:
		return fault.ErrInvalid.Msgf("only a session has a life that can be chosen")
	case n.Kind == authv1.TokenPlik:
		return CheckComment(n.Name)
	case n.Kind == "" || n.Kind == authv1.TokenAPI || n.Kind == authv1.TokenSession:
		return CheckTokenName(n.Name)
	}
	return fault.ErrInvalid.Msgf("the kind of a token is %s, %s or %s", authv1.TokenAPI, authv1.TokenSession, authv1.TokenPlik)
}

// CheckLogin is Check for a token that a password or a key pair is exchanged for;
// only so there is a TokenHosting.
func (n NewToken) CheckLogin() error {
	switch {
	case n.Kind == authv1.TokenPlik:
		return fault.ErrInvalid.Msgf("a login gives a token of kind %s, %s or %s", authv1.TokenAPI, authv1.TokenSession, authv1.TokenHosting)
	case n.Kind == authv1.TokenHosting && n.Life == 0:
		return CheckTokenName(n.Name)
	}
	return n.Check()
}

// life is how long the token lasts, unused if it is a TokenHosting; 0: without end.
func (n NewToken) life() time.Duration {
	switch n.Kind {
	case authv1.TokenSession:
		return cmp.Or(time.Duration(n.Life)*time.Second, authv1.SessionLife)
	case authv1.TokenHosting:
		return authv1.HostingIdle
	}
	return 0
}

// text makes the token itself.
func (n NewToken) text() string {
	switch n.Kind {
	case authv1.TokenPlik:
		return newPlikToken()
	case authv1.TokenHosting:
		return alphanumeric(hostingLength)
	}
	return newToken()
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
	token, at := n.text(), s.now()
	if at.Before(a.NotBefore) {
		at = a.NotBefore // an account that was just enabled again
	}
	t := Token{ID: s.d.Vault.TokenIDs(token)[0], AccountID: a.ID, Kind: n.Kind, Name: n.Name, Generation: a.Generation, Pair: n.Pair, CreatedAt: at}
	if life := n.life(); life > 0 {
		ends := at.Add(life)
		t.ExpiresAt, t.PurgeAt = &ends, &ends
	}
	if n.Kind == authv1.TokenPlik {
		sealed, err := s.d.Vault.Seal(t.ID, token)
		if err != nil {
			return "", Token{}, fmt.Errorf("sealing an upload token: %w", err)
		}
		t.Secret = sealed
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
	held, drop := s.crowded(a, tokens, kind, n >= maxTokens)
	for _, t := range drop {
		if err := s.d.Tokens.Delete(ctx, t.ID); err != nil && !missing(err) {
			return fmt.Errorf("forgetting an account token: %w", err)
		}
	}
	if held >= maxTokens {
		return authv1.ErrTooManyTokens
	}
	return nil
}

// crowded tells how many of an account's tokens, newest first, are of the kind and
// make no room for another one, and which do make room; with dead those too that
// do not hold.
func (s *Service) crowded(a Account, tokens []Token, kind authv1.TokenKind, dead bool) (held int, drop []Token) {
	now := s.now()
	var sessions, hosting []Token
	for _, t := range tokens {
		switch {
		case !t.Holds(a, now):
			if dead {
				drop = append(drop, t)
			}
		case t.Kind == authv1.TokenSession:
			sessions = append(sessions, t)
		case t.Kind == authv1.TokenHosting:
			hosting = append(hosting, t)
		case t.Purpose() == cmp.Or(kind, authv1.TokenAPI):
			held++
		}
	}
	switch kind {
	case authv1.TokenSession:
		drop = append(drop, sessions[min(len(sessions), maxSessions-1):]...)
	case authv1.TokenHosting: // what was used last ends last
		slices.SortFunc(hosting, func(x, y Token) int { return y.ExpiresAt.Compare(*x.ExpiresAt) })
		drop = append(drop, hosting[min(len(hosting), maxHosting-1):]...)
	}
	return held, drop
}

// ListTokens gives the tokens of an account that hold, newest first, and the
// public id of the one that is given, if it is among them. It gives as many as fit
// into one answer.
func (s *Service) ListTokens(ctx context.Context, accountID, token string) (out []authv1.AccountToken, current string, err error) {
	tokens, err := s.holding(ctx, accountID)
	if err != nil {
		return nil, "", err
	}
	mine := map[string]bool{}
	if tokenShaped(token) || hostingShaped(token) {
		for _, id := range s.d.Vault.TokenIDs(token) {
			mine[id] = true
		}
	}
	size, full := 0, false
	for _, t := range tokens {
		p := t.Public()
		size += AnswerSize(p)
		if full = full || size > MaxAnswer; !full {
			out = append(out, p)
		}
		if mine[t.ID] {
			current = p.ID
		}
	}
	return out, current, nil
}

// holding gives the tokens of an account that hold, newest first.
func (s *Service) holding(ctx context.Context, accountID string) ([]Token, error) {
	a, err := s.GetAccount(ctx, accountID)
	if err != nil {
		return nil, err
	}
	tokens, err := s.d.Tokens.List(ctx, accountID)
	if err != nil {
		return nil, fmt.Errorf("listing account tokens: %w", err)
	}
	for _, kind := range rotated {
		if k, ok := a.only(kind); ok {
			at, _ := slices.BinarySearchFunc(tokens, k, func(t, k Token) int { return k.CreatedAt.Compare(t.CreatedAt) })
			tokens = slices.Insert(tokens, at, k)
		}
	}
	now := s.now()
	return slices.DeleteFunc(tokens, func(t Token) bool { return !t.Holds(a, now) }), nil
}

// public is the token as its owner sees it, with the secret of an upload token. A
// secret that cannot be opened, since its master key is gone, is left out: such a
// token is found no more either.
func (s *Service) public(ctx context.Context, t Token) authv1.AccountToken {
	p := t.Public()
	if p.Kind == authv1.TokenPlik {
		var err error
		if p.Secret, err = s.d.Vault.Open(t.ID, t.Secret); err != nil {
			s.d.Log.WarnContext(ctx, "an upload token cannot be opened", slog.String("id", p.ID), slog.Any(telemetry.KeyErr, err))
		}
	}
	return p
}

// PageTokens pages through the tokens of an account that hold and are of a kind.
func (s *Service) PageTokens(ctx context.Context, accountID string, kind authv1.TokenKind, r paging.Request) ([]authv1.AccountToken, paging.Place, error) {
	if kind == "" {
		return nil, paging.Place{}, fault.ErrInvalid.Msgf("name the kind of the tokens")
	}
	if err := (NewToken{Kind: kind}).CheckLogin(); err != nil && kind != authv1.TokenPlik && !slices.Contains(rotated, kind) {
		return nil, paging.Place{}, err
	}
	tokens, err := s.holding(ctx, accountID)
	if err != nil {
		return nil, paging.Place{}, err
	}
	var out []authv1.AccountToken
	for _, t := range tokens {
		if t.Purpose() == kind {
			out = append(out, s.public(ctx, t))
		}
	}
	return paging.Slice(out, func(t authv1.AccountToken) paging.Position[time.Time] {
		return paging.Position[time.Time]{Value: t.CreatedAt, ID: t.ID}
	}).Within(MaxAnswer, func(t authv1.AccountToken) int { return AnswerSize(t) }).Page(ctx, r)
}

// RevokeToken ends a token, named by its public id and its account, or by itself.
func (s *Service) RevokeToken(ctx context.Context, accountID, publicID, token string) error {
	if done, err := s.revokeRotated(ctx, accountID, publicID, token); done || err != nil {
		return err
	}
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
	case (tokenShaped(token) || plikShaped(token) || hostingShaped(token)) && publicID == "":
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

const plikTokenBytes = 16

// newPlikToken makes a random UUID (RFC 9562, version 4), as clients of Plik know
// their tokens.
func newPlikToken() string {
	b := random(plikTokenBytes)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// plikShaped reports whether s could be a token of newPlikToken.
func plikShaped(s string) bool {
	if len(s) != 2*plikTokenBytes+4 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash && c != '-', !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}
