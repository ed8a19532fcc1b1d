package linkchecker_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/linkchecker"
)

// envSettings has the settings of a checker that runs as a process of its own.
const envSettings = "LINKCHECKER_TEST_SETTINGS"

// checking gives settings for checks of imitations. A request that times out is a
// finding, and no imitation is so slow; the permits of who dies live a little longer.
func checking(bases map[string]string) linkchecker.Settings {
	s := linkchecker.Default().Links
	s.Timeout, s.Sweep, s.HashMemory, s.HashPasses = 10*time.Second, 200*time.Millisecond, 64<<10, 1
	for domain, base := range bases {
		s.HostsBase = append(s.HostsBase, domain+"="+base)
	}
	return s
}

func loopback(s *platform.Settings) {
	s.OutboundAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// serve runs a checker until it is stopped.
func serve(t testing.TB, url, dir string, set linkchecker.Settings) (p *platform.Platform, stop func()) {
	t.Helper()
	s := platform.Default()
	s.DataDir, s.Durability, s.NATS.URL = dir, platform.Process, url
	loopback(&s)
	p, err := platform.Open(t.Context(), s, platform.Options{Service: linkchecker.Name, Tel: telemetry.Nop(), Declared: streams.Declared(1), Declare: true})
	if err != nil {
		t.Fatal(err)
	}
	svc, err := linkchecker.New(linkchecker.Config{Links: set}, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- svc.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		end, done := soon()
		defer done()
		if err := svc.Stop(end); err != nil {
			t.Errorf("stopping a checker: %v", err)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("running a checker: %v", err)
		}
		if err := p.Close(end); err != nil {
			t.Errorf("closing the platform: %v", err)
		}
	}
	t.Cleanup(stop)
	return p, stop
}

// TestChecker_Process is no test: it is a checker in a process that gets killed.
func TestChecker_Process(t *testing.T) {
	var set linkchecker.Settings
	if json.Unmarshal([]byte(os.Getenv(envSettings)), &set) != nil {
		t.Skip("it runs in a process of TestChecks_AllOfThem")
	}
	serve(t, os.Getenv(envURL), os.Getenv(envDir), set)
	fmt.Println("checks")
	<-t.Context().Done()
}

// mortal starts a checker that gets killed.
func mortal(t *testing.T, url, dir string, set linkchecker.Settings) *exec.Cmd {
	t.Helper()
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestChecker_Process$", "-test.v")
	c.Env = append(os.Environ(), envURL+"="+url, envDir+"="+dir, envSettings+"="+string(b))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == "checks" {
			return c
		}
	}
	t.Fatal("the checker did not start")
	return nil
}

// farm is the hosts of a test.
type farm struct {
	hosts []*farmHost
	bases map[string]string
}

type farmHost struct {
	*linksv1test.Imitation
	domain string
	link   string // of a file, by number
	id     func(n int) string
	limit  [2]int // at once, in a second
}

