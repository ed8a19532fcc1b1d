package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// cookie gives the session cookie that an answer sets.
func cookie(t testing.TB, a answer) *http.Cookie {
	t.Helper()
	for _, c := range a.Cookies() {
		if c.Name == core.SessionCookieName {
			return c
		}
	}
	t.Fatalf("no session cookie in %v", a.Header)
	return nil
}

func TestSignUp_ShowsTheTokenOnce(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	page := b.signUp(t, "grace")
	page.has(t, "Your new token", `value="acct_grace"`, `data-canonical="/account"`, "bearer_token=acct_grace",
		"rclone config create lockr webdav url="+w.URL+"/dav vendor=owncloud", "sluice login grace --endpoint "+w.URL, "0 bytes of 100 GB used")
	c := cookie(t, page)
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.MaxAge < int(time.Hour/time.Second) {
		t.Errorf("cookie %+v", c)
	}
	if c.Value == "acct_grace" {
		t.Error("the browser has the API token")
	}
	again := b.get(t, 200, "/account")
	again.lacks(t, "acct_grace\"", "Your new token", "data-canonical")
	again.has(t, "bearer_token=TOKEN", "this browser")
	// The token is a real one, and the cookie one that the API takes.
	w.Want(t, 200, "GET", "/api/v1/files", "", http.Header{"Authorization": {"Bearer acct_grace"}})
	b.get(t, 200, "/api/v1/files")
}

func TestSignUp_Refused(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.post(t, 409, "/account/signup", "username", "ada", "email", "<b>@example.com", "password", "secret words").
		has(t, "The user name is taken.", `value="ada"`, `value="&lt;b&gt;@example.com"`, `role="alert"`)
	b.post(t, 400, "/account/signup", "username", "x").has(t, "Email is needed.")
	w.Auth.SetFail("CreateAccount", fault.ErrInvalid.Msgf("a password has 8 bytes at least"))
	b.post(t, 400, "/account/signup", "username", "x", "email", "e", "password", "short").lacks(t, `value="short"`)
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	open(t, w).signUp(t, "grace")
	for _, name := range []string{"grace", "grace@example.com"} {
		b := open(t, w)
		in := b.post(t, 303, "/account/login", "identifier", name, "password", password)
		in.leads(t, "/account")
		b.get(t, 200, "/account").has(t, "<h1>grace</h1>")
		old := cookie(t, in).Value
		out := b.post(t, 303, "/account/logout")
		out.leads(t, "/account?did=logout")
		if c := cookie(t, out); c.MaxAge >= 0 {
			t.Errorf("cookie %+v", c)
		}
		b.get(t, 200, "/account?did=logout").has(t, "You are logged out.", "<h2 id=\"login-h\">Log in</h2>")
		w.Want(t, 401, "GET", "/api/v1/files", "", http.Header{"Authorization": {"Bearer " + old}})
	}
	b := open(t, w)
	wrong := b.post(t, 401, "/account/login", "identifier", `gra"ce`, "password", "wrong")
	wrong.has(t, "The name and the password do not fit together.", `value="gra&#34;ce"`)
	wrong.lacks(t, `value="wrong"`)
	if wrong.Header.Get("Www-Authenticate") != "" {
		t.Error("a browser would ask for the password by itself")
	}
	w.Auth.SetFail("Login", authv1.ErrThrottled.After(90*time.Second))
	slow := b.post(t, 429, "/account/login", "identifier", "grace", "password", password)
	slow.has(t, "try again in 90 seconds")
	if slow.Header.Get("Retry-After") != "90" {
		t.Errorf("Retry-After %q", slow.Header.Get("Retry-After"))
	}
	w.Auth.SetFail("Login", fault.ErrUnavailable)
	b.post(t, 503, "/account/login", "identifier", "grace", "password", password).has(t, "repeat it shortly")
	w.Auth.SetFail("Login", fault.ErrInternal.Because(http.ErrAbortHandler))
	b.post(t, 500, "/account/login", "identifier", "grace", "password", password).has(t, "Something went wrong", "Request req_")
}

func TestSession_Ended(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, other := open(t, w), open(t, w)
	b.signUp(t, "grace")
	other.post(t, 303, "/account/login", "identifier", "grace", "password", password)
	other.post(t, 303, "/account/password", "current", password, "new", "another one")
	// A page of the account asks to log in, and the others take the cookie back.
	b.post(t, 401, "/account/tokens", "name", "x").has(t, "The session has ended: log in again.")
	b2 := open(t, w)
	b2.get(t, 401, "/account/files/us-central1_abcdefghijkl_a.txt").has(t, "Log in first.")
	stale := open(t, w)
	at, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	stale.client.Jar.SetCookies(at, []*http.Cookie{{Name: core.SessionCookieName, Value: "acct_nobody", Path: "/"}})
	page := stale.get(t, 200, "/account")
	page.has(t, "Your session has ended: log in again.")
	if c := cookie(t, page); c.MaxAge >= 0 {
		t.Errorf("cookie %+v", c)
	}
	stale.get(t, 200, "/account").lacks(t, "has ended")
}

