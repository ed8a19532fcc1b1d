package authv1test

import (
	"errors"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// other is a password beside Password.
const other = "battery horse correct"

func authenticatePassword(t *testing.T, w world) {
	s := w.create(t, "alice")
	second := w.create(t, "bob")
	for range 2 { // also from what is remembered
		for _, id := range []string{s.Account.Username, s.Account.Email, strings.ToUpper(s.Account.Username)} {
			a, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: id, Password: Password, Source: "192.0.2.1"})
			if err != nil || a.Account != s.Account {
				t.Errorf("%s: %+v, %v", id, a, err)
			}
		}
	}
	for _, id := range []string{"", s.Account.Username, second.Account.Username, "token"} { // a token in the password's place
		if a, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: id, Password: s.Token}); err != nil || a.Account != s.Account {
			t.Errorf("token as password of %q: %+v, %v", id, a, err)
		}
	}
	for what, r := range map[string]authv1.AuthenticateRequest{
		"wrong password":    {Identifier: s.Account.Username, Password: other},
		"longer password":   {Identifier: s.Account.Username, Password: Password + "\x00"},
		"parts moved":       {Identifier: s.Account.Username + Password[:1], Password: Password[1:]},
		"no password":       {Identifier: s.Account.Username},
		"no name":           {Password: Password},
		"unknown name":      {Identifier: w.username("nobody"), Password: Password},
		"huge name":         {Identifier: strings.Repeat("n", 100_000), Password: Password},
		"huge password":     {Identifier: w.username("huge"), Password: strings.Repeat("p", 100_000)},
		"not UTF-8":         {Identifier: "\xff\xfe", Password: "\xff\xff\xff\xff\xff\xff\xff\xff"},
		"token of no shape": {Identifier: w.username("x"), Password: s.Token + "A"},
	} {
		got, err := w.svc.Authenticate(t.Context(), r)
		want(t, what, got, err, authv1.ErrBadCredentials)
	}
	bad := s.Token[:len(s.Token)-4] + "AAAA"
	got, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: bad})
	want(t, "a token that is none", got, err, authv1.ErrBadToken)
}

func authenticateThrottled(t *testing.T, w world) {
	s := w.create(t, "alice")
	guess := func(source string) error {
		_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: "wrong password", Source: source})
		return err //nolint:wrapcheck // the service's own
	}
	right := func(source string) error {
		_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: Password, Source: source})
		return err //nolint:wrapcheck // the service's own
	}
	for range tries { // right ones are not counted
		if err := right("192.0.2.7"); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range tries {
		if err = guess("192.0.2.8"); !errors.Is(err, authv1.ErrBadCredentials) {
			break
		}
	}
	if !errors.Is(err, authv1.ErrThrottled) || fault.From(err).RetryAfter < 1 {
		t.Errorf("guesses: %v", err)
	}
	if err := right("192.0.2.9"); !errors.Is(err, authv1.ErrThrottled) {
		t.Errorf("right, but from an address that it was not right from before: %v", err)
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil {
		t.Errorf("the token of a throttled account: %v", err)
	}
}

func changePassword(t *testing.T, w world) {
	s := w.create(t, "alice")
	bob := w.create(t, "bob")
	k := w.key(t, s.Account.ID)
	keep, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenSession})
	if err != nil {
		t.Fatal(err)
	}
	holds := func(password string) error {
		_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: password, Source: "192.0.2.1"})
		return err //nolint:wrapcheck // the service's own
	}
	if err := holds(Password); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		r   authv1.ChangePasswordRequest
		err *fault.Error
	}{
		"wrong password":  {authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: other, New: other}, authv1.ErrBadCredentials},
		"token instead":   {authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: s.Token, New: other}, authv1.ErrBadCredentials},
		"short":           {authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: Password, New: "short"}, fault.ErrInvalid},
		"a token":         {authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: Password, New: s.Token}, fault.ErrInvalid},
		"unknown account": {authv1.ChangePasswordRequest{AccountID: "acc_none", Current: Password, New: other}, authv1.ErrBadCredentials},
		"no account":      {authv1.ChangePasswordRequest{Current: Password, New: other}, authv1.ErrAccountNotFound},
	} {
		got, err := w.svc.ChangePassword(t.Context(), c.r)
		want(t, what, got, err, c.err)
	}
	a, err := w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: Password, New: other, Keep: keep.Token})
	if err != nil || a != s.Account {
		t.Fatalf("%+v, %v", a, err)
	}
	got, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token})
	want(t, "another token", got, err, authv1.ErrBadToken)
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: keep.Token}); err != nil {
		t.Errorf("the kept token: %v", err)
	}
	if err := holds(Password); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if err := holds(other); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); err != nil {
		t.Errorf("an access key: %v", err)
	}
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: keep.Token})
	if err != nil || len(l.Tokens) != 1 || l.Current != l.Tokens[0].ID {
		t.Errorf("%+v, %v", l, err)
	}
	// A kept token of another account is none, and the second change ends the first's.
	if _, err := w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: s.Account.ID, New: Password, Keep: bob.Token, Operator: true}); err != nil {
		t.Fatal(err)
	}
	got, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: keep.Token})
	want(t, "the token that was kept before", got, err, authv1.ErrBadToken)
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: bob.Token}); err != nil {
		t.Errorf("another account's token: %v", err)
	}
}