// farmOf makes n hosts: one of each kind that has a rule, the others of no rule.
func farmOf(t *testing.T, n int) *farm {
	t.Helper()
	f := &farm{bases: map[string]string{}}
	hex := func(n int) string { return fmt.Sprintf("%012x", n) }
	for _, h := range []farmHost{
		{domain: "rapidgator.net", link: "https://rapidgator.net/file/%s/f.rar.html", id: func(n int) string { return fmt.Sprintf("%032x", n) }, limit: [2]int{3, 5}},
		{domain: "ddownload.com", link: "https://ddownload.com/%s/f.rar", id: hex, limit: [2]int{2, 3}},
		{domain: "katfile.com", link: "https://katfile.com/%s/f.rar.html", id: hex, limit: [2]int{2, 2}},
		{domain: "1fichier.com", link: "https://1fichier.com/?%s", id: hex, limit: [2]int{2, 2}},
		{domain: "nitroflare.com", link: "https://nitroflare.com/view/%s/f.rar", id: func(n int) string { return strings.ToUpper(hex(n)) }, limit: [2]int{2, 3}},
		{domain: "turbobit.net", link: "https://turbobit.net/%s.html", id: hex, limit: [2]int{2, 3}},
		{domain: "k2s.cc", link: "https://k2s.cc/file/%s/f.rar", id: hex, limit: [2]int{2, 3}},
		{domain: "pixeldrain.com", link: "https://pixeldrain.com/u/%s", id: hex, limit: [2]int{2, 5}},
	} {
		kinds := map[string]linksv1test.Kind{
			"rapidgator.net": linksv1test.Rapidgator, "ddownload.com": linksv1test.XFSPage, "katfile.com": linksv1test.XFSRows, "1fichier.com": linksv1test.OneFichier,
			"nitroflare.com": linksv1test.Nitroflare, "turbobit.net": linksv1test.Turbobit, "k2s.cc": linksv1test.Keep2share, "pixeldrain.com": linksv1test.Pixeldrain,
		}
		h.Imitation = linksv1test.NewImitation(t, kinds[h.domain])
		f.hosts = append(f.hosts, &h)
	}
	for i := len(f.hosts); i < n; i++ {
		domain := fmt.Sprintf("h%d.example", i)
		f.hosts = append(f.hosts, &farmHost{
			Imitation: linksv1test.NewImitation(t, linksv1test.Plain), domain: domain, link: "https://" + domain + "/%s", id: hex, limit: [2]int{4, 10},
		})
	}
	for _, h := range f.hosts {
		h.Delay(time.Duration(5+rand.IntN(60)) * time.Millisecond)
		f.bases[h.domain] = h.URL
	}
	return f
}

// requests is how many came.
func (f *farm) requests() (n int) {
	for _, h := range f.hosts {
		n += h.Requests()
	}
	return n
}

// after waits for so many requests.
func (f *farm) after(ctx context.Context, n int) int {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for f.requests() < n && ctx.Err() == nil {
		<-tick.C
	}
	return f.requests()
}

// links gives n links, the hosts' in turn, of which one in five is gone, and what
// is to be found. Hosts that answer about one file only, and slowly, get fewer.
func (f *farm) links(n int) ([]linksv1.LinkInput, linksv1.Counts) {
	var out []linksv1.LinkInput
	var want linksv1.Counts
	for i := 0; len(out) < n; i++ {
		for k, h := range f.hosts {
			if k == 0 && i%2 != 0 || k == 1 && i%3 != 0 || len(out) == n {
				continue
			}
			id := h.id(i)
			if want.Offline++; i%5 != 0 {
				h.Set(id, linksv1test.There)
				want.Online, want.Offline = want.Online+1, want.Offline-1
			}
			out = append(out, linksv1.LinkInput{URL: fmt.Sprintf(h.link, id)})
		}
	}
	return out, want
}

// polite holds hosts to how they were asked.
func (f *farm) polite(t *testing.T) {
	t.Helper()
	for _, h := range f.hosts {
		if n := h.Most(); n > h.limit[0] {
			t.Errorf("%s: %d requests at once", h.domain, n)
		}
		// A request is made at its time or later, up to as many as run at once together.
		for _, span := range []int{1, 5} {
			if n := h.MostWithin(time.Duration(span) * time.Second); n > h.limit[1]*span+h.limit[0] {
				t.Errorf("%s: %d requests in %d s", h.domain, n, span)
			}
		}
	}
}

// contain puts links into containers of 1000, and gives their ids.
func contain(t testing.TB, calls linksv1.Service, links []linksv1.LinkInput) []string {
	t.Helper()
	var ids []string
	for len(links) > 0 {
		all := links[:min(len(links), linksv1.MaxLinks)]
		links = links[len(all):]
		var w linksv1.Written
		for from := 0; from < len(all); {
			batch := all[from:]
			batch = batch[:linksv1.Batch(batch)]
			more := from+len(batch) < len(all)
			next, err := linksv1.Written{}, error(nil)
			for again := true; again; again = fault.Retryable(err) { // one that was made all the same holds the same links
				if from == 0 {
					next, err = calls.CreateContainer(t.Context(), linksv1.CreateRequest{Principal: alice, Title: "t", Links: batch, More: more})
				} else {
					next, err = calls.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: w.ID, Edit: w.Edit, From: from, Links: batch, More: more})
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			w = next
			from += len(batch)
		}
		ids = append(ids, w.ID)
	}
	return ids
}

