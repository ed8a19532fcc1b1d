package endpoint_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/pkg/fault"
)

func (w world) remove(t *testing.T, account string) error {
	t.Helper()
	_, err := w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: account, Password: authv1test.Password})
	return err
}

// gone asserts that nothing of an account is left.
func (w world) gone(t *testing.T, what, account string) {
	t.Helper()
	keys, err := w.store.Keys.List(t.Context(), account)
	if err != nil || len(keys) > 0 {
		t.Errorf("%s: %d keys are left, %v", what, len(keys), err)
	}
	if n, err := w.store.Tokens.Count(t.Context(), account); err != nil || n > 0 {
		t.Errorf("%s: %d tokens are left, %v", what, n, err)
	}
	if a, err := w.store.Accounts.Get(t.Context(), account); err == nil {
		t.Errorf("%s: the account is left: %+v", what, a)
	}
}

func TestDelete_BrokenOffAtEveryWrite(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		w := open(t, time.Now)
		s := w.alice(t)
		k, _ := w.key(t, s.Account.ID, nil), w.key(t, s.Account.ID, nil)
		pair := w.pair(t, s.Account.ID)
		hosting := w.exchange(t, pair)
		w.faults.after(n)
		err := w.remove(t, s.Account.ID)
		w.faults.after(-1)
		if n == 0 {
			if err == nil || !w.holds(t, s.Token) {
				t.Errorf("not begun: %v", err)
			}
			continue
		}
		// Once it has begun, nothing holds any more, whatever is left.
		if w.holds(t, s.Token) || w.use(t, hosting) || w.exchange(t, pair) != "" || w.basic(t, "alice", authv1test.Password, "192.0.2.1") == nil {
			t.Errorf("after %d writes: a credential holds", n)
		}
		if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || st.Found && st.Account.Active {
			t.Errorf("after %d writes: %+v, %v", n, st, err)
		}
		if err == nil {
			w.gone(t, "done", s.Account.ID)
			if n < 9 {
				t.Errorf("done after %d writes: does the test see all of them?", n)
			}
			return
		}
		switch n % 3 { // the owner, the operator, or the sweep
		case 0:
			err = w.remove(t, s.Account.ID)
		case 1:
			_, err = w.svc.DeleteAccount(t.Context(), authv1.DeleteAccountRequest{AccountID: s.Account.ID, Operator: true})
		default:
			err = w.domain.Sweep(t.Context())
		}
		if err != nil {
			t.Errorf("after %d writes, the second try: %v", n, err)
		}
		w.gone(t, "second try", s.Account.ID)
		w.alice(t) // the names are free
	}
}

func TestDelete_WaitsForTheEdges(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	w.key(t, s.Account.ID, nil)
	w.relay.set(true)
	if err := w.remove(t, s.Account.ID); fault.KindOf(err) != fault.Unavailable || fault.From(err).RetryAfter == 0 {
		t.Errorf("without the bus: %v", err)
	}
	if err := w.domain.Sweep(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the sweep: %v", err)
	}
	if _, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: "alice", Email: "b@example.com", Password: authv1test.Password}); !errors.Is(err, authv1.ErrUsernameTaken) {
		t.Errorf("the name is free before the edges can know: %v", err)
	}
	w.relay.set(false)
	if err := w.domain.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.gone(t, "swept", s.Account.ID)
	// What the edges are to hear is still there for the relay.
	pending, err := w.db.PendingOutbox(t.Context(), 10)
	if err != nil || len(pending) != 2 {
		t.Errorf("%d documents with states, %v", len(pending), err)
	}
}

func TestDelete_BesideItsOwnMakers(t *testing.T) {
	t.Parallel()
	for range 20 {
		w := open(t, time.Now)
		s := w.alice(t)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range 5 {
					_, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: s.Account.ID})
					if err != nil && !errors.Is(err, authv1.ErrAccountNotFound) {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for range 2 {
					pair, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: s.Account.ID, Kind: authv1.TokenKeyPair})
					if err == nil {
						w.exchange(t, pair.Token)
					} else if !errors.Is(err, authv1.ErrAccountNotFound) {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for range 5 {
					_, err := w.svc.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: s.Account.ID, Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}})
					if err != nil && !errors.Is(err, authv1.ErrAccountNotFound) {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				if err := w.remove(t, s.Account.ID); err != nil && !errors.Is(err, authv1.ErrBadCredentials) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.gone(t, "beside makers", s.Account.ID)
	}
}

func TestSetAccount_Plan(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	k := w.key(t, s.Account.ID, nil)
	a, err := w.svc.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: s.Account.ID, Plan: "gold"})
	gold := authv1.Limits{StorageBytes: 1e12, ObjectBytes: 5e11, ContainersPerDay: 7, Links: 9}
	if err != nil || a.Plan != "gold" || a.Limits != gold || a.Region != "" {
		t.Errorf("%+v, %v", a, err)
	}
	if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || st.Account.Limits != gold {
		t.Errorf("%+v, %v", st, err)
	}
	if len(w.relay.flushed) != 1 || w.relay.flushed[0] != s.Account.ID {
		t.Errorf("the edges heard of %v", w.relay.flushed)
	}
	w.relay.set(true)
	if _, err := w.svc.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: s.Account.ID, Region: "eu"}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without the bus: %v", err)
	}
}
