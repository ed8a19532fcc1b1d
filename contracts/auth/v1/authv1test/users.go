package authv1test

import (
	"errors"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

// actor is the principal of an account; what it claims of rights counts for nothing.
func actor(a authv1.Account) authv1.Principal {
	return authv1.Principal{AccountID: a.ID, Username: a.Username, Admin: true, System: true}
}

func (w world) admin(t *testing.T) authv1.Account {
	t.Helper()
	s, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: w.username("root"), Email: "root@" + w.name + ".example", Password: Password, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	return s.Account
}

func (w world) identity(login string) authv1.Identity {
	return authv1.Identity{Provider: authv1.ProviderOIDC, Login: w.name + "|" + login}
}

func createUser(t *testing.T, w world) {
	root := w.admin(t)
	limits := authv1.PlikLimits{MaxFileSize: 1e9, MaxUserSize: -1, MaxTTL: 3600}
	local := authv1.Identity{Provider: authv1.ProviderLocal, Login: w.username("alice")}
	a, err := w.svc.CreateUser(t.Context(), authv1.CreateUserRequest{Actor: actor(root), Identity: local, Password: Password, Email: "alice@" + w.name + ".example", Name: "Alice", Admin: true, Plik: limits})
	if err != nil || a.Identity != local || a.Username != local.Login || !a.Admin || a.Plik != limits || a.Name != "Alice" || a.Plan == "" || a.ID == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	if s, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: local.Login, Password: Password}); err != nil || s.Account != a {
		t.Errorf("%+v, %v", s, err)
	}
	// Without an e-mail there is any number of them.
	for _, n := range []string{"bobby", "carol"} {
		if _, err := w.svc.CreateUser(t.Context(), authv1.CreateUserRequest{Actor: actor(a), Identity: authv1.Identity{Provider: authv1.ProviderLocal, Login: w.username(n)}, Password: "12345678"}); err != nil {
			t.Errorf("by the new administrator: %v", err)
		}
	}
	google := authv1.Identity{Provider: authv1.ProviderGoogle, Login: "g@" + w.name + ".example"}
	g, err := w.svc.CreateUser(t.Context(), authv1.CreateUserRequest{Actor: actor(root), Identity: google, Password: "ignored", Plik: limits})
	if err != nil || g.Identity != google || g.Admin {
		t.Fatalf("%+v, %v", g, err)
	}
	if s, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: google}); err != nil || s.Account != g {
		t.Errorf("entering: %+v, %v", s, err)
	}
}

