package core

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// webhookID is the form of a subscription's id.
var webhookID = regexp.MustCompile(`^whk_[0-9A-Za-z]{26}$`)

// mayWebhook decides whether by may see and change webhook id of the account; ""
// stands for none in particular.
func mayWebhook(by Caller, id string) error {
	if err := MayContainers(by.Principal, authv1.ScopeAdmin); err != nil {
		return err
	}
	if id != "" && !webhookID.MatchString(id) {
		return webhookv1.ErrSubscriptionNotFound
	}
	return nil
}

// CreateWebhook makes a subscription of the caller's account; r's Principal is
// set here and in the functions below. Codes: as webhookv1.Service, and
// object.access_denied.
func (c *Core) CreateWebhook(ctx context.Context, by Caller, r webhookv1.CreateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	if err := mayWebhook(by, ""); err != nil {
		return webhookv1.CreatedSubscription{}, err
	}
	r.Principal = by.Principal
	s, err := c.Webhooks.CreateSubscription(ctx, r)
	if err != nil {
		return webhookv1.CreatedSubscription{}, fmt.Errorf("making a webhook: %w", err)
	}
	return s, nil
}

// ListWebhooks gives all of the caller's account.
func (c *Core) ListWebhooks(ctx context.Context, by Caller) ([]webhookv1.Subscription, error) {
	if err := mayWebhook(by, ""); err != nil {
		return nil, err
	}
	l, err := c.Webhooks.ListSubscriptions(ctx, webhookv1.ListSubscriptionsRequest{Principal: by.Principal})
	if err != nil {
		return nil, fmt.Errorf("listing webhooks: %w", err)
	}
	return l.Subscriptions, nil
}

// Webhook reads one.
func (c *Core) Webhook(ctx context.Context, by Caller, id string) (webhookv1.Subscription, error) {
	if err := mayWebhook(by, id); err != nil {
		return webhookv1.Subscription{}, err
	}
	s, err := c.Webhooks.GetSubscription(ctx, webhookv1.SubscriptionRequest{Principal: by.Principal, ID: id})
	if err != nil {
		return webhookv1.Subscription{}, fmt.Errorf("reading a webhook: %w", err)
	}
	return s, nil
}

// UpdateWebhook changes one.
func (c *Core) UpdateWebhook(ctx context.Context, by Caller, r webhookv1.UpdateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	if err := mayWebhook(by, r.ID); err != nil {
		return webhookv1.CreatedSubscription{}, err
	}
	r.Principal = by.Principal
	s, err := c.Webhooks.UpdateSubscription(ctx, r)
	if err != nil {
		return webhookv1.CreatedSubscription{}, fmt.Errorf("changing a webhook: %w", err)
	}
	return s, nil
}

// DeleteWebhook ends one.
func (c *Core) DeleteWebhook(ctx context.Context, by Caller, id string) error {
	_, missing := c.Webhook(ctx, by, id) // a deletion says nothing of one that is not there
	if missing != nil && !errors.Is(missing, webhookv1.ErrSubscriptionNotFound) {
		return missing
	}
	if !webhookID.MatchString(id) {
		return missing
	}
	// Also of one that is gone: a deletion that broke off left something behind.
	if _, err := c.Webhooks.DeleteSubscription(ctx, webhookv1.SubscriptionRequest{Principal: by.Principal, ID: id}); err != nil {
		return fmt.Errorf("deleting a webhook: %w", err)
	}
	return missing
}

// WebhookDeliveries pages through the log of one.
func (c *Core) WebhookDeliveries(ctx context.Context, by Caller, r webhookv1.SubscriptionDeliveriesRequest) (webhookv1.ListDeliveriesResponse, error) {
	if err := mayWebhook(by, r.ID); err != nil {
		return webhookv1.ListDeliveriesResponse{}, err
	}
	r.Principal = by.Principal
	l, err := c.Webhooks.SubscriptionDeliveries(ctx, r)
	if err != nil {
		return webhookv1.ListDeliveriesResponse{}, fmt.Errorf("reading the log of a webhook: %w", err)
	}
	return l, nil
}

// ReplayWebhook makes deliveries of one due again, and says how many.
func (c *Core) ReplayWebhook(ctx context.Context, by Caller, r webhookv1.ReplaySubscriptionRequest) (int, error) {
	if err := mayWebhook(by, r.ID); err != nil {
		return 0, err
	}
	r.Principal = by.Principal
	n, err := c.Webhooks.ReplaySubscription(ctx, r)
	if err != nil {
		return 0, fmt.Errorf("replaying a webhook: %w", err)
	}
	return n.Replayed, nil
}
