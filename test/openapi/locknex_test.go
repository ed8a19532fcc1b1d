package openapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/test/harness"
)

// TestLocknexOperations drives every operation of locknex's document against the
// embedded system, as TestOperations does for lockwell.
func TestLocknexOperations(t *testing.T) {
	t.Parallel()
	w := harness.Start(t, harness.Options{Env: []string{
		"SLUICE_SECURITY_HASH_MEMORY=8MiB", "SLUICE_SECURITY_HASH_PASSES=1", "SLUICE_LINKCHECKER_HASH_MEMORY=8MiB", "SLUICE_LINKCHECKER_HASH_PASSES=1",
		"SLUICE_OUTBOUND_ALLOW=127.0.0.0/8",
	}})
	ada := harness.NewClient(t, w, "ada")
	key, secret := ada.KeyID, ada.Secret
	ada.Token = ada.Account
	l := locknexDriver{newDriver(load(t, openapi.Locknex()), ada)}
	t.Run("Containers", func(t *testing.T) { l.containers(t) })
	t.Run("Bulk", func(t *testing.T) { l.bulk(t) })
	t.Run("Token", func(t *testing.T) { l.token(t, key, secret) })
	t.Run("Webhooks", func(t *testing.T) { l.webhooks(t) })
	for _, what := range l.missing() {
		t.Errorf("not driven: %s", what)
	}
}

type locknexDriver struct{ *driver }

// wanted is a container of links that nothing answers.
func wanted(title string) m {
	return m{"title": title, "password": "123", "links": []string{"http://127.0.0.1:9/abc", "http://127.0.0.1:9/xyz"}}
}

func (l locknexDriver) create(t *testing.T, title string) string {
	t.Helper()
	var c struct {
		ID string `json:"container_id"`
	}
	l.do(t, call{op: "createContainer", body: wanted(title), status: 200}).JSON(t, &c)
	return c.ID
}

func (l locknexDriver) containers(t *testing.T) {
	id := l.create(t, "Linux ISOs")
	at := []string{"id=" + id}
	l.do(t, call{op: "createContainer", body: wanted("x"), status: 401, code: "unauthorized", bearer: "junk"})
	l.do(t, call{op: "createContainer", body: m{"title": "a", "links": []string{"https://a.example/", "ftp://a.example/"}}, status: 400, code: "bad_link"})
	l.do(t, call{op: "createContainer", body: m{"title": "a"}, status: 400, code: "too_many_links", invalid: true})
	var own struct {
		Numeric string `json:"numeric_id"`
	}
	l.do(t, call{op: "getContainer", at: at, status: 200}).JSON(t, &own)
	for _, name := range []string{id, own.Numeric} {
		of := []string{"id=" + name}
		l.do(t, call{op: "containerStatus", at: of, status: 200, bearer: "none"})
		l.do(t, call{op: "containerStats", at: of, status: 200, bearer: "none"})
		l.do(t, call{op: "unlockContainer", body: m{"container_id": name, "password": "123"}, status: 200, bearer: "none"})
	}
	l.do(t, call{op: "unlockContainer", body: m{"container_id": id, "password": "wrong"}, status: 403, code: "wrong_password", bearer: "none"})
	l.do(t, call{op: "containerStatus", at: []string{"id=nothing"}, status: 404, code: "container_not_found", bearer: "none"})
	l.do(t, call{op: "containerStats", at: []string{"id=7"}, status: 404, code: "container_not_found", bearer: "none"})
	l.do(t, call{op: "listContainers", at: []string{"limit=1", "order=asc"}, status: 200})
	l.do(t, call{op: "listContainers", at: []string{"limit=0"}, status: 400, code: "bad_query", invalid: true})
	l.do(t, call{op: "updateContainer", at: at, body: m{"title": "b", "captcha": true}, status: 200})
	l.do(t, call{op: "updateContainer", at: at, body: m{"mirrors": []m{{"links": []string{"http://127.0.0.1:9/abc"}, "backups": []string{"http://127.0.0.1:9/b"}}}}, status: 200})
	l.do(t, call{op: "updateContainer", at: at, body: m{}, status: 400, code: "invalid_request", invalid: true})
	r := l.do(t, call{op: "getBadge", at: []string{"file=" + id + ".svg"}, status: 200, bearer: "none"})
	l.do(t, call{op: "getBadge", at: []string{"file=" + id + ".svg"}, header: headers("If-None-Match", r.Header.Get("Etag")), status: 304, bearer: "none"})
	l.do(t, call{op: "getBadge", at: []string{"file=" + id + ".webp", "scale=2"}, status: 200, bearer: "none"})
	l.do(t, call{op: "getBadge", at: []string{"file=" + id + ".gif"}, status: 404, code: "not_found", bearer: "none"})
	l.do(t, call{op: "deleteContainer", at: at, status: 200})
	l.do(t, call{op: "deleteContainer", at: at, status: 404, code: "container_not_found"})
	l.do(t, call{op: "getContainer", at: at, status: 404, code: "container_not_found"})
}

