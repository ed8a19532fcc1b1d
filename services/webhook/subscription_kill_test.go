package webhook_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// runUntilKilled is webhook in a process of its own.
func runUntilKilled(settings string) error {
	ctx := context.Background()
	var s platform.Settings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return err
	}
	p, err := platform.Open(ctx, s, platform.Options{
		Service: "webhook", Version: "0.1.0", Tel: telemetry.Nop(), Declared: streams.Declared(1), Declare: true,
	})
	if err != nil {
		return err
	}
	cfg := webhook.Default()
	cfg.Webhook.Sweep = 500 * time.Millisecond
	svc, err := webhook.New(cfg, p)
	if err != nil {
		return err
	}
	if err := svc.Start(ctx); err != nil {
		return err
	}
	fmt.Println("runs")
	return svc.Run(ctx)
}

// child starts webhook as a process, and gives it when it works.
func (w *world) child(t *testing.T) *exec.Cmd {
	t.Helper()
	s := w.settings
	s.NATS.URL = w.srv.URL()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), childEnv+"="+string(b)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "runs" {
		t.Fatalf("webhook did not start: %q, %v", line, err)
	}
	return cmd
}

// TestKill_Subscriptions kills webhook while an account makes, renews, replays and
// removes webhooks and things happen to its containers. What was acknowledged
// holds, each event goes to each webhook under one id, and nothing to one that was
// removed before it happened.
func TestKill_Subscriptions(t *testing.T) {
	t.Parallel()
	rounds := 2
	if os.Getenv("SLUICE_TEST_FULL") != "" {
		rounds = 5
	}
	if os.Getenv("SLUICE_SOAK") != "" {
		rounds = 60
	}
	w := newWorld(t)
	x := &subscriber{
		w: w, calls: webhookv1.NewClient(rpc.NewClient(natstest.Conn(t, w.srv), rpc.ClientConfig{})),
		who: authv1.Principal{AccountID: "acc_" + rand.Text(), Username: "killed"}, ends: make(chan struct{}),
	}
	var load sync.WaitGroup
	dies := w.child(t)
	for range 2 {
		x.subscribe(t)
	}
	load.Go(func() { x.happen(t) })
	load.Go(func() { x.change(t) })
	for range rounds {
		pause(t, 700*time.Millisecond)
		_ = dies.Process.Kill()
		_ = dies.Wait()
		dies = w.child(t)
	}
	pause(t, 300*time.Millisecond)
	close(x.ends)
	load.Wait()
	_ = dies.Process.Kill()
	_ = dies.Wait()
	w.start(t)
	w.handled(t)
	x.check(t)
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// subscriber is an account, and what it knows of its webhooks.
type subscriber struct {
	w     *world
	calls webhookv1.Service
	who   authv1.Principal
	ends  chan struct{}

	mu       sync.Mutex
	hooks    []*heldHook
	happened []happening
	replayed []string // deliveries
}

// heldHook is a webhook whose making was answered.
type heldHook struct {
	id, secret string
	tries      int // until its making was answered
	r          *receiver
	made       time.Time
	leaves     time.Time // when its removal was asked for; zero: it stays
	gone       time.Time // when that was answered
}

// happening is an event, and when it was about to be published and was.
type happening struct {
	id         string
	from, till time.Time
}

func (x *subscriber) over() bool {
	select {
	case <-x.ends:
		return true
	default:
		return false
	}
}

// insist repeats a call until it is answered.
func (x *subscriber) insist(t *testing.T, what string, call func(context.Context) error) {
	t.Helper()
	for end := time.Now().Add(2 * patience); ; pause(t, 20*time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := call(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%s: %v", what, err)
			return
		}
	}
}

// subscribe makes a webhook. What an unanswered call may have made is removed, as
// its owner would.
func (x *subscriber) subscribe(t *testing.T) {
	t.Helper()
	h := &heldHook{r: newReceiver(t)}
	url := h.r.url
	x.insist(t, "making a webhook", func(ctx context.Context) error {
		h.tries++
		c, err := x.calls.CreateSubscription(ctx, webhookv1.CreateSubscriptionRequest{Principal: x.who, URL: url})
		h.id, h.secret, h.made = c.ID, c.Secret, time.Now()
		return err
	})
	x.insist(t, "removing doubles", func(ctx context.Context) error {
		l, err := x.calls.ListSubscriptions(ctx, webhookv1.ListSubscriptionsRequest{Principal: x.who})
		for _, s := range l.Subscriptions {
			if s.URL == url && s.ID != h.id && err == nil {
				_, err = x.calls.DeleteSubscription(ctx, webhookv1.SubscriptionRequest{Principal: x.who, ID: s.ID})
			}
		}
		return err
	})
	x.mu.Lock()
	x.hooks = append(x.hooks, h)
	x.mu.Unlock()
}

// happen tells of what happens to containers.
func (x *subscriber) happen(t *testing.T) {
	for n := 0; !x.over(); n++ {
		e := happening{id: fmt.Sprintf("killed-%d", n), from: time.Now()}
		x.w.publish(t, linksEvent(t, e.id, webhookv1.EventContainerStatusChanged, x.who.AccountID, fmt.Sprint(n)))
		e.till = time.Now()
		x.mu.Lock()
		x.happened = append(x.happened, e)
		x.mu.Unlock()
		pause(t, 5*time.Millisecond)
	}
}

// change makes, renews, replays and removes webhooks.
func (x *subscriber) change(t *testing.T) {
	for n := 0; !x.over(); n++ {
		x.mu.Lock()
		h := x.hooks[n%2] // these two stay
		x.mu.Unlock()
		x.insist(t, "renewing a secret", func(ctx context.Context) error {
			c, err := x.calls.UpdateSubscription(ctx, webhookv1.UpdateSubscriptionRequest{Principal: x.who, ID: h.id, NewSecret: true})
			if err == nil {
				h.secret = c.Secret
			}
			return err
		})
		if all := h.r.all(); len(all) > 0 {
			id := all[n%len(all)].header.Get("Webhook-Id")
			// One that is still under way when it is replayed has what was asked for by
			// its own success.
			done := false
			x.insist(t, "looking at a delivery", func(ctx context.Context) error {
				d, err := x.calls.GetDelivery(ctx, webhookv1.GetDeliveryRequest{ID: id})
				done = d.State == webhookv1.Delivered
				return err
			})
			x.insist(t, "replaying", func(ctx context.Context) error {
				_, err := x.calls.ReplaySubscription(ctx, webhookv1.ReplaySubscriptionRequest{Principal: x.who, ID: h.id, DeliveryID: id})
				return err
			})
			if done {
				x.replayed = append(x.replayed, id)
			}
		}
		x.subscribe(t)
		pause(t, 50*time.Millisecond)
		x.mu.Lock()
		last := x.hooks[len(x.hooks)-1]
		x.mu.Unlock()
		if n%4 == 3 {
			continue // it stays, too
		}
		last.leaves = time.Now()
		x.insist(t, "removing a webhook", func(ctx context.Context) error {
			_, err := x.calls.DeleteSubscription(ctx, webhookv1.SubscriptionRequest{Principal: x.who, ID: last.id})
			return err
		})
		last.gone = time.Now()
	}
}

// check holds webhooks and what they heard to what the account knows.
func (x *subscriber) check(t *testing.T) {
	t.Helper()
	there := map[string]bool{}
	x.insist(t, "listing", func(ctx context.Context) error {
		l, err := x.calls.ListSubscriptions(ctx, webhookv1.ListSubscriptionsRequest{Principal: x.who})
		for _, s := range l.Subscriptions {
			there[s.ID] = true
		}
		return err
	})
	stay := 0
	for _, h := range x.hooks {
		if !h.gone.IsZero() {
			if there[h.id] {
				t.Errorf("%s was removed and is there", h.id)
			}
			x.heard(t, h)
			continue
		}
		stay++
		if !there[h.id] {
			t.Errorf("%s was acknowledged and is not there", h.id)
			continue
		}
		delivered(t, x.calls, x.who, h.id)
		x.heard(t, h)
	}
	if len(there) != stay {
		t.Errorf("%d webhooks, want %d", len(there), stay)
	}
	t.Logf("%d events, %d webhooks of which %d stay, %d replays", len(x.happened), len(x.hooks), stay, len(x.replayed))
	x.signed(t)
}

// heard holds what a webhook was sent to what happened while it was there.
func (x *subscriber) heard(t *testing.T, h *heldHook) {
	t.Helper()
	times, bodies := map[string]int{}, map[string]string{}
	for _, g := range h.r.all() {
		id := g.header.Get("Webhook-Id")
		if b, again := bodies[id]; again && b != g.body {
			t.Errorf("%s said %s, and then %s", id, b, g.body)
		}
		bodies[id] = g.body
		times[id]++
	}
	for _, e := range x.happened {
		id := domain.DeliveryID(e.id, "", h.id)
		switch n := times[id]; {
		case n == 0 && e.from.After(h.made) && h.leaves.IsZero():
			t.Errorf("%s was not told of %s", h.id, e.id)
		case n > 0 && !h.gone.IsZero() && e.from.After(h.gone):
			t.Errorf("%s was told of %s behind its end", h.id, e.id)
		}
		delete(times, id)
	}
	for id := range times {
		if h.tries > 1 {
			break // it is one's that was made without an answer, for the same receiver
		}
		t.Errorf("%s was sent %s, which nothing that happened made", h.id, id)
	}
	for _, id := range x.replayed {
		if n := len(h.got(id)); n == 1 {
			t.Errorf("%s was replayed and came once", id)
		}
	}
}

// got gives the requests of a delivery.
func (h *heldHook) got(id string) (out []got) {
	for _, g := range h.r.all() {
		if g.header.Get("Webhook-Id") == id {
			out = append(out, g)
		}
	}
	return out
}

// signed wants an event to be signed by the secrets that were told last.
func (x *subscriber) signed(t *testing.T) {
	t.Helper()
	x.w.publish(t, linksEvent(t, "killed-last", webhookv1.EventContainerDeleted, x.who.AccountID, "last"))
	for _, h := range x.hooks[:2] {
		id := domain.DeliveryID("killed-last", "", h.id)
		until(t, "the last event", func() bool { return len(h.got(id)) > 0 })
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.secret, domain.SecretPrefix))
		if err != nil {
			t.Fatal(err)
		}
		g := h.got(id)[0]
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + g.header.Get("Webhook-Timestamp") + "." + g.body))
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if sent := g.header.Get("Webhook-Signature"); !strings.HasPrefix(sent, want) {
			t.Errorf("signed by %q, want %q first", sent, want)
		}
	}
}
