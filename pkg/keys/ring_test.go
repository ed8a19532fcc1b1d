package keys_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
)

func TestMemory_Store(t *testing.T) {
	t.Parallel()
	keystest.RunStore(t, func(*testing.T) (keys.Store, keys.Store) {
		m := keystest.NewMemory()
		return m, m
	})
}

func openRing(t *testing.T, s keys.Store, m *keys.Master) *keys.Ring {
	t.Helper()
	r, err := keys.OpenRing(t.Context(), s, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func domain(t *testing.T, r *keys.Ring, name string) *keys.Domain {
	t.Helper()
	d, err := r.Domain(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func seal(d *keys.Domain, plain string) (uint32, []byte) {
	id, aead := d.Current()
	return id, aead.Seal(nil, make([]byte, 12), []byte(plain), nil)
}

func open(t *testing.T, d *keys.Domain, id uint32, sealed []byte) string {
	t.Helper()
	aead, err := d.AEAD(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, make([]byte, 12), sealed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestRing_DomainsAreApart(t *testing.T) {
	t.Parallel()
	store, m := keystest.NewMemory(), keystest.Master(t)
	r := openRing(t, store, m)
	a, b := domain(t, r, "a"), domain(t, r, "b")
	if a.HashID([32]byte{1}) == b.HashID([32]byte{1}) {
		t.Error("two domains name content alike")
	}
	id, sealed := seal(a, "x")
	aead, err := b.AEAD(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aead.Open(nil, make([]byte, 12), sealed, nil); err == nil {
		t.Error("another domain's key opened it")
	}
	if domain(t, r, "a") != a {
		t.Error("one ring, two handles on a domain")
	}
	again := domain(t, openRing(t, store, m), "a")
	if again.HashID([32]byte{1}) != a.HashID([32]byte{1}) || open(t, again, id, sealed) != "x" {
		t.Error("a second process has other keys")
	}
}

func TestRing_BadNames(t *testing.T) {
	t.Parallel()
	r := keystest.Ring(t)
	for _, name := range []string{"", "a.b", "a b", "a/b", "ä", "*", ">", "check.master", strings.Repeat("a", 129)} {
		if _, err := r.Domain(t.Context(), name); !errors.Is(err, keys.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := r.Domain(t.Context(), strings.Repeat("a", 128)); err != nil {
		t.Error(err)
	}
}

func TestRing_RefusesForeignMaster(t *testing.T) {
	t.Parallel()
	store := keystest.NewMemory()
	openRing(t, store, keystest.Master(t))
	if _, err := keys.OpenRing(t.Context(), store, keystest.Master(t)); err == nil || !strings.Contains(err.Error(), "does not belong") {
		t.Fatal(err)
	}
}

func TestRing_RefusesMovedRecords(t *testing.T) {
	t.Parallel()
	store, m := keystest.NewMemory(), keystest.Master(t)
	domain(t, openRing(t, store, m), "victim")
	e, err := store.Get(t.Context(), "domain.victim")
	if err != nil {
		t.Fatal(err)
	}
	// Whoever can write the bucket must not be able to give a domain another's keys.
	for name, rec := range map[string]string{
		"copied":  string(e.Value),
		"renamed": strings.Replace(string(e.Value), `"domain":"victim"`, `"domain":"copy"`, 1),
		"garbage": "{",
		"empty":   "",
	} {
		other := keystest.NewMemory()
		if _, err := other.Create(t.Context(), "domain.copy", []byte(rec)); err != nil {
			t.Fatal(err)
		}
		if _, err := openRing(t, other, m).Domain(t.Context(), "copy"); !errors.Is(err, keys.ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDomain_RotateData(t *testing.T) {
	t.Parallel()
	store, m := keystest.NewMemory(), keystest.Master(t)
	d := domain(t, openRing(t, store, m), "a")
	other := domain(t, openRing(t, store, m), "a") // another process, which is not told
	name := d.HashID([32]byte{1})
	id1, old := seal(d, "old")
	if err := d.RotateData(t.Context()); err != nil {
		t.Fatal(err)
	}
	id2, fresh := seal(d, "new")
	if id1 != 1 || id2 != 2 {
		t.Fatalf("key ids %d, %d", id1, id2)
	}
	if d.HashID([32]byte{1}) != name {
		t.Error("the hash key was rotated too")
	}
	for _, x := range []*keys.Domain{d, other} {
		if open(t, x, id1, old) != "old" || open(t, x, id2, fresh) != "new" {
			t.Error("wrong plain text")
		}
	}
	if id, _ := other.Current(); id != 2 {
		t.Error("the other process goes on with the old key although it has seen the new one")
	}
	if _, err := d.AEAD(t.Context(), 9); !errors.Is(err, keys.ErrUnknownKey) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestDomain_RotateDataAtOnce(t *testing.T) {
	t.Parallel()
	store, m := keystest.NewMemory(), keystest.Master(t)
	var wg sync.WaitGroup
	for range 6 {
		d := domain(t, openRing(t, store, m), "a")
		wg.Go(func() {
			if err := d.RotateData(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if id, _ := domain(t, openRing(t, store, m), "a").Current(); id != 7 {
		t.Fatalf("current key is %d after 6 rotations", id)
	}
}

// crashing is a store whose writes stop after a while, as a killed process's do.
type crashing struct {
	keys.Store
	left int
}

var errCrash = errors.New("killed")

func (c *crashing) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	if c.left == 0 {
		return 0, errCrash
	}
	c.left--
	return c.Store.Update(ctx, key, value, rev)
}

func TestRing_RewrapSurvivesCrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	m, err := keys.LoadOrCreate(path, false)
	if err != nil {
		t.Fatal(err)
	}
	store := &crashing{Store: keystest.NewMemory()}
	r := openRing(t, store, m)
	names := []string{"a", "b", "c"}
	sealed := map[string][]byte{}
	for _, n := range names {
		_, sealed[n] = seal(domain(t, r, n), n)
	}
	if _, err := m.Rotate(); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		fresh, err := keys.LoadOrCreate(path, true)
		if err != nil {
			t.Fatal(err)
		}
		again := openRing(t, store, fresh)
		for _, n := range names {
			if got := open(t, domain(t, again, n), 1, sealed[n]); got != n {
				t.Fatalf("domain %s: %q", n, got)
			}
		}
	}
	total := 0
	for range len(names) + 1 { // the records, and the one that names the master
		check()
		store.left = 1
		n, err := r.Rewrap(t.Context())
		total += n
		if err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
	}
	check()
	if n, err := r.Rewrap(t.Context()); err != nil || n != 0 || total != len(names)+1 {
		t.Fatalf("rewrapped %d records, then %d, %v", total, n, err)
	}
	list, _ := store.List(t.Context())
	for _, k := range list {
		if e, _ := store.Get(t.Context(), k); strings.Contains(string(e.Value), `"master":1`) {
			t.Errorf("%s is still under the old key: %s", k, e.Value)
		}
	}
}

func TestRing_StoreErrorsAreTold(t *testing.T) {
	t.Parallel()
	r := keystest.Ring(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Domain(ctx, "a"); !errors.Is(err, context.Canceled) && !errors.Is(err, keys.ErrNotFound) {
		t.Fatal(err)
	}
	d := domain(t, r, "a")
	if again, err := r.Domain(ctx, "a"); err != nil || again != d {
		t.Fatalf("a cached domain needs no store: %v", err)
	}
}
