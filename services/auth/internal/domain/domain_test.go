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
