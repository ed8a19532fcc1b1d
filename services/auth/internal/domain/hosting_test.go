package domain_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

// TestAlphanumeric_Even draws enough that a character which is favoured, or left
// out, would show.
func TestAlphanumeric_Even(t *testing.T) {
	t.Parallel()
	const draws = 62 * 2000
	count := map[rune]int{}
	s := domain.Alphanumeric(draws)
	for _, r := range s {
		count[r]++
	}
	if len(s) != draws || len(count) != 62 {
		t.Fatalf("%d characters, %d different ones", len(s), len(count))
	}
	for r, n := range count {
		if n < 1700 || n > 2300 { // more than six standard deviations
			t.Errorf("%q comes %d times, not about 2000", r, n)
		}
	}
	one, other := domain.Alphanumeric(128), domain.Alphanumeric(128)
	if domain.Alphanumeric(0) != "" || one == other {
		t.Error("nothing, or the same twice")
	}
}

func FuzzKeyShaped(f *testing.F) {
	for _, s := range []string{"", strings.Repeat("a", 64), strings.Repeat("Z9", 64), strings.Repeat("a", 63) + "\n", strings.Repeat("é", 32), strings.Repeat("[", 64), strings.Repeat("0", 129)} {
		f.Add(s)
	}
	one, both := regexp.MustCompile(`\A[A-Za-z0-9]{64}\z`), regexp.MustCompile(`\A[A-Za-z0-9]{128}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		if domain.KeyShaped(s) != one.MatchString(s) || domain.HostingShaped(s) != both.MatchString(s) {
			t.Fatalf("%q: a key %t, a token %t", s, domain.KeyShaped(s), domain.HostingShaped(s))
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"", "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "::ffff:192.0.2.1", "fe80::1%eth0", "[fe80::1%eth0]:1", "host:80", "1.2.3.4\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := domain.Address(s)
		if out == "" {
			return
		}
		if a, err := netip.ParseAddr(out); err != nil || a.String() != out || a.Zone() != "" || a.Is4In6() {
			t.Fatalf("%q gives %q", s, out)
		}
	})
}
