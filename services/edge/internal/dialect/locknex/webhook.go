package locknex

import (
	"net/http"
	"slices"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Bounds of a webhook.
const (
	maxHookURL    = 2048 // bytes
	maxDeliveries = 100  // of a page of the log
)

// wireHook is a webhook. The secret is there when it is new.
type wireHook struct {
	ID             string   `json:"id"`
	URL            string   `json:"url"`
	Events         []string `json:"events"` // none: all
	Description    string   `json:"description"`
	Enabled        bool     `json:"enabled"`
	DisabledReason string   `json:"disabled_reason"`
	FailingSince   *string  `json:"failing_since"`
	CreatedAt      string   `json:"created_at"`
	Secret         string   `json:"secret,omitempty"`
}

func hookToWire(s webhookv1.Subscription, secret string) wireHook {
	return wireHook{
		ID: s.ID, URL: s.URL, Events: append([]string{}, s.Events...), Description: s.Description, Enabled: !s.Disabled, DisabledReason: s.DisabledWhy,
		FailingSince: instantOr(&s.FailingSince), CreatedAt: instant(s.CreatedAt), Secret: secret,
	}
}

// answerHook answers with one.
func answerHook(w http.ResponseWriter, s webhookv1.Subscription, secret string) error {
	return answer(w, struct {
		Success bool `json:"success"`
		wireHook
	}{true, hookToWire(s, secret)})
}

// hookWish is what a body says of a webhook; what is nil is not said.
type hookWish struct {
	URL         *string   `json:"url"`
	Events      *[]string `json:"events"`
	Description *string   `json:"description"`
	Enabled     *bool     `json:"enabled"`
	NewSecret   bool      `json:"new_secret"`
}

func (b hookWish) check() error {
	if b.URL != nil && (*b.URL == "" || len(*b.URL) > maxHookURL) {
		return webhookv1.ErrBadURL.Msgf("url is an http or https address of at most %d bytes", maxHookURL)
	}
	if b.Events == nil {
		return nil
	}
	for i, e := range *b.Events {
		switch {
		case !slices.Contains(webhookv1.SubscriptionEvents(), e):
			return webhookv1.ErrUnknownEvent.Msgf("there is no event %.64q; the events are container.created, container.status_changed, container.deleted and link.status_changed", e)
		case slices.Contains((*b.Events)[:i], e):
			return fault.ErrInvalid.Msgf("events has %q twice", e)
		}
	}
	return nil
}

// ListWebhooks answers GET /account/webhooks.
func (h *Handler) ListWebhooks(w http.ResponseWriter, r *http.Request) error {
	all, err := h.core.ListWebhooks(r.Context(), callerOf(r))
	if err != nil {
		return err
	}
	out := struct {
		Success  bool       `json:"success"`
		Webhooks []wireHook `json:"webhooks"`
	}{true, make([]wireHook, len(all))}
	for i, s := range all {
		out.Webhooks[i] = hookToWire(s, "")
	}
	return answer(w, out)
}

// CreateWebhook answers POST /account/webhooks.
func (h *Handler) CreateWebhook(w http.ResponseWriter, r *http.Request) error {
	var body hookWish
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if body.URL == nil {
		return webhookv1.ErrBadURL.Msgf("url is needed, an http or https address of at most %d bytes", maxHookURL)
	}
	if err := body.check(); err != nil {
		return err
	}
	ask := webhookv1.CreateSubscriptionRequest{URL: *body.URL}
	if body.Events != nil {
		ask.Events = *body.Events
	}
	if body.Description != nil {
		ask.Description = *body.Description
	}
	s, err := h.core.CreateWebhook(r.Context(), callerOf(r), ask)
	if err != nil {
		return err
	}
	dialect.CallOf(r).Key = s.ID
	return answerHook(w, s.Subscription, s.Secret)
}

// GetWebhook answers GET /account/webhooks/{id}.
func (h *Handler) GetWebhook(w http.ResponseWriter, r *http.Request) error {
	s, err := h.core.Webhook(r.Context(), callerOf(r), h.idOf(r))
	if err != nil {
		return err
	}
	return answerHook(w, s, "")
}

// UpdateWebhook answers PUT /account/webhooks/{id}.
func (h *Handler) UpdateWebhook(w http.ResponseWriter, r *http.Request) error {
	id := h.idOf(r)
	var body hookWish
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	ask := webhookv1.UpdateSubscriptionRequest{ID: id, URL: body.URL, Events: body.Events, Description: body.Description, NewSecret: body.NewSecret}
	if body.Enabled != nil {
		ask.Disabled = new(!*body.Enabled)
	}
	if ask.URL == nil && ask.Events == nil && ask.Description == nil && ask.Disabled == nil && !ask.NewSecret {
		return fault.ErrInvalid.Msgf("nothing to change: send url, events, description, enabled or new_secret")
	}
	s, err := h.core.UpdateWebhook(r.Context(), callerOf(r), ask)
	if err != nil {
		return err
	}
	return answerHook(w, s.Subscription, s.Secret)
}

// DeleteWebhook answers DELETE /account/webhooks/{id}.
func (h *Handler) DeleteWebhook(w http.ResponseWriter, r *http.Request) error {
	id := h.idOf(r)
	if err := h.core.DeleteWebhook(r.Context(), callerOf(r), id); err != nil {
		return err
	}
	return answer(w, struct {
		Success bool   `json:"success"`
		ID      string `json:"id"`
	}{true, id})
}

// wireDelivery is an event on its way; its id is the webhook-id header.
type wireDelivery struct {
	ID          string          `json:"id"`
	Event       string          `json:"event"`
	URL         string          `json:"url"`
	State       webhookv1.State `json:"state"`
	CreatedAt   string          `json:"created_at"`
	NextAttempt *string         `json:"next_attempt"`
	Attempts    []wireAttempt   `json:"attempts"`
}

type wireAttempt struct {
	Time       string `json:"time"`
	Status     *int   `json:"status"` // null: no answer came
	Error      string `json:"error"`
	DurationMS int64  `json:"duration_ms"`
}

func deliveryToWire(d webhookv1.Delivery) wireDelivery {
	out := wireDelivery{
		ID: d.ID, Event: d.EventType, URL: d.URL, State: d.State, CreatedAt: instant(d.CreatedAt), NextAttempt: instantOr(&d.NextAttempt),
		Attempts: make([]wireAttempt, len(d.Attempts)),
	}
	for i, a := range d.Attempts {
		out.Attempts[i] = wireAttempt{Time: instant(a.Time), Error: a.Error, DurationMS: a.Duration.Milliseconds()}
		if a.Status != 0 {
			out.Attempts[i].Status = &a.Status
		}
	}
	return out
}

// ListDeliveries answers GET /account/webhooks/{id}/deliveries.
func (h *Handler) ListDeliveries(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	ask := webhookv1.SubscriptionDeliveriesRequest{ID: h.idOf(r), State: webhookv1.State(q.Get("state")), Cursor: q.Get("cursor")}
	if ask.State != "" && !slices.Contains([]webhookv1.State{webhookv1.Pending, webhookv1.Delivered, webhookv1.Dead}, ask.State) {
		return dialect.ErrBadQuery.Msgf("state is pending, delivered or dead")
	}
	if ask.Limit, err = number(q, "limit", maxDeliveries/2, 1, maxDeliveries); err != nil {
		return err
	}
	l, err := h.core.WebhookDeliveries(r.Context(), callerOf(r), ask)
	if err != nil {
		return err
	}
	out := struct {
		Success    bool           `json:"success"`
		Deliveries []wireDelivery `json:"deliveries"`
		Cursor     string         `json:"cursor"`
	}{true, make([]wireDelivery, len(l.Deliveries)), l.Cursor}
	for i, d := range l.Deliveries {
		out.Deliveries[i] = deliveryToWire(d)
	}
	return answer(w, out)
}

// ReplayWebhook answers POST /account/webhooks/{id}/replay.
func (h *Handler) ReplayWebhook(w http.ResponseWriter, r *http.Request) error {
	id := h.idOf(r)
	var body struct {
		DeliveryID string `json:"delivery_id"`
		Since      string `json:"since"`
	}
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if (body.DeliveryID == "") == (body.Since == "") {
		return fault.ErrInvalid.Msgf("send delivery_id, or since for all that are dead from then on")
	}
	ask := webhookv1.ReplaySubscriptionRequest{ID: id, DeliveryID: body.DeliveryID}
	if body.Since != "" {
		t, err := readInstant(body.Since)
		if err != nil {
			return err
		}
		ask.Since = &t
	}
	n, err := h.core.ReplayWebhook(r.Context(), callerOf(r), ask)
	if err != nil {
		return err
	}
	return answer(w, struct {
		Success  bool `json:"success"`
		Replayed int  `json:"replayed"`
	}{true, n})
}

// readInstant reads a time in the documented form, or in that of RFC 3339.
func readInstant(s string) (time.Time, error) {
	for _, form := range []string{stamp, time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fault.ErrInvalid.Msgf("since is a time such as 2026-05-07 15:35:17, in UTC")
}
