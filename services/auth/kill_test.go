package auth_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/services/auth"
)

// The test binary is also the process that gets killed: with these variables
// set it runs auth and makes accounts and keys until it dies.
const (
	childDir = "SLUICE_TEST_AUTH_CHILD"
	childURL = "SLUICE_TEST_AUTH_NATS"
)

// acknowledged is what the child tells of each success, one JSON line each.
type acknowledged struct {
	Username, Token, AccountID string
	KeyID, Secret              string
	Revoked                    bool
	Password                   string // the last that was set
	Ended                      string // an account token that was revoked, or ended by the change of the password
	Upload                     string // an upload token; it ends with the password
	APIKey, EndedAPIKey        string // as Upload; the one that it took the place of
	Pair, EndedPair            string // as APIKey; a key pair
	Hosting, EndedHosting      string // given for them
	Number                     int64
	Entered                    string // the account that the name has at a provider
	Begun                      bool   // a change that is not acknowledged may have happened
	Deleted                    bool
}

func child(dir, url string) int {
	if err := createForever(dir, url); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 1
}

func createForever(dir, url string) error {
	ctx := context.Background()
	p, err := openPlatform(ctx, dir, url)
	if err != nil {
		return err
	}
	svc, err := auth.New(config(), p)
	if err == nil {
		err = svc.Start(ctx)
	}
	if err != nil {
		return err
	}
	go func() { _ = svc.Run(ctx) }()
	c := authv1.NewClient(p.Client)
	failed := make(chan error)
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				if err := createOne(ctx, c, fmt.Sprintf("u%d-%d-%d", os.Getpid(), g, i), i); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func createOne(ctx context.Context, c authv1.Service, name string, i int) error {
	s, err := c.CreateAccount(ctx, authv1.CreateAccountRequest{Username: name, Email: name + "@example.com", Password: authv1test.Password})
	if err != nil {
		return err
	}
	a := acknowledged{Username: name, Token: s.Token, AccountID: s.Account.ID, Password: authv1test.Password, Number: s.Account.Number}
	tell(a)
	e, err := c.Enter(ctx, authv1.EnterRequest{Identity: identity(name), Create: true})
	if err != nil {
		return err
	}
	u, err := c.CreateToken(ctx, authv1.CreateTokenRequest{AccountID: s.Account.ID, Kind: authv1.TokenPlik})
	if err != nil {
		return err
	}
	a.Entered, a.Upload = e.Account.ID, u.Token
	tell(a)
	for range 2 {
		rotated, err := c.RotateToken(ctx, authv1.RotateTokenRequest{AccountID: s.Account.ID, Kind: authv1.TokenAPIKey})
		if err != nil {
			return err
		}
		a.EndedAPIKey, a.APIKey = a.APIKey, rotated.Token
		pair, err := c.RotateToken(ctx, authv1.RotateTokenRequest{AccountID: s.Account.ID, Kind: authv1.TokenKeyPair})
		if err != nil {
			return err
		}
		l, err := c.Login(ctx, authv1.LoginRequest{Key1: pair.Token[:64], Key2: pair.Token[64:], Kind: authv1.TokenHosting})
		if err != nil {
			return err
		}
		a.EndedPair, a.Pair, a.EndedHosting, a.Hosting = a.Pair, pair.Token, a.Hosting, l.Token
	}
	tell(a)
	k, err := c.CreateAccessKey(ctx, authv1.CreateAccessKeyRequest{AccountID: s.Account.ID, Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}})
	if err != nil {
		return err
	}
	a.KeyID, a.Secret = k.ID, k.Secret
	tell(a)
	if i%2 == 1 {
		if _, err := c.RevokeAccessKey(ctx, authv1.RevokeAccessKeyRequest{AccountID: s.Account.ID, KeyID: k.ID}); err != nil {
			return err
		}
		a.Revoked = true
		tell(a)
	}
	return endSomething(ctx, c, a, i)
}

