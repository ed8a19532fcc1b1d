package authv1test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func (w world) rotate(t *testing.T, account string) authv1.CreatedToken {
	t.Helper()
	c, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: account, Kind: authv1.TokenAPIKey})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w world) apiKeyHolds(t *testing.T, what, key string, holds bool) {
	t.Helper()
	got, err := w.authenticate(t, key, authv1.TokenAPIKey)
	if holds && err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if !holds {
		want(t, what, got, err, authv1.ErrBadToken)
	}
}

func rotateToken(t *testing.T, w world) {
	s, bob := w.create(t, "alice"), w.create(t, "bob")
	first, bobs := w.rotate(t, s.Account.ID), w.rotate(t, bob.Account.ID)
	if first.Kind != authv1.TokenAPIKey || !strings.HasPrefix(first.ID, "tok_") || len(first.ID) != 20 || first.ExpiresAt != nil ||
		first.CreatedAt.IsZero() || first.Secret != "" || len(first.Token) < 43 || strings.Contains(first.Token, first.ID) {
		t.Errorf("%+v", first)
	}
	got, err := w.authenticate(t, first.Token, authv1.TokenAPIKey)
	if err != nil || got.Account != s.Account || got.TokenKind != authv1.TokenAPIKey || got.TokenID != first.ID {
		t.Errorf("%+v, %v", got, err)
	}
	second := w.rotate(t, s.Account.ID)
	if second.Token == first.Token || second.ID == first.ID {
		t.Errorf("the same again: %+v", second)
	}
	w.apiKeyHolds(t, "the one before", first.Token, false)
	w.apiKeyHolds(t, "the new one", second.Token, true)
	w.apiKeyHolds(t, "another account's", bobs.Token, true)
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: s.Token})
	if err != nil || len(l.Tokens) != 2 || l.Current == second.ID {
		t.Fatalf("%+v, %v", l, err)
	}
	p, err := w.svc.PageTokens(t.Context(), authv1.PageTokensRequest{AccountID: s.Account.ID, Kind: authv1.TokenAPIKey})
	if err != nil || len(p.Tokens) != 1 || p.Tokens[0] != second.AccountToken {
		t.Errorf("%+v, %v; made %+v", p, err, second)
	}
	for what, r := range map[string]authv1.AuthenticateRequest{
		"any kind":        {Token: second.Token},
		"as API token":    {Token: second.Token, Kind: authv1.TokenAPI},
		"as session":      {Token: second.Token, Kind: authv1.TokenSession},
		"as upload token": {Token: second.Token, Kind: authv1.TokenPlik},
		"an API token":    {Token: s.Token, Kind: authv1.TokenAPIKey},
		"its id":          {Token: second.ID, Kind: authv1.TokenAPIKey},
		"upper case":      {Token: strings.ToUpper(second.Token), Kind: authv1.TokenAPIKey},
		"cut":             {Token: second.Token[:len(second.Token)-1], Kind: authv1.TokenAPIKey},
		"longer":          {Token: second.Token + "A", Kind: authv1.TokenAPIKey},
		"line end":        {Token: second.Token + "\n", Kind: authv1.TokenAPIKey},
		"unknown":         {Token: second.Token[:len(second.Token)-4] + "AAAA", Kind: authv1.TokenAPIKey},
		"none":            {Kind: authv1.TokenAPIKey},
		"NUL":             {Token: second.Token[:len(second.Token)-1] + "\x00", Kind: authv1.TokenAPIKey},
		"huge":            {Token: strings.Repeat(second.Token, 1000), Kind: authv1.TokenAPIKey},
		"a password":      {Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenAPIKey},
	} {
		got, err := w.svc.Authenticate(t.Context(), r)
		want(t, what, got, err, authv1.ErrBadToken)
	}
	got, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: second.Token})
	want(t, "as a password", got, err, authv1.ErrBadCredentials)
}

