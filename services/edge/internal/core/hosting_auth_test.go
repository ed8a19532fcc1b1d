package core_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// hosting is a core over a fake of auth with two accounts.
func hosting(t *testing.T) (c *core.Core, auth *edgetest.Auth, alice, bob authv1.Account) {
	t.Helper()
	auth = edgetest.NewAuth(nil)
	var made [2]authv1.Account
	for i, name := range []string{"alice", "bob"} {
		s, err := auth.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: name, Email: name + "@example.com", Password: "right password"})
		if err != nil {
			t.Fatal(err)
		}
		made[i] = s.Account
	}
	return &core.Core{Auth: auth}, auth, made[0], made[1]
}

func number(a authv1.Account) string { return strconv.FormatInt(a.Number, 10) }

func TestHostingLogin_ByKeysOrPassword(t *testing.T) {
	t.Parallel()
	c, _, alice, bob := hosting(t)
	pair, err := c.RotateKeyPair(t.Context(), core.Caller{Principal: authv1.Principal{AccountID: alice.ID}})
	if err != nil || len(pair.Key1) != 64 || len(pair.Key2) != 64 || pair.Key1 == pair.Key2 {
		t.Fatalf("%+v, %v", pair, err)
	}
	for what, r := range map[string]authv1.LoginRequest{
		"keys": {Key1: pair.Key1, Key2: pair.Key2}, "password": {Identifier: "alice", Password: "right password"},
		"keys before a password": {Key1: pair.Key1, Key2: pair.Key2, Identifier: "bob", Password: "no matter"},
		"of another kind":        {Identifier: "alice", Password: "right password", Kind: authv1.TokenAPI, Life: 99},
	} {
		s, err := c.HostingLogin(t.Context(), r)
		if err != nil || s.Account.ID != alice.ID {
			t.Fatalf("%s: %+v, %v", what, s, err)
		}
		by, err := c.FromHosting(t.Context(), s.Token, number(alice), "192.0.2.1")
		if err != nil || by.Principal.AccountID != alice.ID || by.Principal.Limits != alice.Limits || by.Token != "" || by.Principal.KeyID != "" {
			t.Errorf("%s: %+v, %v", what, by, err)
		}
	}
	for what, r := range map[string]authv1.LoginRequest{
		"nothing": {}, "one key": {Key1: pair.Key1}, "the other key": {Key2: pair.Key2}, "swapped": {Key1: pair.Key2, Key2: pair.Key1},
		"one key and a password": {Key1: pair.Key1, Identifier: "alice", Password: "right password"},
		"a wrong password":       {Identifier: bob.Username, Password: "wrong"},
		"huge":                   {Identifier: "alice", Password: strings.Repeat("p", core.MaxCredential+1)},
	} {
		if s, err := c.HostingLogin(t.Context(), r); !errors.Is(err, authv1.ErrBadCredentials) || s.Token != "" {
			t.Errorf("%s: %+v, %v", what, s, err)
		}
	}
}

func TestFromHosting_Refuses(t *testing.T) {
	t.Parallel()
	c, auth, alice, bob := hosting(t)
	s, err := c.HostingLogin(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: "right password"})
	if err != nil {
		t.Fatal(err)
	}
	n := number(alice)
	for what, r := range map[string][2]string{
		"nothing": {}, "no number": {s.Token, ""}, "no token": {"", n}, "another's number": {s.Token, number(bob)}, "zeros": {s.Token, "0" + n},
		"a sign": {s.Token, "+" + n}, "a space": {s.Token, n + " "}, "the id": {s.Token, alice.ID}, "cut": {s.Token[1:], n}, "longer": {s.Token + "0", n},
		"an account token": {"acct_alice", n}, "unknown": {strings.Repeat("x", 128), n}, "not ASCII": {strings.Repeat("é", 64), n},
		"[": {"[" + s.Token[1:], n}, "huge": {strings.Repeat("x", 1<<20), n}, "huge number": {s.Token, strings.Repeat("1", 1<<20)},
	} {
		if by, err := c.FromHosting(t.Context(), r[0], r[1], ""); !errors.Is(err, authv1.ErrBadToken) || by.Principal.AccountID != "" {
			t.Errorf("%s: %+v, %v", what, by, err)
		}
	}
	auth.SetFail("Authenticate", fault.ErrUnavailable)
	if _, err := c.FromHosting(t.Context(), s.Token, n, ""); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without auth: %v", err)
	}
	auth.SetFail("Authenticate", nil)
	auth.Advance(authv1.HostingIdle - time.Second)
	if _, err := c.FromHosting(t.Context(), s.Token, n, ""); err != nil {
		t.Errorf("within the hour: %v", err)
	}
	auth.Advance(authv1.HostingIdle - time.Second)
	if _, err := c.FromHosting(t.Context(), s.Token, n, ""); err != nil {
		t.Errorf("within an hour of its last use: %v", err)
	}
	auth.Advance(authv1.HostingIdle)
	if _, err := c.FromHosting(t.Context(), s.Token, n, ""); !errors.Is(err, authv1.ErrBadToken) {
		t.Errorf("an hour later: %v", err)
	}
}

