package lockr_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockr"
	"github.com/sluicehq/sluice/pkg/client/lockr/lockrtest"
)

// client gives one that does not wait long.
func client(t *testing.T, f *lockrtest.Server, token string) *lockr.Client {
	t.Helper()
	c, err := lockr.New(lockr.Config{Endpoint: f.URL + "/", Token: token, MaxWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "files.example.org", "ftp://x", "http://", "http://u:p@x", "http://x?q", "http://x#f", "://"} {
		if _, err := lockr.New(lockr.Config{Endpoint: endpoint}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	c := client(t, f, "")
	if _, err := c.Account(t.Context()); !errors.Is(err, lockr.ErrUnauthorized) {
		t.Errorf("a guest: %v", err)
	}
	if _, err := c.Login(t.Context(), "alice", "wrong", ""); !errors.Is(err, lockr.ErrUnauthorized) {
		t.Errorf("wrong: %v", err)
	}
	l, err := c.Login(t.Context(), "alice", "right", "laptop")
	if err != nil || l.Token != "token" || l.Account.Username != "alice" {
		t.Fatalf("%+v, %v", l, err)
	}
	a, err := c.WithToken(l.Token).Account(t.Context())
	if err != nil || a.Username != "alice" || a.Quota != 100 || a.Used != 7 {
		t.Errorf("%+v, %v", a, err)
	}
	if err := c.WithToken(l.Token).Logout(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	c := client(t, f, "token")
	for _, name := range []string{"a", "b c", "d"} {
		f.Store(name, []byte(name), "", "")
	}
	away := 2
	f.Answer = func(*http.Request) (int, bool) { away--; return http.StatusServiceUnavailable, away >= 0 }
	var names []string
	for file, err := range c.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, file.Name)
	}
	if strings.Join(names, ",") != "a,b c,d" {
		t.Errorf("%q", names)
	}
	if err := c.SetKey(t.Context(), "us_2_b c", "sesame"); err != nil || f.Files["us_2_b c"].KeyHash != lockr.KeyHash("sesame") {
		t.Error(err)
	}
	if err := c.SetKey(t.Context(), "us_2_b c", ""); err != nil || f.Files["us_2_b c"].KeyHash != "" {
		t.Error(err)
	}
	if file, err := c.Register(t.Context(), "us_1_a"); err != nil || file.Name != "a" {
		t.Errorf("%+v, %v", file, err)
	}
	if err := c.Delete(t.Context(), "us_1_a"); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"delete": c.Delete(t.Context(), "us_1_a"), "key": c.SetKey(t.Context(), "us_1_a", "x"),
	} {
		if !errors.Is(err, lockr.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range client(t, f, "").Files(t.Context()) {
		if !errors.Is(err, lockr.ErrUnauthorized) {
			t.Errorf("a guest's list: %v", err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   lockr.Code
		text   string
		after  time.Duration
	}{
		"ours": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", "req_1")
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"error":"slow down","code":"rate_limited"}`))
		}, lockr.ErrRateLimited, "read the account: slow down (rate_limited, request req_1)", 9 * time.Second},
		"a proxy's page": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>"))
		}, lockr.ErrUnavailable, "bad gateway", 0},
		"teapot":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, lockr.ErrUnexpectedAnswer, "teapot", 0},
		"no JSON":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, lockr.ErrUnexpectedAnswer, "something else", 0},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, lockr.ErrUnexpectedAnswer, "found", 0},
	} {
		srv := httptest.NewServer(c.answer)
		t.Cleanup(srv.Close)
		client, err := lockr.New(lockr.Config{Endpoint: srv.URL, MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Account(t.Context())
		var e *lockr.Error
		if !errors.As(err, &e) || !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.text) || e.RetryAfter != c.after {
			t.Errorf("%s: %v", name, err)
		}
		client.CloseIdleConnections()
	}
}

func TestParseRef(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]lockr.Ref{
		"us_a_b.txt":                      {ID: "us_a_b.txt"},
		"us_a_":                           {ID: "us_a_"},
		"https://x.org/download/us_a_b_c": {Endpoint: "https://x.org", ID: "us_a_b_c"},
		"https://x.org/api/v1/download/us_a_b%25":          {Endpoint: "https://x.org", ID: "us_a_b%"},
		"http://x:8/sub/download/us_a_b?keyHash=f00&x=y#z": {Endpoint: "http://x:8/sub", ID: "us_a_b", Query: map[string][]string{"keyHash": {"f00"}}},
	} {
		got, err := lockr.ParseRef(in)
		if err != nil || got.Endpoint != want.Endpoint || got.ID != want.ID || got.Query.Get("keyHash") != want.Query.Get("keyHash") || got.Query.Has("x") {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "_a_b", "us_a", "us_a_b/c", "us_a_b\\c", "ftp://x/download/us_a_b", "https://x.org/us_a_b", "https://x.org/download/", "https://u:p@x/download/us_a_b", "https://x/download/us_a_b%2Fc", "https://x/download/%zz"} {
		if r, err := lockr.ParseRef(in); err == nil {
			t.Errorf("%q: %+v", in, r)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"us_a_b", "https://x.org/download/us_a_b?keyHash=x", "http://[::1]/api/v1/download/a_b_c", "%", "://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := lockr.ParseRef(s)
		if err == nil && (r.ID == "" || strings.ContainsAny(r.ID, "/\x00") || r.Endpoint != "" && !strings.HasPrefix(r.Endpoint, "http")) {
			t.Fatalf("%q: %+v", s, r)
		}
	})
}