// checked waits until no link of containers is unchecked, and gives the counts.
func checked(t testing.TB, calls linksv1.Service, ids []string, within time.Duration) linksv1.Counts {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(within); ; <-tick.C {
		var all linksv1.Counts
		for _, id := range ids {
			c, err := calls.GetContainer(t.Context(), linksv1.ContainerRequest{ID: id})
			if err == nil {
				all.Online += c.Counts.Online
				all.Offline += c.Counts.Offline
				all.Unknown += c.Counts.Unknown
			}
		}
		if all.Unknown == 0 && all.Total() > 0 {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("after %s: %+v", within, all)
		}
	}
}

// TestChecks_AllOfThem: two checkers share many links of many hosts, one is killed
// in the middle of it. Every link is checked, and no host is asked by more, or
// faster, than its rule says.
func TestChecks_AllOfThem(t *testing.T) {
	t.Parallel()
	hosts, n, within := 12, 300, 2*time.Minute
	if os.Getenv("SLUICE_TEST_FULL") != "" {
		hosts, n, within = 40, 2000, 5*time.Minute
	}
	if os.Getenv("SLUICE_SOAK") != "" {
		hosts, n = 40, 10_000
	}
	srv, dir := natstest.Start(t), t.TempDir()
	f := farmOf(t, hosts)
	links, want := f.links(n)
	set := checking(f.bases)
	began := time.Now()
	dies := mortal(t, srv.URL(), dir, set)
	p, _ := serve(t, srv.URL(), dir, set)
	killed := make(chan int, 1)
	go func() { killed <- f.after(t.Context(), n/8); _ = dies.Process.Kill() }()
	calls := linksv1.NewClient(p.Client)
	ids := contain(t, calls, links)
	made := time.Now()
	got := checked(t, calls, ids, within)
	t.Logf("%d links made in %s, checked %s later, with %d requests, a kill after %d: %+v", n, made.Sub(began), time.Since(made), f.requests(), <-killed, got)
	if got != want {
		t.Errorf("want %+v", want)
	}
	f.polite(t)
}

// TestChecks_Steps: a link is checked less and less often while nothing changes,
// and often again from a change on.
func TestChecks_Steps(t *testing.T) {
	t.Parallel()
	srv, h := natstest.Start(t), linksv1test.NewImitation(t, linksv1test.Plain)
	h.Set("a", linksv1test.There)
	set := checking(map[string]string{"h.example": h.URL})
	set.Steps, set.Sweep = []string{"1s", "2s", "4s", "40s"}, time.Minute
	p, _ := serve(t, srv.URL(), t.TempDir(), set)
	calls := linksv1.NewClient(p.Client)
	id := create(t, calls, "https://h.example/a").ID
	has(t, calls, id, linksv1.Online)
	wait(t, "three checks", func() bool { return h.Requests() >= 3 })
	h.Set("a", linksv1test.Removed) // from now on a check is a HEAD and a GET
	wait(t, "two more checks", func() bool { return h.Requests() >= 7 })
	has(t, calls, id, linksv1.Offline)
	at := h.Times()
	at = []time.Time{at[0], at[1], at[2], at[3], at[5]}
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, time.Second} {
		// Late by less than what comes without the change, or by a sweep.
		if d := at[i+1].Sub(at[i]); d < want || d > want+30*time.Second {
			t.Errorf("check %d came %s after the one before, want %s", i+2, d, want)
		}
	}
}

// has waits until a container has a status.
func has(t *testing.T, calls linksv1.Service, id string, want linksv1.Status) {
	t.Helper()
	wait(t, "status "+string(want), func() bool {
		c, err := calls.GetContainer(t.Context(), linksv1.ContainerRequest{ID: id})
		return err == nil && c.Status == want
	})
}

