// Package authv1test is what every implementation of authv1.Service does: the
// endpoint called straight, and the same through NATS.
package authv1test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Password of all accounts of the suite.
const Password = "correct horse battery"

// Run runs the suite; open gives a service without the accounts of the suite. It
// is called once per test, and may give the same service each time.
func Run(t *testing.T, open func(t *testing.T) authv1.Service) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w world)
	}{
		{"CreateAccount", createAccount},
		{"CreateAccount_Refuses", createRefuses},
		{"CreateAccount_Race", createRace},
		{"Login", login},
		{"Login_Throttled", loginThrottled},
		{"Authenticate_Refuses", authenticateRefuses},
		{"ListAccounts", listAccounts},
		{"AccessKeys", accessKeys},
		{"CreateAccessKey_Refuses", keyRefuses},
		{"RevokeAccessKey", revoke},
		{"MintAccessToken", mint},
		{"MintAccessToken_Throttled", mintThrottled},
		{"SetAccountDisabled", disable},
		{"KeyState", keyState},
		{"Authenticate_Password", authenticatePassword},
		{"Authenticate_Throttled", authenticateThrottled},
		{"Tokens", tokens},
		{"CreateToken_Refuses", tokenRefuses},
		{"RevokeToken", revokeToken},
		{"ChangePassword", changePassword},
		{"DeleteAccount", deleteAccount},
		{"SetAccount", setAccount},
		{"PlikToken", plikToken},
		{"PlikToken_Ends", plikTokenEnds},
		{"CreateToken_PlikRefuses", plikTokenRefuses},
		{"PageTokens", pageTokens},
		{"RotateToken", rotateToken},
		{"RotateToken_Ends", rotatedEnds},
		{"RotateToken_Refuses", rotateRefuses},
		{"RotateToken_Race", rotateRace},
		{"Login_Life", sessionLife},
		{"GetAccount_Identity", byIdentity},
		{"Enter", enter},
		{"Enter_Refuses", enterRefuses},
		{"Enter_Race", enterRace},
		{"Enter_Throttled", enterThrottled},
		{"CreateUser", createUser},
		{"CreateUser_Refuses", createUserRefuses},
		{"UpdateUser", updateUser},
		{"UpdateUser_Rights", updateUserRights},
		{"UpdateUser_Password", updateUserPassword},
		{"DeleteUser", deleteUser},
		{"ListUsers", listUsers},
		{"AccountNumber", accountNumber},
		{"AccountNumber_Race", accountNumberRace},
		{"LastLogin", lastLogin},
		{"KeyPair", keyPair},
		{"KeyPair_Ends", keyPairEnds},
		{"KeyPair_Refuses", keyPairRefuses},
		{"KeyPair_Throttled", keyPairThrottled},
		{"KeyPair_Race", keyPairRace},
		{"HostingToken", hostingToken},
		{"HostingToken_Ends", hostingTokenEnds},
		{"HostingToken_Revoked", hostingTokenRevoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, world{open(t), strings.ToLower(c.name)})
		})
	}
}

// world is a service and a prefix of names that no other test uses.
type world struct {
	svc  authv1.Service
	name string
}

func (w world) username(s string) string { return w.name + "-" + s }

