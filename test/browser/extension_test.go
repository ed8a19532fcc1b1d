package browser_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/test/harness"
)

// extension copies the WebExtension with the permission for servers on this
// machine, which nobody is there to give, and says the id that Chromium gives it.
func extension(t *testing.T) (dir, id string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "deploy", "webextension"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "manifest.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var manifest map[string]any
	if err := json.Unmarshal(b, &manifest); err != nil {
		t.Fatal(err)
	}
	manifest["host_permissions"] = []string{"http://127.0.0.1/*"}
	if b, err = json.Marshal(manifest); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range fmt.Sprintf("%x", sha256.Sum256([]byte(dir)))[:32] {
		if c >= 'a' {
			c += 10 - 'a' + '0'
		}
		id += string(c - '0' + 'a')
	}
	return dir, id
}

// later gives what a promise of the page gives.
func later[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v\nin the console: %q", expression, err, p.v.problems)
	}
	return v
}

// goTo opens a page of the extension and waits until it is ready.
func (p *page) goTo(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.url + path))
	p.until(path, `document.documentElement.dataset.ready === "yes"`)
}

// tab opens an address beside the page, and gives the id of its tab.
func (p *page) tab(address string) int {
	p.t.Helper()
	id := later[int](p, fmt.Sprintf(`chrome.tabs.create({ url: %q, active: false }).then((t) => t.id)`, address))
	p.wait("tab "+address, func() bool {
		return later[string](p, fmt.Sprintf(`chrome.tabs.get(%d).then((t) => t.status)`, id)) == "complete"
	})
	return id
}

