package webhookv1

import (
	"errors"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// Register serves svc on s.
func Register(s *rpc.Server, svc Service) error {
	return errors.Join(
		rpc.Handle(s, Secret, svc.Secret),
		rpc.Handle(s, ListDeliveries, svc.ListDeliveries),
		rpc.Handle(s, GetDelivery, svc.GetDelivery),
		rpc.Handle(s, Replay, svc.Replay),
		rpc.Handle(s, ListEndpoints, svc.ListEndpoints),
		rpc.Handle(s, CreateSubscription, svc.CreateSubscription),
		rpc.Handle(s, GetSubscription, svc.GetSubscription),
		rpc.Handle(s, ListSubscriptions, svc.ListSubscriptions),
		rpc.Handle(s, UpdateSubscription, svc.UpdateSubscription),
		rpc.Handle(s, DeleteSubscription, svc.DeleteSubscription),
		rpc.Handle(s, SubscriptionDeliveries, svc.SubscriptionDeliveries),
		rpc.Handle(s, ReplaySubscription, svc.ReplaySubscription),
	)
}