// endSomething changes the password, or revokes the first token, and deletes
// every third account.
func endSomething(ctx context.Context, c authv1.Service, a acknowledged, i int) error {
	made, err := c.CreateToken(ctx, authv1.CreateTokenRequest{AccountID: a.AccountID, Kind: authv1.TokenSession})
	if err != nil {
		return err
	}
	a.Begun = true
	tell(a)
	if i%2 == 0 {
		_, err = c.ChangePassword(ctx, authv1.ChangePasswordRequest{AccountID: a.AccountID, Current: a.Password, New: newPassword, Keep: made.Token})
		a.Password, a.Upload, a.APIKey, a.EndedAPIKey = newPassword, "", "", a.APIKey
		a.Pair, a.EndedPair, a.Hosting, a.EndedHosting = "", a.Pair, "", a.Hosting
	} else {
		_, err = c.RevokeToken(ctx, authv1.RevokeTokenRequest{Token: a.Token})
	}
	if err != nil {
		return err
	}
	a.Ended, a.Token, a.Begun = a.Token, made.Token, false
	tell(a)
	if i%3 != 0 {
		return nil
	}
	a.Begun = true
	tell(a)
	if _, err := c.DeleteAccount(ctx, authv1.DeleteAccountRequest{AccountID: a.AccountID, Password: a.Password}); err != nil {
		return err
	}
	a.Deleted = true
	tell(a)
	return nil
}

const newPassword = "battery horse correct"

func identity(name string) authv1.Identity {
	return authv1.Identity{Provider: authv1.ProviderOIDC, Login: name}
}

// tell writes one line in one write, so that a kill leaves none half.
func tell(a acknowledged) {
	b, _ := json.Marshal(a)
	_, _ = os.Stdout.Write(append(b, '\n'))
}

