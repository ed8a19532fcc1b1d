package plik_test

import (
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// anUpload is a T route; who gets there is told that there is no such upload.
const anUpload = "/upload/AAAAAAAAAAAAAAAA"

func TestAuthenticate_Session(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := join(t, w, "bob", false)
	cookie := "plik-session=" + bob.session
	for _, k := range []struct {
		name, method, path string
		header             []string
		status             int
		text               string
		cleared            bool
	}{
		{"nobody", "GET", "/me", nil, 401, "you must be authenticated, please login first", false},
		{"nobody at an admin's", "GET", "/stats", nil, 401, "you must be authenticated, please login first", false},
		{"a user at an admin's", "GET", "/users", []string{"Cookie", cookie}, 403, "you need administrator privileges", false},
		{"a session", "GET", "/me/stats", []string{"Cookie", cookie}, 200, `{"uploads":0,"files":0,"totalSize":0}`, false},
		{"an unknown session", "GET", "/me", []string{"Cookie", "plik-session=stale"}, 403, "invalid session", true},
		{"an empty session", "GET", "/me", []string{"Cookie", "plik-session="}, 403, "invalid session", true},
		{"a huge session", "GET", "/me", []string{"Cookie", "plik-session=" + strings.Repeat("x", 9<<10)}, 403, "invalid session", true},
		{"an upload token as a session", "GET", "/me", []string{"Cookie", "plik-session=" + bob.token(t, w, "x")}, 403, "invalid session", true},
		{"an api token as a session", "GET", "/me", []string{"Cookie", "plik-session=" + w.Account}, 403, "invalid session", true},
		{"a stale session where none is needed", "GET", anUpload, []string{"Cookie", "plik-session=stale"}, 403, "invalid session", true},
		{"a stale session at the log-in", "POST", "/auth/local/login", []string{"Cookie", "plik-session=stale"}, 403, "invalid session", true},
		{"a stale session of an anonymous upload", "POST", "/upload", []string{"Cookie", "plik-session=stale", "X-UploadToken", "x"}, 403, "invalid session", true},
		{"no xsrf header", "DELETE", "/me/uploads", []string{"Cookie", cookie}, 403, "missing xsrf header", true},
		{"an empty xsrf header", "DELETE", "/me/uploads", []string{"Cookie", cookie, "X-XSRFToken", ""}, 403, "missing xsrf header", true},
		{"another xsrf header", "DELETE", "/me/uploads", []string{"Cookie", cookie, "X-XSRFToken", "00000000-0000-0000-0000-000000000000"}, 403, "invalid xsrf header", true},
		{"the cookie is no xsrf header", "DELETE", "/me/uploads", []string{"Cookie", cookie + "; plik-xsrf=" + bob.xsrf}, 403, "missing xsrf header", true},
		{"no xsrf header but the upload's token", "DELETE", anUpload, []string{"Cookie", cookie, "X-UploadToken", "x"}, 403, "missing xsrf header", true},
		{"an upload token on a C route", "GET", "/me", []string{"X-PlikToken", bob.token(t, w, "x")}, 401, "you must be authenticated, please login first", false},
		{"a route that looks at nothing", "GET", "/auth/google/callback", []string{"Cookie", "plik-session=stale"}, 400, "Google authentication is disabled", false},
	} {
		r := ask(t, w, k.method, k.path, "", k.header...)
		t.Log(k.name)
		says(t, r, k.status, k.text)
		cleared(t, r, k.cleared)
	}
	says(t, bob.does(t, w, "DELETE", "/me/uploads", ""), 200, "0 uploads removed")
}

func TestAuthenticate_SessionEnds(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.SessionTimeout = time.Hour }))
	bob := join(t, w, "bob", false)
	w.Auth.Advance(59 * time.Minute)
	says(t, bob.does(t, w, "GET", "/me", ""), 200, "")
	w.Auth.Advance(2 * time.Minute)
	r := bob.does(t, w, "GET", "/me", "")
	says(t, r, 403, "invalid session")
	cleared(t, r, true)
	bob = logIn(t, w, "bob")
	w.Auth.SetFail("Authenticate", authv1.ErrAccountNotFound)
	r = bob.does(t, w, "GET", "/me", "")
	says(t, r, 403, "invalid session : user does not exists")
	cleared(t, r, true)
	// What fails on our side says nothing about the session.
	w.Auth.SetFail("Authenticate", fault.ErrUnavailable)
	r = bob.does(t, w, "GET", "/me", "")
	if r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	cleared(t, r, false)
}

