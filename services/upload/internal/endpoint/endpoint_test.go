package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
	"github.com/sluicehq/sluice/services/upload/internal/endpoint"
	"github.com/sluicehq/sluice/services/upload/internal/store"
)

// meter counts outcomes.
type meter struct {
	mu    sync.Mutex
	began int
	ended map[domain.Outcome]int

	multiBegan int
	multiEnded map[domain.Outcome]int

	sessionBegan int
	sessionEnded map[domain.Outcome]int

	pliksMade  int
	filesEnded map[domain.PlikOutcome]int

	fetchesEnded map[domain.FetchOutcome]int
}

func (m *meter) FetchEnded(o domain.FetchOutcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetchesEnded[o]++
}

func (m *meter) PlikMade() { m.mu.Lock(); defer m.mu.Unlock(); m.pliksMade++ }

func (m *meter) PlikFileEnded(o domain.PlikOutcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.filesEnded[o]++
}

func (m *meter) Began() { m.mu.Lock(); defer m.mu.Unlock(); m.began++ }

func (m *meter) MultipartBegan() { m.mu.Lock(); defer m.mu.Unlock(); m.multiBegan++ }

func (m *meter) MultipartEnded(o domain.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.multiEnded[o]++
}

func (m *meter) SessionBegan() { m.mu.Lock(); defer m.mu.Unlock(); m.sessionBegan++ }

func (m *meter) SessionEnded(o domain.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessionEnded[o]++
}

func (m *meter) Ended(o domain.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended[o]++
}

// broken is a store whose writes can fail.
type broken struct {
	domain.Store
	put error
}

func (b *broken) Put(ctx context.Context, i domain.Ingest) error {
	if b.put != nil {
		return b.put
	}
	return b.Store.Put(ctx, i)
}

type world struct {
	uploadv1test.World
	domain *domain.Service
	store  *broken
	meter  *meter
	multi  *domain.Multiparts
	parts  *mortalParts
	sess   *domain.Sessions
	pages  *mortalSessions
	killer *killtest.Killer
	db     docstore.DB
}

// page is how many contents go into a page of a session in these tests.
const page = 2

func newWorld(t *testing.T) world {
	t.Helper()
	return newWorldOf(t, page)
}

