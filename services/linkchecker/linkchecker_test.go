package linkchecker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/linkchecker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for what must come; only failures take it.
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
		Service: service, Tel: telemetry.Nop(), Dial: srv.Connect, Clock: clock, Declared: streams.Declared(1), Declare: true,
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

func run(t *testing.T, p *platform.Platform) (s *linkchecker.Service, stop func()) {
	t.Helper()
	cfg := linkchecker.Default()
	cfg.Links.Checks, cfg.Links.Sweep, cfg.Links.HashMemory, cfg.Links.HashPasses = false, 20*time.Millisecond, 64<<10, 1
	s, err := linkchecker.New(cfg, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		end, cancelEnd := soon()
		defer cancelEnd()
		if err := s.Stop(end); err != nil {
			t.Errorf("stopping linkchecker: %v", err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("running linkchecker: %v", err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// TestService_Contract is the contract through client, NATS and server.
func TestService_Contract(t *testing.T) {
	t.Parallel()
	linksv1test.Run(t, func(t *testing.T) linksv1test.World {
		srv, clock := natstest.Start(t), linksv1test.NewClock()
		p := open(t, srv, t.TempDir(), linkchecker.Name, clock.Now)
		s, _ := run(t, p)
		return linksv1test.World{
			Service: linksv1.NewClient(p.Client), Clock: clock, Sweep: func() {},
			Check: func(url string, f linksv1test.Found) error { return s.Check(t.Context(), url, f, clock.Now()) },
		}
	})
}

// hears reads the messages of a subject as they come.
func hears(t *testing.T, p *platform.Platform, stream string, subjects ...string) func(n int) []jetstream.Msg {
	t.Helper()
	c, err := p.JS.CreateConsumer(t.Context(), stream, jetstream.ConsumerConfig{FilterSubjects: subjects, AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: 2 * patience})
	if err != nil {
		t.Fatal(err)
	}
	return func(n int) []jetstream.Msg {
		t.Helper()
		var out []jetstream.Msg
		for len(out) < n {
			m, err := c.Next(jetstream.FetchMaxWait(patience))
			if err != nil {
				t.Fatalf("%d of %d messages: %v", len(out), n, err)
			}
			if err := m.Ack(); err != nil {
				t.Fatal(err)
			}
			out = append(out, m)
		}
		return out
	}
}

var alice = authv1.Principal{AccountID: "acc_alice"}

func create(t *testing.T, s linksv1.Service, urls ...string) linksv1.Container {
	t.Helper()
	r := linksv1.CreateRequest{Principal: alice, Title: "t"}
	for _, u := range urls {
		r.Links = append(r.Links, linksv1.LinkInput{URL: u})
	}
	c, err := s.CreateContainer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return c.Container
}

func decode[T any](t *testing.T, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

// TestService_Tells follows a container through its events and its badge.
func TestService_Tells(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	p := open(t, srv, t.TempDir(), linkchecker.Name, nil)
	s, _ := run(t, p)
	events := hears(t, p, streams.Events, "evt.links.>")
	calls := linksv1.NewClient(p.Client)
	c := create(t, calls, "https://a.example/1", "https://b.example/2")
	if m := events(1)[0]; m.Subject() != linksv1.ContainerCreated.Type || decode[linksv1.ContainerEvent](t, m.Data()).Container.ID != c.ID {
		t.Errorf("%s %s", m.Subject(), m.Data())
	}
	if err := s.Check(t.Context(), "https://a.example/1", linksv1test.Up, time.Now()); err != nil {
		t.Fatal(err)
	}
	ms := events(2)
	l, st := decode[linksv1.LinkEvent](t, ms[0].Data()), decode[linksv1.ContainerEvent](t, ms[1].Data())
	if ms[0].Subject() != linksv1.LinkStatusChanged.Type || l.ContainerID != c.ID || l.AccountID != "acc_alice" || l.Link.URL != "https://a.example/1" ||
		l.Link.Status != linksv1.Online || l.Was != linksv1.Unknown || l.Link.HTTPStatus != 200 {
		t.Errorf("%s %+v", ms[0].Subject(), l)
	}
	if ms[1].Subject() != linksv1.ContainerStatusChanged.Type || st.Container.Status != linksv1.Partial || st.Was != linksv1.Unknown || st.Container.Counts.Online != 1 {
		t.Errorf("%s %+v", ms[1].Subject(), st)
	}
	if err := s.Check(t.Context(), "https://a.example/1", linksv1test.Up, time.Now()); err != nil { // no news
		t.Fatal(err)
	}
	badge := waitBadge(t, p, c.ID, func(b linksv1.Badge) bool { return b.Counts.Online == 1 })
	if badge.NumericID != c.NumericID || badge.Status != linksv1.Partial || badge.Gone || badge.Revision != st.Container.Revision {
		t.Errorf("%+v", badge)
	}
	if _, err := calls.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	if m := events(1)[0]; m.Subject() != linksv1.ContainerDeleted.Type || decode[linksv1.ContainerEvent](t, m.Data()).Container.ID != c.ID {
		t.Errorf("%s %s", m.Subject(), m.Data())
	}
	if b := waitBadge(t, p, c.ID, func(b linksv1.Badge) bool { return b.Gone }); b.Revision <= badge.Revision {
		t.Errorf("%+v behind %+v", b, badge)
	}
}

func waitBadge(t *testing.T, p *platform.Platform, id string, ok func(linksv1.Badge) bool) linksv1.Badge {
	t.Helper()
	kv, err := p.JS.KeyValue(t.Context(), linksv1.BadgeBucket)
	if err != nil {
		t.Fatal(err)
	}
	w, err := kv.Watch(t.Context(), linksv1.BadgeKey(id))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Stop() }()
	end := time.After(patience)
	for {
		select {
		case e := <-w.Updates():
			if e == nil {
				continue
			}
			if b := decode[linksv1.Badge](t, e.Value()); ok(b) {
				return b
			}
		case <-end:
			t.Fatal("no such badge")
		}
	}
}

// TestService_QueuesChecks finds a new link in the queue at once, and again when
// its time has come, by its timer.
func TestService_QueuesChecks(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	p := open(t, srv, t.TempDir(), linkchecker.Name, nil)
	cfg := linkchecker.Default()
	cfg.Links.Checks, cfg.Links.Steps, cfg.Links.Sweep = false, []string{"1s"}, time.Minute // no sweep comes before the timer
	cfg.Links.HashMemory = 64 << 10
	s, err := linkchecker.New(cfg, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		end, cancelEnd := soon()
		defer cancelEnd()
		if err := s.Stop(end); err != nil {
			t.Error(err)
		}
		cancel()
		<-done
	})
	st, err := p.JS.Stream(t.Context(), streams.Checks)
	if err != nil {
		t.Fatal(err)
	}
	waiting := func(n uint64) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(patience); ; <-tick.C {
			i, err := st.Info(t.Context())
			if err == nil && i.State.LastSeq == n {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%+v, %v; want %d", i.State, err, n)
			}
		}
	}
	create(t, linksv1.NewClient(p.Client), "https://www.a.example/1")
	create(t, linksv1.NewClient(p.Client), "https://www.a.example/1")
	waiting(1)
	m, err := st.GetMsg(t.Context(), 1)
	if err != nil || m.Subject != "check.a_example" {
		t.Fatalf("%+v, %v", m, err)
	}
	task := decode[map[string]any](t, m.Data)
	if task["address"] != "https://www.a.example/1" || task["host"] != "a.example" || task["urlId"] == "" || task["due"] == "" {
		t.Errorf("%s", m.Data)
	}
	if err := s.Check(t.Context(), "https://www.a.example/1", linksv1test.Up, time.Now()); err != nil {
		t.Fatal(err)
	}
	waiting(2)
}

// TestService_Copies runs two copies on one database, of which one stops in the
// middle: all that was changed is told, once.
func TestService_Copies(t *testing.T) {
	t.Parallel()
	srv, dir := natstest.Start(t), t.TempDir()
	base := open(t, srv, dir, "base", nil)
	one, _ := run(t, open(t, srv, dir, linkchecker.Name, nil))
	_, stop := run(t, open(t, srv, dir, linkchecker.Name, nil))
	events := hears(t, base, streams.Events, linksv1.LinkStatusChanged.Type)
	calls := linksv1.NewClient(base.Client)
	const n = 40
	for i := range n {
		if i == n/2 {
			stop()
		}
		create(t, calls, fmt.Sprintf("https://a.example/%d", i), "https://a.example/shared")
		if err := one.Check(t.Context(), fmt.Sprintf("https://a.example/%d", i), linksv1test.Up, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Check(t.Context(), "https://a.example/shared", linksv1test.Down, time.Now()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, m := range events(2 * n) {
		e := decode[linksv1.LinkEvent](t, m.Data())
		seen[e.ContainerID+" "+e.Link.URL]++
	}
	if len(seen) != 2*n {
		t.Errorf("%d changes were told, want %d", len(seen), 2*n)
	}
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	if err := linkchecker.Default().Validate(); err != nil {
		t.Error(err)
	}
	for _, f := range []func(*linkchecker.Settings){
		func(s *linkchecker.Settings) { s.Steps = nil }, func(s *linkchecker.Settings) { s.Steps = []string{"soon"} },
		func(s *linkchecker.Settings) { s.Steps = []string{"1ms"} }, func(s *linkchecker.Settings) { s.Requeue = 0 },
		func(s *linkchecker.Settings) { s.Stale = 0 }, func(s *linkchecker.Settings) { s.Sweep = 0 },
		func(s *linkchecker.Settings) { s.InFlight = 0 }, func(s *linkchecker.Settings) { s.Concurrency = 0 }, func(s *linkchecker.Settings) { s.Rate = 0 },
		func(s *linkchecker.Settings) { s.Rate = math.NaN() }, func(s *linkchecker.Settings) { s.Timeout = 0 }, func(s *linkchecker.Settings) { s.HostsBase = []string{"a.example"} },
		func(s *linkchecker.Settings) { s.HashMemory = 0 }, func(s *linkchecker.Settings) { s.HashPasses = 0 },
	} {
		c := linkchecker.Default()
		f(&c.Links)
		if _, err := linkchecker.New(c, nil); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