func TestAuthenticate_Token(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := join(t, w, "bob", false)
	token := bob.token(t, w, "x")
	for _, k := range []struct {
		name   string
		header []string
		status int
		text   string
	}{
		{"a token", []string{"X-PlikToken", token}, 404, ""},
		{"an unknown one", []string{"X-PlikToken", "00000000-0000-4000-8000-00000000ffff"}, 403, "invalid token"},
		{"a huge one", []string{"X-PlikToken", strings.Repeat("x", 9<<10)}, 403, "invalid token"},
		{"an account token", []string{"X-PlikToken", w.Account}, 403, "invalid token"},
		{"a session", []string{"X-PlikToken", bob.session}, 403, "invalid token"},
		{"it wins over a stale session, and needs no xsrf header", []string{"X-PlikToken", token, "Cookie", "plik-session=stale"}, 404, ""},
		{"a wrong one wins over a good session", []string{"X-PlikToken", "x", "Cookie", "plik-session=" + bob.session, "X-XSRFToken", bob.xsrf}, 403, "invalid token"},
		{"an empty one is none", []string{"X-PlikToken", ""}, 404, ""},
	} {
		r := ask(t, w, "DELETE", anUpload, "", k.header...)
		t.Log(k.name)
		if k.status == 404 {
			if r.Status != 404 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			continue
		}
		says(t, r, k.status, k.text)
		cleared(t, r, false)
	}
	// It opens nothing else.
	if r := w.Do(t, "GET", "/api/v1/account", "", map[string][]string{"Authorization": {"Bearer " + token}}); r.Status != 401 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestAuthenticate_Off: nobody's credential is looked at while there are no accounts.
func TestAuthenticate_Off(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.FeatureAuthentication = core.PlikDisabled }))
	stale := []string{"Cookie", "plik-session=stale", "X-PlikToken", "stale"}
	if r := ask(t, w, "GET", anUpload, "", stale...); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for path, text := range map[string]string{
		"/me": "", "/me/token": "", "/users": "", "/user/local:ada": "",
		"/auth/google/login": "authentication is disabled", "/auth/ovh/login": "authentication is disabled", "/auth/oidc/login": "authentication is disabled",
		"/auth/google/callback": "authentication is disabled", "/auth/ovh/callback": "authentication is disabled", "/auth/oidc/callback": "authentication is disabled",
	} {
		status := 400
		if text == "" {
			status, text = 401, "you must be authenticated, please login first"
		}
		r := ask(t, w, "GET", path, "", stale...)
		says(t, r, status, text)
		cleared(t, r, false)
	}
	says(t, ask(t, w, "POST", "/auth/local/login", `{"login":"ada","password":"right"}`, stale...), 400, "authentication is disabled")
	r := ask(t, w, "GET", "/auth/logout", "", stale...)
	if r.Status != 200 || r.Body != "" {
		t.Errorf("%d %q", r.Status, r.Body)
	}
	cleared(t, r, true)
	says(t, ask(t, w, "GET", anUpload, "", "X-Plik-Impersonate", "local:ada"), 403, "you need administrator privileges")
}

