package endpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
	"github.com/sluicehq/sluice/services/upload/internal/endpoint"
	"github.com/sluicehq/sluice/services/upload/internal/store"
)

// unnamed finds no host.
type unnamed struct{}

func (unnamed) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("no such host")
}

// fetchWorld is remote URLs of a service that can be killed.
type fetchWorld struct {
	uploadv1test.FetchWorld
	domain *domain.Fetches
	store  *store.Fetches
	db     docstore.DB
	killer *killtest.Killer
	meter  *meter
}

func newFetchWorld(t *testing.T) fetchWorld {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "upload.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	st, err := store.OpenFetches(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	urls := outbound.New(outbound.Config{Resolver: unnamed{}})
	t.Cleanup(urls.Close)
	w := fetchWorld{db: db, store: st, killer: &killtest.Killer{}, meter: &meter{fetchesEnded: map[domain.FetchOutcome]int{}}}
	w.Clock, w.Accounts = uploadv1test.NewClock(), uploadv1test.NewAccounts(uploadv1test.FetchAccounts()...)
	w.domain = domain.NewFetches(domain.FetchOptions{Retry: uploadv1test.FetchRetry, Grace: 5 * time.Second}, domain.FetchDeps{
		Store: mortalFetches{st, w.killer}, Accounts: w.Accounts, Timers: mortalTimers{w.killer}, Meter: w.meter, Clock: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	w.Service = endpoint.NewFetch(w.domain, urls)
	w.Sweep = func() { _, _ = w.domain.Sweep(context.WithoutCancel(t.Context())) }
	w.Take = w.take
	return w
}

// take takes what waits to be published.
func (w fetchWorld) take(t *testing.T) (out []uploadv1.FetchWork) {
	t.Helper()
	pending, err := w.db.PendingOutbox(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pending {
		for _, m := range p.Messages {
			var work uploadv1.FetchWork
			if err := json.Unmarshal(m.Data, &work); err != nil || m.Subject != uploadv1.FetchSubject {
				t.Fatalf("%+v: %v", m, err)
			}
			out = append(out, work)
			if err := w.db.ClearOutbox(t.Context(), p.Collection, p.ID, []string{m.ID}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func TestFetch_Contract(t *testing.T) {
	t.Parallel()
	uploadv1test.RunFetch(t, func(t *testing.T) uploadv1test.FetchWorld { return newFetchWorld(t).FetchWorld })
}

// mortalFetches is the store of fetches of a service that can be killed.
type mortalFetches struct {
	domain.FetchStore
	*killtest.Killer
}

func (m mortalFetches) NextFetch(ctx context.Context) (int64, error) {
	return killtest.Step(m.Killer, func() (int64, error) { return m.FetchStore.NextFetch(ctx) })
}

func (m mortalFetches) InsertFetch(ctx context.Context, f domain.Fetch) error {
	return m.Write(func() error { return m.FetchStore.InsertFetch(ctx, f) })
}

func (m mortalFetches) UpdateFetch(ctx context.Context, id int64, change func(*domain.Fetch) error) (domain.Fetch, error) {
	return killtest.Step(m.Killer, func() (domain.Fetch, error) { return m.FetchStore.UpdateFetch(ctx, id, change) })
}

func (m mortalFetches) DeleteFetch(ctx context.Context, id int64) error {
	return m.Write(func() error { return m.FetchStore.DeleteFetch(ctx, id) })
}

func (m mortalFetches) UpdateFetchSlots(ctx context.Context, account string, change func(*domain.FetchSlots) error) error {
	return m.Write(func() error { return m.FetchStore.UpdateFetchSlots(ctx, account, change) })
}

// mortalTimers never fire, so that the sweep has to do.
type mortalTimers struct{ *killtest.Killer }

func (m mortalTimers) Wake(context.Context, int64, time.Time) error {
	return m.Write(func() error { return nil })
}

// FuzzFetch_URLs: whatever is taken as a URL leads somewhere by http or https, and
// is kept as it came.
func FuzzFetch_URLs(f *testing.F) {
	for _, seed := range []string{
		"http://files.example/a?b#c", "https://1.1.1.1/", "http://127.0.0.1/", "http://[::1]:80/", "//x", "http://0x7f.1/", "http://a@b/", "http://ä.example/", "h\x00",
		"http://files.example:65536/", "http://files.example./", "http://%41.example/", "HTTP://FILES.EXAMPLE", "http://1.1.1.1:8080/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		w := newFetchWorld(t)
		got, err := w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: alice, URL: url, Limit: 1})
		if err != nil {
			if !errors.Is(err, uploadv1.ErrBadFetchURL) {
				t.Errorf("%q: %v", url, err)
			}
			return
		}
		lower := strings.ToLower(url)
		if got.URL != url || len(url) > uploadv1.MaxFetchURL || !utf8.ValidString(url) || !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
			t.Errorf("%q was taken: %+v", url, got)
		}
	})
}

// TestFetch_Counts: every attempt's end is counted once, whoever repeats what.
func TestFetch_Counts(t *testing.T) {
	t.Parallel()
	w := newFetchWorld(t)
	add := func() uploadv1.FetchLeased {
		t.Helper()
		f, err := w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: alice, URL: "http://files.example/", Limit: 9})
		if err != nil {
			t.Fatal(err)
		}
		l, err := w.Service.LeaseFetch(t.Context(), uploadv1.FetchWorkRequest{ID: f.ID})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, r := range []uploadv1.EndFetchRequest{{NodeID: "n1"}, {Reason: "404"}, {Reason: "503", Again: true}, {Returned: true}} {
		l := add()
		r.ID, r.Fence = l.Fetch.ID, l.Fence
		for range 2 {
			if _, err := w.Service.EndFetch(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancelled := add()
	for range 2 {
		if _, err := w.Service.CancelFetch(t.Context(), uploadv1.FetchRequest{Principal: alice, ID: cancelled.Fetch.ID}); err != nil {
			t.Fatal(err)
		}
	}
	add()
	w.Clock.Advance(time.Minute)
	w.Sweep()
	w.Sweep()
	want := map[domain.FetchOutcome]int{
		domain.FetchDone: 1, domain.FetchFailed: 1, domain.FetchAgain: 1, domain.FetchReturned: 1, domain.FetchCancelled: 1, domain.FetchAbandoned: 1,
	}
	if !maps.Equal(w.meter.fetchesEnded, want) {
		t.Errorf("counted %v, want %v", w.meter.fetchesEnded, want)
	}
	if open, err := w.store.CountFetches(t.Context()); err != nil || open != 3 {
		t.Errorf("%d are open, %v", open, err)
	}
}
