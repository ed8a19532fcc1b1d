package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// sets reports whether an answer sets a cookie to a value, or takes it back.
func sets(a answer, name string, ended bool) bool {
	for _, c := range a.Cookies() {
		if c.Name == name && (c.MaxAge < 0) == ended && (c.Value == "") == ended {
			return true
		}
	}
	return false
}

func TestHome_OneLogin(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.get(t, 401, "/me")
	entered := b.signUp(t, "grace")
	for _, name := range []string{core.SessionCookieName, core.PlikSessionCookieName, core.PlikXSRFCookieName} {
		if !sets(entered, name, false) {
			t.Errorf("signing up sets no %s: %v", name, entered.Cookies())
		}
	}
	b.get(t, 200, "/me").has(t, `"id":"local:grace"`)
	left := b.post(t, 303, "/account/logout")
	if !sets(left, core.PlikSessionCookieName, true) || !sets(left, core.PlikXSRFCookieName, true) {
		t.Errorf("logging out leaves Plik's cookies: %v", left.Cookies())
	}
	b.get(t, 401, "/me")
	b.get(t, 200, "/").has(t, `href="#/login"`)
}

// Who has one of the two cookies gets the other one by the start page.
func TestHome_JoinsLogins(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	open(t, w).signUp(t, "grace")

	b := open(t, w)
	b.send(t, 200, b.request(t, http.MethodPost, "/auth/local/login", `{"login":"grace","password":"`+password+`"}`))
	b.get(t, 200, "/account").has(t, `id="login"`)
	home := b.get(t, 200, "/")
	home.has(t, `<a href="/account">grace</a>`)
	if !sets(home, core.SessionCookieName, false) {
		t.Errorf("the start page sets %v", home.Cookies())
	}
	if again := b.get(t, 200, "/"); len(again.Cookies()) > 0 {
		t.Errorf("again it sets %v", again.Cookies())
	}
	b.get(t, 200, "/account").has(t, "<h1>grace</h1>")
	b.get(t, 200, "/auth/logout") // ends the session, whichever cookie it is in
	if gone := b.get(t, 200, "/"); !sets(gone, core.SessionCookieName, true) {
		t.Errorf("the cookie of the ended session stays: %v", gone.Cookies())
	}

	c := open(t, w)
	session := ""
	for _, k := range c.post(t, 303, "/account/login", "identifier", "grace", "password", password).Cookies() {
		if k.Name == core.SessionCookieName {
			session = k.Value
		}
	}
	for name, cookie := range map[string]string{"none": "", "stale": "; plik-session=slt_stale", "huge": "; plik-session=" + strings.Repeat("x", 9<<10)} {
		d := open(t, w)
		a := d.get(t, 200, "/", "Cookie", core.SessionCookieName+"="+session+cookie)
		if !sets(a, core.PlikSessionCookieName, false) || !sets(a, core.PlikXSRFCookieName, false) {
			t.Errorf("%s: the start page sets %v", name, a.Cookies())
		}
	}
}

func TestHome_WithoutAccounts(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Plik.FeatureAuthentication = core.PlikDisabled })
	b := open(t, w)
	if a := b.signUp(t, "grace"); sets(a, core.PlikSessionCookieName, false) {
		t.Errorf("cookies of what is switched off: %v", a.Cookies())
	}
	if a := b.get(t, 200, "/"); len(a.Cookies()) > 0 {
		t.Errorf("cookies of what is switched off: %v", a.Cookies())
	}
	open(t, w).get(t, 200, "/").has(t, `href="/account">Log in or sign up`)
}

// Another site's page logs nobody in.
func TestHome_ForgedLogin(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	open(t, w).signUp(t, "mallory")
	b := open(t, w)
	a := b.send(t, 403, b.request(t, http.MethodPost, "/auth/local/login", `{"login":"mallory","password":"`+password+`"}`, "Origin", "https://evil.example"))
	if len(a.Cookies()) > 0 {
		t.Errorf("it sets %v", a.Cookies())
	}
}

func TestHome_BelowPath(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Plik.Path = "/plik" })
	b := open(t, w)
	b.get(t, 303, "/").leads(t, "/plik/")
	home := b.get(t, 200, "/plik/")
	home.has(t, `data-path="/plik"`, `<a class="brand" href="/plik/">`, w.URL+"/plik/")
	for _, c := range b.signUp(t, "grace").Cookies() {
		if strings.HasPrefix(c.Name, "plik-") && c.Path != "/plik" {
			t.Errorf("%s is for %s", c.Name, c.Path)
		}
	}
	b.get(t, 200, "/plik/me")
}

func TestHome_None(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Plik.NoWebInterface = true })
	b := open(t, w)
	b.get(t, 405, "/").lacks(t, "<html") // POST / is a route (plik-wire.md 1)
	b.get(t, 200, "/account").has(t, `<a class="brand" href="/account">`)
	b.get(t, 404, "/account/x").has(t, `href="/account">To the start page`)
}
