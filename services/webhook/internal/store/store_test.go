package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
	"github.com/sluicehq/sluice/services/webhook/internal/store"
)

var now = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func open(t *testing.T) (docstore.DB, *store.Deliveries, *store.Endpoints) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "webhook.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d, err := store.OpenDeliveries(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	e, err := store.OpenEndpoints(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return db, d, e
}

func delivery(i int, endpoint string, wake time.Time) domain.Delivery {
	return domain.Delivery{
		ID: fmt.Sprintf("dlv_%03d", i), EndpointID: endpoint, AccountID: "acc", BucketID: "b", ConfigID: "c", EventID: "ev", EventType: "t",
		URL: "http://x", State: webhookv1.Pending, Next: wake, Wake: wake, Body: []byte{0, 1, 255}, CreatedAt: now.Add(time.Duration(i) * time.Second),
		Trace: map[string]string{"traceparent": "00-1"}, Attempts: []webhookv1.Attempt{{Time: now, Status: 500, Duration: time.Second}},
	}
}

func insert(t *testing.T, s *store.Deliveries, ds ...domain.Delivery) {
	t.Helper()
	for _, d := range ds {
		if ok, err := s.Insert(t.Context(), d); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

func TestDeliveries_RoundTrip(t *testing.T) {
	t.Parallel()
	_, s, _ := open(t)
	want := delivery(1, "b.c", now)
	insert(t, s, want)
	if ok, err := s.Insert(t.Context(), delivery(1, "other", now)); ok || err != nil {
		t.Errorf("the same id again: %v, %v", ok, err)
	}
	got, err := s.Get(t.Context(), want.ID)
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if _, err := s.Get(t.Context(), "none"); !errors.Is(err, domain.ErrNoDocument) {
		t.Error(err)
	}
	if _, err := s.Update(t.Context(), "none", func(*domain.Delivery) bool { return true }); !errors.Is(err, domain.ErrNoDocument) {
		t.Error(err)
	}
}

func TestDeliveries_Claim(t *testing.T) {
	t.Parallel()
	_, s, _ := open(t)
	insert(t, s, delivery(1, "b.c", now))
	took := 0
	for _, token := range []string{"a", "b"} {
		_, err := s.Update(t.Context(), "dlv_001", func(d *domain.Delivery) bool {
			if d.Take(token, now, time.Minute) {
				took++
				return true
			}
			return false
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if took != 1 {
		t.Errorf("claimed %d times", took)
	}
	if due, _, err := s.Due(t.Context(), now, "", 10); err != nil || len(due) != 0 {
		t.Errorf("claimed, and due: %+v, %v", due, err)
	}
	for token, want := range map[string]bool{"a": true, "b": false} {
		if ok, err := s.Extend(t.Context(), "dlv_001", token, now.Add(time.Hour)); ok != want || err != nil {
			t.Errorf("extending with token %s: %v, %v", token, ok, err)
		}
	}
	if due, err := s.DueFor(t.Context(), "b.c", now.Add(59*time.Minute), 10); err != nil || len(due) != 0 {
		t.Errorf("extended, and due: %+v, %v", due, err)
	}
	if due, err := s.DueFor(t.Context(), "b.c", now.Add(time.Hour), 10); err != nil || len(due) != 1 {
		t.Errorf("expired, and not due: %+v, %v", due, err)
	}
	if ok, err := s.Extend(t.Context(), "none", "a", now); ok || err != nil {
		t.Error(ok, err)
	}
}

func TestDeliveries_Due(t *testing.T) {
	t.Parallel()
	_, s, _ := open(t)
	for i := range 10 {
		insert(t, s, delivery(i, fmt.Sprintf("e%d", i%2), now.Add(time.Duration(i-7)*time.Minute)))
	}
	if _, err := s.Update(t.Context(), "dlv_000", func(d *domain.Delivery) bool {
		d.Claim = "t"
		d.Record("t", domain.Outcome{At: now, Status: 200}, 0)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for after, pages := "", 0; ; pages++ {
		due, next, err := s.Due(t.Context(), now, after, 3)
		if err != nil || pages > 5 {
			t.Fatal(pages, err)
		}
		for _, d := range due {
			ids = append(ids, d.ID)
		}
		if after = next; after == "" {
			break
		}
	}
	want := []string{"dlv_001", "dlv_002", "dlv_003", "dlv_004", "dlv_005", "dlv_006", "dlv_007"}
	if d := cmp.Diff(want, ids); d != "" {
		t.Error(d)
	}
	due, err := s.DueFor(t.Context(), "e0", now, 2)
	if err != nil || len(due) != 2 || due[0].ID != "dlv_002" || due[1].ID != "dlv_004" {
		t.Errorf("%+v, %v", due, err)
	}
}

func TestDeliveries_ListAndExpire(t *testing.T) {
	t.Parallel()
	_, s, _ := open(t)
	for i := range 40 {
		d := delivery(i, fmt.Sprintf("e%d", i%2), now)
		if i%4 < 2 {
			d.State, d.Wake, d.Next = webhookv1.Delivered, time.Time{}, time.Time{}
		}
		insert(t, s, d)
	}
	count := func(endpoint string, state webhookv1.State) (n int) {
		last := time.Time{}
		for after, pages := "", 0; ; pages++ {
			ds, next, err := s.List(t.Context(), endpoint, state, after, 3)
			if err != nil || pages > 40 {
				t.Fatal(pages, err)
			}
			for _, d := range ds {
				if !last.IsZero() && d.CreatedAt.After(last) {
					t.Error("not newest first")
				}
				last = d.CreatedAt
			}
			n += len(ds)
			if after = next; after == "" {
				return n
			}
		}
	}
	if n := count("", ""); n != 40 {
		t.Errorf("%d of 40", n)
	}
	if n := count("e1", ""); n != 20 {
		t.Errorf("%d of 20", n)
	}
	if n := count("", webhookv1.Delivered); n != 20 {
		t.Errorf("%d of 20", n)
	}
	if n := count("e1", webhookv1.Delivered); n != 10 {
		t.Errorf("%d of 10", n)
	}
	if n, err := s.Expire(t.Context(), now.Add(20*time.Second), 3); n != 3 || err != nil {
		t.Error(n, err)
	}
	if n, err := s.Expire(t.Context(), now.Add(20*time.Second), 100); n != 7 || err != nil {
		t.Error(n, err)
	}
	if n := count("", webhookv1.Pending); n != 20 {
		t.Errorf("%d pending ones are left of 20", n)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	db, _, s := open(t)
	if _, err := s.Get(t.Context(), "b.c"); !errors.Is(err, domain.ErrNoDocument) {
		t.Error(err)
	}
	e, err := s.Upsert(t.Context(), "b.c", now, func(e *domain.Endpoint) (bool, bool) { return e.Point("acc", "http://x"), false })
	if err != nil || e.URL != "http://x" || e.ID != "b.c" {
		t.Fatalf("%+v, %v", e, err)
	}
	if p, err := db.PendingOutbox(t.Context(), 10); err != nil || len(p) != 0 {
		t.Errorf("told of a new endpoint: %+v, %v", p, err)
	}
	e, err = s.Upsert(t.Context(), "b.c", now, func(e *domain.Endpoint) (bool, bool) {
		return e.Observe(domain.Outcome{At: now, Status: 410}, time.Hour)
	})
	if err != nil || !e.Off || !e.Failing.Equal(now) {
		t.Fatalf("%+v, %v", e, err)
	}
	p, err := db.PendingOutbox(t.Context(), 10)
	if err != nil || len(p) != 1 || len(p[0].Messages) != 1 || p[0].Messages[0].Subject != webhookv1.EndpointDisabled.Type {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := s.Upsert(t.Context(), "b.c", now, func(*domain.Endpoint) (bool, bool) { return false, false }); err != nil {
		t.Errorf("nothing to change: %v", err)
	}
	for i := range 5 {
		id := fmt.Sprintf("b.c%d", i)
		if _, err := s.Upsert(t.Context(), id, now, func(e *domain.Endpoint) (bool, bool) { return e.Point("acc", "u"), false }); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for after := ""; ; {
		es, next, err := s.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		n += len(es)
		if after = next; after == "" {
			break
		}
	}
	if n != 6 {
		t.Errorf("listed %d of 6", n)
	}
	for range 2 {
		if err := s.Delete(t.Context(), "b.c0"); err != nil {
			t.Error(err)
		}
	}
}
