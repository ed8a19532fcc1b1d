package locknex_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const (
	api       = "/api/v1"
	container = api + "/container"
	public    = api + "/public/container"
	twoLinks  = `"links":["https://ddownload.com/file/abc","https://rapidgator.net/file/xyz"]`
)

// header makes one of pairs of names and values, without a credential unless it
// names one.
func header(pairs ...string) http.Header {
	h := http.Header{"Authorization": nil}
	for i := 0; i < len(pairs); i += 2 {
		h[http.CanonicalHeaderKey(pairs[i])] = []string{pairs[i+1]}
	}
	return h
}

// keyOf makes the API key of an account, which is made where it is not there.
func keyOf(t testing.TB, w *edgetest.World, name string) http.Header {
	t.Helper()
	if _, err := w.Auth.GetAccount(t.Context(), authv1.GetAccountRequest{Username: name}); err != nil {
		if _, err := w.Auth.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: name, Email: name + "@example.test"}); err != nil {
			t.Fatal(err)
		}
	}
	k, err := w.Auth.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: "acc-" + name, Kind: authv1.TokenAPIKey})
	if err != nil {
		t.Fatal(err)
	}
	return header("X-API-Key", k.Token)
}

// unmetered takes the rates away.
func unmetered(c *edge.Config, _ *edge.Deps) { c.Locknex = edge.Locknex{} }

func bearer(token string) http.Header { return header("Authorization", "Bearer "+token) }

func read(t testing.TB, r edgetest.Response, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
}

// create makes a container and gives its id.
func create(t testing.TB, w *edgetest.World, by http.Header, body string) string {
	t.Helper()
	var c struct {
		ID string `json:"container_id"`
	}
	read(t, w.Want(t, 200, "POST", container+"/create", body, by), &c)
	if !linksv1.ValidID(c.ID) {
		t.Fatalf("id %q", c.ID)
	}
	return c.ID
}

// numericOf gives a container's other id.
func numericOf(t testing.TB, w *edgetest.World, by http.Header, id string) string {
	t.Helper()
	var c struct {
		ID string `json:"numeric_id"`
	}
	read(t, w.Want(t, 200, "GET", container+"/"+id, "", by), &c)
	return c.ID
}

// check ends checks of links.
func check(t testing.TB, w *edgetest.World, status linksv1.Status, urls ...string) {
	t.Helper()
	for _, u := range urls {
		if err := w.Links.Check(u, linksv1test.Found{Status: status}); err != nil {
			t.Fatal(err)
		}
	}
}

// refused insists on an error in the dialect's form.
func refused(t testing.TB, r edgetest.Response, status int, code string) {
	t.Helper()
	var e struct {
		Success     *bool
		Error, Code string
	}
	if json.Unmarshal([]byte(r.Body), &e) != nil || r.Status != status || e.Success == nil || *e.Success || e.Code != code || e.Error == "" ||
		!slices.Equal(fields(t, r.Body), []string{"success", "error", "code"}) || r.Header.Get("Content-Type") != "application/json" ||
		r.Header.Get("X-Request-Id") == "" || r.Header.Get("X-RateLimit-Limit") == "" || r.Header.Get("X-RateLimit-Remaining") == "" || r.Header.Get("X-RateLimit-Reset") == "" {
		t.Errorf("%d %s, want %d %s: %v", r.Status, r.Body, status, code, r.Header)
	}
	if (status == 429 || status == 503) && r.Header.Get("Retry-After") == "" {
		t.Errorf("%s without Retry-After", code)
	}
}

// fields lists the names of an object and of the objects in it, in their order:
// "stats", "stats.online". Of a list the first element counts: "links[].url".
func fields(t testing.TB, body string) []string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	var out []string
	var walk func(at string, list bool)
	walk = func(at string, keep bool) {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		switch tok {
		case json.Delim('{'):
			for d.More() {
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				path := strings.TrimPrefix(at+"."+fmt.Sprint(name), ".")
				if keep {
					out = append(out, path)
				}
				walk(path, keep)
			}
			_, _ = d.Token()
		case json.Delim('['):
			for i := 0; d.More(); i++ {
				walk(at+"[]", keep && i == 0)
			}
			_, _ = d.Token()
		}
	}
	walk("", true)
	return out
}

func holdFields(t testing.TB, body, want string) {
	t.Helper()
	if got := strings.Join(fields(t, body), " "); got != want {
		t.Errorf("fields\n%s, want\n%s:\n%s", got, want, body)
	}
}
