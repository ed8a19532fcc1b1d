package endpoint_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
	"github.com/sluicehq/sluice/services/auth/internal/endpoint"
	"github.com/sluicehq/sluice/services/auth/internal/store"
)

func (w world) root(t *testing.T) authv1.Account {
	t.Helper()
	s, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: "root", Email: "root@example.com", Password: authv1test.Password, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	return s.Account
}

func (w world) upload(t *testing.T, token string) error {
	t.Helper()
	_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenPlik})
	return err
}

var google = authv1.Identity{Provider: authv1.ProviderGoogle, Login: "alice@example.com"}

func TestUpdateUser_LastAdministrator(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	root, alice := w.root(t), w.alice(t).Account
	giveUp := authv1.UpdateUserRequest{Actor: authv1.Principal{AccountID: root.ID}, AccountID: root.ID}
	refused := func(what string) {
		t.Helper()
		if _, err := w.svc.UpdateUser(t.Context(), giveUp); !errors.Is(err, authv1.ErrLastAdmin) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("the only one")
	yes := true
	if _, err := w.svc.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: alice.ID, Admin: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: alice.ID, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	refused("the other is disabled")
	if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: alice.ID}); err != nil {
		t.Fatal(err)
	}
	if a, err := w.svc.UpdateUser(t.Context(), giveUp); err != nil || a.Admin {
		t.Errorf("one of two: %+v, %v", a, err)
	}
	if _, err := w.svc.UpdateUser(t.Context(), authv1.UpdateUserRequest{Actor: giveUp.Actor, AccountID: alice.ID}); !errors.Is(err, authv1.ErrNotAdmin) {
		t.Errorf("without its rights: %v", err)
	}
}

func TestUpdateUser_IsKnownToTheEdges(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	root, s := w.root(t), w.alice(t)
	k := w.key(t, s.Account.ID, nil)
	r := authv1.UpdateUserRequest{Actor: authv1.Principal{AccountID: root.ID}, AccountID: s.Account.ID, Admin: true}
	w.relay.set(true)
	if _, err := w.svc.UpdateUser(t.Context(), r); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without the bus: %v", err)
	}
	w.relay.set(false)
	if _, err := w.svc.UpdateUser(t.Context(), r); err != nil || len(w.relay.flushed) != 1 {
		t.Errorf("%v, flushed %v", err, w.relay.flushed)
	}
	if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || !st.Account.Admin {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestEnter_BrokenOffAtEveryWrite breaks it off between the account and its
// session: the next try finds the account.
func TestEnter_BrokenOffAtEveryWrite(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		w := open(t, time.Now)
		r := authv1.EnterRequest{Identity: google, Email: "alice@example.com", Create: true}
		w.faults.after(n)
		_, broken := w.svc.Enter(t.Context(), r)
		w.faults.after(-1)
		s, err := w.svc.Enter(t.Context(), r)
		if err != nil || !w.holds(t, s.Token) || s.Account.Email != r.Email || s.Account.Username != "alice" {
			t.Errorf("after %d writes: %+v, %v", n, s, err)
		}
		if all, _, err := w.store.Accounts.List(t.Context(), "", 10); err != nil || len(all) != 1 {
			t.Errorf("after %d writes: %d accounts, %v", n, len(all), err)
		}
		if broken == nil {
			if n != 3 {
				t.Errorf("%d writes: does the test see all of them?", n)
			}
			return
		}
	}
}

