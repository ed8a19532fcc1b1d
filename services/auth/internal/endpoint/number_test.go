package endpoint_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

// old makes accounts as they were before there were numbers.
func (w world) old(t *testing.T, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		s, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{
			Username: fmt.Sprintf("old-%d", i), Email: fmt.Sprintf("old-%d@example.com", i), Password: authv1test.Password,
		})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = s.Account.ID
		w.forget(t, ids[i])
	}
	return ids
}

// forget takes an account's number away.
func (w world) forget(t *testing.T, id string) {
	t.Helper()
	if _, err := w.store.Accounts.Update(t.Context(), id, func(a *domain.Account) bool { a.Number = 0; return true }); err != nil {
		t.Fatal(err)
	}
}

// number reads an account's number as it stands in the store.
func (w world) number(t *testing.T, id string) int64 {
	t.Helper()
	a, err := w.store.Accounts.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a.Number
}

func TestNumber_BeginsAtTheFirst(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	for i := range int64(3) {
		_, err := w.domain.EnsureAdmin(t.Context(), fmt.Sprintf("admin%d", i), authv1test.Password)
		if err != nil {
			t.Fatal(err)
		}
		a, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Number: authv1.FirstAccountNumber + i})
		if err != nil || a.Username != fmt.Sprintf("admin%d", i) {
			t.Errorf("%d: %+v, %v", i, a, err)
		}
	}
}

// TestNumber_OldAccountsGetTheirs reads accounts of before in every way.
func TestNumber_OldAccountsGetTheirs(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	ids := w.old(t, 5)
	first, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: ids[4]})
	if err != nil {
		t.Fatal(err)
	}
	w.forget(t, ids[4])
	for i, read := range []func() (authv1.Account, error){
		func() (authv1.Account, error) {
			return w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: ids[0]})
		},
		func() (authv1.Account, error) {
			return w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Username: "old-1"})
		},
		func() (authv1.Account, error) {
			return w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Identity: &authv1.Identity{Provider: authv1.ProviderLocal, Login: "old-2"}})
		},
		func() (authv1.Account, error) {
			s, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "old-3", Password: authv1test.Password})
			return s.Account, err
		},
		func() (authv1.Account, error) {
			a, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: first.Token})
			return a.Account, err
		},
	} {
		a, err := read()
		if err != nil || a.ID != ids[i] || a.Number == 0 || a.Number != w.number(t, ids[i]) {
			t.Errorf("%d: %+v, %v", i, a, err)
		}
		again, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Number: a.Number})
		if err != nil || again.ID != a.ID {
			t.Errorf("%d by its number: %+v, %v", i, again, err)
		}
	}
}

// TestNumber_SweepBrokenOff kills the sweep at every one of its writes: the next one
// goes on, and what has a number keeps it.
func TestNumber_SweepBrokenOff(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, func() time.Time { // of two accounts of one millisecond none is the older one
		c.move(time.Millisecond)
		return c.now()
	})
	ids := w.old(t, 4)
	before := map[string]int64{}
	for n := range 6 {
		w.faults.after(n)
		err := w.domain.Sweep(t.Context())
		w.faults.after(-1)
		if (err == nil) != (len(before) == len(ids)) && !errors.Is(err, errBroken) && err != nil {
			t.Errorf("after %d writes: %v", n, err)
		}
		seen := map[int64]bool{}
		for _, id := range ids {
			number := w.number(t, id)
			if old := before[id]; old != 0 && number != old || number != 0 && seen[number] {
				t.Errorf("after %d writes: %s has number %d, had %d", n, id, number, old)
			}
			if number != 0 {
				before[id], seen[number] = number, true
			}
		}
	}
	if len(before) != len(ids) {
		t.Errorf("numbered: %v of %v", before, ids)
	}
	for i := range ids[1:] {
		if before[ids[i]] >= before[ids[i+1]] {
			t.Errorf("the older account has the higher number: %v of %v", before, ids)
		}
	}
	w.forget(t, ids[0])
	if err := w.domain.Sweep(t.Context()); err != nil || w.number(t, ids[0]) != 0 {
		t.Errorf("the sweep looks through all accounts again: %v", err)
	}
}

// TestNumber_Race lets copies sweep while accounts are read: each gets one number,
// and keeps it.
func TestNumber_Race(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	ids := w.old(t, 20)
	var wg sync.WaitGroup
	var mu sync.Mutex
	told := map[string]int64{}
	for range 4 {
		wg.Go(func() {
			for _, id := range ids {
				a, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: id})
				mu.Lock()
				if err != nil || a.Number == 0 || told[id] != 0 && told[id] != a.Number {
					t.Errorf("%+v, %v, told before: %d", a, err, told[id])
				}
				told[id] = a.Number
				mu.Unlock()
			}
		})
	}
	wg.Go(func() {
		if err := w.domain.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	seen := map[int64]bool{}
	for _, id := range ids {
		n := w.number(t, id)
		if n != told[id] || seen[n] {
			t.Errorf("%s: %d, told %d", id, n, told[id])
		}
		seen[n] = true
	}
}

// TestNumber_StoreThatCannotWrite reads accounts all the same, but gives no token
// that would need the number.
func TestNumber_StoreThatCannotWrite(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	id := w.old(t, 1)[0]
	w.faults.after(0)
	a, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{ID: id})
	if err != nil || a.Number != 0 || a.ID != id {
		t.Errorf("%+v, %v", a, err)
	}
	r := authv1.LoginRequest{Identifier: "old-0", Password: authv1test.Password, Kind: authv1.TokenHosting}
	if s, err := w.svc.Login(t.Context(), r); fault.KindOf(err) != fault.Unavailable || s.Token != "" {
		t.Errorf("%+v, %v", s, err)
	}
	w.faults.after(-1)
	if s, err := w.svc.Login(t.Context(), r); err != nil || s.Account.Number == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestCreateAccount_BrokenOff loses a number at most.
func TestCreateAccount_BrokenOff(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	r := authv1.CreateAccountRequest{Username: "alice", Email: "alice@example.com", Password: authv1test.Password}
	for n := range 2 { // the number, the account
		w.faults.after(n)
		if _, err := w.svc.CreateAccount(t.Context(), r); err == nil {
			t.Errorf("after %d writes: made", n)
		}
		w.faults.after(-1)
		if _, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Username: "alice"}); !errors.Is(err, authv1.ErrAccountNotFound) {
			t.Errorf("after %d writes: %v", n, err)
		}
	}
	if a := w.alice(t).Account; a.Number != authv1.FirstAccountNumber+1 {
		t.Errorf("%+v", a)
	}
}

// TestAccounts_NumberIsUnique holds the store itself to it.
func TestAccounts_NumberIsUnique(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	_, err := w.store.Accounts.Insert(t.Context(), domain.Account{ID: "acc_2", Username: "bob", Number: a.Number})
	if !errors.Is(err, domain.ErrTaken) {
		t.Error(err)
	}
	for _, id := range []string{"acc_3", "acc_4"} { // none is no number
		if _, err := w.store.Accounts.Insert(t.Context(), domain.Account{ID: id, Username: id}); err != nil {
			t.Error(err)
		}
	}
}
