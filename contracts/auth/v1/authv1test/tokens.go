package authv1test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func (w world) token(t *testing.T, account string, kind authv1.TokenKind, name string) authv1.CreatedToken {
	t.Helper()
	c, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: account, Kind: kind, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tokens(t *testing.T, w world) {
	s := w.create(t, "alice")
	stranger := w.create(t, "stranger")
	api := w.token(t, s.Account.ID, "", "backup of the läptop")
	session := w.token(t, s.Account.ID, authv1.TokenSession, "")
	if !strings.HasPrefix(api.ID, "tok_") || len(api.ID) != 20 || api.Kind != authv1.TokenAPI || api.Name != "backup of the läptop" || api.ExpiresAt != nil || len(api.Token) < 43 {
		t.Errorf("%+v", api)
	}
	left := time.Duration(0)
	if session.ExpiresAt != nil {
		left = time.Until(*session.ExpiresAt)
	}
	if session.Kind != authv1.TokenSession || left > authv1.SessionLife || left < authv1.SessionLife-time.Minute || session.ID == api.ID {
		t.Errorf("%+v", session)
	}
	for _, c := range []authv1.CreatedToken{api, session} {
		if a, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: c.Token}); err != nil || a.Account != s.Account {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: c.ID}); err == nil {
			t.Errorf("a token's id gives a right: %+v", a)
		}
	}
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: session.Token})
	if err != nil || len(l.Tokens) != 3 || l.Current != session.ID {
		t.Fatalf("%+v, %v", l, err)
	}
	for i, tok := range l.Tokens {
		if i > 0 && tok.CreatedAt.After(l.Tokens[i-1].CreatedAt) {
			t.Errorf("the order: %+v", l.Tokens)
		}
		for _, c := range []authv1.CreatedToken{api, session} {
			if tok.ID == c.ID && !reflect.DeepEqual(tok, c.AccountToken) {
				t.Errorf("listed %+v, made %+v", tok, c)
			}
		}
		if strings.Contains(fmt.Sprint(tok), "slt_") {
			t.Errorf("a secret in the list: %+v", tok)
		}
	}
	for _, token := range []string{"", "x", stranger.Token, api.ID} {
		if l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: token}); err != nil || l.Current != "" {
			t.Errorf("%q: %+v, %v", token, l, err)
		}
	}
	login, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenSession, Name: "browser"})
	if err != nil {
		t.Fatal(err)
	}
	l, err = w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: login.Token})
	if err != nil || len(l.Tokens) != 4 || l.Current == "" {
		t.Errorf("%+v, %v", l, err)
	}
	for _, tok := range l.Tokens {
		if tok.ID == l.Current && (tok.Kind != authv1.TokenSession || tok.Name != "browser" || tok.ExpiresAt == nil) {
			t.Errorf("%+v", tok)
		}
	}
}

func tokenRefuses(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	for what, r := range map[string]authv1.CreateTokenRequest{
		"unknown kind": {AccountID: a.ID, Kind: "root"}, "kind's case": {AccountID: a.ID, Kind: "API"},
		"long name": {AccountID: a.ID, Name: strings.Repeat("ä", 65)}, "line end": {AccountID: a.ID, Name: "a\nb"},
		"NUL": {AccountID: a.ID, Name: "\x00"}, "not UTF-8": {AccountID: a.ID, Name: "a\x1b"},
	} {
		got, err := w.svc.CreateToken(t.Context(), r)
		want(t, what, got, err, fault.ErrInvalid)
		l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: a.Username, Password: Password, Kind: r.Kind, Name: r.Name})
		want(t, what+" at login", l, err, fault.ErrInvalid)
	}
	for _, id := range []string{"", "acc_none"} {
		got, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: id})
		want(t, "unknown account", got, err, authv1.ErrAccountNotFound)
		l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: id})
		want(t, "list of an unknown account", l, err, authv1.ErrAccountNotFound)
	}
	if l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: a.ID}); err != nil || len(l.Tokens) != 1 {
		t.Errorf("refused tokens exist: %+v, %v", l, err)
	}
}

func revokeToken(t *testing.T, w world) {
	s := w.create(t, "alice")
	stranger := w.create(t, "stranger")
	byID, byItself := w.token(t, s.Account.ID, "", "a"), w.token(t, s.Account.ID, authv1.TokenSession, "b")
	for what, r := range map[string]authv1.RevokeTokenRequest{
		"another account's":         {AccountID: stranger.Account.ID, TokenID: byID.ID},
		"another account's, itself": {AccountID: stranger.Account.ID, Token: byID.Token},
		"nobody's":                  {TokenID: byID.ID},
		"unknown":                   {AccountID: s.Account.ID, TokenID: "tok_aaaaaaaaaaaaaaaa"},
		"unknown, itself":           {Token: byID.Token[:len(byID.Token)-4] + "AAAA"},
		"malformed":                 {AccountID: s.Account.ID, TokenID: "*"},
		"token as id":               {AccountID: s.Account.ID, TokenID: byID.Token},
		"both":                      {AccountID: s.Account.ID, TokenID: byID.ID, Token: byItself.Token},
		"empty":                     {},
		"account only":              {AccountID: s.Account.ID},
	} {
		got, err := w.svc.RevokeToken(t.Context(), r)
		want(t, what, got, err, authv1.ErrTokenNotFound)
	}
	for _, c := range []struct {
		token string
		r     authv1.RevokeTokenRequest
	}{
		{byID.Token, authv1.RevokeTokenRequest{AccountID: s.Account.ID, TokenID: byID.ID}},
		{byItself.Token, authv1.RevokeTokenRequest{Token: byItself.Token}},
	} {
		for range 2 { // idempotent
			if _, err := w.svc.RevokeToken(t.Context(), c.r); err != nil {
				t.Fatal(err)
			}
			got, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: c.token})
			want(t, "revoked", got, err, authv1.ErrBadToken)
			got, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: c.token})
			want(t, "revoked, as a password", got, err, authv1.ErrBadToken)
		}
	}
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID})
	if err != nil || len(l.Tokens) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil {
		t.Errorf("the other token: %v", err)
	}
}
