package faults_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/test/harness"
)

// hook is a webhook of an account.
type hook struct {
	ID      string
	URL     string
	Enabled bool
	Secret  string
}

func (p *linkPlot) hooks(t *testing.T) []hook {
	t.Helper()
	var l struct{ Webhooks []hook }
	p.api(t, http.MethodGet, "/account/webhooks", nil).Want(t, http.StatusOK).JSON(t, &l)
	return l.Webhooks
}

// receiver answers with a status that the story changes.
func receiver(t *testing.T, status int) (*harness.Receiver, *atomic.Int64) {
	t.Helper()
	var now atomic.Int64
	now.Store(int64(status))
	return harness.NewReceiver(t, func(harness.Hook) int { return int(now.Load()) }), &now
}

// happens makes a container, and waits until a receiver has heard of it.
func (p *linkPlot) happens(t *testing.T, r *harness.Receiver) box {
	t.Helper()
	b := p.makes(t, "news", p.link("a", linksv1test.There))
	p.settles(t, b.ID, "online", 1, 0)
	r.Wait(t, time.Minute, "news of "+b.ID, func(hooks []harness.Hook) bool { return chained(heard(t, hooks, b.ID), "online") })
	return b
}

// hookMade dies when a webhook is kept and its secret was not told: it is there,
// gets another secret, and can be removed.
func hookMade(t *testing.T, p *linkPlot) {
	r := p.strike(t, http.MethodPost, "/api/v1/account/webhooks", map[string]any{"url": p.r.URL}, p.me)
	all := p.hooks(t)
	if len(all) != 1 || all[0].URL != p.r.URL || !all[0].Enabled {
		t.Fatalf("%+v, answered %s", all, r.Body)
	}
	var renewed hook
	p.api(t, http.MethodPut, "/account/webhooks/"+all[0].ID, map[string]any{"new_secret": true}).Want(t, http.StatusOK).JSON(t, &renewed)
	if renewed.ID != all[0].ID || renewed.Secret == "" {
		t.Errorf("%+v", renewed)
	}
	p.happens(t, p.r)
	p.api(t, http.MethodDelete, "/account/webhooks/"+all[0].ID, nil).Want(t, http.StatusOK)
	if left := p.hooks(t); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

// switchedOff gives a webhook that its receiver switched off by 410.
func (p *linkPlot) switchedOff(t *testing.T) (*harness.Receiver, string) {
	t.Helper()
	r, status := receiver(t, http.StatusGone)
	id := p.hears(t, r.URL)
	p.makes(t, "off", p.link("off", linksv1test.There))
	for deadline := time.Now().Add(time.Minute); p.hooks(t)[0].Enabled; pause(t.Context(), 50*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("410 does not switch it off")
		}
	}
	p.dies(t, id, 3) // made, the link, the container
	status.Store(http.StatusNoContent)
	return r, id
}

// delivery is a line of a webhook's log.
type delivery struct{ ID, State string }

func (p *linkPlot) log(t *testing.T, hook string) []delivery {
	t.Helper()
	var l struct{ Deliveries []delivery }
	p.api(t, http.MethodGet, "/account/webhooks/"+hook+"/deliveries", nil).Want(t, http.StatusOK).JSON(t, &l)
	return l.Deliveries
}

// dies waits until n deliveries are given up.
func (p *linkPlot) dies(t *testing.T, hook string, n int) []delivery {
	t.Helper()
	var l []delivery
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 50*time.Millisecond) {
		l = p.log(t, hook)
		if len(l) == n && !slices.ContainsFunc(l, func(d delivery) bool { return d.State != "dead" }) {
			return l
		}
	}
	t.Fatalf("%+v", l)
	return nil
}

// hookChanged dies when a webhook that was switched off is switched on and what it
// failed of is not forgotten: the repeat does it, and it hears.
func hookChanged(t *testing.T, p *linkPlot) {
	r, id := p.switchedOff(t)
	ask := map[string]any{"enabled": true}
	p.strike(t, http.MethodPut, "/api/v1/account/webhooks/"+id, ask, p.me)
	p.api(t, http.MethodPut, "/account/webhooks/"+id, ask).Want(t, http.StatusOK)
	if all := p.hooks(t); len(all) != 1 || !all[0].Enabled {
		t.Errorf("%+v", all)
	}
	p.happens(t, r)
}

// hookRemoved dies while a webhook is removed for which something waits: nothing of
// that goes out any more, and others hear.
func hookRemoved(t *testing.T, p *linkPlot) {
	r, status := receiver(t, http.StatusInternalServerError)
	id := p.hears(t, r.URL)
	p.makes(t, "refused", p.link("refused", linksv1test.There))
	r.Wait(t, time.Minute, "an attempt", func(h []harness.Hook) bool { return len(h) > 0 })
	p.strike(t, http.MethodDelete, "/api/v1/account/webhooks/"+id, nil, p.me)
	status.Store(http.StatusNoContent)
	p.api(t, http.MethodGet, "/account/webhooks/"+id, nil).Want(t, http.StatusNotFound)
	before := len(r.Hooks())
	p.later(t, time.Minute) // past the next attempt
	p.w.Kill(p.crash.victim)
	p.revive(t, p.crash.victim)
	p.hears(t, p.r.URL)
	p.happens(t, p.r)
	if after := len(r.Hooks()); after != before {
		t.Errorf("%d requests behind its end", after-before)
	}
	p.api(t, http.MethodDelete, "/account/webhooks/"+id, nil).Want(t, http.StatusNotFound)
	if all := p.hooks(t); len(all) != 1 {
		t.Errorf("%+v", all)
	}
}

// hookReplayed dies when a delivery is due once more: it goes out, under its id.
func hookReplayed(t *testing.T, p *linkPlot) {
	r, id := p.switchedOff(t)
	one := p.log(t, id)[0]
	p.replays(t, r, id, map[string]string{"delivery_id": one.ID}, one)
}

// hooksReplayed dies when the first of several is: the repeat takes the others along.
func hooksReplayed(t *testing.T, p *linkPlot) {
	r, id := p.switchedOff(t)
	all := p.log(t, id)
	ask := map[string]string{"since": "2020-01-01 00:00:00"}
	p.replays(t, r, id, ask, all...)
}

func (p *linkPlot) replays(t *testing.T, r *harness.Receiver, id string, ask map[string]string, all ...delivery) {
	t.Helper()
	before := len(r.Hooks())
	a := p.strike(t, http.MethodPost, "/api/v1/account/webhooks/"+id+"/replay", ask, p.me)
	if a.Status == 0 && strings.HasSuffix(p.crash.point, "begun") {
		p.api(t, http.MethodPost, "/account/webhooks/"+id+"/replay", ask).Want(t, http.StatusOK)
	}
	r.Wait(t, time.Minute, "what is replayed", func(hooks []harness.Hook) bool {
		for _, d := range all {
			if !slices.ContainsFunc(hooks[before:], func(h harness.Hook) bool { return h.ID == d.ID }) {
				return false
			}
		}
		return true
	})
	for deadline := time.Now().Add(time.Minute); ; pause(t.Context(), 50*time.Millisecond) {
		l := p.log(t, id)
		if delivered := len(slices.DeleteFunc(l, func(d delivery) bool { return d.State != "delivered" })); delivered == len(all) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", p.log(t, id))
		}
	}
	if l := p.hooks(t); len(l) != 1 || !l[0].Enabled {
		t.Errorf("what it took does not switch it on: %+v", l)
	}
}
