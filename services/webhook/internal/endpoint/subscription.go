package endpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// Bounds of what a subscription says.
const (
	maxURL         = 2048 // bytes
	maxDescription = 200  // characters
	maxAccount     = 200  // bytes of an account's id
	secretBytes    = 32
	idPrefix       = "whk_"

	longestWait = 365 * 24 * time.Hour // no delivery waits for so long
)

// CreateSubscription implements webhookv1.Service.
func (s *Service) CreateSubscription(ctx context.Context, r webhookv1.CreateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	none := webhookv1.CreatedSubscription{}
	if err := someone(r.Principal); err != nil {
		return none, err
	}
	events, err := checkEvents(r.Events)
	if err != nil {
		return none, err
	}
	if err := errors.Join(checkDescription(r.Description), s.checkURL(ctx, r.URL)); err != nil {
		return none, err
	}
	sub := domain.Subscription{
		ID: idPrefix + strings.ToLower(rand.Text()), URL: r.URL, Events: events, Description: r.Description, CreatedAt: s.now(),
	}
	secret, sealed, err := s.newSecret(sub.ID)
	if err != nil {
		return none, err
	}
	sub.Secret = sealed
	err = s.d.Subscriptions.Update(ctx, r.Principal.AccountID, func(all []domain.Subscription) ([]domain.Subscription, error) {
		if len(all) >= webhookv1.MaxSubscriptions {
			return nil, webhookv1.ErrTooManySubscriptions
		}
		return append(all, sub), nil
	})
	if err != nil {
		return none, fmt.Errorf("keeping a subscription: %w", err)
	}
	faultpoint.Hit("webhook.subscription.made")
	return webhookv1.CreatedSubscription{Subscription: sub.View(r.Principal.AccountID, domain.Endpoint{}), Secret: secret}, nil
}

// GetSubscription implements webhookv1.Service.
func (s *Service) GetSubscription(ctx context.Context, r webhookv1.SubscriptionRequest) (webhookv1.Subscription, error) {
	sub, err := s.subscription(ctx, r.Principal, r.ID)
	if err != nil {
		return webhookv1.Subscription{}, err
	}
	return s.view(ctx, r.Principal.AccountID, sub)
}

// ListSubscriptions implements webhookv1.Service.
func (s *Service) ListSubscriptions(ctx context.Context, r webhookv1.ListSubscriptionsRequest) (webhookv1.ListSubscriptionsResponse, error) {
	if err := someone(r.Principal); err != nil {
		return webhookv1.ListSubscriptionsResponse{}, err
	}
	all, err := s.d.Subscriptions.Of(ctx, r.Principal.AccountID)
	if err != nil {
		return webhookv1.ListSubscriptionsResponse{}, fmt.Errorf("reading subscriptions: %w", err)
	}
	out := webhookv1.ListSubscriptionsResponse{Subscriptions: make([]webhookv1.Subscription, len(all))}
	for i := range all {
		if out.Subscriptions[i], err = s.view(ctx, r.Principal.AccountID, all[i]); err != nil {
			return webhookv1.ListSubscriptionsResponse{}, err
		}
	}
	return out, nil
}

// UpdateSubscription implements webhookv1.Service: the subscription first, its
// endpoint's health second, which a repetition makes up for.
func (s *Service) UpdateSubscription(ctx context.Context, r webhookv1.UpdateSubscriptionRequest) (webhookv1.CreatedSubscription, error) {
	none := webhookv1.CreatedSubscription{}
	if _, err := s.subscription(ctx, r.Principal, r.ID); err != nil {
		return none, err
	}
	change, secret, err := s.changeOf(ctx, r)
	if err != nil {
		return none, err
	}
	var after domain.Subscription
	err = s.d.Subscriptions.Update(ctx, r.Principal.AccountID, func(all []domain.Subscription) ([]domain.Subscription, error) {
		i := slices.IndexFunc(all, func(sub domain.Subscription) bool { return sub.ID == r.ID })
		if i < 0 {
			return nil, webhookv1.ErrSubscriptionNotFound
		}
		change(&all[i])
		after = all[i]
		return all, nil
	})
	if err != nil {
		return none, fmt.Errorf("changing a subscription: %w", err)
	}
	faultpoint.Hit("webhook.subscription.changed")
	if r.Disabled != nil && !*r.Disabled {
		_, err := s.d.Endpoints.Upsert(ctx, r.ID, s.now(), func(e *domain.Endpoint) (bool, bool) { return e.Reset(), false })
		if err != nil && !errors.Is(err, domain.ErrNoDocument) {
			return none, fmt.Errorf("forgetting what an endpoint failed of: %w", err)
		}
	}
	v, err := s.view(ctx, r.Principal.AccountID, after)
	if err != nil {
		return none, err
	}
	return webhookv1.CreatedSubscription{Subscription: v, Secret: secret}, nil
}

