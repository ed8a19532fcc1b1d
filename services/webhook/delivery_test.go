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
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/streams"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/platform/documents"
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
	if age := g.at.Sub(time.Unix(sec, 0)); err != nil || age < -time.Second || age > patience { // a busy machine may be slow to send
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
	r.wait(t, 1)
	// At once is before the first repetition of anything; the end-to-end run is
	// stricter. A busy machine may be late with one event, but not with every one.
	var event string
	var g got
	var took time.Duration
	for n := range 5 {
		began := time.Now()
		event = w.happen(t, "in/a key+1", "c1", "gone")
		g = r.wait(t, 2+n)[1+n]
		if took = g.at.Sub(began); took < 4*time.Second {
			break
		}
	}
	if took >= 4*time.Second {
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
	all := r.wait(t, 2)
	for _, g := range all {
		verify(t, g, secret)
	}
	if gap := all[1].at.Sub(all[0].at); gap < 4400*time.Millisecond {
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
	for end := time.After(patience); ; {
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
	db, err := documents.Open(t.Context(), w.p, "webhook")
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
	all := r.wait(t, n) // how soon is what package dispatch holds, by a clock of its own
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
// the middle: every event arrives, and none twice while an attempt's claim holds,
// which on a machine that stands still may lapse.
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
	const n, lease = 120, 4 * time.Second // a claim holds for longer
	began := map[string]time.Time{}       // by delivery
	for i := range n {
		if i == n/2 {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			if err := stop(ctx); err != nil {
				t.Errorf("Stop: %v", err)
			}
			cancel()
		}
		before := time.Now()
		event := w.happen(t, fmt.Sprint(i), ids...)
		for _, id := range ids {
			began[domain.DeliveryID(event, bucketID, id)] = before
		}
	}
	for k, r := range rs {
		seen := map[string]bool{}
		until(t, fmt.Sprintf("%d deliveries to receiver %d", n, k), func() bool {
			clear(seen)
			for _, g := range r.all() {
				seen[g.header.Get("Webhook-Id")] = true
			}
			return len(seen) == n
		})
		clear(seen)
		for _, g := range r.all() {
			id := g.header.Get("Webhook-Id")
			if age := g.at.Sub(began[id]); seen[id] && age < lease {
				t.Errorf("delivery %s came again %v after its event", id, age)
			}
			seen[id] = true
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
	m, err := hears.Next(jetstream.FetchMaxWait(patience))
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
	w.webhook.Webhook.Timeout = time.Minute // the slow receiver's requests outlast the test
	w.start(t)
	slow, fast := newReceiver(t), newReceiver(t)
	w.object.add(t, "slow", slow.url)
	w.object.add(t, "fast", fast.url)
	done := make(chan struct{})
	var ended atomic.Int32 // of the slow one's requests
	slow.answers(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
			ended.Add(1)
		}
	})
	defer close(done)
	for i := range 100 {
		w.happen(t, fmt.Sprint(i), "slow")
	}
	w.happen(t, "k", "fast")
	fast.wait(t, 1)
	if n := ended.Load(); n != 0 {
		t.Errorf("another receiver waited for %d requests to a slow one", n)
	}
	if n := len(slow.all()); n > 8 {
		t.Errorf("the slow receiver has %d requests at once", n)
	}
}
