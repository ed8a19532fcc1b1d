package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/streams"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
	"github.com/sluicehq/sluice/services/webhook/internal/store"
)

// verify checks an attempt as a receiver does.
func verify(t *testing.T, g got, secret []byte) {
	t.Helper()
	id, stamp := g.header.Get("Webhook-Id"), g.header.Get("Webhook-Timestamp")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + stamp + "." + g.body))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); g.header.Get("Webhook-Signature") != want {
		t.Errorf("signature %q, want %q", g.header.Get("Webhook-Signature"), want)
	}
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if age := g.at.Sub(time.Unix(sec, 0)); err != nil || age < -time.Second || age > 3*time.Second {
		t.Errorf("timestamp %q is %v old, %v", stamp, age, err)
	}
	if ct := g.header.Get("Content-Type"); ct != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("Content-Type %q", ct)
	}
}

func TestDelivery_SignedAndAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	r := newReceiver(t)
	secret := w.object.add(t, "c1", r.url)
	w.happen(t, "warm", "c1")
	r.wait(t, 1, 20*time.Second)
	began := time.Now()
	event := w.happen(t, "in/a key+1", "c1", "gone")
	g := r.wait(t, 2, 20*time.Second)[1]
	if took := g.at.Sub(began); took > 4*time.Second { // before the first repetition of anything; the end-to-end run is stricter
		t.Errorf("it took %v", took)
	}
	verify(t, g, secret)
	var ev struct {
		ID, Type string
		Data     struct {
			Records []struct {
				S3 struct {
					ConfigurationID string
					Object          struct{ Key string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(g.body), &ev); err != nil || ev.ID != event || len(ev.Data.Records) != 1 ||
		ev.Data.Records[0].S3.ConfigurationID != "c1" || ev.Data.Records[0].S3.Object.Key != "in/a+key%2B1" {
		t.Errorf("%s, %v", g.body, err)
	}
	if id := g.header.Get("Webhook-Id"); id != domain.DeliveryID(event, bucketID, "c1") {
		t.Errorf("webhook-id %q", id)
	}
}

func TestDelivery_RepeatedByTimer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	r := newReceiver(t)
	secret := w.object.add(t, "c1", r.url)
	r.answers(func(rw http.ResponseWriter, _ *http.Request) {
		if len(r.all()) == 1 {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	w.happen(t, "k", "c1")
	all := r.wait(t, 2, 30*time.Second)
	for _, g := range all {
		verify(t, g, secret)
	}
	if gap := all[1].at.Sub(all[0].at); gap < 4400*time.Millisecond || gap > 15*time.Second {
		t.Errorf("repeated after %v", gap)
	}
	if all[0].body != all[1].body || all[0].header.Get("Webhook-Id") != all[1].header.Get("Webhook-Id") {
		t.Error("the repeat differs")
	}
	if all[0].header.Get("Webhook-Timestamp") == all[1].header.Get("Webhook-Timestamp") {
		t.Error("the repeat has the first attempt's timestamp")
	}
}

func TestDelivery_RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	elsewhere, r := newReceiver(t), newReceiver(t)
	w.object.add(t, "c1", r.url)
	r.answers(func(rw http.ResponseWriter, req *http.Request) {
		http.Redirect(rw, req, elsewhere.url, http.StatusTemporaryRedirect)
	})
	id := domain.DeliveryID(w.happen(t, "k", "c1"), bucketID, "c1")
	d := attempted(t, s.Calls(), id, 1)
	if len(elsewhere.all()) != 0 || d.State != webhookv1.Pending || d.Attempts[0].Status != http.StatusTemporaryRedirect {
		t.Errorf("%+v; the other place got %d requests", d, len(elsewhere.all()))
	}
}

func TestDelivery_PrivateAddressIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.OutboundAllow = nil
	s := w.start(t)
	r := newReceiver(t)
	w.object.add(t, "c1", r.url)
	id := domain.DeliveryID(w.happen(t, "k", "c1"), bucketID, "c1")
	d := attempted(t, s.Calls(), id, 1)
	if len(r.all()) != 0 || d.State != webhookv1.Pending || d.Attempts[0].Status != 0 || d.Attempts[0].Error == "" {
		t.Errorf("%+v, %d requests came", d, len(r.all()))
	}
	if strings.Contains(d.Attempts[0].Error, "127.0.0.1") {
		t.Errorf("the log tells of the network: %q", d.Attempts[0].Error)
	}
}

// attempted waits until a delivery has n attempts.
func attempted(t *testing.T, s webhookv1.Service, id string, n int) webhookv1.Delivery {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); ; {
		d, err := s.GetDelivery(t.Context(), webhookv1.GetDeliveryRequest{ID: id})
		if err == nil && len(d.Attempts) >= n {
			return d
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%+v, %v: fewer than %d attempts", d, err, n)
		}
	}
}

// TestDelivery_LeftByACrash starts webhook on what a killed copy leaves: claimed,
// unclaimed and long overdue deliveries, and no timers.
func TestDelivery_LeftByACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t)
	secret := w.object.add(t, "c1", r.url)
	db, err := w.p.Docs(t.Context(), "webhook")
	if err != nil {
		t.Fatal(err)
	}
	left, err := store.OpenDeliveries(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	const n = 30
	now := time.Now()
	for i := range n {
		d := domain.Delivery{
			ID: domain.DeliveryID(fmt.Sprint(i), bucketID, "c1"), EndpointID: domain.EndpointID(bucketID, "c1"), AccountID: "acc_1",
			BucketID: bucketID, ConfigID: "c1", EventID: fmt.Sprint(i), State: webhookv1.Pending, Body: fmt.Appendf(nil, "{%d}", i), CreatedAt: now,
		}
		d.Next = now.Add(-time.Duration(i) * time.Hour)
		d.Wake = d.Next
		if i%3 == 0 { // an attempt was under way
			d.Claim, d.Wake = "token", now.Add(4*time.Second)
		}
		if _, err := left.Insert(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	w.start(t)
	ready := time.Now()
	all := r.wait(t, n, 30*time.Second)
	if took := all[n-1].at.Sub(ready); took > 10*time.Second {
		t.Errorf("the last one was attempted %v after the start", took)
	}
	seen := map[string]bool{}
	for _, g := range all {
		verify(t, g, secret)
		seen[g.header.Get("Webhook-Id")] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d deliveries", len(seen), n)
	}
}

// TestDelivery_TwoCopies has two copies share the work, one of which stops in
// the middle: every event arrives, none twice.
func TestDelivery_TwoCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	_, stop := w.run(t)
	var rs []*receiver
	var ids []string
	for i := range 3 {
		r, id := newReceiver(t), fmt.Sprintf("c%d", i)
		w.object.add(t, id, r.url)
		rs, ids = append(rs, r), append(ids, id)
	}
	const n = 120
	for i := range n {
		if i == n/2 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if err := stop(ctx); err != nil {
				t.Errorf("Stop: %v", err)
			}
			cancel()
		}
		w.happen(t, fmt.Sprint(i), ids...)
	}
	for _, r := range rs {
		seen := map[string]int{}
		for _, g := range r.wait(t, n, 30*time.Second) {
			seen[g.header.Get("Webhook-Id")]++
		}
		if len(seen) != n || len(r.all()) != n {
			t.Errorf("%d requests for %d deliveries of %d", len(r.all()), len(seen), n)
		}
	}
}

func TestDelivery_SwitchedOffEndpointIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	hears, err := w.p.JS.CreateConsumer(t.Context(), streams.Events, jetstream.ConsumerConfig{FilterSubject: webhookv1.EndpointDisabled.Type, AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t)
	w.object.add(t, "c1", r.url)
	r.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) })
	w.happen(t, "k", "c1")
	m, err := hears.Next(jetstream.FetchMaxWait(20 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var e webhookv1.EndpointEvent
	if err := json.Unmarshal(m.Data(), &e); err != nil || e.Endpoint.ID != domain.EndpointID(bucketID, "c1") || !e.Endpoint.Disabled || e.Time.IsZero() {
		t.Errorf("%s, %v", m.Data(), err)
	}
}

// TestDelivery_SlowReceiver keeps one receiver from holding up another, past the
// number of the bus's own handlers.
func TestDelivery_SlowReceiver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	slow, fast := newReceiver(t), newReceiver(t)
	w.object.add(t, "slow", slow.url)
	w.object.add(t, "fast", fast.url)
	done := make(chan struct{})
	slow.answers(func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	for i := range 100 {
		w.happen(t, fmt.Sprint(i), "slow")
	}
	began := time.Now()
	w.happen(t, "k", "fast")
	if took := fast.wait(t, 1, 20*time.Second)[0].at.Sub(began); took > 5*time.Second {
		t.Errorf("behind 100 deliveries to a slow receiver, another one waited %v", took)
	}
	if n := len(slow.all()); n > 8 {
		t.Errorf("the slow receiver has %d requests at once", n)
	}
}
