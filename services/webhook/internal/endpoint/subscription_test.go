package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
	"github.com/sluicehq/sluice/services/webhook/internal/endpoint"
	"github.com/sluicehq/sluice/services/webhook/internal/store"
)

var errBroken = errors.New("the test broke it off here")

// faults breaks off the work on the store: it lets some writes pass, and none
// after them; negative: all.
type faults struct{ left int }

func (f *faults) write() error {
	switch {
	case f.left == 0:
		return errBroken
	case f.left > 0:
		f.left--
	}
	return nil
}

type deliveries struct {
	domain.Deliveries
	f *faults
}

func (d deliveries) Update(ctx context.Context, id string, change func(*domain.Delivery) bool) (domain.Delivery, error) {
	if err := d.f.write(); err != nil {
		return domain.Delivery{}, err
	}
	return d.Deliveries.Update(ctx, id, change)
}

type endpoints struct {
	domain.Endpoints
	f *faults
}

func (e endpoints) Upsert(ctx context.Context, id string, at time.Time, change func(*domain.Endpoint) (bool, bool)) (domain.Endpoint, error) {
	if err := e.f.write(); err != nil {
		return domain.Endpoint{}, err
	}
	return e.Endpoints.Upsert(ctx, id, at, change)
}

func (e endpoints) Delete(ctx context.Context, id string) error {
	if err := e.f.write(); err != nil {
		return err
	}
	return e.Endpoints.Delete(ctx, id)
}

type subscriptions struct {
	domain.Subscriptions
	f *faults
}

func (s subscriptions) Update(ctx context.Context, id string, change func([]domain.Subscription) ([]domain.Subscription, error)) error {
	if err := s.f.write(); err != nil {
		return err
	}
	return s.Subscriptions.Update(ctx, id, change)
}

// sealer does not seal.
type sealer struct{}

func (sealer) Seal(plain, _ []byte) ([]byte, error) { return plain, nil }
func (sealer) Open(b, _ []byte) ([]byte, error)     { return b, nil }

// urls takes what does not say that it is bad.
type urls struct{}

func (urls) CheckURL(_ context.Context, u string) error {
	if u == "bad" {
		return fault.New(fault.Invalid, "outbound.refused", "no")
	}
	return nil
}

type world struct {
	svc   webhookv1.Service
	f     *faults
	d     *store.Deliveries
	e     *store.Endpoints
	s     *store.Subscriptions
	offer int
}

