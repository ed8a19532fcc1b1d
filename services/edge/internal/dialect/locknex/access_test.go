package locknex_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// TestCredentials_Forms tries every way to say who one is on a route for keys.
func TestCredentials_Forms(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	key := keyOf(t, w, "ada").Get("X-API-Key")
	for name, k := range map[string]struct {
		h  http.Header
		ok bool
	}{
		"API key":                 {header("X-API-Key", key), true},
		"account token":           {bearer(w.Account), true},
		"token of an access key":  {bearer(w.Token), true},
		"bearer, small":           {header("Authorization", "bearer "+w.Account), true},
		"an API key counts first": {header("X-API-Key", key, "Authorization", "Bearer wrong"), true},
		"nothing":                 {header(), false},
		"empty API key":           {header("X-API-Key", ""), false},
		"wrong API key":           {header("X-API-Key", "DEIN_API_KEY"), false},
		"wrong key, right bearer": {header("X-API-Key", "x", "Authorization", "Bearer "+w.Account), false},
		"account token as key":    {header("X-API-Key", w.Account), false},
		"API key as bearer":       {bearer(key), false},
		"Basic":                   {header("Authorization", "Basic YWRhOnJpZ2h0"), false},
		"cookie":                  {header("Cookie", "sluice_session="+w.Account), false},
		"altered access token":    {bearer(w.Token + "x"), false},
		"a long one":              {header("X-API-Key", strings.Repeat("x", 9<<10)), false},
		"two keys":                {http.Header{"Authorization": nil, "X-Api-Key": {key, key}}, false},
		"two bearers":             {http.Header{"Authorization": {"Bearer " + w.Account, "Bearer " + w.Account}}, false},
	} {
		r := w.Do(t, "GET", container+"/list", "", k.h)
		switch {
		case k.ok && r.Status != 200:
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		case !k.ok:
			refused(t, r, 401, "unauthorized")
			if !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s: no challenge", name)
			}
		}
	}
	// The public part looks at none.
	id := create(t, w, header("X-API-Key", key), `{"title":"a",`+twoLinks+`}`)
	w.Want(t, 200, "GET", public+"/"+id+"/status", "", header("X-API-Key", "wrong", "Authorization", "Bearer wrong"))
}

// TestScopes_OfAccessKeys: read, write, delete and admin open what they are for
// and nothing else; a key that is limited to buckets opens nothing.
func TestScopes_OfAccessKeys(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	body := `{"title":"a",` + twoLinks + `}`
	id := create(t, w, by, body)
	rows := []struct {
		scope              authv1.Scope
		method, path, body string
	}{
		{authv1.ScopeRead, "GET", container + "/list", ""},
		{authv1.ScopeRead, "GET", container + "/" + id, ""},
		{authv1.ScopeWrite, "POST", container + "/create", body},
		{authv1.ScopeWrite, "PUT", container + "/" + id, `{"title":"b"}`},
		{authv1.ScopeRead, "POST", container + "/bulk", `{"action":"status","items":[{"container_id":"` + id + `"}]}`},
		{authv1.ScopeWrite, "POST", container + "/bulk", `{"action":"create","items":[` + body + `]}`},
		{authv1.ScopeDelete, "POST", container + "/bulk", `{"action":"delete","items":[{"container_id":"zzzzzzzzzzz"}]}`},
		{authv1.ScopeAdmin, "GET", api + "/account/webhooks", ""},
		{authv1.ScopeAdmin, "POST", api + "/account/webhooks", `{"url":"https://hooks.example/1"}`},
		{authv1.ScopeAdmin, "POST", api + "/account/api-key/regenerate", ""},
		{authv1.ScopeDelete, "DELETE", container + "/" + id, ""},
	}
	for _, scope := range edgetest.AllScopes() {
		_, token := w.NewKey(t, scope)
		for _, k := range rows {
			r := w.Do(t, k.method, k.path, k.body, bearer(token))
			if denied := strings.Contains(r.Body, "access_denied"); denied == (k.scope == scope) {
				t.Errorf("%s with %s: %d %s", k.path, scope, r.Status, r.Body)
			}
		}
	}
	k, err := w.Auth.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: "acc-ada", Grant: authv1.Grant{Scopes: edgetest.AllScopes(), Buckets: []string{"photos"}}})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := w.Auth.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: k.ID, Secret: k.Secret})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w.Do(t, "GET", container+"/list", "", bearer(tok.Token)), 403, "access_denied")
}

