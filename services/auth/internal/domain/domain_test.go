package domain_test

import (
	"fmt"
	"strings"
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

func TestMemo_Bounded(t *testing.T) {
	t.Parallel()
	if n, last := domain.FillMemo(10_000, time.Now()); n > 4096 || n < 4000 || !last {
		t.Errorf("%d entries, the last one is known: %v", n, last)
	}
}
