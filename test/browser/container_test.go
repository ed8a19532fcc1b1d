package browser_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/test/harness"
)

// fileHost is a host whose file "dies" is there until it dies; all others are
// always.
type fileHost struct {
	*httptest.Server
	dead atomic.Bool
}

func newFileHost(t *testing.T) *fileHost {
	t.Helper()
	h := &fileHost{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.dead.Load() && r.URL.Path == "/dies" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(h.Close)
	return h
}

// badge says which colour the badge on the page has, and what it says.
const badge = `(() => {
  const img = document.getElementById("badge");
  if (!img || !img.complete || !img.naturalWidth) return "";
  const c = Object.assign(document.createElement("canvas"), { width: img.naturalWidth, height: img.naturalHeight });
  const g = c.getContext("2d");
  g.drawImage(img, 0, 0);
  const p = g.getImageData(0, 0, c.width, c.height).data;
  const n = { green: 0, yellow: 0, red: 0 };
  for (let i = 0; i < p.length; i += 4) {
    const [r, gr, b] = [p[i], p[i + 1], p[i + 2]];
    if (gr > 150 && gr > 1.5 * r && gr > 2 * b) n.green++;
    if (r > 150 && gr > 130 && r < 1.6 * gr && b < 100) n.yellow++;
    if (r > 150 && gr < 110 && b < 110) n.red++;
  }
  const [most] = Object.entries(n).sort((a, b) => b[1] - a[1]);
  return most[1] > 100 ? most[0] : "grey";
})()`

// TestContainer_BadgeAndWebhook makes a container on the page, sees its badge turn
// green, and yellow when one of its links dies, without a reload; a webhook is
// told.
func TestContainer_BadgeAndWebhook(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	host := newFileHost(t)
	hook := harness.NewReceiver(t, nil)
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_LINKCHECKER_STEPS=1s,2s"}})
	p := newPage(t, w.URL)
	p.open("/account")
	p.submit("/account/signup", "username", "grace", "email", "grace@example.com", "password", "correct horse")
	p.until("the first token", `document.querySelector(".fresh input")?.value.length > 20`)
	token := eval[string](p, `document.querySelector(".fresh input").value`)
	subscribe(t, w, token, hook.URL)

	p.open("/containers")
	p.narrow()
	p.fill(`form[action="/containers"] [name="title"]`, "Linux ISOs")
	p.fill(`form[action="/containers"] [name="links"]`, host.URL+"/stays\n"+host.URL+"/dies")
	p.shoot("containers-new")
	p.click(`form[action="/containers"] button`)
	p.until("the container's page", `location.pathname.startsWith("/containers/") && document.querySelector("#badge")`)
	p.until("the badge to turn green", badge+` === "green"`)
	p.until("the page to say so", `document.querySelector("[data-state]").classList.contains("online") && document.querySelectorAll("[data-link] .online").length === 2`)
	p.narrow()
	p.shoot("container-own")
	id := eval[string](p, `location.pathname.split("/")[2]`)

	p.open("/container/" + id)
	p.until("the links", `window.CNL_LINKS.length === 2 && document.querySelectorAll("[data-link] .online").length === 2`)
	p.until("the badge", badge+` === "green"`)
	p.narrow()
	p.shoot("container-online")
	host.dead.Store(true)
	p.until("the badge to turn yellow", badge+` === "yellow"`)
	p.until("the page to say so", `document.querySelector("[data-state]").classList.contains("partial") && document.querySelector('[data-link="1"] .offline')`)
	p.until("the counts", `document.querySelector("[data-counts]").textContent === "1 online · 1 offline · 0 unknown"`)
	p.shoot("container-partial")
	hooks := hook.Wait(t, time.Minute, "the webhook of the change", func(hooks []harness.Hook) bool { return changes(hooks, "partial") > 0 })
	if n := changes(hooks, "partial"); n != 1 {
		t.Errorf("%d webhooks tell of it", n)
	}
	p.open("/containers")
	p.until("the list to say so", `document.querySelector("[data-container] .state.partial")`)
	p.shoot("containers")
	p.clean()
}

// subscribe has an account's changes of containers told to url.
func subscribe(t *testing.T, w *harness.World, token, url string) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"url": url, "events": []string{"container.status_changed"}}) // texts
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/api/v1/account/webhooks", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		t.Fatalf("making a webhook: %s", resp.Status)
	}
}

// changes counts what hooks tell of a container that was online and has another
// status, each once, however often it came.
func changes(hooks []harness.Hook, status string) int {
	ids := map[string]bool{}
	for _, h := range hooks {
		var e struct {
			Type string
			Data struct{ Status, Was string }
		}
		if json.Unmarshal(h.Body, &e) == nil && e.Type == "container.status_changed" && e.Data.Was == "online" && e.Data.Status == status {
			ids[h.ID] = true
		}
	}
	return len(ids)
}

