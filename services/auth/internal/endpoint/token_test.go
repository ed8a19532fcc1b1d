package endpoint_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
	"github.com/sluicehq/sluice/services/auth/internal/store"
)

func (w world) token(t *testing.T, account string, kind authv1.TokenKind) authv1.CreatedToken {
	t.Helper()
	c, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: account, Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w world) holds(t *testing.T, token string) bool {
	t.Helper()
	_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token})
	if err != nil && !errors.Is(err, authv1.ErrBadToken) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSession_Ends(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	s := w.alice(t)
	session := w.token(t, s.Account.ID, authv1.TokenSession)
	c.move(authv1.SessionLife - time.Millisecond)
	if !w.holds(t, session.Token) {
		t.Error("it ends early")
	}
	c.move(time.Millisecond)
	if w.holds(t, session.Token) || !w.holds(t, s.Token) {
		t.Error("the session holds, or the token of the API does not")
	}
	c.move(time.Second)
	if err := w.domain.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := w.store.Tokens.Count(t.Context(), s.Account.ID); err != nil || n != 1 {
		t.Errorf("%d tokens after the sweep, %v", n, err)
	}
	if !w.holds(t, s.Token) {
		t.Error("the sweep took a token that holds")
	}
}

func TestRevokedToken_IsSwept(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	s := w.alice(t)
	revoke := func() error {
		_, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{Token: s.Token})
		return err
	}
	if err := revoke(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.domain.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.holds(t, s.Token) {
			t.Error("a revoked token holds")
		}
		c.move(time.Hour)
	}
	if err := revoke(); !errors.Is(err, authv1.ErrTokenNotFound) {
		t.Errorf("an hour later: %v", err)
	}
}

func TestTokens_Bound(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	s := w.alice(t)
	sessions := []authv1.CreatedToken{}
	for range 101 {
		c.move(time.Millisecond)
		sessions = append(sessions, w.token(t, s.Account.ID, authv1.TokenSession))
	}
	if w.holds(t, sessions[0].Token) || !w.holds(t, sessions[1].Token) || !w.holds(t, sessions[100].Token) {
		t.Error("the oldest session makes room, and no other")
	}
	for i := range 999 { // and the first one of the account
		if err := w.store.Tokens.Insert(t.Context(), domain.Token{ID: store.NewVault(w.master).TokenIDs(string(rune('A' + i)))[0], AccountID: s.Account.ID, CreatedAt: c.now()}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: s.Account.ID})
	if !errors.Is(err, authv1.ErrTooManyTokens) {
		t.Fatalf("the 1001st: %+v, %v", got, err)
	}
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: s.Token})
	if err != nil || len(l.Tokens) != 1100 || l.Current == "" {
		t.Fatalf("%d tokens, %q, %v", len(l.Tokens), l.Current, err)
	}
	if _, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password, Kind: authv1.TokenSession}); err != nil {
		t.Errorf("the page, to revoke one: %v", err)
	}
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{AccountID: s.Account.ID, TokenID: l.Tokens[len(l.Tokens)-1].ID}); err != nil {
		t.Fatal(err)
	}
	w.token(t, s.Account.ID, authv1.TokenAPI)
}

func TestTokens_OfBeforeTheirKinds(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: s.Token})
	if err != nil || len(l.Tokens) != 1 || l.Tokens[0].Kind != authv1.TokenAPI || l.Current != l.Tokens[0].ID {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := w.master.Rotate(); err != nil {
		t.Fatal(err)
	}
	after, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: s.Token})
	if err != nil || after.Current != l.Current {
		t.Errorf("under another master key: %+v, %v", after, err)
	}
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{Token: s.Token}); err != nil || w.holds(t, s.Token) {
		t.Errorf("revoked by itself: %v", err)
	}
}

func TestSession_LifeOfItsOwn(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	w.alice(t)
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password, Kind: authv1.TokenSession, Life: 60})
	if err != nil {
		t.Fatal(err)
	}
	e, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: google, Create: true, Life: 60})
	if err != nil {
		t.Fatal(err)
	}
	c.move(time.Minute - time.Millisecond)
	if !w.holds(t, l.Token) || !w.holds(t, e.Token) {
		t.Error("it ends early")
	}
	c.move(time.Millisecond)
	if w.holds(t, l.Token) || w.holds(t, e.Token) {
		t.Error("it holds on")
	}
}

func TestPlikTokens_Bound(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	first := w.token(t, s.Account.ID, authv1.TokenPlik)
	for i := range 999 {
		id := store.NewVault(w.master).TokenIDs(string(rune('A' + i)))[0]
		if err := w.store.Tokens.Insert(t.Context(), domain.Token{ID: id, AccountID: s.Account.ID, Kind: authv1.TokenPlik, CreatedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	r := authv1.CreateTokenRequest{AccountID: s.Account.ID, Kind: authv1.TokenPlik}
	if got, err := w.svc.CreateToken(t.Context(), r); !errors.Is(err, authv1.ErrTooManyTokens) {
		t.Fatalf("the 1001st: %+v, %v", got, err)
	}
	w.token(t, s.Account.ID, authv1.TokenAPI) // the others have bounds of their own
	w.token(t, s.Account.ID, authv1.TokenSession)
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{AccountID: s.Account.ID, Token: first.Token}); err != nil {
		t.Fatal(err)
	}
	w.token(t, s.Account.ID, authv1.TokenPlik)
}

func TestPlikToken_SealedAndUnderEveryMasterKey(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	made := w.token(t, s.Account.ID, authv1.TokenPlik)
	docs, err := w.store.Tokens.List(t.Context(), s.Account.ID)
	if err != nil || len(docs) != 2 {
		t.Fatal(docs, err)
	}
	for _, d := range docs {
		if strings.Contains(d.ID, made.Token) || strings.Contains(string(d.Secret), made.Token) || (d.Kind == authv1.TokenPlik) != (len(d.Secret) > 0) {
			t.Errorf("%+v", d)
		}
	}
	if _, err := w.master.Rotate(); err != nil {
		t.Fatal(err)
	}
	p, err := w.svc.PageTokens(t.Context(), authv1.PageTokensRequest{AccountID: s.Account.ID, Kind: authv1.TokenPlik})
	if err != nil || len(p.Tokens) != 1 || p.Tokens[0] != made.AccountToken {
		t.Errorf("%+v, %v, made %+v", p, err, made)
	}
	if err := w.upload(t, made.Token); err != nil {
		t.Error(err)
	}
}
