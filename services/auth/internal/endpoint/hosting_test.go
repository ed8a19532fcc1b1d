package endpoint_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)} }

func (w world) hosting(t *testing.T) string {
	t.Helper()
	s, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password, Kind: authv1.TokenHosting})
	if err != nil {
		t.Fatal(err)
	}
	return s.Token
}

// use reports whether a hosting token holds, which is a use of it.
func (w world) use(t *testing.T, token string) bool {
	t.Helper()
	_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenHosting})
	if err != nil && !errors.Is(err, authv1.ErrBadToken) {
		t.Error(err)
	}
	return err == nil
}

func (w world) documents(t *testing.T, account string) []domain.Token {
	t.Helper()
	all, err := w.store.Tokens.List(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestHosting_EndsAnHourAfterItsLastUse(t *testing.T) {
	t.Parallel()
	for what, steps := range map[string][]struct {
		wait  time.Duration
		holds bool
	}{
		"unused":                {{time.Hour, false}},
		"within the hour":       {{time.Hour - time.Millisecond, true}, {time.Hour - time.Millisecond, true}, {time.Hour, false}, {0, false}},
		"often":                 {{time.Minute, true}, {30 * time.Second, true}, {31 * time.Second, true}, {time.Hour - time.Millisecond, true}, {time.Hour, false}},
		"a use that is unnoted": {{59 * time.Second, true}, {time.Hour - 59*time.Second, false}},
		"after its end":         {{2 * time.Hour, false}, {0, false}},
		"the clock goes back":   {{-time.Hour, true}, {time.Hour, true}, {time.Hour, false}},
	} {
		c := newClock()
		w := open(t, c.now)
		w.alice(t)
		token := w.hosting(t)
		for i, s := range steps {
			c.move(s.wait)
			if w.use(t, token) != s.holds {
				t.Errorf("%s, step %d: it should hold: %t", what, i, s.holds)
			}
		}
	}
}

func TestHosting_AUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	w.alice(t)
	token := w.hosting(t)
	for range 120 { // two minutes
		c.move(time.Second)
		if !w.use(t, token) {
			t.Fatal("it does not hold")
		}
	}
	if n := w.faults.rewritten(); n != 2 {
		t.Errorf("%d writes in two minutes", n)
	}
	c.move(time.Minute)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if !w.use(t, token) {
				t.Error("it does not hold")
			}
		})
	}
	wg.Wait()
	if n := w.faults.rewritten(); n != 3 {
		t.Errorf("%d writes for uses at once", n-2)
	}
}

// TestHosting_CopiesSeeEachOthersUses has two copies on one store: one's use keeps
// the token alive for the other.
func TestHosting_CopiesSeeEachOthersUses(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	other := w.copy(t, c.now)
	w.alice(t)
	token := w.hosting(t)
	for i := range 6 {
		c.move(50 * time.Minute)
		if ![]world{w, other}[i%2].use(t, token) {
			t.Fatalf("use %d", i)
		}
	}
	if _, err := other.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{Token: token}); err != nil || w.use(t, token) {
		t.Errorf("a revocation by the other: %v", err)
	}
}

// TestHosting_AUseIsNoRevival lets uses and the end of the token come at once: what
// was revoked stays so, whatever was being noted.
func TestHosting_AUseIsNoRevival(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	w.alice(t)
	for range 10 {
		token := w.hosting(t)
		c.move(2 * time.Minute)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { w.use(t, token) })
		}
		wg.Go(func() {
			if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{Token: token}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if w.use(t, token) {
			t.Fatal("a revoked token holds")
		}
	}
}

func TestHosting_StoreThatCannotWrite(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	w.alice(t)
	token := w.hosting(t)
	c.move(30 * time.Minute)
	w.faults.after(0)
	if !w.use(t, token) {
		t.Error("a use that cannot be noted does not count")
	}
	w.faults.after(-1)
	c.move(30 * time.Minute)
	if w.use(t, token) {
		t.Error("the use was not noted, and the token holds")
	}
}

