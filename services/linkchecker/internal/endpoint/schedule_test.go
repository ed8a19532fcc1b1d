package endpoint_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
	"github.com/sluicehq/sluice/services/linkchecker/internal/endpoint"
)

func (w *world) create(t *testing.T, urls ...string) linksv1.Container {
	t.Helper()
	c, err := w.Service.CreateContainer(t.Context(), linksv1.CreateRequest{Principal: alice, Title: "t", Links: inputs(urls...)})
	if err != nil {
		t.Fatal(err)
	}
	return c.Container
}

// tasks sweeps and gives what was put into the queue since the last time.
func (w *world) tasks(t *testing.T) []domain.Task {
	t.Helper()
	if _, err := w.domain.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out []domain.Task
	seen := map[string]bool{}
	for _, m := range clearOutbox(t, w.db) {
		if !strings.HasPrefix(m.Subject, "check.") {
			continue
		}
		var task domain.Task
		if err := json.Unmarshal(m.Data, &task); err != nil || task.ID() != m.ID || seen[m.ID] {
			t.Fatalf("%+v, %v", m, err)
		}
		seen[m.ID] = true
		out = append(out, task)
	}
	return out
}

func (w *world) record(t *testing.T, url string, f linksv1test.Found) {
	t.Helper()
	if err := w.Check(url, f); err != nil {
		t.Fatal(err)
	}
}

// TestChecks_Steps follows one URL: at once, then rarer while nothing changes,
// then anew.
func TestChecks_Steps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, one)
	if got := w.tasks(t); len(got) != 1 || got[0].Address != one || got[0].Host != "a.example" || !got[0].Due.Equal(w.Clock.Now()) {
		t.Fatalf("%+v", got)
	}
	for i, s := range []struct {
		f    linksv1test.Found
		wait time.Duration
	}{
		{linksv1test.Up, 15 * time.Minute}, {linksv1test.Up, time.Hour}, {linksv1test.Up, 6 * time.Hour}, {linksv1test.Up, 24 * time.Hour}, {linksv1test.Up, 24 * time.Hour},
		{linksv1test.Down, 15 * time.Minute}, {linksv1test.Lost, 15 * time.Minute}, {linksv1test.Lost, time.Hour},
	} {
		w.record(t, one, s.f)
		if got := w.tasks(t); len(got) != 0 {
			t.Fatalf("check %d: queued at once: %+v", i, got)
		}
		w.Clock.Advance(s.wait - time.Millisecond)
		if got := w.tasks(t); len(got) != 0 {
			t.Fatalf("check %d: queued before %v: %+v", i, s.wait, got)
		}
		w.Clock.Advance(time.Millisecond)
		if got := w.tasks(t); len(got) != 1 || !got[0].Due.Equal(w.Clock.Now()) {
			t.Fatalf("check %d: not queued after %v: %+v", i, s.wait, got)
		}
	}
}

// TestChecks_LostInTheQueue queues again what has had no result for long.
func TestChecks_LostInTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, one)
	first := w.tasks(t)
	w.Clock.Advance(29 * time.Minute)
	if got := w.tasks(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	w.Clock.Advance(time.Minute)
	again := w.tasks(t)
	if len(again) != 1 || again[0].ID() == first[0].ID() {
		t.Fatalf("%+v behind %+v", again, first)
	}
	w.record(t, one, linksv1test.Up)
	for _, task := range append(first, again...) {
		if open, err := w.domain.Open(t.Context(), task); err != nil || open {
			t.Errorf("%+v is still to be done, %v", task, err)
		}
	}
}

