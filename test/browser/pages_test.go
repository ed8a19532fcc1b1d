package browser_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	pagecdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/test/harness"
)

// page drives a browser over the pages.
type page struct {
	t   *testing.T
	ctx context.Context
	v   *visit
	url string // where the pages are
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	for _, step := range steps {
		err := chromedp.Do(p.ctx, step)
		// The document changed between finding a node and using it.
		for range 5 {
			if err == nil || !strings.Contains(err.Error(), "Could not find node") {
				break
			}
			err = chromedp.Do(p.ctx, step)
		}
		if err != nil {
			p.t.Fatalf("%v\non the page: %s", err, p.text())
		}
	}
}

// text is what the page shows.
func (p *page) text() string {
	s, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	return s
}

// eval gives the value of an expression.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true on the page.
func (p *page) until(what, expression string) {
	p.t.Helper()
	p.wait(what, func() bool {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		return err == nil && ok // an error is of a page that is not there yet
	})
}

// wait waits for a condition as long as the browser may live.
func (p *page) wait(what string, condition func() bool) {
	p.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			p.v.mu.Lock()
			defer p.v.mu.Unlock()
			p.t.Fatalf("waiting for %s: %v\nin the console: %q", what, p.ctx.Err(), p.v.problems)
		}
	}
}

// open goes to a path of the pages.
func (p *page) open(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.url+path), chromedp.WaitReady(chromedp.CSS("#main")))
}

// submit fills a form of the page in, by the names of its fields, and sends it.
func (p *page) submit(action string, fields ...string) {
	p.t.Helper()
	form := `form[action="` + action + `"]`
	for i := 0; i < len(fields); i += 2 {
		p.do(chromedp.SendKeys(chromedp.CSS(form+` [name="`+fields[i]+`"]`), fields[i+1]))
	}
	p.do(chromedp.Click(chromedp.CSS(form + " button")))
}

// choose gives files to the uploader.
func (p *page) choose(paths ...string) {
	p.t.Helper()
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#pick"), paths))
}

// narrow wants the page to fit a phone.
func (p *page) narrow() {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(390, 844))
	if w := eval[int](p, "document.documentElement.scrollWidth"); w > 390 {
		p.t.Errorf("the page is %d wide on a phone: %s", w, p.text())
	}
	p.do(chromedp.EmulateViewport(1100, 900))
}

// shoot keeps pictures of the page as a phone and a desktop show it, light and
// dark, in the directory that SLUICE_TEST_SCREENSHOTS names.
func (p *page) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv("SLUICE_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, s := range []struct {
		suffix, scheme string
		width, height  int64
	}{{"desktop", "light", 1000, 1000}, {"phone", "dark", 390, 844}} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}}}
		if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
			p.t.Fatal(err)
		}
		p.do(chromedp.EmulateViewport(s.width, s.height))
		shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+s.suffix+".png"), shot, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	p.do(chromedp.EmulateViewport(1100, 900))
}

// clean wants that nothing was asked of anybody else and no rule was broken.
// That requests fail is part of the tests.
func (p *page) clean() {
	p.t.Helper()
	home, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	p.v.mu.Lock()
	defer p.v.mu.Unlock()
	for _, r := range p.v.requests {
		if u, err := url.Parse(r); err != nil || u.Host != home.Host && u.Scheme != "blob" && !strings.HasPrefix(r, "chrome-extension://") {
			p.t.Errorf("the page asked %s", r)
		}
	}
	for _, s := range p.v.problems {
		if !strings.HasPrefix(s, "Failed to load resource") {
			p.t.Errorf("in the console: %s", s)
		}
	}
}

// said reports whether a request had the text in its body.
func (v *visit) said(text string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.bodies, func(b string) bool { return strings.Contains(b, text) })
}

// randomFile writes size bytes and gives their digest.
func randomFile(t *testing.T, path string, size int64) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, sum), rand.NewChaCha8([32]byte{4}), size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// downloads makes the browser keep what it downloads in a directory of the test.
func (p *page) downloads() string {
	p.t.Helper()
	dir := p.t.TempDir()
	params := browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir}
	if _, err := chromedp.CallBrowser(p.ctx, browser.SetDownloadBehavior, params); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// wantFile waits until a download is whole and gives its digest.