// changeOf checks what an update asks for, and gives what it does.
func (s *Service) changeOf(ctx context.Context, r webhookv1.UpdateSubscriptionRequest) (change func(*domain.Subscription), secret string, err error) {
	var events []string
	var sealed []byte
	if r.Events != nil {
		if events, err = checkEvents(*r.Events); err != nil {
			return nil, "", err
		}
	}
	if r.Description != nil {
		if err := checkDescription(*r.Description); err != nil {
			return nil, "", err
		}
	}
	if r.URL != nil {
		if err := s.checkURL(ctx, *r.URL); err != nil {
			return nil, "", err
		}
	}
	if r.NewSecret {
		if secret, sealed, err = s.newSecret(r.ID); err != nil {
			return nil, "", err
		}
	}
	now := s.now()
	return func(sub *domain.Subscription) {
		if r.Events != nil {
			sub.Events = events
		}
		if r.Description != nil {
			sub.Description = *r.Description
		}
		if r.URL != nil {
			sub.URL = *r.URL
		}
		if r.Disabled != nil {
			sub.Disabled = *r.Disabled
		}
		if r.NewSecret {
			sub.Renew(sealed, now)
		}
	}, secret, nil
}

// DeleteSubscription implements webhookv1.Service. The first write ends it; what
// waits is ended behind that, by a repetition, or when it would be attempted.
func (s *Service) DeleteSubscription(ctx context.Context, r webhookv1.SubscriptionRequest) (webhookv1.Empty, error) {
	if err := someone(r.Principal); err != nil {
		return webhookv1.Empty{}, err
	}
	if !strings.HasPrefix(r.ID, idPrefix) {
		return webhookv1.Empty{}, nil // nobody's
	}
	account := r.Principal.AccountID
	err := s.d.Subscriptions.Update(ctx, account, func(all []domain.Subscription) ([]domain.Subscription, error) {
		left := slices.DeleteFunc(all, func(sub domain.Subscription) bool { return sub.ID == r.ID })
		if len(left) == len(all) {
			return nil, domain.ErrUnchanged
		}
		return left, nil
	})
	if err != nil {
		return webhookv1.Empty{}, fmt.Errorf("removing a subscription: %w", err)
	}
	faultpoint.Hit("webhook.subscription.removed")
	if err := s.endWaiting(ctx, account, r.ID); err != nil {
		return webhookv1.Empty{}, err
	}
	faultpoint.Hit("webhook.subscription.ended")
	if e, err := s.d.Endpoints.Get(ctx, r.ID); err == nil && e.AccountID == account {
		if err := s.d.Endpoints.Delete(ctx, r.ID); err != nil {
			return webhookv1.Empty{}, fmt.Errorf("forgetting an endpoint: %w", err)
		}
	}
	return webhookv1.Empty{}, nil
}

// endWaiting ends what still waits for a subscription that is gone.
func (s *Service) endWaiting(ctx context.Context, accountID, id string) error {
	for {
		page, err := s.d.Deliveries.DueFor(ctx, id, s.now().Add(longestWait), pageMax)
		if err != nil {
			return fmt.Errorf("looking for what waits for a subscription: %w", err)
		}
		if len(page) == 0 || page[0].AccountID != accountID { // another's, whatever its id
			return nil
		}
		for _, d := range page {
			_, err := s.d.Deliveries.Update(ctx, d.ID, func(d *domain.Delivery) bool { return d.End(domain.WhyRemoved) })
			if err != nil && !errors.Is(err, domain.ErrNoDocument) {
				return fmt.Errorf("ending what waits for a subscription: %w", err)
			}
		}
	}
}

