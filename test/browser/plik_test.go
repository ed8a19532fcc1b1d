package browser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/test/harness"
)

// hostileComment wants to run a script, to tell who reads, and to log the reader
// out; what is left of it is a bold word, a quote and links.
const hostileComment = "**bold** words\n\n<script>window.hacked = 1</script><img src=x onerror=\"window.hacked = 2\">\n\n" +
	"[run](javascript:window.hacked=3) [go](https://example.com/) ![seen](/auth/logout) ![pixel](https://tracker.example/p.gif)\n\n" +
	"<form action=/account/delete method=post><button>x</button></form>\n\n> a quote\n\n"

// newPage opens a browser at a system's pages.
func newPage(t *testing.T, url string) *page {
	t.Helper()
	ctx, v := open(t)
	p := &page{t: t, ctx: ctx, v: v, url: url}
	p.do(chromedp.EmulateViewport(1100, 900))
	return p
}

// route goes to what is behind the # of the start page, as a link from elsewhere
// does: with the page loaded anew.
func (p *page) route(hash string) {
	p.t.Helper()
	p.do(chromedp.Navigate("about:blank"))
	p.open("/" + hash)
}

// click clicks what a selector finds.
func (p *page) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// press clicks the button with this text or name, once it is shown.
func (p *page) press(name string) {
	p.t.Helper()
	find := `[...document.querySelectorAll("button, a.button")].find(b => b.checkVisibility() && !b.disabled && (b.getAttribute("aria-label") ?? b.textContent) === ` + quote(name) + `)`
	p.until("the button "+name, find)
	p.do(chromedp.Evaluate[chromedp.Void](find + ".click()"))
}

// sure presses a button that asks once more.
func (p *page) sure(name string) {
	p.t.Helper()
	p.press(name)
	p.until("the question", `document.querySelector("[data-asked]")`)
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-asked]").click()`))
}

// fill types into a field.
func (p *page) fill(selector, text string) {
	p.t.Helper()
	p.do(chromedp.SetValue(chromedp.CSS(selector), text))
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// send waits until the form is there, gives files to it, and sends them; it waits
// until they are uploaded and gives the page's link and the admin link.
func (p *page) send(paths ...string) (link, admin string) {
	p.t.Helper()
	p.until("the form", `document.querySelector("#plik-form").checkVisibility()`)
	if len(paths) > 0 {
		p.do(chromedp.SetUploadFiles(chromedp.CSS("#plik-pick"), paths))
		p.until("the files", `document.querySelector("#plik-chosen li")`)
	}
	p.click("#plik-send")
	p.until("the files to be there", `document.querySelector("#plik-files li") && [...document.querySelectorAll("#plik-files li")].every(li => ["uploaded", "done"].includes(li.dataset.status))`)
	value := func(label string) string {
		return eval[string](p, `document.querySelector('#plik-show [aria-label="`+label+`"]').value`)
	}
	return strings.TrimPrefix(value("link"), p.url+"/"), strings.TrimPrefix(value("admin link"), p.url+"/")
}

// file writes a file of the test and gives its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantText waits for a download and wants it to have this content.
func (p *page) wantText(path, content string) {
	p.t.Helper()
	p.wantFile(path, int64(len(content)))
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		p.t.Errorf("%s holds %q (%v), want %q", filepath.Base(path), got, err, content)
	}
}

// TestPlik_Page sends files by the form, dropped and chosen, looks at the page
// that its link leads to, downloads, and removes them by the admin link.
func TestPlik_Page(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_PLIK_FEATURE_EXTEND_TTL=enabled", "SLUICE_PLIK_ABUSE_CONTACT=abuse@example.com"}})
	p := newPage(t, w.URL)
	dir := p.downloads()
	link, admin := sendAndLook(t, p)
	downloadAndRemove(t, p, dir, link, admin)
	streamed(t, p, dir)
	scripted(t, p)
	p.clean()
}

