package lockr_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for status, k := range map[int]struct{ path, body string }{
		201: {"/api/v1/account", `{"username":"bob","email":"b@example.test","password":"pass phrase","admin":true}`},
		200: {"/api/v1/login", `{"identifier":"ada","password":"right"}`},
	} {
		r := w.Want(t, status, "POST", k.path, k.body, http.Header{"Authorization": nil})
		var s struct {
			Token, TokenType string
			Account          struct {
				ID, Username, Plan string
				Quota, Used        int64
			}
		}
		if err := json.Unmarshal([]byte(r.Body), &s); err != nil || s.Token == "" || s.TokenType != "Bearer" || s.Account.ID == "" || s.Account.Quota != 1e11 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %s", k.path, err, r.Body)
		}
	}
	if a, err := w.Auth.Login(t.Context(), authv1.LoginRequest{Identifier: "bob", Password: "pass phrase"}); err != nil || a.Account.Admin {
		t.Errorf("a sign-up made an operator: %+v %v", a, err)
	}
}

func TestErrors_EveryKind(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	want := map[fault.Kind]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409, fault.Precondition: 412, fault.TooLarge: 413,
		fault.QuotaExceeded: 403, fault.RateLimited: 429, fault.Unimplemented: 501, fault.Unavailable: 503, fault.Timeout: 503, fault.Canceled: 499, fault.Internal: 500,
	}
	for _, kind := range fault.Kinds() {
		w.Auth.SetFail("Login", fault.New(kind, "auth.some_code", "the message").Because(fmt.Errorf("/var/lib/secret.go:12")))
		r := w.Do(t, "POST", "/api/v1/login", `{"identifier":"ada","password":"x"}`, nil)
		var e struct{ Error, Code string }
		if err := json.Unmarshal([]byte(r.Body), &e); err != nil || r.Status != want[kind] || e.Error == "" || e.Code == "" || strings.Contains(e.Code, ".") || strings.Contains(r.Body, "secret") {
			t.Errorf("%s: %d %s", kind, r.Status, r.Body)
		}
		if (r.Status == 429 || r.Status == 503) && r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", kind)
		}
	}
}
