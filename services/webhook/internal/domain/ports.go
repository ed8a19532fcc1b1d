package domain

import (
	"context"
	"errors"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// Errors of the ports.
var (
	// ErrNoDocument says that there is no such delivery or endpoint.
	ErrNoDocument = errors.New("no such document")
	// ErrNoConfig says that the notification config is gone for good.
	ErrNoConfig = errors.New("the notification config is gone")
	// ErrUnchanged says that a change has nothing to write.
	ErrUnchanged = errors.New("nothing to write")
)

// Deliveries keeps deliveries. All methods are safe for concurrent use.
type Deliveries interface {
	// Insert keeps a new delivery; false means that it was there before.
	Insert(ctx context.Context, d Delivery) (bool, error)
	// Get reads one. ErrNoDocument.
	Get(ctx context.Context, id string) (Delivery, error)
	// Update changes one by compare-and-set; change may run several times, and
	// nothing is written when it reports false. ErrNoDocument.
	Update(ctx context.Context, id string, change func(*Delivery) bool) (Delivery, error)
	// Extend moves the Wake of a delivery that token still claims; false means
	// that the claim is lost.
	Extend(ctx context.Context, id, token string, wake time.Time) (bool, error)
	// Due pages through pending deliveries to wake until now, oldest first.
	Due(ctx context.Context, now time.Time, after string, limit int) ([]Delivery, string, error)
	// DueFor gives the first of them of one endpoint.
	DueFor(ctx context.Context, endpointID string, now time.Time, limit int) ([]Delivery, error)
	// List pages through the log, newest first; empty filters do not filter.
	List(ctx context.Context, endpointID string, state webhookv1.State, cursor string, limit int) ([]Delivery, string, error)
	// Expire removes up to limit finished deliveries made before cutoff, and
	// gives how many.
	Expire(ctx context.Context, cutoff time.Time, limit int) (int, error)
}

// Endpoints keeps the endpoints' health.
type Endpoints interface {
	// Get reads one. ErrNoDocument.
	Get(ctx context.Context, id string) (Endpoint, error)
	// Upsert changes one, or makes it; nothing is written when change reports
	// changed false; ErrNoDocument then, if there is none. When it reports off, EndpointDisabled is told with the
	// same write, as having happened at at.
	Upsert(ctx context.Context, id string, at time.Time, change func(*Endpoint) (changed, off bool)) (Endpoint, error)
	// Delete forgets one; an unknown one is no error.
	Delete(ctx context.Context, id string) error
	// List pages through all.
	List(ctx context.Context, cursor string, limit int) ([]Endpoint, string, error)
}

// Target is where a config points now, and what signs for it.
type Target struct {
	AccountID string
	BucketID  string
	ConfigID  string
	URL       string
	Secret    []byte
	Old       [][]byte // secrets of before, that sign beside it
	Off       bool     // its owner wants nothing sent
}

// Subscriber names whom a delivery is for: a bucket's config, or a subscription of
// an account, which has no bucket.
type Subscriber struct {
	AccountID string
	BucketID  string
	ConfigID  string
}

// Subscribed tells a subscription from a config.
func (s Subscriber) Subscribed() bool { return s.BucketID == "" }

// Subscriptions keeps the subscriptions of accounts. Safe for concurrent use.
type Subscriptions interface {
	// Of gives all of an account, oldest first.
	Of(ctx context.Context, accountID string) ([]Subscription, error)
	// Update changes them by compare-and-set; change may run several times, must
	// not keep what it gets, and its errors are given back. ErrUnchanged writes
	// nothing.
	Update(ctx context.Context, accountID string, change func(all []Subscription) ([]Subscription, error)) error
}

// Targets resolves configs and subscriptions. ErrNoConfig; other errors may pass.
type Targets interface {
	Resolve(ctx context.Context, s Subscriber) (Target, error)
}

// Sender carries an attempt out. An error means that ctx ended before the
// attempt came to anything.
type Sender interface {
	Send(ctx context.Context, url string, header map[string]string, body []byte) (Outcome, error)
}

// Timers wakes deliveries up: at when, some copy's dispatcher is told of id.
type Timers interface {
	Wake(ctx context.Context, id string, when time.Time, trace map[string]string) error
}
