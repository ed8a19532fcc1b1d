package locknex_test

import (
	"strings"
	"testing"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const hooks = api + "/account/webhooks"

const hookFields = "id url events description enabled disabled_reason failing_since created_at"

func TestWebhook_Life(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := bearer(w.Account)
	holdFields(t, w.Want(t, 200, "GET", hooks, "", by).Body, "success webhooks")
	r := w.Want(t, 200, "POST", hooks, `{"url":"https://hooks.example/1","events":["container.created","link.status_changed"],"description":"mine"}`, by)
	holdFields(t, r.Body, "success "+hookFields+" secret")
	var h struct{ ID, Secret string }
	read(t, r, &h)
	if !strings.HasPrefix(h.ID, "whk_") || !strings.HasPrefix(h.Secret, "whsec_") || !strings.Contains(r.Body, `"events":["container.created","link.status_changed"],"description":"mine","enabled":true,"disabled_reason":"","failing_since":null,"created_at":"`) {
		t.Error(r.Body)
	}
	at := hooks + "/" + h.ID
	r = w.Want(t, 200, "GET", at, "", header("X-API-Key", keyOf(t, w, "ada").Get("X-API-Key")))
	holdFields(t, r.Body, "success "+hookFields)
	for _, k := range []struct{ body, says string }{
		{`{"url":"http://hooks.example/2"}`, `"url":"http://hooks.example/2","events":["container.created"`},
		{`{"events":[]}`, `"events":[]`},
		{`{"description":""}`, `"description":""`},
		{`{"enabled":false}`, `"enabled":false`},
		{`{"enabled":true,"url":null}`, `"url":"http://hooks.example/2"`},
		{`{"new_secret":true}`, `"secret":"whsec_`},
	} {
		r := w.Want(t, 200, "PUT", at, k.body, by)
		if !strings.Contains(r.Body, k.says) || strings.Contains(r.Body, h.Secret) || strings.Contains(k.says, "whsec") != strings.Contains(r.Body, "whsec") {
			t.Errorf("%s: %s", k.body, r.Body)
		}
	}
	w.Hooks.Break(h.ID, "gone", time.Date(2026, 5, 7, 15, 35, 17, 0, time.UTC))
	if r := w.Want(t, 200, "GET", hooks, "", by); !strings.Contains(r.Body, `"enabled":false,"disabled_reason":"gone","failing_since":"2026-05-07 15:35:17"`) || strings.Contains(r.Body, "whsec") {
		t.Error(r.Body)
	}
	holdFields(t, w.Want(t, 200, "DELETE", at, "", by).Body, "success id")
	refused(t, w.Do(t, "GET", at, "", by), 404, "webhook_not_found")
	refused(t, w.Do(t, "DELETE", at, "", by), 404, "webhook_not_found")
	if text := w.Audit.Text(); strings.Contains(text, "whsec") || !strings.Contains(text, h.ID) {
		t.Error("the audit trail has a secret, or does not say which webhook")
	}
}

func TestWebhook_Rules(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := bearer(w.Account)
	var h struct{ ID string }
	read(t, w.Want(t, 200, "POST", hooks, `{"url":"https://hooks.example/1"}`, by), &h)
	for _, k := range []struct{ method, path, body, code string }{
		{"POST", "", ``, "bad_json"},
		{"POST", "", `{}`, "bad_url"},
		{"POST", "", `{"url":""}`, "bad_url"},
		{"POST", "", `{"url":"ftp://hooks.example/"}`, "bad_url"},
		{"POST", "", `{"url":"http://private.example/"}`, "bad_url"},
		{"POST", "", `{"url":"https://hooks.example/` + strings.Repeat("x", 2048) + `"}`, "bad_url"},
		{"POST", "", `{"url":"https://hooks.example/","events":["object.created"]}`, "unknown_event"},
		{"POST", "", `{"url":"https://hooks.example/","events":["container.created","container.created"]}`, "invalid_request"},
		{"POST", "", `{"url":"https://hooks.example/","events":"container.created"}`, "bad_json"},
		{"POST", "", `{"url":"https://hooks.example/","description":"` + strings.Repeat("ä", 201) + `"}`, "invalid_request"},
		{"PUT", "/" + h.ID, `{}`, "invalid_request"},
		{"PUT", "/" + h.ID, `{"url":""}`, "bad_url"},
		{"PUT", "/" + h.ID, `{"events":["x"]}`, "unknown_event"},
		{"PUT", "/" + h.ID, `{"enabled":"no"}`, "bad_json"},
		{"POST", "/" + h.ID + "/replay", `{}`, "invalid_request"},
		{"POST", "/" + h.ID + "/replay", `{"delivery_id":"x","since":"2026-05-07 15:35:17"}`, "invalid_request"},
		{"POST", "/" + h.ID + "/replay", `{"since":"yesterday"}`, "invalid_request"},
		{"GET", "/" + h.ID + "/deliveries?limit=0", ``, "bad_query"},
		{"GET", "/" + h.ID + "/deliveries?limit=101", ``, "bad_query"},
		{"GET", "/" + h.ID + "/deliveries?state=lost", ``, "bad_query"},
	} {
		refused(t, w.Do(t, k.method, hooks+k.path, k.body, by), 400, k.code)
	}
	for range webhookv1.MaxSubscriptions - 1 {
		w.Want(t, 200, "POST", hooks, `{"url":"https://hooks.example/1"}`, by)
	}
	refused(t, w.Do(t, "POST", hooks, `{"url":"https://hooks.example/1"}`, by), 409, "too_many_webhooks")
	refused(t, w.Do(t, "GET", hooks, "", header()), 401, "unauthorized")
}

func TestWebhook_Deliveries(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := bearer(w.Account)
	var h struct{ ID string }
	read(t, w.Want(t, 200, "POST", hooks, `{"url":"https://hooks.example/1"}`, by), &h)
	at := hooks + "/" + h.ID
	holdFields(t, w.Want(t, 200, "GET", at+"/deliveries", "", by).Body, "success deliveries cursor")
	when := time.Date(2026, 5, 7, 15, 35, 17, 0, time.UTC)
	for id, state := range map[string]webhookv1.State{"msg_1": webhookv1.Dead, "msg_2": webhookv1.Delivered} {
		w.Hooks.Log(h.ID, webhookv1.Delivery{
			ID: id, EventType: webhookv1.EventContainerStatusChanged, URL: "https://hooks.example/1", State: state, CreatedAt: when,
			Attempts: []webhookv1.Attempt{{Time: when, Status: 503, Error: "status 503", Duration: 1500 * time.Millisecond}, {Time: when, Error: "time-out"}},
		})
	}
	r := w.Want(t, 200, "GET", at+"/deliveries?state=dead", "", by)
	const of = " deliveries[]."
	holdFields(t, r.Body, "success deliveries deliveries[].id"+of+"event"+of+"url"+of+"state"+of+"created_at"+of+"next_attempt"+of+"attempts"+of+"attempts[].time"+of+"attempts[].status"+of+"attempts[].error"+of+"attempts[].duration_ms cursor")
	if !strings.Contains(r.Body, `[{"id":"msg_1","event":"container.status_changed","url":"https://hooks.example/1","state":"dead","created_at":"2026-05-07 15:35:17","next_attempt":null,"attempts":[{"time":"2026-05-07 15:35:17","status":503,"error":"status 503","duration_ms":1500},{"time":"2026-05-07 15:35:17","status":null,`) {
		t.Error(r.Body)
	}
	var page struct {
		Deliveries []struct{ ID string }
		Cursor     string
	}
	read(t, w.Want(t, 200, "GET", at+"/deliveries?limit=1", "", by), &page)
	if len(page.Deliveries) != 1 || page.Cursor == "" {
		t.Errorf("%+v", page)
	}
	for body, want := range map[string]string{
		`{"since":"2026-05-07 15:35:17"}`: `{"success":true,"replayed":1}`, `{"since":"2026-05-07T15:35:18Z"}`: `{"success":true,"replayed":0}`, `{"delivery_id":"msg_2"}`: `{"success":true,"replayed":1}`,
	} {
		if r := w.Want(t, 200, "POST", at+"/replay", body, by); strings.TrimSpace(r.Body) != want {
			t.Errorf("%s: %s", body, r.Body)
		}
	}
	refused(t, w.Do(t, "POST", at+"/replay", `{"delivery_id":"msg_9"}`, by), 404, "delivery_not_found")
}
