package endpoint_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
	"github.com/sluicehq/sluice/services/linkchecker/internal/endpoint"
	"github.com/sluicehq/sluice/services/linkchecker/internal/store"
)

// noTimers fires none: what is due is found by the sweep.
type noTimers struct{}

func (noTimers) Wake(context.Context, string, time.Time) error { return nil }

type world struct {
	linksv1test.World
	domain *domain.Service
	db     docstore.DB
	deps   domain.Deps
}

func lane(a linksv1.Address) (string, string) { return a.Normal, a.Host }

func options() domain.Options {
	return domain.Options{
		Steps: []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}, Lost: 30 * time.Minute, Stale: time.Hour,
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "links.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{db: db}
	w.Clock = linksv1test.NewClock()
	w.deps = domain.Deps{
		Passwords: password.NewHasher(password.Config{MemoryKiB: 64, Passes: 1, AtOnce: 2}), Timers: noTimers{}, Lane: lane,
		Clock: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
	}
	master, err := keys.LoadOrCreate(filepath.Join(t.TempDir(), "key"), false)
	if err != nil {
		t.Fatal(err)
	}
	w.deps.Passes = store.NewPasses(master)
	if w.deps.Containers, err = store.OpenContainers(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if w.deps.Links, err = store.OpenLinks(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if w.deps.URLs, err = store.OpenURLs(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if w.deps.Usages, err = store.OpenUsages(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	w.open(t)
	return w
}

// open makes the service on w's ports.
func (w *world) open(t *testing.T) {
	w.domain = domain.New(options(), w.deps)
	w.Service = endpoint.New(w.domain)
	w.Check = func(url string, f linksv1test.Found) error {
		return w.domain.Record(t.Context(), result(url, f, w.Clock.Now()))
	}
	w.Sweep = func() {
		if _, err := w.domain.Sweep(t.Context()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
		clearOutbox(t, w.db)
	}
}

func result(url string, f linksv1test.Found, at time.Time) domain.Result {
	a, err := linksv1.ParseURL(url)
	if err != nil {
		panic(err) // the test's own URL
	}
	return domain.Result{
		URLID: domain.URLID(a.Normal), At: at, Status: f.Status, Reason: f.Reason, HTTPStatus: f.HTTPStatus, Name: f.Name, Size: f.Size,
	}
}

// clearOutbox is a relay that publishes into the void.
func clearOutbox(t *testing.T, db docstore.DB) []docstore.Message {
	t.Helper()
	var out []docstore.Message
	for {
		ps, err := db.PendingOutbox(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(ps) == 0 {
			return out
		}
		for _, p := range ps {
			ids := make([]string, len(p.Messages))
			for i, m := range p.Messages {
				ids[i] = m.ID
			}
			out = append(out, p.Messages...)
			if err := db.ClearOutbox(t.Context(), p.Collection, p.ID, ids); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLinks_Contract is the contract straight on the endpoint.
func TestLinks_Contract(t *testing.T) {
	t.Parallel()
	linksv1test.Run(t, func(t *testing.T) linksv1test.World { return newWorld(t).World })
}