func sendAndLook(t *testing.T, p *page) (link, admin string) {
	p.open("/")
	p.until("the form", `document.querySelector("#plik-form").checkVisibility()`)
	p.narrow()
	p.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const data = new DataTransfer();
		data.items.add(new File(["dropped"], "100% \"sure\"? #1 & ünï.txt", { type: "text/plain" }));
		document.querySelector("#plik-drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
	})()`))
	p.click("#plik-text-box summary")
	p.do(chromedp.SendKeys(chromedp.CSS("#plik-text"), "typed here"))
	p.fill(`#plik-form [name="ttl"]`, "2")
	p.fill(`#plik-form [name="unit"]`, "hours")
	p.click("#plik-comments-box summary")
	p.fill("#plik-comments", hostileComment)
	p.press("Preview")
	p.until("the preview", `document.querySelector("#plik-preview strong")?.textContent === "bold"`)
	p.narrow()
	p.do(chromedp.Evaluate[chromedp.Void]("scrollTo(0, 0)"))
	p.shoot("plik-form")
	link, admin = p.send(file(t, "notes.md", "some notes"))
	if !strings.HasPrefix(link, "#/?id=") || !strings.HasPrefix(admin, link+"&uploadToken=") {
		t.Fatalf("the links are %q and %q", link, admin)
	}
	p.shoot("plik-sent")

	p.route(link)
	p.until("three files", `document.querySelectorAll("#plik-files li a.name, #plik-files li .name a").length === 3`)
	p.until("the comment", `document.querySelector("#plik-shown-comments strong")?.textContent === "bold"`)
	p.until("the codes", `[...document.querySelectorAll("#plik-show .qr")].every(i => i.naturalWidth > 0)`)
	if text := p.text(); !strings.Contains(text, "expires in") || !strings.Contains(text, "7 B · text/plain") {
		t.Errorf("the page says %s", text)
	}
	if eval[bool](p, `Boolean(window.hacked || document.querySelector("#plik-shown-comments :is(img, script, form, button, [onerror], a:not([href^=http]))"))`) {
		t.Errorf("the comment is %s", eval[string](p, `document.querySelector("#plik-shown-comments").innerHTML`))
	}
	if eval[bool](p, `Boolean(document.querySelector("#plik-own") || [...document.querySelectorAll("#plik-show button")].some(b => b.textContent.startsWith("Remove")))`) {
		t.Errorf("whoever has the link may change it: %s", p.text())
	}
	p.narrow()
	p.shoot("plik-upload")
	return link, admin
}

func downloadAndRemove(t *testing.T, p *page, dir, link, admin string) {
	p.press(`Download 100% "sure"? #1 & ünï.txt`)
	p.wait("the download", func() bool { return len(entries(dir)) == 1 })
	p.press("Download notes.md")
	p.wantText(filepath.Join(dir, "notes.md"), "some notes")
	p.press("Download text.txt")
	p.wantText(filepath.Join(dir, "text.txt"), "typed here")
	p.press("QR code of notes.md")
	p.until("its code", `document.querySelector("#plik-files .qr")?.naturalWidth > 0`)
	p.click("#plik-archive")
	p.wait("the archive", func() bool { return len(entries(dir)) == 4 })

	p.route(admin)
	p.until("that it is mine", `document.querySelector("#plik-own")`)
	p.do(chromedp.Evaluate[chromedp.Void](`(() => { // the line is cut once
		const { send } = XMLHttpRequest.prototype;
		XMLHttpRequest.prototype.send = function () {
			XMLHttpRequest.prototype.send = send;
			this.dispatchEvent(new ProgressEvent("loadend"));
		};
	})()`))
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#plik-more"), []string{file(t, "later.txt", "one more")}))
	p.until("the cut", `document.querySelector('#plik-files li[data-status="failed"]')?.textContent.includes("The connection was cut.")`)
	p.press("Try again with later.txt")
	p.until("the fourth file", `[...document.querySelectorAll("#plik-files li")].find(li => li.dataset.status === "uploaded" && li.textContent.includes("later.txt"))`)
	p.sure("Remove notes.md")
	p.until("its end", `document.querySelector('#plik-files li[data-status="deleted"]')`)
	p.narrow()
	p.shoot("plik-admin-link")
	p.route(link)
	p.until("three of four", `document.querySelector("#plik-show .lead").textContent.startsWith("3 of 4 can be downloaded")`)
	p.route(admin)
	p.sure("Remove the upload")
	p.until("that it is gone", `document.querySelector("#plik-gone")`)
	p.route(link)
	p.until("that it is gone for everybody", `document.querySelector("#plik-gone")?.textContent.endsWith("not found")`)
	p.narrow()
	p.route("#/?err=file+x+is+not+available+%3A+deleted&errcode=404&uri=%2Ffile%2Fx")
	p.until("the error", `document.querySelector("#plik-problem").checkVisibility() && document.querySelector("#plik-problem").textContent === "file x is not available : deleted (404)"`)
}

