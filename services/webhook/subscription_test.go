package webhook_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/contracts/webhook/v1/webhookv1test"
	"github.com/sluicehq/sluice/pkg/bus"
)

// account makes an account with a receiver for the contract's suite.
func (w *world) account(t testing.TB) webhookv1test.Account {
	r, id := newReceiver(t), "acc_"+rand.Text()
	return webhookv1test.Account{
		Principal: authv1.Principal{AccountID: id, Username: strings.ToLower(id)}, URL: r.url,
		Happen: func(event, title string) { w.publish(t, linksEvent(t, "", event, id, title)) },
		Answer: func(status int) { r.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }) },
		Got: func(delivery string) (out []webhookv1test.Request) {
			for _, g := range r.all() {
				if id := g.header.Get("Webhook-Id"); delivery == "" || id == delivery {
					out = append(out, webhookv1test.Request{
						ContentType: g.header.Get("Content-Type"), ID: id, Timestamp: g.header.Get("Webhook-Timestamp"),
						Signature: g.header.Get("Webhook-Signature"), Body: g.body,
					})
				}
			}
			return out
		},
	}
}

// linksEvent makes the event of linkchecker that a subscription hears of by a name.
func linksEvent(t testing.TB, id, event, account, title string) bus.Envelope {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	var e bus.Envelope
	var err error
	if event == webhookv1.EventLinkStatusChanged {
		e, err = bus.NewEnvelope(context.Background(), linksv1.LinkStatusChanged, id, "abcdefghij1", 1, time.Now(), linksv1.LinkEvent{
			ContainerID: "abcdefghij1", AccountID: account, Title: title, Was: linksv1.Online, Time: time.Now(),
			Link: linksv1.Link{LinkInput: linksv1.LinkInput{URL: "https://example.com/f"}, Host: "example.com", Status: linksv1.Offline, CheckedAt: &at},
		})
	} else {
		kind := map[string]bus.EventType[linksv1.ContainerEvent]{
			webhookv1.EventContainerCreated: linksv1.ContainerCreated, webhookv1.EventContainerDeleted: linksv1.ContainerDeleted,
			webhookv1.EventContainerStatusChanged: linksv1.ContainerStatusChanged,
		}[event]
		e, err = bus.NewEnvelope(context.Background(), kind, id, "abcdefghij1", 1, time.Now(), linksv1.ContainerEvent{
			Container: linksv1.Container{ID: "abcdefghij1", AccountID: account, Title: title, Status: linksv1.Partial}, Was: linksv1.Online, Time: time.Now(),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (w *world) publish(t testing.TB, e bus.Envelope) {
	t.Helper()
	if err := w.bus.Publish(context.Background(), e); err != nil {
		t.Fatal(fmt.Errorf("publishing: %w", err))
	}
}

func subscribe(t *testing.T, s webhookv1.Service, a webhookv1test.Account) webhookv1.CreatedSubscription {
	t.Helper()
	c, err := s.CreateSubscription(t.Context(), webhookv1.CreateSubscriptionRequest{Principal: a.Principal, URL: a.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func requests(t *testing.T, a webhookv1test.Account, n int) []webhookv1test.Request {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		if all := a.Got(""); len(all) >= n {
			return all
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d requests, want %d", len(a.Got("")), n)
		}
	}
}

// TestSubscription_WhileAway holds what happens without a copy of webhook to be
// told by the next one, and what comes twice to be told once.
func TestSubscription_WhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.account(t)
	first, stop := w.run(t)
	subscribe(t, first.Calls(), a)
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		w.publish(t, linksEvent(t, fmt.Sprintf("ev-%d", i), webhookv1.EventContainerStatusChanged, a.Principal.AccountID, fmt.Sprint(i)))
	}
	second := w.start(t)
	requests(t, a, 5)
	// Under other message ids, as when a relay died before it noted the PubAck and
	// came back after the stream had forgotten.
	for i := range 5 {
		e := linksEvent(t, fmt.Sprintf("ev-%d", i), webhookv1.EventContainerStatusChanged, a.Principal.AccountID, fmt.Sprint(i))
		m := e.Message()
		if _, err := w.p.JS.Publish(t.Context(), m.Subject, m.Data); err != nil {
			t.Fatal(err)
		}
	}
	w.publish(t, linksEvent(t, "ev-last", webhookv1.EventContainerDeleted, a.Principal.AccountID, "last"))
	requests(t, a, 6)
	w.handled(t)
	l, err := second.Calls().ListSubscriptions(t.Context(), webhookv1.ListSubscriptionsRequest{Principal: a.Principal})
	if err != nil || len(l.Subscriptions) != 1 {
		t.Fatalf("%+v, %v", l, err)
	}
	if n := delivered(t, second.Calls(), a.Principal, l.Subscriptions[0].ID); n != 6 {
		t.Errorf("%d deliveries, want 6", n)
	}
	seen := map[string]int{}
	all := a.Got("")
	for _, r := range all {
		seen[r.ID]++
	}
	if len(seen) != 6 || len(all) != 6 {
		t.Errorf("%d requests for %d deliveries, want 6", len(all), len(seen))
	}
}

// handled waits until every event of links that was published has its deliveries.
func (w *world) handled(t *testing.T) {
	t.Helper()
	until(t, "all events are handled", func() bool {
		c, err := w.p.JS.Consumer(t.Context(), streams.Events, streams.WebhookLinks().Durable)
		if err != nil {
			t.Fatal(err)
		}
		i := c.CachedInfo()
		return i.NumPending == 0 && i.NumAckPending == 0
	})
}

// delivered waits until nothing waits for a subscription, and counts what went out.
func delivered(t *testing.T, s webhookv1.Service, p authv1.Principal, id string) (n int) {
	t.Helper()
	until(t, "all is delivered", func() bool {
		l, err := s.SubscriptionDeliveries(t.Context(), webhookv1.SubscriptionDeliveriesRequest{Principal: p, ID: id, State: webhookv1.Pending})
		return err == nil && len(l.Deliveries) == 0
	})
	for cursor := ""; ; {
		l, err := s.SubscriptionDeliveries(t.Context(), webhookv1.SubscriptionDeliveriesRequest{Principal: p, ID: id, Cursor: cursor, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		n += len(l.Deliveries)
		if cursor = l.Cursor; cursor == "" {
			return n
		}
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestSubscription_HostileEvents holds events that nobody can use to harm nobody.
func TestSubscription_HostileEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.account(t)
	s := w.start(t).Calls()
	hook := subscribe(t, s, a)
	nobody := linksEvent(t, "", webhookv1.EventContainerCreated, "", "of nobody")
	w.publish(t, nobody)
	unknown, err := bus.NewEnvelope(t.Context(), bus.EventType[string]{Type: "evt.links.v1.container.unheard_of", Source: "/sluice/links"}, "", "x", 1, time.Now(), "text")
	if err != nil {
		t.Fatal(err)
	}
	w.publish(t, unknown)
	wrong, err := bus.NewEnvelope(t.Context(), bus.EventType[string]{Type: linksv1.LinkStatusChanged.Type, Source: "/sluice/links"}, "", "x", 1, time.Now(), "text")
	if err != nil {
		t.Fatal(err)
	}
	w.publish(t, wrong)
	w.publish(t, linksEvent(t, "", webhookv1.EventContainerCreated, a.Principal.AccountID, "good"))
	requests(t, a, 1)
	w.handled(t) // events are handled side by side: the good one may be the first that is done
	delivered(t, s, a.Principal, hook.ID)
	if got := a.Got(""); len(got) != 1 || !strings.Contains(got[0].Body, `"good"`) {
		t.Errorf("%+v", got)
	}
}