func (l locknexDriver) bulk(t *testing.T) {
	id := l.create(t, "bulk")
	l.do(t, call{op: "bulkContainers", body: m{"action": "create", "items": []m{wanted("a"), {"title": ""}}}, status: 200})
	l.do(t, call{op: "bulkContainers", body: m{"action": "status", "items": []m{{"container_id": id}, {"container_id": "abcdefghijk"}}}, status: 200})
	l.do(t, call{op: "bulkContainers", body: m{"action": "delete", "items": []m{{"container_id": id}}}, status: 200})
	l.do(t, call{op: "bulkContainers", body: m{"action": "rename", "items": []m{{}}}, status: 400, code: "invalid_request", invalid: true})
}

func (l locknexDriver) token(t *testing.T, key, secret string) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	var tok struct {
		Access string `json:"access_token"`
		Scope  string
	}
	body := "grant_type=client_credentials&client_id=" + key + "&client_secret=" + secret
	l.do(t, call{op: "issueToken", header: form, body: body, status: 200, bearer: "none"}).JSON(t, &tok)
	if !strings.Contains(tok.Scope, "write") {
		t.Errorf("scope %q", tok.Scope)
	}
	l.do(t, call{op: "listContainers", status: 200, bearer: tok.Access})
	l.do(t, call{op: "issueToken", header: form, body: body + "x", status: 401, code: "invalid_client", bearer: "none"})
	var made struct{ APIKey string }
	l.do(t, call{op: "regenerateAPIKey", status: 200}).JSON(t, &made)
	l.do(t, call{op: "listContainers", header: headers("X-API-Key", made.APIKey), status: 200})
	l.do(t, call{op: "regenerateAPIKey", status: 200})
	l.do(t, call{op: "listContainers", header: headers("X-API-Key", made.APIKey), status: 401, code: "unauthorized"})
	l.do(t, call{op: "regenerateAPIKey", status: 401, code: "unauthorized", bearer: "junk"})
}

func (l locknexDriver) webhooks(t *testing.T) {
	var h struct{ ID string }
	l.do(t, call{op: "createWebhook", body: m{"url": "http://127.0.0.1:9/hook", "events": []string{"container.created"}}, status: 200}).JSON(t, &h)
	l.do(t, call{op: "createWebhook", body: m{"url": "ftp://hooks.example/"}, status: 400, code: "bad_url"})
	at := []string{"id=" + h.ID}
	l.do(t, call{op: "listWebhooks", status: 200})
	l.do(t, call{op: "listWebhooks", status: 401, bearer: "junk"})
	l.do(t, call{op: "getWebhook", at: at, status: 200})
	l.do(t, call{op: "updateWebhook", at: at, body: m{"enabled": false, "new_secret": true}, status: 200})
	l.do(t, call{op: "updateWebhook", at: at, body: m{"events": []string{"x"}}, status: 400, code: "unknown_event"})
	l.do(t, call{op: "listDeliveries", at: at, status: 200})
	l.do(t, call{op: "listDeliveries", at: append(at, "limit=0"), status: 400, code: "bad_query", invalid: true})
	l.do(t, call{op: "replayWebhook", at: at, body: m{"since": "2026-05-07 15:35:17"}, status: 200})
	l.do(t, call{op: "replayWebhook", at: at, body: m{"delivery_id": "msg_x"}, status: 404, code: "delivery_not_found"})
	l.do(t, call{op: "deleteWebhook", at: at, status: 200})
	l.do(t, call{op: "deleteWebhook", at: at, status: 404, code: "webhook_not_found"})
	l.do(t, call{op: "getWebhook", at: at, status: 404, code: "webhook_not_found"})
}
