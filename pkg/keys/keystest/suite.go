package keystest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/pkg/keys"
)

// RunStore is the suite that every keys.Store passes. open gives a handle on an
// empty store; a second call for the same t another handle on the same one, as
// another process would have.
func RunStore(t *testing.T, open func(t *testing.T) (a, b keys.Store)) {
	t.Run("CompareAndSet", func(t *testing.T) {
		t.Parallel()
		a, b := open(t)
		compareAndSet(t, a, b)
	})
	t.Run("CreateRace", func(t *testing.T) {
		t.Parallel()
		a, b := open(t)
		createRace(t, a, b)
	})
	t.Run("DomainRace", func(t *testing.T) {
		t.Parallel()
		a, b := open(t)
		domainRace(t, a, b)
	})
}

func compareAndSet(t *testing.T, a, b keys.Store) {
	t.Helper()
	ctx := t.Context()
	if _, err := a.Get(ctx, "domain.x"); !errors.Is(err, keys.ErrNotFound) {
		t.Fatalf("get of nothing: %v", err)
	}
	rev, err := a.Create(ctx, "domain.x", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(ctx, "domain.x", []byte("2")); !errors.Is(err, keys.ErrExists) {
		t.Fatalf("second create: %v", err)
	}
	e, err := b.Get(ctx, "domain.x")
	if err != nil || string(e.Value) != "1" || e.Revision != rev {
		t.Fatalf("%+v, %v", e, err)
	}
	next, err := b.Update(ctx, "domain.x", []byte("2"), rev)
	if err != nil || next <= rev {
		t.Fatalf("update: revision %d after %d, %v", next, rev, err)
	}
	if _, err := a.Update(ctx, "domain.x", []byte("3"), rev); !errors.Is(err, keys.ErrStale) {
		t.Fatalf("stale update: %v", err)
	}
	if e, err := a.Get(ctx, "domain.x"); err != nil || string(e.Value) != "2" {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := a.Create(ctx, "domain.y", nil); err != nil {
		t.Fatal(err)
	}
	names, err := b.List(ctx)
	slices.Sort(names)
	if err != nil || !slices.Equal(names, []string{"domain.x", "domain.y"}) {
		t.Fatalf("%v, %v", names, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.Create(ended, "domain.z", nil); err == nil {
		t.Fatal("a call with an ended context succeeded")
	}
}

func createRace(t *testing.T, a, b keys.Store) {
	t.Helper()
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range 16 {
		s := []keys.Store{a, b}[i%2]
		wg.Go(func() {
			_, err := s.Create(t.Context(), "domain.x", fmt.Append(nil, i))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, keys.ErrExists) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d creates won", won.Load())
	}
}

// domainRace opens domains through rings of two processes at once.
func domainRace(t *testing.T, a, b keys.Store) {
	t.Helper()
	m := Master(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for i := range 8 {
		s := []keys.Store{a, b}[i%2]
		wg.Go(func() {
			ring, err := keys.OpenRing(t.Context(), s, m)
			if err != nil {
				t.Error(err)
				return
			}
			d, err := ring.Domain(t.Context(), "acme")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[d.HashID([32]byte{1})] = true
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Fatalf("%d different hash keys for one domain", len(ids))
	}
}
