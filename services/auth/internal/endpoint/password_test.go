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
)

const newPassword = "battery horse correct"

func (w world) basic(t *testing.T, name, password, source string) error {
	t.Helper()
	_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: name, Password: password, Source: source})
	return err
}

func TestAuthenticate_RemembersForAMinute(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	w.alice(t)
	checks := func(n int, what string, f func() error) {
		t.Helper()
		before := w.faults.named()
		if err := f(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := w.faults.named() - before; got != n {
			t.Errorf("%s: %d passwords were hashed, want %d", what, got, n)
		}
	}
	right := func() error { return w.basic(t, "alice", authv1test.Password, "192.0.2.1") }
	checks(1, "first", right)
	for range 200 {
		checks(0, "again", right)
	}
	checks(1, "from another address", func() error { return w.basic(t, "alice", authv1test.Password, "192.0.2.2") })
	checks(1, "by e-mail", func() error { return w.basic(t, "alice@example.com", authv1test.Password, "192.0.2.1") })
	checks(0, "in another case", func() error { return w.basic(t, "ALICE", authv1test.Password, "192.0.2.1:99") })
	c.move(time.Minute - time.Millisecond)
	checks(0, "within the minute", right)
	c.move(time.Millisecond)
	checks(1, "after a minute", right)
}

func TestAuthenticate_ManyAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	w.alice(t)
	before := w.faults.named()
	var wg sync.WaitGroup
	for range 100 { // more than the throttles let pass
		wg.Go(func() {
			if err := w.basic(t, "alice", authv1test.Password, "192.0.2.1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.faults.named() - before; n > 10 {
		t.Errorf("%d hashes for one password", n)
	}
}

func TestAuthenticate_MemoIsNoWayAroundTheThrottle(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	w.alice(t)
	if err := w.basic(t, "alice", authv1test.Password, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		err := w.basic(t, "alice", fmt.Sprintf("a guess %d", i), "198.51.100.7")
		if i < 10 && !errors.Is(err, authv1.ErrBadCredentials) || i >= 10 && !errors.Is(err, authv1.ErrThrottled) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if err := w.basic(t, "alice", authv1test.Password, "198.51.100.7"); !errors.Is(err, authv1.ErrThrottled) {
		t.Errorf("the right guess of a throttled name: %v", err)
	}
	if err := w.basic(t, "alice", authv1test.Password, "192.0.2.1"); err != nil {
		t.Errorf("strangers lock out who was let in before: %v", err)
	}
	// Guesses from the owner's own address are bounded by the address.
	var err error
	for i := 0; i < 60 && !errors.Is(err, authv1.ErrThrottled); i++ {
		err = w.basic(t, fmt.Sprintf("name%d", i), "a guess", "192.0.2.1")
	}
	if err := w.basic(t, "alice", authv1test.Password, "192.0.2.1"); !errors.Is(err, authv1.ErrThrottled) {
		t.Errorf("a throttled address can guess what is remembered: %v", err)
	}
}

func TestAuthenticate_DisablingEndsWhatIsRemembered(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	if err := w.basic(t, "alice", authv1test.Password, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: a.ID, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.basic(t, "alice", authv1test.Password, ""); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("a disabled account: %v", err)
	}
}

func TestChangePassword_OneOfTwo(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: a.ID, Current: authv1test.Password, New: fmt.Sprintf("new password %d", i)})
		})
	}
	wg.Wait()
	done := 0
	for i, err := range errs {
		holds := w.basic(t, "alice", fmt.Sprintf("new password %d", i), "192.0.2.1") == nil
		if holds != (err == nil) {
			t.Errorf("%d: %v, holds: %v", i, err, holds)
		}
		if err == nil {
			done++
		} else if !errors.Is(err, authv1.ErrBadCredentials) {
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d changes of the same password", done)
	}
}

func TestChangePassword_EndsALoginUnderWay(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	w.faults.onToken = func() { // the password was checked, its token is not there yet
		w.faults.onToken = nil
		if _, err := w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: a.ID, Current: authv1test.Password, New: newPassword}); err != nil {
			t.Error(err)
		}
	}
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: l.Token}); !errors.Is(err, authv1.ErrBadToken) {
		t.Errorf("a token for the old password: %v", err)
	}
}

func TestChangePassword_BrokenOff(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		w := open(t, time.Now)
		s := w.alice(t)
		l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password})
		if err != nil {
			t.Fatal(err)
		}
		w.faults.after(n)
		_, err = w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: authv1test.Password, New: newPassword, Keep: l.Token})
		w.faults.after(-1)
		changed := w.basic(t, "alice", newPassword, "192.0.2.1") == nil
		if changed != (n > 0) || (err == nil) != changed || w.basic(t, "alice", authv1test.Password, "192.0.2.2") == nil == changed {
			t.Errorf("after %d writes: %v, changed: %v", n, err, changed)
		}
		for token, holds := range map[string]bool{s.Token: !changed, l.Token: true} {
			if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token}); (err == nil) != holds {
				t.Errorf("after %d writes: %v, want a token that holds: %v", n, err, holds)
			}
		}
	}
}

func TestSignUps_ThrottledPerAddress(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	signUp := func(i int, source string) error {
		_, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{
			Username: fmt.Sprintf("name-%d", i), Email: fmt.Sprintf("n%d@example.com", i), Password: authv1test.Password, Source: source,
		})
		return err
	}
	if err := signUp(1, ""); err != nil {
		t.Fatal(err)
	}
	for range signUps { // also those that are refused, after the form
		if err := signUp(1, "192.0.2.1:1"); !errors.Is(err, authv1.ErrUsernameTaken) {
			t.Fatal(err)
		}
	}
	if err := signUp(2, "192.0.2.1:2"); !errors.Is(err, authv1.ErrThrottled) || fault.From(err).RetryAfter > time.Hour/signUps+time.Second {
		t.Errorf("one more: %v, after %s", err, fault.From(err).RetryAfter)
	}
	for i, source := range []string{"192.0.2.2", ""} {
		if err := signUp(3+i, source); err != nil {
			t.Errorf("from %q: %v", source, err)
		}
	}
	c.move(time.Hour / signUps)
	if err := signUp(5, "192.0.2.1"); err != nil {
		t.Errorf("later: %v", err)
	}
}