func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestChecks_SurviveRestarts: what is due later is checked when its time comes,
// though everything, NATS too, was stopped in between; no sweep comes to help.
func TestChecks_SurviveRestarts(t *testing.T) {
	t.Parallel()
	store, dir := t.TempDir(), t.TempDir()
	srv, h := natstest.StartWith(t, natsd.Options{StoreDir: store}), linksv1test.NewImitation(t, linksv1test.Plain)
	h.Set("a", linksv1test.There)
	set := checking(map[string]string{"h.example": h.URL})
	set.Steps, set.Sweep = []string{"5s"}, time.Minute
	p, stop := serve(t, srv.URL(), dir, set)
	calls := linksv1.NewClient(p.Client)
	id := create(t, calls, "https://h.example/a").ID
	has(t, calls, id, linksv1.Online)
	stop()
	srv.Shutdown()
	h.Set("a", linksv1test.Removed)
	srv = natstest.StartWith(t, natsd.Options{StoreDir: store})
	p, _ = serve(t, srv.URL(), dir, set)
	has(t, linksv1.NewClient(p.Client), id, linksv1.Offline)
	if at := h.Times(); at[1].Sub(at[0]) < 5*time.Second {
		t.Errorf("the check came after %s", at[1].Sub(at[0]))
	}
}

// TestChecks_LeftToOthers: a copy that does no checks leaves them in the queue.
func TestChecks_LeftToOthers(t *testing.T) {
	t.Parallel()
	srv, dir, h := natstest.Start(t), t.TempDir(), linksv1test.NewImitation(t, linksv1test.Plain)
	set := checking(map[string]string{"h.example": h.URL})
	idle := set
	idle.Checks = false
	p, _ := serve(t, srv.URL(), dir, idle)
	calls := linksv1.NewClient(p.Client)
	id := create(t, calls, "https://h.example/a").ID
	st, err := p.JS.Stream(t.Context(), streams.Checks)
	if err != nil {
		t.Fatal(err)
	}
	waits := func() uint64 {
		i, err := st.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return i.State.Msgs
	}
	wait(t, "a check in the queue", func() bool { return waits() == 1 })
	if h.Requests() != 0 {
		t.Error("it was checked")
	}
	serve(t, srv.URL(), dir, set)
	has(t, calls, id, linksv1.Offline)
	wait(t, "an empty queue", func() bool { return waits() == 0 })
}

// BenchmarkChecks checks links of many hosts that are not slow and may be asked as
// fast as it goes: what the queue, the permits and the records cost. The baseline
// asks for the same by bare requests, as many at a time.
func BenchmarkChecks(b *testing.B) {
	const hosts, n = 40, 2000
	srv := natstest.Start(b)
	bases := map[string]string{}
	var links []linksv1.LinkInput
	for i := range hosts {
		h := linksv1test.NewImitation(b, linksv1test.Plain)
		domain := fmt.Sprintf("h%d.example", i)
		bases[domain] = h.URL
		for k := range n / hosts {
			h.Set(fmt.Sprint(k), linksv1test.There)
		}
	}
	for i := range n {
		links = append(links, linksv1.LinkInput{URL: fmt.Sprintf("https://h%d.example/%d", i%hosts, i/hosts)})
	}
	set := checking(bases)
	set.Rate, set.Concurrency = 10_000, 16
	p, _ := serve(b, srv.URL(), b.TempDir(), set)
	calls := linksv1.NewClient(p.Client)
	bare := askBare(b, links, bases, 2*set.Concurrency)
	round := 0
	for b.Loop() {
		batch := make([]linksv1.LinkInput, n)
		for i, l := range links {
			batch[i] = linksv1.LinkInput{URL: fmt.Sprintf("%s?%d", l.URL, round)}
		}
		round++
		checked(b, calls, contain(b, calls, batch), time.Minute)
	}
	rate := float64(round*n) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "checks/s")
	b.ReportMetric(bare, "bare-heads/s")
	b.ReportMetric(rate/bare, "x-bare")
}

// askBare gives how many of the links are answered per second without all that,
// workers of them at a time.
func askBare(b *testing.B, links []linksv1.LinkInput, bases map[string]string, workers int) float64 {
	b.Helper()
	jobs := make(chan string)
	var wg sync.WaitGroup
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for u := range jobs {
				resp, err := http.Head(u)
				if err != nil {
					b.Error(err)
					continue
				}
				_ = resp.Body.Close()
			}
		})
	}
	for _, l := range links {
		host, path, _ := strings.Cut(strings.TrimPrefix(l.URL, "https://"), "/")
		jobs <- bases[host] + "/" + path
	}
	close(jobs)
	wg.Wait()
	return float64(len(links)) / time.Since(start).Seconds()
}