func createUserRefuses(t *testing.T, w world) {
	root, alice := w.admin(t), w.create(t, "alice").Account
	taken := authv1.Identity{Provider: authv1.ProviderGoogle, Login: "taken@" + w.name + ".example"}
	ok := authv1.CreateUserRequest{Actor: actor(root), Identity: authv1.Identity{Provider: authv1.ProviderLocal, Login: w.username("new")}, Password: Password}
	external := ok
	external.Identity, external.Password = taken, ""
	if _, err := w.svc.CreateUser(t.Context(), external); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		change func(r *authv1.CreateUserRequest)
		err    *fault.Error
		text   string
	}{
		{"no actor", func(r *authv1.CreateUserRequest) { r.Actor = authv1.Principal{Admin: true, System: true} }, authv1.ErrNotAdmin, "you need administrator privileges"},
		{"unknown actor", func(r *authv1.CreateUserRequest) { r.Actor.AccountID = "acc_none" }, authv1.ErrNotAdmin, ""},
		{"no administrator", func(r *authv1.CreateUserRequest) { r.Actor = actor(alice) }, authv1.ErrNotAdmin, ""},
		{"no administrator, no provider", func(r *authv1.CreateUserRequest) { r.Actor, r.Identity.Provider = actor(alice), "" }, authv1.ErrNotAdmin, ""},
		{"no provider", func(r *authv1.CreateUserRequest) { r.Identity.Provider = "" }, fault.ErrInvalid, "invalid provider"},
		{"provider's case", func(r *authv1.CreateUserRequest) { r.Identity.Provider = "Local" }, fault.ErrInvalid, "invalid provider"},
		{"no login", func(r *authv1.CreateUserRequest) { r.Identity.Login = "" }, fault.ErrInvalid, "login is too short (min 4 chars)"},
		{"short login", func(r *authv1.CreateUserRequest) { r.Identity.Login = "bob" }, fault.ErrInvalid, "login is too short (min 4 chars)"},
		{"short login elsewhere", func(r *authv1.CreateUserRequest) {
			r.Identity = authv1.Identity{Provider: authv1.ProviderOVH, Login: "bob"}
		}, fault.ErrInvalid, "login is too short (min 4 chars)"},
		{"short login, short password", func(r *authv1.CreateUserRequest) { r.Identity.Login, r.Password = "bob", "" }, fault.ErrInvalid, "login is too short (min 4 chars)"},
		{"short password", func(r *authv1.CreateUserRequest) { r.Password = "1234567" }, fault.ErrInvalid, "password is too short (min 8 chars)"},
		{"no password", func(r *authv1.CreateUserRequest) { r.Password = "" }, fault.ErrInvalid, "password is too short (min 8 chars)"},
		{"long password", func(r *authv1.CreateUserRequest) { r.Password = strings.Repeat("p", 1025) }, fault.ErrInvalid, "invalid password"},
		{"upper case", func(r *authv1.CreateUserRequest) { r.Identity.Login = "Alice" }, fault.ErrInvalid, "invalid login"},
		{"e-mail as login", func(r *authv1.CreateUserRequest) { r.Identity.Login = "a@b.example" }, fault.ErrInvalid, "invalid login"},
		{"digits", func(r *authv1.CreateUserRequest) { r.Identity.Login = "12345" }, fault.ErrInvalid, "invalid login"},
		{"long login", func(r *authv1.CreateUserRequest) { r.Identity.Login = strings.Repeat("a", 65) }, fault.ErrInvalid, "invalid login"},
		{"control", func(r *authv1.CreateUserRequest) {
			r.Identity = authv1.Identity{Provider: authv1.ProviderOIDC, Login: "a\x01bcd"}
		}, fault.ErrInvalid, "invalid login"},
		{"e-mail", func(r *authv1.CreateUserRequest) { r.Email = "nobody" }, fault.ErrInvalid, "invalid email"},
		{"long name", func(r *authv1.CreateUserRequest) { r.Name = strings.Repeat("n", 257) }, fault.ErrInvalid, "invalid name"},
		{"name of two lines", func(r *authv1.CreateUserRequest) { r.Name = "a\nb" }, fault.ErrInvalid, "invalid name"},
		{"taken", func(r *authv1.CreateUserRequest) { r.Identity.Login = alice.Username }, authv1.ErrUsernameTaken, ""},
		{"taken elsewhere", func(r *authv1.CreateUserRequest) { r.Identity = taken }, authv1.ErrUsernameTaken, ""},
		{"e-mail taken", func(r *authv1.CreateUserRequest) { r.Email = strings.ToUpper(alice.Email) }, authv1.ErrEmailTaken, ""},
	} {
		r := ok
		c.change(&r)
		got, err := w.svc.CreateUser(t.Context(), r)
		want(t, c.what, got, err, c.err)
		if err != nil && !strings.HasPrefix(fault.From(err).Message, c.text) {
			t.Errorf("%s: %q", c.what, fault.From(err).Message)
		}
	}
	if _, err := w.svc.CreateUser(t.Context(), ok); err != nil {
		t.Errorf("a refusal left something behind: %v", err)
	}
}

