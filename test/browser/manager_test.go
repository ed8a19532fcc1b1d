package browser_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sluicehq/sluice/test/harness"
)

// row is the row of the file manager that has a name.
func row(name string) string {
	return `[...document.querySelectorAll("#nodes > li")].find((li) => (li.dataset.name ?? li.querySelector(".name").textContent) === ` + quote(name) + `)`
}

// keys presses keys on a row.
func (p *page) keys(name string, keys ...string) {
	p.t.Helper()
	p.until("the row of "+name, row(name))
	p.do(chromedp.Evaluate[chromedp.Void](row(name) + ".focus()"))
	for _, k := range keys {
		p.do(chromedp.KeyEvent(k))
	}
}

// dragTo drags a row onto what an expression finds, by the events that a browser
// sends for it.
func (p *page) dragTo(name, target string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`(() => {
  const from = ` + row(name) + `, to = ` + target + `, data = new DataTransfer();
  const send = (e, type) => e.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
  send(from, "dragstart");
  send(to, "dragenter");
  send(to, "dragover");
  send(to, "drop");
  send(from, "dragend");
})()`))
}

// TestManager makes folders, uploads into one, renames by keyboard, moves by
// dragging and by the page of places, shares a folder with a password, which
// somebody else opens, and takes a file out of the trash.
func TestManager(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	w := harness.Start(t, harness.Options{})
	p := newPage(t, w.URL)
	p.open("/account")
	p.submit("/account/signup", "username", "grace", "email", "grace@example.com", "password", "correct horse")
	p.until("the first token", `document.querySelector(".fresh input")`)
	p.open("/account/files")
	p.submit("/account/folders", "name", "Holiday 2026")
	p.until("the folder", row("Holiday 2026"))
	p.submit("/account/folders", "name", `Quotes "and" <tags>`)
	p.until("the folder", row(`Quotes "and" <tags>`))

	p.keys("Holiday 2026", kb.Enter)
	p.until("the folder's page", `document.querySelector("h1").textContent === "Holiday 2026"`)
	holiday := eval[string](p, "location.pathname + location.search")
	p.submit("/account/folders", "name", "maps")
	p.until("the folder", row("maps"))
	p.open(holiday)
	dir := t.TempDir()
	upload := func(sizes map[string]int64) {
		var paths []string
		for name, size := range sizes {
			paths = append(paths, filepath.Join(dir, name))
			randomFile(t, paths[len(paths)-1], size)
		}
		p.choose(paths...)
		for name := range sizes {
			p.until("the list to have "+name, row(name))
		}
	}
	upload(map[string]int64{"beach.jpg": 2_400_000, "mountain.mp4": 5_100_000, "map.pdf": 310_000})
	p.until("the uploads", `document.querySelectorAll("#uploads li.done").length === 3`)
	p.narrow()
	p.keys("mountain.mp4", kb.ArrowUp, kb.ArrowDown)
	p.do(chromedp.Evaluate[chromedp.Void](row("mountain.mp4") + `.querySelector("input").click()`))
	p.shoot("manager")
	p.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, document.body.scrollHeight)`))
	upload(map[string]int64{"diary.txt": 14_000})
	p.until("the selection in the new list", `document.querySelector("#count").textContent === "1 selected" && `+row("mountain.mp4")+`.matches(".selected:focus")`)
	if eval[bool](p, row("mountain.mp4")+".getBoundingClientRect().bottom > 0") {
		t.Error("the new list has scrolled the page, whose reader is elsewhere")
	}
	p.do(chromedp.KeyEvent(kb.Escape))

	p.keys("beach.jpg", kb.F2)
	p.until("the field", `document.activeElement?.name === "name"`)
	p.do(chromedp.KeyEvent(`sea "& <b>`))
	p.shoot("manager-rename")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until("the new name", row(`sea "& <b>.jpg`))
	p.until("its focus", `document.activeElement === `+row(`sea "& <b>.jpg`))
	p.do(chromedp.KeyEvent(kb.F2))
	p.do(chromedp.KeyEvent("nothing"), chromedp.KeyEvent(kb.Escape))
	p.until("no field", `!document.querySelector(".rename") && document.activeElement === `+row(`sea "& <b>.jpg`))

	p.dragTo("map.pdf", row("maps"))
	p.until("the move", row("maps")+` && !`+row("map.pdf"))
	p.keys("maps", "a") // no key of ours
	p.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "a", ctrlKey: true, bubbles: true, cancelable: true }))`))
	p.until("all to be selected", `document.querySelector("#count").textContent === "4 selected" && document.querySelectorAll("#nodes .selected").length === 4`)
	p.shoot("manager-selected")
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until("none to be", `document.querySelectorAll("#nodes .selected").length === 0`)

	p.keys("maps", kb.Enter)
	p.until("the folder's page", `document.querySelector("h1").textContent === "maps"`)
	p.until("the file", row("map.pdf"))
	p.dragTo("map.pdf", `[...document.querySelectorAll(".crumbs a")].find((a) => a.textContent === "Holiday 2026")`)
	p.until("the move", `document.querySelector(".notice") && !`+row("map.pdf"))
	p.open(holiday)
	p.until("it to be above", row("map.pdf"))
	p.keys("map.pdf", " ")
	p.press("Move")
	p.until("the places", `document.querySelector("h1").textContent.startsWith("Move to")`)
	p.narrow()
	p.shoot("manager-places")
	p.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".nodes a.name")].find((a) => a.textContent === "maps").click()`))
	p.until("the place", `document.querySelector("h1").textContent === "Move to: maps"`)
	p.press("Move it here")
	p.until("the move", `document.querySelector(".notice") && `+row("maps")+` && !`+row("map.pdf"))

	p.share("Holiday 2026", "unlisted", "öffne dich")
	link := eval[string](p, `document.querySelector("#sharing .copyline input").value`)
	p.open("/account/files")
	p.keys(`Quotes "and" <tags>`, " ")
	p.shoot("manager-root")

	q := newPage(t, w.URL) // somebody else
	q.open(strings.TrimPrefix(link, w.URL))
	q.until("the gate", `document.querySelector('[type="password"]') && !document.body.textContent.includes("mountain")`)
	q.narrow()
	q.shoot("folder-locked")
	q.fill(`[name="password"]`, "falsch")
	q.click("main form button")
	q.until("the refusal", `document.querySelector(".problem")`)
	q.fill(`[name="password"]`, "öffne dich")
	q.click("main form button")
	q.until("the files", `[...document.querySelectorAll(".nodes .name")].some((a) => a.textContent === 'sea "& <b>.jpg')`)
	if eval[bool](q, `document.body.textContent.includes("maps")`) {
		t.Error("a private folder is shown")
	}
	q.narrow()
	q.shoot("folder")
	q.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".nodes a.name")].find((a) => a.textContent === "mountain.mp4").click()`))
	q.until("the file's page", `document.querySelector("h1").textContent === "mountain.mp4"`)
	q.narrow()
	q.shoot("shared")
	down := q.downloads()
	q.press("Download")
	q.wantFile(filepath.Join(down, "mountain.mp4"), 5_100_000)
	info := eval[string](q, `location.pathname`)
	q.open(info + "~i")
	q.narrow()
	q.shoot("shared-info")
	q.open(info + "~s")
	q.narrow()
	q.shoot("shared-stats")
	q.clean()

	p.open(holiday)
	p.keys("mountain.mp4", kb.Delete)
	p.until("the notice", `document.querySelector(".notice") && !`+row("mountain.mp4"))
	p.open("/account/trash")
	p.until("the file", row("mountain.mp4"))
	p.narrow()
	p.shoot("trash")
	p.keys("mountain.mp4", " ")
	p.press("Restore")
	p.until("the notice", `document.querySelector(".notice") && !`+row("mountain.mp4"))
	p.open(holiday)
	p.until("the file", row("mountain.mp4"))

	// The folder goes while its page is open: the upload says so and ends.
	maps := eval[string](p, row("maps")+".dataset.node")
	p.do(chromedp.Evaluate[chromedp.Void](row("maps") + `.querySelector("a.name").click()`))
	p.until("the folder's page", `document.querySelector("h1").textContent === "maps"`)
	p.do(chromedp.Evaluate[chromedp.Void](`fetch("/account/selected", { method: "POST", body: new URLSearchParams({ do: "trash", folder: "0", "node.`+maps+`": "1" }) })`, chromedp.EvalAwaitPromise))
	p.choose(filepath.Join(dir, "diary.txt"))
	p.until("what is wrong", `document.querySelector("#uploads .problem")?.textContent === "There is no such folder to put it into."`)
	p.open("/account")
	p.submit("/account/keypair")
	p.until("the keys", `document.querySelectorAll(".fresh input").length === 2`)
	p.narrow()
	p.shoot("keypair")
	p.clean()
}

// share opens a folder's properties from the list above it and shares it.
func (p *page) share(name, visibility, password string) {
	p.t.Helper()
	p.open("/account/files")
	p.until("the row", row(name))
	p.do(chromedp.Evaluate[chromedp.Void](row(name) + `.querySelector(".acts a").click()`))
	p.until("the form", `document.querySelector("#sharing form")`)
	p.click(`#sharing [value="` + visibility + `"]`)
	p.fill(`#sharing [name="password"]`, password)
	p.click("#sharing form button")
	p.until("the link", `document.querySelector("#sharing .copyline input") && document.querySelector(".notice")`)
	p.narrow()
	p.shoot("folder-properties")
}