func TestHostingLogout(t *testing.T) {
	t.Parallel()
	c, auth, alice, bob := hosting(t)
	s, err := c.HostingLogin(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: "right password"})
	if err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string][2]string{
		"nothing": {}, "another's number": {s.Token, number(bob)}, "no account's number": {s.Token, "999999"}, "no number": {s.Token, "alice"},
		"zeros": {s.Token, "0" + number(alice)}, "an account token": {"acct_alice", number(alice)}, "unknown": {strings.Repeat("x", 128), number(alice)},
	} {
		if err := c.HostingLogout(t.Context(), r[0], r[1]); !errors.Is(err, authv1.ErrBadToken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, kind := range []string{"RevokeToken", "GetAccount"} {
		auth.SetFail(kind, fault.ErrUnavailable)
		if err := c.HostingLogout(t.Context(), s.Token, number(alice)); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("without %s: %v", kind, err)
		}
		auth.SetFail(kind, nil)
	}
	for range 2 { // idempotent
		if err := c.HostingLogout(t.Context(), s.Token, number(alice)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.FromHosting(t.Context(), s.Token, number(alice), ""); !errors.Is(err, authv1.ErrBadToken) {
			t.Errorf("after it: %v", err)
		}
	}
	if _, err := c.FromAccountToken(t.Context(), "acct_alice"); err != nil {
		t.Errorf("another token ended, too: %v", err)
	}
}

func TestRotateKeyPair_ByTheAccountAlone(t *testing.T) {
	t.Parallel()
	c, auth, alice, _ := hosting(t)
	own := authv1.Principal{AccountID: alice.ID}
	first, err := c.RotateKeyPair(t.Context(), core.Caller{Principal: own})
	if err != nil {
		t.Fatal(err)
	}
	for what, by := range map[string]core.Caller{
		"API key": {Principal: own, APIKey: true}, "upload token": {Principal: own, UploadTokenID: "tok_1"}, "guest": c.Guest(),
		"access key": {Principal: authv1.Principal{AccountID: alice.ID, KeyID: "LWAKAAAAAAAAAAAAAAAA", Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeAdmin}}}},
	} {
		if pair, err := c.RotateKeyPair(t.Context(), by); !errors.Is(err, objectv1.ErrAccessDenied) || pair != (core.KeyPair{}) {
			t.Errorf("%s: %+v, %v", what, pair, err)
		}
	}
	login := func(p core.KeyPair) error {
		_, err := c.HostingLogin(t.Context(), authv1.LoginRequest{Key1: p.Key1, Key2: p.Key2})
		return err
	}
	if err := login(first); err != nil {
		t.Errorf("after refusals: %v", err)
	}
	second, err := c.RotateKeyPair(t.Context(), core.Caller{Principal: own})
	if err != nil || login(second) != nil || !errors.Is(login(first), authv1.ErrBadCredentials) {
		t.Errorf("the second pair: %v", err)
	}
	auth.Change(alice.ID, func(a *authv1.Account) { a.Disabled = true })
	if err := login(second); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("of a disabled account: %v", err)
	}
}
