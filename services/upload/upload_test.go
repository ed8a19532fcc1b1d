package upload_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/upload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what must happen; only failures take it.
const patience = time.Minute

// soon is a context for the ends of things, which need a deadline.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func open(t *testing.T, srv *natsd.Server, dir, service string, clock func() time.Time) *platform.Platform {
	t.Helper()
	s := platform.Default()
	s.DataDir, s.Durability = dir, platform.Process
	p, err := platform.Open(t.Context(), s, platform.Options{
		Service: service, Tel: telemetry.Nop(), Dial: srv.Connect, Clock: clock,
		Declared: streams.Declared(1), Declare: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := soon()
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("closing the platform: %v", err)
		}
	})
	return p
}

// serve puts a service of the test on NATS.
func serve(t *testing.T, p *platform.Platform, name string, register func(s *rpc.Server) error) {
	t.Helper()
	server, err := p.NewServer(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := soon()
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("stopping %s: %v", name, err)
		}
	})
	if err := register(server); err != nil {
		t.Fatal(err)
	}
}

func serveObjects(t *testing.T, p *platform.Platform, o *uploadv1test.Objects) {
	t.Helper()
	serve(t, p, "object", func(s *rpc.Server) error { return objectv1.Register(s, o) })
}

func run(t *testing.T, p *platform.Platform, change ...func(*upload.Config)) (stop func()) {
	t.Helper()
	cfg := upload.Default()
	cfg.Upload.SweepInterval = 20 * time.Millisecond
	cfg.Upload.MinPartSize, cfg.Upload.MultipartExpiry, cfg.Upload.SessionExpiry = uploadv1test.MinPart, uploadv1test.Expiry, uploadv1test.Expiry
	cfg.Upload.FetchRetry = uploadv1test.FetchRetry
	for _, c := range change {
		c(&cfg)
	}
	svc, err := upload.New(cfg, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- svc.Run(context.WithoutCancel(t.Context())) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := soon()
		defer cancel()
		if err := svc.Stop(ctx); err != nil {
			t.Errorf("stopping upload: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("running upload: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// TestService_Contract is the contract through client, NATS and server, with
// object as a service of its own on the same NATS.
func TestService_Contract(t *testing.T) {
	t.Parallel()
	uploadv1test.Run(t, func(t *testing.T) uploadv1test.World {
		srv, clock := natstest.Start(t), uploadv1test.NewClock()
		objects := uploadv1test.NewObjects(clock.Now)
		p := open(t, srv, t.TempDir(), upload.Name, clock.Now)
		serveObjects(t, p, objects)
		run(t, p)
		return uploadv1test.World{Service: uploadv1.NewClient(p.Client), Objects: objects, Clock: clock, Sweep: func() {}}
	})
}

// TestService_PlikContract is that of temporary uploads, with auth as well.
func TestService_PlikContract(t *testing.T) {
	t.Parallel()
	uploadv1test.RunPlik(t, func(t *testing.T) uploadv1test.PlikWorld {
		srv, clock := natstest.Start(t), uploadv1test.NewClock()
		objects, accounts := uploadv1test.NewObjects(clock.Now), uploadv1test.NewAccounts(uploadv1test.PlikAccounts()...)
		p := open(t, srv, t.TempDir(), upload.Name, clock.Now)
		serveObjects(t, p, objects)
		serve(t, p, "auth", func(s *rpc.Server) error { return authv1.Register(s, accounts) })
		run(t, p)
		return uploadv1test.PlikWorld{Service: uploadv1.NewPlikClient(p.Client), Objects: objects, Accounts: accounts, Clock: clock, Sweep: func() {}}
	})
}

// TestService_FetchContract is that of remote URLs, whose work is taken from the
// stream as edges do.
func TestService_FetchContract(t *testing.T) {
	t.Parallel()
	uploadv1test.RunFetch(t, func(t *testing.T) uploadv1test.FetchWorld {
		srv, clock := natstest.Start(t), uploadv1test.NewClock()
		accounts := uploadv1test.NewAccounts(uploadv1test.FetchAccounts()...)
		p := open(t, srv, t.TempDir(), upload.Name, clock.Now)
		serve(t, p, "auth", func(s *rpc.Server) error { return authv1.Register(s, accounts) })
		run(t, p)
		return uploadv1test.FetchWorld{
			Service: uploadv1.NewFetchClient(p.Client), Accounts: accounts, Clock: clock, Sweep: func() {},
			Take: func(t *testing.T) []uploadv1.FetchWork { return take(t, p) },
		}
	})
}

// take takes the work out of the queue that is there.
func take(t *testing.T, p *platform.Platform) (out []uploadv1.FetchWork) {
	t.Helper()
	c, err := p.JS.Consumer(t.Context(), streams.Fetches, streams.EdgeFetches().Durable)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.FetchNoWait(100)
	if err != nil {
		t.Fatal(err)
	}
	for m := range batch.Messages() {
		var work uploadv1.FetchWork
		if err := errors.Join(json.Unmarshal(m.Data(), &work), m.Ack()); err != nil {
			t.Fatal(err)
		}
		out = append(out, work)
	}
	return out
}

// TestService_FetchTimers: the next attempt is queued by its timer; no sweep comes
// so soon. A restart in between loses nothing.
func TestService_FetchTimers(t *testing.T) {
	t.Parallel()
	srv, dir := natstest.Start(t), t.TempDir()
	base := open(t, srv, dir, "base", time.Now)
	serve(t, base, "auth", func(s *rpc.Server) error {
		return authv1.Register(s, uploadv1test.NewAccounts(uploadv1test.FetchAccounts()...))
	})
	cfg := func(c *upload.Config) { c.Upload.SweepInterval, c.Upload.FetchRetry = time.Hour, time.Second }
	stop := run(t, open(t, srv, dir, upload.Name, time.Now), cfg)
	client := uploadv1.NewFetchClient(base.Client)
	f, err := client.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: authv1.Principal{AccountID: "acc_bob"}, URL: "http://files.example/", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	queued := func() {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(patience); len(take(t, base)) == 0; <-tick.C {
			if time.Now().After(end) {
				t.Fatal("it did not come into the queue")
			}
		}
	}
	queued()
	l, err := client.LeaseFetch(t.Context(), uploadv1.FetchWorkRequest{ID: f.ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.EndFetch(t.Context(), uploadv1.EndFetchRequest{ID: f.ID, Fence: l.Fence, Reason: "broke off", Again: true}); err != nil {
		t.Fatal(err)
	}
	stop()
	run(t, open(t, srv, dir, upload.Name, time.Now), cfg)
	queued()
}

// TestService_FindsItsIngestsAgain restarts the service: what was open is still
// there, and what expired meanwhile is swept at once.
func TestService_FindsItsIngestsAgain(t *testing.T) {
	t.Parallel()
	srv, clock, dir := natstest.Start(t), uploadv1test.NewClock(), t.TempDir()
	objects := uploadv1test.NewObjects(clock.Now)
	base := open(t, srv, dir, "base", clock.Now)
	serveObjects(t, base, objects)
	client := uploadv1.NewClient(base.Client)
	begin := func(key string) uploadv1.Ingest {
		i, err := client.Begin(t.Context(), uploadv1.BeginRequest{Put: objectv1.BeginPutRequest{
			Principal: authv1.Principal{AccountID: "acc"}, Bucket: "photos", Key: key, Size: -1,
		}})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	stop := run(t, open(t, srv, dir, upload.Name, clock.Now))
	old := begin("old")
	clock.Advance(100 * time.Second)
	young := begin("young")
	stop()
	clock.Advance(60 * time.Second)
	run(t, open(t, srv, dir, upload.Name, clock.Now))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); objects.Fate(old.Ticket.VersionID) != "aborted"; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the abandoned ingest was not swept after the restart")
		}
	}
	if _, err := client.Renew(t.Context(), uploadv1.RenewRequest{AccountID: "acc", VersionID: young.Ticket.VersionID, Bytes: 1}); err != nil {
		t.Errorf("the young one after the restart: %v", err)
	}
}

// TestService_CopiesShareTheSweep runs two copies on one database: each abandoned
// ingest is aborted once.
func TestService_CopiesShareTheSweep(t *testing.T) {
	t.Parallel()
	srv, clock, dir := natstest.Start(t), uploadv1test.NewClock(), t.TempDir()
	objects := uploadv1test.NewObjects(clock.Now)
	base := open(t, srv, dir, "base", clock.Now)
	serveObjects(t, base, objects)
	for range 2 {
		run(t, open(t, srv, dir, upload.Name, clock.Now))
	}
	client := uploadv1.NewClient(base.Client)
	const n = 40
	for range n {
		if _, err := client.Begin(t.Context(), uploadv1.BeginRequest{Put: objectv1.BeginPutRequest{
			Principal: authv1.Principal{AccountID: "acc"}, Bucket: "photos", Key: "k", Size: 1,
		}}); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(3 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); objects.Held() > 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("not all were swept")
		}
	}
	if got := objects.Aborts(); got != n {
		t.Errorf("%d aborts for %d ingests", got, n)
	}
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	if err := upload.Default().Validate(); err != nil {
		t.Error(err)
	}
	for _, f := range []func(*upload.Config){
		func(c *upload.Config) { c.Upload.Lease = 0 }, func(c *upload.Config) { c.Upload.SweepInterval = 0 },
		func(c *upload.Config) { c.Upload.MinPartSize = 0 }, func(c *upload.Config) { c.Upload.MultipartExpiry = 0 },
		func(c *upload.Config) { c.Upload.MultipartExpiry = 30 * 24 * time.Hour }, func(c *upload.Config) { c.Upload.SessionExpiry = 0 },
		func(c *upload.Config) { c.Upload.SessionExpiry = 30 * 24 * time.Hour }, func(c *upload.Config) { c.Upload.FetchRetry = 0 },
		func(c *upload.Config) { c.Upload.FetchRetry = 2 * time.Hour },
	} {
		c := upload.Default()
		f(&c)
		if _, err := upload.New(c, nil); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