// TestTenants_Apart: for everybody else a container of an account is not there,
// whatever they ask and by whichever id.
func TestTenants_Apart(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	ada, bob := keyOf(t, w, "ada"), keyOf(t, w, "bob")
	id := create(t, w, ada, `{"title":"hers","password":"p","links":["https://secret.example/1"]}`)
	before := w.Want(t, 200, "GET", container+"/"+id, "", ada).Body
	for _, name := range []string{id, numericOf(t, w, ada, id)} {
		for _, k := range []struct{ method, path, body string }{
			{"GET", container + "/" + name, ""},
			{"PUT", container + "/" + name, `{"title":"his"}`},
			{"PUT", container + "/" + name, `{"captcha":true}`},
			{"PUT", container + "/" + name, `{"links":["https://a.example/"]}`},
			{"DELETE", container + "/" + name, ""},
		} {
			r := w.Do(t, k.method, k.path, k.body, bob)
			refused(t, r, 404, "container_not_found")
			if never := w.Do(t, k.method, strings.Replace(k.path, name, "zzzzzzzzzzz", 1), k.body, bob); never.Body != r.Body {
				t.Errorf("%s %s tells that it is there: %s, else %s", k.method, k.body, r.Body, never.Body)
			}
		}
		r := w.Want(t, 200, "POST", container+"/bulk", `{"action":"delete","items":[{"container_id":"`+name+`"}]}`, bob)
		if !strings.Contains(r.Body, "container_not_found") {
			t.Error(r.Body)
		}
		if r := w.Want(t, 200, "GET", public+"/"+name+"/status", "", bob); strings.Contains(r.Body, "secret.example/") {
			t.Error("the status of a protected container shows a link")
		}
	}
	if r := w.Want(t, 200, "GET", container+"/list", "", bob); !strings.Contains(r.Body, `"containers":[],"total":0`) {
		t.Error(r.Body)
	}
	if after := w.Want(t, 200, "GET", container+"/"+id, "", ada).Body; after != before {
		t.Errorf("it was %s and is %s", before, after)
	}
	var h struct{ ID string }
	read(t, w.Want(t, 200, "POST", api+"/account/webhooks", `{"url":"https://hooks.example/1"}`, ada), &h)
	for _, k := range []struct{ method, path, body string }{
		{"GET", "", ""}, {"PUT", "", `{"enabled":false}`}, {"DELETE", "", ""}, {"GET", "/deliveries", ""}, {"POST", "/replay", `{"delivery_id":"x"}`},
	} {
		refused(t, w.Do(t, k.method, api+"/account/webhooks/"+h.ID+k.path, k.body, bob), 404, "webhook_not_found")
	}
	if r := w.Want(t, 200, "GET", api+"/account/webhooks", "", bob); !strings.Contains(r.Body, `"webhooks":[]`) {
		t.Error(r.Body)
	}
	w.Want(t, 200, "GET", api+"/account/webhooks/"+h.ID, "", ada)
}

