package webhookv1

import "github.com/sluicehq/sluice/pkg/fault"

// ErrDeliveryNotFound says that there is no such delivery.
var ErrDeliveryNotFound = fault.New(fault.NotFound, "webhook.delivery_not_found", "there is no such delivery")
