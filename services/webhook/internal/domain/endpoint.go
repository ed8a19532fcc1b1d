package domain

import (
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// Why an endpoint is off.
const (
	OffGone    = "the receiver answered 410 Gone"
	OffFailing = "every attempt failed for too long"
)

// Endpoint is a subscriber and its health.
//
//	well ──failed──► failing since t ──still failing after switchOff, or 410──► off
//	  ▲                  │                                                       │
//	  └──────2xx─────────┴──────────── 2xx of a replay, or a new URL ────────────┘
type Endpoint struct {
	ID        string    `bson:"-"`
	AccountID string    `bson:"account"`
	URL       string    `bson:"url"`
	Off       bool      `bson:"off,omitempty"`
	OffWhy    string    `bson:"offWhy,omitempty"`
	Failing   time.Time `bson:"failing,omitempty"` // first failure since the last success
}

// Observe notes an attempt's outcome. changed says that there is something to
// write; off, that the endpoint has just been switched off.
func (e *Endpoint) Observe(o Outcome, switchOff time.Duration) (changed, off bool) {
	switch {
	case o.OK():
		return e.Reset(), false
	case e.Off:
		return false, false
	}
	if e.Failing.IsZero() {
		e.Failing, changed = o.At, true
	}
	switch {
	case o.Gone():
		e.OffWhy = OffGone
	case o.At.Sub(e.Failing) >= switchOff:
		e.OffWhy = OffFailing
	default:
		return changed, false
	}
	e.Off = true
	return true, true
}

// Point notes where the config points now. Another address is another receiver:
// it starts well. It reports whether there is something to write.
func (e *Endpoint) Point(accountID, url string) (changed bool) {
	if e.URL == url && e.AccountID == accountID {
		return false
	}
	*e = Endpoint{ID: e.ID, AccountID: accountID, URL: url}
	return true
}

// Reset forgets what went wrong. It reports whether there is something to write.
func (e *Endpoint) Reset() (changed bool) {
	changed = e.Off || !e.Failing.IsZero()
	e.Off, e.OffWhy, e.Failing = false, "", time.Time{}
	return changed
}

// View is the endpoint as the contract shows it.
func (e *Endpoint) View() webhookv1.Endpoint {
	return webhookv1.Endpoint{
		ID: e.ID, AccountID: e.AccountID, URL: e.URL, Disabled: e.Off, DisabledWhy: e.OffWhy, FailingSince: e.Failing,
	}
}