func (p *page) wantFile(path string, size int64) string {
	p.t.Helper()
	p.wait("the download", func() bool {
		st, err := os.Stat(path)
		return err == nil && st.Size() == size
	})
	f, err := os.Open(path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		p.t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// TestPages_UploadResumes signs up, uploads 200 MB over a line that is cut, goes
// on by itself, by hand after a pause, and after the page was loaded again; sets
// a phrase, and downloads through the page as somebody else.
func TestPages_UploadResumes(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	const size, phrase = 200_000_000, "open, sésame 🔑"
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_REGIONS=us-central1,eu-west1"}})
	line := newCutter(t, w.URL)
	ctx, v := open(t)
	p := &page{t: t, ctx: ctx, v: v, url: line.url}
	p.do(chromedp.EmulateViewport(1100, 900))
	path := filepath.Join(t.TempDir(), "the tour — 200 MB.bin")
	want := randomFile(t, path, size)

	p.open("/account")
	p.narrow()
	p.shoot("enter")
	p.submit("/account/signup", "username", "grace", "email", "grace@example.com", "password", "correct horse")
	p.until("the first token", `document.querySelector(".fresh input")?.value.length > 20`)
	p.shoot("welcome")
	p.open("/account")

	const item, bar = `document.querySelector("#uploads li")`, `document.querySelector("#uploads progress").value`
	line.cutAt(50e6)
	line.holdAt(90e6)
	p.choose(path)
	p.wait("the cut to be mended", line.held)
	if _, cuts := line.state(); cuts != 1 {
		t.Fatalf("%d cuts", cuts)
	}
	p.do(chromedp.Click(chromedp.Search(`//button[.="Pause"]`)))
	p.until("the pause", item+`.dataset.state === "paused"`)
	line.holdAt(140e6)
	p.do(chromedp.Click(chromedp.Search(`//button[.="Resume"]`)))
	p.wait("more than half", line.held)
	p.until("the bar to say so", bar+" > 0.5")
	p.shoot("upload")
	line.goAway()
	p.until("the line to be gone", item+`.dataset.state === "retrying"`)
	line.back()
	p.open("/account")
	p.until("the row of the unfinished upload", item+`?.dataset.state === "unfinished" && `+bar+" > 0.3")
	p.narrow()
	p.shoot("unfinished")
	p.choose(path)
	p.until("the end", `document.querySelector("#uploads li.done")`)
	p.until("the picture of the code", `document.querySelector("#uploads .qr").naturalWidth > 0`)
	p.until("the list to have it", `document.querySelector("#files .name")`)
	if sent, _ := line.state(); sent > size*5/4 {
		t.Errorf("%d bytes were sent for a file of %d", sent, int64(size))
	}
	p.narrow()
	p.shoot("account")
	link := eval[string](p, `document.querySelector("#uploads .copyline input").value`)
	if !strings.HasPrefix(link, line.url+"/download/us-central1_") {
		t.Fatalf("the link is %s", link)
	}
	file := strings.TrimPrefix(link, line.url+"/download/")

	p.open("/account/files/" + file)
	p.narrow()
	p.submit("/account/files/"+file+"/key", "key", phrase)
	p.until("the notice", `document.querySelector(".notice")`)
	p.shoot("file")
	p.submit("/account/logout")
	p.until("the entrance", `document.querySelector("#login")`)

	dir := p.downloads()
	p.open("/download/" + file)
	p.narrow()
	p.shoot("download-phrase")
	p.do(chromedp.SendKeys(chromedp.CSS("#phrase"), "wrong"), chromedp.Click(chromedp.CSS("#unlock button")))
	p.until("the refusal", `document.querySelector("#phrase-problem").textContent.includes("not the phrase")`)
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#phrase").value = ""`))
	p.do(chromedp.SendKeys(chromedp.CSS("#phrase"), phrase), chromedp.Click(chromedp.CSS("#unlock button")))
	if got := p.wantFile(filepath.Join(dir, filepath.Base(path)), size); got != want {
		t.Errorf("the download is %s, the file %s", got, want)
	}
	p.clean()
}

// TestPages_Guest uploads as a guest, several files at once and one that is
// dropped, and looks at their previews.
func TestPages_Guest(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_LOCKR_GUEST_OBJECT_BYTES=1000000"}})
	ctx, v := open(t)
	p := &page{t: t, ctx: ctx, v: v, url: w.URL}
	p.do(chromedp.EmulateViewport(1100, 900))
	dir := t.TempDir()
	text, empty, pdf := filepath.Join(dir, "notes.txt"), filepath.Join(dir, "empty"), filepath.Join(dir, "paper.pdf")
	for path, content := range map[string]string{text: "<script>alert(1)</script>\n" + strings.Repeat("words ", 20_000), empty: "", pdf: smallPDF()} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	image, err := filepath.Abs(filepath.Join("testdata", "reference.png"))
	if err != nil {
		t.Fatal(err)
	}
	p.open("/#/keep")
	p.until("the uploader", `document.querySelector("#drop").checkVisibility()`)
	p.narrow()
	p.choose(text, empty, pdf, image)
	p.until("four files", `document.querySelectorAll("#uploads li.done").length === 4`)
	p.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const data = new DataTransfer();
		data.items.add(new File(["dropped"], "dropped.csv", { type: "text/csv" }));
		document.querySelector("#drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
	})()`))
	p.until("the dropped one", `document.querySelectorAll("#uploads li.done").length === 5`)
	large := filepath.Join(dir, "large.bin")
	randomFile(t, large, 2_000_000)
	p.choose(large)
	p.until("the refusal", `document.querySelector("#uploads .problem")?.textContent === "2 MB are too much: 1 MB a file."`)
	p.do(chromedp.Click(chromedp.Search(`//button[.="Dismiss"]`)))
	p.until("the row to be gone", `document.querySelectorAll("#uploads li").length === 5`)
	p.narrow()
	p.shoot("home")
	links := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll("#uploads li")].map(li => [li.querySelector("strong").textContent, new URL(li.querySelector("input").value).pathname]))`)

	p.open(links["reference.png"])
	p.until("the image", `document.querySelector("#stage img").naturalWidth > 100`)
	p.narrow()
	p.shoot("download")
	p.open(links["notes.txt"])
	p.do(chromedp.Click(chromedp.CSS("#stage button")))
	p.until("the text", `document.querySelector("#stage pre")?.textContent.startsWith("<script>alert(1)</script>\nwords")`)
	p.narrow()
	p.open(links["paper.pdf"])
	p.do(chromedp.Click(chromedp.CSS("#stage button")))
	p.until("the PDF", `document.querySelector("#stage iframe")?.src.startsWith("blob:")`)
	p.open(links["empty"])
	for _, path := range []string{"/download/us-central1_abcdefghijklmnop_gone.txt", "/download/x"} {
		p.open(path)
		p.until("the page of what is not there", `document.querySelector(".status")?.textContent === "404"`)
		p.narrow()
	}
	p.clean()
}

// TestPages_PlainBrowsers uploads and downloads with a phrase where the browser
// hashes it, where it cannot, and where it runs no scripts.
func TestPages_PlainBrowsers(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	const phrase = "plain words"
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_REGIONS=us-central1,eu-west1"}})
	ctx, v := open(t)
	p := &page{t: t, ctx: ctx, v: v, url: w.URL}
	dir := p.downloads()
	p.open("/account")
	p.submit("/account/signup", "username", "grace", "email", "grace@example.com", "password", "correct horse")
	p.until("the first token", `document.querySelector(".fresh input")`)
	upload := func(name string) string {
		path := filepath.Join(t.TempDir(), name)
		randomFile(t, path, 1000)
		p.open("/account")
		p.do(chromedp.SendKeys(chromedp.CSS("#phrase"), phrase), chromedp.SetValue(chromedp.CSS("#region"), "eu-west1"))
		p.choose(path)
		p.until("the end", `document.querySelector("#uploads li.done")`)
		p.until("the list to have it", `document.querySelector("#files .name")`)
		return eval[string](p, `new URL(document.querySelector("#uploads .copyline input").value).pathname`)
	}
	hashed := upload("hashed.bin")
	if !v.said(`"keyHash":"`) || v.said(phrase) {
		t.Errorf("the phrase left the browser, or nothing did: %q", v.bodies)
	}
	off := pagecdp.AddScriptToEvaluateOnNewDocumentParams{Source: `Object.defineProperty(Crypto.prototype, "subtle", { value: undefined })`}
	if _, err := chromedp.Call(ctx, pagecdp.AddScriptToEvaluateOnNewDocument, off); err != nil {
		t.Fatal(err)
	}
	plain := upload("plain.bin")
	if !v.said(`"key":"` + phrase + `"`) {
		t.Errorf("a browser that cannot hash did not send the phrase: %q", v.bodies)
	}
	for _, path := range []string{hashed, plain} {
		if !strings.HasPrefix(path, "/download/eu-west1_") {
			t.Errorf("%s is not where it should be", path)
		}
	}
	p.submit("/account/logout")
	p.until("the entrance", `document.querySelector("#login")`)

	form := func(path, name string) {
		p.open(path)
		p.submit(path, "key", "wrong")
		p.until("the refusal", `document.querySelector("#phrase-problem")?.textContent === "That is not the phrase."`)
		p.submit(path, "key", phrase)
		p.wantFile(filepath.Join(dir, name), 1000)
	}
	form(hashed, "hashed.bin")
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	form(plain, "plain.bin")
	p.open("/account")
	p.submit("/account/login", "identifier", "grace", "password", "correct horse")
	p.until("the account", `document.querySelector("h1").textContent === "grace"`)
	p.shoot("without-scripts")
	for _, selector := range []string{"#uploader", "button.copy"} {
		if n := eval[int](p, `[...document.querySelectorAll("`+selector+`")].filter(e => e.checkVisibility()).length`); n != 0 {
			t.Errorf("%d of %s are shown, which need scripts", n, selector)
		}
	}
	p.clean()
}

// smallPDF is a page with a line on it.
func smallPDF() string {
	var b strings.Builder
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R>>", "<</Length 21>>stream\n10 50 m 190 50 l S   \nendstream"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj%s endobj\n", i+1, o)
	}
	start := b.Len()
	b.WriteString("xref\n0 5\n0000000000 65535 f \n")
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.String()
}
