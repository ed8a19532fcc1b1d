package domain_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"abc", "a1b", "a.b", "a-b_c", "1a2", strings.Repeat("a", 64), "-a-", "12.34"} {
		if err := domain.CheckUsername(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "ab", strings.Repeat("a", 65), "123", "Abc", "a b", "a/b", "a@b", "ab\x00", "äbc", "...", "....", "a\n"} {
		if err := domain.CheckUsername(s); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestUsername(t *testing.T) {
	t.Parallel()
	for login, want := range map[string]string{
		"alice@example.com": "alice", "Alice.B+tag@example.com": "alice.b-tag", "xx1234-ovh": "xx1234-ovh", "auth0|5f7c": "auth0-5f7c",
		"12345": "user-12345", "": "user", "@": "user", "日本語": "user", "...": "user", "a": "user-a", "../etc/passwd": "etc-passwd", "-_-": "user",
		"ÀLICE": "lice", strings.Repeat("x", 254): strings.Repeat("x", 57), strings.Repeat("7", 254): "user-" + strings.Repeat("7", 52),
	} {
		if got := domain.Username(login); got != want {
			t.Errorf("%q gives %q, want %q", login, got, want)
		}
	}
}

func FuzzUsername(f *testing.F) {
	for _, s := range []string{"alice@example.com", "12", "", "日本語", "a-", strings.Repeat("-", 60) + "a", strings.Repeat("a", 56) + "--b", "\xff\x00", "user-", "İ", strings.Repeat("0", 57) + "A", strings.Repeat("1", 56) + "-a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := domain.Username(s)
		for _, n := range []string{name, name + "-abc234"} { // and one that was taken
			if err := domain.CheckUsername(n); err != nil {
				t.Fatalf("%q gives %q: %v", s, n, err)
			}
		}
		if domain.Username(s) != name {
			t.Fatalf("%q gives two names", s)
		}
	})
}

func FuzzCheckUser(f *testing.F) {
	f.Add("local", "alice", "password")
	f.Add("google", "a@b.example", "")
	f.Add("oidc", "a\nbc", "")
	f.Add("Local", "ALICE", "slt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, provider, login, password string) {
		id := authv1.Identity{Provider: authv1.Provider(provider), Login: login}
		if err := domain.CheckUser(id, password); err != nil {
			if fault.KindOf(err) != fault.Invalid || strings.ContainsAny(fault.From(err).Message, "\r\n") {
				t.Fatal(err)
			}
			return
		}
		local := provider == "local"
		if len(login) < 4 || len(login) > 254 || strings.ContainsAny(login, "\x00\r\n") || local && (domain.CheckUsername(login) != nil || domain.CheckPassword(password) != nil) {
			t.Fatalf("took %q %q", id, password)
		}
		if err := domain.CheckIdentity(id); (err == nil) == local {
			t.Fatalf("%q: %v", id, err)
		}
	})
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a@example.com", "a.b+c@sub.example.com", "ä@bücher.example", "o'brien@example.com"} {
		if err := domain.CheckEmail(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "a", "@", "a@", "@b", "a@b@c", "A <a@b.c>", "<a@b.c>", " a@b.c", "a@b.c ", "a@b.c\r\nBcc: x@y.z", "\"a b\"@c.d", "a@b.c,d@e.f", strings.Repeat("a", 251) + "@b.c"} {
		if err := domain.CheckEmail(s); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzCheckEmail(f *testing.F) {
	for _, s := range []string{"a@example.com", "A <a@b.c>", "\"a b\"@c.d", "a@[127.0.0.1]", "=?utf-8?q?x?=@b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if domain.CheckEmail(s) == nil && (len(s) > 254 || !strings.Contains(s, "@") || strings.ContainsAny(s, " \t\r\n\x00")) {
			t.Fatalf("took %q", s)
		}
	})
}

func TestCheckGrant_Canonical(t *testing.T) {
	t.Parallel()
	g, err := domain.CheckGrant(domain.Grant{
		Scopes: []authv1.Scope{"admin", "read", "admin"}, Buckets: []string{"b", "a", "b"}, Prefixes: []string{"x/"},
	})
	if err != nil || fmt.Sprint(g) != "{[read admin] [b a] [x/]}" {
		t.Fatalf("%v, %v", g, err)
	}
}

func FuzzValidKeyID(f *testing.F) {
	f.Add("LWAKAAAAAAAAAAAAAAAA")
	f.Add("LWAK0000000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		if domain.ValidKeyID(s) && (len(s) != 20 || strings.ContainsAny(s, ".*> \x00019")) {
			t.Fatalf("took %q, which would be part of a subject", s)
		}
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	th := domain.NewThrottle(6*time.Second, 3)
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
	th := domain.NewThrottle(time.Second, 1)
	for i := range 101_000 {
		if wait := th.Take(fmt.Sprint(i), at); wait != 0 {
			t.Fatalf("key %d: wait %s", i, wait)
		}
	}
	if n := th.Len(); n > 100_000 {
		t.Fatalf("remembers %d keys", n)
	}
}

func hasher() *domain.Hasher {
	return domain.NewHasher(domain.HashConfig{MemoryKiB: 64, Passes: 1, AtOnce: 1})
}

func TestMemo_Bounded(t *testing.T) {
	t.Parallel()
	if n, last := domain.FillMemo(10_000, time.Now()); n > 4096 || n < 4000 || !last {
		t.Errorf("%d entries, the last one is known: %v", n, last)
	}
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
	other := domain.NewHasher(domain.HashConfig{MemoryKiB: 128, Passes: 2, AtOnce: 1})
	for what, c := range map[string]struct {
		h             *domain.Hasher
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
	h := domain.NewHasher(domain.HashConfig{MemoryKiB: 2 << 10, Passes: 1, AtOnce: 1})
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
