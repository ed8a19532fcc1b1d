package plik_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const referer = "https://plik.example.test/some/page?x"

// begin asks where to log in, as a page would, and gives the address and the
// browser's cookie.
func begin(t testing.TB, w *edgetest.World, provider string) (address, cookie string) {
	t.Helper()
	r := ask(t, w, "GET", "/auth/"+provider+"/login", "", "Referer", referer)
	says(t, r, 200, "")
	name := "plik-login"
	if provider == "ovh" {
		name = "plik-ovh-session"
	}
	c := cookieOf(r, name)
	if c.Value == "" || !c.HttpOnly || c.MaxAge != 300 || c.Secure || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.HasSuffix(r.Body, "\n") {
		t.Fatalf("%v", r.Header)
	}
	return r.Body, name + "=" + c.Value
}

// whole logs somebody in by a provider.
func whole(t testing.TB, w *edgetest.World, p *idp, provider string) edgetest.Response {
	t.Helper()
	address, cookie := begin(t, w, provider)
	query := ""
	if provider != "ovh" {
		query = p.agree(address)
	}
	return ask(t, w, "GET", "/auth/"+provider+"/callback"+query, "", "Cookie", cookie)
}

// entered insists on a session, and gives its user.
func entered(t testing.TB, w *edgetest.World, r edgetest.Response) user {
	t.Helper()
	if r.Status != 301 || r.Header.Get("Location") != "/#/login" || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s %v", r.Status, r.Body, r.Header)
	}
	var u user
	sessionOf(t, r).gets(t, w, &u, "GET", "/me", "")
	return u
}

func TestProviders(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	w := edgetest.New(t, p.providers())
	for provider, want := range map[string]user{
		"google": {ID: "google:gina@example.test", Provider: "google", Login: "gina@example.test", Name: "Gina", Email: "gina@example.test"},
		"ovh":    {ID: "ovh:xx1234-ovh", Provider: "ovh", Login: "xx1234-ovh", Name: "Olga Heler", Email: "o@example.test"},
		"oidc":   {ID: "oidc:subject-1", Provider: "oidc", Login: "subject-1", Name: "Olaf", Email: "olaf@example.test"},
	} {
		r := whole(t, w, p, provider)
		u := entered(t, w, r)
		want.CreatedAt = u.CreatedAt
		if u != want {
			t.Errorf("%+v, want %+v", u, want)
		}
		for _, name := range []string{"plik-login", "plik-ovh-session"} {
			if c := cookieOf(r, name); c.Name != "" && c.MaxAge >= 0 {
				t.Errorf("%s stays: %s", name, c)
			}
		}
		// The same person comes in again, whatever is said of the name now.
		if again := entered(t, w, whole(t, w, p, provider)); again != u {
			t.Errorf("%+v", again)
		}
	}
	if c := cookieOf(whole(t, w, p, "oidc"), "plik-session"); c.MaxAge != 365*24*3600 {
		t.Errorf("%s", c)
	}
}

func TestProviders_Addresses(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	w := edgetest.New(t, p.providers())
	for provider, want := range map[string]url.Values{
		"google": {"client_id": {clientID}, "redirect_uri": {"https://plik.example.test/auth/google/callback"}, "response_type": {"code"},
			"scope": {"https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile"}},
		"oidc": {"client_id": {clientID}, "redirect_uri": {"https://plik.example.test/auth/oidc/callback"}, "response_type": {"code"}, "scope": {"openid profile email"}, "code_challenge_method": {"S256"}},
	} {
		address, _ := begin(t, w, provider)
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		for name := range want {
			if q.Get(name) != want.Get(name) {
				t.Errorf("%s: %q", name, q.Get(name))
			}
		}
		if path := map[string]string{"google": "/o/oauth2/auth", "oidc": "/authorize"}[provider]; u.Path != path || q.Get("state") == "" || provider == "oidc" && (q.Get("nonce") == "" || len(q.Get("code_challenge")) != 43) {
			t.Errorf("%s", address)
		}
	}
	if address, _ := begin(t, w, "ovh"); address != p.URL+"/validate" {
		t.Errorf("%s", address)
	}
	// Without a change, Google is Google.
	w = edgetest.New(t, settings(func(s *core.PlikSettings) {
		s.GoogleAPIClientID, s.GoogleAPISecret, s.Path = "x", "y", "/plik"
	}))
	r := ask(t, w, "GET", "/plik/auth/google/login", "", "Referer", "http://a.test:8080/plik/#/login")
	if !strings.HasPrefix(r.Body, "https://accounts.google.com/o/oauth2/auth?") || !strings.Contains(r.Body, url.QueryEscape("http://a.test:8080/plik/auth/google/callback")) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if c := cookieOf(r, "plik-login"); c.Path != "/plik/auth/" {
		t.Errorf("%s", c)
	}
}

