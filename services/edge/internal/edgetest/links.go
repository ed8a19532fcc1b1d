package edgetest

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// Stats is a fake of stats that answers what tests tell it. It is safe for
// concurrent use.
type Stats struct {
	mu   sync.Mutex
	down error
	all  map[string]statsv1.Clicks
}

// NewStats makes one that knows of no clicks.
func NewStats() *Stats { return &Stats{all: map[string]statsv1.Clicks{}} }

// Set says what GetClicks answers for a subject; Days and Referrers are cut to
// what is asked for.
func (s *Stats) Set(subject string, c statsv1.Clicks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[subject] = c
}

// Down has every call fail with err, until it is nil.
func (s *Stats) Down(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.down = err }

// GetClicks implements statsv1.Service.
func (s *Stats) GetClicks(_ context.Context, r statsv1.ClicksRequest) (statsv1.Clicks, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down != nil:
		return statsv1.Clicks{}, s.down
	case r.Subject == "" || r.Days < 0 || r.Days > 400 || r.Referrers < 0 || r.Referrers > 100:
		return statsv1.Clicks{}, fault.ErrInvalid
	}
	c := s.all[r.Subject]
	c.Days = slices.Clone(c.Days[max(0, len(c.Days)-r.Days):])
	c.Referrers = slices.Clone(c.Referrers[:min(len(c.Referrers), r.Referrers)])
	return c, nil
}

// DropClicks implements statsv1.Service.
func (s *Stats) DropClicks(_ context.Context, r statsv1.DropClicksRequest) (statsv1.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, r.Subject)
	return statsv1.Empty{}, s.down
}

// Clicks keeps the views that the edge tells of. It is safe for concurrent use.
type Clicks struct {
	mu    sync.Mutex
	views []core.View
}

// Viewed implements core.Clicks.
func (c *Clicks) Viewed(v core.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.views = append(c.views, v)
}

// All gives the views, oldest first.
func (c *Clicks) All() []core.View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.views)
}

// Webhooks is a fake of webhook that keeps subscriptions in memory and delivers
// nothing. It is safe for concurrent use.
type Webhooks struct {
	webhookv1.Service // what is left out panics

	mu   sync.Mutex
	down error
	seq  int
	subs map[string]webhookv1.Subscription
	log  map[string][]webhookv1.Delivery // by subscription, newest first
}

// NewWebhooks makes one without subscriptions.
func NewWebhooks() *Webhooks {
	return &Webhooks{subs: map[string]webhookv1.Subscription{}, log: map[string][]webhookv1.Delivery{}}
}

// Down has every call fail with err, until it is nil.
func (h *Webhooks) Down(err error) { h.mu.Lock(); defer h.mu.Unlock(); h.down = err }

// Log puts a delivery into a subscription's log.
func (h *Webhooks) Log(subscriptionID string, d webhookv1.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log[subscriptionID] = slices.Insert(h.log[subscriptionID], 0, d)
}

// Break switches a subscription off as a long row of failures does.
func (h *Webhooks) Break(subscriptionID, why string, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.subs[subscriptionID]
	s.Disabled, s.DisabledWhy, s.FailingSince = true, why, since
	h.subs[subscriptionID] = s
}

func (h *Webhooks) own(accountID, id string) (webhookv1.Subscription, error) {
	if h.down != nil {
		return webhookv1.Subscription{}, h.down
	}
	if s, ok := h.subs[id]; ok && s.AccountID == accountID && accountID != "" {
		return s, nil
	}
	return webhookv1.Subscription{}, webhookv1.ErrSubscriptionNotFound
}

func checkSubscription(s webhookv1.Subscription) error {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Contains(s.URL, "private") {
		return webhookv1.ErrBadURL
	}
	for _, e := range s.Events {
		if !slices.Contains(webhookv1.SubscriptionEvents(), e) {
			return webhookv1.ErrUnknownEvent.Msgf("there is no event %.32q", e)
		}
	}
	if len([]rune(s.Description)) > 200 {
		return fault.ErrInvalid.Msgf("a description has 200 characters at most")
	}
	return nil
}

func (h *Webhooks) secret() string { h.seq++; return fmt.Sprintf("whsec_%028d", h.seq) }

// CreateSubscription implements webhookv1.Service.
func (h *Webhooks) CreateSubscription(_ context.Context, r webhookv1.CreateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil {
		return webhookv1.CreatedSubscription{}, h.down
	}
	mine := 0
	for _, s := range h.subs {
		if s.AccountID == r.Principal.AccountID {
			mine++
		}
	}
	h.seq++
	s := webhookv1.Subscription{
		ID: fmt.Sprintf("whk_%026d", h.seq), AccountID: r.Principal.AccountID, URL: r.URL, Events: r.Events, Description: r.Description, CreatedAt: time.Now().UTC(),
	}
	switch err := checkSubscription(s); {
	case err != nil:
		return webhookv1.CreatedSubscription{}, err
	case mine >= webhookv1.MaxSubscriptions:
		return webhookv1.CreatedSubscription{}, webhookv1.ErrTooManySubscriptions
	}
	h.subs[s.ID] = s
	return webhookv1.CreatedSubscription{Subscription: s, Secret: h.secret()}, nil
}

