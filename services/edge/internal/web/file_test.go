package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestFiles_List(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	b.get(t, 200, "/account").has(t, "No files yet.")
	const awkward = `<script>alert(1)</script>.txt`
	id := b.upload(t, strings.ReplaceAll(awkward, "/", "%2F"), "text/plain", "hello")
	page := b.get(t, 200, "/account")
	page.lacks(t, "<script>alert", "No files yet.", "Older")
	page.has(t, `href="/account/files/`+id+`"`, `data-copy="`+w.URL+"/download/"+id+`"`, "5 bytes", "0 downloads", "us-central1")
	for i := range 55 {
		b.upload(t, fmt.Sprintf("f%02d.txt", i), "text/plain", "x")
	}
	first := b.get(t, 200, "/account")
	first.has(t, ">f54.txt</a>", ">f05.txt</a>", "Older")
	first.lacks(t, ">f04.txt</a>", "Newest")
	next := between(first.body, `class="pages"`, `href="`, `#files"`)
	second := b.get(t, 200, strings.ReplaceAll(next, "&amp;", "&"))
	second.has(t, ">f04.txt</a>", ">f00.txt</a>", "Newest")
	second.lacks(t, ">f05.txt</a>", "Older")
}

func TestFile_Manage(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, nobody := open(t, w), open(t, w)
	b.signUp(t, "grace")
	id := b.upload(t, "paper.txt", "text/plain", "hello")
	page := b.get(t, 200, "/account/files/"+id)
	page.has(t, "Whoever has this link can download the file.", w.URL+"/download/"+id, "A link for 15 minutes")

	b.post(t, 303, "/account/files/"+id+"/key", "key", "open sesame").leads(t, "/account/files/"+id+"?did=key")
	b.get(t, 200, "/account/files/"+id+"?did=key").has(t, "Downloads ask for the phrase now.", "Remove the phrase")
	b.get(t, 200, "/account").has(t, `<span class="tag">phrase</span>`)
	nobody.get(t, 403, "/api/v1/download/"+id)
	b.post(t, 400, "/account/files/"+id+"/key", "key", strings.Repeat("x", 1025)).has(t, "1024 bytes at most")
	// A signed link needs no phrase.
	signed := between(b.get(t, 200, "/account/files/"+id).body, "A link for", `value="`+w.URL, `"`)
	if a := nobody.get(t, 200, strings.ReplaceAll(signed, "&amp;", "&")); a.body != "hello" {
		t.Errorf("the signed link gives %q", a.body)
	}
	b.post(t, 303, "/account/files/"+id+"/key", "key", "").leads(t, "/account/files/"+id+"?did=unkeyed")
	nobody.get(t, 200, "/api/v1/download/"+id)

	b.post(t, 303, "/account/files/"+id+"/delete").leads(t, "/account?did=file")
	b.get(t, 404, "/account/files/"+id).has(t, "The file never was here")
	b.post(t, 404, "/account/files/"+id+"/delete")
	b.post(t, 404, "/account/files/"+id+"/key", "key", "x")
	nobody.get(t, 404, "/download/"+id).has(t, "The file never was here, has been deleted, or has expired.", "There is nothing here")
}

func TestFile_OfOthers(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, other := open(t, w), open(t, w)
	b.signUp(t, "grace")
	other.signUp(t, "eve")
	id := b.upload(t, "paper.txt", "text/plain", "hello")
	other.get(t, 404, "/account/files/"+id)
	other.post(t, 404, "/account/files/"+id+"/key", "key", "mine now")
	other.post(t, 404, "/account/files/"+id+"/delete")
	other.post(t, 403, "/account/register", "id", id).has(t, "This is not allowed", "The file belongs to another account.")
	b.get(t, 200, "/account/files/"+id)
	for _, bad := range []string{"x", "us-central1_abcdefghijklm_a.txt", "%2e%2e", "us-central1_short_a", "a%00b", strings.Repeat("a", 3000)} {
		b.get(t, 404, "/account/files/"+bad)
		b.get(t, 404, "/download/"+bad)
		b.post(t, 404, "/account/files/"+bad+"/delete")
		b.post(t, 404, "/download/"+bad, "key", "x")
	}
}

func TestFile_Register(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, guest := open(t, w), open(t, w)
	b.signUp(t, "grace")
	id := guest.upload(t, "found.txt", "text/plain", "hello")
	page := guest.get(t, 200, "/download/"+id)
	page.lacks(t, "Keep it in my account", "<dd>never</dd>")
	b.get(t, 200, "/download/"+id).has(t, "Keep it in my account")
	b.post(t, 303, "/account/register", "id", id).leads(t, "/account/files/"+id+"?did=registered")
	b.get(t, 200, "/account/files/"+id+"?did=registered").has(t, "The file is yours now.")
	b.get(t, 200, "/download/"+id).has(t, "<dd>never</dd>", "manage it")
	b.post(t, 404, "/account/register", "id", "nonsense")
	w.Object.SetFail("RegisterFile", objectv1.ErrQuotaExceeded)
	b.post(t, 403, "/account/register", "id", guest.upload(t, "more.txt", "text/plain", "x")).has(t, "storage quota")
}

