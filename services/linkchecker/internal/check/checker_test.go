package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/linkchecker/internal/check"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

// ledger notes what a checker says.
type ledger struct {
	mu        sync.Mutex
	results   map[string]domain.Result
	postponed map[string]time.Time
	closed    map[string]bool // tasks that are done
	broken    error
}

func (l *ledger) Open(_ context.Context, t domain.Task) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.closed[t.URLID], l.broken
}

func (l *ledger) Record(_ context.Context, r domain.Result) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results[r.URLID] = r
	return l.broken
}

func (l *ledger) Postpone(_ context.Context, t domain.Task, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.postponed[t.URLID] = until
	return l.broken
}

func (l *ledger) result(address string) (domain.Result, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.results[domain.URLID(address)]
	return r, ok
}

// world is a checker and what it works with.
type world struct {
	*check.Checker
	ledger *ledger
	db     docstore.DB
}

type settings struct {
	bases map[string]string
	limit hosts.Limit
	out   outbound.Config
	db    docstore.DB
	tel   *telemetry.Telemetry // nil: nobody looks
}

func loopback() outbound.Config {
	return outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: patience}
}

func newWorld(t testing.TB, s settings) *world {
	t.Helper()
	if s.limit == (hosts.Limit{}) {
		s.limit = hosts.Limit{Concurrency: 4, Rate: 1000}
	}
	if s.db == nil {
		s.db = database(t)
	}
	book, err := hosts.Load(hosts.Options{Limit: s.limit, Bases: s.bases})
	if err != nil {
		t.Fatal(err)
	}
	if s.tel == nil {
		s.tel = telemetry.Nop()
	}
	s.out.Tel, s.out.Purpose = s.tel, "check"
	meter, err := check.NewMeter(s.tel, "test")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{ledger: &ledger{results: map[string]domain.Result{}, postponed: map[string]time.Time{}, closed: map[string]bool{}}, db: s.db}
	w.Checker = check.New(check.Deps{
		Ledger: w.ledger, Book: book, Gate: gateFor(t, s.db, time.Now, s.out.Timeout), Meter: meter, Clock: time.Now, Log: telemetry.Nop().Log,
	}, s.out, 64)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

// open gives those of the addresses that have no result.
func (w *world) open(addresses []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { _, done := w.ledger.result(a); return done })
}

func message(address string) *bus.Message {
	b, _ := json.Marshal(domain.Task{URLID: domain.URLID(address), Address: address, Due: time.Now()})
	return &bus.Message{Data: b, Deliveries: 1}
}

// all handles a task for each address at once, and gives what became of them.
func (w *world) all(ctx context.Context, addresses ...string) []error {
	out := make([]error, len(addresses))
	var wg sync.WaitGroup
	for i, a := range addresses {
		wg.Go(func() { out[i] = w.Handle(ctx, message(a)) })
	}
	wg.Wait()
	return out
}

