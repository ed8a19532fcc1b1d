package endpoint

import (
	"context"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// CreateSubscription implements webhookv1.Service.
func (s *Service) CreateSubscription(context.Context, webhookv1.CreateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	return webhookv1.CreatedSubscription{}, fault.ErrUnavailable
}

// GetSubscription implements webhookv1.Service.
func (s *Service) GetSubscription(context.Context, webhookv1.SubscriptionRequest) (webhookv1.Subscription, error) {
	return webhookv1.Subscription{}, fault.ErrUnavailable
}

// ListSubscriptions implements webhookv1.Service.
func (s *Service) ListSubscriptions(context.Context, webhookv1.ListSubscriptionsRequest) (webhookv1.ListSubscriptionsResponse, error) {
	return webhookv1.ListSubscriptionsResponse{}, fault.ErrUnavailable
}

// UpdateSubscription implements webhookv1.Service.
func (s *Service) UpdateSubscription(context.Context, webhookv1.UpdateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	return webhookv1.CreatedSubscription{}, fault.ErrUnavailable
}

// DeleteSubscription implements webhookv1.Service.
func (s *Service) DeleteSubscription(context.Context, webhookv1.SubscriptionRequest) (webhookv1.Empty, error) {
	return webhookv1.Empty{}, fault.ErrUnavailable
}

// SubscriptionDeliveries implements webhookv1.Service.
func (s *Service) SubscriptionDeliveries(context.Context, webhookv1.SubscriptionDeliveriesRequest) (webhookv1.ListDeliveriesResponse, error) {
	return webhookv1.ListDeliveriesResponse{}, fault.ErrUnavailable
}

// ReplaySubscription implements webhookv1.Service.
func (s *Service) ReplaySubscription(context.Context, webhookv1.ReplaySubscriptionRequest) (webhookv1.ReplaySubscriptionResponse, error) {
	return webhookv1.ReplaySubscriptionResponse{}, fault.ErrUnavailable
}