func rotatedEnds(t *testing.T, w world) {
	s, bob := w.create(t, "alice"), w.create(t, "bob")
	key := w.rotate(t, s.Account.ID)
	for what, r := range map[string]authv1.RevokeTokenRequest{
		"another account's":         {AccountID: bob.Account.ID, TokenID: key.ID},
		"another account's, itself": {AccountID: bob.Account.ID, Token: key.Token},
		"both":                      {AccountID: s.Account.ID, TokenID: key.ID, Token: key.Token},
	} {
		got, err := w.svc.RevokeToken(t.Context(), r)
		want(t, what, got, err, authv1.ErrTokenNotFound)
	}
	w.apiKeyHolds(t, "after a stranger's try", key.Token, true)
	for _, byID := range []bool{true, false} {
		key := w.rotate(t, s.Account.ID)
		r := authv1.RevokeTokenRequest{AccountID: s.Account.ID, TokenID: key.ID}
		if !byID {
			r = authv1.RevokeTokenRequest{Token: key.Token}
		}
		for range 2 { // idempotent
			if _, err := w.svc.RevokeToken(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			w.apiKeyHolds(t, "revoked", key.Token, false)
		}
	}
	if l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID}); err != nil || len(l.Tokens) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	key = w.rotate(t, s.Account.ID)
	if _, err := w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: Password, New: other}); err != nil {
		t.Fatal(err)
	}
	w.apiKeyHolds(t, "of the old password", key.Token, false)
	key = w.rotate(t, s.Account.ID)
	w.apiKeyHolds(t, "of the new password", key.Token, true)
	for _, disabled := range []bool{true, false} {
		if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: s.Account.ID, Disabled: disabled}); err != nil {
			t.Fatal(err)
		}
		w.apiKeyHolds(t, "of before a disabling", key.Token, false)
	}
	key = w.rotate(t, s.Account.ID)
	w.apiKeyHolds(t, "of the enabled account", key.Token, true)
	if _, err := w.svc.DeleteUser(t.Context(), authv1.DeleteUserRequest{Actor: authv1.Principal{AccountID: s.Account.ID}, AccountID: s.Account.ID}); err != nil {
		t.Fatal(err)
	}
	w.apiKeyHolds(t, "of a deleted account", key.Token, false)
	got, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: s.Account.ID, Kind: authv1.TokenAPIKey})
	want(t, "a deleted account's", got, err, authv1.ErrAccountNotFound)
}

func rotateRefuses(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	key := w.rotate(t, a.ID)
	for what, c := range map[string]struct {
		r   authv1.RotateTokenRequest
		err *fault.Error
	}{
		"unknown account": {authv1.RotateTokenRequest{AccountID: "acc_none", Kind: authv1.TokenAPIKey}, authv1.ErrAccountNotFound},
		"no account":      {authv1.RotateTokenRequest{Kind: authv1.TokenAPIKey}, authv1.ErrAccountNotFound},
		"no kind":         {authv1.RotateTokenRequest{AccountID: a.ID}, fault.ErrInvalid},
		"API tokens":      {authv1.RotateTokenRequest{AccountID: a.ID, Kind: authv1.TokenAPI}, fault.ErrInvalid},
		"sessions":        {authv1.RotateTokenRequest{AccountID: a.ID, Kind: authv1.TokenSession}, fault.ErrInvalid},
		"upload tokens":   {authv1.RotateTokenRequest{AccountID: a.ID, Kind: authv1.TokenPlik}, fault.ErrInvalid},
		"hosting tokens":  {authv1.RotateTokenRequest{AccountID: a.ID, Kind: authv1.TokenHosting}, fault.ErrInvalid},
		"unknown kind":    {authv1.RotateTokenRequest{AccountID: a.ID, Kind: "root"}, fault.ErrInvalid},
	} {
		got, err := w.svc.RotateToken(t.Context(), c.r)
		want(t, what, got, err, c.err)
	}
	got, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: a.ID, Kind: authv1.TokenAPIKey})
	want(t, "a second one", got, err, fault.ErrInvalid)
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: a.Username, Password: Password, Kind: authv1.TokenAPIKey})
	want(t, "at login", l, err, fault.ErrInvalid)
	w.apiKeyHolds(t, "after refusals", key.Token, true)
}

// rotateRace holds rotations at once to one key that holds.
func rotateRace(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	var wg sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		wg.Go(func() {
			c, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: a.ID, Kind: authv1.TokenAPIKey})
			if err != nil {
				t.Error(err)
			}
			keys[i] = c.Token
		})
	}
	wg.Wait()
	hold := 0
	for _, k := range keys {
		switch _, err := w.authenticate(t, k, authv1.TokenAPIKey); {
		case err == nil:
			hold++
		case !errors.Is(err, authv1.ErrBadToken):
			t.Error(err)
		}
	}
	if hold != 1 {
		t.Errorf("%d of %d keys hold", hold, len(keys))
	}
}
