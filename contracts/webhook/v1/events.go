package webhookv1

import (
	"time"

	"github.com/sluicehq/sluice/pkg/bus"
)

// EndpointDisabled tells that an endpoint was switched off.
var EndpointDisabled = bus.EventType[EndpointEvent]{Type: "evt.webhook.v1.endpoint.disabled", Source: "/sluice/webhook"}

// EndpointEvent is the data of EndpointDisabled.
type EndpointEvent struct {
	Endpoint Endpoint  `json:"endpoint"`
	Time     time.Time `json:"time"`
}
