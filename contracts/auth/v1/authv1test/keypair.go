package authv1test

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// pair is a TokenKeyPair in its two parts.
type pair struct {
	authv1.AccountToken
	key1, key2 string
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9]{64}$`)

func (w world) pair(t *testing.T, account string) pair {
	t.Helper()
	c, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: account, Kind: authv1.TokenKeyPair})
	if err != nil || len(c.Token) != 128 {
		t.Fatalf("%+v, %v", c, err)
	}
	return pair{c.AccountToken, c.Token[:64], c.Token[64:]}
}

func (w world) exchange(t *testing.T, p pair, source string) (authv1.Session, error) {
	t.Helper()
	return w.svc.Login(t.Context(), authv1.LoginRequest{Key1: p.key1, Key2: p.key2, Kind: authv1.TokenHosting, Source: source})
}

func (w world) pairHolds(t *testing.T, what string, p pair, holds bool) {
	t.Helper()
	got, err := w.exchange(t, p, "")
	if holds && (err != nil || got.Token == "") {
		t.Errorf("%s: %v", what, err)
	}
	if !holds {
		want(t, what, got, err, authv1.ErrBadCredentials)
	}
}

func keyPair(t *testing.T, w world) {
	s, bob := w.create(t, "alice"), w.create(t, "bob")
	first, bobs := w.pair(t, s.Account.ID), w.pair(t, bob.Account.ID)
	if !keyForm.MatchString(first.key1) || !keyForm.MatchString(first.key2) || first.key1 == first.key2 || first.Kind != authv1.TokenKeyPair ||
		len(first.ID) != 20 || first.ExpiresAt != nil || first.CreatedAt.IsZero() || first.Secret != "" {
		t.Errorf("%+v", first)
	}
	l, err := w.exchange(t, first, "192.0.2.1")
	if err != nil || l.Account.ID != s.Account.ID || l.Account.Number != s.Account.Number {
		t.Fatalf("%+v, %v", l, err)
	}
	for what, token := range map[string]string{"both keys": first.key1 + first.key2, "one": first.key1} {
		for _, kind := range []authv1.TokenKind{"", authv1.TokenAPI, authv1.TokenSession, authv1.TokenPlik, authv1.TokenAPIKey, authv1.TokenHosting, authv1.TokenKeyPair} {
			got, err := w.authenticate(t, token, kind)
			want(t, what+" as "+string(kind), got, err, authv1.ErrBadToken)
		}
		got, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: token})
		want(t, what+" as a password", got, err, authv1.ErrBadCredentials)
	}
	api := w.rotate(t, s.Account.ID) // has its own place
	second := w.pair(t, s.Account.ID)
	if second.key1 == first.key1 || second.key2 == first.key2 || second.ID == first.ID {
		t.Errorf("the same again: %+v", second)
	}
	w.pairHolds(t, "the one before", first, false)
	w.pairHolds(t, "keys of two pairs", pair{key1: second.key1, key2: first.key2}, false)
	w.pairHolds(t, "keys of two accounts", pair{key1: second.key1, key2: bobs.key2}, false)
	w.pairHolds(t, "the new one", second, true)
	w.pairHolds(t, "another account's", bobs, true)
	w.apiKeyHolds(t, "the API key", api.Token, true)
	var listed []authv1.AccountToken
	all, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID})
	for _, tok := range all.Tokens {
		if tok.Kind == authv1.TokenKeyPair {
			listed = append(listed, tok)
		}
	}
	if err != nil || len(listed) != 1 || listed[0] != second.AccountToken {
		t.Errorf("%+v, %v; made %+v", all, err, second)
	}
	p, err := w.svc.PageTokens(t.Context(), authv1.PageTokensRequest{AccountID: s.Account.ID, Kind: authv1.TokenKeyPair})
	if err != nil || len(p.Tokens) != 1 || p.Tokens[0] != second.AccountToken {
		t.Errorf("%+v, %v; made %+v", p, err, second)
	}
}

func keyPairEnds(t *testing.T, w world) {
	s, bob := w.create(t, "alice"), w.create(t, "bob")
	id := s.Account.ID
	p := w.pair(t, id)
	for what, r := range map[string]authv1.RevokeTokenRequest{
		"another account's": {AccountID: bob.Account.ID, TokenID: p.ID}, "its keys": {Token: p.key1 + p.key2}, "its keys and account": {AccountID: id, Token: p.key1 + p.key2},
	} {
		got, err := w.svc.RevokeToken(t.Context(), r)
		want(t, what, got, err, authv1.ErrTokenNotFound)
	}
	w.pairHolds(t, "after tries", p, true)
	for range 2 { // idempotent
		if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{AccountID: id, TokenID: p.ID}); err != nil {
			t.Fatal(err)
		}
		w.pairHolds(t, "revoked", p, false)
	}
	p = w.pair(t, id)
	if _, err := w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: id, Current: Password, New: other}); err != nil {
		t.Fatal(err)
	}
	w.pairHolds(t, "of the old password", p, false)
	p = w.pair(t, id)
	w.pairHolds(t, "of the new password", p, true)
	for _, disabled := range []bool{true, false} {
		if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: id, Disabled: disabled}); err != nil {
			t.Fatal(err)
		}
		w.pairHolds(t, "of before a disabling", p, false)
	}
	p = w.pair(t, id)
	w.pairHolds(t, "of the enabled account", p, true)
	if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: id, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	p = w.pair(t, id) // of a disabled account, as access keys are
	w.pairHolds(t, "of a disabled account", p, false)
	if _, err := w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: id, Operator: true}); err != nil {
		t.Fatal(err)
	}
	w.pairHolds(t, "of a deleted account", p, false)
	got, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: id, Kind: authv1.TokenKeyPair})
	want(t, "a deleted account's", got, err, authv1.ErrAccountNotFound)
}

func keyPairRefuses(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	p := w.pair(t, a.ID)
	ok := authv1.LoginRequest{Key1: p.key1, Key2: p.key2, Kind: authv1.TokenHosting}
	flipped := strings.ToLower(p.key1)
	if flipped == p.key1 {
		flipped = strings.ToUpper(p.key1)
	}
	told := map[string]bool{}
	for what, change := range map[string]func(r *authv1.LoginRequest){
		"no key1":      func(r *authv1.LoginRequest) { r.Key1 = "" },
		"no key2":      func(r *authv1.LoginRequest) { r.Key2 = "" },
		"swapped":      func(r *authv1.LoginRequest) { r.Key1, r.Key2 = r.Key2, r.Key1 },
		"the same":     func(r *authv1.LoginRequest) { r.Key2 = r.Key1 },
		"case":         func(r *authv1.LoginRequest) { r.Key1 = flipped },
		"cut":          func(r *authv1.LoginRequest) { r.Key2 = r.Key2[:63] },
		"longer":       func(r *authv1.LoginRequest) { r.Key1 += "0" },
		"moved":        func(r *authv1.LoginRequest) { r.Key1, r.Key2 = r.Key1+r.Key2[:1], r.Key2[1:] },
		"in one":       func(r *authv1.LoginRequest) { r.Key1, r.Key2 = r.Key1+r.Key2, "" },
		"space":        func(r *authv1.LoginRequest) { r.Key2 += " " },
		"NUL":          func(r *authv1.LoginRequest) { r.Key1 = r.Key1[:63] + "\x00" },
		"not ASCII":    func(r *authv1.LoginRequest) { r.Key1 = strings.Repeat("é", 32) },
		"not UTF-8":    func(r *authv1.LoginRequest) { r.Key1 = strings.Repeat("\xff", 64) },
		"huge":         func(r *authv1.LoginRequest) { r.Key1 = strings.Repeat("a", 100_000) },
		"unknown key2": func(r *authv1.LoginRequest) { r.Key2 = strings.Repeat("a", 64) },
		"unknown":      func(r *authv1.LoginRequest) { r.Key1, r.Key2 = strings.Repeat("0", 64), strings.Repeat("a", 64) },
		"its id":       func(r *authv1.LoginRequest) { r.Key1, r.Key2 = p.ID, p.ID },
	} {
		r := ok
		change(&r)
		got, err := w.svc.Login(t.Context(), r)
		want(t, what, got, err, authv1.ErrBadCredentials)
		told[fault.From(err).Message] = true
	}
	if len(told) != 1 {
		t.Errorf("answers differ: %v", told)
	}
	for what, change := range map[string]func(r *authv1.LoginRequest){
		"no kind":        func(r *authv1.LoginRequest) { r.Kind = "" },
		"API token":      func(r *authv1.LoginRequest) { r.Kind = authv1.TokenAPI },
		"session":        func(r *authv1.LoginRequest) { r.Kind = authv1.TokenSession },
		"upload token":   func(r *authv1.LoginRequest) { r.Kind = authv1.TokenPlik },
		"another pair":   func(r *authv1.LoginRequest) { r.Kind = authv1.TokenKeyPair },
		"life":           func(r *authv1.LoginRequest) { r.Life = 60 },
		"a long name":    func(r *authv1.LoginRequest) { r.Name = strings.Repeat("n", 65) },
		"a user name":    func(r *authv1.LoginRequest) { r.Identifier = a.Username },
		"a password":     func(r *authv1.LoginRequest) { r.Password = Password },
		"one and a name": func(r *authv1.LoginRequest) { r.Key2, r.Identifier, r.Password = "", a.Username, Password },
	} {
		r := ok
		change(&r)
		got, err := w.svc.Login(t.Context(), r)
		want(t, what, got, err, fault.ErrInvalid)
	}
	got, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: a.ID, Kind: authv1.TokenKeyPair})
	want(t, "a second pair", got, err, fault.ErrInvalid)
	w.pairHolds(t, "after refusals", p, true)
}

// keyPairThrottled holds wrong keys to the bound of wrong passwords of an address.
func keyPairThrottled(t *testing.T, w world) {
	p := w.pair(t, w.create(t, "alice").Account.ID)
	for range tries { // right ones are not counted
		if _, err := w.exchange(t, p, "203.0.113.1"); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range tries {
		if _, err = w.exchange(t, pair{key1: p.key1, key2: p.key1}, "203.0.113.1:99"); !errors.Is(err, authv1.ErrBadCredentials) {
			break
		}
	}
	if !errors.Is(err, authv1.ErrThrottled) || fault.From(err).RetryAfter < 1 {
		t.Errorf("guesses: %v", err)
	}
	if _, err := w.exchange(t, p, "203.0.113.1"); !errors.Is(err, authv1.ErrThrottled) {
		t.Errorf("the right one from there: %v", err)
	}
	if _, err := w.exchange(t, p, "203.0.113.2"); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// keyPairRace holds rotations at once to one pair that holds, and to nothing that
// the others gave.
func keyPairRace(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	var wg sync.WaitGroup
	pairs, tokens := make([]pair, 8), make([]string, 8)
	for i := range pairs {
		wg.Go(func() {
			pairs[i] = w.pair(t, a.ID)
			l, err := w.exchange(t, pairs[i], "")
			if err != nil && !errors.Is(err, authv1.ErrBadCredentials) {
				t.Error(err)
			}
			tokens[i] = l.Token
		})
	}
	wg.Wait()
	hold := 0
	for i, p := range pairs {
		_, err := w.exchange(t, p, "")
		if err == nil {
			hold++
		} else if !errors.Is(err, authv1.ErrBadCredentials) {
			t.Error(err)
		}
		if _, byToken := w.authenticate(t, tokens[i], authv1.TokenHosting); err != nil && byToken == nil {
			t.Error("a token of a pair that has ended holds")
		}
	}
	if hold != 1 {
		t.Errorf("%d of %d pairs hold", hold, len(pairs))
	}
}
