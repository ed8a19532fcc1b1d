package clicks_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/stats/internal/clicks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Counter on a store of its own, with a clock and a tally of outcomes.
type world struct {
	*clicks.Counter
	mu       sync.Mutex
	now      time.Time
	outcomes map[clicks.Outcome]int
}

func (w *world) Clicked(o clicks.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[o]++
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func noon() time.Time { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) }

func open(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "stats.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{now: noon(), outcomes: map[clicks.Outcome]int{}}
	w.Counter, err = clicks.Open(t.Context(), db, clicks.Options{Fold: 72 * time.Hour, Days: 100}, w.clock, w)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) click(t *testing.T, visitor string, at time.Time, referrer ...string) {
	t.Helper()
	e := statsv1.ClickEvent{Subject: "abc", Visitor: visitor, Time: at}
	if len(referrer) > 0 {
		e.Referrer = referrer[0]
	}
	if err := w.Count(t.Context(), e); err != nil {
		t.Error(err)
	}
}

func (w *world) want(t *testing.T, today, yesterday, month, total int64) statsv1.Clicks {
	t.Helper()
	got, err := w.Clicks(t.Context(), statsv1.ClicksRequest{Subject: "abc", Days: 3, Referrers: 10})
	if err != nil {
		t.Fatal(err)
	}
	if got.Today != today || got.Yesterday != yesterday || got.ThisMonth != month || got.Total != total {
		t.Errorf("today %d, yesterday %d, this month %d, total %d; want %d %d %d %d", got.Today, got.Yesterday, got.ThisMonth, got.Total, today, yesterday, month, total)
	}
	return got
}

