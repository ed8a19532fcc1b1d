package core

import (
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
)

// ErrRateLimited is of an account or an address that asks more often than it may.
var ErrRateLimited = fault.New(fault.RateLimited, "edge.rate_limited", "too many requests; slow down")

// Rates bounds how often an API is asked, each edge for itself; a minute's worth
// may come at once. nil sets no bound. It is safe for concurrent use.
type Rates struct {
	accounts, addresses, refused, pictures *rate
	now                                    func() time.Time
}

// picturesPerMinute is how many captchas an address may have drawn: people want one
// for each click, and drawing costs.
const picturesPerMinute = 60

// NewRates sets the rates, in requests a minute; 0 sets no bound.
func NewRates(account, public int, now func() time.Time) *Rates {
	return &Rates{accounts: newRate(account, now), addresses: newRate(public, now), refused: newRate(public, now), pictures: newRate(picturesPerMinute, now), now: now}
}

// Standing is how much of a rate is left. The zero value is of one without a
// bound.
type Standing struct {
	Limit, Remaining int
	Reset            time.Time // when all of it is there again
}

// Account counts n requests of an account. Codes: edge.rate_limited with
// RetryAfter.
func (r *Rates) Account(accountID string, n int) (Standing, error) {
	if r == nil {
		return Standing{}, nil
	}
	return r.accounts.spend(accountID, n)
}

// Address counts n requests of an address, or of its /64.
func (r *Rates) Address(source string, n int) (Standing, error) {
	if r == nil {
		return Standing{}, nil
	}
	return r.addresses.spend(addressKey(source), n)
}

// Refused counts a credential of an address that does not hold.
func (r *Rates) Refused(source string) (Standing, error) {
	if r == nil {
		return Standing{}, nil
	}
	return r.refused.spend(addressKey(source), 1)
}

// Picture counts a captcha of an address. Codes: as Account.
func (r *Rates) Picture(source string) error {
	if r == nil {
		return nil
	}
	_, err := r.pictures.spend(addressKey(source), 1)
	return err
}

// MayTry refuses an address that had too many of them; it counts nothing.
func (r *Rates) MayTry(source string) error {
	if r == nil {
		return nil
	}
	if err := r.refused.look(source); err != nil {
		return ErrRateLimited.After(fault.From(err).RetryAfter)
	}
	return nil
}

// spend is take of n events at once, no more than a minute's worth, and says
// what is left.
func (l *rate) spend(key string, n int) (Standing, error) {
	if l == nil {
		return Standing{}, nil
	}
	n = max(1, min(n, l.limit))
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	idle := l.idle[key]
	if idle.Before(now) {
		idle = now
	}
	next := idle.Add(time.Duration(n) * l.interval)
	var err error
	if over := next.Sub(now) - l.burst; over > 0 {
		err = ErrRateLimited.After(over)
	} else {
		l.makeRoom(key, now)
		l.idle[key], idle = next, next
	}
	left := int((l.burst - idle.Sub(now)) / max(l.interval, 1))
	return Standing{Limit: l.limit, Remaining: max(0, min(left, l.limit)), Reset: idle}, err
}