// killed runs the child, kills it at a random moment of its work, and gives the
// last that it acknowledged of each account.
func killed(t *testing.T, dir, url string) map[string]acknowledged {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childURL+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	got := map[string]acknowledged{}
	lines := bufio.NewScanner(out)
	after := 10 + rand.IntN(60)
	for n := 0; lines.Scan(); n++ {
		var a acknowledged
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		got[a.Username] = a
		if n >= after && len(got) >= 3 { // on one processor the first accounts may come far before the third
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil || len(got) < 3 {
		t.Fatalf("the child did not work until it was killed: %v, %d accounts", err, len(got))
	}
	return got
}

func TestKill_LeavesNothingHalf(t *testing.T) {
	t.Parallel()
	srv, dir := natstest.Start(t), t.TempDir()
	all := map[string]acknowledged{}
	for range 3 {
		for name, a := range killed(t, dir, srv.URL()) {
			all[name] = a
		}
	}
	_, p := start(t, srv, dir)
	svc, kv := client(t, srv), states(t, p.JS)
	alive := 0
	for _, a := range all {
		if checkAcknowledged(t, svc, a) {
			alive++
		}
	}
	// Every account in the store, acknowledged or not, is whole: it can be used,
	// and the bucket gets its state and those of its keys without anybody's help.
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	total, numbers := 0, map[int64]bool{}
	for after, more := "", true; more; {
		page, err := svc.ListAccounts(ctx, authv1.ListAccountsRequest{After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Accounts {
			after = a.Username
			if a.Number == 0 || numbers[a.Number] {
				t.Errorf("account %s has number %d", a.Username, a.Number)
			}
			numbers[a.Number] = true
			if a.Disabled { // its deletion broke off: the sweep of the start ends it
				until(ctx, t, "the end of account "+a.Username, func() bool {
					_, err := svc.CreateAccount(ctx, authv1.CreateAccountRequest{Username: a.Username, Email: a.Email, Password: authv1test.Password})
					st, _ := state[authv1.AccountState](ctx, t, kv, "account."+a.ID)
					return err == nil && !st.Active
				})
				continue
			}
			total++
			until(ctx, t, "state of account "+a.Username, func() bool {
				st, _ := state[authv1.AccountState](ctx, t, kv, "account."+a.ID)
				return st.Active && st.Username == a.Username
			})
			keys, err := svc.ListAccessKeys(ctx, authv1.ListAccessKeysRequest{AccountID: a.ID})
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range keys.Keys {
				doc, err := svc.KeyState(ctx, authv1.KeyStateRequest{KeyID: k.ID})
				if err != nil || !doc.Found {
					t.Fatal(doc, err)
				}
				until(ctx, t, "state of key "+k.ID, func() bool {
					st, _ := state[authv1.KeyState](ctx, t, kv, "key."+k.ID)
					return st.Revision == doc.Key.Revision && st.Active == doc.Key.Active
				})
			}
		}
		more = page.More
	}
	if total < alive {
		t.Errorf("%d accounts in the store, %d were acknowledged and not deleted", total, alive)
	}
}

// checkAcknowledged holds the store to what was acknowledged of an account, and
// reports whether the account must be there.
func checkAcknowledged(t *testing.T, svc authv1.Service, a acknowledged) bool {
	t.Helper()
	if a.Entered != "" {
		if e, err := svc.Enter(t.Context(), authv1.EnterRequest{Identity: identity(a.Username), Create: true}); err != nil || e.Account.ID != a.Entered {
			t.Errorf("acknowledged identity %s: %+v, %v, want %s", a.Username, e.Account, err, a.Entered)
		}
	}
	if a.Deleted {
		for what, r := range map[string]authv1.AuthenticateRequest{
			"token": {Token: a.Token}, "ended token": {Token: a.Ended}, "password": {Identifier: a.Username, Password: a.Password},
			"upload token": {Token: a.Upload, Kind: authv1.TokenPlik}, "API key": {Token: a.APIKey, Kind: authv1.TokenAPIKey},
			"hosting token": {Token: a.Hosting, Kind: authv1.TokenHosting},
		} {
			if got, err := svc.Authenticate(t.Context(), r); err == nil {
				t.Errorf("the %s of a deleted account stands for %+v", what, got)
			}
		}
		session(t, svc, a.Username) // the names are free
		return false
	}
	got, err := svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: a.Token})
	if a.Begun && errors.Is(err, authv1.ErrBadToken) {
		return false // the change was made, or the deletion began
	}
	if err != nil || got.Username != a.Username || got.ID != a.AccountID || got.Number != a.Number {
		t.Errorf("acknowledged account %s: %+v, %v", a.Username, got, err)
	}
	if _, err := svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: a.Ended}); !errors.Is(err, authv1.ErrBadToken) {
		t.Errorf("an ended token of %s: %v", a.Username, err)
	}
	if a.Upload != "" {
		if got, err := svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: a.Upload, Kind: authv1.TokenPlik}); err != nil || got.ID != a.AccountID {
			t.Errorf("acknowledged upload token of %s: %+v, %v", a.Username, got, err)
		}
	}
	if a.APIKey != "" {
		if got, err := svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: a.APIKey, Kind: authv1.TokenAPIKey}); err != nil || got.ID != a.AccountID {
			t.Errorf("acknowledged API key of %s: %+v, %v", a.Username, got, err)
		}
	}
	if _, err := svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: a.EndedAPIKey, Kind: authv1.TokenAPIKey}); !errors.Is(err, authv1.ErrBadToken) {
		t.Errorf("an ended API key of %s: %v", a.Username, err)
	}
	checkPair(t, svc, a)
	if a.KeyID != "" {
		_, err := svc.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: a.KeyID, Secret: a.Secret})
		// A revocation may have been written without having been acknowledged.
		if a.Revoked && !errors.Is(err, authv1.ErrBadCredentials) || err != nil && !errors.Is(err, authv1.ErrBadCredentials) {
			t.Errorf("acknowledged key of %s (revoked %v): %v", a.Username, a.Revoked, err)
		}
	}
	return true
}

// checkPair holds the store to what was acknowledged of an account's key pair and
// of the tokens that were given for it.
func checkPair(t *testing.T, svc authv1.Service, a acknowledged) {
	t.Helper()
	for _, c := range []struct {
		pair, token string
		holds       bool
	}{{a.Pair, a.Hosting, true}, {a.EndedPair, a.EndedHosting, false}} {
		if c.pair == "" {
			continue
		}
		l, err := svc.Login(t.Context(), authv1.LoginRequest{Key1: c.pair[:64], Key2: c.pair[64:], Kind: authv1.TokenHosting})
		if (err == nil) != c.holds || c.holds && l.Account.Number != a.Number {
			t.Errorf("a key pair of %s, which should hold %t: %+v, %v", a.Username, c.holds, l.Account, err)
		}
		got, err := svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: c.token, Kind: authv1.TokenHosting})
		if (err == nil) != c.holds || c.holds && got.ID != a.AccountID {
			t.Errorf("a hosting token of %s, which should hold %t: %+v, %v", a.Username, c.holds, got, err)
		}
	}
}

func until(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
