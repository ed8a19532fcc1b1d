// Package webhookv1test is what every implementation of webhookv1.Service does:
// the endpoint called straight, and the same through NATS.
package webhookv1test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// World is a running service whose events and receivers the suite controls.
type World struct {
	Service webhookv1.Service
	// NewConfig makes a notification config with a receiver of its own.
	NewConfig func(t testing.TB) Config
	// NewAccount makes an account with a receiver of its own; the tests of
	// subscriptions need it.
	NewAccount func(t testing.TB) Account
}

// Config is one of them.
type Config struct {
	Username, Bucket, ID, EndpointID string
	Secret                           string                      // whsec_…
	Happen                           func(key string)            // an object of this key was created
	Answer                           func(status int)            // what the receiver says from now on; 204 at first
	Got                              func(deliveryID string) int // requests with this webhook-id
}

// patience bounds every wait of the suite.
const patience = time.Minute

// Run runs the suite; open is called once.
func Run(t *testing.T, open func(t *testing.T) World) {
	t.Helper()
	w := open(t)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w World, c Config)
	}{
		{"Secret", secret},
		{"Secret_Refuses", secretRefuses},
		{"GetDelivery", getDelivery},
		{"GetDelivery_Unknown", unknown},
		{"ListDeliveries", listDeliveries},
		{"ListDeliveries_Refuses", listRefuses},
		{"Replay", replay},
		{"Endpoint_OffAndOnAgain", offAndOn},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, w, w.NewConfig(t))
		})
	}
	runSubscriptions(t, w)
}

// await polls until ok; calls have no way to wait for a delivery.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// list gives all deliveries of a config, newest first.
func list(t *testing.T, w World, r webhookv1.ListDeliveriesRequest) (all []webhookv1.Delivery) {
	t.Helper()
	for {
		p, err := w.Service.ListDeliveries(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Deliveries...)
		if r.Cursor = p.Cursor; r.Cursor == "" {
			return all
		}
	}
}

// settled waits until n deliveries of c have the state.
func settled(t *testing.T, w World, c Config, s webhookv1.State, n int) []webhookv1.Delivery {
	t.Helper()
	var all []webhookv1.Delivery
	await(t, fmt.Sprintf("%d deliveries %s", n, s), func() bool {
		all = list(t, w, webhookv1.ListDeliveriesRequest{EndpointID: c.EndpointID, State: s})
		return len(all) == n
	})
	return all
}

func secret(t *testing.T, w World, c Config) {
	got, err := w.Service.Secret(t.Context(), webhookv1.SecretRequest{Username: c.Username, Bucket: c.Bucket, ConfigID: c.ID})
	if err != nil || got.Secret != c.Secret {
		t.Errorf("%+v, %v; want %s", got, err, c.Secret)
	}
}

func secretRefuses(t *testing.T, w World, c Config) {
	good := webhookv1.SecretRequest{Username: c.Username, Bucket: c.Bucket, ConfigID: c.ID}
	for want, change := range map[*fault.Error]func(*webhookv1.SecretRequest){
		authv1.ErrAccountNotFound:  func(r *webhookv1.SecretRequest) { r.Username = "nobody" },
		objectv1.ErrBucketNotFound: func(r *webhookv1.SecretRequest) { r.Bucket = "none" },
		objectv1.ErrConfigNotFound: func(r *webhookv1.SecretRequest) { r.ConfigID = "none" },
		fault.ErrInvalid:           func(r *webhookv1.SecretRequest) { r.ConfigID = "" },
	} {
		r := good
		change(&r)
		if got, err := w.Service.Secret(t.Context(), r); !errors.Is(err, want) || got.Secret != "" {
			t.Errorf("%+v: %+v, %v; want %s", r, got, err, want.Code)
		}
	}
}

func getDelivery(t *testing.T, w World, c Config) {
	c.Answer(http.StatusServiceUnavailable)
	c.Happen("a key")
	var d webhookv1.Delivery
	await(t, "a failed attempt", func() bool {
		for _, l := range list(t, w, webhookv1.ListDeliveriesRequest{EndpointID: c.EndpointID}) {
			var err error
			if d, err = w.Service.GetDelivery(t.Context(), webhookv1.GetDeliveryRequest{ID: l.ID}); err != nil {
				t.Fatal(err)
			}
		}
		return len(d.Attempts) > 0
	})
	a := d.Attempts[0]
	if d.State != webhookv1.Pending || d.EndpointID != c.EndpointID || d.EventType != objectv1.ObjectCreated.Type || d.EventID == "" ||
		d.URL == "" || d.AccountID == "" || d.CreatedAt.IsZero() || !d.NextAttempt.After(a.Time) || a.Status != http.StatusServiceUnavailable || a.Time.IsZero() {
		t.Errorf("%+v", d)
	}
	if n := c.Got(d.ID); n < 1 {
		t.Errorf("the receiver got %d requests with the delivery's id", n)
	}
}