func newWorldOf(t *testing.T, page int) world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "upload.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	st, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	clock := uploadv1test.NewClock()
	w := world{store: &broken{Store: st}, meter: &meter{ended: map[domain.Outcome]int{}, multiEnded: map[domain.Outcome]int{}, sessionEnded: map[domain.Outcome]int{}}}
	objects := uploadv1test.NewObjects(clock.Now)
	w.domain = domain.New(domain.Options{Lease: 2 * time.Minute, Retry: 30 * time.Second, Grace: 5 * time.Second}, domain.Deps{
		Store: w.store, Objects: objects, Meter: w.meter, Clock: clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	parts, err := store.OpenMultiparts(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	w.db, w.killer = db, &killtest.Killer{}
	w.parts = &mortalParts{MultipartStore: parts, Killer: w.killer}
	w.multi = domain.NewMultiparts(domain.MultipartOptions{
		MinPart: uploadv1test.MinPart, Expiry: uploadv1test.Expiry, Retry: 30 * time.Second, Grace: 5 * time.Second,
	}, domain.MultipartDeps{Store: w.parts, Objects: mortalObjects{objects, w.killer}, Meter: w.meter, Clock: clock.Now, Log: slog.New(slog.DiscardHandler)})
	sessions, err := store.OpenSessions(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	w.pages = &mortalSessions{SessionStore: sessions, Killer: w.killer}
	w.sess = domain.NewSessions(domain.SessionOptions{Expiry: uploadv1test.Expiry, Retry: 30 * time.Second, Grace: 5 * time.Second, Page: page}, domain.SessionDeps{
		Store: w.pages, Objects: mortalObjects{objects, w.killer}, Meter: w.meter, Clock: clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	w.World = uploadv1test.World{
		Service: endpoint.New(w.domain, w.multi, w.sess), Objects: objects, Clock: clock,
		Sweep: func() {
			_, _ = w.domain.Sweep(context.WithoutCancel(t.Context()))
			_, _ = w.multi.Sweep(context.WithoutCancel(t.Context()))
			_, _ = w.sess.Sweep(context.WithoutCancel(t.Context()))
		},
	}
	return w
}

func TestUpload_Contract(t *testing.T) {
	t.Parallel()
	uploadv1test.Run(t, func(t *testing.T) uploadv1test.World { return newWorld(t).World })
}

func begin(key string) uploadv1.BeginRequest {
	return uploadv1.BeginRequest{Put: objectv1.BeginPutRequest{Principal: authv1.Principal{AccountID: "acc"}, Bucket: "b", Key: key, Size: -1}}
}

func TestUpload_AnIngestThatCannotBeRecordedIsGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.put = errors.New("disk full")
	if _, err := w.Service.Begin(t.Context(), begin("k")); err == nil {
		t.Fatal("begun without a record")
	}
	if w.Objects.Held() != 0 {
		t.Error("the ticket is still held")
	}
}

// TestUpload_AnotherAttemptTakesTheRecord: a write with an idempotency key that is
// taken over has the version id of the first attempt.
func TestUpload_AnotherAttemptTakesTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i, err := w.Service.Begin(t.Context(), begin("k"))
	if err != nil {
		t.Fatal(err)
	}
	old, err := w.store.Get(t.Context(), i.Ticket.VersionID)
	if err != nil {
		t.Fatal(err)
	}
	old.State, old.LeaseTill = domain.Open, w.Clock.Now().Add(time.Hour)
	if err := w.store.Put(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if now, err := w.store.Get(t.Context(), i.Ticket.VersionID); err != nil || !now.LeaseTill.Equal(old.LeaseTill) {
		t.Errorf("%+v, %v", now, err)
	}
}

func TestUpload_SweepsOfManyCopiesAbortOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 500 // more than a page
	for k := range n {
		if _, err := w.Service.Begin(t.Context(), begin(fmt.Sprint(k))); err != nil {
			t.Fatal(err)
		}
	}
	w.Clock.Advance(3 * time.Minute)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := w.domain.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if w.Objects.Held() != 0 || w.Objects.Aborts() != n || w.meter.ended[domain.Abandoned] != n || w.meter.began != n {
		t.Errorf("%d held, %d aborts, counted %+v", w.Objects.Held(), w.Objects.Aborts(), w.meter.ended)
	}
}

// TestUpload_RenewAgainstSweep races them: either the renewal wins and the ingest
// lives, or it is told that the ingest is gone and the ticket is aborted.
func TestUpload_RenewAgainstSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 60
	ids := make([]string, n)
	for k := range n {
		i, err := w.Service.Begin(t.Context(), begin(fmt.Sprint(k)))
		if err != nil {
			t.Fatal(err)
		}
		ids[k] = i.Ticket.VersionID
	}
	w.Clock.Advance(126 * time.Second) // over, and past the grace
	alive := make([]bool, n)
	var wg sync.WaitGroup
	for k := range n {
		wg.Go(func() {
			_, err := w.Service.Renew(t.Context(), uploadv1.RenewRequest{AccountID: "acc", VersionID: ids[k], Bytes: 1})
			if err != nil && !errors.Is(err, uploadv1.ErrGone) {
				t.Error(err)
			}
			alive[k] = err == nil
		})
	}
	wg.Go(func() { w.Sweep() })
	wg.Wait()
	w.Sweep()
	for k, id := range ids {
		want := "aborted"
		if alive[k] {
			want = "held"
		}
		if got := w.Objects.Fate(id); got != want {
			t.Errorf("ingest %d is %s, want %s", k, got, want)
		}
	}
}