func TestDeleteUser_BrokenOffAtEveryWrite(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w := open(t, time.Now)
		root := w.root(t)
		s, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: google, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		made := w.token(t, s.Account.ID, authv1.TokenPlik)
		by := authv1.Principal{AccountID: []string{s.Account.ID, root.ID}[n%2]}
		w.faults.after(n)
		_, broken := w.svc.DeleteUser(t.Context(), authv1.DeleteUserRequest{Actor: by, AccountID: s.Account.ID})
		w.faults.after(-1)
		if w.holds(t, s.Token) || !errors.Is(w.upload(t, made.Token), authv1.ErrBadToken) {
			t.Errorf("after %d writes: a token holds", n)
		}
		if broken == nil {
			w.gone(t, "done", s.Account.ID)
			if n < 4 {
				t.Errorf("%d writes: does the test see all of them?", n)
			}
			return
		}
		// Until it is finished the identity is taken, and both who may delete it may go on.
		if _, err := w.store.Accounts.Get(t.Context(), s.Account.ID); err == nil {
			if _, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: google, Create: true}); fault.KindOf(err) != fault.Unavailable || fault.From(err).RetryAfter == 0 {
				t.Errorf("after %d writes: entering: %v", n, err)
			}
			if _, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: google}); !errors.Is(err, authv1.ErrAccountNotFound) {
				t.Errorf("after %d writes: entering without making: %v", n, err)
			}
			for _, dry := range []bool{true, false} {
				if _, err := w.svc.DeleteUser(t.Context(), authv1.DeleteUserRequest{Actor: by, AccountID: s.Account.ID, DryRun: dry}); err != nil {
					t.Errorf("after %d writes, the second try: %v", n, err)
				}
			}
		}
		w.gone(t, "second try", s.Account.ID)
		if p, err := w.svc.ListUsers(t.Context(), authv1.ListUsersRequest{Actor: authv1.Principal{AccountID: root.ID}}); err != nil || len(p.Accounts) != 1 || p.Place.Total != 1 {
			t.Errorf("%+v, %v", p, err)
		}
		if again, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: google, Create: true}); err != nil || again.Account.ID == s.Account.ID {
			t.Errorf("%+v, %v", again, err)
		}
	}
}

func TestUpdateUser_BrokenOffAtEveryWrite(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		w := open(t, time.Now)
		s := w.alice(t)
		made := w.token(t, s.Account.ID, authv1.TokenPlik)
		w.faults.after(n)
		_, err := w.svc.UpdateUser(t.Context(), authv1.UpdateUserRequest{
			Actor: authv1.Principal{AccountID: s.Account.ID}, AccountID: s.Account.ID, Name: "Alice", Password: "battery horse correct",
		})
		w.faults.after(-1)
		a, getErr := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: s.Account.ID})
		if getErr != nil {
			t.Fatal(getErr)
		}
		// Either all of it or nothing.
		changed := a.Name == "Alice"
		if w.holds(t, s.Token) == changed || (w.upload(t, made.Token) == nil) == changed || (w.basic(t, "alice", authv1test.Password, "") == nil) == changed || changed != (n > 0) {
			t.Errorf("after %d writes: %+v", n, a)
		}
		if err == nil {
			return
		}
	}
}

func TestUsername_OfAnIdentity(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	w.alice(t)
	names := map[string]bool{"alice": true}
	for i, id := range []authv1.Identity{google, {Provider: authv1.ProviderOVH, Login: "alice"}, {Provider: authv1.ProviderOIDC, Login: "Alice@other.example"}} {
		s, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: id, Email: "alice@example.com", Create: true})
		if err != nil || names[s.Account.Username] || !strings.HasPrefix(s.Account.Username, "alice-") || s.Account.Email != "" || domain.CheckUsername(s.Account.Username) != nil {
			t.Errorf("%d: %+v, %v", i, s.Account, err)
		}
		names[s.Account.Username] = true
	}
}

