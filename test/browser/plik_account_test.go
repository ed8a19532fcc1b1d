package browser_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/test/harness"
)

// TestPlik_LogIn logs in, sends, finds it again, makes and revokes a token, and
// looks at what administrators have.
func TestPlik_LogIn(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the provider") }))
	t.Cleanup(provider.Close)
	w := harness.Start(t, harness.Options{Env: []string{
		"SLUICE_PLIK_FEATURE_AUTHENTICATION=forced",
		"SLUICE_PLIK_GOOGLE_API_CLIENT_ID=id", "SLUICE_PLIK_GOOGLE_API_SECRET=secret", "SLUICE_PLIK_GOOGLE_ENDPOINT=" + provider.URL,
	}})
	p := newPage(t, w.URL)
	p.open("/")
	p.until("that guests send nothing", `document.querySelector("#plik-closed").checkVisibility()`)
	administrate(t, p)
	useAccount(t, p)
	ctx, cancel := chromedp.NewContext(p.ctx) // in a tab whose requests are not counted: it leaves the server
	defer cancel()
	q := &page{t: t, ctx: ctx, v: p.v, url: p.url}
	q.route("#/login")
	q.press("Log in by Google")
	q.until("the provider", `location.href.startsWith(`+quote(provider.URL+"/o/oauth2/auth?")+`) && location.href.includes("client_id=id")`)
	p.clean()
}

func (p *page) logIn(name, password string) {
	p.t.Helper()
	p.route("#/login")
	p.until("the form", `document.querySelector("#plik-login").checkVisibility()`)
	p.do(chromedp.SendKeys(chromedp.CSS(`#plik-login [name="login"]`), name), chromedp.SendKeys(chromedp.CSS(`#plik-login [name="password"]`), password))
	p.click("#plik-login button")
}

func (p *page) logOut() {
	p.t.Helper()
	p.submit("/account/logout")
	p.until("the entrance", `document.querySelector("#login")`)
	p.route("#/uploads")
	p.until("that nobody is here", `document.querySelector("#plik-login").checkVisibility()`)
}

// administrate makes the user that useAccount is, as an administrator.
func administrate(t *testing.T, p *page) {
	p.logIn("admin", "wrong")
	p.until("the refusal", `document.querySelector("#plik-problem").textContent === "invalid credentials"`)
	p.logIn("admin", harness.AdminPassword)
	p.until("the way in", `document.querySelector('[data-tab="admin"]').checkVisibility()`)
	p.route("#/admin")
	p.until("the users", `document.querySelector("#plik-users li")`)
	p.click("#plik-user-box summary")
	p.fill(`#plik-user-form [name="login"]`, "grace")
	p.fill(`#plik-user-form [name="name"]`, "Grace Hopper")
	p.fill(`#plik-user-form [name="password"]`, "correct horse")
	p.fill(`#plik-user-form [name="maxTTL"]`, "7")
	p.press("Save")
	p.until("the user", `[...document.querySelectorAll("#plik-users li")].some(li => li.textContent.includes("local:grace") && li.textContent.includes("7 days"))`)
	p.narrow()
	p.shoot("plik-administration")
	p.press("Act as local:grace")
	p.until("that it is so", `document.querySelector("#plik-acting").checkVisibility() && document.querySelector("#plik-name").textContent === "Grace Hopper"`)
	p.press("Stop that")
	p.until("that it ended", `!document.querySelector("#plik-acting").checkVisibility()`)
	p.logOut()
}

func useAccount(t *testing.T, p *page) {
	p.logIn("grace", "correct horse")
	p.until("the form of an upload", `document.querySelector("#plik-form").checkVisibility()`)
	if n := eval[string](p, `document.querySelector("#plik-ttl-note").textContent`); n != "7 days at most" {
		t.Errorf("the user's bound is %q", n)
	}
	p.fill(`#plik-form [name="ttl"]`, "8")
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#plik-pick"), []string{file(t, "mine.txt", "of mine")}))
	p.click("#plik-send")
	p.until("the refusal", `document.querySelector("#plik-problem").textContent === "It can be available for 7 days at most."`)
	p.fill(`#plik-form [name="ttl"]`, "3")
	link, _ := p.send()
	p.route("#/uploads")
	p.until("the upload", `document.querySelector("#plik-uploads li a.name")?.textContent === "mine.txt"`)
	p.do(chromedp.SendKeys(chromedp.CSS(`#plik-token-form [name="comment"]`), "the laptop"))
	p.press("Make a token")
	p.until("the token", `document.querySelector("#plik-new-token input")?.value.length > 20 && document.querySelector("#plik-tokens li strong")?.textContent === "the laptop"`)
	p.narrow()
	p.shoot("plik-account")
	p.press("Show the token the laptop")
	if !eval[bool](p, `document.querySelector("#plik-tokens input").value === document.querySelector("#plik-new-token input").value`) {
		t.Error("the list shows another token")
	}
	p.sure("Revoke the token the laptop")
	p.until("its end", `!document.querySelector("#plik-tokens li")`)
	p.route(link) // without the admin link: it is the account's
	p.until("that it is mine", `document.querySelector("#plik-own")`)
	p.route("#/uploads")
	p.sure("Remove mine.txt")
	p.until("its end", `!document.querySelector("#plik-uploads li")`)
	p.logOut()
}