func (w world) create(t *testing.T, s string) authv1.Session {
	t.Helper()
	name := w.username(s)
	r, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: name, Email: name + "@example.com", Password: Password})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) key(t *testing.T, account string) authv1.AccessKeyWithSecret {
	t.Helper()
	k, err := w.svc.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: account, Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// unlogged is the account without what a log-in changes.
func unlogged(a authv1.Account) authv1.Account {
	a.LastLogin, a.LastLoginFrom = nil, ""
	return a
}

// want asserts a fault; the answer that comes with it must be empty.
func want[T any](t *testing.T, what string, got T, err error, target *fault.Error) {
	t.Helper()
	if !errors.Is(err, target) || fault.KindOf(err) != target.Kind {
		t.Errorf("%s: %v, want %s", what, err, target.Code)
	}
	var zero T
	if fmt.Sprint(got) != fmt.Sprint(zero) {
		t.Errorf("%s: an answer beside the error: %+v", what, got)
	}
}

func createAccount(t *testing.T, w world) {
	s := w.create(t, "alice")
	a := s.Account
	if a.ID == "" || a.Username != w.username("alice") || a.Email != a.Username+"@example.com" || a.Admin || a.Disabled || a.Plan == "" ||
		a.Limits.StorageBytes != 100e9 || a.Limits.ObjectBytes != 100e9 || a.CreatedAt.IsZero() || a.CreatedAt.Location() != time.UTC || len(s.Token) < 43 {
		t.Errorf("%+v", s)
	}
	for what, r := range map[string]authv1.GetAccountRequest{"id": {ID: a.ID}, "name": {Username: a.Username}} {
		if got, err := w.svc.GetAccount(t.Context(), r); err != nil || got != a {
			t.Errorf("by %s: %+v, %v", what, got, err)
		}
	}
	if got, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil || got.Account != a {
		t.Errorf("by token: %+v, %v", got, err)
	}
	for what, r := range map[string]authv1.GetAccountRequest{"id": {ID: "acc_none"}, "name": {Username: "nobody"}} {
		got, err := w.svc.GetAccount(t.Context(), r)
		want(t, "unknown "+what, got, err, authv1.ErrAccountNotFound)
	}
	got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{})
	want(t, "nothing named", got, err, fault.ErrInvalid)
	admin, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: w.username("op"), Email: "op@" + w.name + ".example", Password: Password, Admin: true})
	if err != nil || !admin.Account.Admin {
		t.Errorf("admin: %+v, %v", admin.Account, err)
	}
}

func createRefuses(t *testing.T, w world) {
	w.create(t, "taken")
	ok := authv1.CreateAccountRequest{Username: w.username("new"), Email: "new@" + w.name + ".example", Password: Password}
	for _, c := range []struct {
		what   string
		change func(r *authv1.CreateAccountRequest)
		err    *fault.Error
	}{
		{"no name", func(r *authv1.CreateAccountRequest) { r.Username = "" }, fault.ErrInvalid},
		{"short name", func(r *authv1.CreateAccountRequest) { r.Username = "ab" }, fault.ErrInvalid},
		{"long name", func(r *authv1.CreateAccountRequest) { r.Username = strings.Repeat("a", 65) }, fault.ErrInvalid},
		{"upper case", func(r *authv1.CreateAccountRequest) { r.Username = "Alice" }, fault.ErrInvalid},
		{"digits only", func(r *authv1.CreateAccountRequest) { r.Username = "12345" }, fault.ErrInvalid},
		{"path", func(r *authv1.CreateAccountRequest) { r.Username = "../x" }, fault.ErrInvalid},
		{"dots", func(r *authv1.CreateAccountRequest) { r.Username = "..." }, fault.ErrInvalid},
		{"not ascii", func(r *authv1.CreateAccountRequest) { r.Username = "älice" }, fault.ErrInvalid},
		{"line end", func(r *authv1.CreateAccountRequest) { r.Username = "alice\n" }, fault.ErrInvalid},
		{"no e-mail", func(r *authv1.CreateAccountRequest) { r.Email = "" }, fault.ErrInvalid},
		{"bad e-mail", func(r *authv1.CreateAccountRequest) { r.Email = "alice" }, fault.ErrInvalid},
		{"e-mail with name", func(r *authv1.CreateAccountRequest) { r.Email = "A <a@example.com>" }, fault.ErrInvalid},
		{"two e-mails", func(r *authv1.CreateAccountRequest) { r.Email = "a@example.com, b@example.com" }, fault.ErrInvalid},
		{"long e-mail", func(r *authv1.CreateAccountRequest) { r.Email = strings.Repeat("a", 300) + "@example.com" }, fault.ErrInvalid},
		{"short password", func(r *authv1.CreateAccountRequest) { r.Password = "1234567" }, fault.ErrInvalid},
		{"long password", func(r *authv1.CreateAccountRequest) { r.Password = strings.Repeat("a", 1025) }, fault.ErrInvalid},
		{"name taken", func(r *authv1.CreateAccountRequest) { r.Username = w.username("taken") }, authv1.ErrUsernameTaken},
		{"e-mail taken", func(r *authv1.CreateAccountRequest) { r.Email = w.username("taken") + "@example.com" }, authv1.ErrEmailTaken},
		{"e-mail taken in upper case", func(r *authv1.CreateAccountRequest) {
			r.Email = strings.ToUpper(w.username("taken") + "@example.com")
		}, authv1.ErrEmailTaken},
	} {
		r := ok
		c.change(&r)
		got, err := w.svc.CreateAccount(t.Context(), r)
		want(t, c.what, got, err, c.err)
	}
	if _, err := w.svc.CreateAccount(t.Context(), ok); err != nil {
		t.Errorf("a refusal left something behind: %v", err)
	}
}

