package plik_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestLocalLogin(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, k := range []struct {
		body   string
		status int
		text   string
	}{
		{`{"login":"ada","password":"right"}`, 200, "ok"},
		{`{"LOGIN":"ada","PassWord":"right","more":[1]}`, 200, "ok"},
		{`{"login":"ada","password":"wrong"}`, 403, "invalid credentials"},
		{`{"login":"nobody","password":"right"}`, 403, "invalid credentials"},
		{`{"login":"` + strings.Repeat("a", 5000) + `","password":"right"}`, 403, "invalid credentials"},
		{`{"login":"ada","password":"` + strings.Repeat("a", 5000) + `"}`, 403, "invalid credentials"},
		{`{"password":"right"}`, 400, "missing login"},
		{`{"login":"ada"}`, 400, "missing password"},
		{`{}`, 400, "missing login"},
		{`null`, 400, "missing login"},
		{``, 400, "unable to deserialize request body : unexpected end of JSON input"},
		{`{"login":"ada"`, 400, "unable to deserialize request body : unexpected end of JSON input"},
		{`{"login":5}`, 400, `unable to deserialize request body : "login" must not be a JSON number`},
		{`[]`, 400, `unable to deserialize request body : "" must not be a JSON array`},
		{`{"login":"ada","password":"right"}}`, 400, `unable to deserialize request body : invalid character '}' after top-level value`},
		{strings.Repeat(" ", 1<<20) + `{}`, 400, "unable to read request body : http: request body too large"},
	} {
		r := ask(t, w, "POST", "/auth/local/login", k.body, "Content-Type", "application/x-www-form-urlencoded")
		says(t, r, k.status, k.text)
		if got := cookieOf(r, "plik-session").Value != ""; got != (k.status == 200) {
			t.Errorf("%.60s: cookies: %v", k.body, r.Header.Values("Set-Cookie"))
		}
	}
	w.Auth.SetFail("Login", authv1.ErrThrottled.After(3*time.Second))
	r := ask(t, w, "POST", "/auth/local/login", `{"login":"ada","password":"right"}`)
	if r.Status != 429 || r.Header.Get("Retry-After") != "3" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	if strings.Contains(w.Audit.Text(), "right") || strings.Contains(w.Audit.Text(), "acct_ada") {
		t.Error("the audit trail has a secret in it")
	}
}

func TestSession_Cookies(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		path, public, cookiePath string
		secure                   bool
	}{
		"plain": {"", "", "/", false}, "below a path": {"/plik", "", "/plik", false}, "by TLS": {"", "https://plik.example.test", "/", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) {
				c.Plik.Path, c.PublicURL, c.Plik.SessionTimeout = k.path, k.public, 90*time.Minute
			})
			check := func(r edgetest.Response, age int) {
				t.Helper()
				for _, name := range []string{"plik-session", "plik-xsrf"} {
					c := cookieOf(r, name)
					if c.Path != k.cookiePath || c.MaxAge != age || c.HttpOnly != (name == "plik-session") || c.Secure != k.secure || c.SameSite != 0 || c.Domain != "" {
						t.Errorf("%s: %s", name, c)
					}
				}
			}
			r := ask(t, w, "POST", k.path+"/auth/local/login", `{"login":"ada","password":"right"}`)
			says(t, r, 200, "ok")
			check(r, 5400)
			p := sessionOf(t, r)
			if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`).MatchString(p.xsrf) {
				t.Errorf("%q", p.xsrf)
			}
			says(t, p.does(t, w, "GET", k.path+"/me", ""), 200, "")
			r = p.does(t, w, "GET", k.path+"/auth/logout", "")
			check(r, -1)
			if r.Status != 200 || r.Body != "" {
				t.Errorf("%d %q", r.Status, r.Body)
			}
			says(t, p.does(t, w, "GET", k.path+"/me", ""), 403, "invalid session")
		})
	}
}

func TestLogout_NeedsNothing(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, cookie := range []string{"", "plik-session=", "plik-session=stale", "plik-session=" + strings.Repeat("x", 9<<10)} {
		r := ask(t, w, "GET", "/auth/logout", "", "Cookie", cookie)
		if r.Status != 200 || r.Body != "" {
			t.Errorf("%.40q: %d %q", cookie, r.Status, r.Body)
		}
		cleared(t, r, true)
	}
	if r := ask(t, w, "HEAD", "/auth/logout", ""); r.Status != 404 {
		t.Errorf("HEAD: %d", r.Status)
	}
}

// TestSession_XSRF: the value belongs to its session alone.
func TestSession_XSRF(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	a, b := logIn(t, w, "ada"), logIn(t, w, "ada")
	if a.session == b.session || a.xsrf == b.xsrf {
		t.Fatalf("%+v %+v", a, b)
	}
	a.xsrf = b.xsrf
	says(t, a.does(t, w, "POST", "/me/token", ""), 403, "invalid xsrf header")
	says(t, b.does(t, w, "POST", "/me/token", ""), 200, "")
	if _, err := w.Auth.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: a.session, Kind: authv1.TokenSession}); err != nil {
		t.Error("a refusal ends no session")
	}
}

// FuzzLocalLogin: whatever the body and the cookies are, the answer is one of Plik's.
func FuzzLocalLogin(f *testing.F) {
	w := edgetest.New(f)
	for _, body := range []string{`{"login":"ada","password":"right"}`, `{"login":null}`, `[[[[`, "\xff", `{"login":"\ud800"}`, ""} {
		f.Add(body, "plik-session=x; plik-xsrf=y", "z")
	}
	f.Add(`{}`, "plik-session=\"", "\x7f")
	f.Fuzz(func(t *testing.T, body, cookie, xsrf string) {
		if !plainHeader(cookie) || !plainHeader(xsrf) {
			t.Skip()
		}
		r := ask(t, w, "POST", "/auth/local/login", body, "Cookie", cookie, "X-XSRFToken", xsrf)
		switch r.Status {
		case 200:
			if cookieOf(r, "plik-session").Value == "" {
				t.Errorf("%q: no session", body)
			}
		case 400, 403:
			if !strings.HasSuffix(r.Body, "\n") || strings.Contains(r.Body, "plik.") {
				t.Errorf("%q", r.Body)
			}
		default:
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

// plainHeader reports whether net/http would send a header's value as it is.
func plainHeader(v string) bool {
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return false
		}
	}
	return true
}
