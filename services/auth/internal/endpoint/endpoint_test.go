package endpoint_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
	"github.com/sluicehq/sluice/services/auth/internal/endpoint"
	"github.com/sluicehq/sluice/services/auth/internal/store"
)

// relay stands in for the bus: it counts flushes, and can be away.
type relay struct {
	mu      sync.Mutex
	away    bool
	flushed []string
}

func (r *relay) Flush(_ context.Context, _, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return errors.New("no PubAck")
	}
	r.flushed = append(r.flushed, id)
	return nil
}

func (r *relay) set(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type world struct {
	svc    authv1.Service
	domain *domain.Service
	db     docstore.DB
	store  *store.Store
	faults *faults
	relay  *relay
	master *keys.Master
}

// signUps is how many accounts one address may make at once.
const signUps = 20

func config() domain.Config {
	return domain.Config{
		TokenTTL: time.Hour, TokenRate: 1, TokenBurst: 20, LoginFailures: 10, LoginFailuresPerAddress: 50,
		Hash:    password.Config{MemoryKiB: 64, Passes: 1, AtOnce: 2},
		SignUps: signUps, DefaultPlan: "standard", Plans: map[string]domain.Limits{
			"standard": {StorageBytes: 100e9, ObjectBytes: 100e9}, "gold": {StorageBytes: 1e12, ObjectBytes: 5e11, ContainersPerDay: 7, Links: 9},
		},
	}
}

func open(t *testing.T, now func() time.Time) world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "auth.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := world{db: db, relay: &relay{}, master: keystest.Master(t), faults: &faults{}}
	w.store, err = store.Open(t.Context(), db, w.relay)
	if err != nil {
		t.Fatal(err)
	}
	return w.copy(t, now)
}

// copy is another copy of auth on the same store.
func (w world) copy(t *testing.T, now func() time.Time) world {
	t.Helper()
	var err error
	w.domain, err = domain.New(config(), domain.Deps{
		Accounts: &accounts{w.store.Accounts, w.faults}, Tokens: &tokens{w.store.Tokens, w.faults}, Keys: &accessKeys{w.store.Keys, w.faults},
		Vault: store.NewVault(w.master), Clock: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.svc = endpoint.New(w.domain)
	return w
}

func TestContract_Straight(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	authv1test.Run(t, func(*testing.T) authv1.Service { return w.svc })
}

func (w world) alice(t *testing.T) authv1.Session {
	t.Helper()
	s, err := w.svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: "alice", Email: "alice@example.com", Password: authv1test.Password})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w world) key(t *testing.T, account string, expires *time.Time) authv1.AccessKeyWithSecret {
	t.Helper()
	k, err := w.svc.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{
		AccountID: account, Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}, ExpiresAt: expires,
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (w world) claims(t *testing.T, k authv1.AccessKeyWithSecret) (authv1.TokenClaims, authv1.AccessToken) {
	t.Helper()
	tok, err := w.svc.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: k.ID, Secret: k.Secret})
	if err != nil {
		t.Fatal(err)
	}
	var c authv1.TokenClaims
	if err := w.master.Token(authv1.PurposeAccessToken, authv1.TokenPrefix).Parse(tok.Token, &c); err != nil {
		t.Fatal(err)
	}
	return c, tok
}

func TestMint_Claims(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)}
	w := open(t, c.now)
	a := w.alice(t).Account
	at := c.now().Unix()
	k := w.key(t, a.ID, nil)
	got, tok := w.claims(t, k)
	if got != (authv1.TokenClaims{KeyID: k.ID, AccountID: a.ID, IssuedAt: at, ExpiresAt: at + 3600}) || tok.ExpiresAt.Unix() != at+3600 {
		t.Errorf("%+v, %+v", got, tok)
	}
	end := c.now().Add(10 * time.Minute)
	k = w.key(t, a.ID, &end)
	if got, _ = w.claims(t, k); got.ExpiresAt != end.Unix() {
		t.Errorf("a token outlives its key: %+v", got)
	}
	c.move(10*time.Minute - time.Millisecond)
	w.claims(t, k)
	c.move(time.Millisecond)
	if _, err := w.svc.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: k.ID, Secret: k.Secret}); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("an expired key: %v", err)
	}
	if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || st.Key.Active {
		t.Errorf("an expired key: %+v, %v", st, err)
	}
}

func TestDisable_EndsTokensOfTheSameSecond(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 1e6, time.UTC)}
	w := open(t, c.now)
	a := w.alice(t).Account
	k := w.key(t, a.ID, nil)
	before, _ := w.claims(t, k)
	for _, disabled := range []bool{true, false} {
		if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: a.ID, Disabled: disabled}); err != nil {
			t.Fatal(err)
		}
	}
	st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID})
	if err != nil || !time.Unix(before.IssuedAt, 0).Before(st.Account.NotBefore) || st.Account.NotBefore.Nanosecond() != 0 {
		t.Errorf("token of %d, not before %s, %v", before.IssuedAt, st.Account.NotBefore, err)
	}
	if after, _ := w.claims(t, k); time.Unix(after.IssuedAt, 0).Before(st.Account.NotBefore) {
		t.Errorf("a token made after enabling is dead: %d, not before %s", after.IssuedAt, st.Account.NotBefore)
	}
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: authv1test.Password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: l.Token}); err != nil {
		t.Error(err)
	}
}

