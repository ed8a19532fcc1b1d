package webhookv1

import "time"

// State of a delivery:
//
//	pending ──2xx──► delivered
//	   │ ▲
//	   │ └─ failed attempt, more to come
//	   └──last attempt failed, 410, endpoint off──► dead ──Replay──► pending
type State string

// The states of a delivery.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Dead      State = "dead"
)

// Attempt is one try.
type Attempt struct {
	Time     time.Time     `json:"time" bson:"t"`
	Status   int           `json:"status,omitempty" bson:"s,omitempty"` // HTTP status, 0 when none came
	Error    string        `json:"error,omitempty" bson:"e,omitempty"`
	Duration time.Duration `json:"duration" bson:"d"`
}

// Delivery is one event on its way to one endpoint. Its ID is the webhook-id header.
type Delivery struct {
	ID          string    `json:"id"`
	EndpointID  string    `json:"endpointId"`
	AccountID   string    `json:"accountId"`
	EventID     string    `json:"eventId"`
	EventType   string    `json:"eventType"`
	URL         string    `json:"url"`
	State       State     `json:"state"`
	Attempts    []Attempt `json:"attempts"`
	NextAttempt time.Time `json:"nextAttempt,omitzero"`
	CreatedAt   time.Time `json:"createdAt"`
}

// Endpoint is a subscriber and its health.
type Endpoint struct {
	ID           string    `json:"id"` // "<bucket id>.<config id>"
	AccountID    string    `json:"accountId"`
	URL          string    `json:"url"`
	Disabled     bool      `json:"disabled,omitempty"`
	DisabledWhy  string    `json:"disabledWhy,omitempty"`
	FailingSince time.Time `json:"failingSince,omitzero"`
}

// SecretRequest names a config by the owner's user name, bucket and config id.
type SecretRequest struct {
	Username string `json:"username"`
	Bucket   string `json:"bucket"`
	ConfigID string `json:"configId"`
}

// SecretResponse holds the secret in the form that receivers are configured with.
type SecretResponse struct {
	Secret string `json:"secret"`
}

// ListDeliveriesRequest filters; empty fields do not.
type ListDeliveriesRequest struct {
	EndpointID string `json:"endpointId,omitempty"`
	State      State  `json:"state,omitempty"`
	Cursor     string `json:"cursor,omitempty"`
	Limit      int    `json:"limit,omitempty"`
}

// ListDeliveriesResponse is a page.
type ListDeliveriesResponse struct {
	Deliveries []Delivery `json:"deliveries"`
	Cursor     string     `json:"cursor,omitempty"`
}

// GetDeliveryRequest names a delivery.
type GetDeliveryRequest struct {
	ID string `json:"id"`
}

// ReplayRequest names a delivery.
type ReplayRequest struct {
	ID string `json:"id"`
}

// ListEndpointsRequest pages.
type ListEndpointsRequest struct {
	Cursor string `json:"cursor,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

// ListEndpointsResponse is a page.
type ListEndpointsResponse struct {
	Endpoints []Endpoint `json:"endpoints"`
	Cursor    string     `json:"cursor,omitempty"`
}