// TestExtension makes a container of what is selected on a page, looks at its
// badge and unlocks it, as the user of the WebExtension does.
func TestExtension(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	w := harness.Start(t, harness.Options{})
	c := harness.NewClient(t, w, "ada")
	var key struct {
		APIKey string `json:"apiKey"`
	}
	c.AsAccount().Do(t, http.MethodPost, "/api/v1/account/api-key/regenerate", nil, nil).Want(t, http.StatusOK).JSON(t, &key)
	board := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>A board &amp; more</title><p><a href="https://a.example/before">no</a></p>
			<div id="post"><a href="https://a.example/file/1">one</a> <a href="https://b.example/file/2?x=1&amp;y=2">two</a> <a href="https://a.example/file/1">one again</a>
			<a href="javascript:alert(1)">script</a> <a href="mailto:a@b.example">mail</a> text: https://c.example/file/3, and (http://d.example/4).</div>
			<p><a href="https://a.example/after">no</a></p>`)
	}))
	t.Cleanup(board.Close)
	dir, id := extension(t)
	ctx, v := open(t, chromedp.Flag("disable-extensions", false), chromedp.Flag("disable-extensions-except", dir), chromedp.Flag("load-extension", dir))
	p := &page{t: t, ctx: ctx, v: v, url: "chrome-extension://" + id}

	p.goTo("/popup.html")
	p.until("the way to the options", `!document.querySelector("#unset").hidden`)
	p.goTo("/options.html")
	for _, bad := range []string{"ftp://x.example", "https://a:b@x.example/", "http://x.example/?a"} {
		p.fill("[name=server]", bad)
		p.click("button")
		p.until("the refusal of "+bad, `document.querySelector("#note.bad")?.hidden === false`)
	}
	p.fill("[name=server]", w.URL+"/")
	p.fill("[name=key]", "slk_wrong")
	p.click("button")
	p.until("the refusal of the key", `/key|token/.test(document.querySelector("#note.bad")?.textContent)`)
	p.fill("[name=key]", key.APIKey)
	p.click("button")
	p.until("the key to be kept", `document.querySelector("#note").textContent.includes("Saved")`)
	p.shoot("extension-options")

	tab := p.tab(board.URL)
	later[bool](p, fmt.Sprintf(`chrome.scripting.executeScript({ target: { tabId: %d }, func: () => getSelection().selectAllChildren(document.getElementById("post")) }).then(() => true)`, tab))
	p.goTo(fmt.Sprintf("/popup.html?tab=%d", tab))
	want := []string{"https://a.example/file/1", "https://b.example/file/2?x=1&y=2", "https://c.example/file/3", "http://d.example/4"}
	if got := strings.Split(eval[string](p, `document.querySelector("[name=links]").value`), "\n"); !slices.Equal(got, want) {
		t.Errorf("the links are %q", got)
	}
	if got := eval[string](p, `document.querySelector("[name=title]").value`); got != "A board & more" {
		t.Errorf("the title is %q", got)
	}
	p.fill("#make [name=password]", "sésame")
	p.shoot("extension-make")
	p.click("#make button")
	p.until("the container", `!document.querySelector("#made").hidden`)
	p.until("its badge", `document.querySelector("#made .badge").naturalWidth > 0`)
	p.shoot("extension-made")
	address := eval[string](p, `document.querySelector("#address").href`)
	if !strings.HasPrefix(address, w.URL+"/container/") {
		t.Fatalf("the address is %s", address)
	}

	p.goTo(fmt.Sprintf("/popup.html?tab=%d", p.tab(address)))
	p.until("the container's title", `document.querySelector("#container h1").textContent === "A board & more"`)
	p.until("its badge", `document.querySelector("#container .badge").naturalWidth > 0`)
	p.fill("#unlock [name=password]", "wrong")
	p.click("#unlock button")
	p.until("the refusal", `document.querySelector("#note.bad")?.textContent.includes("password")`)
	p.fill("#unlock [name=password]", "sésame")
	p.click("#unlock button")
	p.until("the links", `document.querySelectorAll("#links .url").length === 4`)
	if got := eval[[]string](p, `[...document.querySelectorAll("#links .url")].map((e) => e.textContent)`); !slices.Equal(got, want) {
		t.Errorf("unlocked %q", got)
	}
	p.shoot("extension-unlocked")

	// What the context menu leaves for the form.
	later[bool](p, `chrome.storage.session.set({ "draft-x": { title: "<b>", links: ["https://e.example/5"] } }).then(() => true)`)
	p.goTo("/popup.html?draft=draft-x")
	if got := eval[string](p, `document.querySelector("[name=title]").value + document.querySelector("[name=links]").value`); got != "<b>https://e.example/5" {
		t.Errorf("the draft is %q", got)
	}
	for _, s := range v.problems {
		if !strings.HasPrefix(s, "Failed to load resource") {
			t.Errorf("in the console: %s", s)
		}
	}
}

// TestExtension_Words holds both languages to the same words, and the pages to
// words that there are.
func TestExtension_Words(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "deploy", "webextension")
	words := map[string]map[string]struct{ Message string }{}
	for _, language := range []string{"en", "de"} {
		b, err := os.ReadFile(filepath.Join(dir, "_locales", language, "messages.json"))
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]struct{ Message string }{}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		words[language] = m
	}
	for name, w := range words["en"] {
		if german, ok := words["de"][name]; !ok || w.Message == "" || german.Message == "" || strings.Contains(w.Message, "$1") != strings.Contains(german.Message, "$1") {
			t.Errorf("the word %s: %q, %q", name, w.Message, german.Message)
		}
	}
	if len(words["de"]) != len(words["en"]) {
		t.Errorf("%d words in English, %d in German", len(words["en"]), len(words["de"]))
	}
	said := regexp.MustCompile(`data-say="(\w+)"|\bsay\((?:key \? )?"(\w+)"|getMessage\("(\w+)"|__MSG_(\w+)__|\? "(\w+)" : "(\w+)"`)
	found := 0
	for _, pattern := range []string{"*.js", "*.html", "manifest.json"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range said.FindAllStringSubmatch(string(b), -1) {
				for _, name := range m[1:] {
					if _, ok := words["en"][name]; name != "" && !ok {
						t.Errorf("%s says %s, which is no word", filepath.Base(file), name)
					}
					found++
				}
			}
			if strings.Contains(string(b), "innerHTML") || strings.HasSuffix(file, ".html") && strings.Contains(string(b), "<script>") {
				t.Errorf("%s has markup or script from text", filepath.Base(file))
			}
		}
	}
	if found < 20 {
		t.Errorf("%d words were found in the files", found)
	}
}
