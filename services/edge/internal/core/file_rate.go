package core

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
)

// ErrTooFast is of an address that asks for more than its share.
var ErrTooFast = fault.New(fault.RateLimited, "edge.rate_limited", "too many requests from this address; slow down")

// maxAddresses bounds how many addresses an Admission remembers for each rate;
// 100 bytes each.
const maxAddresses = 100_000

// Admission bounds what one address may begin in a minute; a minute's worth may
// come at once. Each edge has its own. It is safe for concurrent use.
type Admission struct{ guests, accounts, keys *rate }

// NewAdmission sets the rates, in requests a minute; 0 sets no bound.
func NewAdmission(guests, accounts int, now func() time.Time) *Admission {
	return &Admission{guests: newRate(guests, now), accounts: newRate(accounts, now), keys: newRate(guests, now)}
}

// Upload lets the caller begin an upload, or is ErrTooFast with RetryAfter.
func (a *Admission) Upload(by Caller, source string) error {
	if by.Guest() {
		return a.guests.take(source)
	}
	return a.accounts.take(source)
}

// Key lets an address try a file's key.
func (a *Admission) Key(source string) error { return a.keys.look(source) }

// WrongKey counts a key that was wrong.
func (a *Admission) WrongKey(source string) { _ = a.keys.take(source) } // the answer is told already

// rate lets a minute's worth of events of an address pass at once and then one
// per interval (the generic cell rate algorithm: it keeps when the address would
// be idle again). A nil one sets no bound.
type rate struct {
	limit           int // a minute
	interval, burst time.Duration
	now             func() time.Time

	mu   sync.Mutex
	idle map[string]time.Time
}

func newRate(perMinute int, now func() time.Time) *rate {
	if perMinute <= 0 {
		return nil
	}
	return &rate{limit: perMinute, interval: time.Minute / time.Duration(perMinute), burst: time.Minute, now: now, idle: map[string]time.Time{}}
}

func (l *rate) take(source string) error { return l.ask(source, true) }

// look asks without taking.
func (l *rate) look(source string) error { return l.ask(source, false) }

func (l *rate) ask(source string, take bool) error {
	if l == nil {
		return nil
	}
	key, now := addressKey(source), l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	idle := l.idle[key]
	if idle.Before(now) {
		idle = now
	}
	next := idle.Add(l.interval)
	if over := next.Sub(now) - l.burst; over > 0 {
		return ErrTooFast.After(over)
	}
	if take {
		l.makeRoom(key, now)
		l.idle[key] = next
	}
	return nil
}

// makeRoom forgets addresses that are idle and, where none is, the nearest to it
// of a few.
func (l *rate) makeRoom(key string, now time.Time) {
	if _, known := l.idle[key]; known || len(l.idle) < maxAddresses {
		return
	}
	nearest, least, looks := "", time.Duration(math.MaxInt64), 0
	for k, idle := range l.idle {
		if d := idle.Sub(now); d < least {
			nearest, least = k, d
		}
		if looks++; looks >= 32 {
			break
		}
	}
	delete(l.idle, nearest)
}

// addressKey is the address, or its /64, which one client has as a whole.
func addressKey(source string) string {
	a, err := netip.ParseAddr(source)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); a.Is6() && err == nil {
		return p.String()
	}
	return a.String()
}