func TestHosting_Bound(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	a := w.alice(t)
	made := make([]string, 100)
	for i := range made {
		c.move(time.Second)
		made[i] = w.hosting(t)
	}
	c.move(time.Minute)
	if !w.use(t, made[0]) { // the oldest is not the longest unused any more
		t.Fatal("the first does not hold")
	}
	w.hosting(t)
	w.hosting(t)
	for i, token := range made {
		if w.use(t, token) != (i != 1 && i != 2) {
			t.Errorf("token %d", i)
		}
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: a.Token}); err != nil {
		t.Errorf("another kind made room: %v", err)
	}
	if n := len(w.documents(t, a.Account.ID)); n != 101 {
		t.Errorf("%d documents", n)
	}
}

func TestHosting_Sweep(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	a := w.alice(t)
	used, unused := w.hosting(t), w.hosting(t)
	c.move(30 * time.Minute)
	if !w.use(t, used) {
		t.Fatal("it does not hold")
	}
	for _, s := range []struct {
		wait time.Duration
		left int // and the token of the account
	}{{0, 2}, {30*time.Minute + time.Millisecond, 1}, {0, 1}, {30 * time.Minute, 0}} {
		c.move(s.wait)
		if err := w.domain.Sweep(t.Context()); err != nil || len(w.documents(t, a.Account.ID)) != s.left+1 {
			t.Errorf("%v after %s, want %d tokens: %+v", err, s.wait, s.left, w.documents(t, a.Account.ID))
		}
	}
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{Token: unused}); !errors.Is(err, authv1.ErrTokenNotFound) {
		t.Errorf("one that is swept: %v", err)
	}
}

func TestHosting_RevokedStaysForARepetition(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	w.alice(t)
	r := authv1.RevokeTokenRequest{Token: w.hosting(t)}
	for _, wait := range []time.Duration{0, 0, 9 * time.Minute} {
		c.move(wait)
		if err := w.domain.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.svc.RevokeToken(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
}

// TestHosting_LoginBrokenOff stops a log-in at each of its writes: without the token
// it fails, and without the note of it there is only no note.
func TestHosting_LoginBrokenOff(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		w := open(t, time.Now)
		a := w.alice(t).Account
		w.faults.after(n)
		s, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password, Kind: authv1.TokenHosting, Source: "192.0.2.1"})
		w.faults.after(-1)
		if (err == nil) != (n > 0) || w.use(t, s.Token) != (n > 0) {
			t.Errorf("after %d writes: %+v, %v", n, s, err)
		}
		doc, err := w.store.Accounts.Get(t.Context(), a.ID)
		if err != nil || (doc.LoginFrom == "192.0.2.1") != (n > 1) {
			t.Errorf("after %d writes: %+v, %v", n, doc, err)
		}
	}
}

func TestHosting_UnderAnotherMasterKey(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	p := w.pair(t, a.ID)
	byPassword, byKeys := w.hosting(t), w.exchange(t, p)
	if _, err := w.master.Rotate(); err != nil {
		t.Fatal(err)
	}
	if !w.use(t, byPassword) || !w.use(t, byKeys) || w.exchange(t, p) == "" {
		t.Error("they do not hold under another master key")
	}
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{Token: byPassword}); err != nil || w.use(t, byPassword) {
		t.Errorf("revoking it: %v", err)
	}
}

// pair makes a new key pair.
func (w world) pair(t *testing.T, account string) string {
	t.Helper()
	c, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: account, Kind: authv1.TokenKeyPair})
	if err != nil {
		t.Fatal(err)
	}
	return c.Token
}

// exchange gives a hosting token for a key pair; empty where that is wrong.
func (w world) exchange(t *testing.T, pair string) string {
	t.Helper()
	s, err := w.svc.Login(t.Context(), authv1.LoginRequest{Key1: pair[:64], Key2: pair[64:], Kind: authv1.TokenHosting})
	if err != nil && !errors.Is(err, authv1.ErrBadCredentials) && !errors.Is(err, authv1.ErrAccountNotFound) {
		t.Error(err)
	}
	return s.Token
}