// streamed passes one file on to a reader in another tab, and gives another one up.
func streamed(t *testing.T, p *page, dir string) {
	p.route("#/")
	p.until("the form", `document.querySelector("#plik-form").checkVisibility()`)
	p.click(`[name="stream"]`)
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#plik-pick"), []string{file(t, "live.txt", "as it happens"), file(t, "not.txt", "never")}))
	p.click("#plik-send")
	p.until("two that wait", `document.querySelectorAll('#plik-files li[data-status="sending"]').length === 2`)
	p.press("Cancel not.txt")
	p.until("that it is given up", `document.querySelector('#plik-files li[data-status="cancelled"]')`)
	ctx, cancel := chromedp.NewContext(p.ctx)
	defer cancel()
	q := &page{t: t, ctx: ctx, v: p.v, url: p.url}
	q.route(strings.Split(strings.TrimPrefix(eval[string](p, "location.href"), p.url+"/"), "&")[0])
	q.press("Download live.txt")
	q.wantText(filepath.Join(dir, "live.txt"), "as it happens")
	p.until("that it was passed on", `[...document.querySelectorAll("#plik-files li")].some(li => li.textContent.includes("passed on"))`)
}

// scripted looks at what the script decides by itself.
func scripted(t *testing.T, p *page) {
	p.do(chromedp.Evaluate[chromedp.Void](`void (async () => {
		const url = [...document.querySelectorAll("script[src]")].map(s => s.src).find(s => s.endsWith("/plik.js"));
		window.api = { ...await import(url.replace("plik.js", "plik_api.js")), ...await import(url) };
	})()`))
	p.until("the script", "window.api")
	for expression, want := range map[string]string{
		`api.place("")`: `{"view":"send"}`, `api.place("#/")`: `{"view":"send"}`, `api.place("#/nothing?x=1")`: `{"view":"send"}`, `api.place("#/keep")`: `{"view":"keep"}`,
		`api.place("#/?id=a%26b&uploadToken=t")`: `{"view":"show","id":"a&b","token":"t"}`, `api.place("#/?id=a")`: `{"view":"show","id":"a","token":""}`,
		`api.place("#/?err=a?b&errcode=404")`:                                                                                         `{"view":"send","problem":"a?b","code":"404","uri":""}`,
		`api.nameProblem("a b?#%\"\\.txt")`:                                                                                           `""`,
		`["", ".", "..", "a/b", "a\nb"].filter(api.nameProblem)`:                                                                      `["",".","..","a/b","a\nb"]`,
		`Boolean(api.nameProblem("ü".repeat(513))) && !api.nameProblem("ü".repeat(512))`:                                              `true`,
		`["disabled", "enabled", "default", "forced", undefined].map(f => Object.values(api.offered(f)).map(Number).join(""))`:        `["000","100","110","111","000"]`,
		`api.bounds({maxTTL: 10, maxFileSize: -1, maxUserSize: 5, maxFilePerUpload: 3}, null)`:                                        `{"ttl":10,"fileSize":0,"userSize":0,"files":3}`,
		`api.bounds({maxTTL: 10, maxFileSize: 7, maxUserSize: 5, maxFilePerUpload: 3}, {maxTTL: -1, maxFileSize: 9, maxUserSize: 0})`: `{"ttl":0,"fileSize":9,"userSize":5,"files":3}`,
		`[30, 60, 90, 3600, 7200, 5400, 86400, 2592000].map(n => Object.values(api.inUnit(n)).join(" "))`:                             `["1 minutes","1 minutes","2 minutes","1 hours","2 hours","90 minutes","1 days","30 days"]`,
		`[1, 59, 60, 61, 119, 7200, 86400, 100000, 2592000].map(api.spoken)`:                                                          `["1 second","59 seconds","1 minute","61 seconds","119 seconds","2 hours","1 day","27 hours","30 days"]`,
		`api.curlOf({id: "u", stream: false}, {id: "f", fileName: "it's.txt"})`:                                                       `"curl -o 'it'\\''s.txt' '` + p.url + `/file/u/f/it'\\''s.txt'"`,
		`api.fileOf({id: "u", stream: true, downloadDomain: "https://dl.example/"}, {id: "f", fileName: "a b#?%"})`:                   `"https://dl.example/stream/u/f/a%20b%23%3F%25"`,
		`api.basic("", "pä")`: `"Basic cGxpazpww6Q="`,
	} {
		if got := eval[string](p, "JSON.stringify("+expression+")"); got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}
}