func updateUser(t *testing.T, w world) {
	root, s := w.admin(t), w.create(t, "alice")
	a := s.Account
	limits := authv1.PlikLimits{MaxFileSize: 5, MaxUserSize: 6, MaxTTL: 7}
	full := authv1.UpdateUserRequest{Actor: actor(root), AccountID: a.ID, Name: "Alice", Email: "new@" + w.name + ".example", Admin: true, Plik: limits}
	want2 := a
	want2.Name, want2.Email, want2.Admin, want2.Plik = full.Name, full.Email, true, limits
	for range 2 { // idempotent
		if got, err := w.svc.UpdateUser(t.Context(), full); err != nil || got != want2 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if got, err := w.authenticate(t, s.Token, ""); err != nil || got.Account != want2 {
		t.Errorf("tokens stay: %+v, %v", got, err)
	}
	if _, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: full.Email, Password: Password}); err != nil {
		t.Errorf("by the new e-mail: %v", err)
	}
	// What is not said is empty: everything is replaced, but for the password.
	want2.Name, want2.Email, want2.Admin, want2.Plik = "", "", false, authv1.PlikLimits{}
	if got, err := w.svc.UpdateUser(t.Context(), authv1.UpdateUserRequest{Actor: actor(root), AccountID: a.ID}); err != nil || got != want2 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: a.Username, Password: Password}); err != nil {
		t.Errorf("the password: %v", err)
	}
	w.create(t, "bob")
	for what, c := range map[string]struct {
		change func(r *authv1.UpdateUserRequest)
		err    *fault.Error
		text   string
	}{
		"e-mail taken":    {func(r *authv1.UpdateUserRequest) { r.Email = w.username("bob") + "@example.com" }, authv1.ErrEmailTaken, ""},
		"e-mail":          {func(r *authv1.UpdateUserRequest) { r.Email = "x" }, fault.ErrInvalid, "invalid email"},
		"name":            {func(r *authv1.UpdateUserRequest) { r.Name = "\x1b[1m" }, fault.ErrInvalid, "invalid name"},
		"short password":  {func(r *authv1.UpdateUserRequest) { r.Password = "1234567" }, fault.ErrInvalid, "password is too short (min 8 chars)"},
		"token":           {func(r *authv1.UpdateUserRequest) { r.Password = s.Token }, fault.ErrInvalid, "invalid password"},
		"unknown account": {func(r *authv1.UpdateUserRequest) { r.AccountID = "acc_none" }, authv1.ErrAccountNotFound, ""},
		"no account":      {func(r *authv1.UpdateUserRequest) { r.AccountID = "" }, authv1.ErrAccountNotFound, ""},
	} {
		r := full
		c.change(&r)
		got, err := w.svc.UpdateUser(t.Context(), r)
		want(t, what, got, err, c.err)
		if err != nil && !strings.HasPrefix(fault.From(err).Message, c.text) {
			t.Errorf("%s: %q", what, fault.From(err).Message)
		}
	}
	if got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: a.ID}); err != nil || unlogged(got) != want2 {
		t.Errorf("a refusal changes something: %+v, %v", got, err)
	}
}

func updateUserRights(t *testing.T, w world) {
	root := w.admin(t)
	limits := authv1.PlikLimits{MaxFileSize: 5, MaxUserSize: 6, MaxTTL: 7}
	alice, err := w.svc.CreateUser(t.Context(), authv1.CreateUserRequest{
		Actor: actor(root), Identity: authv1.Identity{Provider: authv1.ProviderLocal, Login: w.username("alice")}, Password: Password, Plik: limits,
	})
	if err != nil {
		t.Fatal(err)
	}
	own := authv1.UpdateUserRequest{Actor: actor(alice), AccountID: alice.ID, Name: "Alice", Plik: limits}
	if got, err := w.svc.UpdateUser(t.Context(), own); err != nil || got.Name != "Alice" || got.Plik != limits {
		t.Errorf("%+v, %v", got, err)
	}
	for what, c := range map[string]struct {
		change func(r *authv1.UpdateUserRequest)
		err    *fault.Error
	}{
		"rights":            {func(r *authv1.UpdateUserRequest) { r.Admin = true }, authv1.ErrOwnRights},
		"rights and limits": {func(r *authv1.UpdateUserRequest) { r.Admin, r.Plik.MaxTTL = true, 0 }, authv1.ErrOwnRights},
		"file size":         {func(r *authv1.UpdateUserRequest) { r.Plik.MaxFileSize++ }, authv1.ErrOwnLimits},
		"user size":         {func(r *authv1.UpdateUserRequest) { r.Plik.MaxUserSize = -1 }, authv1.ErrOwnLimits},
		"time":              {func(r *authv1.UpdateUserRequest) { r.Plik.MaxTTL = 0 }, authv1.ErrOwnLimits},
		"another":           {func(r *authv1.UpdateUserRequest) { r.AccountID = root.ID }, authv1.ErrNotAdmin},
		"unknown":           {func(r *authv1.UpdateUserRequest) { r.AccountID = "acc_none" }, authv1.ErrNotAdmin},
		"no actor":          {func(r *authv1.UpdateUserRequest) { r.Actor = authv1.Principal{Admin: true} }, authv1.ErrNotAdmin},
	} {
		r := own
		c.change(&r)
		got, err := w.svc.UpdateUser(t.Context(), r)
		want(t, what, got, err, c.err)
	}
	// Rights are what the documents say at the moment.
	grant := func(admin bool) {
		t.Helper()
		if _, err := w.svc.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: alice.ID, Admin: &admin}); err != nil {
			t.Fatal(err)
		}
	}
	grant(true)
	own.Admin, own.Plik = true, authv1.PlikLimits{}
	if got, err := w.svc.UpdateUser(t.Context(), own); err != nil || !got.Admin || got.Plik != (authv1.PlikLimits{}) {
		t.Errorf("as an administrator: %+v, %v", got, err)
	}
	grant(false)
	got, err := w.svc.UpdateUser(t.Context(), own)
	want(t, "after the rights are gone", got, err, authv1.ErrOwnRights)
	grant(true)
	own.Admin = false // there is another administrator
	if got, err := w.svc.UpdateUser(t.Context(), own); err != nil || got.Admin {
		t.Errorf("giving up rights: %+v, %v", got, err)
	}
}

