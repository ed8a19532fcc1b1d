package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	names "github.com/sluicehq/sluice/contracts/streams" // streams is a type here
	"github.com/sluicehq/sluice/test/harness"
)

// TestLinks_Kill9 kills edge, linkchecker, stats, webhook and nats-server at
// random while clients make, edit, open and delete containers, and files come and
// go at their hosts. Afterwards every container that was acknowledged is there and
// whole, and none that was deleted; every link is checked and every badge says what
// the hosts say; each change of status was told, under one id; each click counts
// once; and what the account may have is there again.
func TestLinks_Kill9(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes for about half a minute; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	seed := harness.Seed(t)
	k := newKills(t, seed)
	lasts := 8 * time.Second
	if harness.Soak() {
		lasts = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), lasts+time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		pause(ctx, lasts)
		k.enough(ctx)
	})
	wg.Go(func() { k.kill(t, ctx, rand.New(rand.NewPCG(seed, 1))) })
	wg.Go(func() { k.flip(ctx, rand.New(rand.NewPCG(seed, 2))) })
	wg.Go(func() { k.visits(ctx, rand.New(rand.NewPCG(seed, 4))) })
	for i := range killClients {
		wg.Go(func() { k.play(t, ctx, i, rand.New(rand.NewPCG(seed, uint64(10+i)))) })
	}
	wg.Wait()
	if err := k.start(t); err != nil {
		t.Fatal(err)
	}
	k.p.c.HTTP.CloseIdleConnections()
	k.p.c.HTTP.Timeout = 30 * time.Second
	killed := time.Now()
	for _, f := range k.boxes {
		if f.stays { // a click that nothing disturbs
			f.looked, f.sure = f.looked+1, f.sure+1
			k.p.visits(t, f.id, f.looked, 1)
		}
	}
	k.t = t
	k.check(killed)
	t.Logf("checked %v after the last kill", time.Since(killed).Round(100*time.Millisecond))
	k.room(t)
}

// enough waits until the load shows something: on a busy machine a kill comes before
// most requests get through.
func (k *kills) enough(ctx context.Context) {
	for ; ctx.Err() == nil; pause(ctx, 200*time.Millisecond) {
		live, gone := 0, 0
		k.mu.Lock()
		for _, f := range k.boxes {
			if f.gone {
				gone++
			} else {
				live++
			}
		}
		k.mu.Unlock()
		if live >= leastLive+killClients && gone >= leastGone { // each may still delete one
			return
		}
	}
}

const (
	killClients = 4
	// leastLive and leastGone are how many containers show something.
	leastLive = 5
	leastGone = 1

	killSites = 6  // hosts
	killFiles = 10 // of each
	// killLinks bounds the links of the account.
	killLinks = 1000
)

// kills is the load and what its clients know.
type kills struct {
	t     *testing.T
	p     *linkPlot
	hook  string
	sites []*linksv1test.Imitation
	away  map[string]bool // links whose file is gone
	times map[string]int  // kills by victim

	js jetstream.JetStream

	mu    sync.Mutex
	boxes []*fate
	// lost are the links of containers, by title, whose making was never answered:
	// they are there whole, or not at all.
	lost map[string][]string
	// left is what was never answered, and is asked again in the end.
	left []func()
}

// fate is what its client knows of a container.
type fate struct {
	id     string
	title  string
	links  []string
	stays  bool // it is not deleted
	gone   bool
	looked int // visitors that were let in, or may have been
	sure   int // of these, those whose click was seen to be stored
}

func newKills(t *testing.T, seed uint64) *kills {
	t.Helper()
	k := &kills{away: map[string]bool{}, lost: map[string][]string{}, times: map[string]int{}}
	bases := "SLUICE_LINKCHECKER_HOSTS_BASE="
	rnd := rand.New(rand.NewPCG(seed, 3))
	for i := range killSites {
		h := linksv1test.NewImitation(t, linksv1test.Plain)
		h.Delay(time.Duration(5+rnd.IntN(30)) * time.Millisecond)
		for f := range killFiles {
			h.Set(fmt.Sprint(f), linksv1test.There)
		}
		k.sites = append(k.sites, h)
		bases += fmt.Sprintf("h%d.example=%s,", i, h.URL)
	}
	k.p = &linkPlot{plot: &plot{
		w: harness.Start(t, harness.Options{Topology: harness.Processes, FaultPoints: true, Env: []string{
			bases, "SLUICE_LINKCHECKER_STEPS=2s,4s", "SLUICE_LINKCHECKER_STALE=1s", "SLUICE_LINKCHECKER_SWEEP=500ms", "SLUICE_LINKCHECKER_RATE=200", "SLUICE_LINKCHECKER_TIMEOUT=1s",
			fmt.Sprintf("SLUICE_AUTH_PLANS=standard=1GB/1GB/0/%d", killLinks), "SLUICE_LOCKNEX_RATE=0", "SLUICE_LOCKNEX_PUBLIC_RATE=0",
		}}),
		r: harness.NewReceiver(t, nil),
	}}
	k.p.begin(t, 0)
	k.js = k.p.w.JetStream(t)
	k.hook = k.p.hears(t, k.p.r.URL)
	k.p.c.HTTP.Timeout = 2 * time.Second // the edge waits longer for whoever died with its question
	return k
}

