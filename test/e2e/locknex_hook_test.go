package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sluicehq/sluice/test/harness"
)

// lnHook is a webhook as its routes show it.
type lnHook struct {
	ID, URL, Description, Secret string
	Events                       []string
	Enabled                      bool
	DisabledReason               string `json:"disabled_reason"`
}

// lnNotice is a delivery's body.
type lnNotice struct {
	Type      string
	Timestamp time.Time
	Data      struct {
		ID        string `json:"container_id"`
		Title     string
		URL, Host string
		Status    string
		Was       string
		Stats     harness.LocknexCounts
		Hosts     []string
		CheckedAt *string `json:"checked_at"`
	}
}

// hook makes a webhook; more is members of the request beside its address.
func hook(t *testing.T, l *harness.Locknex, url string, more ...any) lnHook {
	t.Helper()
	body := object{"url": url}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	var h lnHook
	l.Call(t, "POST", lnHooks, body).Want(t, 200).JSON(t, &h)
	return h
}

// noticed waits for a notice of a kind and a status, and gives it with its request.
func noticed(t *testing.T, r *harness.Receiver, kind, status string) (n lnNotice, h harness.Hook) {
	t.Helper()
	r.Wait(t, time.Minute, kind+" "+status, func(all []harness.Hook) bool {
		for _, h = range all {
			n = lnNotice{}
			if err := json.Unmarshal(h.Body, &n); err == nil && n.Type == kind && n.Data.Status == status {
				return true
			}
		}
		return false
	})
	return n, h
}