func createRace(t *testing.T, w world) {
	const n = 6
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{
				Username: w.username("same"), Email: fmt.Sprintf("%d@%s.example", i, w.name), Password: Password,
			})
			errs <- err
		}()
	}
	made := 0
	for range n {
		if err := <-errs; err == nil {
			made++
		} else if !errors.Is(err, authv1.ErrUsernameTaken) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d accounts of one name", made)
	}
}

func login(t *testing.T, w world) {
	first := w.create(t, "alice")
	for _, id := range []string{first.Account.Username, first.Account.Email, strings.ToUpper(first.Account.Email), strings.ToUpper(first.Account.Username)} {
		s, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: id, Password: Password, Source: "192.0.2.1"})
		if err != nil || unlogged(s.Account) != first.Account || s.Token == first.Token {
			t.Errorf("%s: %+v, %v", id, s, err)
			continue
		}
		for _, token := range []string{first.Token, s.Token} { // a new one does not end the others
			if a, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token}); err != nil || unlogged(a.Account) != first.Account {
				t.Errorf("%+v, %v", a, err)
			}
		}
	}
	var told []string
	for _, r := range []authv1.LoginRequest{
		{Identifier: first.Account.Username, Password: "wrong password"},
		{Identifier: first.Account.Email, Password: Password + " "},
		{Identifier: w.username("nobody"), Password: Password},
		{Identifier: "nobody@" + w.name + ".example", Password: Password},
		{Identifier: first.Account.Username, Password: ""},
		{Identifier: first.Account.Username, Password: strings.Repeat("x", 5000)},
		{Identifier: "", Password: ""},
		{Identifier: strings.Repeat("y", 5000), Password: Password},
	} {
		got, err := w.svc.Login(t.Context(), r)
		want(t, r.Identifier[:min(len(r.Identifier), 30)], got, err, authv1.ErrBadCredentials)
		told = append(told, fault.From(err).Message)
	}
	for _, m := range told {
		if m != told[0] {
			t.Errorf("answers differ: %q, %q", m, told[0])
		}
	}
}

// tries is more than any limit of the service under test may allow at once.
const tries = 200

func loginThrottled(t *testing.T, w world) {
	s := w.create(t, "alice")
	for _, id := range []string{s.Account.Username, w.username("nobody")} {
		var err error
		for range tries {
			if _, err = w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: id, Password: "wrong password"}); !errors.Is(err, authv1.ErrBadCredentials) {
				break
			}
		}
		if !errors.Is(err, authv1.ErrThrottled) || fault.From(err).RetryAfter < time.Second {
			t.Errorf("%s: %v, after %s", id, err, fault.From(err).RetryAfter)
		}
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil {
		t.Errorf("a throttled account's token does not hold: %v", err)
	}
}

func authenticateRefuses(t *testing.T, w world) {
	s := w.create(t, "alice")
	for _, token := range []string{"", "x", s.Token[:len(s.Token)-1], s.Token + "A", strings.ToUpper(s.Token), s.Token + "\n", " " + s.Token, strings.Repeat("A", len(s.Token)), strings.Repeat("A", 10_000)} {
		got, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token})
		want(t, token[:min(len(token), 60)], got, err, authv1.ErrBadToken)
	}
}

func listAccounts(t *testing.T, w world) {
	for _, n := range []string{"c", "a", "b"} {
		w.create(t, n)
	}
	var names []string
	after := w.name
	for {
		p, err := w.svc.ListAccounts(t.Context(), authv1.ListAccountsRequest{After: after, Limit: 2})
		if err != nil || len(p.Accounts) > 2 {
			t.Fatal(p, err)
		}
		for _, a := range p.Accounts {
			if strings.HasPrefix(a.Username, w.name+"-") {
				names = append(names, strings.TrimPrefix(a.Username, w.name+"-"))
			}
			after = a.Username
		}
		if !p.More || !strings.HasPrefix(after, w.name) {
			break
		}
	}
	if strings.Join(names, "") != "abc" {
		t.Errorf("listed %v", names)
	}
}

// mintFor asks for a token and gives the error.
func mintFor(ctx context.Context, svc authv1.Service, id, secret string) error {
	_, err := svc.MintAccessToken(ctx, authv1.MintAccessTokenRequest{KeyID: id, Secret: secret})
	return err //nolint:wrapcheck // the service's own
}