// TestKeyPair_BrokenOff holds a rotation to one write, with what the pair gave.
func TestKeyPair_BrokenOff(t *testing.T) {
	t.Parallel()
	for n := range 2 {
		w := open(t, time.Now)
		a := w.alice(t).Account
		before := w.pair(t, a.ID)
		token := w.exchange(t, before)
		w.faults.after(n)
		made, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: a.ID, Kind: authv1.TokenKeyPair})
		w.faults.after(-1)
		if (err == nil) != (n > 0) || w.use(t, token) != (n == 0) || (w.exchange(t, before) != "") != (n == 0) || n > 0 && w.exchange(t, made.Token) == "" {
			t.Errorf("after %d writes: %v", n, err)
		}
	}
}

// TestKeyPair_RotatedDuringALogin ends the token of a log-in whose pair was right a
// moment ago.
func TestKeyPair_RotatedDuringALogin(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	before := w.pair(t, a.ID)
	w.faults.onToken = func() {
		w.faults.onToken = nil
		w.pair(t, a.ID)
	}
	if token := w.exchange(t, before); token == "" || w.use(t, token) {
		t.Errorf("%q holds", token)
	}
}

func TestKeyPair_ThrottledWithPasswords(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	p := w.pair(t, w.alice(t).Account.ID)
	login := func(key1, key2, source string) error {
		_, err := w.svc.Login(t.Context(), authv1.LoginRequest{Key1: key1, Key2: key2, Kind: authv1.TokenHosting, Source: source})
		return err
	}
	const addr = "198.51.100.7"
	for i := range 50 { // keys of every form count, and passwords do, too
		var err error
		switch i % 3 {
		case 0:
			err = login(p[:64], p[:64], addr)
		case 1:
			err = login("short", "", addr)
		default:
			_, err = w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "nobody" + string(rune('a'+i)), Password: "wrong password", Source: addr})
		}
		if !errors.Is(err, authv1.ErrBadCredentials) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if err := login(p[:64], p[64:], addr+":9"); !errors.Is(err, authv1.ErrThrottled) || fault.From(err).RetryAfter != time.Second {
		t.Errorf("one more: %v", err)
	}
	if _, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password, Source: addr}); !errors.Is(err, authv1.ErrThrottled) {
		t.Errorf("a password from there: %v", err)
	}
	for range 60 { // right ones are not counted
		if err := login(p[:64], p[64:], "198.51.100.8"); err != nil {
			t.Fatal(err)
		}
	}
	c.move(time.Second)
	if err := login(p[:64], p[64:], addr); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

// TestKeyPair_AStoreThatIsAwayIsNoWrongTry counts nothing that was no try.
func TestKeyPair_AStoreThatIsAwayIsNoWrongTry(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := open(t, c.now)
	p := w.pair(t, w.alice(t).Account.ID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := authv1.LoginRequest{Key1: p[:64], Key2: p[64:], Kind: authv1.TokenHosting, Source: "192.0.2.1"}
	for range 60 {
		if _, err := w.svc.Login(ctx, r); err == nil || errors.Is(err, authv1.ErrBadCredentials) || errors.Is(err, authv1.ErrThrottled) {
			t.Fatal(err)
		}
	}
	if _, err := w.svc.Login(t.Context(), r); err != nil {
		t.Error(err)
	}
}

// TestLogin_TellsTheEdgesNothing writes no state: a log-in changes none.
func TestLogin_TellsTheEdgesNothing(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	w.alice(t)
	messages := func() (n int) {
		pending, err := w.db.PendingOutbox(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pending {
			n += len(p.Messages)
		}
		return n
	}
	before := messages()
	for range 3 {
		w.hosting(t)
	}
	if after := messages(); after != before {
		t.Errorf("%d messages, %d before", after, before)
	}
}