// TestPaths: what is no id is never looked up, and every path says what it takes.
func TestPaths(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	for _, k := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", container + "/create", 405, "method_not_allowed", "POST"},
		{"GET", container + "/bulk", 405, "method_not_allowed", "POST"},
		{"DELETE", container + "/list", 405, "method_not_allowed", "GET, HEAD"},
		{"PUT", container + "/unlock", 405, "method_not_allowed", "POST"},
		{"POST", container + "/abcdefghijk", 405, "method_not_allowed", "DELETE, GET, HEAD, PUT"},
		{"PATCH", container + "/7541014", 405, "method_not_allowed", "DELETE, GET, HEAD, PUT"},
		{"OPTIONS", container + "/create", 405, "method_not_allowed", "POST"},
		{"POST", public + "/abcdefghijk/status", 405, "method_not_allowed", "GET, HEAD"},
		{"GET", api + "/oauth/token", 405, "method_not_allowed", "POST"},
		{"GET", api + "/account/api-key/regenerate", 405, "method_not_allowed", "POST"},
		{"PATCH", api + "/account/webhooks", 405, "method_not_allowed", "GET, HEAD, POST"},
		{"GET", container, 404, "not_found", ""},
		{"GET", container + "/", 404, "not_found", ""},
		{"POST", container + "/create/", 404, "not_found", ""},
		{"GET", container + "/short", 404, "not_found", ""},
		{"GET", container + "/ABCDEFGHIJK", 404, "not_found", ""},
		{"GET", container + "/abcdefghijk/links", 404, "not_found", ""},
		{"GET", container + "/0", 404, "not_found", ""},
		{"GET", container + "/1234567890123456789", 404, "not_found", ""},
		{"GET", container + "/01234567890", 404, "container_not_found", ""},
		{"GET", container + "/abcdefghijk", 404, "container_not_found", ""},
		{"PUT", container + "/01234567890", 404, "container_not_found", ""},
		{"DELETE", container + "/9999999", 404, "container_not_found", ""},
		{"GET", public + "/abcdefghijk/status", 404, "container_not_found", ""},
		{"GET", public + "/x/status", 404, "container_not_found", ""},
		{"GET", public + "/%00/stats", 404, "container_not_found", ""},
		{"GET", public + "/abcdefghijk", 404, "not_found", ""},
		{"GET", public + "/abcdefghijk/links", 404, "not_found", ""},
		{"GET", api + "/public", 404, "not_found", ""},
		{"GET", api + "/oauth/authorize", 404, "not_found", ""},
		{"GET", api + "/account/webhooks/x", 404, "webhook_not_found", ""},
		{"GET", api + "/account/webhooks/whk_x", 404, "webhook_not_found", ""},
	} {
		r := w.Do(t, k.method, k.path, "", by)
		refused(t, r, k.status, k.code)
		if r.Header.Get("Allow") != k.allow {
			t.Errorf("%s %s allows %q, want %q", k.method, k.path, r.Header.Get("Allow"), k.allow)
		}
	}
	for _, name := range []string{"", "x", "7541014", "../x", "abcdefghijk", strings.Repeat("a", 5000)} {
		refused(t, w.Do(t, "POST", container+"/unlock", fmt.Sprintf(`{"container_id":%q,"password":""}`, name), header()), 404, "container_not_found")
	}
	refused(t, w.Do(t, "POST", container+"/unlock", `{"container_id":7541014}`, header()), 400, "bad_json")
	refused(t, w.Do(t, "POST", container+"/unlock", ``, header()), 400, "bad_json")
	if n := len(w.Clicks.All()); n != 0 {
		t.Errorf("%d clicks", n)
	}
}

