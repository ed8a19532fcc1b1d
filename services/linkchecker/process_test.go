package linkchecker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/linkchecker"
)

// What the process of the test is told by.
const (
	envURL = "LINKCHECKER_TEST_NATS"
	envDir = "LINKCHECKER_TEST_DIR"
)

// TestProcess is no test: it is linkchecker in a process that others kill. It
// also checks, so that states change in it: every URL that it finds in the queue
// is online, or offline when it ends with a 7.
func TestProcess(t *testing.T) {
	url := os.Getenv(envURL)
	if url == "" {
		t.Skip("it runs in a process of TestProcess_Killed")
	}
	s := platform.Default()
	s.DataDir, s.Durability, s.NATS.URL = os.Getenv(envDir), platform.Process, url
	p, err := platform.Open(t.Context(), s, platform.Options{Service: linkchecker.Name, Tel: telemetry.Nop(), Declared: streams.Declared(1), Declare: true})
	if err != nil {
		t.Fatal(err)
	}
	svc, _ := run(t, p)
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	check(ctx, t, p, svc)
}

// check is a checker that finds what the URL says.
func check(ctx context.Context, t *testing.T, p *platform.Platform, svc *linkchecker.Service) {
	t.Helper()
	c, err := p.JS.Consumer(ctx, streams.Checks, streams.LinksChecks().Durable)
	if err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil {
		batch, err := c.FetchNoWait(20)
		if err != nil {
			return
		}
		n := 0
		for m := range batch.Messages() {
			n++
			address, _ := decode[map[string]any](t, m.Data())["address"].(string)
			if svc.Check(ctx, address, found(address), time.Now()) == nil {
				_ = m.Ack()
			}
		}
		if n == 0 {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

func found(url string) linksv1test.Found {
	if url[len(url)-1] == '7' {
		return linksv1test.Down
	}
	return linksv1test.Up
}

// TestProcess_Killed kills linkchecker over and over while containers are made,
// replaced and deleted. What was answered is there, every link gets its state,
// and each change was told once.
func TestProcess_Killed(t *testing.T) {
	if os.Getenv("SLUICE_TEST_FULL") == "" {
		t.Skip("it kills processes: SLUICE_TEST_FULL=1")
	}
	t.Parallel()
	srv, dir := natstest.Start(t), t.TempDir()
	base := open(t, srv, dir, "base", nil)
	events := hears(t, base, streams.Events, "evt.links.>")
	calls := linksv1.NewClient(base.Client)
	start := func() *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=^TestProcess$")
		c.Env = append(os.Environ(), envURL+"="+srv.URL(), envDir+"="+dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	proc := start()
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
	defer cancel()
	var mu sync.Mutex
	there := map[string]int{} // links of containers that were answered
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() { work(ctx, t, calls, i, func(id string, n int) { mu.Lock(); defer mu.Unlock(); there[id] = n }) })
	}
	kills := 0
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(800+rand.IntN(1500)) * time.Millisecond):
			_ = proc.Process.Kill()
			_ = proc.Wait()
			proc = start()
			kills++
		}
	}
	wg.Wait()
	t.Cleanup(func() { _ = proc.Process.Kill(); _ = proc.Wait() })
	t.Logf("%d kills, %d containers", kills, len(there))
	changes := 0
	for id, n := range there {
		changes += n
		settled(t, calls, id, n)
	}
	told := map[string]int{}
	for links := 0; links < changes; {
		m := events(1)[0]
		told[m.Headers().Get("ce-id")]++
		if m.Subject() != linksv1.LinkStatusChanged.Type {
			continue
		}
		if e := decode[linksv1.LinkEvent](t, m.Data()); there[e.ContainerID] > 0 && e.Was == linksv1.Unknown {
			links++
		}
	}
	for id, n := range told {
		if n != 1 {
			t.Errorf("%s was told %d times", id, n)
		}
	}
}

// work makes containers, and deletes every third one.
func work(ctx context.Context, t *testing.T, calls linksv1.Service, worker int, made func(id string, links int)) {
	t.Helper()
	for n := 0; ctx.Err() == nil; n++ {
		var links []linksv1.LinkInput
		for j := range 8 {
			links = append(links, linksv1.LinkInput{URL: fmt.Sprintf("https://h%d.example/%d/%d/%d", j%3, worker, n, j)})
		}
		c, err := calls.CreateContainer(ctx, linksv1.CreateRequest{Principal: alice, Title: "t", Links: links[:5], More: true})
		for err == nil {
			var w linksv1.Written
			if w, err = calls.AddLinks(ctx, linksv1.AddLinksRequest{Principal: alice, ID: c.ID, Edit: c.Edit, From: 5, Links: links[5:]}); err == nil {
				if w.Size != 8 {
					t.Errorf("%d links", w.Size)
				}
				made(c.ID, 8)
				break
			}
			if ctx.Err() == nil && fault.Retryable(err) {
				err = nil // the same again, until it is answered
			}
		}
		if err != nil || n%3 != 0 {
			continue
		}
		if _, err := calls.DeleteContainer(ctx, linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err == nil || fault.KindOf(err) != fault.NotFound {
			made(c.ID, 0) // or maybe not: nothing is asked of it any more
		}
	}
}

// settled waits until every link of a container has its state.
func settled(t *testing.T, calls linksv1.Service, id string, n int) {
	t.Helper()
	if n == 0 {
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	want := linksv1.Counts{Online: 7, Offline: 1}
	for end := time.Now().Add(patience); ; <-tick.C {
		c, err := calls.GetContainer(t.Context(), linksv1.ContainerRequest{ID: id})
		if err == nil && c.Counts == want && c.Status == linksv1.Partial {
			return
		}
		if time.Now().After(end) || fault.KindOf(err) == fault.NotFound {
			t.Fatalf("%s: %+v, %v", id, c, err)
		}
	}
}
