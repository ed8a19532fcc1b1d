package webhookv1

import (
	"context"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// NewClient gives the Service that calls webhook over c. Its methods add the
// faults of pkg/rpc to those of the contract.
func NewClient(c *rpc.Client) Service { return client{c} }

type client struct{ rpc *rpc.Client }

func (c client) Secret(ctx context.Context, r SecretRequest) (SecretResponse, error) {
	return rpc.Call(ctx, c.rpc, Secret, r)
}

func (c client) ListDeliveries(ctx context.Context, r ListDeliveriesRequest) (ListDeliveriesResponse, error) {
	return rpc.Call(ctx, c.rpc, ListDeliveries, r)
}

func (c client) GetDelivery(ctx context.Context, r GetDeliveryRequest) (Delivery, error) {
	return rpc.Call(ctx, c.rpc, GetDelivery, r)
}

func (c client) Replay(ctx context.Context, r ReplayRequest) (Delivery, error) {
	return rpc.Call(ctx, c.rpc, Replay, r)
}

func (c client) ListEndpoints(ctx context.Context, r ListEndpointsRequest) (ListEndpointsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListEndpoints, r)
}

func (c client) CreateSubscription(ctx context.Context, r CreateSubscriptionRequest) (CreatedSubscription, error) {
	return rpc.Call(ctx, c.rpc, CreateSubscription, r)
}

func (c client) GetSubscription(ctx context.Context, r SubscriptionRequest) (Subscription, error) {
	return rpc.Call(ctx, c.rpc, GetSubscription, r)
}

func (c client) ListSubscriptions(ctx context.Context, r ListSubscriptionsRequest) (ListSubscriptionsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListSubscriptions, r)
}

func (c client) UpdateSubscription(ctx context.Context, r UpdateSubscriptionRequest) (CreatedSubscription, error) {
	return rpc.Call(ctx, c.rpc, UpdateSubscription, r)
}

func (c client) DeleteSubscription(ctx context.Context, r SubscriptionRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, DeleteSubscription, r)
}

func (c client) SubscriptionDeliveries(ctx context.Context, r SubscriptionDeliveriesRequest) (ListDeliveriesResponse, error) {
	return rpc.Call(ctx, c.rpc, SubscriptionDeliveries, r)
}

func (c client) ReplaySubscription(ctx context.Context, r ReplaySubscriptionRequest) (ReplaySubscriptionResponse, error) {
	return rpc.Call(ctx, c.rpc, ReplaySubscription, r)
}
