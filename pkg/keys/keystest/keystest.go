// Package keystest has what tests need of pkg/keys: a Store in memory, a master
// key file in a directory of the test, and the suite that every Store passes.
package keystest

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/pkg/keys"
)

// Master makes a master key file in a directory of the test and loads it.
func Master(t testing.TB) *keys.Master {
	t.Helper()
	m, err := keys.LoadOrCreate(filepath.Join(t.TempDir(), "master.key"), false)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Ring opens a ring on a fresh Memory under a fresh Master.
func Ring(t testing.TB) *keys.Ring {
	t.Helper()
	r, err := keys.OpenRing(t.Context(), NewMemory(), Master(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Memory is a keys.Store that forgets. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	last    uint64
	entries map[string]keys.Entry
}

// NewMemory makes an empty Memory.
func NewMemory() *Memory { return &Memory{entries: map[string]keys.Entry{}} }

// Get implements keys.Store.
func (m *Memory) Get(ctx context.Context, key string) (keys.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok {
		return keys.Entry{}, keys.ErrNotFound
	}
	return e, ctx.Err()
}

// Create implements keys.Store.
func (m *Memory) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.entries[key]; ok {
		return 0, keys.ErrExists
	}
	return m.put(ctx, key, value)
}

// Update implements keys.Store.
func (m *Memory) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[key].Revision != revision {
		return 0, keys.ErrStale
	}
	return m.put(ctx, key, value)
}

func (m *Memory) put(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.last++
	m.entries[key] = keys.Entry{Value: append([]byte(nil), value...), Revision: m.last}
	return m.last, nil
}

// List implements keys.Store.
func (m *Memory) List(ctx context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]string, 0, len(m.entries))
	for k := range m.entries {
		out = append(out, k)
	}
	return out, ctx.Err()
}