func linkOf(site, file int) string { return fmt.Sprintf("https://h%d.example/%d", site, file) }

// flip has files come and go.
func (k *kills) flip(ctx context.Context, rnd *rand.Rand) {
	for ctx.Err() == nil {
		site, file, s := rnd.IntN(killSites), rnd.IntN(killFiles), linksv1test.There
		if rnd.IntN(2) == 0 {
			s = linksv1test.Removed
		}
		k.sites[site].Set(fmt.Sprint(file), s)
		k.away[linkOf(site, file)] = s == linksv1test.Removed
		pause(ctx, 50*time.Millisecond)
	}
}

// kill kills one after the other and starts it again, until ctx ends.
func (k *kills) kill(t *testing.T, ctx context.Context, rnd *rand.Rand) {
	victims := []string{"linkchecker", "edge", "nats", "webhook", "stats"}
	for n := 0; ; n++ {
		if n%len(victims) == 0 {
			rnd.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
		}
		pause(ctx, time.Duration(200+rnd.IntN(800))*time.Millisecond)
		if ctx.Err() != nil {
			t.Logf("kills: %v", k.times)
			return
		}
		name := victims[n%len(victims)]
		k.times[name]++
		k.p.w.Kill(name)
		if err := k.start(t); err != nil {
			t.Error(err)
			return
		}
	}
}