func TestProviders_Refusals(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	w, bare := edgetest.New(t, p.providers()), edgetest.New(t)
	for provider, name := range map[string]string{"google": "Google", "ovh": "OVH", "oidc": "OIDC"} {
		at := "/auth/" + provider
		says(t, ask(t, bare, "GET", at+"/login", "", "Referer", referer), 400, name+" authentication is disabled")
		says(t, ask(t, bare, "GET", at+"/callback", ""), 400, name+" authentication is disabled")
		says(t, ask(t, w, "GET", at+"/login", ""), 400, "missing referer header")
		for _, bad := range []string{"nonsense", "javascript:alert(1)", "ftp://x", "http://", "http://[::1", "//host", "%zz"} {
			says(t, ask(t, w, "GET", at+"/login", "", "Referer", bad), 400, "invalid referer header")
		}
	}
	for _, provider := range []string{"google", "oidc"} {
		at := "/auth/" + provider + "/callback"
		says(t, ask(t, w, "GET", at, ""), 400, "missing oauth2 authorization code")
		says(t, ask(t, w, "GET", at+"?code=&state=x", ""), 400, "missing oauth2 authorization code")
		says(t, ask(t, w, "GET", at+"?code=x", ""), 400, "missing oauth2 authorization state")
		for _, state := range []string{"x", "pl_", "pl_e30.AAAA", strings.Repeat("x", 9<<10), "%00"} {
			says(t, ask(t, w, "GET", at+"?code=x&state="+state, ""), 400, "invalid oauth2 state : it was not made here")
		}
		address, cookie := begin(t, w, provider)
		query := p.agree(address)
		// The state belongs to its provider and to its browser, and the code is good once.
		other := map[string]string{"google": "oidc", "oidc": "google"}[provider]
		says(t, ask(t, w, "GET", "/auth/"+other+"/callback"+query, "", "Cookie", cookie), 400, "invalid oauth2 state : it was not made here")
		for _, c := range []string{"", "plik-login=", "plik-login=x", "plik-session=x"} {
			says(t, ask(t, w, "GET", at+query, "", "Cookie", c), 400, "invalid oauth2 state : the login was not begun by this browser")
		}
		_, strange := begin(t, w, provider)
		says(t, ask(t, w, "GET", at+query, "", "Cookie", strange), 400, "invalid oauth2 state : the login was not begun by this browser")
		entered(t, w, ask(t, w, "GET", at+query, "", "Cookie", cookie))
		says(t, ask(t, w, "GET", at+query, "", "Cookie", cookie), 400, "invalid oauth2 authorization code")
		// A browser is sent to the page with it.
		r := ask(t, w, "GET", at+query, "", "User-Agent", "Mozilla/5.0")
		if r.Status != 301 || !strings.HasPrefix(r.Header.Get("Location"), "/#/?err=invalid+oauth2+state") {
			t.Errorf("%d %v", r.Status, r.Header)
		}
	}
	says(t, ask(t, w, "GET", "/auth/ovh/callback", ""), 400, "missing OVH session cookie")
	state, err := url.Parse(func() string { a, _ := begin(t, w, "google"); return a }())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"x", "pl_e30.AAAA", "", state.Query().Get("state")} {
		r := ask(t, w, "GET", "/auth/ovh/callback", "", "Cookie", "plik-ovh-session="+c)
		says(t, r, 400, "invalid OVH session cookie : it was not made here")
		if c := cookieOf(r, "plik-ovh-session"); c.MaxAge >= 0 || c.Path != "/" {
			t.Errorf("it stays: %v", r.Header)
		}
	}
}

