package webhookv1

import "github.com/sluicehq/sluice/pkg/rpc"

// The calls of webhook.
var (
	Secret         = rpc.Method[SecretRequest, SecretResponse]{Subject: "webhook.v1.secret", Idempotent: true}
	ListDeliveries = rpc.Method[ListDeliveriesRequest, ListDeliveriesResponse]{Subject: "webhook.v1.list_deliveries", Idempotent: true}
	GetDelivery    = rpc.Method[GetDeliveryRequest, Delivery]{Subject: "webhook.v1.get_delivery", Idempotent: true}
	Replay         = rpc.Method[ReplayRequest, Delivery]{Subject: "webhook.v1.replay"}
	ListEndpoints  = rpc.Method[ListEndpointsRequest, ListEndpointsResponse]{Subject: "webhook.v1.list_endpoints", Idempotent: true}
)
