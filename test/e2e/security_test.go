package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// eventually waits until ok holds, for as long as a busy machine may need.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	until(t, 2*time.Minute, ok, func() string { return what })
}

// signUp: what makes no account says why, and shows nothing of the inside. The
// hostile input of lockwell's routes is in the rules.
func signUp(t *testing.T, w *harness.World) {
	c := &harness.Client{HTTP: http.DefaultClient, URL: w.URL}
	for name, body := range map[string]string{
		"weak password":        `{"username":"weak","email":"w@example.test","password":"x"}`,
		"digits":               `{"username":"12345","email":"d@example.test","password":"long enough pass"}`,
		"admin for the asking": `{"username":"Root!","email":"r@example.test","password":"long enough pass","admin":true}`,
		"wrong types":          `{"username":[],"email":{},"password":7}`,
		"no JSON":              `username=me`,
		"nothing":              ``,
	} {
		r := c.Do(t, http.MethodPost, "/api/v1/account", body, http.Header{}).Want(t, http.StatusBadRequest)
		if r.Code() == "" || strings.Contains(string(r.Body), ".go:") || strings.Contains(string(r.Body), w.DataDir) {
			t.Errorf("%s: %s", name, r.Body)
		}
	}
}