// TestContainer_Gate opens a protected container with a picture: on a phone, in
// the dark, in German, and by keyboard; and gives its links to a download manager
// that listens on this machine.
func TestContainer_Gate(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	host := newFileHost(t)
	w := harness.Start(t, harness.Options{})
	p := newPage(t, w.URL)
	p.open("/account")
	p.submit("/account/signup", "username", "grace", "email", "grace@example.com", "password", "correct horse")
	p.until("the first token", `document.querySelector(".fresh input")`)
	p.open("/containers")
	p.fill(`form[action="/containers"] [name="title"]`, "Ubuntu <Linux> & mehr")
	p.fill(`form[action="/containers"] [name="links"]`, host.URL+"/one\n+ "+host.URL+"/spare\n---\n"+host.URL+"/two")
	p.fill(`form[action="/containers"] [name="password"]`, "öffne dich")
	p.click(`form[action="/containers"] [name="captcha"]`)
	p.click(`form[action="/containers"] button`)
	p.until("the container's page", `location.pathname.startsWith("/containers/")`)
	id := eval[string](p, `location.pathname.split("/")[2]`)
	p.open("/apip")
	p.narrow()
	p.submit("/apip")
	p.until("the key", `document.querySelector(".fresh input")?.value.length > 20`)
	p.shoot("apip")
	p.submit("/account/logout")
	p.until("the entrance", `document.querySelector("#login")`)

	if _, err := chromedp.Call(p.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "de"}}); err != nil {
		t.Fatal(err)
	}
	p.open("/container/" + id)
	p.until("the picture", `document.querySelector(".captcha input").offsetWidth === 288`)
	p.narrow()
	p.shoot("container-gate")
	p.fill(`#unlock [name="password"]`, "falsch")
	// At the edge there is no circle.
	p.do(chromedp.Evaluate[chromedp.Void](`(() => {
  const press = (key) => document.querySelector(".captcha input").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  for (let i = 0; i < 60; i++) press("ArrowLeft");
  if (document.querySelector(".cross").dataset.x === "0") press("Enter");
})()`))
	p.until("the refusal", `document.querySelector(".problem")?.textContent.includes("Captcha-Klick war falsch")`)
	p.shoot("container-refused")
	p.clean()
}

// receiver is a download manager on this machine, where pages expect one.
func receiver(t *testing.T) <-chan url.Values {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:9666")
	if err != nil {
		t.Skipf("there is a download manager on this machine: %v", err)
	}
	got := make(chan url.Values, 1)
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/flash/addcrypted2" && r.ParseForm() == nil {
			got <- r.PostForm
		}
		_, _ = io.WriteString(w, "success\r\n")
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // ends with Close
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return got
}

// decrypt reads what was sent as pyLoad does, with Python's cryptography.
const decrypt = `import base64, re, sys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
crypted, jk = sys.stdin.read().split("\n", 1)
key = bytes.fromhex(re.search(r"""return ["'](.+)["']""", jk).group(1))
d = Cipher(algorithms.AES(key), modes.CBC(key)).decryptor()
plain = d.update(base64.standard_b64decode(crypted.replace(" ", "+"))) + d.finalize()
urls = plain.replace(b"\x00", b"").replace(b"\r", b"").decode().split("\n")
print("\n".join(u for u in urls if u), end="")`

// TestContainer_ClickNLoad gives the links of a container to a download manager by
// the form of the page, without its script.
func TestContainer_ClickNLoad(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	got := receiver(t)
	host := newFileHost(t)
	w := harness.Start(t, harness.Options{})
	p := newPage(t, w.URL)
	p.open("/account")
	p.submit("/account/signup", "username", "grace", "email", "grace@example.com", "password", "correct horse")
	p.until("the first token", `document.querySelector(".fresh input")`)
	p.open("/containers")
	links := host.URL + "/ä?x=1&y=[2]\n" + host.URL + "/two"
	p.fill(`form[action="/containers"] [name="title"]`, "Linux \"ISOs\"")
	p.fill(`form[action="/containers"] [name="links"]`, links)
	p.click(`form[action="/containers"] button`)
	p.until("the container's page", `location.pathname.startsWith("/containers/")`)
	p.open("/container/" + eval[string](p, `location.pathname.split("/")[2]`))
	p.click("[data-cnl]")
	var form url.Values
	select {
	case form = <-got:
	case <-p.ctx.Done():
		t.Fatal("nothing came")
	}
	if form.Get("package") != "Linux \"ISOs\"" || !strings.HasPrefix(form.Get("source"), w.URL+"/container/") {
		t.Errorf("it came with %q", form)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", decrypt)
	cmd.Stdin = strings.NewReader(form.Get("crypted") + "\n" + form.Get("jk"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("without Python's cryptography nothing is read: %v: %s", err, out)
	}
	if string(out) != links {
		t.Errorf("it reads %q", out)
	}
	p.until("the page to say so", `document.querySelector("[data-cnl-said]").textContent`)
}