func (w *world) sweep(t *testing.T) {
	t.Helper()
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCount_OncePerVisitorAndHalfHour(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, m := range []time.Duration{0, 10, 29, 30, 31, 59} { // counts at 0 and 30
		w.click(t, "v1", noon().Add(-time.Hour+m*time.Minute))
	}
	w.click(t, "v2", noon().Add(-time.Hour))
	w.want(t, 3, 0, 3, 3)
	if w.outcomes[clicks.Counted] != 3 || w.outcomes[clicks.Repeated] != 4 {
		t.Error(w.outcomes)
	}
}

func TestCount_DuplicatesInAnyOrder(t *testing.T) {
	t.Parallel()
	w := open(t)
	var all []statsv1.ClickEvent
	for v := range 40 { // 3 clusters of clicks each, farther apart than the window
		for cluster := range 3 {
			for n := range 4 {
				all = append(all, statsv1.ClickEvent{
					Subject: "abc", Visitor: fmt.Sprint("v", v), Time: noon().Add(-time.Duration(cluster)*2*time.Hour - time.Duration(n)*5*time.Minute),
				})
			}
		}
	}
	all = append(all, all...)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var wg sync.WaitGroup
	for part := range 8 {
		wg.Go(func() {
			for i := part; i < len(all); i += 8 {
				if err := w.Count(context.Background(), all[i]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.want(t, 120, 0, 120, 120)
}

// TestCount_ByTimesInAnyOrder: clicks at any times, of which many come twice, come to
// what they would if they came in order; so do their referrers.
func TestCount_ByTimesInAnyOrder(t *testing.T) {
	t.Parallel()
	w := open(t)
	var all []statsv1.ClickEvent
	for range 600 {
		all = append(all, statsv1.ClickEvent{
			Subject: "abc", Visitor: fmt.Sprint("v", rand.N(20)), Time: noon().Add(-rand.N(12 * time.Hour)).Truncate(time.Millisecond), Referrer: fmt.Sprintf("h%d.example", rand.N(5)),
		})
	}
	slices.SortFunc(all, func(a, b statsv1.ClickEvent) int { return a.Time.Compare(b.Time) })
	last, want := map[string]time.Time{}, map[string]int64{}
	total := int64(0)
	for _, e := range all {
		if at, ok := last[e.Visitor]; !ok || e.Time.Sub(at) >= statsv1.ClickWindow {
			last[e.Visitor] = e.Time
			want[e.Referrer]++
			total++
		}
	}
	all = append(all, all[:100]...)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var wg sync.WaitGroup
	for part := range 8 {
		wg.Go(func() {
			for i := part; i < len(all); i += 8 {
				w.click(t, all[i].Visitor, all[i].Time, all[i].Referrer)
			}
		})
	}
	wg.Wait()
	for _, r := range w.want(t, total, 0, total, total).Referrers {
		if r.Clicks != want[r.Host] {
			t.Errorf("%s: %d, want %d", r.Host, r.Clicks, want[r.Host])
		}
	}
}

// TestCount_WithoutEnd: whoever clicks all day counts as often as it is a window, and
// takes no more room than others.
func TestCount_WithoutEnd(t *testing.T) {
	t.Parallel()
	w := open(t)
	for n := range 200 {
		w.click(t, "v", noon().Add(time.Duration(n-200)*3*time.Minute))
	}
	w.want(t, 20, 0, 20, 20)
}

func TestCount_DaysAndMonths(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.click(t, "v", noon().Add(-12*time.Hour-time.Second), "board.example") // yesterday, by a second
	w.click(t, "v", noon().Add(-12*time.Hour), "board.example")             // today: another day is another visitor
	w.click(t, "u", noon(), "google.com")
	w.click(t, "x", noon(), "board.example")
	got := w.want(t, 3, 1, 4, 4)
	if len(got.Referrers) != 2 || got.Referrers[0] != (statsv1.Referrer{Host: "board.example", Clicks: 3}) || got.Referrers[1].Host != "google.com" {
		t.Errorf("%+v", got.Referrers)
	}
	if len(got.Days) != 3 || got.Days[0] != (statsv1.Day{Day: "2026-03-08"}) || got.Days[2] != (statsv1.Day{Day: "2026-03-10", Clicks: 3}) {
		t.Errorf("%+v", got.Days)
	}

	w.advance(72 * time.Hour)
	w.sweep(t) // both days are over
	w.sweep(t)
	got = w.want(t, 0, 0, 4, 4)
	if len(got.Referrers) != 2 || got.Referrers[0].Clicks != 3 {
		t.Errorf("folded: %+v", got.Referrers)
	}
	w.click(t, "late", noon().Add(-12*time.Hour))
	if w.outcomes[clicks.Late] != 1 {
		t.Error("a click on a day that is over was not dropped")
	}
	w.want(t, 0, 0, 4, 4)

	w.advance(30 * 24 * time.Hour)
	w.click(t, "v", w.clock())
	w.want(t, 1, 0, 1, 5)
	w.advance(150 * 24 * time.Hour)
	w.sweep(t) // the first month is known by its total only
	w.want(t, 0, 0, 0, 5)
}

func TestCount_NotTwiceWhenADayIsFoldedBeside(t *testing.T) {
	t.Parallel()
	w := open(t)
	var wg sync.WaitGroup
	for v := range 200 {
		wg.Go(func() { w.click(t, fmt.Sprint("v", v), noon(), "board.example") })
	}
	wg.Wait()
	w.advance(72 * time.Hour)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := w.Sweep(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		if got := w.want(t, 0, 0, 200, 200); len(got.Referrers) != 1 || got.Referrers[0].Clicks != 200 {
			t.Errorf("%+v", got.Referrers)
		}
	}
}

func TestDrop_ForgetsForGood(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.click(t, "v", noon())
	for range 2 {
		if err := w.Drop(t.Context(), "abc"); err != nil {
			t.Fatal(err)
		}
	}
	w.want(t, 0, 0, 0, 0)
	w.click(t, "late", noon())
	w.want(t, 0, 0, 0, 0)
	if w.outcomes[clicks.Gone] != 1 {
		t.Error(w.outcomes)
	}
	w.advance(10 * 24 * time.Hour)
	if n, err := w.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("the mark stayed: %d, %v", n, err)
	}
}

func TestCount_RefusesWhatNoEdgeSends(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, e := range []statsv1.ClickEvent{
		{Visitor: "v", Time: noon()}, {Subject: "abc", Time: noon()}, {Subject: "a/b", Visitor: "v", Time: noon()}, {Subject: "abc", Visitor: "a.b", Time: noon()},
		{Subject: "abc", Visitor: "v"}, {Subject: "abc", Visitor: "v", Time: noon().Add(2 * time.Hour)}, {Subject: "abc", Visitor: "v", Time: noon(), Referrer: string(make([]byte, 300))},
		{Subject: "abc", Visitor: "v", Time: noon(), Referrer: "a\x00b"}, {Subject: "abc", Visitor: "v", Time: noon(), Referrer: "$set"}, {Subject: "abc", Visitor: "v", Time: noon(), Referrer: "a/b"},
	} {
		if err := w.Count(t.Context(), e); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if got, err := w.Clicks(t.Context(), statsv1.ClicksRequest{Subject: "../x", Days: 2}); err != nil || got.Total != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestReferrers_AreBounded: whoever invents referrers fills no store, and those
// that are known still count.
func TestReferrers_AreBounded(t *testing.T) {
	t.Parallel()
	w := open(t)
	var wg sync.WaitGroup
	for part := range 50 {
		wg.Go(func() {
			for n := part; n < 4000; n += 50 {
				w.click(t, fmt.Sprint("v", n), noon(), fmt.Sprintf("h%d.example", n%3000))
			}
		})
	}
	wg.Wait()
	got := w.want(t, 4000, 0, 4000, 4000)
	if len(got.Referrers) != 10 {
		t.Errorf("%d referrers", len(got.Referrers))
	}
}