func TestChecks_HostAsksToWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, one)
	w.tasks(t)
	r := result(one, linksv1test.Lost, w.Clock.Now())
	r.NotBefore = w.Clock.Now().Add(3 * time.Hour)
	if err := w.domain.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(3*time.Hour - time.Second)
	c := w.create(t, one) // whoever wants a check meanwhile gets none
	if _, err := w.Service.Recheck(t.Context(), linksv1.RecheckRequest{ID: c.ID, Within: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if got := w.tasks(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	w.Clock.Advance(time.Second)
	if got := w.tasks(t); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestChecks_AskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, one, two, three)
	w.tasks(t)
	w.record(t, one, linksv1test.Up)
	w.record(t, two, linksv1test.Up)
	w.tasks(t)
	ask := func(within time.Duration) int {
		t.Helper()
		if _, err := w.Service.Recheck(t.Context(), linksv1.RecheckRequest{ID: c.ID, Within: within}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, task := range w.tasks(t) {
			if task.Due.Equal(w.Clock.Now()) {
				n++
			}
		}
		return n
	}
	if n := ask(time.Hour); n != 0 {
		t.Errorf("%d checks of what was just checked, or waits", n)
	}
	w.Clock.Advance(10 * time.Minute)
	if n := ask(5 * time.Minute); n != 2 {
		t.Errorf("%d checks of two links that were checked 10 minutes ago", n)
	}
	w.record(t, one, linksv1test.Up)
	if n := ask(0); n != 0 {
		t.Errorf("%d checks within a minute", n)
	}
	w.Clock.Advance(2 * time.Minute)
	if n := ask(0); n != 1 {
		t.Errorf("%d checks of one link that waits for none", n)
	}
}

// TestChecks_OfKnownURLs checks a URL that comes into another container only when
// its last check is old.
func TestChecks_OfKnownURLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, one)
	w.tasks(t)
	for range 5 {
		w.Clock.Advance(time.Second)
		w.record(t, one, linksv1test.Up)
	}
	w.Clock.Advance(59 * time.Minute)
	w.create(t, one)
	if got := w.tasks(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	w.Clock.Advance(time.Minute)
	w.create(t, one)
	if got := w.tasks(t); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestChecks_OfNobody end with the last container that holds the URL.
func TestChecks_OfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, d := w.create(t, one, two), w.create(t, one)
	task := w.tasks(t)[0]
	for _, x := range []linksv1.Container{c, d} {
		if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: x.ID}); err != nil {
			t.Fatal(err)
		}
		w.Sweep()
	}
	w.Clock.Advance(48 * time.Hour)
	if got := w.tasks(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if open, err := w.domain.Open(t.Context(), task); err != nil || open {
		t.Errorf("the task is to be done, %v", err)
	}
	w.record(t, one, linksv1test.Up)
	if n := w.fits(t); n != 0 {
		t.Errorf("%d links", n)
	}
}

// TestStates_Race has two copies of the service record states of one URL at once,
// over and over, while its containers come and go.
func TestStates_Race(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := domain.New(options(), w.deps)
	keep := w.create(t, one, two)
	var wg sync.WaitGroup
	for i, s := range []*domain.Service{w.domain, second} {
		wg.Go(func() {
			for n := range 60 {
				w.Clock.Advance(time.Millisecond)
				f := []linksv1test.Found{linksv1test.Up, linksv1test.Down, linksv1test.Lost}[(n+i)%3]
				if err := s.Record(t.Context(), result(one, f, w.Clock.Now())); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			calls := endpoint.New(s)
			for range 10 {
				c, err := calls.CreateContainer(t.Context(), linksv1.CreateRequest{Principal: alice, Title: "t", Links: inputs(three, one)})
				if err != nil {
					t.Error(err)
					continue
				}
				if _, err := calls.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err != nil {
					t.Error(err)
				}
				if _, err := s.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.settle(t)
	told := clearOutbox(t, w.db)
	// The clock hardly moves here: a URL that goes and comes back within one of its
	// milliseconds is queued under one name, and the queue takes that once.
	once(t, slices.DeleteFunc(slices.Clone(told), func(m docstore.Message) bool { return strings.HasPrefix(m.Subject, "check.") }))
	if n := w.fits(t); n != 2 {
		t.Errorf("%d links", n)
	}
	inOrder(t, told, keep)
}

// inOrder holds the changes of a container's only changing link to one chain.
func inOrder(t *testing.T, told []docstore.Message, c linksv1.Container) {
	t.Helper()
	now := linksv1.Unknown
	n := 0
	for _, m := range told {
		if m.Subject != linksv1.LinkStatusChanged.Type {
			continue
		}
		var e linksv1.LinkEvent
		if err := json.Unmarshal(m.Data, &e); err != nil {
			t.Fatal(err)
		}
		if e.ContainerID != c.ID {
			continue
		}
		if e.Was != now {
			t.Errorf("change %d is from %s, the link was %s", n, e.Was, now)
		}
		now = e.Link.Status
		n++
	}
	if n == 0 {
		t.Error("no change was told")
	}
}

// TestUsage_CountedAgain finds what interrupted writes left in the count.
func TestUsage_CountedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, one, two)
	for i := range 3 {
		if _, err := w.deps.Usages.Update(t.Context(), alice.AccountID, func(u *domain.Usage) error {
			u.Links = 100
			u.Holds = append(u.Holds, domain.Hold{ID: fmt.Sprint("left", i), Container: "nobody", Links: 7, Till: w.Clock.Now().Add(time.Duration(i) * time.Minute)})
			due := w.Clock.Now()
			u.DueAt = &due
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.Sweep()
	u, err := w.deps.Usages.Get(t.Context(), alice.AccountID)
	if err != nil || u.Links != 100 || len(u.Holds) != 3 {
		t.Errorf("counted while a write may be under way: %+v, %v", u, err)
	}
	w.Clock.Advance(3 * time.Minute)
	w.Sweep()
	if u, err = w.deps.Usages.Get(t.Context(), alice.AccountID); err != nil || u.Links != 2 || len(u.Holds) != 0 || u.DueAt != nil {
		t.Errorf("%+v, %v", u, err)
	}
}