// TestAccounts_OfBeforeIdentities opens a store whose accounts know nothing of them.
func TestAccounts_OfBeforeIdentities(t *testing.T) {
	t.Parallel()
	type old struct {
		Username  string        `bson:"username"`
		Email     string        `bson:"email"`
		EmailKey  string        `bson:"emailKey,omitempty"`
		Password  string        `bson:"password"`
		Admin     bool          `bson:"admin"`
		Disabled  bool          `bson:"disabled"`
		Plan      string        `bson:"plan"`
		Limits    domain.Limits `bson:"limits"`
		NotBefore time.Time     `bson:"notBefore"`
		CreatedAt time.Time     `bson:"createdAt"`
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "auth.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c, err := docstore.Open[old](t.Context(), db, docstore.Spec{Name: "accounts", Indexes: []docstore.Index{{Name: "username", Fields: []string{"username"}, Unique: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"root", "alice"} {
		at := time.UnixMilli(int64(1e12 + i)).UTC()
		if _, err := c.Insert(t.Context(), "acc_"+name, old{Username: name, Email: name + "@example.com", EmailKey: name + "@example.com", Admin: name == "root", CreatedAt: at}); err != nil {
			t.Fatal(err)
		}
	}
	st, err := store.Open(t.Context(), db, &relay{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := domain.New(config(), domain.Deps{
		Accounts: st.Accounts, Tokens: st.Tokens, Keys: st.Keys, Vault: store.NewVault(keystest.Master(t)), Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	svc := endpoint.New(d)
	alice := authv1.Identity{Provider: authv1.ProviderLocal, Login: "alice"}
	if a, err := svc.GetAccount(t.Context(), authv1.GetAccountRequest{Identity: &alice}); err != nil || a.ID != "acc_alice" || a.Identity != alice || a.Plik != (authv1.PlikLimits{}) {
		t.Errorf("%+v, %v", a, err)
	}
	p, err := svc.ListUsers(t.Context(), authv1.ListUsersRequest{Actor: authv1.Principal{AccountID: "acc_root"}})
	if err != nil || len(p.Accounts) != 2 || p.Accounts[0].ID != "acc_alice" || p.Place.Total != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	r := authv1.UpdateUserRequest{Actor: authv1.Principal{AccountID: "acc_root"}, AccountID: "acc_root"}
	if _, err := svc.UpdateUser(t.Context(), r); !errors.Is(err, authv1.ErrLastAdmin) {
		t.Errorf("its administrator: %v", err)
	}
	r.Admin, r.Name = true, "Root"
	if a, err := svc.UpdateUser(t.Context(), r); err != nil || a.Name != "Root" || !a.Admin || a.Email != "" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestLists_FitIntoAMessage fills an account with the longest tokens, and the
// service with the longest names.
func TestLists_FitIntoAMessage(t *testing.T) {
	t.Parallel()
	const message = 1 << 20
	w := open(t, time.Now)
	root := w.root(t)
	made := map[string]bool{}
	long := strings.Repeat("<", authv1.MaxComment) // six bytes each in JSON
	for range 150 {
		c, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: root.ID, Kind: authv1.TokenPlik, Name: long})
		if err != nil {
			t.Fatal(err)
		}
		made[c.ID] = true
	}
	for r := (authv1.PageTokensRequest{AccountID: root.ID, Kind: authv1.TokenPlik, Page: paging.Request{Limit: paging.MaxLimit}}); ; {
		p, err := w.svc.PageTokens(t.Context(), r)
		if b, _ := json.Marshal(p); err != nil || len(b) > message || p.Place.Total != 150 {
			t.Fatalf("%d bytes, %+v, %v", len(b), p.Place, err)
		}
		for _, tok := range p.Tokens {
			delete(made, tok.ID)
		}
		if r.Page.After = p.Place.After; r.Page.After == "" {
			break
		}
	}
	if len(made) > 0 {
		t.Errorf("%d tokens are on no page", len(made))
	}
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: root.ID})
	if b, _ := json.Marshal(l); err != nil || len(b) > message || len(l.Tokens) < 100 {
		t.Errorf("%d bytes, %d tokens, %v", len(b), len(l.Tokens), err)
	}
	for i := range 300 {
		id := authv1.Identity{Provider: authv1.ProviderOIDC, Login: strings.Repeat("<", 250) + fmt.Sprint(i)}
		if _, err := w.svc.CreateUser(t.Context(), authv1.CreateUserRequest{Actor: authv1.Principal{AccountID: root.ID}, Identity: id, Name: strings.Repeat("&", 256)}); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for r := (authv1.ListUsersRequest{Actor: authv1.Principal{AccountID: root.ID}, Page: paging.Request{Limit: paging.MaxLimit}}); ; {
		p, err := w.svc.ListUsers(t.Context(), r)
		if b, _ := json.Marshal(p); err != nil || len(b) > message {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		total += len(p.Accounts)
		if r.Page.After = p.Place.After; r.Page.After == "" {
			break
		}
	}
	if total != 301 {
		t.Errorf("%d accounts on all pages", total)
	}
}
