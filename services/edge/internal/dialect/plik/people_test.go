package plik_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// person is somebody with a browser, or with nothing when it is empty.
type person struct{ session, xsrf string }

// settings changes Plik's.
func settings(change func(*core.PlikSettings)) func(*edge.Config, *edge.Deps) {
	return func(c *edge.Config, _ *edge.Deps) { change(&c.Plik) }
}

// ask sends a request with nothing but these headers, and follows no redirect.
func ask(t testing.TB, w *edgetest.World, method, path, body string, pairs ...string) edgetest.Response {
	t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, rd)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		req.Header.Add(pairs[i], pairs[i+1])
	}
	c := *w.Server.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return edgetest.Response{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}
}

// does sends a request as the person's page would.
func (p person) does(t testing.TB, w *edgetest.World, method, path, body string, pairs ...string) edgetest.Response {
	t.Helper()
	if p.session != "" {
		pairs = append(pairs, "Cookie", "plik-session="+p.session+"; plik-xsrf="+p.xsrf)
		if method != http.MethodGet {
			pairs = append(pairs, "X-XSRFToken", p.xsrf)
		}
	}
	return ask(t, w, method, path, body, pairs...)
}

// gets insists on 200 and decodes the answer.
func (p person) gets(t testing.TB, w *edgetest.World, into any, method, path, body string, pairs ...string) {
	t.Helper()
	r := p.does(t, w, method, path, body, pairs...)
	says(t, r, 200, "")
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
}

// logIn gives somebody a session.
func logIn(t testing.TB, w *edgetest.World, login string) person {
	t.Helper()
	return sessionOf(t, ask(t, w, "POST", "/auth/local/login", `{"login":"`+login+`","password":"right"}`))
}

// sessionOf reads the cookies of an answer.
func sessionOf(t testing.TB, r edgetest.Response) person {
	t.Helper()
	p := person{session: cookieOf(r, "plik-session").Value, xsrf: cookieOf(r, "plik-xsrf").Value}
	if p.session == "" || p.xsrf == "" {
		t.Fatalf("%d %s: no session: %v", r.Status, r.Body, r.Header)
	}
	return p
}

// cookieOf is the last cookie of a name that an answer sets.
func cookieOf(r edgetest.Response, name string) *http.Cookie {
	out := &http.Cookie{MaxAge: 1 << 30}
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		if c.Name == name {
			out = c
		}
	}
	return out
}

// says insists on a status and a text; an error's has a line end.
func says(t testing.TB, r edgetest.Response, status int, text string) {
	t.Helper()
	switch {
	case r.Status != status:
		t.Errorf("%d %q, want %d %q", r.Status, r.Body, status, text)
	case status != 200 && (r.Body != text+"\n" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || r.Header.Get("X-Content-Type-Options") != "nosniff"):
		t.Errorf("%d %q, want %q: %v", r.Status, r.Body, text, r.Header)
	case status == 200 && text != "" && r.Body != text:
		t.Errorf("%q, want %q", r.Body, text)
	}
}

// cleared insists on an answer that takes both cookies back.
func cleared(t testing.TB, r edgetest.Response, want bool) {
	t.Helper()
	for _, name := range []string{"plik-session", "plik-xsrf"} {
		c := cookieOf(r, name)
		if got := c.Name != "" && c.Value == "" && c.MaxAge < 0; got != want {
			t.Errorf("%s is cleared: %v, want %v: %v", name, got, want, r.Header.Values("Set-Cookie"))
		}
	}
}

// join makes an account.
func join(t testing.TB, w *edgetest.World, login string, admin bool) person {
	t.Helper()
	if _, err := w.Auth.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: login, Email: login + "@example.test", Admin: admin}); err != nil {
		t.Fatal(err)
	}
	return logIn(t, w, login)
}

// token makes an upload token.
func (p person) token(t testing.TB, w *edgetest.World, comment string) string {
	t.Helper()
	var made struct{ Token string }
	p.gets(t, w, &made, "POST", "/me/token", `{"comment":"`+comment+`"}`)
	return made.Token
}