func none(t *testing.T, errs []error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func addresses(format string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}

func TestChecker_FindsAndRecords(t *testing.T) {
	t.Parallel()
	h := linksv1test.NewImitation(t, linksv1test.Plain)
	h.Set("1", linksv1test.There)
	h.Set("2", linksv1test.Throttled)
	w := newWorld(t, settings{bases: map[string]string{"h.example": h.URL}, out: loopback()})
	none(t, w.all(t.Context(), "https://h.example/1", "https://h.example/3"))
	if r, _ := w.ledger.result("https://h.example/1"); r.Status != linksv1.Online || r.Reason != linksv1.ReasonFound || r.HTTPStatus != 200 ||
		r.Name != "film.part1.rar" || r.Size != 1000 || time.Since(r.At) > time.Minute || !r.NotBefore.IsZero() {
		t.Errorf("%+v", r)
	}
	if r, _ := w.ledger.result("https://h.example/3"); r.Status != linksv1.Offline || r.Reason != linksv1.ReasonGone || r.HTTPStatus != 404 {
		t.Errorf("%+v", r)
	}
	none(t, w.all(t.Context(), "https://h.example/2"))
	if r, _ := w.ledger.result("https://h.example/2"); r.Status != linksv1.Unknown || r.Reason != linksv1.ReasonLimited || r.NotBefore.Sub(r.At) != 7*time.Second {
		t.Errorf("%+v", r)
	}
}

// TestChecker_TasksThatAreNone: what is done already is not done again, and what
// can never be done goes to the dead letters.
func TestChecker_TasksThatAreNone(t *testing.T) {
	t.Parallel()
	h := linksv1test.NewImitation(t, linksv1test.Plain)
	w := newWorld(t, settings{bases: map[string]string{"h.example": h.URL}, out: loopback()})
	w.ledger.closed[domain.URLID("https://h.example/1")] = true
	none(t, w.all(t.Context(), "https://h.example/1"))
	for _, data := range []string{"", "null", "{}", "[]", `{"urlId":"x","address":"://"}`, `{"urlId":"x","address":"/a"}`, `{"address":"https://h.example/"}`, "\xff"} {
		if err := w.Handle(t.Context(), &bus.Message{Data: []byte(data)}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", data, err)
		}
	}
	if n := h.Requests(); n != 0 {
		t.Errorf("%d requests", n)
	}
	w.ledger.broken = errors.New("away")
	if err := w.Handle(t.Context(), message("https://h.example/2")); !errors.Is(err, w.ledger.broken) {
		t.Error(err)
	}
}

// TestChecker_Batches: a host that answers about many files at once is asked so.
func TestChecker_Batches(t *testing.T) {
	t.Parallel()
	h := linksv1test.NewImitation(t, linksv1test.Keep2share)
	h.Delay(50 * time.Millisecond)
	w := newWorld(t, settings{bases: map[string]string{"k2s.cc": h.URL}, out: loopback()})
	links := addresses("https://k2s.cc/file/abcdefghij%03d", 150)
	for i := range links {
		if i%2 == 0 {
			h.Set(fmt.Sprintf("abcdefghij%03d", i), linksv1test.There)
		}
	}
	// A page of the host's that is no file has a request of its own.
	none(t, w.all(t.Context(), append(links, "https://k2s.cc/help")...))
	for i, l := range links {
		want := linksv1.Online
		if i%2 != 0 {
			want = linksv1.Offline
		}
		if r, _ := w.ledger.result(l); r.Status != want {
			t.Errorf("%s: %+v", l, r)
		}
	}
	if n := h.Requests(); n > 8 {
		t.Errorf("%d requests", n)
	}
	if r, ok := w.ledger.result("https://k2s.cc/help"); !ok {
		t.Errorf("%+v", r)
	}
}

// TestChecker_Polite: two checkers on one store ask a host as one.
func TestChecker_Polite(t *testing.T) {
	t.Parallel()
	h := linksv1test.NewImitation(t, linksv1test.Plain)
	h.Delay(30 * time.Millisecond)
	s := settings{bases: map[string]string{"h.example": h.URL}, out: loopback(), limit: hosts.Limit{Concurrency: 2, Rate: 40}, db: database(t)}
	one, two := newWorld(t, s), newWorld(t, s)
	began := time.Now()
	var wg sync.WaitGroup
	for w, links := range map[*world][]string{one: addresses("https://h.example/nohead-a%d", 15), two: addresses("https://h.example/nohead-b%d", 15)} {
		wg.Go(func() {
			until(t, "all to be checked", func() bool { // what a busy machine has wait for too long comes again
				w.all(t.Context(), w.open(links)...)
				return len(w.open(links)) == 0
			})
		})
	}
	wg.Wait()
	took := time.Since(began)
	if h.Most() > 2 || h.MostWithin(time.Second) > 42 {
		t.Errorf("%d at once, %d in a second", h.Most(), h.MostWithin(time.Second))
	}
	// HEAD and GET of each of them wait for their times.
	if n := h.Requests(); n < 60 || took < time.Duration(n-1)*time.Second/40 {
		t.Errorf("%d requests in %s", n, took)
	}
}

// TestChecker_LeavesAlone: a host that limits is left alone by everybody for as
// long as it wants; what waits comes again then.
func TestChecker_LeavesAlone(t *testing.T) {
	t.Parallel()
	const rest = 10 * time.Minute // longer than the test takes on any machine
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", fmt.Sprint(rest.Seconds()))
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(srv.Close)
	s := settings{bases: map[string]string{"h.example": srv.URL}, out: loopback(), limit: hosts.Limit{Concurrency: 1, Rate: 1000}, db: database(t)}
	one, two := newWorld(t, s), newWorld(t, s)
	began := time.Now()
	none(t, one.all(t.Context(), addresses("https://h.example/%d", 12)...))
	none(t, two.all(t.Context(), addresses("https://h.example/x%d", 12)...))
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	if r, p := len(one.ledger.results), len(one.ledger.postponed); r != 1 || p != 11 {
		t.Errorf("%d results, %d postponed", r, p)
	}
	if r, p := len(two.ledger.results), len(two.ledger.postponed); r != 0 || p != 12 {
		t.Errorf("%d results, %d postponed", r, p)
	}
	for _, w := range []*world{one, two} {
		for _, at := range w.ledger.postponed {
			// One after the other, with as long between them as requests take.
			if d := at.Sub(began); d < rest || d > rest+time.Second+10*time.Since(began) {
				t.Errorf("again in %s", d)
			}
		}
	}
}

// TestChecker_Walls: a host that keeps programs out is not asked on and on.
func TestChecker_Walls(t *testing.T) {
	t.Parallel()
	h := linksv1test.NewImitation(t, linksv1test.Plain)
	h.Wall(linksv1test.Captcha)
	w := newWorld(t, settings{bases: map[string]string{"h.example": h.URL}, out: loopback(), limit: hosts.Limit{Concurrency: 1, Rate: 1000}})
	none(t, w.all(t.Context(), addresses("https://h.example/%d", 12)...))
	if r, p := len(w.ledger.results), len(w.ledger.postponed); r != 3 || p != 9 {
		t.Errorf("%d results, %d postponed", r, p)
	}
	for _, r := range w.ledger.results {
		if r.Status != linksv1.Unknown || r.Reason != linksv1.ReasonChallenge {
			t.Errorf("%+v", r)
		}
	}
}

// TestChecker_Crowded: a host with too many tasks in hand gives back, spread over
// the time that it needs, and no other host waits for it.
func TestChecker_Crowded(t *testing.T) {
	t.Parallel()
	slow, quick := linksv1test.NewImitation(t, linksv1test.Plain), linksv1test.NewImitation(t, linksv1test.Plain)
	w := newWorld(t, settings{bases: map[string]string{"slow.example": slow.URL, "quick.example": quick.URL}, out: loopback(), limit: hosts.Limit{Concurrency: 1, Rate: 2}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan []error, 1)
	go func() { ended <- w.all(ctx, addresses("https://slow.example/%d", 200)...) }()
	none(t, w.all(t.Context(), "https://quick.example/1"))
	until(t, "tasks that are given back", func() bool {
		w.ledger.mu.Lock()
		defer w.ledger.mu.Unlock()
		return len(w.ledger.postponed) > 150
	})
	cancel()
	back := 0
	for _, err := range <-ended {
		if err != nil {
			back++
		}
	}
	last := time.Time{}
	for _, at := range w.ledger.postponed {
		if at.After(last) {
			last = at
		}
	}
	if d := time.Until(last); d < 60*time.Second || d > 2*time.Minute || back > 40 {
		t.Errorf("the last one again in %s, %d given back at once", d, back)
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestChecker_Close: what waits goes back, what is under way may end, and what does
// not is given back too; no permit stays behind.
func TestChecker_Close(t *testing.T) {
	t.Parallel()
	t.Run("it ends", func(t *testing.T) {
		t.Parallel()
		ended := 0
		for range 5 { // a busy machine may miss the moment that requests are given, but not always
			if ended = closed(t, 100*time.Millisecond); ended > 0 {
				break
			}
		}
		if ended == 0 {
			t.Error("nothing that was under way ended")
		}
	})
	t.Run("it does not", func(t *testing.T) {
		t.Parallel()
		if n := closed(t, time.Hour); n != 0 {
			t.Errorf("%d results", n)
		}
	})
}

// closed closes a checker that has requests of a host under way which takes so long,
// and gives how many results there are.
func closed(t *testing.T, delay time.Duration) int {
	t.Helper()
	h := linksv1test.NewImitation(t, linksv1test.Plain)
	h.Delay(delay)
	w := newWorld(t, settings{bases: map[string]string{"h.example": h.URL}, out: loopback(), limit: hosts.Limit{Concurrency: 2, Rate: 100}})
	ended := make(chan []error, 1)
	go func() { ended <- w.all(t.Context(), addresses("https://h.example/%d", 10)...) }()
	until(t, "requests", func() bool { return h.Most() == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	done := 0
	for _, err := range <-ended {
		if err == nil {
			done++
		}
	}
	if n := len(w.ledger.results); done != n {
		t.Errorf("%d of 10 done, %d results", done, n)
	}
	if err := w.Handle(t.Context(), message("https://h.example/11")); err == nil {
		t.Error("a task was taken behind the end")
	}
	for range 2 {
		if p, no, err := gate(t, w.db, time.Now).Enter(t.Context(), "h.example", hosts.Limit{Concurrency: 2, Rate: 100000}); p == nil || err != nil {
			t.Errorf("%+v, %+v, %v", p, no, err)
		}
	}
	return done
}

// TestChecker_StoreAway: without permits nothing is asked, and nothing lost.
func TestChecker_StoreAway(t *testing.T) {
	t.Parallel()
	h := linksv1test.NewImitation(t, linksv1test.Plain)
	db := database(t)
	w := newWorld(t, settings{bases: map[string]string{"h.example": h.URL}, out: loopback(), db: db})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range w.all(t.Context(), addresses("https://h.example/%d", 5)...) {
		if err == nil {
			t.Error("a task is done without a request")
		}
	}
	if h.Requests() != 0 {
		t.Errorf("%d requests", h.Requests())
	}
}

// TestChecker_Cookie: the cookie that a host's rule sends reaches it, and nobody
// else; those of answers come back to nobody.
func TestChecker_Cookie(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.UserAgent()+"|"+r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "me"})
	}))
	t.Cleanup(srv.Close)
	w := newWorld(t, settings{bases: map[string]string{"ddownload.com": srv.URL}, out: loopback()})
	for i := range 2 {
		none(t, w.all(t.Context(), fmt.Sprintf("https://ddownload.com/abcdefghijk%d", i)))
	}
	const want = "Sluice-Linkchecker/1.0 (checks whether links of a container are there)|lang=english"
	if len(got) != 2 || got[0] != want || got[1] != want {
		t.Errorf("%q", got)
	}
}

// TestChecker_RestsBetweenRequests: a check whose lane comes to rest between its
// HEAD and its GET found nothing, and comes again.
func TestChecker_RestsBetweenRequests(t *testing.T) {
	t.Parallel()
	limited, asked := make(chan struct{}), make(chan struct{}, 2)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/limited" {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		asked <- struct{}{}
		select { // HEAD ends when the lane rests
		case <-limited:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
	}))
	t.Cleanup(srv.Close)
	w := newWorld(t, settings{bases: map[string]string{"h.example": srv.URL}, out: loopback(), limit: hosts.Limit{Concurrency: 2, Rate: 1000}})
	ended := make(chan error, 1)
	go func() { ended <- w.Handle(t.Context(), message("https://h.example/a")) }()
	<-asked
	none(t, w.all(t.Context(), "https://h.example/limited"))
	until(t, "the rest", func() bool {
		_, no, err := gate(t, w.db, time.Now).Enter(t.Context(), "h.example", hosts.Limit{Concurrency: 100, Rate: 1000})
		return err == nil && no.Rests
	})
	close(limited)
	if err := <-ended; err == nil {
		t.Error("it counts as done")
	}
	if r, ok := w.ledger.result("https://h.example/a"); ok {
		t.Errorf("it was recorded: %+v", r)
	}
}