// entries are the names of what a directory has in whole.
func entries(dir string) []string {
	var names []string
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		if !strings.HasSuffix(e.Name(), ".crdownload") {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestPlik_OnceAndLocked sends files that go once, and files behind a password;
// Plik is below a path.
func TestPlik_OnceAndLocked(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_PLIK_FEATURE_REMOVABLE=default", "SLUICE_PLIK_FEATURE_STREAM=disabled", "SLUICE_PLIK_PATH=/plik"}})
	p := newPage(t, w.URL+"/plik")
	dir := p.downloads()
	once(t, p, dir)
	locked(t, p, dir)
	p.clean()
}

func once(t *testing.T, p *page, dir string) {
	p.open("/")
	p.until("the form", `document.querySelector("#plik-form").checkVisibility()`)
	if !eval[bool](p, `document.querySelector('[name="removable"]').checked && !document.querySelector('[name="stream"]').checkVisibility()`) {
		t.Error("the form does not follow the server's flags")
	}
	p.click(`[name="oneShot"]`)
	p.click(`[name="removable"]`)
	link, _ := p.send(file(t, "once.txt", "only once"))
	p.route(link)
	p.press("Download once.txt")
	p.wantText(filepath.Join(dir, "once.txt"), "only once")
	p.until("that it is gone", `document.querySelector("#plik-files li").dataset.status === "deleted"`)
	p.shoot("plik-once")
	url := eval[string](p, `document.querySelector("#plik-show .copyline input").value`)
	p.route(link)
	p.until("that it was downloaded", `document.querySelector("#plik-files li").textContent.includes("downloaded once")`)
	if n := eval[int](p, `document.querySelectorAll("#plik-files a").length`); n != 0 {
		t.Errorf("%d links to it on %s", n, url)
	}
}

func locked(t *testing.T, p *page, dir string) {
	p.route("#/")
	p.until("the form", `document.querySelector("#plik-form").checkVisibility()`)
	p.click("#plik-lock")
	p.do(chromedp.SendKeys(chromedp.CSS(`#plik-form [name="password"]`), "pässword: x"))
	link, _ := p.send(file(t, "secret.txt", "for your eyes"))
	p.press("Download secret.txt") // the sender's browser knows the password
	p.wantText(filepath.Join(dir, "secret.txt"), "for your eyes")

	q := newPage(t, p.url) // somebody else's
	other := q.downloads()
	q.route(link)
	q.until("the question", `document.querySelector("#plik-unlock")`)
	q.narrow()
	q.shoot("plik-password")
	q.do(chromedp.SendKeys(chromedp.CSS(`#plik-unlock [name="password"]`), "wrong"))
	q.press("Show the files")
	q.until("the refusal", `document.querySelector("#plik-unlock .problem")?.textContent === "That is not the password."`)
	q.do(chromedp.SendKeys(chromedp.CSS(`#plik-unlock [name="password"]`), "pässword: x"))
	q.press("Show the files")
	q.press("Download secret.txt")
	q.wantText(filepath.Join(other, "secret.txt"), "for your eyes")
	q.clean()
}