func TestImpersonate(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root, bob := join(t, w, "root", true), join(t, w, "bobby", false)
	as := []string{"X-Plik-Impersonate", "local:bobby"}
	var me struct {
		ID    string
		Admin bool
	}
	root.gets(t, w, &me, "GET", "/me", "", as...)
	if me.ID != "local:bobby" || !me.Admin {
		t.Errorf("%+v", me)
	}
	token := root.token(t, w, "mine")
	var made struct{ Token string }
	root.gets(t, w, &made, "POST", "/me/token", "", as...)
	var page struct{ Results []struct{ Token string } }
	bob.gets(t, w, &page, "GET", "/me/token", "")
	if len(page.Results) != 1 || page.Results[0].Token != made.Token {
		t.Errorf("%+v", page)
	}
	for _, k := range []struct {
		name   string
		who    person
		path   string
		header []string
		status int
		text   string
	}{
		{"a user may not", bob, "/me", []string{"X-Plik-Impersonate", "local:root"}, 403, "you need administrator privileges"},
		{"nor itself", bob, "/me", as, 403, "you need administrator privileges"},
		{"nor nobody", person{}, "/me", as, 403, "you need administrator privileges"},
		{"nor nobody on a T route", person{}, anUpload, as, 403, "you need administrator privileges"},
		{"unknown", root, "/me", []string{"X-Plik-Impersonate", "local:nobody"}, 403, "user to impersonate does not exists"},
		{"no user id", root, "/me", []string{"X-Plik-Impersonate", "bobby"}, 403, "user to impersonate does not exists"},
		{"no provider", root, "/me", []string{"X-Plik-Impersonate", ":bobby"}, 403, "user to impersonate does not exists"},
		{"huge", root, "/me", []string{"X-Plik-Impersonate", "local:" + strings.Repeat("x", 9<<10)}, 403, "user to impersonate does not exists"},
		{"empty is none", root, "/me/stats", []string{"X-Plik-Impersonate", ""}, 200, ""},
		{"ignored on an admin's route", bob, "/stats", []string{"X-Plik-Impersonate", "local:nobody"}, 403, "you need administrator privileges"},
		{"ignored on an admin's route by an admin", root, "/stats", []string{"X-Plik-Impersonate", "local:nobody"}, 200, ""},
		{"by an admin's upload token", person{}, anUpload, append([]string{"X-PlikToken", token}, as...), 404, ""},
		{"by a user's upload token", person{}, anUpload, append([]string{"X-PlikToken", made.Token}, as...), 403, "you need administrator privileges"},
	} {
		r := k.who.does(t, w, "GET", k.path, "", k.header...)
		t.Log(k.name)
		if k.status == 404 {
			if r.Status != 404 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			continue
		}
		says(t, r, k.status, k.text)
	}
	// Who acted is who the trail names.
	r := root.does(t, w, "DELETE", "/me/uploads", "", append(as, "X-Request-Id", "imp-1")...)
	says(t, r, 200, "0 uploads removed")
	if recs := w.Audit.Of("imp-1"); len(recs) != 1 || recs[0].AccountID != "acc-root" || recs[0].Action != "RemoveMyUploads" {
		t.Errorf("%+v", recs)
	}
	says(t, root.does(t, w, "DELETE", "/me", "", as...), 200, "ok")
	says(t, root.does(t, w, "GET", "/me", ""), 200, "")
	says(t, bob.does(t, w, "GET", "/me", ""), 403, "invalid session")
}

func TestSourceIP(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) {
		c.Plik.SourceIPHeader, c.Plik.UploadWhitelist = "X-Client", []string{"10.1.0.0/16", "2001:db8::1"}
	})
	bob := join(t, w, "bob", false)
	for _, bad := range []string{"1.2.3.4, 5.6.7.8", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "localhost", " ", "1.2.3", "0x7f.1", strings.Repeat("1", 5000)} {
		for _, path := range []string{"/config", "/me", anUpload, "/auth/logout"} {
			if bad == " " {
				continue // net/http takes the blanks away: it is empty
			}
			r := ask(t, w, "GET", path, "", "X-Client", bad)
			if r.Status != 400 || r.Body != "invalid IP address\n" {
				t.Errorf("%s %q: %d %s", path, bad, r.Status, r.Body)
			}
		}
		if r := ask(t, w, "GET", "/health", "", "X-Client", bad); r.Status == 400 {
			t.Errorf("/health: %s", r.Body)
		}
	}
	if r := ask(t, w, "GET", anUpload, "", "X-Client", "1.2.3.4", "X-Client", "5.6.7.8"); r.Status != 400 {
		t.Errorf("two addresses: %d", r.Status)
	}
	// Its word stands in the trail, an IPv4 address in IPv6's dress as what it is.
	for given, want := range map[string]string{"10.1.2.3": "10.1.2.3", "::ffff:10.1.2.3": "10.1.2.3", "": "127.0.0.1", "2001:DB8:0::1": "2001:db8::1"} {
		id := "ip-" + strings.NewReplacer(":", "_", ".", "_").Replace(given)
		bob.does(t, w, "GET", "/me", "", "X-Client", given, "X-Request-Id", id)
		if recs := w.Audit.Of(id); len(recs) != 1 || recs[0].Source != want {
			t.Errorf("%q: %+v", given, recs)
		}
	}
	if r := ask(t, w, "POST", "/auth/local/login", `{"login":"bob","password":"right"}`, "X-Client", "9.9.9.9"); r.Status != 200 {
		t.Errorf("the list is for uploads: %d %s", r.Status, r.Body)
	}
}