func deleteAccount(t *testing.T, w world) {
	s := w.create(t, "alice")
	k := w.key(t, s.Account.ID)
	name, password := s.Account.Username, Password
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: name, Password: password}); err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]authv1.DeleteAccountRequest{
		"wrong password": {AccountID: s.Account.ID, Password: other}, "no password": {AccountID: s.Account.ID},
		"wrong password, dry": {AccountID: s.Account.ID, Password: other, DryRun: true}, "unknown account": {AccountID: "acc_none", Password: password},
	} {
		got, err := w.svc.DeleteAccount(t.Context(), r)
		want(t, what, got, err, authv1.ErrBadCredentials)
	}
	if _, err := w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: s.Account.ID, Password: password, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil {
		t.Fatalf("a dry run does something: %v", err)
	}
	if _, err := w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: s.Account.ID, Password: password}); err != nil {
		t.Fatal(err)
	}
	by, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token})
	want(t, "token", by.Account, err, authv1.ErrBadToken)
	by, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: name, Password: password})
	want(t, "password", by.Account, err, authv1.ErrBadCredentials)
	a, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: s.Account.ID})
	want(t, "by id", a, err, authv1.ErrAccountNotFound)
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("mint: %v", err)
	}
	if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || st.Found && st.Key.Active && st.Account.Active {
		t.Errorf("state: %+v, %v", st, err)
	}
	got, err := w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: s.Account.ID, Password: password})
	want(t, "again", got, err, authv1.ErrBadCredentials)
	got, err = w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: s.Account.ID, Operator: true})
	want(t, "again, by the operator", got, err, authv1.ErrAccountNotFound)
	next := w.create(t, "alice") // user name and e-mail are free
	if next.Account.ID == s.Account.ID {
		t.Error("the id is given again")
	}
	by, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token})
	want(t, "a token of the deleted account of that name", by.Account, err, authv1.ErrBadToken)
	if _, err := w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: next.Account.ID, Operator: true}); err != nil {
		t.Errorf("by the operator: %v", err)
	}
}

func setAccount(t *testing.T, w world) {
	s := w.create(t, "alice")
	k := w.key(t, s.Account.ID)
	for range 2 { // idempotent
		a, err := w.svc.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: s.Account.ID, Region: "eu-west1"})
		if err != nil || a.Region != "eu-west1" || a.Plan != s.Account.Plan || a.Limits != s.Account.Limits {
			t.Errorf("%+v, %v", a, err)
		}
	}
	a, err := w.svc.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: s.Account.ID, Plan: s.Account.Plan})
	if err != nil || a.Region != "eu-west1" || a.Limits != s.Account.Limits {
		t.Errorf("%+v, %v", a, err)
	}
	if got, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil || got.Account != a {
		t.Errorf("by token: %+v, %v", got, err)
	}
	if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || st.Account.Region != "eu-west1" || st.Account.Limits != a.Limits {
		t.Errorf("state: %+v, %v", st, err)
	}
	for what, c := range map[string]struct {
		r   authv1.SetAccountRequest
		err *fault.Error
	}{
		"nothing":         {authv1.SetAccountRequest{AccountID: s.Account.ID}, fault.ErrInvalid},
		"unknown plan":    {authv1.SetAccountRequest{AccountID: s.Account.ID, Plan: "no-such-plan", Region: "us"}, authv1.ErrUnknownPlan},
		"region's form":   {authv1.SetAccountRequest{AccountID: s.Account.ID, Region: "eu_west"}, fault.ErrInvalid},
		"long region":     {authv1.SetAccountRequest{AccountID: s.Account.ID, Region: strings.Repeat("r", 33)}, fault.ErrInvalid},
		"no account":      {authv1.SetAccountRequest{Region: "eu"}, authv1.ErrAccountNotFound},
		"unknown account": {authv1.SetAccountRequest{AccountID: "acc_none", Region: "eu"}, authv1.ErrAccountNotFound},
	} {
		got, err := w.svc.SetAccount(t.Context(), c.r)
		want(t, what, got, err, c.err)
	}
	if got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: s.Account.ID}); err != nil || got != a {
		t.Errorf("refusals change something: %+v, %v", got, err)
	}
}