// TestProviders_Late: a login that takes longer than five minutes is none.
func TestProviders_Late(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	var ahead atomic.Int64
	w := edgetest.New(t, p.providers(), func(_ *edge.Config, d *edge.Deps) {
		d.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	for provider, text := range map[string]string{
		"google": "invalid oauth2 state : it has expired", "oidc": "invalid oauth2 state : it has expired", "ovh": "invalid OVH session cookie : it has expired",
	} {
		ahead.Store(0)
		address, cookie := begin(t, w, provider)
		query := "?code=x"
		if provider != "ovh" {
			query = p.agree(address)
		}
		ahead.Store(int64(5*time.Minute + time.Second))
		says(t, ask(t, w, "GET", "/auth/"+provider+"/callback"+query, "", "Cookie", cookie), 400, text)
	}
}

func TestProviders_NewAccounts(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"google", "ovh", "oidc"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t)
			closed := edgetest.New(t, p.providers(), settings(func(s *core.PlikSettings) { s.UploadWhitelist = []string{"10.0.0.0/8"} }))
			says(t, whole(t, closed, p, provider), 403, "unable to create user from untrusted source IP address")
			domains := edgetest.New(t, p.providers(), settings(func(s *core.PlikSettings) {
				s.GoogleValidDomains = []string{"other.test"}
				s.OIDCValidDomains = []string{"other.test", " Example.TEST"}
			}))
			switch r := whole(t, domains, p, provider); provider {
			case "google":
				says(t, r, 403, "unauthorized domain name")
			case "oidc":
				entered(t, domains, r)
				p.set(func(p *idp) { p.claims = map[string]any{"sub": "another", "email_verified": false} })
				says(t, whole(t, domains, p, provider), 403, "unauthorized domain name")
				p.set(func(p *idp) { p.claims = map[string]any{"sub": "another", "email": "x@example.test.evil"} })
				says(t, whole(t, domains, p, provider), 403, "unauthorized domain name")
				p.set(func(p *idp) { p.claims = map[string]any{"email": "x@evil.test"} })
				entered(t, domains, whole(t, domains, p, provider)) // who has an account keeps it
			default:
				entered(t, domains, r) // OVH has no list
			}
			p.set(func(p *idp) { p.claims = nil })
			// Who has an account comes in from anywhere; who is switched off does not.
			open := edgetest.New(t, p.providers())
			u := entered(t, open, whole(t, open, p, provider))
			open.Auth.Change("acc-"+provider+"-"+u.Login, func(a *authv1.Account) { a.Disabled = true })
			says(t, whole(t, open, p, provider), 403, "invalid credentials")
		})
	}
}

