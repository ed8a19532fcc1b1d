// Package linksv1test holds what every implementation of linksv1.Service has to
// keep, as a suite: run on the endpoint and through NATS. It also has Fake, a
// service in memory for the tests of those who call it.
package linksv1test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Clock is a clock that only moves when it is told to.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts a clock.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// Now reads it.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Found is what a check finds.
type Found struct {
	Status     linksv1.Status
	Reason     linksv1.Reason
	HTTPStatus int
	Name       string
	Size       int64
}

// The usual ones.
var (
	Up   = Found{Status: linksv1.Online, Reason: linksv1.ReasonFound, HTTPStatus: 200}
	Down = Found{Status: linksv1.Offline, Reason: linksv1.ReasonGone, HTTPStatus: 404}
	Lost = Found{Status: linksv1.Unknown, Reason: linksv1.ReasonServer, HTTPStatus: 503}
)

// World is a linkchecker and what stands around it.
type World struct {
	Service linksv1.Service
	Clock   *Clock // what Service reads
	// Check has a check of a URL end now with what it found.
	Check func(url string, found Found) error
	// Sweep sweeps now, or does nothing where sweeps come by themselves.
	Sweep func()
}

// Run runs the suite; open makes a fresh World for each case.
func Run(t *testing.T, open func(t *testing.T) World) {
	for name, f := range map[string]func(*testing.T, World){
		"Create": create, "CreateDropsDoubles": doubles, "CreateRefuses": createRefuses, "CreateInBatches": batches, "CreateOnce": once, "CreateOnceInBatches": onceInBatches, "CreateOnceAtOnce": onceAtOnce,
		"BatchesRepeat": batchesRepeat, "BatchesLapse": batchesLapse, "BatchesRefuse": batchesRefuse, "LongestLinks": longest,
		"Ids": ids, "Owners": owners, "ListPages": listPages, "ListFilters": listFilters,
		"Update": update, "UpdateReplacesLinks": replaces, "UpdateInBatches": replacesInBatches, "UpdateGivesWay": givesWay,
		"Delete": deletes, "QuotaOfContainers": quotaContainers, "QuotaOfLinks": quotaLinks,
		"Unlock": unlock, "UnlockThrottles": throttles, "PassEnds": passEnds,
		"States": states, "SharedURLs": shared, "LinksTell": linksTell, "ResultsInAnyOrder": anyOrder, "NamesThatDoNotResolve": unresolved,
		"Recheck": recheck, "Import": imports, "ImportInBatches": importBatches, "Malformed": malformed,
		"Concurrent": concurrent, "ConcurrentEdits": concurrentEdits, "ConcurrentStates": concurrentStates,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

// Alice is who the suite acts as.
var alice, bob = authv1.Principal{AccountID: "acc_alice"}, authv1.Principal{AccountID: "acc_bob"}

func link(host string, n int) string { return fmt.Sprintf("https://%s/file/%d", host, n) }

func inputs(urls ...string) []linksv1.LinkInput {
	out := make([]linksv1.LinkInput, len(urls))
	for i, u := range urls {
		out[i].URL = u
	}
	return out
}

func request(urls ...string) linksv1.CreateRequest {
	return linksv1.CreateRequest{Principal: alice, Title: "Linux ISOs", Links: inputs(urls...)}
}

func (w World) make(t *testing.T, r linksv1.CreateRequest) linksv1.Container {
	t.Helper()
	c, err := w.Service.CreateContainer(t.Context(), r)
	if err != nil {
		t.Fatalf("creating: %v", err)
	}
	return c.Container
}

func (w World) get(t *testing.T, id string) linksv1.Container {
	t.Helper()
	c, err := w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{ID: id})
	if err != nil {
		t.Fatalf("getting %s: %v", id, err)
	}
	return c
}

// links reads all links of one's own container.
func (w World) links(t *testing.T, p authv1.Principal, id string) []linksv1.Link {
	t.Helper()
	var out []linksv1.Link
	for from := 0; ; {
		r, err := w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{Principal: p, ID: id, From: from})
		if err != nil {
			t.Fatalf("listing links from %d: %v", from, err)
		}
		out = append(out, r.Links...)
		if r.Next == 0 {
			return out
		}
		if r.Next != len(out) {
			t.Fatalf("next is %d behind %d links", r.Next, len(out))
		}
		from = r.Next
	}
}

func urls(ls []linksv1.Link) string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = l.URL
	}
	return strings.Join(out, " ")
}

// check ends a check, a second after the one before.
func (w World) check(t *testing.T, url string, f Found) {
	t.Helper()
	w.Clock.Advance(time.Second)
	if err := w.Check(url, f); err != nil {
		t.Fatalf("checking: %v", err)
	}
}

// eventually repeats a condition, with sweeps between.
func (w World) eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute) // only a failure takes it
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for w.Sweep(); !ok(); w.Sweep() {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
		<-tick.C
	}
}

func want(t *testing.T, what string, err error, want *fault.Error) {
	t.Helper()
	if fault.CodeOf(err) != want.Code || fault.KindOf(err) != want.Kind {
		t.Errorf("%s: got %v, want %s", what, err, want.Code)
	}
}

func ptr[T any](v T) *T { return &v }