func unknown(t *testing.T, w World, _ Config) {
	for _, id := range []string{"", "dlv_none", "\x00", string(make([]byte, 3000))} {
		if _, err := w.Service.GetDelivery(t.Context(), webhookv1.GetDeliveryRequest{ID: id}); !errors.Is(err, webhookv1.ErrDeliveryNotFound) {
			t.Errorf("GetDelivery of %.10q: %v", id, err)
		}
		if _, err := w.Service.Replay(t.Context(), webhookv1.ReplayRequest{ID: id}); !errors.Is(err, webhookv1.ErrDeliveryNotFound) {
			t.Errorf("Replay of %.10q: %v", id, err)
		}
	}
}

func listDeliveries(t *testing.T, w World, c Config) {
	const n = 7
	for i := range n {
		c.Happen(fmt.Sprint(i))
	}
	all := settled(t, w, c, webhookv1.Delivered, n)
	if !slices.IsSortedFunc(all, func(a, b webhookv1.Delivery) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		t.Error("not newest first")
	}
	seen := map[string]bool{}
	for _, d := range list(t, w, webhookv1.ListDeliveriesRequest{EndpointID: c.EndpointID, Limit: 2}) {
		if seen[d.ID] || d.EndpointID != c.EndpointID || len(d.Attempts) != 1 {
			t.Errorf("in pages of two: %+v", d)
		}
		seen[d.ID] = true
	}
	if len(seen) != n {
		t.Errorf("pages of two gave %d of %d", len(seen), n)
	}
	if l := list(t, w, webhookv1.ListDeliveriesRequest{EndpointID: c.EndpointID, State: webhookv1.Dead}); len(l) != 0 {
		t.Errorf("dead ones: %+v", l)
	}
	found := 0
	for _, d := range list(t, w, webhookv1.ListDeliveriesRequest{State: webhookv1.Delivered, Limit: 3}) {
		if seen[d.ID] {
			found++
		}
	}
	if found != n {
		t.Errorf("of all endpoints' deliveries, %d are ours", found)
	}
	if l := list(t, w, webhookv1.ListDeliveriesRequest{EndpointID: "none.none"}); len(l) != 0 {
		t.Errorf("an unknown endpoint's: %+v", l)
	}
}

func listRefuses(t *testing.T, w World, c Config) {
	for _, r := range []webhookv1.ListDeliveriesRequest{
		{State: "odd"}, {Cursor: "nonsense"}, {EndpointID: c.EndpointID, Cursor: "AAAAAAAA"},
	} {
		if _, err := w.Service.ListDeliveries(t.Context(), r); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := w.Service.ListEndpoints(t.Context(), webhookv1.ListEndpointsRequest{Cursor: "nonsense"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("ListEndpoints: %v", err)
	}
}

func replay(t *testing.T, w World, c Config) {
	c.Happen("k")
	first := settled(t, w, c, webhookv1.Delivered, 1)[0]
	got, err := w.Service.Replay(t.Context(), webhookv1.ReplayRequest{ID: first.ID})
	if err != nil || got.ID != first.ID || got.State != webhookv1.Pending {
		t.Fatalf("%+v, %v", got, err)
	}
	await(t, "the second request", func() bool { return c.Got(first.ID) == 2 })
	again := settled(t, w, c, webhookv1.Delivered, 1)[0]
	full, err := w.Service.GetDelivery(t.Context(), webhookv1.GetDeliveryRequest{ID: first.ID})
	if err != nil || again.ID != first.ID || len(full.Attempts) != 2 {
		t.Errorf("%+v, %v", full, err)
	}
}

func offAndOn(t *testing.T, w World, c Config) {
	endpoint := func() (found webhookv1.Endpoint) {
		r := webhookv1.ListEndpointsRequest{Limit: 2}
		for {
			p, err := w.Service.ListEndpoints(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Endpoints {
				if e.ID == c.EndpointID {
					found = e
				}
			}
			if r.Cursor = p.Cursor; r.Cursor == "" {
				return found
			}
		}
	}
	c.Answer(http.StatusGone)
	c.Happen("k")
	dead := settled(t, w, c, webhookv1.Dead, 1)[0]
	if e := endpoint(); !e.Disabled || e.DisabledWhy == "" || e.URL != dead.URL || e.FailingSince.IsZero() {
		t.Errorf("after 410: %+v", e)
	}
	c.Happen("while off")
	settled(t, w, c, webhookv1.Dead, 2)
	c.Answer(http.StatusOK)
	if _, err := w.Service.Replay(t.Context(), webhookv1.ReplayRequest{ID: dead.ID}); err != nil {
		t.Fatal(err)
	}
	settled(t, w, c, webhookv1.Delivered, 1)
	if e := endpoint(); e.Disabled || e.DisabledWhy != "" || !e.FailingSince.IsZero() {
		t.Errorf("after a replay that succeeded: %+v", e)
	}
	c.Happen("on again")
	settled(t, w, c, webhookv1.Delivered, 2)
}
