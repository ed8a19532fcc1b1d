package endpoint_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
	"github.com/sluicehq/sluice/services/upload/internal/endpoint"
	"github.com/sluicehq/sluice/services/upload/internal/store"
)

// plikWorld is temporary uploads of a service that can be killed.
type plikWorld struct {
	uploadv1test.PlikWorld
	domain *domain.Pliks
	store  *mortalPliks
	killer *killtest.Killer
	meter  *meter
}

func newPlikWorld(t *testing.T) plikWorld {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "upload.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	st, err := store.OpenPliks(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	w := plikWorld{killer: &killtest.Killer{}, meter: &meter{filesEnded: map[domain.PlikOutcome]int{}}}
	w.store = &mortalPliks{PlikStore: st, killer: w.killer}
	w.Clock = uploadv1test.NewClock()
	w.Objects, w.Accounts = uploadv1test.NewObjects(w.Clock.Now), uploadv1test.NewAccounts(uploadv1test.PlikAccounts()...)
	w.domain = domain.NewPliks(domain.PlikOptions{Retry: 30 * time.Second, Grace: 5 * time.Second}, domain.PlikDeps{
		Store: w.store, Objects: mortalObjects{w.Objects, w.killer}, Accounts: w.Accounts, Vault: store.NewPlikVault(keystest.Master(t)), Meter: w.meter,
		Clock: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	w.Service = endpoint.NewPlik(w.domain)
	w.Sweep = func() { _, _ = w.domain.Sweep(context.WithoutCancel(t.Context())) }
	return w
}

func TestPlik_Contract(t *testing.T) {
	t.Parallel()
	uploadv1test.RunPlik(t, func(t *testing.T) uploadv1test.PlikWorld { return newPlikWorld(t).PlikWorld })
}
