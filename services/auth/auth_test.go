package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/auth/v1/authv1test"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/auth"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir, os.Getenv(childURL)))
	}
	goleak.VerifyTestMain(m)
}

func config() auth.Config {
	c := auth.Default()
	c.Security.HashMemory, c.Security.HashPasses, c.Security.TokenBurst = 8<<20, 1, 20
	c.AdminPassword = authv1test.Password
	return c
}

func openPlatform(ctx context.Context, dir, url string) (*platform.Platform, error) {
	s := platform.Default()
	s.DataDir, s.Durability, s.NATS.URL = dir, platform.Process, url
	return platform.Open(ctx, s, platform.Options{Service: auth.Name, Version: "test", Tel: telemetry.Nop(), Declared: streams.Declared(1), Declare: true})
}

// start runs a copy of auth on a data directory until the test ends.
func start(t *testing.T, srv *natsd.Server, dir string) (*auth.Service, *platform.Platform) {
	t.Helper()
	p, err := openPlatform(t.Context(), dir, srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	svc, err := auth.New(config(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- svc.Run(ctx) }()
	t.Cleanup(func() {
		err := stop(svc, p)
		cancel()
		if err := errors.Join(err, <-ran); err != nil {
			t.Error(err)
		}
	})
	return svc, p
}

// patience bounds what must happen; only failures take it.
const patience = time.Minute

func stop(svc *auth.Service, p *platform.Platform) error {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	return errors.Join(svc.Stop(ctx), p.Close(ctx))
}

func client(t *testing.T, srv *natsd.Server) authv1.Service {
	t.Helper()
	return authv1.NewClient(rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{}))
}

func TestContract_ThroughNATS(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	start(t, srv, t.TempDir())
	svc := client(t, srv)
	authv1test.Run(t, func(*testing.T) authv1.Service { return svc })
}

func session(t *testing.T, svc authv1.Service, name string) authv1.Session {
	t.Helper()
	s, err := svc.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: name, Email: name + "@example.com", Password: authv1test.Password})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newKey(t *testing.T, svc authv1.Service, account string) authv1.AccessKeyWithSecret {
	t.Helper()
	k, err := svc.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: account, Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func states(t *testing.T, js jetstream.JetStream) jetstream.KeyValue {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), authv1.KeyStateBucket)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// state reads a state; the zero value when it is not there.
func state[T any](ctx context.Context, t *testing.T, kv jetstream.KeyValue, name string) (T, uint64) {
	t.Helper()
	var out T
	e, err := kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return out, 0
	}
	if err == nil {
		err = json.Unmarshal(e.Value(), &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, e.Revision()
}

func TestRevocation_IsInTheBucketWhenAnswered(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	_, p := start(t, srv, t.TempDir())
	svc, kv := client(t, srv), states(t, p.JS)
	a := session(t, svc, "alice").Account
	k := newKey(t, svc, a.ID)
	if _, err := svc.RevokeAccessKey(t.Context(), authv1.RevokeAccessKeyRequest{AccountID: a.ID, KeyID: k.ID}); err != nil {
		t.Fatal(err)
	}
	ks, _ := state[authv1.KeyState](t.Context(), t, kv, "key."+k.ID)
	asked, err := svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID})
	if err != nil || ks.Active || ks.KeyID != k.ID || ks.AccountID != a.ID || ks.Revision != asked.Key.Revision {
		t.Errorf("in the bucket %+v, in the document %+v, %v", ks, asked.Key, err)
	}
	if _, err := svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: a.ID, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	as, seq := state[authv1.AccountState](t.Context(), t, kv, "account."+a.ID)
	if as.Active || as.Username != "alice" || as.NotBefore.IsZero() || as.Revision != asked.Account.Revision+1 {
		t.Errorf("%+v", as)
	}
	// The beats tell how far the bucket has come.
	nc := natstest.Conn(t, srv)
	sub, err := nc.SubscribeSync(authv1.BeatSubject)
	if err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; {
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatalf("no beat: %v", err)
		}
		var b authv1.Beat
		if err := json.Unmarshal(m.Data, &b); err != nil {
			t.Fatal(err)
		}
		if b.Sequence >= seq {
			break
		}
		if time.Since(begin) > patience {
			t.Fatalf("the beat is at %d, the revocation at %d", b.Sequence, seq)
		}
	}
}

func TestRevocation_WaitsForTheBus(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	_, p := start(t, srv, t.TempDir())
	svc := client(t, srv)
	a := session(t, svc, "alice").Account
	k := newKey(t, svc, a.ID)
	if err := p.JS.DeleteKeyValue(t.Context(), authv1.KeyStateBucket); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.RevokeAccessKey(t.Context(), authv1.RevokeAccessKeyRequest{AccountID: a.ID, KeyID: k.ID}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without a bucket: %v", err)
	}
	if st, err := svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID}); err != nil || st.Key.Active {
		t.Errorf("the document: %+v, %v", st, err)
	}
	kv, err := p.JS.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: authv1.KeyStateBucket})
	if err != nil {
		t.Fatal(err)
	}
	w, err := kv.Watch(t.Context(), "key."+k.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for late := time.After(patience); ; {
		select {
		case e := <-w.Updates():
			if e != nil && strings.Contains(string(e.Value()), `"active":false`) {
				return
			}
		case <-late:
			t.Fatal("the relay has given up")
		}
	}
}

