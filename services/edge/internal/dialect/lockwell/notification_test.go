package lockwell_test

import (
	"net/http"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

func TestRoutes_Notifications(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/notifications"
	if r := w.Want(t, 200, "GET", path, "", nil); strings.TrimSpace(r.Body) != `{"configs":[]}` {
		t.Error(r.Body)
	}
	r := w.Want(t, 200, "PUT", path, `{"configs":[{"url":"https://example.com/h","events":["object-created"],"prefix":"in/"}]}`, nil)
	if !strings.Contains(r.Body, `"hasSecret":true`) || strings.Contains(r.Body, "whsec") || !strings.Contains(r.Body, `"id":"cfg-0"`) || !strings.Contains(r.Body, `"target":"webhook"`) {
		t.Error(r.Body)
	}
	for body, want := range map[string]int{
		`{"configs":[{"target":"sns","url":"https://e.com","events":["object-created"]}]}`:                                                        501,
		`{"configs":[{"target":"lambda","url":"x"}]}`:                                                                                             501,
		`{"configs":[{"url":"arn:aws:sqs:us-east-1:1:q","events":["object-created"]}]}`:                                                           501,
		`{"configs":[{"url":"ftp://e.com","events":["object-created"]}]}`:                                                                         400,
		`{"configs":[{"url":"https://private.example","events":["object-created"]}]}`:                                                             400,
		`{"configs":[{"url":"https://e.com","events":[]}]}`:                                                                                       400,
		`{"configs":[{"url":"https://e.com","events":["object-eaten"]}]}`:                                                                         400,
		`{"configs":[{"id":"x","url":"https://e.com","events":["object-created"]},{"id":"x","url":"https://e.com","events":["object-created"]}]}`: 400,
		`{}`: 400,
		`{"configs":[` + strings.TrimSuffix(strings.Repeat(`{"url":"https://e.com","events":["object-created"]},`, 101), ",") + `]}`: 400,
	} {
		if r := w.Do(t, "PUT", path, body, nil); r.Status != want {
			t.Errorf("%.80s: %d %s", body, r.Status, r.Body)
		}
	}
	if got := w.Want(t, 200, "GET", path, "", nil); got.Body != r.Body {
		t.Errorf("refused configs changed something: %s", got.Body)
	}
	w.Want(t, 200, "PUT", path, `{"configs":[]}`, nil)
	w.Want(t, 204, "DELETE", path, "", nil)
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "PUT", path, `{"configs":[{"url":"https://e.com","events":["object-created"]}]}`, http.Header{"Authorization": {"Bearer " + reader}})
}
