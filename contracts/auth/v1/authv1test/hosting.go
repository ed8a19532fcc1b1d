package authv1test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

var hostingForm = regexp.MustCompile(`^[A-Za-z0-9]{128}$`)

func (w world) hosting(t *testing.T, name, password string) string {
	t.Helper()
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: name, Password: password, Kind: authv1.TokenHosting, Name: "an app"})
	if err != nil {
		t.Fatal(err)
	}
	return l.Token
}

func (w world) hostingHolds(t *testing.T, what, token string, holds bool) {
	t.Helper()
	got, err := w.authenticate(t, token, authv1.TokenHosting)
	if holds && err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if !holds {
		want(t, what, got, err, authv1.ErrBadToken)
	}
}

func hostingToken(t *testing.T, w world) {
	s := w.create(t, "alice")
	token := w.hosting(t, s.Account.Username, Password)
	if !hostingForm.MatchString(token) || w.hosting(t, s.Account.Email, Password) == token {
		t.Errorf("%q", token)
	}
	got, err := w.authenticate(t, token, authv1.TokenHosting)
	if err != nil || unlogged(got.Account) != s.Account || got.TokenKind != authv1.TokenHosting || len(got.TokenID) != 20 {
		t.Errorf("%+v, %v", got, err)
	}
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: token})
	if err != nil || len(l.Tokens) != 3 || l.Current != got.TokenID {
		t.Fatalf("%+v, %v", l, err)
	}
	p, err := w.svc.PageTokens(t.Context(), authv1.PageTokensRequest{AccountID: s.Account.ID, Kind: authv1.TokenHosting})
	if err != nil || len(p.Tokens) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, tok := range p.Tokens {
		if left := time.Until(*tok.ExpiresAt); tok.Name != "an app" || tok.Secret != "" || left > authv1.HostingIdle || left < authv1.HostingIdle-time.Minute {
			t.Errorf("%+v", tok)
		}
	}
	for what, r := range map[string]authv1.AuthenticateRequest{
		"any kind":            {Token: token},
		"as API token":        {Token: token, Kind: authv1.TokenAPI},
		"as session":          {Token: token, Kind: authv1.TokenSession},
		"as upload token":     {Token: token, Kind: authv1.TokenPlik},
		"as API key":          {Token: token, Kind: authv1.TokenAPIKey},
		"as key pair":         {Token: token, Kind: authv1.TokenKeyPair},
		"an API token":        {Token: s.Token, Kind: authv1.TokenHosting},
		"its id":              {Token: got.TokenID, Kind: authv1.TokenHosting},
		"cut":                 {Token: token[:127], Kind: authv1.TokenHosting},
		"longer":              {Token: token + "A", Kind: authv1.TokenHosting},
		"line end":            {Token: token + "\n", Kind: authv1.TokenHosting},
		"NUL":                 {Token: token[:127] + "\x00", Kind: authv1.TokenHosting},
		"unknown":             {Token: strings.Repeat("A", 128), Kind: authv1.TokenHosting},
		"none":                {Kind: authv1.TokenHosting},
		"huge":                {Token: strings.Repeat(token, 1000), Kind: authv1.TokenHosting},
		"a password":          {Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenHosting},
		"as a password, kind": {Identifier: s.Account.Username, Password: token, Kind: authv1.TokenHosting},
	} {
		got, err := w.svc.Authenticate(t.Context(), r)
		want(t, what, got, err, authv1.ErrBadToken)
	}
	got, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: token})
	want(t, "as a password", got, err, authv1.ErrBadCredentials)
	made, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: s.Account.ID, Kind: authv1.TokenHosting})
	want(t, "without a login", made, err, fault.ErrInvalid)
	login, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenHosting, Life: 60})
	want(t, "with a life", login, err, fault.ErrInvalid)
	login, err = w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: other, Kind: authv1.TokenHosting})
	want(t, "with a wrong password", login, err, authv1.ErrBadCredentials)
	w.hostingHolds(t, "after refusals", token, true)
}

func hostingTokenEnds(t *testing.T, w world) {
	s := w.create(t, "alice")
	id := s.Account.ID
	p := w.pair(t, id)
	byKeys, err := w.exchange(t, p, "")
	if err != nil {
		t.Fatal(err)
	}
	byPassword := w.hosting(t, s.Account.Username, Password)
	// With another pair ends what the pair before gave, and nothing else.
	p = w.pair(t, id)
	w.hostingHolds(t, "of the pair before", byKeys.Token, false)
	w.hostingHolds(t, "of the password", byPassword, true)
	if byKeys, err = w.exchange(t, p, ""); err != nil {
		t.Fatal(err)
	}
	w.hostingHolds(t, "of the new pair", byKeys.Token, true)
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{AccountID: id, TokenID: p.ID}); err != nil {
		t.Fatal(err)
	}
	w.hostingHolds(t, "of a revoked pair", byKeys.Token, false)
	w.hostingHolds(t, "of the password", byPassword, true)
	// Nothing keeps it over a change of the password.
	if _, err := w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: id, Current: Password, New: other, Keep: byPassword}); err != nil {
		t.Fatal(err)
	}
	w.hostingHolds(t, "of the old password", byPassword, false)
	token := w.hosting(t, s.Account.Username, other)
	w.hostingHolds(t, "of the new password", token, true)
	for _, disabled := range []bool{true, false} {
		if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: id, Disabled: disabled}); err != nil {
			t.Fatal(err)
		}
		w.hostingHolds(t, "of before a disabling", token, false)
	}
	token = w.hosting(t, s.Account.Username, other)
	w.hostingHolds(t, "of the enabled account", token, true)
	if _, err := w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: id, Password: other}); err != nil {
		t.Fatal(err)
	}
	w.hostingHolds(t, "of a deleted account", token, false)
}

func hostingTokenRevoked(t *testing.T, w world) {
	s, bob := w.create(t, "alice"), w.create(t, "bob")
	token, second := w.hosting(t, s.Account.Username, Password), w.hosting(t, s.Account.Username, Password)
	for what, r := range map[string]authv1.RevokeTokenRequest{
		"another account's": {AccountID: bob.Account.ID, Token: token}, "unknown": {Token: strings.Repeat("A", 128)}, "cut": {Token: token[1:]},
		"huge": {Token: strings.Repeat("A", 100_000)},
	} {
		got, err := w.svc.RevokeToken(t.Context(), r)
		want(t, what, got, err, authv1.ErrTokenNotFound)
	}
	w.hostingHolds(t, "after tries", token, true)
	for _, r := range []authv1.RevokeTokenRequest{{Token: token}, {AccountID: s.Account.ID, Token: token}} { // idempotent
		if _, err := w.svc.RevokeToken(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		w.hostingHolds(t, "revoked", token, false)
	}
	w.hostingHolds(t, "another one", second, true)
	got, err := w.authenticate(t, second, authv1.TokenHosting)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{AccountID: s.Account.ID, TokenID: got.TokenID}); err != nil {
		t.Fatal(err)
	}
	w.hostingHolds(t, "revoked by id", second, false)
}