func updateUserPassword(t *testing.T, w world) {
	s := w.create(t, "alice")
	keep, plik := w.token(t, s.Account.ID, authv1.TokenSession, ""), w.token(t, s.Account.ID, authv1.TokenPlik, "")
	r := authv1.UpdateUserRequest{Actor: actor(s.Account), AccountID: s.Account.ID, Email: s.Account.Email, Password: other, Keep: keep.Token}
	if got, err := w.svc.UpdateUser(t.Context(), r); err != nil || got != s.Account {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := w.authenticate(t, keep.Token, ""); err != nil {
		t.Errorf("the kept session: %v", err)
	}
	got, err := w.authenticate(t, s.Token, "")
	want(t, "another token", got, err, authv1.ErrBadToken)
	got, err = w.authenticate(t, plik.Token, authv1.TokenPlik)
	want(t, "an upload token", got, err, authv1.ErrBadToken)
	old, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: Password})
	want(t, "the old password", old, err, authv1.ErrBadCredentials)
	if _, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: other}); err != nil {
		t.Errorf("the new password: %v", err)
	}
	// Somebody else's passwords are somebody else's business.
	e, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: w.identity("ext"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.UpdateUser(t.Context(), authv1.UpdateUserRequest{Actor: actor(e.Account), AccountID: e.Account.ID, Password: other}); err != nil {
		t.Fatal(err)
	}
	none, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: e.Account.Username, Password: other})
	want(t, "a password of an external account", none, err, authv1.ErrBadCredentials)
	if _, err := w.authenticate(t, e.Token, ""); err != nil {
		t.Errorf("its session: %v", err)
	}
}

