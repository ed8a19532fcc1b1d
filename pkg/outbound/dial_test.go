package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/outbound"
)

// stuck is a resolver that tells when it was given up.
type stuck struct{ ended chan struct{} }

func (s stuck) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	close(s.ended)
	return nil, fmt.Errorf("lookup: %w", ctx.Err())
}

// TestDo_StuckResolver: a name whose look-up does not end is given up with the
// exchange, so that many of them do not add up.
func TestDo_StuckResolver(t *testing.T) {
	t.Parallel()
	r := stuck{make(chan struct{})}
	_, err := do(t, outbound.New(outbound.Config{Resolver: r, Timeout: 20 * time.Millisecond}), "http://slow.example/")
	if !errors.Is(err, outbound.ErrTimeout) {
		t.Error(err)
	}
	select {
	case <-r.ended:
	case <-time.After(30 * time.Second):
		t.Error("the look-up goes on")
	}
}

// TestDo_Own: our own addresses are not reached, however public, unless they are allowed.
func TestDo_Own(t *testing.T) {
	t.Parallel()
	ours := func() []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("2606:4700::1111")}
	}
	resolver := names{"us.example": {"93.184.216.34", "::ffff:93.184.216.34"}, "example.com": {"93.184.216.35"}}
	c := outbound.New(outbound.Config{Own: ours, Resolver: resolver})
	for _, u := range []string{"http://93.184.216.34/", "https://[2606:4700::1111]/", "http://us.example/"} {
		if _, err := do(t, c, u); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", u, err)
		}
	}
	if err := c.CheckURL(t.Context(), "http://example.com/"); err != nil {
		t.Error(err)
	}
	allowed := outbound.New(outbound.Config{Own: ours, Resolver: resolver, Allow: []netip.Prefix{netip.MustParsePrefix("93.184.216.34/32")}})
	if err := allowed.CheckURL(t.Context(), "http://us.example:8080/"); err != nil {
		t.Error(err)
	}
	if !slices.Contains(outbound.Interfaces(), netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("interfaces: %v", outbound.Interfaces())
	}
}