// eachDead calls f for the dead deliveries of an endpoint, newest first, until it
// returns false.
func (s *Service) eachDead(ctx context.Context, endpointID string, f func(domain.Delivery) (bool, error)) error {
	for cursor := ""; ; {
		page, next, err := s.d.Deliveries.List(ctx, endpointID, webhookv1.Dead, cursor, pageMax)
		if err != nil {
			return fmt.Errorf("listing deliveries: %w", err)
		}
		for _, d := range page {
			if more, err := f(d); err != nil || !more {
				return err
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// SubscriptionDeliveries implements webhookv1.Service.
func (s *Service) SubscriptionDeliveries(ctx context.Context, r webhookv1.SubscriptionDeliveriesRequest) (webhookv1.ListDeliveriesResponse, error) {
	if _, err := s.subscription(ctx, r.Principal, r.ID); err != nil {
		return webhookv1.ListDeliveriesResponse{}, err
	}
	return s.ListDeliveries(ctx, webhookv1.ListDeliveriesRequest{EndpointID: r.ID, State: r.State, Cursor: r.Cursor, Limit: r.Limit})
}

// ReplaySubscription implements webhookv1.Service. Repeating it after it broke off
// goes on with what is still dead.
func (s *Service) ReplaySubscription(ctx context.Context, r webhookv1.ReplaySubscriptionRequest) (webhookv1.ReplaySubscriptionResponse, error) {
	none := webhookv1.ReplaySubscriptionResponse{}
	if (r.DeliveryID == "") == (r.Since == nil) {
		return none, fault.ErrInvalid.Msgf("name either a delivery or a time since when")
	}
	if _, err := s.subscription(ctx, r.Principal, r.ID); err != nil {
		return none, err
	}
	if r.DeliveryID != "" {
		d, err := s.d.Deliveries.Get(ctx, r.DeliveryID)
		if err != nil {
			return none, notFound(err)
		}
		if d.EndpointID != r.ID || d.AccountID != r.Principal.AccountID {
			return none, webhookv1.ErrDeliveryNotFound
		}
		if _, err := s.Replay(ctx, webhookv1.ReplayRequest{ID: d.ID}); err != nil {
			return none, err
		}
		return webhookv1.ReplaySubscriptionResponse{Replayed: 1}, nil
	}
	n := 0
	err := s.eachDead(ctx, r.ID, func(d domain.Delivery) (bool, error) {
		if d.CreatedAt.Before(*r.Since) {
			return false, nil
		}
		replayed := false
		d, err := s.d.Deliveries.Update(ctx, d.ID, func(d *domain.Delivery) bool {
			if replayed = d.State == webhookv1.Dead; replayed {
				d.Replay(s.now())
			}
			return replayed
		})
		if errors.Is(err, domain.ErrNoDocument) {
			return true, nil // the log was cut
		}
		if err == nil && replayed {
			n++
			faultpoint.Hit("webhook.replay.begun")
			s.d.Offer(d)
		}
		return err == nil, err
	})
	if err != nil {
		return none, fmt.Errorf("replaying deliveries: %w", err)
	}
	return webhookv1.ReplaySubscriptionResponse{Replayed: n}, nil
}

// subscription reads one of the principal's.
func (s *Service) subscription(ctx context.Context, p authv1.Principal, id string) (domain.Subscription, error) {
	if err := someone(p); err != nil {
		return domain.Subscription{}, err
	}
	all, err := s.d.Subscriptions.Of(ctx, p.AccountID)
	if err != nil {
		return domain.Subscription{}, fmt.Errorf("reading subscriptions: %w", err)
	}
	for _, sub := range all {
		if sub.ID == id {
			return sub, nil
		}
	}
	return domain.Subscription{}, webhookv1.ErrSubscriptionNotFound
}

// view is a subscription with its endpoint's health.
func (s *Service) view(ctx context.Context, accountID string, sub domain.Subscription) (webhookv1.Subscription, error) {
	e, err := s.d.Endpoints.Get(ctx, sub.ID)
	if err != nil && !errors.Is(err, domain.ErrNoDocument) {
		return webhookv1.Subscription{}, fmt.Errorf("reading an endpoint: %w", err)
	}
	return sub.View(accountID, e), nil
}

// newSecret makes a signing secret, as its owner sees it and sealed.
func (s *Service) newSecret(id string) (shown string, sealed []byte, err error) {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails
	if sealed, err = s.d.Sealer.Seal(secret, []byte(id)); err != nil {
		return "", nil, fmt.Errorf("sealing a signing secret: %w", err)
	}
	return domain.ShowSecret(secret), sealed, nil
}

// now is what the store keeps of the time: milliseconds.
func (s *Service) now() time.Time { return s.d.Clock().UTC().Truncate(time.Millisecond) }

// checkURL holds an address to the policy for everything that goes out.
func (s *Service) checkURL(ctx context.Context, url string) error {
	if len(url) > maxURL {
		return webhookv1.ErrBadURL.Msgf("the address of a webhook has %d bytes at most", maxURL)
	}
	if err := s.d.URLs.CheckURL(ctx, url); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("looking at the address of a webhook: %w", err)
		}
		return webhookv1.ErrBadURL.Msgf("this address cannot be used for a webhook: %s", fault.From(err).Message).Because(err)
	}
	return nil
}

// checkEvents brings names of events into the order of the contract, without doubles.
func checkEvents(events []string) ([]string, error) {
	asked := map[string]bool{}
	for _, e := range events {
		asked[e] = true
	}
	var out []string
	for _, e := range webhookv1.SubscriptionEvents() {
		if asked[e] {
			out = append(out, e)
		}
	}
	if len(out) != len(asked) {
		return nil, webhookv1.ErrUnknownEvent.Msgf("there is no such event; there are %s", strings.Join(webhookv1.SubscriptionEvents(), ", "))
	}
	return out, nil
}

func checkDescription(d string) error {
	if utf8.RuneCountInString(d) > maxDescription || !utf8.ValidString(d) || strings.ContainsFunc(d, unicode.IsControl) {
		return fault.ErrInvalid.Msgf("a description has up to %d characters, without control characters", maxDescription)
	}
	return nil
}

// someone wants an account.
func someone(p authv1.Principal) error {
	if p.AccountID == "" || len(p.AccountID) > maxAccount {
		return fault.ErrInvalid.Msgf("principal.accountId has 1 to %d bytes", maxAccount)
	}
	return nil
}