func open(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "webhook.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{f: &faults{left: -1}}
	if w.d, err = store.OpenDeliveries(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if w.e, err = store.OpenEndpoints(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if w.s, err = store.OpenSubscriptions(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	w.svc = endpoint.New(endpoint.Deps{
		Deliveries: deliveries{w.d, w.f}, Endpoints: endpoints{w.e, w.f}, Subscriptions: subscriptions{w.s, w.f},
		Sealer: sealer{}, URLs: urls{}, Offer: func(domain.Delivery) { w.offer++ }, Clock: time.Now,
	})
	return w
}

func alice() authv1.Principal { return authv1.Principal{AccountID: "acc_1"} }

// subscribed makes a subscription with n deliveries in a state, and health.
func (w *world) subscribed(t *testing.T, n int, state webhookv1.State) webhookv1.CreatedSubscription {
	t.Helper()
	s, err := w.svc.CreateSubscription(t.Context(), webhookv1.CreateSubscriptionRequest{Principal: alice(), URL: "http://x"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for i := range n {
		d := domain.Delivery{
			ID: fmt.Sprintf("dlv_%d", i), EndpointID: s.ID, AccountID: "acc_1", ConfigID: s.ID, EventID: fmt.Sprint(i),
			State: state, CreatedAt: now,
		}
		if state == webhookv1.Pending {
			d.Next, d.Wake = now.Add(24*time.Hour), now.Add(24*time.Hour)
		}
		if _, err := w.d.Insert(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.e.Upsert(t.Context(), s.ID, now, func(e *domain.Endpoint) (bool, bool) {
		*e = domain.Endpoint{ID: e.ID, AccountID: "acc_1", URL: "http://x", Off: true, OffWhy: domain.OffFailing, Failing: now}
		return true, false
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) count(t *testing.T, id string, s webhookv1.State) int {
	t.Helper()
	l, _, err := w.d.List(t.Context(), id, s, "", 200)
	if err != nil {
		t.Fatal(err)
	}
	return len(l)
}

func (w *world) exists(t *testing.T, id string) bool {
	t.Helper()
	_, err := w.svc.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: alice(), ID: id})
	if err != nil && !errors.Is(err, webhookv1.ErrSubscriptionNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestDeleteSubscription_BrokenOff breaks it off at every write: it ends with the
// first one, and a repetition does the rest.
func TestDeleteSubscription_BrokenOff(t *testing.T) {
	t.Parallel()
	const waiting = 3
	for n := range 2 + waiting {
		w := open(t)
		s := w.subscribed(t, waiting, webhookv1.Pending)
		r := webhookv1.SubscriptionRequest{Principal: alice(), ID: s.ID}
		w.f.left = n
		if _, err := w.svc.DeleteSubscription(t.Context(), r); !errors.Is(err, errBroken) {
			t.Errorf("after %d writes: %v", n, err)
		}
		w.f.left = -1
		if w.exists(t, s.ID) != (n == 0) || w.count(t, s.ID, webhookv1.Pending) != waiting-max(n-1, 0) {
			t.Errorf("after %d writes: there: %t, %d wait", n, w.exists(t, s.ID), w.count(t, s.ID, webhookv1.Pending))
		}
		if _, err := w.svc.DeleteSubscription(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		_, err := w.e.Get(t.Context(), s.ID)
		if w.exists(t, s.ID) || w.count(t, s.ID, webhookv1.Pending) != 0 || w.count(t, s.ID, webhookv1.Dead) != waiting || !errors.Is(err, domain.ErrNoDocument) {
			t.Errorf("after %d writes and a repetition: something is left, %v", n, err)
		}
	}
}

func TestDeleteSubscription_OfOthersWaits(t *testing.T) {
	t.Parallel()
	w := open(t)
	s := w.subscribed(t, 2, webhookv1.Pending)
	if _, err := w.svc.DeleteSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: authv1.Principal{AccountID: "acc_2"}, ID: s.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.e.Get(t.Context(), s.ID); err != nil || !w.exists(t, s.ID) || w.count(t, s.ID, webhookv1.Pending) != 2 {
		t.Errorf("a stranger ended it: %v", err)
	}
}

// TestUpdateSubscription_BrokenOff breaks it off at both writes.
func TestUpdateSubscription_BrokenOff(t *testing.T) {
	t.Parallel()
	for n := range 2 {
		w := open(t)
		s := w.subscribed(t, 0, "")
		text, enabled := "new", false
		r := webhookv1.UpdateSubscriptionRequest{Principal: alice(), ID: s.ID, Description: &text, Disabled: &enabled, NewSecret: true}
		w.f.left = n
		got, err := w.svc.UpdateSubscription(t.Context(), r)
		if !errors.Is(err, errBroken) || got.Secret != "" {
			t.Errorf("after %d writes: %+v, %v", n, got, err)
		}
		w.f.left = -1
		v, err := w.svc.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: alice(), ID: s.ID})
		if err != nil || (v.Description == text) != (n > 0) || !v.Disabled {
			t.Errorf("after %d writes: %+v, %v", n, v, err)
		}
		got, err = w.svc.UpdateSubscription(t.Context(), r)
		if err != nil || got.Description != text || got.Disabled || got.DisabledWhy != "" || got.Secret == "" {
			t.Errorf("after %d writes and a repetition: %+v, %v", n, got, err)
		}
		all, err := w.s.Of(t.Context(), "acc_1")
		if err != nil || len(all) != 1 || len(all[0].Sealed(time.Now())) != 2+n { // the first secret signs on whatever broke off
			t.Errorf("after %d writes and a repetition: %+v, %v", n, all, err)
		}
	}
}

// TestReplaySubscription_BrokenOff goes on with what is still dead.
func TestReplaySubscription_BrokenOff(t *testing.T) {
	t.Parallel()
	const dead = 3
	for n := range dead {
		w := open(t)
		s := w.subscribed(t, dead, webhookv1.Dead)
		r := webhookv1.ReplaySubscriptionRequest{Principal: alice(), ID: s.ID, Since: &time.Time{}}
		w.f.left = n
		if _, err := w.svc.ReplaySubscription(t.Context(), r); !errors.Is(err, errBroken) || w.count(t, s.ID, webhookv1.Pending) != n {
			t.Errorf("after %d writes: %v", n, err)
		}
		w.f.left = -1
		got, err := w.svc.ReplaySubscription(t.Context(), r)
		if err != nil || got.Replayed != dead-n || w.count(t, s.ID, webhookv1.Pending) != dead || w.offer != dead {
			t.Errorf("after %d writes and a repetition: %+v, %v, %d offered", n, got, err, w.offer)
		}
	}
}

func TestCreateSubscription_BrokenOff(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.f.left = 0
	if got, err := w.svc.CreateSubscription(t.Context(), webhookv1.CreateSubscriptionRequest{Principal: alice(), URL: "http://x"}); !errors.Is(err, errBroken) || got.Secret != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if l, err := w.svc.ListSubscriptions(t.Context(), webhookv1.ListSubscriptionsRequest{Principal: alice()}); err != nil || l.Subscriptions == nil || len(l.Subscriptions) != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}
