// Package closing ends what the services keep of an account before auth forgets
// it: whoever deletes accounts does it in this order.
package closing

import (
	"context"
	"errors"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// Services are those that keep something of an account.
type Services struct {
	Objects interface {
		CloseAccount(ctx context.Context, r objectv1.CloseAccountRequest) (objectv1.Empty, error)
	}
	Pliks interface {
		RemovePliks(ctx context.Context, r uploadv1.RemovePliksRequest) (uploadv1.RemovePliksResponse, error)
	}
	Fetches interface {
		RemoveFetches(ctx context.Context, r uploadv1.RemoveFetchesRequest) (uploadv1.RemoveFetchesResponse, error)
	}
	Links interface {
		ListContainers(ctx context.Context, r linksv1.ListRequest) (linksv1.ListResponse, error)
		DeleteContainer(ctx context.Context, r linksv1.ContainerRequest) (linksv1.Empty, error)
	}
	Webhooks interface {
		ListSubscriptions(ctx context.Context, r webhookv1.ListSubscriptionsRequest) (webhookv1.ListSubscriptionsResponse, error)
		DeleteSubscription(ctx context.Context, r webhookv1.SubscriptionRequest) (webhookv1.Empty, error)
	}
}

// Close ends everything of an account. Retention may refuse it
// (object.locked): object decides first, and nothing is gone then. Whatever stops
// it later, the account is still there and Close may be repeated.
func (s Services) Close(ctx context.Context, accountID string) error {
	if _, err := s.Objects.CloseAccount(ctx, objectv1.CloseAccountRequest{AccountID: accountID}); err != nil {
		return fmt.Errorf("closing an account: %w", err)
	}
	if _, err := s.RemovePliks(ctx, uploadv1.RemovePliksRequest{AccountID: accountID}); err != nil {
		return err
	}
	if err := s.removeFetches(ctx, accountID); err != nil {
		return err
	}
	p := authv1.Principal{AccountID: accountID}
	if err := s.deleteContainers(ctx, p); err != nil {
		return err
	}
	return s.deleteWebhooks(ctx, p)
}

// RemovePliks removes all temporary uploads that r names and says how many they were.
func (s Services) RemovePliks(ctx context.Context, r uploadv1.RemovePliksRequest) (int64, error) {
	var removed int64
	for {
		l, err := s.Pliks.RemovePliks(ctx, r)
		if err != nil {
			return removed, fmt.Errorf("removing temporary uploads: %w", err)
		}
		if removed += l.Removed; !l.More {
			return removed, nil
		}
	}
}

func (s Services) removeFetches(ctx context.Context, accountID string) error {
	for {
		l, err := s.Fetches.RemoveFetches(ctx, uploadv1.RemoveFetchesRequest{AccountID: accountID})
		if err != nil {
			return fmt.Errorf("removing the remote URLs of an account to close: %w", err)
		}
		if !l.More {
			return nil
		}
	}
}

func (s Services) deleteContainers(ctx context.Context, p authv1.Principal) error {
	for {
		l, err := s.Links.ListContainers(ctx, linksv1.ListRequest{Principal: p})
		if err != nil {
			return fmt.Errorf("listing the containers of an account to close: %w", err)
		}
		if len(l.Containers) == 0 {
			return nil
		}
		for _, v := range l.Containers {
			_, err := s.Links.DeleteContainer(ctx, linksv1.ContainerRequest{Principal: p, ID: v.ID})
			if err != nil && !errors.Is(err, linksv1.ErrNotFound) {
				return fmt.Errorf("deleting the containers of an account to close: %w", err)
			}
		}
	}
}

func (s Services) deleteWebhooks(ctx context.Context, p authv1.Principal) error {
	l, err := s.Webhooks.ListSubscriptions(ctx, webhookv1.ListSubscriptionsRequest{Principal: p})
	if err != nil {
		return fmt.Errorf("listing the webhooks of an account to close: %w", err)
	}
	for _, w := range l.Subscriptions {
		_, err := s.Webhooks.DeleteSubscription(ctx, webhookv1.SubscriptionRequest{Principal: p, ID: w.ID})
		if err != nil && !errors.Is(err, webhookv1.ErrSubscriptionNotFound) {
			return fmt.Errorf("deleting the webhooks of an account to close: %w", err)
		}
	}
	return nil
}
