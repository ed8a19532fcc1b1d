package check_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

// leads serves hosts on loopback that lead each of their links to one address.
func leads(t *testing.T, n int, to string) []string {
	t.Helper()
	out := make([]string, n)
	for i := range out {
		out[i] = serveOn(t, fmt.Sprintf("127.0.1.%d", i+1), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+r.URL.Path, http.StatusFound)
		})) + "/f"
	}
	return out
}

// TestLed_TargetIsAskedPolitely: many hosts whose links lead to one are no way to ask
// that one more than its limits allow.
func TestLed_TargetIsAskedPolitely(t *testing.T) {
	t.Parallel()
	target := &linksv1test.Imitation{Kind: linksv1test.Plain}
	target.Delay(50 * time.Millisecond)
	url := serveOn(t, "127.0.2.1", target)
	limit := hosts.Limit{Concurrency: 2, Rate: 20}
	w := newWorld(t, settings{out: loopback(), limit: limit})
	from := leads(t, 12, url)
	until(t, "all to be checked", func() bool { // what a busy machine breaks off comes again
		w.all(t.Context(), from...)
		return !slices.ContainsFunc(from, func(u string) bool { _, done := w.ledger.result(u); return !done })
	})
	if most := target.Most(); most > limit.Concurrency {
		t.Errorf("%d requests at once", most)
	}
	if most := target.MostWithin(500 * time.Millisecond); most > 10+limit.Concurrency {
		t.Errorf("%d requests in half a second", most)
	}
}

// TestLed_TargetRests: a host that wants to be left alone is, whoever leads to it, and
// what was led there comes again after its rest; its refusal is not the leading host's.
func TestLed_TargetRests(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	url := serveOn(t, "127.0.2.2", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	w := newWorld(t, settings{out: loopback()})
	from := leads(t, 2, url)
	none(t, w.all(t.Context(), from[0]))
	if r, _ := w.ledger.result(from[0]); r.Status != linksv1.Unknown || r.Reason != linksv1.ReasonLimited {
		t.Errorf("%+v", r)
	}
	none(t, w.all(t.Context(), from[1]))
	if _, done := w.ledger.result(from[1]); done || len(w.ledger.postponed) != 1 || asked.Load() != 1 {
		t.Errorf("done: %t, postponed: %v, asked %d times", done, w.ledger.postponed, asked.Load())
	}
	until(t, "permits to be given back", func() bool {
		_, no, err := gate(t, w.db, time.Now).Enter(t.Context(), "127.0.1.1", hosts.Limit{Concurrency: 1, Rate: 1000})
		return err == nil && no.Until.IsZero()
	})
}
