package password

import (
	"net/netip"
	"sync"
	"time"
)

// throttled bounds how many keys a Throttle remembers; 100 bytes each.
const throttled = 100_000

// evictLooks is how many entries a full Throttle looks at for one to forget.
const evictLooks = 32

// Throttle lets burst events of a key pass at once and then one per interval
// (the generic cell rate algorithm: it stores when the key would be idle again).
// It is safe for concurrent use. Each copy of the service has its own.
type Throttle struct {
	interval time.Duration
	burst    int
	most     int

	mu   sync.Mutex
	idle map[string]time.Time
}

// NewThrottle makes a throttle.
func NewThrottle(interval time.Duration, burst int) *Throttle {
	return &Throttle{interval: interval, burst: burst, most: throttled, idle: map[string]time.Time{}}
}

// Take lets an event of key pass, or tells how long to wait before the next try.
func (t *Throttle) Take(key string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next, wait, known := t.next(key, now)
	if wait > 0 {
		return wait
	}
	if !known && len(t.idle) >= t.most {
		t.evict(now)
	}
	t.idle[key] = next
	return 0
}

// Wait tells what Take would, and lets nothing pass.
func (t *Throttle) Wait(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, wait, _ := t.next(key, now)
	return wait
}

// next is when key would be idle again after an event now, and how long that
// event has to wait.
func (t *Throttle) next(key string, now time.Time) (next time.Time, wait time.Duration, known bool) {
	idle, known := t.idle[key]
	if idle.Before(now) {
		idle = now
	}
	next = idle.Add(t.interval)
	return next, max(next.Sub(now)-time.Duration(t.burst)*t.interval, 0), known
}

// Refund takes an event back that turned out to be none.
func (t *Throttle) Refund(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if idle := t.idle[key].Add(-t.interval); idle.After(now) {
		t.idle[key] = idle
	} else {
		delete(t.idle, key)
	}
}

// evict makes room by looking at a few entries: those that are idle say
// nothing, and if there is none, the one nearest to it goes.
func (t *Throttle) evict(now time.Time) {
	var nearest string
	var least time.Time
	looked := 0
	for k, idle := range t.idle {
		if !idle.After(now) {
			delete(t.idle, k)
		} else if least.IsZero() || idle.Before(least) {
			nearest, least = k, idle
		}
		if looked++; looked >= evictLooks {
			break
		}
	}
	if len(t.idle) >= t.most {
		delete(t.idle, nearest)
	}
}

// maxSource bounds the key of a source that is no address, bytes.
const maxSource = 128

// SourceKey is what attempts of one client address count under: the address,
// or its /64, which one client has as a whole.
func SourceKey(source string) string {
	if ap, err := netip.ParseAddrPort(source); err == nil {
		source = ap.Addr().String()
	}
	a, err := netip.ParseAddr(source)
	if err != nil {
		return source[:min(len(source), maxSource)]
	}
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); a.Is6() && err == nil {
		return p.String()
	}
	return a.String()
}
