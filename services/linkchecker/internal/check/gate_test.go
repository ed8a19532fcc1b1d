package check_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/services/linkchecker/internal/check"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func database(t testing.TB) docstore.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "linkchecker.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// clock is a time that tests set.
type clock struct{ us atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.us.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.us.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.us.Add(d.Microseconds()) }

const (
	timeout = 2 * time.Second
	// patience bounds what must happen; only failures take it.
	patience = time.Minute
)

func gate(t testing.TB, db docstore.DB, now func() time.Time) *check.Gate {
	t.Helper()
	return gateFor(t, db, now, timeout)
}

func gateFor(t testing.TB, db docstore.DB, now func() time.Time, timeout time.Duration) *check.Gate {
	t.Helper()
	g, err := check.OpenGate(t.Context(), db, now, timeout)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func enter(t *testing.T, g *check.Gate, l hosts.Limit) (*check.Permit, check.Refusal) {
	t.Helper()
	p, no, err := g.Enter(t.Context(), "h.example", l)
	if err != nil {
		t.Fatal(err)
	}
	if (p == nil) == no.Until.IsZero() {
		t.Fatalf("%+v, %+v", p, no)
	}
	return p, no
}

// TestGate_Limits plays checkers that come, go and die on two gates of one store:
// there are never more permits than the limit says, and never two requests closer
// together.
func TestGate_Limits(t *testing.T) {
	t.Parallel()
	db, c := database(t), newClock()
	gates := []*check.Gate{gate(t, db, c.now), gate(t, db, c.now)}
	l := hosts.Limit{Concurrency: 3, Rate: 8}
	type held struct {
		*check.Permit
		till time.Time // nobody may have counted on it before
	}
	var holds []held
	var times []time.Time
	got := func(p *check.Permit) held {
		times = append(times, p.At())
		return held{p, p.At().Add(timeout)}
	}
	for range 600 {
		switch i := rand.IntN(max(len(holds), 1)); {
		case rand.IntN(2) == 0 || len(holds) == 0:
			if p, _ := enter(t, gates[rand.IntN(2)], l); p != nil {
				holds = append(holds, got(p))
			}
		case rand.IntN(4) == 0: // it dies: the permit lapses by itself
			c.advance(timeout / 4)
		case rand.IntN(2) == 0:
			no, err := holds[i].Next(t.Context(), check.News{Fine: true})
			if errors.Is(err, check.ErrLapsed) {
				holds = slices.Delete(holds, i, i+1)
				continue
			}
			if err != nil || no.Rests {
				t.Fatal(no, err)
			}
			holds[i] = got(holds[i].Permit)
		default:
			if _, err := holds[i].Leave(t.Context(), check.News{}); err != nil {
				t.Fatal(err)
			}
			holds = slices.Delete(holds, i, i+1)
		}
		alive := 0
		for _, h := range holds {
			if h.till.After(c.now()) {
				alive++
			}
		}
		if alive > l.Concurrency {
			t.Fatalf("%d permits", alive)
		}
		c.advance(rand.N(120 * time.Millisecond))
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d < time.Second/8-time.Microsecond {
			t.Fatalf("two requests within %s", d)
		}
	}
	if len(times) < 100 {
		t.Errorf("%d requests", len(times))
	}
}

// TestGate_Race: real time, many at once.
func TestGate_Race(t *testing.T) {
	t.Parallel()
	db := database(t)
	l := hosts.Limit{Concurrency: 3, Rate: 500}
	var inside, most, done atomic.Int32
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		g := gateFor(t, db, time.Now, patience) // no permit lapses because its holder has no processor
		for range 6 {
			wg.Go(func() {
				for done.Load() < 60 && ctx.Err() == nil {
					p, _, err := g.Enter(ctx, "h.example", l)
					if err != nil {
						t.Error(err)
						return
					}
					if p == nil {
						continue
					}
					n := inside.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					done.Add(1)
					inside.Add(-1)
					if _, err := p.Leave(ctx, check.News{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if most.Load() > 3 || done.Load() < 60 {
		t.Errorf("%d at once, %d requests", most.Load(), done.Load())
	}
}

func TestGate_Lapses(t *testing.T) {
	t.Parallel()
	db, c := database(t), newClock()
	g := gate(t, db, c.now)
	l := hosts.Limit{Concurrency: 1, Rate: 1000}
	dead, _ := enter(t, g, l)
	if p, no := enter(t, g, l); p != nil || no.Rests || no.Until.Sub(c.now()) > time.Second {
		t.Errorf("%+v, %+v", p, no)
	}
	c.advance(timeout) // a request under it may still be on its way
	if p, _ := enter(t, g, l); p != nil {
		t.Error("a permit lapsed with its request under way")
	}
	c.advance(time.Minute)
	p, _ := enter(t, g, l)
	if p == nil {
		t.Fatal("a dead holder's permit did not lapse")
	}
	if _, err := dead.Next(t.Context(), check.News{}); !errors.Is(err, check.ErrLapsed) {
		t.Errorf("who comes back late: %v", err)
	}
	if _, err := dead.Leave(t.Context(), check.News{}); err != nil {
		t.Error(err)
	}
	if q, _ := enter(t, g, l); q != nil {
		t.Error("who came back late gave another one's permit away")
	}
	if _, err := p.Leave(t.Context(), check.News{}); err != nil {
		t.Error(err)
	}
}

// TestGate_Rests: what hosts say has everybody leave them alone.
func TestGate_Rests(t *testing.T) {
	t.Parallel()
	limited, wall := check.News{Limited: true}, check.News{Wall: true}
	for what, s := range map[string]struct {
		news  []check.News
		rests time.Duration
	}{
		"limited":              {[]check.News{limited}, 10 * time.Second},
		"limited again":        {[]check.News{limited, limited, limited}, 40 * time.Second},
		"limited, then fine":   {[]check.News{limited, limited, {Fine: true}, limited}, 10 * time.Second},
		"it says for how long": {[]check.News{limited, limited, {Limited: true, Retry: 7 * time.Second}}, 7 * time.Second},
		"for ever":             {[]check.News{{Limited: true, Retry: 24 * time.Hour}}, time.Hour},
		"often":                {slices.Repeat([]check.News{limited}, 50), time.Hour},
		"a wall":               {[]check.News{wall, wall}, 0},
		"walls":                {[]check.News{wall, wall, wall}, time.Minute},
		"more walls":           {[]check.News{wall, wall, wall, wall}, 2 * time.Minute},
		"walls in between":     {[]check.News{wall, wall, {Fine: true}, wall}, 0},
		"fine":                 {[]check.News{{Fine: true}, {}}, 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			db, c := database(t), newClock()
			g := gate(t, db, c.now)
			l := hosts.Limit{Concurrency: 4, Rate: 1000}
			var no check.Refusal
			for i, n := range s.news {
				p, _ := enter(t, g, l)
				if p == nil {
					t.Fatal("no permit")
				}
				tell := p.Leave
				if i%2 == 0 {
					tell = p.Next
				}
				var err error
				if no, err = tell(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				if i < len(s.news)-1 {
					c.advance(2 * time.Hour)
				}
			}
			if no.Rests != (s.rests > 0) || no.Rests && no.Until.Sub(c.now()) != s.rests {
				t.Fatalf("%+v at %s", no, c.now())
			}
			if s.rests == 0 {
				return
			}
			c.advance(s.rests - time.Millisecond)
			if p, no := enter(t, g, l); p != nil || !no.Rests {
				t.Errorf("it is asked again: %+v", no)
			}
			c.advance(2 * time.Millisecond)
			if p, _ := enter(t, g, l); p == nil {
				t.Error("it is not asked again")
			}
		})
	}
}

func TestGate_Forgets(t *testing.T) {
	t.Parallel()
	db, c := database(t), newClock()
	g := gate(t, db, c.now)
	for _, lane := range []string{"a.example", "b.example"} {
		if p, _, err := g.Enter(t.Context(), lane, hosts.Limit{Concurrency: 1, Rate: 1}); p == nil || err != nil {
			t.Fatal(p, err)
		}
		c.advance(4 * time.Hour)
	}
	if err := g.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, _, err := g.Enter(t.Context(), "b.example", hosts.Limit{Concurrency: 1, Rate: 1}); p == nil || err != nil {
		t.Fatal(p, err)
	}
	if err := g.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	type nothing struct{}
	docs, err := docstore.Open[nothing](t.Context(), db, docstore.Spec{Name: "hosts", Indexes: []docstore.Index{{Name: "used", Fields: []string{"used_at"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := docs.Count(t.Context(), docstore.Query{}); n != 1 || err != nil {
		t.Errorf("%d hosts, %v", n, err)
	}
}