// GetSubscription implements webhookv1.Service.
func (h *Webhooks) GetSubscription(_ context.Context, r webhookv1.SubscriptionRequest) (webhookv1.Subscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.own(r.Principal.AccountID, r.ID)
}

// ListSubscriptions implements webhookv1.Service.
func (h *Webhooks) ListSubscriptions(_ context.Context, r webhookv1.ListSubscriptionsRequest) (webhookv1.ListSubscriptionsResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := webhookv1.ListSubscriptionsResponse{Subscriptions: []webhookv1.Subscription{}}
	for _, s := range h.subs {
		if s.AccountID == r.Principal.AccountID {
			out.Subscriptions = append(out.Subscriptions, s)
		}
	}
	slices.SortFunc(out.Subscriptions, func(a, b webhookv1.Subscription) int { return cmp.Compare(a.ID, b.ID) })
	return out, h.down
}

// UpdateSubscription implements webhookv1.Service.
func (h *Webhooks) UpdateSubscription(_ context.Context, r webhookv1.UpdateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, err := h.own(r.Principal.AccountID, r.ID)
	if err != nil {
		return webhookv1.CreatedSubscription{}, err
	}
	if r.URL != nil {
		s.URL = *r.URL
	}
	if r.Events != nil {
		s.Events = *r.Events
	}
	if r.Description != nil {
		s.Description = *r.Description
	}
	if r.Disabled != nil {
		s.Disabled = *r.Disabled
		if !s.Disabled {
			s.DisabledWhy, s.FailingSince = "", time.Time{}
		}
	}
	if err := checkSubscription(s); err != nil {
		return webhookv1.CreatedSubscription{}, err
	}
	h.subs[s.ID] = s
	out := webhookv1.CreatedSubscription{Subscription: s}
	if r.NewSecret {
		out.Secret = h.secret()
	}
	return out, nil
}

// DeleteSubscription implements webhookv1.Service.
func (h *Webhooks) DeleteSubscription(_ context.Context, r webhookv1.SubscriptionRequest) (webhookv1.Empty, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.own(r.Principal.AccountID, r.ID); err != nil {
		return webhookv1.Empty{}, h.down // idempotent
	}
	delete(h.subs, r.ID)
	delete(h.log, r.ID)
	return webhookv1.Empty{}, nil
}

// SubscriptionDeliveries implements webhookv1.Service; it ignores the cursor.
func (h *Webhooks) SubscriptionDeliveries(_ context.Context, r webhookv1.SubscriptionDeliveriesRequest) (webhookv1.ListDeliveriesResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.own(r.Principal.AccountID, r.ID); err != nil {
		return webhookv1.ListDeliveriesResponse{}, err
	}
	out := webhookv1.ListDeliveriesResponse{Deliveries: []webhookv1.Delivery{}}
	for _, d := range h.log[r.ID] {
		if r.State != "" && d.State != r.State {
			continue
		}
		if r.Limit > 0 && len(out.Deliveries) == r.Limit {
			out.Cursor = out.Deliveries[r.Limit-1].ID
			break
		}
		out.Deliveries = append(out.Deliveries, d)
	}
	return out, nil
}

// ReplaySubscription implements webhookv1.Service.
func (h *Webhooks) ReplaySubscription(_ context.Context, r webhookv1.ReplaySubscriptionRequest) (webhookv1.ReplaySubscriptionResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.own(r.Principal.AccountID, r.ID); err != nil {
		return webhookv1.ReplaySubscriptionResponse{}, err
	}
	if (r.DeliveryID == "") == (r.Since == nil) {
		return webhookv1.ReplaySubscriptionResponse{}, fault.ErrInvalid
	}
	n := 0
	for i, d := range h.log[r.ID] {
		if d.ID == r.DeliveryID || r.Since != nil && d.State == webhookv1.Dead && !d.CreatedAt.Before(*r.Since) {
			h.log[r.ID][i].State = webhookv1.Pending
			n++
		}
	}
	if n == 0 && r.DeliveryID != "" {
		return webhookv1.ReplaySubscriptionResponse{}, webhookv1.ErrDeliveryNotFound
	}
	return webhookv1.ReplaySubscriptionResponse{Replayed: n}, nil
}