func TestDownload_Page(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, nobody := open(t, w), open(t, w)
	b.signUp(t, "grace")
	for _, c := range []struct{ name, typ, preview string }{
		{"a.png", "image/png", "image"}, {"a.mp3", "audio/mpeg", "audio"}, {"a.mp4", "video/mp4", "video"}, {"a.pdf", "application/pdf", "pdf"},
		{"a.txt", "text/plain; charset=utf-8", "text"}, {"a.html", "text/html", ""}, {"a.svg", "image/svg+xml", ""}, {"a.bin", "x", ""},
	} {
		id := b.upload(t, c.name, c.typ, "content")
		page := nobody.get(t, 200, "/download/"+id)
		page.has(t, `data-preview="`+c.preview+`"`, "7 bytes", "<h1 class=\"name\">"+c.name+"</h1>", `href="/api/v1/download/`+id+`" download`, "us-central1", "<dd>never</dd>",
			"ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", `src="/download/`+id+`/qr.svg"`)
		page.lacks(t, "manage it", "Phrase")
		if shown := strings.Contains(page.body, `src="/api/v1/download/`+id+`?inline=1"`); shown != (c.preview == "image" || c.preview == "audio" || c.preview == "video") {
			t.Errorf("%s: shown %v", c.name, shown)
		}
		head := nobody.send(t, 200, nobody.request(t, http.MethodHead, "/download/"+id, ""))
		if head.body != "" || head.Header.Get("Content-Length") == "0" {
			t.Errorf("HEAD: %v", head.Header)
		}
	}
}

func TestDownload_Phrase(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, edgetest.Still, func(c *edge.Config, _ *edge.Deps) { c.Lockr.GuestRate = 3 })
	b, nobody := open(t, w), open(t, w)
	b.signUp(t, "grace")
	id := b.upload(t, "a.png", "image/png", "content")
	b.post(t, 303, "/account/files/"+id+"/key", "key", "sésame 🔑")
	page := nobody.get(t, 200, "/download/"+id)
	page.has(t, "data-locked", `action="/download/`+id+`"`, `id="preview"`)
	page.lacks(t, "?inline=1", `id="get"`, "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73") // a digest tells what the content is not
	b.get(t, 200, "/download/"+id).has(t, `id="get"`, "?inline=1", "manage it")

	right := nobody.post(t, 303, "/download/"+id, "key", "sésame 🔑")
	to := right.Header.Get("Location")
	if !strings.HasPrefix(to, "/api/v1/download/"+id+"?keyHash=") {
		t.Fatalf("it leads to %q", to)
	}
	if got := nobody.get(t, 200, to); got.body != "content" {
		t.Errorf("the bytes are %q", got.body)
	}
	for range 3 {
		nobody.post(t, 403, "/download/"+id, "key", "wrong").has(t, "That is not the phrase.")
	}
	slow := nobody.post(t, 429, "/download/"+id, "key", "sésame 🔑")
	slow.has(t, "Too many requests from this address")
	if slow.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestDownload_NoPhraseGiven(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, nobody := open(t, w), open(t, w)
	b.signUp(t, "grace")
	id := b.upload(t, "a.txt", "text/plain", "content")
	nobody.post(t, 303, "/download/"+id) // nothing to unlock
	b.post(t, 303, "/account/files/"+id+"/key", "key", "x")
	nobody.post(t, 403, "/download/"+id).has(t, "That is not the phrase.")
}

func TestDownload_Expired(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) {
		d.Now = func() time.Time { return time.Now().Add(-30*24*time.Hour - time.Minute) }
	})
	id := open(t, w).upload(t, "a.txt", "text/plain", "content")
	page := open(t, w).get(t, 404, "/download/"+id)
	page.has(t, "has expired", `class="status">404`)
}

func TestQRCode(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.PublicURL = "https://files.example.com" })
	b := open(t, w)
	code := b.get(t, 200, "/download/us-central1_k3v9x2m8q1_whitepaper.pdf/qr.svg")
	if typ := code.Header.Get("Content-Type"); typ != "image/svg+xml" {
		t.Errorf("it is %s", typ)
	}
	golden(t, "qr.svg", code.body)
	b.get(t, 404, "/download/nonsense/qr.svg")
	b.get(t, 404, "/download/us-central1_k3v9x2m8q1_"+strings.Repeat("a", 300)+"/qr.svg")
	b.get(t, 200, "/download/us-central1_k3v9x2m8q1_"+strings.Repeat("a", 255)+"/qr.svg")
}

// An upload through the session that the uploader uses, with a browser's cookie.
func TestUploader_Requests(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	made := b.send(t, 201, b.request(t, "POST", "/api/v1/upload/session", `{"name":"a.txt","size":5}`, "Content-Type", "application/json"))
	path := strings.TrimPrefix(between(made.body, `"uploadUrl":`, `"`, `"`), w.URL)
	put := func(status int, r, content string) answer {
		return b.send(t, status, b.request(t, "PUT", path, content, "Content-Range", r, "X-GUploader-No-308", "yes"))
	}
	some := put(200, "bytes 0-2/5", "hel")
	if some.Header.Get("X-Http-Status-Code-Override") != "308" || some.Header.Get("Range") != "bytes=0-2" {
		t.Errorf("%v", some.Header)
	}
	if asked := put(200, "bytes */5", ""); asked.Header.Get("Range") != "bytes=0-2" {
		t.Errorf("%v", asked.Header)
	}
	put(201, "bytes 3-4/5", "lo").has(t, `"url"`, `"size":5`)
}
