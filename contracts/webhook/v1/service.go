// Package webhookv1 is the contract of the webhook service: who hears of what,
// and what became of each delivery.
package webhookv1

import "context"

// Service is webhook.
type Service interface {
	// Secret reads a config's signing secret, "whsec_" + base64; for operators
	// only, never by a dialect. Codes: object.config_not_found, object.bucket_not_found.
	Secret(ctx context.Context, r SecretRequest) (SecretResponse, error)
	// ListDeliveries pages through the log, newest first.
	ListDeliveries(ctx context.Context, r ListDeliveriesRequest) (ListDeliveriesResponse, error)
	// GetDelivery gives one with all its attempts. Codes: webhook.delivery_not_found.
	GetDelivery(ctx context.Context, r GetDeliveryRequest) (Delivery, error)
	// Replay makes a delivery due again now, whatever became of it; its id stays
	// the same, so that receivers can tell. Codes: webhook.delivery_not_found.
	Replay(ctx context.Context, r ReplayRequest) (Delivery, error)
	// ListEndpoints gives the endpoints and their health.
	ListEndpoints(ctx context.Context, r ListEndpointsRequest) (ListEndpointsResponse, error)

	// CreateSubscription makes one of the account's own. Codes: webhook.bad_url,
	// webhook.unknown_event, webhook.too_many_subscriptions, invalid_request.
	CreateSubscription(ctx context.Context, r CreateSubscriptionRequest) (CreatedSubscription, error)
	// GetSubscription reads one. Codes: webhook.subscription_not_found, also for
	// another account's.
	GetSubscription(ctx context.Context, r SubscriptionRequest) (Subscription, error)
	// ListSubscriptions gives all of an account.
	ListSubscriptions(ctx context.Context, r ListSubscriptionsRequest) (ListSubscriptionsResponse, error)
	// UpdateSubscription changes one; a secret is in the answer when it is new.
	// Codes: as for both.
	UpdateSubscription(ctx context.Context, r UpdateSubscriptionRequest) (CreatedSubscription, error)
	// DeleteSubscription ends one, and what waits for it. Idempotent.
	DeleteSubscription(ctx context.Context, r SubscriptionRequest) (Empty, error)
	// SubscriptionDeliveries pages through its log. Codes:
	// webhook.subscription_not_found.
	SubscriptionDeliveries(ctx context.Context, r SubscriptionDeliveriesRequest) (ListDeliveriesResponse, error)
	// ReplaySubscription makes deliveries due again. Codes:
	// webhook.subscription_not_found, webhook.delivery_not_found.
	ReplaySubscription(ctx context.Context, r ReplaySubscriptionRequest) (ReplaySubscriptionResponse, error)
}