func TestRevocation_UnannouncedIsUnavailableButDone(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	k, other := w.key(t, s.Account.ID, nil), w.key(t, s.Account.ID, nil)
	w.relay.set(true)
	revoke := authv1.RevokeAccessKeyRequest{AccountID: s.Account.ID, KeyID: k.ID}
	if _, err := w.svc.RevokeAccessKey(t.Context(), revoke); fault.KindOf(err) != fault.Unavailable || fault.From(err).RetryAfter == 0 {
		t.Errorf("revoke: %v", err)
	}
	if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || st.Key.Active {
		t.Errorf("the key is not revoked: %+v, %v", st, err)
	}
	disable := authv1.SetAccountDisabledRequest{AccountID: s.Account.ID, Disabled: true}
	if _, err := w.svc.SetAccountDisabled(t.Context(), disable); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("disable: %v", err)
	}
	if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: other.ID}); err != nil || st.Account.Active {
		t.Errorf("the account is not disabled: %+v, %v", st, err)
	}
	// What waits is in the documents, for the relay: states of both, oldest first.
	pending, err := w.db.PendingOutbox(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	subjects := map[string]int{}
	for _, p := range pending {
		for _, m := range p.Messages {
			subjects[m.Subject]++
		}
	}
	if subjects["$KV.authstate.key."+k.ID] != 2 || subjects["$KV.authstate.account."+s.Account.ID] != 2 || subjects["$KV.authstate.key."+other.ID] != 1 {
		t.Errorf("%v", subjects)
	}
	w.relay.set(false)
	if _, err := w.svc.RevokeAccessKey(t.Context(), revoke); err != nil {
		t.Errorf("the second try: %v", err)
	}
	if _, err := w.svc.SetAccountDisabled(t.Context(), disable); err != nil {
		t.Errorf("the second try: %v", err)
	}
	if len(w.relay.flushed) != 2 {
		t.Errorf("flushed %v", w.relay.flushed)
	}
}

func TestLogin_ThrottledPerAddress(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	w.alice(t)
	login := func(name, password, source string) error {
		_, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: name, Password: password, Source: source})
		return err
	}
	for i := range 50 { // another name each time: only the address tells
		if err := login(strings.Repeat("x", i+1), "wrong password", "198.51.100.7:1234"); !errors.Is(err, authv1.ErrBadCredentials) {
			t.Fatal(err)
		}
	}
	if err := login("alice", authv1test.Password, "198.51.100.7:9"); !errors.Is(err, authv1.ErrThrottled) {
		t.Errorf("same address, other port: %v", err)
	}
	for range 60 { // right passwords are not counted
		if err := login("alice", authv1test.Password, "198.51.100.8"); err != nil {
			t.Fatal(err)
		}
	}
	c.move(time.Second)
	if err := login("alice", authv1test.Password, "198.51.100.7"); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestLogin_ThrottleEnds(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w := open(t, c.now)
	w.alice(t)
	var err error
	for !errors.Is(err, authv1.ErrThrottled) {
		_, err = w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "alice", Password: "wrong password"})
	}
	c.move(fault.From(err).RetryAfter)
	if _, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "ALICE", Password: authv1test.Password}); err != nil {
		t.Errorf("after the time told: %v", err)
	}
}

func TestAccessKeys_Bound(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	oldest := w.key(t, a.ID, nil)
	var last authv1.AccessKeyWithSecret
	for range 255 {
		last = w.key(t, a.ID, nil)
	}
	r := authv1.CreateAccessKeyRequest{AccountID: a.ID, Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}}
	if _, err := w.svc.CreateAccessKey(t.Context(), r); !errors.Is(err, authv1.ErrTooManyKeys) {
		t.Fatalf("the 257th key: %v", err)
	}
	if _, err := w.svc.RevokeAccessKey(t.Context(), authv1.RevokeAccessKeyRequest{AccountID: a.ID, KeyID: oldest.ID}); err != nil {
		t.Fatal(err)
	}
	w.key(t, a.ID, nil)
	l, err := w.svc.ListAccessKeys(t.Context(), authv1.ListAccessKeysRequest{AccountID: a.ID})
	if err != nil || len(l.Keys) != 256 {
		t.Fatalf("%d keys, %v", len(l.Keys), err)
	}
	for _, k := range l.Keys {
		if k.ID == oldest.ID {
			t.Error("the revoked key is still there")
		}
	}
	if _, err := w.svc.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: last.ID, Secret: last.Secret}); err != nil {
		t.Error(err)
	}
}

func TestMasterRotation_KeepsCredentials(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	k := w.key(t, s.Account.ID, nil)
	if _, err := w.master.Rotate(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil {
		t.Errorf("an account token from before: %v", err)
	}
	w.claims(t, k)
}

func TestSecrets_NotInTheStore(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	s := w.alice(t)
	k := w.key(t, s.Account.ID, nil)
	pending, err := w.db.PendingOutbox(t.Context(), 10)
	if err != nil || len(pending) != 2 {
		t.Fatal(pending, err)
	}
	for _, p := range pending {
		for _, m := range p.Messages {
			for _, secret := range []string{s.Token, k.Secret, "argon2id", "alice@example.com"} {
				if strings.Contains(string(m.Data), secret) {
					t.Errorf("a state tells %q", secret)
				}
			}
		}
	}
}

func TestEnsureAdmin_OnceForAll(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := []string{}
	for _, password := range []string{"password-1", "password-2", "password-3", "password-4"} {
		wg.Go(func() {
			created, err := w.domain.EnsureAdmin(t.Context(), "admin", password)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			} else if created {
				made = append(made, password)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("made by %v", made)
	}
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: "admin", Password: made[0]})
	if err != nil || !l.Account.Admin {
		t.Fatalf("%+v, %v", l, err)
	}
	if again, err := w.domain.EnsureAdmin(t.Context(), "admin", "other password"); again || err != nil {
		t.Fatal(again, err)
	}
}