func TestProviders_Broken(t *testing.T) {
	t.Parallel()
	const away, wrong, no = "the provider does not answer; try again shortly", "the provider's answer is not understood; try again shortly", "the provider does not vouch for this user"
	for name, k := range map[string]struct {
		broken func(*idp)
		status int
		texts  map[string]string // of the callback
	}{
		"down":      {func(p *idp) { p.down = true }, 503, map[string]string{"google": away, "ovh": away, "oidc": away}},
		"huge":      {func(p *idp) { p.huge = true }, 503, map[string]string{"google": away, "ovh": wrong, "oidc": away}},
		"garbage":   {func(p *idp) { p.garbage = true }, 503, map[string]string{"google": away, "ovh": wrong, "oidc": away}},
		"redirects": {func(p *idp) { p.refuse = 302 }, 503, map[string]string{"google": "", "ovh": wrong, "oidc": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t)
			w := edgetest.New(t, p.providers())
			for provider, text := range k.texts {
				address, cookie := begin(t, w, provider)
				query := ""
				if provider != "ovh" {
					query = p.agree(address)
				}
				p.set(k.broken)
				r := ask(t, w, "GET", "/auth/"+provider+"/callback"+query, "", "Cookie", cookie)
				if text != "" {
					says(t, r, k.status, text)
				} else if r.Status/100 == 3 || cookieOf(r, "plik-session").Value != "" {
					t.Errorf("%s: %d %s", provider, r.Status, r.Body)
				}
				if r.Status == 503 && r.Header.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
				p.set(func(p *idp) { p.down, p.huge, p.garbage, p.refuse = false, false, false, 0 })
				entered(t, w, whole(t, w, p, provider)) // nothing stays of it
			}
		})
	}
	// Before the first login the OpenID provider's document is not known.
	p := newIDP(t)
	w := edgetest.New(t, p.providers())
	p.set(func(p *idp) { p.down = true })
	says(t, ask(t, w, "GET", "/auth/oidc/login", "", "Referer", referer), 503, away)
	says(t, ask(t, w, "GET", "/auth/ovh/login", "", "Referer", referer), 503, away)
	p.set(func(p *idp) { p.down, p.huge = false, true })
	if r := ask(t, w, "GET", "/auth/oidc/login", "", "Referer", referer); r.Status != 503 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	p.set(func(p *idp) { p.huge = false })
	entered(t, w, whole(t, w, p, "oidc"))
	for answer, claims := range map[string]map[string]any{
		"a script": {"validationUrl": "javascript:alert(1)"}, "no address": {"validationUrl": ""}, "no key": {"consumerKey": ""}, "a long key": {"consumerKey": strings.Repeat("x", 2000)}, "no text": {"consumerKey": 5},
	} {
		p.set(func(p *idp) { p.claims = claims })
		t.Log(answer)
		says(t, ask(t, w, "GET", "/auth/ovh/login", "", "Referer", referer), 503, wrong)
	}
	p.set(func(p *idp) { p.claims, p.refuse = nil, 403 })
	says(t, ask(t, w, "GET", "/auth/ovh/login", "", "Referer", referer), 503, away)
	p.set(func(p *idp) { p.refuse = 0 })
	_, cookie := begin(t, w, "ovh")
	p.set(func(p *idp) { p.refuse = 403 })
	says(t, ask(t, w, "GET", "/auth/ovh/callback", "", "Cookie", cookie), 403, no)
	p.set(func(p *idp) { p.refuse = 0; p.me = map[string]any{"nichandle": ""} })
	says(t, ask(t, w, "GET", "/auth/ovh/callback", "", "Cookie", cookie), 403, no)
	for _, info := range []map[string]any{{"email": "g@example.test", "verified_email": false}, {"name": "Gina"}} {
		p.set(func(p *idp) { p.userInfo = info })
		says(t, whole(t, w, p, "google"), 403, no)
	}
}

