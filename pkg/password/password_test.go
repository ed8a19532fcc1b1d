package password_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/password"
)

func TestThrottle(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	th := password.NewThrottle(6*time.Second, 3)
	for i := range 3 {
		if wait := th.Take("a", at); wait != 0 {
			t.Fatalf("take %d: wait %s", i, wait)
		}
	}
	if wait := th.Take("a", at); wait != 6*time.Second {
		t.Errorf("over the burst: wait %s", wait)
	}
	if wait := th.Take("a", at.Add(2*time.Second)); wait != 4*time.Second {
		t.Errorf("asking costs nothing: wait %s", wait)
	}
	if wait := th.Take("b", at); wait != 0 {
		t.Errorf("another key: wait %s", wait)
	}
	if wait := th.Take("a", at.Add(6*time.Second)); wait != 0 {
		t.Errorf("after an interval: wait %s", wait)
	}
	th.Refund("a", at.Add(6*time.Second))
	if wait := th.Take("a", at.Add(6*time.Second)); wait != 0 {
		t.Errorf("after a refund: wait %s", wait)
	}
	later := at.Add(time.Hour)
	th.Refund("a", later)
	for range 3 {
		if wait := th.Take("a", later); wait != 0 {
			t.Errorf("an hour later: wait %s", wait)
		}
	}
	if wait := th.Take("a", later); wait == 0 {
		t.Error("a refund gave more than the burst")
	}
}

func TestThrottle_Bounded(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	th := password.NewThrottle(time.Second, 1)
	for i := range 101_000 {
		if wait := th.Take(fmt.Sprint(i), at); wait != 0 {
			t.Fatalf("key %d: wait %s", i, wait)
		}
	}
	if n := th.Len(); n > 100_000 {
		t.Fatalf("remembers %d keys", n)
	}
}

func hasher() *password.Hasher {
	return password.NewHasher(password.Config{MemoryKiB: 64, Passes: 1, AtOnce: 1})
}

func TestHasher(t *testing.T) {
	t.Parallel()
	h := hasher()
	phc, err := h.Hash(t.Context(), "secret password")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%q, %v", phc, err)
	}
	again, _ := h.Hash(t.Context(), "secret password")
	if again == phc {
		t.Error("no salt")
	}
	other := password.NewHasher(password.Config{MemoryKiB: 128, Passes: 2, AtOnce: 1})
	for what, c := range map[string]struct {
		h             *password.Hasher
		phc, password string
		want          bool
	}{
		"right":          {h, phc, "secret password", true},
		"other settings": {other, phc, "secret password", true},
		"wrong":          {h, phc, "secret passwore", false},
		"empty":          {h, phc, "", false},
		"nobody":         {h, "", "secret password", false},
	} {
		if ok, err := c.h.Verify(t.Context(), c.phc, c.password); ok != c.want || err != nil {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
	}
	if h.Outdated(phc) || !other.Outdated(phc) {
		t.Error("outdated is what other settings made")
	}
	// A vector of the reference implementation (argon2 -id -t 2 -m 16 -p 1, salt "somesalt").
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := h.Verify(t.Context(), reference, "password"); !ok || err != nil {
		t.Errorf("the reference's hash: %v, %v", ok, err)
	}
}

func TestHasher_RefusesDamaged(t *testing.T) {
	t.Parallel()
	h := hasher()
	phc, err := h.Hash(t.Context(), "secret password")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"x", "$", strings.Replace(phc, "argon2id", "argon2i", 1), strings.Replace(phc, "v=19", "v=16", 1), strings.Replace(phc, "m=64", "m=99999999", 1),
		strings.Replace(phc, "t=1", "t=0", 1), strings.Replace(phc, "p=1", "p=1,x=2", 1), phc + "$", phc[:len(phc)-30], strings.Replace(phc, "m=64", "m=-1", 1),
	} {
		if ok, err := h.Verify(t.Context(), bad, "secret password"); ok || err == nil {
			t.Errorf("%q: %v, %v", bad, ok, err)
		}
	}
}

func TestHasher_Bounded(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(password.Config{MemoryKiB: 2 << 10, Passes: 1, AtOnce: 1})
	begin := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 200 {
		wg.Go(func() {
			<-begin
			if _, err := h.Hash(t.Context(), "secret password"); err != nil {
				mu.Lock()
				defer mu.Unlock()
				refused++
				if f := fault.From(err); f.Kind != fault.Unavailable || f.RetryAfter <= 0 {
					t.Error(err)
				}
			}
		})
	}
	close(begin)
	wg.Wait()
	if refused == 0 || refused == 200 {
		t.Errorf("%d of 200 refused", refused)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ended, "secret password"); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSourceKey(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "192.0.2.1:80": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "unix": "unix", strings.Repeat("x", 500): strings.Repeat("x", 128),
	} {
		if got := password.SourceKey(in); got != want {
			t.Errorf("%.40q: %q, want %q", in, got, want)
		}
	}
}
