package webhook_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/contracts/webhook/v1/webhookv1test"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// The test binary is also the process that gets killed: with this variable set it
// runs webhook until it dies.
const childEnv = "SLUICE_TEST_WEBHOOK_CHILD"

func TestMain(m *testing.M) {
	if settings := os.Getenv(childEnv); settings != "" {
		fmt.Fprintln(os.Stderr, runUntilKilled(settings))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func TestContract_Straight(t *testing.T) {
	t.Parallel()
	webhookv1test.Run(t, func(t *testing.T) webhookv1test.World {
		w := newWorld(t)
		s := w.start(t)
		return webhookv1test.World{Service: s.Calls(), NewConfig: w.config, NewAccount: w.account}
	})
}

func TestContract_NATS(t *testing.T) {
	t.Parallel()
	webhookv1test.Run(t, func(t *testing.T) webhookv1test.World {
		w := newWorld(t)
		w.start(t)
		c := rpc.NewClient(natstest.Conn(t, w.srv), rpc.ClientConfig{})
		return webhookv1test.World{Service: webhookv1.NewClient(c), NewConfig: w.config, NewAccount: w.account}
	})
}

// world is everything around webhook: a nats-server, stand-ins for auth and
// object, receivers.
type world struct {
	srv      *natsd.Server
	settings platform.Settings
	webhook  webhook.Config
	p        *platform.Platform // of the stand-ins
	bus      *bus.Bus
	object   *object
}

const username, bucket, bucketID = "alice", "photos", "bkt_1"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{srv: natstest.Start(t), settings: platform.Default(), webhook: webhook.Default()}
	w.webhook.Webhook.Sweep = 500 * time.Millisecond
	w.settings.DataDir, w.settings.Durability = t.TempDir(), platform.Process
	w.settings.OutboundAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	w.p = w.platform(t)
	w.object = &object{p: w.p, configs: map[string]objectv1.NotificationTarget{}}
	var err error
	if w.bus, err = w.p.Bus(t.Context(), "object"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.bus.Close(context.Background()) })
	w.serve(t, "object", func(s *rpc.Server) error { return objectv1.Register(s, w.object) })
	w.serve(t, "auth", func(s *rpc.Server) error { return authv1.Register(s, auth{}) })
	return w
}

func (w *world) platform(t *testing.T) *platform.Platform {
	t.Helper()
	p, err := platform.Open(t.Context(), w.settings, platform.Options{
		Service: "webhook", Version: "0.1.0", Tel: telemetry.Nop(), Dial: w.srv.Connect,
		Declared: streams.Declared(1), Declare: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("closing the platform: %v", err)
		}
	})
	return p
}

func (w *world) serve(t *testing.T, name string, register func(*rpc.Server) error) {
	t.Helper()
	s, err := w.p.NewServer(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := register(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
}

// start runs a copy of webhook on a platform of its own until the test ends.
func (w *world) start(t *testing.T) *webhook.Service {
	t.Helper()
	s, stop := w.run(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := stop(ctx); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	return s
}

// run starts a copy of webhook and gives what ends it.
func (w *world) run(t *testing.T) (*webhook.Service, func(context.Context) error) {
	t.Helper()
	s, err := webhook.New(w.webhook, w.platform(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s, func(stop context.Context) error {
		err := s.Stop(stop)
		cancel()
		if e := <-ended; e != nil {
			t.Errorf("Run: %v", e)
		}
		return err
	}
}

// auth knows one account.
type auth struct{ authv1.Service }

func (auth) GetAccount(_ context.Context, r authv1.GetAccountRequest) (authv1.Account, error) {
	if r.Username != username {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	return authv1.Account{ID: "acc_1", Username: username}, nil
}

// object knows one bucket.
type object struct {
	objectv1.Service
	p       *platform.Platform
	mu      sync.Mutex
	configs map[string]objectv1.NotificationTarget
}

func (o *object) ResolveNotification(_ context.Context, r objectv1.ResolveNotificationRequest) (objectv1.NotificationTarget, error) {
	if r.BucketID != bucketID && (r.AccountID != "acc_1" || r.Bucket != bucket) {
		return objectv1.NotificationTarget{}, objectv1.ErrBucketNotFound
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c, ok := o.configs[r.ConfigID]
	if !ok {
		return c, objectv1.ErrConfigNotFound
	}
	return c, nil
}

func (o *object) add(t testing.TB, id, url string) (secret []byte) {
	t.Helper()
	secret = []byte(rand.Text() + rand.Text())[:32]
	sealed, err := o.p.Keys.Sealer(objectv1.PurposeWebhookSecret).Seal(secret, []byte(id))
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.configs[id] = objectv1.NotificationTarget{
		Config:    objectv1.NotificationConfig{ID: id, Target: "webhook", URL: url, Events: []string{objectv1.EventObjectCreated}},
		AccountID: "acc_1", BucketID: bucketID, Bucket: bucket, SealedSecret: sealed,
	}
	return secret
}

// receiver keeps what it gets.
type receiver struct {
	url string

	mu     sync.Mutex
	got    []got
	answer func(w http.ResponseWriter, r *http.Request)
}

type got struct {
	at     time.Time
	header http.Header
	body   string
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.got = append(r.got, got{time.Now(), req.Header, string(body)})
		answer := r.answer
		r.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, req)
	}))
	t.Cleanup(s.Close)
	r.url = s.URL + "/hook"
	return r
}

func (r *receiver) answers(f func(w http.ResponseWriter, r *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

func (r *receiver) all() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.got...)
}

// patience bounds every wait for what must come; only failures take it.
const patience = time.Minute

// wait waits until n requests came.
func (r *receiver) wait(t testing.TB, n int) []got {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		if all := r.all(); len(all) >= n {
			return all
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d requests within %v, want %d", len(r.all()), patience, n)
		}
	}
}

// config makes a config with a receiver for the contract's suite.
func (w *world) config(t testing.TB) webhookv1test.Config {
	r, id := newReceiver(t), "cfg-"+rand.Text()
	secret := w.object.add(t, id, r.url)
	return webhookv1test.Config{
		Username: username, Bucket: bucket, ID: id, EndpointID: domain.EndpointID(bucketID, id), Secret: domain.ShowSecret(secret),
		Happen: func(key string) { w.happen(t, key, id) },
		Answer: func(status int) { r.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }) },
		Got: func(delivery string) (n int) {
			for _, g := range r.all() {
				if g.header.Get("Webhook-Id") == delivery {
					n++
				}
			}
			return n
		},
	}
}

// happen publishes that an object was created, for configs, and gives the event's id.
func (w *world) happen(t testing.TB, key string, configs ...string) string {
	t.Helper()
	e, err := bus.NewEnvelope(context.Background(), objectv1.ObjectCreated, "", bucket+"/"+key, 1, time.Now(), objectv1.ObjectEvent{
		AccountID: "acc_1", Username: username, BucketID: bucketID, Bucket: bucket, Region: "local", Key: key, VersionID: "v-" + key,
		Size: 5, ETag: `"abc"`, Operation: "Put", Sequencer: 1, Configs: configs,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.bus.Publish(context.Background(), e); err != nil {
		t.Fatal(fmt.Errorf("publishing: %w", err))
	}
	return e.ID
}