func deleteUser(t *testing.T, w world) {
	root, alice, bob := w.admin(t), w.create(t, "alice"), w.create(t, "bob")
	k := w.key(t, alice.Account.ID)
	for what, c := range map[string]struct {
		r   authv1.DeleteUserRequest
		err *fault.Error
	}{
		"another":           {authv1.DeleteUserRequest{Actor: actor(bob.Account), AccountID: alice.Account.ID}, authv1.ErrNotAdmin},
		"another, dry":      {authv1.DeleteUserRequest{Actor: actor(bob.Account), AccountID: alice.Account.ID, DryRun: true}, authv1.ErrNotAdmin},
		"no actor":          {authv1.DeleteUserRequest{Actor: authv1.Principal{Admin: true, System: true}, AccountID: alice.Account.ID}, authv1.ErrNotAdmin},
		"unknown by nobody": {authv1.DeleteUserRequest{Actor: actor(bob.Account), AccountID: "acc_none"}, authv1.ErrNotAdmin},
		"unknown":           {authv1.DeleteUserRequest{Actor: actor(root), AccountID: "acc_none"}, authv1.ErrAccountNotFound},
		"none":              {authv1.DeleteUserRequest{Actor: actor(root)}, authv1.ErrAccountNotFound},
	} {
		got, err := w.svc.DeleteUser(t.Context(), c.r)
		want(t, what, got, err, c.err)
	}
	byAdmin, byItself := authv1.DeleteUserRequest{Actor: actor(root), AccountID: alice.Account.ID}, authv1.DeleteUserRequest{Actor: actor(bob.Account), AccountID: bob.Account.ID}
	for _, r := range []authv1.DeleteUserRequest{byAdmin, byItself} {
		r.DryRun = true
		if _, err := w.svc.DeleteUser(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.authenticate(t, alice.Token, ""); err != nil {
		t.Fatalf("a dry run does something: %v", err)
	}
	for _, r := range []authv1.DeleteUserRequest{byAdmin, byItself} {
		if _, err := w.svc.DeleteUser(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got, err := w.svc.DeleteUser(t.Context(), r)
		want(t, "again", got, err, authv1.ErrAccountNotFound)
	}
	for _, s := range []authv1.Session{alice, bob} {
		got, err := w.authenticate(t, s.Token, "")
		want(t, "token", got, err, authv1.ErrBadToken)
		id := s.Account.Identity
		a, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Identity: &id})
		want(t, "by identity", a, err, authv1.ErrAccountNotFound)
	}
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("an access key: %v", err)
	}
	w.create(t, "alice") // the names are free
	// An identity comes back as another account.
	r := authv1.EnterRequest{Identity: w.identity("ext"), Create: true}
	before, err := w.svc.Enter(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.DeleteUser(t.Context(), authv1.DeleteUserRequest{Actor: actor(before.Account), AccountID: before.Account.ID}); err != nil {
		t.Fatal(err)
	}
	if after, err := w.svc.Enter(t.Context(), r); err != nil || after.Account.ID == before.Account.ID {
		t.Errorf("%+v, %v", after, err)
	}
}

func listUsers(t *testing.T, w world) {
	root := w.admin(t)
	alice := w.create(t, "alice").Account
	for _, a := range []authv1.Principal{actor(alice), {}, {Admin: true, System: true}, {AccountID: "acc_none", Admin: true}} {
		got, err := w.svc.ListUsers(t.Context(), authv1.ListUsersRequest{Actor: a})
		want(t, "no administrator", got, err, authv1.ErrNotAdmin)
	}
	got, err := w.svc.ListUsers(t.Context(), authv1.ListUsersRequest{Actor: actor(root), Page: paging.Request{After: "x"}})
	want(t, "bad cursor", got, err, paging.ErrBadCursor)
	e, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: w.identity("ext"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	// Others are made and end meanwhile: only those of this test are sure to be there.
	for _, ascending := range []bool{false, true} {
		seen := map[string]int{}
		r := authv1.ListUsersRequest{Actor: actor(root), Page: paging.Request{Limit: 3, Ascending: ascending}}
		var last time.Time
		for n := 0; n == 0 || r.Page.After != ""; n++ {
			p, err := w.svc.ListUsers(t.Context(), r)
			if err != nil || len(p.Accounts) > 3 || p.Place.Total < 3 || n == 0 && p.Place.Before != "" {
				t.Fatalf("%+v, %v", p, err)
			}
			for _, a := range p.Accounts {
				seen[a.ID]++
				if !last.IsZero() && !a.CreatedAt.Equal(last) && a.CreatedAt.After(last) != ascending {
					t.Errorf("the order, ascending %t: %s behind %s", ascending, a.CreatedAt, last)
				}
				last = a.CreatedAt
				if a.ID == e.Account.ID && a != e.Account {
					t.Errorf("%+v, want %+v", a, e.Account)
				}
			}
			r.Page.After = p.Place.After
		}
		for _, a := range []authv1.Account{root, alice, e.Account} {
			if seen[a.ID] != 1 {
				t.Errorf("%s was listed %d times, ascending %t", a.Username, seen[a.ID], ascending)
			}
		}
	}
}
