// Package domain holds the rules of webhook: what is delivered, when it is
// attempted again, and when an endpoint is switched off. It does no I/O.
package domain

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// Bounds of a delivery's log.
const (
	maxAttempts = 32  // kept; older ones go
	maxError    = 200 // bytes of an attempt's error
)

// Why a delivery died.
const (
	WhyExhausted = "every attempt failed"
	WhyGone      = "the receiver answered 410 Gone"
	WhyOff       = "the endpoint is switched off"
	WhyRemoved   = "the notification config or the webhook was removed"
)

// Delivery is one event on its way to one endpoint.
//
//	           Claim                 Record: 2xx
//	pending ─────────► (in flight) ─────────────► delivered
//	   ▲                 │      │
//	   │ Record: failed  │      │ Record: 410 or the last attempt; Bury
//	   └─────────────────┘      ▼
//	   ▲                       dead
//	   └──────── Replay ────────┘   (delivered ones too)
//
// Wake is when somebody has to look at it: the next attempt, or the end of the
// claim of whoever attempts it now, so that a crash loses nothing.
type Delivery struct {
	ID         string              `bson:"-"` // the document's id and the webhook-id header
	EndpointID string              `bson:"endpoint"`
	AccountID  string              `bson:"account"`
	BucketID   string              `bson:"bucket"` // none: of a subscription
	ConfigID   string              `bson:"config"`
	EventID    string              `bson:"event"`
	EventType  string              `bson:"type"`
	URL        string              `bson:"url"`
	State      webhookv1.State     `bson:"state"`
	Why        string              `bson:"why,omitempty"`    // of a dead one
	Tries      int                 `bson:"tries"`            // attempts of this round
	Forced     bool                `bson:"forced,omitempty"` // replayed: attempted although the endpoint is off
	Attempts   []webhookv1.Attempt `bson:"attempts,omitempty"`
	Next       time.Time           `bson:"next,omitempty"`
	Wake       time.Time           `bson:"wake,omitempty"`
	Claim      string              `bson:"claim,omitempty"` // of the attempt under way
	Body       []byte              `bson:"body"`            // the bytes of every attempt
	Trace      map[string]string   `bson:"trace,omitempty"` // of the request that caused the event
	CreatedAt  time.Time           `bson:"created"`
}

// EndpointID names the endpoint of a bucket's config, or of a subscription, whose
// id is that of its endpoint.
func EndpointID(bucketID, configID string) string {
	if bucketID == "" {
		return configID
	}
	return bucketID + "." + configID
}

// Subscriber is whom the delivery is for.
func (d *Delivery) Subscriber() Subscriber {
	return Subscriber{AccountID: d.AccountID, BucketID: d.BucketID, ConfigID: d.ConfigID}
}

// ContentType is that of the delivery's body.
func (d *Delivery) ContentType() string {
	if d.Subscriber().Subscribed() {
		return ContentTypeJSON
	}
	return ContentType
}

// DeliveryID derives a delivery's id from what it delivers to whom: handling an
// event again gives the same one. It holds no ".", which the signed text
// separates by.
func DeliveryID(eventID, bucketID, configID string) string {
	h := sha256.New()
	for _, s := range []string{eventID, bucketID, configID} {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	enc := base32.StdEncoding.WithPadding(base32.NoPadding)
	return "dlv_" + strings.ToLower(enc.EncodeToString(h.Sum(nil)[:20]))
}

// Due reports whether the delivery waits to be attempted, and nobody does.
func (d *Delivery) Due(now time.Time) bool {
	return d.State == webhookv1.Pending && !d.Wake.IsZero() && !d.Wake.After(now)
}

// Take claims a due delivery for the attempt that token names, until lease ends.
// It reports false when there is nothing to attempt.
func (d *Delivery) Take(token string, now time.Time, lease time.Duration) bool {
	if !d.Due(now) {
		return false
	}
	d.Claim, d.Wake = token, now.Add(lease)
	return true
}

// Outcome is what an attempt came to.
type Outcome struct {
	At         time.Time
	Took       time.Duration
	URL        string
	Status     int    // 0 when no answer came
	Error      string // of the exchange; never text of the receiver
	RetryAfter time.Duration
}

// OK reports whether the receiver took the delivery.
func (o Outcome) OK() bool { return o.Error == "" && o.Status >= 200 && o.Status <= 299 }

// Gone reports whether the receiver wants nothing more.
func (o Outcome) Gone() bool { return o.Error == "" && o.Status == 410 }

// Record notes an attempt and decides what follows, in the same write. jitter is
// from [0,1). An attempt whose claim was lost to another one is noted, and counts
// only when it succeeded.
func (d *Delivery) Record(token string, o Outcome, jitter float64) {
	d.log(o)
	mine := d.State == webhookv1.Pending && d.Claim == token
	switch {
	case o.OK():
		d.finish(webhookv1.Delivered, "")
	case !mine:
	case o.Gone():
		d.finish(webhookv1.Dead, WhyGone)
	default:
		d.Tries++
		wait, more := waitAfter(d.Tries, o.RetryAfter, jitter)
		if !more {
			d.finish(webhookv1.Dead, WhyExhausted)
			return
		}
		d.schedule(o.At.Add(o.Took + wait))
	}
}

func (d *Delivery) log(o Outcome) {
	text := o.Error
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "")
	}
	d.Attempts = append(d.Attempts, webhookv1.Attempt{Time: o.At, Status: o.Status, Error: text, Duration: o.Took})
	if n := len(d.Attempts) - maxAttempts; n > 0 {
		d.Attempts = append([]webhookv1.Attempt(nil), d.Attempts[n:]...)
	}
	if o.URL != "" {
		d.URL = o.URL
	}
}

func (d *Delivery) finish(s webhookv1.State, why string) {
	d.State, d.Why, d.Claim, d.Forced = s, why, "", false
	d.Next, d.Wake = time.Time{}, time.Time{}
}

func (d *Delivery) schedule(at time.Time) {
	d.State, d.Why, d.Claim = webhookv1.Pending, "", ""
	d.Next, d.Wake = at, at
}

// Bury ends a delivery that this claim found to be pointless. It reports whether
// the claim still held.
func (d *Delivery) Bury(token, why string) bool {
	if d.State != webhookv1.Pending || d.Claim != token {
		return false
	}
	d.finish(webhookv1.Dead, why)
	return true
}

// End ends a delivery that waits, whoever attempts it now. It reports whether there
// was something to end.
func (d *Delivery) End(why string) bool {
	if d.State != webhookv1.Pending {
		return false
	}
	d.finish(webhookv1.Dead, why)
	return true
}

// Release gives a claim back without an attempt; it is due again at at.
func (d *Delivery) Release(token string, at time.Time) bool {
	if d.State != webhookv1.Pending || d.Claim != token {
		return false
	}
	d.Claim, d.Wake = "", at
	return true
}

// Replay makes a delivery due now, with all its attempts before it.
func (d *Delivery) Replay(now time.Time) {
	d.Tries, d.Forced = 0, true
	d.schedule(now)
}

// View is the delivery as the contract shows it.
func (d *Delivery) View() webhookv1.Delivery {
	attempts := d.Attempts
	if attempts == nil {
		attempts = []webhookv1.Attempt{}
	}
	return webhookv1.Delivery{
		ID: d.ID, EndpointID: d.EndpointID, AccountID: d.AccountID, EventID: d.EventID, EventType: d.EventType, URL: d.URL,
		State: d.State, Attempts: attempts, NextAttempt: d.Next, CreatedAt: d.CreatedAt,
	}
}