func TestCookie_SecureBehindTLS(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) {
		c.HTTP.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	b := open(t, w)
	form := url.Values{"username": {"grace"}, "email": {"g@example.com"}, "password": {password}}.Encode()
	page := b.send(t, 201, b.request(t, "POST", "/account/signup", form,
		"X-Forwarded-Proto", "https", "X-Forwarded-Host", "files.example.com", "Sec-Fetch-Site", "same-origin", "Origin", "https://files.example.com"))
	if !cookie(t, page).Secure {
		t.Error("the cookie may travel in the clear")
	}
	page.has(t, "url=https://files.example.com/dav ", "sluice login grace --endpoint https://files.example.com")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	made := b.post(t, 201, "/account/tokens", "name", "backup <of> the laptop")
	made.has(t, "Your new token", "backup &lt;of&gt; the laptop", `data-canonical="/account"`)
	secret := between(made.body, "Whoever has it", `value="`, `"`)
	w.Want(t, 200, "GET", "/api/v1/files", "", http.Header{"Authorization": {"Bearer " + secret}})
	b.post(t, 400, "/account/tokens", "name", strings.Repeat("x", 65)).has(t, "64 characters", `id="tokens-h"`)
	list := b.get(t, 200, "/account")
	id := between(list.body, "backup &lt;of&gt; the laptop", `/account/tokens/`, "/revoke")
	b.post(t, 303, "/account/tokens/"+id+"/revoke").leads(t, "/account?did=revoked")
	w.Want(t, 401, "GET", "/api/v1/files", "", http.Header{"Authorization": {"Bearer " + secret}})
	b.get(t, 200, "/account?did=revoked").has(t, "The token is revoked.")
	b.post(t, 404, "/account/tokens/tok_9999999999999999/revoke").has(t, "There is no such token.")
	// The browser's own ends the session.
	own := between(b.get(t, 200, "/account").body, "this browser", `/account/tokens/`, "/revoke")
	b.post(t, 303, "/account/tokens/"+own+"/revoke")
	b.get(t, 200, "/account").has(t, "Your session has ended")
}

// between gives what stands between two marks behind a place.
func between(text, place, from, to string) string {
	_, text, _ = strings.Cut(text, place)
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace").has(t, "<option>eu-west1</option>")
	b.post(t, 303, "/account/region", "region", "eu-west1").leads(t, "/account?did=region")
	b.get(t, 200, "/account?did=region").has(t, "<option selected>eu-west1</option>", "New files will live")
	b.post(t, 400, "/account/region", "region", "mars").has(t, "the regions are us-central1, eu-west1")
	b.post(t, 400, "/account/region").has(t, "There is no region of this name")

	b.post(t, 401, "/account/password", "current", "wrong", "new", "another one").has(t, "That is not the password.", "<details open>")
	b.post(t, 400, "/account/password", "current", password, "new", "short").has(t, "8 bytes")
	b.post(t, 400, "/account/password", "current", password).has(t, "New is needed.")
	b.post(t, 303, "/account/password", "current", password, "new", "another one").leads(t, "/account?did=password")
	b.get(t, 200, "/account?did=password").has(t, "The password is changed.")
	open(t, w).post(t, 401, "/account/login", "identifier", "grace", "password", password)
}

func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	b.post(t, 401, "/account/delete", "password", "wrong").has(t, "That is not the password.")
	w.Object.SetFail("CloseAccount", objectv1.ErrObjectLocked)
	b.post(t, 403, "/account/delete", "password", password).has(t, "Retention or a legal hold protects this version.")
	b.get(t, 200, "/account").has(t, "<h1>grace</h1>")
	w.Object.SetFail("CloseAccount", nil)
	gone := b.post(t, 303, "/account/delete", "password", password)
	gone.leads(t, "/account?did=deleted")
	if c := cookie(t, gone); c.MaxAge >= 0 {
		t.Errorf("cookie %+v", c)
	}
	b.get(t, 200, "/account?did=deleted").has(t, "The account is deleted.")
	b.post(t, 401, "/account/login", "identifier", "grace", "password", password)
}
