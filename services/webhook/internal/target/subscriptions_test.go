package target_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
	"github.com/sluicehq/sluice/services/webhook/internal/target"
)

// subscriptions has those of account "acc".
type subscriptions struct {
	domain.Subscriptions
	all []domain.Subscription
	err error
}

func (s *subscriptions) Of(_ context.Context, accountID string) ([]domain.Subscription, error) {
	if accountID != "acc" {
		return nil, s.err
	}
	return s.all, s.err
}

func TestTargets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	subs := &subscriptions{all: []domain.Subscription{
		{ID: "whk_1", URL: "http://one", Disabled: true, Secret: []byte("new"), Old: []domain.OldSecret{
			{Secret: []byte("old"), Until: now.Add(time.Second)}, {Secret: []byte("ended"), Until: now},
		}},
		{ID: "broken", URL: "http://two"},
	}}
	o := &object{url: "http://config"}
	targets := &target.Targets{Configs: target.NewResolver(o, opener{}, time.Now), Subscriptions: subs, Opener: opener{}, Clock: func() time.Time { return now }}
	got, err := targets.Resolve(t.Context(), domain.Subscriber{AccountID: "acc", ConfigID: "whk_1"})
	if err != nil || got.AccountID != "acc" || got.BucketID != "" || got.ConfigID != "whk_1" || got.URL != "http://one" || !got.Off || string(got.Secret) != "newwhk_1" ||
		!slices.EqualFunc(got.Old, []string{"oldwhk_1"}, func(b []byte, s string) bool { return string(b) == s }) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, s := range []domain.Subscriber{{AccountID: "acc", ConfigID: "whk_2"}, {AccountID: "other", ConfigID: "whk_1"}, {}} {
		if got, err := targets.Resolve(t.Context(), s); !errors.Is(err, domain.ErrNoConfig) {
			t.Errorf("%+v: %+v, %v", s, got, err)
		}
	}
	if _, err := targets.Resolve(t.Context(), domain.Subscriber{AccountID: "acc", ConfigID: "broken"}); fault.CodeOf(err) != "keys.cannot_open" {
		t.Errorf("a secret that does not open: %v", err)
	}
	if got, err := targets.Resolve(t.Context(), domain.Subscriber{AccountID: "acc", BucketID: "b", ConfigID: "whk_1"}); err != nil || got.URL != "http://config" {
		t.Errorf("a config that is named as a subscription: %+v, %v", got, err)
	}
	subs.err = fault.ErrUnavailable
	if _, err := targets.Resolve(t.Context(), domain.Subscriber{AccountID: "acc", ConfigID: "whk_1"}); !errors.Is(err, fault.ErrUnavailable) || errors.Is(err, domain.ErrNoConfig) {
		t.Errorf("the store is away: %v", err)
	}
}
