package target

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// Targets implements domain.Targets: configs are asked for, subscriptions read.
type Targets struct {
	Configs       *Resolver
	Subscriptions domain.Subscriptions
	Opener        Opener
	Clock         func() time.Time
}

// Resolve implements domain.Targets.
func (t *Targets) Resolve(ctx context.Context, s domain.Subscriber) (domain.Target, error) {
	if !s.Subscribed() {
		return t.Configs.Resolve(ctx, s.BucketID, s.ConfigID)
	}
	all, err := t.Subscriptions.Of(ctx, s.AccountID)
	if err != nil {
		return domain.Target{}, fmt.Errorf("reading the subscriptions of an account: %w", err)
	}
	for i := range all {
		if all[i].ID == s.ConfigID {
			return t.target(s, &all[i])
		}
	}
	return domain.Target{}, domain.ErrNoConfig
}

func (t *Targets) target(s domain.Subscriber, sub *domain.Subscription) (domain.Target, error) {
	out := domain.Target{AccountID: s.AccountID, ConfigID: sub.ID, URL: sub.URL, Off: sub.Disabled}
	for i, sealed := range sub.Sealed(t.Clock()) {
		secret, err := t.Opener.Open(sealed, []byte(sub.ID))
		if err != nil {
			return domain.Target{}, fmt.Errorf("opening a signing secret: %w", err)
		}
		if i == 0 {
			out.Secret = secret
			continue
		}
		out.Old = append(out.Old, secret)
	}
	return out, nil
}
