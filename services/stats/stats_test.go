package stats_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/stats"
)

// The test binary is also the process that gets killed: with these variables set
// it runs stats until it dies.
const (
	childDir = "SLUICE_TEST_STATS_CHILD"
	childURL = "SLUICE_TEST_STATS_NATS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, runUntilKilled(dir, os.Getenv(childURL)))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func openPlatform(ctx context.Context, dir, url string) (*platform.Platform, error) {
	s := platform.Default()
	s.DataDir, s.Durability, s.NATS.URL = dir, platform.Process, url
	return platform.Open(ctx, s, platform.Options{
		Service: stats.Name, Version: "test", Tel: telemetry.Nop(), Declared: streams.Declared(1), Declare: true,
	})
}

func runUntilKilled(dir, url string) error {
	ctx := context.Background()
	p, err := openPlatform(ctx, dir, url)
	if err != nil {
		return err
	}
	svc, err := stats.New(stats.Default(), p)
	if err != nil {
		return err
	}
	if err := svc.Start(ctx); err != nil {
		return err
	}
	fmt.Println("runs")
	return svc.Run(ctx)
}

// start runs a copy of stats until the test ends.
func start(t *testing.T, url, dir string) *platform.Platform {
	t.Helper()
	p, err := openPlatform(t.Context(), dir, url)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := stats.New(stats.Default(), p)
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
		end, done := context.WithTimeout(context.Background(), time.Minute)
		defer done()
		err := svc.Stop(end)
		cancel()
		if err := errors.Join(err, <-ran, p.Close(end)); err != nil {
			t.Error(err)
		}
	})
	return p
}

// natsMsg is what waits in an outbox, as a relay sends it.
func natsMsg(m docstore.Message) *nats.Msg {
	h := nats.Header{jetstream.MsgIDHeader: {m.ID}}
	for k, v := range m.Header {
		h[k] = []string{v}
	}
	return &nats.Msg{Subject: m.Subject, Header: h, Data: m.Data}
}

// publish sends clicks as edges do, but each under an id of its own.
func publish(t *testing.T, js jetstream.JetStream, all []statsv1.ClickEvent) {
	t.Helper()
	for _, e := range all {
		env, err := bus.NewEnvelope(t.Context(), statsv1.Clicked, bus.NewID(), e.Subject, 1, e.Time, e)
		if err != nil {
			t.Fatal(err)
		}
		m := env.Message()
		if _, err := js.PublishMsgAsync(natsMsg(m), jetstream.WithStallWait(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		t.Fatal("the clicks were not taken")
	}
}

// TestKill_CountsAreExact: clicks of which one in twenty comes twice, in an order
// of their own, while stats is killed three times.
func TestKill_CountsAreExact(t *testing.T) {
	t.Parallel()
	events := 10_000
	if os.Getenv("SLUICE_TEST_FULL") != "" {
		events = 30_000
	}
	if os.Getenv("SLUICE_SOAK") != "" {
		events = 100_000
	}
	srv, dir := natstest.Start(t), t.TempDir()
	seeder, err := openPlatform(t.Context(), t.TempDir(), srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := seeder.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	all, want := traffic(events)
	js, err := jetstream.New(natstest.Conn(t, srv), jetstream.WithPublishAsyncMaxPending(1000))
	if err != nil {
		t.Fatal(err)
	}
	quarter := len(all) / 4
	for n := range 3 {
		dies := child(t, dir, srv.URL())
		publish(t, js, all[n*quarter:(n+1)*quarter])
		_ = dies.Process.Kill()
		if err := dies.Wait(); err == nil {
			t.Fatal("stats ended by itself")
		}
	}
	publish(t, js, all[3*quarter:])
	start(t, srv.URL(), dir)
	svc := statsv1.NewClient(rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{}))
	drained(t, js)
	for subject, total := range want {
		got, err := svc.GetClicks(t.Context(), statsv1.ClicksRequest{Subject: subject, Days: 3, Referrers: 100})
		if err != nil || got.Total != total {
			t.Errorf("%s: %d clicks, want %d, %v", subject, got.Total, total, err)
		}
		if sum := got.Days[0].Clicks + got.Days[1].Clicks + got.Days[2].Clicks; sum != total {
			t.Errorf("%s: %d in days, want %d", subject, sum, total)
		}
		if len(got.Referrers) != 1 || got.Referrers[0].Clicks != total {
			t.Errorf("%s: referrers %+v", subject, got.Referrers)
		}
	}
}

// traffic gives n clicks, and what they come to by subject. Those of a visitor are
// in clusters shorter than the window and farther apart than it, so that their
// order does not matter; none is near midnight.
func traffic(n int) ([]statsv1.ClickEvent, map[string]int64) {
	const subjects, inCluster = 20, 2
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour) // yesterday's
	var all []statsv1.ClickEvent
	want := map[string]int64{}
	for i := 0; len(all) < n*19/20; i++ {
		subject := fmt.Sprintf("container%02d", i%subjects)
		want[subject]++
		for k := range inCluster {
			all = append(all, statsv1.ClickEvent{
				Subject: subject, Visitor: fmt.Sprintf("visitor%d", i/3), Referrer: "board.example",
				Time: noon.Add(time.Duration(i%3)*90*time.Minute + time.Duration(k)*7*time.Minute),
			})
		}
	}
	for _, i := range rand.Perm(len(all))[:n-len(all)] {
		all = append(all, all[i])
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, want
}

// child runs stats in a process of its own, and gives it when it works.
func child(t *testing.T, dir, url string) *exec.Cmd {
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
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "runs" {
		t.Fatalf("stats did not start: %q, %v", line, err)
	}
	return cmd
}

// drained waits until every click is counted.
func drained(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); ; <-tick.C {
		s, err := js.Stream(t.Context(), streams.Clicks)
		if err != nil {
			t.Fatal(err)
		}
		i, err := s.Info(t.Context())
		if err == nil && i.State.Msgs == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d clicks are not counted", i.State.Msgs)
		}
	}
}

func TestService_ForgetsDeletedContainers(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	p := start(t, srv.URL(), t.TempDir())
	svc := statsv1.NewClient(rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{}))
	js, err := jetstream.New(natstest.Conn(t, srv))
	if err != nil {
		t.Fatal(err)
	}
	publish(t, js, []statsv1.ClickEvent{{Subject: "abc", Visitor: "v", Time: time.Now()}})
	drained(t, js)
	if got, err := svc.GetClicks(t.Context(), statsv1.ClicksRequest{Subject: "abc"}); err != nil || got.Total != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	b, err := json.Marshal(linksv1.ContainerEvent{Container: linksv1.Container{ID: "abc"}, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	env := bus.Envelope{ID: bus.NewID(), Type: linksv1.ContainerDeleted.Type, Source: linksv1.ContainerDeleted.Source, Time: time.Now(), Revision: 2, Data: b}
	if _, err := p.JS.PublishMsg(t.Context(), natsMsg(env.Message())); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		got, err := svc.GetClicks(t.Context(), statsv1.ClicksRequest{Subject: "abc"})
		if err == nil && got.Total == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	if err := stats.Default().Validate(); err != nil {
		t.Error(err)
	}
	for _, f := range []func(*stats.Config){
		func(c *stats.Config) { c.Stats.Fold = time.Hour }, func(c *stats.Config) { c.Stats.Days = 0 }, func(c *stats.Config) { c.Stats.Sweep = 0 },
	} {
		c := stats.Default()
		f(&c)
		if _, err := stats.New(c, nil); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