func locknexHookRules() []rule {
	const hookShape = "created_at:string description:string disabled_reason:string enabled:bool events[]:string failing_since:null id:string success:bool url:string"
	return []rule{
		{says: "create, read, list, change and delete", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			r := l.Call(t, "POST", lnHooks, object{"url": "http://127.0.0.1:9/hook", "events": []string{"container.created"}, "description": "mine"})
			equal(t, "fields", r.Want(t, 200).Shape(t), strings.Replace(hookShape, " success", " secret:string success", 1))
			var h lnHook
			r.JSON(t, &h)
			if !strings.HasPrefix(h.ID, "whk_") || !strings.HasPrefix(h.Secret, "whsec_") || !h.Enabled || h.Description != "mine" || fmt.Sprint(h.Events) != "[container.created]" {
				t.Errorf("%+v", h)
			}
			at := lnHooks + "/" + h.ID
			r = l.Call(t, "GET", at, nil).Want(t, 200)
			equal(t, "fields", r.Shape(t), hookShape)
			silent(t, r, h.Secret)
			silent(t, l.Call(t, "GET", lnHooks, nil).Want(t, 200), "whsec_")
			says(t, l.Call(t, "GET", lnHooks, nil), h.ID)
			says(t, l.Call(t, "PUT", at, object{"enabled": false, "events": []string{}, "description": "", "url": "http://127.0.0.1:9/other"}).Want(t, 200), `"enabled":false`, `"events":[]`, `"description":""`, "/other")
			r = l.Call(t, "PUT", at, object{"new_secret": true}).Want(t, 200)
			says(t, r, "whsec_")
			silent(t, r, h.Secret)
			equal(t, "fields", l.Call(t, "DELETE", at, nil).Want(t, 200).Shape(t), "id:string success:bool")
			for _, method := range []string{"GET", "DELETE"} {
				l.Call(t, method, at, nil).Denies(t, 404, "webhook_not_found")
			}
		}},
		{says: "what cannot be a webhook is refused", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			for body, code := range map[string]string{
				``: "bad_json", `{}`: "bad_url", `{"url":""}`: "bad_url", `{"url":7}`: "bad_json", `{"url":"ftp://127.0.0.1/"}`: "bad_url", `{"url":"http://10.0.0.1/"}`: "bad_url", `{"url":"http://169.254.169.254/latest/"}`: "bad_url",
				`{"url":"http://[::1]/"}`: "bad_url", `{"url":"http://u:p@127.0.0.1/"}`: "bad_url", `{"url":"http://0x7f.1/"}`: "", `{"url":"http://127.0.0.1/","events":["x"]}`: "unknown_event", `{"url":"http://127.0.0.1/","events":["container.created","container.created"]}`: "invalid_request",
				`{"url":"http://127.0.0.1/` + strings.Repeat("x", 2048) + `"}`: "bad_url", `{"url":"http://127.0.0.1/","description":"` + strings.Repeat("ä", 201) + `"}`: "invalid_request", `{"url":"http://127.0.0.1/","events":"all"}`: "bad_json",
			} {
				r := l.Call(t, "POST", lnHooks, body)
				if code == "" {
					code = r.Code() // whatever it takes it for
				}
				r.Denies(t, 400, code)
			}
			says(t, l.Call(t, "GET", lnHooks, nil), `"webhooks":[]`)
		}},
		{says: "container.created, with the documented names, signed", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			r := harness.NewReceiver(t, nil)
			h := hook(t, l, r.URL, "events", []string{"container.created"})
			c := l.Create(t, "Linux <ISOs> ä", g.links.Site(t).Links("secret-link"), "password", "pw-of-it")
			n, got := noticed(t, r, "container.created", "unknown")
			equal(t, "id", n.Data.ID, c.ID)
			equal(t, "title", n.Data.Title, "Linux <ISOs> ä")
			equal(t, "unknown", n.Data.Stats.Unknown, 1)
			if n.Data.CheckedAt != nil || time.Since(n.Timestamp) > time.Minute {
				t.Errorf("%s", got.Body)
			}
			verifier, err := standardwebhooks.NewWebhook(h.Secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := verifier.Verify(got.Body, got.Header); err != nil {
				t.Errorf("signature: %v", err)
			}
			if err := verifier.Verify(append(got.Body, ' '), got.Header); err == nil {
				t.Error("another body has the same signature")
			}
			equal(t, "Content-Type", got.Header.Get("Content-Type"), "application/json; charset=utf-8")
			if strings.Contains(string(got.Body), "secret-link") || strings.Contains(string(got.Body), "pw-of-it") {
				t.Errorf("%s", got.Body)
			}
		}},
		{says: "container.status_changed and link.status_changed when a link dies and comes back", check: func(t *testing.T, g *ground) {
			l, site := owner(t, g.tight), g.links.Site(t)
			r := harness.NewReceiver(t, nil)
			hook(t, l, r.URL)
			c := l.Create(t, "dying", site.Links("a", "b"))
			n, _ := noticed(t, r, "container.status_changed", "online")
			if n.Data.ID != c.ID || n.Data.CheckedAt == nil || !lnStamp.MatchString(*n.Data.CheckedAt) {
				t.Errorf("%+v", n)
			}
			site.Becomes("b", harness.Status(404))
			n, _ = noticed(t, r, "container.status_changed", "partial")
			// On the way up it was partial, too: from unknown.
			if n.Data.Stats != (harness.LocknexCounts{Online: 1, Offline: 1}) && n.Data.Was != "unknown" {
				t.Errorf("%+v", n)
			}
			k, _ := noticed(t, r, "link.status_changed", "offline")
			if k.Data.URL != site.Link("b") || k.Data.Host != site.Name || k.Data.Was != "online" || k.Data.ID != c.ID || k.Data.Title != "dying" {
				t.Errorf("%+v", k)
			}
			equal(t, "badge", recorded(t, l, c.ID, "partial").Status, "partial")
			site.Becomes("b", nil)
			recorded(t, l, c.ID, "online")
		}},
		{says: "container.deleted, and only what was asked for", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			all, some := harness.NewReceiver(t, nil), harness.NewReceiver(t, nil)
			hook(t, l, all.URL)
			hook(t, l, some.URL, "events", []string{"container.deleted"})
			c := l.Create(t, "ended", g.links.Site(t).Links("a"))
			recorded(t, l, c.ID, "online")
			l.Call(t, "DELETE", lnContainer+"/"+c.ID, nil).Want(t, 200)
			n, _ := noticed(t, some, "container.deleted", "online")
			equal(t, "id", n.Data.ID, c.ID)
			noticed(t, all, "container.deleted", "online")
			noticed(t, all, "container.created", "unknown")
			noticed(t, all, "container.status_changed", "online")
			noticed(t, all, "link.status_changed", "online")
			for _, h := range some.Hooks() { // perhaps the same one again
				if !strings.Contains(string(h.Body), `"container.deleted"`) {
					t.Errorf("to the other: %s", h.Body)
				}
			}
		}},
		{says: "another account hears nothing", check: func(t *testing.T, g *ground) {
			mine, theirs := owner(t, g.w), owner(t, g.w)
			r, other := harness.NewReceiver(t, nil), harness.NewReceiver(t, nil)
			hook(t, mine, r.URL)
			hook(t, theirs, other.URL, "events", []string{"container.created"})
			mine.Create(t, "mine", g.links.Site(t).Links("a"))
			theirs.Create(t, "theirs", g.links.Site(t).Links("a"))
			noticed(t, r, "link.status_changed", "online")
			noticed(t, other, "container.created", "unknown")
			for _, h := range other.Hooks() {
				if !strings.Contains(string(h.Body), "theirs") {
					t.Errorf("%s", h.Body)
				}
			}
		}},
		{says: "a failed delivery is in the log and repeated; replay sends it again under the same id", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			var tries atomic.Int64
			r := harness.NewReceiver(t, func(harness.Hook) int {
				if tries.Add(1) == 1 {
					return http.StatusServiceUnavailable
				}
				return http.StatusOK
			})
			h := hook(t, l, r.URL, "events", []string{"container.created"})
			l.Create(t, "repeated", g.links.Site(t).Links("a"))
			hooks := r.Wait(t, time.Minute, "the first try", func(h []harness.Hook) bool { return len(h) >= 1 })
			at := lnHooks + "/" + h.ID
			type log struct {
				Deliveries []struct {
					ID, Event, State string
					Attempts         []struct{ Status *int }
				}
			}
			var found log
			until(t, time.Minute, func() bool {
				found = log{}
				l.Call(t, "GET", at+"/deliveries", nil).Want(t, 200).JSON(t, &found)
				return len(found.Deliveries) == 1 && len(found.Deliveries[0].Attempts) > 0
			}, func() string { return "one delivery with an attempt" })
			d := found.Deliveries[0]
			if d.ID != hooks[0].ID || d.Event != "container.created" || *d.Attempts[0].Status != 503 {
				t.Errorf("%+v", d)
			}
			var replayed struct{ Replayed int }
			l.Call(t, "POST", at+"/replay", object{"delivery_id": d.ID}).Want(t, 200).JSON(t, &replayed)
			equal(t, "replayed", replayed.Replayed, 1)
			hooks = r.Wait(t, time.Minute, "it again", func(h []harness.Hook) bool { return len(h) >= 2 })
			if hooks[1].ID != d.ID || string(hooks[1].Body) != string(hooks[0].Body) {
				t.Errorf("%s %s", hooks[1].ID, hooks[1].Body)
			}
			until(t, time.Minute, func() bool {
				return strings.Contains(string(l.Call(t, "GET", at+"/deliveries?state=delivered", nil).Want(t, 200).Body), d.ID)
			}, func() string { return "it to be delivered" })
			l.Call(t, "POST", at+"/replay", object{"delivery_id": "msg_none"}).Denies(t, 404, "delivery_not_found")
			for _, bad := range []string{`{}`, `{"since":"yesterday"}`, `{"delivery_id":"a","since":"2026-05-07 15:35:17"}`} {
				l.Call(t, "POST", at+"/replay", bad).Denies(t, 400, "invalid_request")
			}
			l.Call(t, "GET", at+"/deliveries?limit=0", nil).Denies(t, 400, "bad_query")
		}},
		{says: "a deleted or disabled webhook hears no more", check: func(t *testing.T, g *ground) {
			l, site := owner(t, g.w), g.links.Site(t)
			gone, off, on := harness.NewReceiver(t, nil), harness.NewReceiver(t, nil), harness.NewReceiver(t, nil)
			first, second := hook(t, l, gone.URL, "events", []string{"container.created"}), hook(t, l, off.URL, "events", []string{"container.created"})
			hook(t, l, on.URL, "events", []string{"container.created"})
			l.Call(t, "DELETE", lnHooks+"/"+first.ID, nil).Want(t, 200)
			l.Call(t, "PUT", lnHooks+"/"+second.ID, object{"enabled": false}).Want(t, 200)
			l.Create(t, "heard by one", site.Links("a"))
			noticed(t, on, "container.created", "unknown")
			l.Call(t, "PUT", lnHooks+"/"+second.ID, object{"enabled": true}).Want(t, 200)
			l.Create(t, "heard by two", site.Links("b"))
			n, _ := noticed(t, off, "container.created", "unknown")
			equal(t, "title", n.Data.Title, "heard by two")
			equal(t, "to the deleted one", len(gone.Hooks()), 0)
		}},
		{says: "50 webhooks of an account at most", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			for range 50 {
				hook(t, l, "http://127.0.0.1:9/hook", "enabled", true)
			}
			l.Call(t, "POST", lnHooks, object{"url": "http://127.0.0.1:9/hook"}).Denies(t, 409, "too_many_webhooks")
		}},
	}
}