// start starts what does not run until all are ready, as whoever supervises
// processes does: one that starts while nats-server is killed ends by itself.
func (k *kills) start(t *testing.T) error {
	for end := time.Now().Add(time.Minute); ; {
		for _, name := range k.p.w.Order() {
			if k.p.w.Running(name) {
				continue
			}
			if err := k.p.w.StartProc(t.Context(), name); err != nil {
				return err
			}
		}
		if err := k.p.w.WaitReady(t.Context(), 3*time.Minute); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// ask sends a request until it is answered. Status 0 says that the answer is not
// known when time is over, or that the key of what broke off is not free so soon.
func (k *kills) ask(ctx context.Context, method, path string, body any, h http.Header) (r harness.Response, tries int) {
	for tries = 1; ; tries++ {
		r, err := k.p.c.Try(context.WithoutCancel(ctx), method, "/api/v1"+path, body, h)
		if ctx.Err() != nil && (err != nil || r.Status >= 500) || r.Code() == "idempotency_in_progress" {
			return harness.Response{}, tries
		}
		if err == nil && r.Status < 500 {
			return r, tries
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// play is one client with containers of its own.
func (k *kills) play(t *testing.T, ctx context.Context, client int, rnd *rand.Rand) {
	var mine []*fate
	for n := 0; ctx.Err() == nil; n++ {
		live := slices.DeleteFunc(slices.Clone(mine), func(f *fate) bool { return f.gone })
		op := rnd.IntN(6)
		if len(live) == 0 || op < 3 && len(live) < 30 {
			if f := k.makes(t, ctx, fmt.Sprintf("%d/%d", client, n), rnd); f != nil {
				mine = append(mine, f)
			}
			continue
		}
		var ok bool
		f := live[rnd.IntN(len(live))]
		if op < 5 || f.stays {
			ok = k.edits(t, ctx, f, fmt.Sprintf("%d/%d", client, n), rnd)
		} else {
			ok = k.deletes(t, ctx, f)
		}
		if !ok {
			return
		}
	}
}

// some gives links of the pool.
func (k *kills) some(rnd *rand.Rand) []string {
	all := rnd.Perm(killSites * killFiles)[:1+rnd.IntN(5)]
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = linkOf(n/killFiles, n%killFiles)
	}
	return out
}

func (k *kills) makes(t *testing.T, ctx context.Context, title string, rnd *rand.Rand) *fate {
	f := &fate{title: title, links: k.some(rnd), stays: rnd.IntN(4) == 0}
	h := k.p.me.Clone()
	h.Set("Idempotency-Key", title)
	r, _ := k.ask(ctx, http.MethodPost, "/container/create", wish(title, f.links...), h)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case r.Status == http.StatusOK:
		var made box
		if err := json.Unmarshal(r.Body, &made); err != nil {
			t.Error(err)
		}
		f.id = made.ID
		k.boxes = append(k.boxes, f)
		return f
	case r.Status == 0:
		k.lost[title] = f.links
	case r.Code() != "quota_exceeded":
		t.Errorf("making %s: %d %s", title, r.Status, r.Body)
	}
	return nil
}

// edits gives a container another list and title; false when nobody knows whether
// it has them, and time is over.
func (k *kills) edits(t *testing.T, ctx context.Context, f *fate, title string, rnd *rand.Rand) bool {
	links := k.some(rnd)
	r, _ := k.ask(ctx, http.MethodPut, "/container/"+f.id, wish(title, links...), k.p.me)
	switch {
	case r.Status == http.StatusOK:
		f.title, f.links = title, links
	case r.Status == 0:
		f.title, f.links = title, links
		k.later(func() { k.p.api(t, http.MethodPut, "/container/"+f.id, wish(title, links...)).Want(t, http.StatusOK) })
		return false
	case r.Code() != "quota_exceeded":
		t.Errorf("editing %s: %d %s", f.id, r.Status, r.Body)
	}
	return true
}

func (k *kills) deletes(t *testing.T, ctx context.Context, f *fate) bool {
	r, tries := k.ask(ctx, http.MethodDelete, "/container/"+f.id, nil, k.p.me)
	if r.Status != 0 && r.Status != http.StatusOK && (r.Status != http.StatusNotFound || tries == 1) {
		t.Errorf("deleting %s: %d %s", f.id, r.Status, r.Body)
	}
	k.mu.Lock()
	f.gone = true
	k.mu.Unlock()
	if r.Status == 0 {
		k.later(func() { k.p.api(t, http.MethodDelete, "/container/"+f.id, nil) })
	}
	return r.Status != 0
}

// later has something asked again when all are there again, as clients do.
func (k *kills) later(ask func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = append(k.left, ask)
}

// visits opens containers, each time as a visitor of its own. A click is sure when
// it was seen to be stored; nobody else visits, so that what is stored is known.
func (k *kills) visits(ctx context.Context, rnd *rand.Rand) {
	edge, unsure := 0, 0 // the process of the last visit, and what it may have in hand
	for ; ctx.Err() == nil; pause(ctx, 10*time.Millisecond) {
		k.mu.Lock()
		boxes := slices.DeleteFunc(slices.Clone(k.boxes), func(f *fate) bool { return !f.stays })
		k.mu.Unlock()
		if len(boxes) == 0 {
			continue
		}
		if now := k.p.w.PID("edge"); now != edge {
			edge, unsure = now, 0
		}
		before, err := k.stored(ctx)
		var in []*fate
		for range 5 {
			f := boxes[rnd.IntN(len(boxes))]
			f.looked++
			r, refused := k.p.visit(context.WithoutCancel(ctx), f.id, f.looked)
			if refused != nil || r.Status == http.StatusOK {
				unsure++
			}
			if refused == nil && r.Status == http.StatusOK {
				in = append(in, f)
			}
		}
		if err == nil && len(in) > 0 && k.comes(ctx, edge, before+uint64(unsure)) {
			unsure = 0
			for _, f := range in {
				f.sure++
			}
		}
	}
}

// comes waits until so many clicks are stored, for as long as the edge lives that
// has them, and not for ever.
func (k *kills) comes(ctx context.Context, edge int, clicks uint64) bool {
	for end := time.Now().Add(time.Second); time.Now().Before(end) && edge != 0 && edge == k.p.w.PID("edge"); pause(ctx, 20*time.Millisecond) {
		if now, err := k.stored(ctx); err == nil && now >= clicks {
			return true
		}
	}
	return false
}

// stored says how many clicks have come to their stream.
func (k *kills) stored(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := k.js.Stream(ctx, names.Clicks)
	if err != nil {
		_ = k.js.Conn().ForceReconnect() // it would wait for seconds
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}