func TestStart_TwoCopies(t *testing.T) {
	t.Parallel()
	srv, dir := natstest.Start(t), t.TempDir()
	type result struct {
		svc *auth.Service
		p   *platform.Platform
		err error
	}
	results := make(chan result, 2)
	for range 2 {
		go func() {
			p, err := openPlatform(t.Context(), dir, srv.URL())
			if err != nil {
				results <- result{err: err}
				return
			}
			c := config()
			c.AdminPassword = ""
			svc, err := auth.New(c, p)
			if err == nil {
				err = svc.Start(t.Context())
			}
			results <- result{svc, p, err}
		}()
	}
	made := []string{}
	for range 2 {
		r := <-results
		if r.err != nil {
			t.Fatal(r.err)
		}
		defer func() {
			if err := stop(r.svc, r.p); err != nil {
				t.Error(err)
			}
		}()
		if name, password, created := r.svc.FirstStart(); created {
			made = append(made, password)
			if name != auth.AdminUsername {
				t.Errorf("made %s", name)
			}
		}
	}
	if len(made) != 1 || len(made[0]) < 20 {
		t.Fatalf("first start by %q", made)
	}
	l, err := client(t, srv).Login(t.Context(), authv1.LoginRequest{Identifier: "admin", Password: made[0]})
	if err != nil || !l.Account.Admin {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestStart_AgainFindsEverything(t *testing.T) {
	t.Parallel()
	srv, dir := natstest.Start(t), t.TempDir()
	var s authv1.Session
	var k authv1.AccessKeyWithSecret
	t.Run("first", func(t *testing.T) {
		first, _ := start(t, srv, dir)
		if _, password, created := first.FirstStart(); !created || password != "" {
			t.Errorf("created %v, and tells a password that was given: %q", created, password)
		}
		svc := client(t, srv)
		s = session(t, svc, "alice")
		k = newKey(t, svc, s.Account.ID)
	})
	again, _ := start(t, srv, dir)
	if _, _, created := again.FirstStart(); created {
		t.Error("a second first start")
	}
	svc := client(t, srv)
	if a, err := svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token}); err != nil || a.Account != s.Account {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := svc.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: k.ID, Secret: k.Secret}); err != nil {
		t.Error(err)
	}
	if _, err := svc.Login(t.Context(), authv1.LoginRequest{Identifier: "admin", Password: authv1test.Password}); err != nil {
		t.Error(err)
	}
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	if err := auth.Default().Validate(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(c *auth.Config){
		"ttl":            func(c *auth.Config) { c.Security.TokenTTL = 0 },
		"rate":           func(c *auth.Config) { c.Security.TokenRate = 0 },
		"burst":          func(c *auth.Config) { c.Security.TokenBurst = 0 },
		"memory":         func(c *auth.Config) { c.Security.HashMemory = 2 << 30 },
		"passes":         func(c *auth.Config) { c.Security.HashPasses = 0 },
		"at once":        func(c *auth.Config) { c.Security.HashAtOnce = 0 },
		"no plan":        func(c *auth.Config) { c.Auth.Plans = nil },
		"default plan":   func(c *auth.Config) { c.Auth.DefaultPlan = "gold" },
		"plan's form":    func(c *auth.Config) { c.Auth.Plans = []string{"standard"} },
		"plan's name":    func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB", "Gold_1=1GB/1GB"} },
		"plan's sizes":   func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/0"} },
		"plan's storage": func(c *auth.Config) { c.Auth.Plans = []string{"standard=x/1GB"} },
		"plan's object":  func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB/1GB"} },
		"plan's half":    func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB/1/"} },
		"plan's days":    func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB/-1/1"} },
		"plan's links":   func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB/1/1e3"} },
		"plan's flood":   func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB/1/9223372036854775807"} },
		"plan's more":    func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB/1/1/1"} },
		"plan twice":     func(c *auth.Config) { c.Auth.Plans = []string{"standard=1GB/1GB", "standard=2GB/1GB"} },
		"sign-ups":       func(c *auth.Config) { c.Auth.SignUps = 0 },
		"short password": func(c *auth.Config) { c.AdminPassword = "short" },
	} {
		c := auth.Default()
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: taken", what)
		} else if strings.Contains(err.Error(), "short password") {
			t.Errorf("%s: the error shows the secret: %v", what, err)
		}
		if _, err := auth.New(c, nil); err == nil {
			t.Errorf("%s: New takes it", what)
		}
	}
}