func TestOIDC_Claims(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	w := edgetest.New(t, p.providers())
	const no = "the provider does not vouch for this user"
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*idp){
		"a wrong nonce":    func(p *idp) { p.claims = map[string]any{"nonce": "x"} },
		"no nonce":         func(p *idp) { p.claims = map[string]any{"nonce": nil} },
		"a wrong audience": func(p *idp) { p.claims = map[string]any{"aud": "another client"} },
		"no audience":      func(p *idp) { p.claims = map[string]any{"aud": nil} },
		"another issuer":   func(p *idp) { p.claims = map[string]any{"iss": "https://evil.test"} },
		"expired":          func(p *idp) { p.claims = map[string]any{"exp": time.Now().Add(-time.Hour).Unix()} },
		"no subject":       func(p *idp) { p.claims = map[string]any{"sub": nil} },
		"another's key":    func(p *idp) { p.signWith = stranger },
		"no id token":      func(p *idp) { p.noToken = true },
		"another's details": func(p *idp) {
			p.claims, p.userInfo = map[string]any{"email": nil}, map[string]any{"sub": "x", "email": "a@b.test"}
		},
	} {
		p.set(change)
		t.Log(name)
		says(t, whole(t, w, p, "oidc"), 403, no)
		p.set(func(p *idp) { p.claims, p.signWith, p.noToken = nil, nil, false })
	}
	// What the token leaves out is asked for.
	p.set(func(p *idp) {
		p.claims = map[string]any{"email": nil, "name": nil, "sub": "subject-2"}
		p.userInfo = map[string]any{"sub": "subject-2", "email": "late@example.test", "preferred_username": "latecomer"}
	})
	if u := entered(t, w, whole(t, w, p, "oidc")); u.Email != "late@example.test" || u.Name != "latecomer" || u.ID != "oidc:subject-2" {
		t.Errorf("%+v", u)
	}
	p.set(func(p *idp) { p.claims = map[string]any{"email_verified": false, "sub": "subject-3"} })
	if u := entered(t, w, whole(t, w, p, "oidc")); u.Email != "" {
		t.Errorf("an e-mail address that nobody verified: %+v", u)
	}
	p.set(func(p *idp) { p.claims = map[string]any{"sub": strings.Repeat("x", 300)} })
	if r := whole(t, w, p, "oidc"); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestOIDC_ClientAuthentication follows the provider's document.
func TestOIDC_ClientAuthentication(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	p.methods = []string{"client_secret_post"}
	w := edgetest.New(t, p.providers())
	entered(t, w, whole(t, w, p, "oidc"))
}

// TestProviders_ForeignState: what another deployment signed is nothing here.
func TestProviders_ForeignState(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	here, there := edgetest.New(t, p.providers()), edgetest.New(t, p.providers())
	address, cookie := begin(t, there, "oidc")
	query := p.agree(address)
	says(t, ask(t, here, "GET", "/auth/oidc/callback"+query, "", "Cookie", cookie), 400, "invalid oauth2 state : it was not made here")
	if strings.Contains(here.Audit.Text(), query[len(query)-20:]) {
		t.Error("the audit trail has a query in it")
	}
}

// FuzzCallback: no query and no cookie brings anything but a sentence.
func FuzzCallback(f *testing.F) {
	var minted *keys.Token
	w := edgetest.New(f, func(c *edge.Config, d *edge.Deps) {
		c.Plik.OIDCIssuer, c.Plik.OIDCClientID = "http://127.0.0.1:1", "x"
		c.Plik.OVHAPIEndpoint, c.Plik.OVHAPIKey, c.Plik.OVHAPISecret = "http://127.0.0.1:1", "x", "y"
		minted = d.Logins
	})
	for _, claims := range []string{`{}`, `{"p":"oidc"}`, `{"p":"ovh","expire":99999999999}`, `{"p":"oidc","expire":99999999999,"b":""}`} {
		text, err := minted.Mint(json.RawMessage(claims))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("code=x&state="+text, "plik-login=x; plik-ovh-session="+text)
	}
	f.Fuzz(func(t *testing.T, query, cookie string) {
		if !plainHeader(cookie) || !plainHeader(query) || strings.ContainsAny(query, "# ") {
			t.Skip()
		}
		if _, err := url.Parse("/?" + query); err != nil {
			t.Skip()
		}
		for _, provider := range []string{"oidc", "ovh"} {
			r := ask(t, w, "GET", "/auth/"+provider+"/callback?"+query, "", "Cookie", cookie)
			if r.Status != 400 || !strings.HasSuffix(r.Body, "\n") || cookieOf(r, "plik-session").Value != "" {
				t.Errorf("%s: %d %s", provider, r.Status, r.Body)
			}
		}
	})
}
