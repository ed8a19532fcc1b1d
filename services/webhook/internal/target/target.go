// Package target finds out where a notification config points and what signs for
// it: the object service's answer, its secret opened, kept for a short while.
package target

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// How long an answer is good.
const (
	// freshFor bounds how late a changed address is noticed.
	freshFor = 5 * time.Second
	// staleFor is how long the last answer stands in while object is away.
	staleFor = 15 * time.Minute
	// maxEntries bounds the memory; beyond it everything is asked again.
	maxEntries = 10_000
)

// Opener opens sealed secrets; *keys.Sealer is one.
type Opener interface {
	Open(sealed, aad []byte) ([]byte, error)
}

// Resolver implements domain.Targets. It is safe for concurrent use.
type Resolver struct {
	object objectv1.Service
	opener Opener
	clock  func() time.Time
	flight singleflight.Group

	mu      sync.Mutex
	entries map[string]entry
}

type entry struct {
	target domain.Target
	at     time.Time
}

// NewResolver asks object, and opens secrets with opener.
func NewResolver(object objectv1.Service, opener Opener, clock func() time.Time) *Resolver {
	return &Resolver{object: object, opener: opener, clock: clock, entries: map[string]entry{}}
}

// Resolve implements domain.Targets.
func (r *Resolver) Resolve(ctx context.Context, bucketID, configID string) (domain.Target, error) {
	key := domain.EndpointID(bucketID, configID)
	r.mu.Lock()
	e, known := r.entries[key]
	r.mu.Unlock()
	age := r.clock().Sub(e.at)
	if known && age < freshFor {
		return e.target, nil
	}
	// One caller's end must not fail the others that wait with it.
	ch := r.flight.DoChan(key, func() (any, error) { return r.ask(context.WithoutCancel(ctx), key, bucketID, configID) })
	select {
	case res := <-ch:
		if res.Err == nil {
			return res.Val.(domain.Target), nil
		}
		if known && age < staleFor && fault.Retryable(res.Err) && !errors.Is(res.Err, domain.ErrNoConfig) {
			return e.target, nil
		}
		return domain.Target{}, res.Err
	case <-ctx.Done():
		return domain.Target{}, ctx.Err()
	}
}

func (r *Resolver) ask(ctx context.Context, key, bucketID, configID string) (domain.Target, error) {
	n, err := r.object.ResolveNotification(ctx, objectv1.ResolveNotificationRequest{BucketID: bucketID, ConfigID: configID})
	if errors.Is(err, objectv1.ErrConfigNotFound) || errors.Is(err, objectv1.ErrBucketNotFound) {
		r.mu.Lock()
		delete(r.entries, key)
		r.mu.Unlock()
		return domain.Target{}, domain.ErrNoConfig
	}
	if err != nil {
		return domain.Target{}, fmt.Errorf("asking object: %w", err)
	}
	secret, err := r.opener.Open(n.SealedSecret, []byte(n.Config.ID))
	if err != nil {
		return domain.Target{}, fmt.Errorf("opening a signing secret: %w", err)
	}
	t := domain.Target{AccountID: n.AccountID, BucketID: n.BucketID, ConfigID: n.Config.ID, URL: n.Config.URL, Secret: secret}
	r.mu.Lock()
	if len(r.entries) >= maxEntries {
		clear(r.entries)
	}
	r.entries[key] = entry{target: t, at: r.clock()}
	r.mu.Unlock()
	return t, nil
}
