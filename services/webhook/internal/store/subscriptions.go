package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// accountDoc holds all subscriptions of the account whose id is the document's.
type accountDoc struct {
	Subscriptions []domain.Subscription `bson:"subscriptions"`
}

// Subscriptions implements domain.Subscriptions.
type Subscriptions struct {
	c *docstore.Collection[accountDoc]
}

// OpenSubscriptions opens the collection.
func OpenSubscriptions(ctx context.Context, db docstore.DB) (*Subscriptions, error) {
	c, err := docstore.Open[accountDoc](ctx, db, docstore.Spec{Name: "subscriptions"})
	if err != nil {
		return nil, fmt.Errorf("opening subscriptions: %w", err)
	}
	return &Subscriptions{c}, nil
}

// Of implements domain.Subscriptions.
func (s *Subscriptions) Of(ctx context.Context, accountID string) ([]domain.Subscription, error) {
	d, err := s.c.Get(ctx, accountID)
	if errors.Is(err, docstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return d.Value.Subscriptions, nil
}

// Update implements domain.Subscriptions.
func (s *Subscriptions) Update(
	ctx context.Context, accountID string, change func(all []domain.Subscription) ([]domain.Subscription, error),
) error {
	_, err := s.c.Upsert(ctx, accountID, func(d *accountDoc, _ bool) ([]docstore.Message, error) {
		all, err := change(d.Subscriptions)
		if errors.Is(err, domain.ErrUnchanged) {
			return nil, docstore.Unchanged
		}
		d.Subscriptions = all
		return nil, err
	})
	if errors.Is(err, docstore.ErrNotFound) {
		return nil // unchanged, and there was none
	}
	return err
}
