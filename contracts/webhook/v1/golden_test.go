package webhookv1_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/goldentest"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// messages are one filled value per message that crosses a boundary. Inside v1
// their JSON may only gain optional fields.
func messages() map[string]any {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	delivery := webhookv1.Delivery{
		ID: "dlv_a", EndpointID: "bkt_1.cfg_1", AccountID: "acc_1", EventID: "01EV", EventType: "evt.object.v1.object.created",
		URL: "https://example.com/hook", State: webhookv1.Pending, NextAttempt: at.Add(5 * time.Second), CreatedAt: at,
		Attempts: []webhookv1.Attempt{{Time: at, Status: 503, Error: "e", Duration: time.Second}},
	}
	endpoint := webhookv1.Endpoint{
		ID: "bkt_1.cfg_1", AccountID: "acc_1", URL: "https://example.com/hook", Disabled: true, DisabledWhy: "gone", FailingSince: at,
	}
	principal := authv1.Principal{AccountID: "acc_1", Username: "alice", Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeAdmin}}}
	subscription := webhookv1.Subscription{
		ID: "whk_aaaaaaaaaaaaaaaaaaaaaaaaaa", AccountID: "acc_1", URL: "https://example.com/hook", Events: []string{webhookv1.EventContainerStatusChanged},
		Description: "a board", CreatedAt: at, Disabled: true, DisabledWhy: "gone", FailingSince: at,
	}
	url, events, description, disabled := "https://example.com/other", []string{webhookv1.EventLinkStatusChanged}, "", true
	return map[string]any{
		"create_subscription_request":     webhookv1.CreateSubscriptionRequest{Principal: principal, URL: url, Events: events, Description: "a board"},
		"created_subscription":            webhookv1.CreatedSubscription{Subscription: subscription, Secret: "whsec_AAAA"},
		"subscription":                    subscription,
		"subscription_request":            webhookv1.SubscriptionRequest{Principal: principal, ID: subscription.ID},
		"list_subscriptions_request":      webhookv1.ListSubscriptionsRequest{Principal: principal},
		"list_subscriptions_response":     webhookv1.ListSubscriptionsResponse{Subscriptions: []webhookv1.Subscription{subscription}},
		"update_subscription_request":     webhookv1.UpdateSubscriptionRequest{Principal: principal, ID: subscription.ID, URL: &url, Events: &events, Description: &description, Disabled: &disabled, NewSecret: true},
		"subscription_deliveries_request": webhookv1.SubscriptionDeliveriesRequest{Principal: principal, ID: subscription.ID, State: webhookv1.Dead, Cursor: "c", Limit: 10},
		"replay_subscription_request":     webhookv1.ReplaySubscriptionRequest{Principal: principal, ID: subscription.ID, DeliveryID: "dlv_a", Since: &at},
		"replay_subscription_response":    webhookv1.ReplaySubscriptionResponse{Replayed: 3},
		"empty":                           webhookv1.Empty{},

		"secret_request":           webhookv1.SecretRequest{Username: "alice", Bucket: "photos", ConfigID: "cfg_1"},
		"secret_response":          webhookv1.SecretResponse{Secret: "whsec_AAAA"},
		"list_deliveries_request":  webhookv1.ListDeliveriesRequest{EndpointID: "bkt_1.cfg_1", State: webhookv1.Dead, Cursor: "c", Limit: 10},
		"list_deliveries_response": webhookv1.ListDeliveriesResponse{Deliveries: []webhookv1.Delivery{delivery}, Cursor: "c"},
		"get_delivery_request":     webhookv1.GetDeliveryRequest{ID: "dlv_a"},
		"delivery":                 delivery,
		"replay_request":           webhookv1.ReplayRequest{ID: "dlv_a"},
		"list_endpoints_request":   webhookv1.ListEndpointsRequest{Cursor: "c", Limit: 10},
		"list_endpoints_response":  webhookv1.ListEndpointsResponse{Endpoints: []webhookv1.Endpoint{endpoint}, Cursor: "c"},
		"endpoint_event":           webhookv1.EndpointEvent{Endpoint: endpoint, Time: at},
	}
}

func TestMessages_Golden(t *testing.T) {
	t.Parallel()
	goldentest.Messages(t, messages())
}

// TestSubjects holds calls and events to their roots: a stream that captured a
// call would answer the caller itself.
func TestSubjects(t *testing.T) {
	t.Parallel()
	calls := []string{
		webhookv1.Secret.Subject, webhookv1.ListDeliveries.Subject, webhookv1.GetDelivery.Subject,
		webhookv1.Replay.Subject, webhookv1.ListEndpoints.Subject,
		webhookv1.CreateSubscription.Subject, webhookv1.GetSubscription.Subject, webhookv1.ListSubscriptions.Subject,
		webhookv1.UpdateSubscription.Subject, webhookv1.DeleteSubscription.Subject, webhookv1.SubscriptionDeliveries.Subject,
		webhookv1.ReplaySubscription.Subject,
	}
	seen := map[string]bool{}
	for _, s := range calls {
		if !strings.HasPrefix(s, "webhook.v1.") || seen[s] {
			t.Errorf("a call on %s", s)
		}
		seen[s] = true
	}
	if n := reflect.TypeFor[webhookv1.Service]().NumMethod(); n != len(calls) {
		t.Errorf("%d methods, %d subjects", n, len(calls))
	}
	if s := webhookv1.EndpointDisabled.Type; !strings.HasPrefix(s, "evt.webhook.v1.") {
		t.Errorf("an event on %s", s)
	}
}
