package webhookv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// MaxSubscriptions is how many an account has at most.
const MaxSubscriptions = 50

// The names of the events that an account may subscribe to, as its receivers see
// them (locknex.md). What they mean is in contracts/links/v1.
const (
	EventContainerCreated       = "container.created"
	EventContainerStatusChanged = "container.status_changed"
	EventContainerDeleted       = "container.deleted"
	EventLinkStatusChanged      = "link.status_changed"
)

// SubscriptionEvents lists them.
func SubscriptionEvents() []string {
	return []string{EventContainerCreated, EventContainerStatusChanged, EventContainerDeleted, EventLinkStatusChanged}
}

// Subscription is an address that an account wants its events sent to. Its ID is
// that of its Endpoint too.
type Subscription struct {
	ID          string    `json:"id"` // whk_ and 26 characters
	AccountID   string    `json:"accountId"`
	URL         string    `json:"url"`
	Events      []string  `json:"events"` // none: all
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
	// Disabled is what its owner, or a long row of failures (DisabledWhy), decided.
	Disabled     bool      `json:"disabled,omitempty"`
	DisabledWhy  string    `json:"disabledWhy,omitempty"`
	FailingSince time.Time `json:"failingSince,omitzero"`
}

// CreatedSubscription has the secret that signs, "whsec_" + base64, which is in
// this answer and never again.
type CreatedSubscription struct {
	Subscription
	Secret string `json:"secret"`
}

// CreateSubscriptionRequest makes one.
type CreateSubscriptionRequest struct {
	Principal   authv1.Principal `json:"principal"`
	URL         string           `json:"url"`
	Events      []string         `json:"events,omitempty"`
	Description string           `json:"description,omitempty"` // 200 characters at most
}

// SubscriptionRequest names one of the principal's.
type SubscriptionRequest struct {
	Principal authv1.Principal `json:"principal"`
	ID        string           `json:"id"`
}

// ListSubscriptionsRequest asks for all of the principal's.
type ListSubscriptionsRequest struct {
	Principal authv1.Principal `json:"principal"`
}

// ListSubscriptionsResponse is sorted by time of creation.
type ListSubscriptionsResponse struct {
	Subscriptions []Subscription `json:"subscriptions"`
}

// UpdateSubscriptionRequest changes what is not nil. Enabling one forgets why it
// was switched off.
type UpdateSubscriptionRequest struct {
	Principal   authv1.Principal `json:"principal"`
	ID          string           `json:"id"`
	URL         *string          `json:"url,omitempty"`
	Events      *[]string        `json:"events,omitempty"`
	Description *string          `json:"description,omitempty"`
	Disabled    *bool            `json:"disabled,omitempty"`
	// NewSecret makes a new one, which is in the answer; the old one signs beside it
	// for a day.
	NewSecret bool `json:"newSecret,omitempty"`
}

// SubscriptionDeliveriesRequest pages through the log of one of the principal's,
// newest first.
type SubscriptionDeliveriesRequest struct {
	Principal authv1.Principal `json:"principal"`
	ID        string           `json:"id"`
	State     State            `json:"state,omitempty"`
	Cursor    string           `json:"cursor,omitempty"`
	Limit     int              `json:"limit,omitempty"`
}

// ReplaySubscriptionRequest makes deliveries of one of the principal's due again:
// one by its id, or all that are dead since a time.
type ReplaySubscriptionRequest struct {
	Principal  authv1.Principal `json:"principal"`
	ID         string           `json:"id"`
	DeliveryID string           `json:"deliveryId,omitempty"`
	Since      *time.Time       `json:"since,omitempty"`
}

// ReplaySubscriptionResponse says how many.
type ReplaySubscriptionResponse struct {
	Replayed int `json:"replayed"`
}

// Empty is an answer without content.
type Empty struct{}

// The errors of subscriptions.
var (
	ErrSubscriptionNotFound = fault.New(fault.NotFound, "webhook.subscription_not_found", "there is no such webhook")
	ErrTooManySubscriptions = fault.New(fault.Conflict, "webhook.too_many_subscriptions", "the account has too many webhooks; delete one first")
	ErrBadURL               = fault.New(fault.Invalid, "webhook.bad_url", "the address of a webhook is a public http or https URL")
	ErrUnknownEvent         = fault.New(fault.Invalid, "webhook.unknown_event", "there is no such event")
)

// The calls about subscriptions.
var (
	CreateSubscription     = rpc.Method[CreateSubscriptionRequest, CreatedSubscription]{Subject: "webhook.v1.create_subscription"}
	GetSubscription        = rpc.Method[SubscriptionRequest, Subscription]{Subject: "webhook.v1.get_subscription", Idempotent: true}
	ListSubscriptions      = rpc.Method[ListSubscriptionsRequest, ListSubscriptionsResponse]{Subject: "webhook.v1.list_subscriptions", Idempotent: true}
	UpdateSubscription     = rpc.Method[UpdateSubscriptionRequest, CreatedSubscription]{Subject: "webhook.v1.update_subscription"}
	DeleteSubscription     = rpc.Method[SubscriptionRequest, Empty]{Subject: "webhook.v1.delete_subscription", Idempotent: true}
	SubscriptionDeliveries = rpc.Method[SubscriptionDeliveriesRequest, ListDeliveriesResponse]{Subject: "webhook.v1.subscription_deliveries", Idempotent: true}
	ReplaySubscription     = rpc.Method[ReplaySubscriptionRequest, ReplaySubscriptionResponse]{Subject: "webhook.v1.replay_subscription", Idempotent: true}
)
