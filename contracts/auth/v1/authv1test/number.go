package authv1test

import (
	"math"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func accountNumber(t *testing.T, w world) {
	alice, bob := w.create(t, "alice"), w.create(t, "bob")
	root := w.admin(t)
	user, err := w.svc.CreateUser(t.Context(), authv1.CreateUserRequest{
		Actor: actor(root), Identity: authv1.Identity{Provider: authv1.ProviderLocal, Login: w.username("carol")}, Password: Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	entered, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: w.identity("dave"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, a := range []authv1.Account{alice.Account, bob.Account, root, user, entered.Account} {
		if a.Number < authv1.FirstAccountNumber || seen[a.Number] {
			t.Errorf("%s has number %d", a.Username, a.Number)
		}
		seen[a.Number] = true
		if got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Number: a.Number}); err != nil || got != a {
			t.Errorf("by number: %+v, %v, want %+v", got, err, a)
		}
		if got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: a.ID}); err != nil || got.Number != a.Number {
			t.Errorf("by id: %+v, %v", got, err)
		}
	}
	if got, err := w.authenticate(t, alice.Token, ""); err != nil || got.Number != alice.Account.Number {
		t.Errorf("by token: %+v, %v", got, err)
	}
	for _, n := range []int64{1, -1, authv1.FirstAccountNumber - 1, math.MaxInt64, math.MinInt64} {
		got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Number: n})
		want(t, "no account's number", got, err, authv1.ErrAccountNotFound)
	}
	for _, r := range []authv1.GetAccountRequest{
		{Number: user.Number, ID: user.ID}, {Number: user.Number, Username: user.Username}, {Number: user.Number, Identity: &user.Identity},
	} {
		got, err := w.svc.GetAccount(t.Context(), r)
		want(t, "named twice", got, err, fault.ErrInvalid)
	}
	if _, err := w.svc.DeleteUser(t.Context(), authv1.DeleteUserRequest{Actor: actor(bob.Account), AccountID: bob.Account.ID}); err != nil {
		t.Fatal(err)
	}
	got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Number: bob.Account.Number})
	want(t, "a deleted account's", got, err, authv1.ErrAccountNotFound)
	if next := w.create(t, "bob").Account; seen[next.Number] {
		t.Errorf("number %d is given again", next.Number)
	}
}

// accountNumberRace holds accounts that are made at once to numbers of their own.
func accountNumberRace(t *testing.T, w world) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	for i := range 16 {
		wg.Go(func() {
			a := w.create(t, string(rune('a'+i))).Account
			mu.Lock()
			defer mu.Unlock()
			if seen[a.Number] {
				t.Errorf("number %d twice", a.Number)
			}
			seen[a.Number] = true
		})
	}
	wg.Wait()
}

func lastLogin(t *testing.T, w world) {
	begun := time.Now().Add(-time.Second)
	s := w.create(t, "alice")
	shows := func(what string, a authv1.Account, from string, never bool) {
		t.Helper()
		switch {
		case never != (a.LastLogin == nil) || a.LastLoginFrom != from:
			t.Errorf("%s: last log-in at %v from %q, want one from %q", what, a.LastLogin, a.LastLoginFrom, from)
		case !never && (a.LastLogin.Before(begun) || a.LastLogin.After(time.Now().Add(time.Second)) || a.LastLogin.Location() != time.UTC):
			t.Errorf("%s: last log-in at %v", what, a.LastLogin)
		}
	}
	shows("a new account", s.Account, "", true)
	pair := w.pair(t, s.Account.ID)
	before := ""
	for i, r := range []authv1.LoginRequest{
		{Identifier: s.Account.Username, Password: Password, Source: "192.0.2.1:4711"},
		{Key1: pair.key1, Key2: pair.key2, Source: "[2001:db8::1]:4711", Kind: authv1.TokenHosting},
		{Identifier: s.Account.Email, Password: Password, Kind: authv1.TokenSession, Source: "::ffff:192.0.2.2"},
		{Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenHosting},
		{Identifier: s.Account.Username, Password: Password, Source: "192.0.2.3"},
	} {
		l, err := w.svc.Login(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		shows("a log-in", l.Account, before, i == 0)
		before = []string{"192.0.2.1", "2001:db8::1", "192.0.2.2", "", "192.0.2.3"}[i]
		// What is no log-in shows the same and changes nothing.
		by, err := w.authenticate(t, s.Token, "")
		if err != nil || by.LastLoginFrom != l.Account.LastLoginFrom {
			t.Errorf("%+v, %v", by, err)
		}
		if _, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: "wrong password"}); err == nil {
			t.Error("a wrong password")
		}
		if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: Password, Source: "192.0.2.9"}); err != nil {
			t.Error(err)
		}
	}
	r := authv1.EnterRequest{Identity: w.identity("bob"), Create: true, Source: "198.51.100.1:1"}
	for i, from := range []string{"", "198.51.100.1", "198.51.100.2"} {
		e, err := w.svc.Enter(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		shows("by a provider", e.Account, from, i == 0)
		r.Source = "198.51.100.2"
	}
}