func TestUnlock_Throttled(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, edgetest.Still)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"a","password":"right",`+twoLinks+`}`)
	wrong := `{"container_id":"` + id + `","password":"wrong"}`
	refused(t, w.Do(t, "POST", container+"/unlock", `{"container_id":"`+id+`"}`, header()), 403, "wrong_password")
	refused(t, w.Do(t, "POST", container+"/unlock", `{"container_id":"`+id+`","password":"`+strings.Repeat("x", 1025)+`"}`, header()), 403, "wrong_password")
	for range 9 {
		refused(t, w.Do(t, "POST", container+"/unlock", wrong, header()), 403, "wrong_password")
	}
	refused(t, w.Do(t, "POST", container+"/unlock", wrong, header()), 429, "rate_limited")
	open := create(t, w, by, `{"title":"a",`+twoLinks+`}`)
	w.Want(t, 200, "POST", container+"/unlock", `{"container_id":"`+open+`"}`, header())
	w.Want(t, 200, "POST", container+"/unlock", `{"container_id":"`+open+`","password":"whatever"}`, header())
	if n := len(w.Clicks.All()); n != 2 {
		t.Errorf("%d clicks of two unlocks that succeeded", n)
	}
}

func TestAPIKey_Regenerate(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	at := api + "/account/api-key/regenerate"
	r := w.Want(t, 200, "POST", at, "", bearer(w.Account))
	holdFields(t, r.Body, "success apiKey")
	var first, second struct{ APIKey string }
	read(t, r, &first)
	if r.Header.Get("Cache-Control") != "no-store" || first.APIKey == "" {
		t.Errorf("%s %v", r.Body, r.Header)
	}
	w.Want(t, 200, "GET", container+"/list", "", header("X-API-Key", first.APIKey))
	refused(t, w.Do(t, "POST", at, "", header("X-API-Key", first.APIKey)), 401, "unauthorized")
	read(t, w.Want(t, 200, "POST", at, "", bearer(w.Token)), &second)
	refused(t, w.Do(t, "GET", container+"/list", "", header("X-API-Key", first.APIKey)), 401, "unauthorized")
	w.Want(t, 200, "GET", container+"/list", "", header("X-API-Key", second.APIKey))
	refused(t, w.Do(t, "POST", at, "", header()), 401, "unauthorized")
	if text := w.Audit.Text(); strings.Contains(text, first.APIKey) || strings.Contains(text, second.APIKey) || !strings.Contains(text, "RegenerateAPIKey") {
		t.Error("the audit trail shows a key, or does not say that there is a new one")
	}
}

// TestQuotas: a plan's bounds of containers a day and links reach the caller as
// 429 quota_exceeded, with the time at which a day ends it.
func TestQuotas(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Locknex.Rate = 0 })
	w.Auth.SetLimits("acc-ada", authv1.Limits{StorageBytes: 1, ObjectBytes: 1, ContainersPerDay: 2, Links: 5})
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"a",`+twoLinks+`}`)
	over := func(r edgetest.Response) {
		t.Helper()
		if r.Status != 429 || r.Code() != "quota_exceeded" || r.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	over(w.Do(t, "POST", container+"/create", `{"title":"a","links":[`+manyLinks(4)+`]}`, by))
	over(w.Do(t, "PUT", container+"/"+id, `{"links":[`+manyLinks(6)+`]}`, by))
	w.Want(t, 200, "PUT", container+"/"+id, `{"links":[`+manyLinks(4)+`]}`, by)
	create(t, w, by, `{"title":"a","links":["https://a.example/"]}`)
	w.Want(t, 200, "DELETE", container+"/"+id, "", by)
	over(w.Do(t, "POST", container+"/create", `{"title":"a","links":["https://a.example/"]}`, by))
	r := w.Want(t, 200, "POST", container+"/bulk", `{"action":"create","items":[{"title":"a",`+twoLinks+`}]}`, by)
	if !strings.Contains(r.Body, `"succeeded":0,"failed":1,"results":[{"index":0,"success":false,"error":"`) || !strings.Contains(r.Body, `"code":"quota_exceeded"`) {
		t.Error(r.Body)
	}
}

// TestAccount_Closed: with an account go its containers and its webhooks.
func TestAccount_Closed(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, unmetered)
	by := keyOf(t, w, "ada")
	ids := make([]string, 60) // more than a page
	for i := range ids {
		ids[i] = create(t, w, by, `{"title":"a",`+twoLinks+`}`)
	}
	his := create(t, w, keyOf(t, w, "bob"), `{"title":"a",`+twoLinks+`}`)
	var h struct{ ID string }
	read(t, w.Want(t, 200, "POST", hooks, `{"url":"https://hooks.example/1"}`, by), &h)
	w.Want(t, 204, "POST", api+"/account/delete", `{"password":"right"}`, bearer(w.Account))
	for _, id := range ids {
		w.Want(t, 404, "GET", public+"/"+id+"/status", "", header())
	}
	w.Want(t, 200, "GET", public+"/"+his+"/status", "", header())
	l, err := w.Hooks.ListSubscriptions(t.Context(), webhookv1.ListSubscriptionsRequest{Principal: authv1.Principal{AccountID: "acc-ada"}})
	if err != nil || len(l.Subscriptions) != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}
