package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// made makes a container by the form and gives its id.
func (b *browser) made(t testing.TB, fields ...string) string {
	t.Helper()
	to := b.post(t, 303, "/containers", fields...).Header.Get("Location")
	id, ok := strings.CutSuffix(strings.TrimPrefix(to, "/containers/"), "?did=created")
	if !ok {
		t.Fatalf("it leads to %q", to)
	}
	return id
}

func TestContainers_CreateAndEdit(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	b.get(t, 200, "/containers").has(t, "No containers yet.", `action="/containers"`)
	const list = "https://rapidgator.net/file/1\n+ https://katfile.com/1\n\n  https://ddownload.com/2  \n----\nhttps://nitroflare.com/1"
	id := b.made(t, "title", " Linux <ISOs> ", "links", list, "password", "x", "group", "iso", "captcha", "on")
	page := b.get(t, 200, "/containers/"+id+"?did=created")
	page.has(t, "The container is made.", "Linux &lt;ISOs&gt; <span", "https://rapidgator.net/file/1\n&#43; https://katfile.com/1\nhttps://ddownload.com/2\n---\nhttps://nitroflare.com/1\n",
		`name="captcha" checked`, `value="iso"`, "Left empty, the one that there is stays.", `data-letters="uuuu"`, w.URL+"/container/"+id)
	page.lacks(t, `name="no_cnl" checked`, "only these")
	b.get(t, 200, "/containers").has(t, `data-container="`+id+`"`, "0 online · 0 offline · 4 unknown", `data-list="/pages/containers"`)

	// Saving what is there changes nothing; the password stays.
	b.post(t, 303, "/containers/"+id, "title", "Linux ISOs", "links", strings.ReplaceAll(list, "\n", "\r\n"), "group", "").leads(t, "/containers/"+id+"?did=saved")
	check(t, w.Links, "https://rapidgator.net/file/1", linksv1.Online)
	open(t, w).get(t, 200, "/container/"+id).has(t, `name="password"`)
	page = b.get(t, 200, "/containers/"+id+"?did=saved")
	page.has(t, "The changes are saved.", `data-letters="ouuu"`)
	page.lacks(t, `name="captcha" checked`)
	b.post(t, 303, "/containers/"+id, "title", "Linux ISOs", "links", "https://rapidgator.net/file/1", "no_password", "on")
	open(t, w).get(t, 200, "/container/"+id).has(t, "CNL_LINKS", `<span class="state online" data-state>online</span>`)
	b.post(t, 303, "/containers/"+id, "title", "Linux ISOs", "links", "https://rapidgator.net/file/1", "password", "y")
	open(t, w).post(t, 200, "/container/"+id, "password", "y").has(t, "CNL_LINKS")

	b.post(t, 303, "/containers/"+id+"/delete").leads(t, "/containers?did=deleted")
	b.get(t, 200, "/containers?did=deleted").has(t, "The container is deleted.", "No containers yet.")
	b.get(t, 404, "/containers/"+id)
	b.post(t, 404, "/containers/"+id+"/delete")
	b.post(t, 404, "/containers/"+id, "title", "x", "links", "https://a.example")
}

func TestContainers_Refused(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	many := make([]string, linksv1.MaxLinks+1)
	for i := range many {
		many[i] = fmt.Sprintf("https://a.example/%d", i)
	}
	for name, c := range map[string]struct {
		title, links, want string
	}{
		"no links":        {"x", " \n\n", "1 to 1000 links"},
		"dashes only":     {"x", "---\n---", "1 to 1000 links"},
		"no title":        {"", "https://a.example", "A title has 1 to 200 characters"},
		"long title":      {strings.Repeat("x", 201), "https://a.example", "A title has 1 to 200 characters"},
		"too many":        {"x", strings.Join(many, "\n"), "1 to 1000 links"},
		"no URL":          {"x", "https://a.example\nhello", "Line 2: "},
		"another scheme":  {"x", "ftp://a.example/1", "Line 1: "},
		"with a script":   {"x", "javascript:alert(1)", "Line 1: "},
		"backup at first": {"x", "+ https://a.example", "Line 1: “&#43;” stands"},
		"backup of other": {"x", "https://a.example\n---\n+https://b.example", "Line 3: “&#43;” stands"},
	} {
		page := b.post(t, 400, "/containers", "title", c.title, "links", c.links, "password", "secret", "no_links", "on")
		t.Log(name)
		page.has(t, c.want, `name="no_links" checked`)
		page.lacks(t, `value="secret"`)
	}
	b.post(t, 400, "/containers", "title", "x", "links", `https://a.example/"><script>alert(1)</script>`).lacks(t, "<script>alert")
	id := b.made(t, "title", "x", "links", "https://a.example/1")
	b.post(t, 400, "/containers/"+id, "title", "x", "links", "nothing").has(t, "Line 1: ", ">nothing</textarea>", "https://a.example/1")
	b.post(t, 400, "/containers/"+id, "title", "x", "links", "https://a.example/1", "password", "y", "no_password", "on").has(t, "do not fit together")
	german := b.send(t, 400, b.request(t, "POST", "/containers", "title=&links=https://a.example", "Accept-Language", "de"))
	german.has(t, "Ein Titel hat 1 bis 200 Zeichen", "Ein neuer Container", `<html lang="de">`)
	for line, want := range map[string]string{
		"ftp://a.example/1": "eine Adresse beginnt mit", "https://a.example/a b": "im Link sind Leerzeichen", "https://a.example/%zz": "das ist keine Adresse",
		"https://u:p@a.example/": "in der Adresse darf kein Benutzername", "https://": "der Adresse fehlt der Host", "https://a.example:0/": "der Port der Adresse",
		"https://[fe80::1%25eth0]/": "die IPv6-Adresse", "https://a.example./": "der Host endet mit einem Punkt", "https://0x7f.1/": "der Host ist weder",
		"https://a.example/" + strings.Repeat("x", linksv1.MaxURL): "der Link hat mehr als 2048 Byte", "+https://a.example": "„&#43;“ steht vor", "+": "„&#43;“ steht vor",
	} {
		body := url.Values{"title": {"x"}, "links": {"\n" + line}}.Encode()
		b.send(t, 400, b.request(t, "POST", "/containers", body, "Accept-Language", "de")).has(t, `role="alert">Zeile 2: `+want)
	}
	long := url.Values{"title": {"x"}, "links": {"https://a.example"}, "password": {strings.Repeat("x", 1025)}}
	b.send(t, 400, b.request(t, "POST", "/containers", long.Encode(), "Accept-Language", "de")).has(t, "Eine Angabe fehlt oder ist zu lang")
	w.Links.Down(fault.ErrUnavailable)
	b.post(t, 503, "/containers", "title", "x", "links", "https://a.example/1")
	b.get(t, 503, "/containers")
}

// TestContainers_CheckNow asks for a check of one's own.
func TestContainers_CheckNow(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, other := open(t, w), open(t, w)
	b.signUp(t, "grace")
	other.signUp(t, "linus")
	id := b.made(t, "title", "x", "links", "https://a.example/1")
	b.get(t, 200, "/containers/"+id).has(t, `action="/containers/`+id+`/check"`)
	other.post(t, 404, "/containers/"+id+"/check")
	if n := w.Links.Asked(id); n != 0 {
		t.Errorf("asked %d times for somebody else", n)
	}
	b.post(t, 303, "/containers/"+id+"/check").leads(t, "/containers/"+id+"?did=asked")
	b.get(t, 200, "/containers/"+id+"?did=asked").has(t, "The links are being checked.")
	if n := w.Links.Asked(id); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestLogIn_LeadsBack: a log-in leads to the page of link containers that asked for
// it, in the reader's language, and to nowhere else.
func TestLogIn_LeadsBack(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	owner := open(t, w)
	owner.signUp(t, "grace")
	b := open(t, w)
	page := b.get(t, 401, "/containers?status=online&group=a%20b", "Accept-Language", "de")
	page.has(t, `<html lang="de">`, "Melde dich zuerst an.", `name="next" value="/containers?status=online&amp;group=a%20b"`, "E-Mail oder Benutzername")
	b.get(t, 401, "/containers?group="+strings.Repeat("x", 2000)).lacks(t, `name="next"`)
	wrong := b.send(t, 401, b.request(t, "POST", "/account/login", "identifier=grace&password=wrong&next=%2Fapip", "Accept-Language", "de"))
	wrong.has(t, "Name und Passwort passen nicht zusammen.", `name="next" value="/apip"`)
	c := contain(t, w.Links, linksv1.CreateRequest{}, "https://a.example/1")
	b.get(t, 200, "/container/"+c.ID+"?mirror=1").has(t, `href="/account?next=%2Fcontainer%2F`+c.ID+`%3Fmirror%3D1"`)
	b.get(t, 200, "/account?next=/container/"+c.ID).has(t, `name="next" value="/container/`+c.ID+`"`)
	for next, want := range map[string]string{
		"/containers?status=online": "/containers?status=online", "/apip": "/apip", "": "/account", "/account": "/account", "/files": "/account",
		"https://evil.example/containers": "/account", "//evil.example/containers": "/account", `/\evil.example/containers`: "/account", `\\evil.example/container`: "/account",
		"https:/containers": "/account", "https:containers": "/account", "javascript:alert(1)//containers": "/account", "/containers\\..\\..": "/account", "/containers\r\nX: y": "/account",
	} {
		open(t, w).post(t, 303, "/account/login", "identifier", "grace", "password", password, "next", next).leads(t, want)
	}
	open(t, w).post(t, 201, "/account/signup", "username", "linus", "email", "linus@example.test", "password", password, "next", "/containers").has(t, `href="/containers">Go on`)
	open(t, w).post(t, 401, "/containers", "title", "x").lacks(t, `name="next"`)
}

func TestContainers_Longest(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	urls := make([]string, linksv1.MaxLinks)
	for i := range urls {
		urls[i] = fmt.Sprintf("https://a.example/%04d/", i)
		urls[i] += strings.Repeat("x", linksv1.MaxURL-len(urls[i]))
	}
	id := b.made(t, "title", "x", "links", strings.Join(urls, "\r\n"))
	if a := b.get(t, 200, "/container/"+id+"/links.txt"); a.body != strings.Join(urls, "\n")+"\n" {
		t.Errorf("%d bytes", len(a.body))
	}
}

func TestContainers_List(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	for i := range 53 {
		b.made(t, "title", fmt.Sprintf("c%02d", i), "links", fmt.Sprintf("https://a.example/%d", i), "group", []string{"even", "odd one"}[i%2])
	}
	first := b.get(t, 200, "/containers")
	first.has(t, ">c52</a>", ">c03</a>", "Older", "<small>53</small>")
	first.lacks(t, ">c02</a>", "Newest")
	next := strings.ReplaceAll(between(first.body, `class="pages"`, `href="`, `"`), "&amp;", "&")
	second := b.get(t, 200, next)
	second.has(t, ">c02</a>", ">c00</a>", "Newest")
	second.lacks(t, ">c03</a>", "Older")
	check(t, w.Links, "https://a.example/7", linksv1.Online)
	online := b.get(t, 200, "/containers?status=online")
	online.has(t, ">c07</a>", `href="/containers?status=online" aria-current="true"`)
	online.lacks(t, ">c08</a>")
	odd := b.get(t, 200, "/containers?group=odd+one")
	odd.has(t, ">c51</a>", `data-list="/pages/containers?group=odd&#43;one"`, `href="/containers?group=odd%20one"`)
	odd.lacks(t, ">c52</a>")
	b.get(t, 200, "/containers?status=%3Cscript%3E&group=%22%3E%3Cb%3E").lacks(t, "<b>")
	b.get(t, 400, "/containers?after=%00")
}

func TestContainers_OfOthers(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b, eve, nobody := open(t, w), open(t, w), open(t, w)
	b.signUp(t, "grace")
	eve.signUp(t, "eve")
	id := b.made(t, "title", "x", "links", "https://a.example/1", "password", "x")
	eve.get(t, 404, "/containers/"+id)
	eve.post(t, 404, "/containers/"+id, "title", "y", "links", "https://a.example/1")
	eve.post(t, 404, "/containers/"+id+"/delete")
	eve.get(t, 200, "/containers").has(t, "No containers yet.")
	eve.get(t, 200, "/container/"+id).lacks(t, "CNL_LINKS", "edit it")
	for _, path := range []string{"/containers", "/containers/" + id, "/apip", "/pages/containers"} {
		nobody.get(t, 401, path).has(t, "Log in first.")
	}
	for _, path := range []string{"/containers", "/containers/" + id, "/containers/" + id + "/delete", "/apip", "/container/" + id} {
		form := "title=x&links=https://a.example/1&password=x"
		b.send(t, 403, b.request(t, "POST", path, form, "Origin", "https://evil.example"))
		b.send(t, 403, b.request(t, "POST", path, form, "Sec-Fetch-Site", "cross-site"))
	}
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	b.get(t, 200, "/apip").has(t, "Make a key", "X-API-Key: YOUR_API_KEY")
	made := b.post(t, 201, "/apip")
	made.has(t, "Your new API key", `data-canonical="/apip"`)
	key := between(made.body, `id="fresh-h"`, `value="`, `"`)
	create := func(status int, key string) {
		t.Helper()
		w.Want(t, status, "POST", "/api/v1/container/create", `{"title":"x","links":["https://a.example/1"]}`, http.Header{"X-Api-Key": {key}, "Content-Type": {"application/json"}, "Authorization": nil})
	}
	create(200, key)
	b.get(t, 200, "/apip").lacks(t, key)
	again := b.send(t, 201, b.request(t, "POST", "/apip", "", "Accept-Language", "de"))
	again.has(t, "Dein neuer API-Key", "DEIN_API_KEY"[:0])
	create(401, key)
	create(200, between(again.body, `id="fresh-h"`, `value="`, `"`))
	w.Auth.SetFail("RotateToken", fault.ErrUnavailable)
	b.post(t, 503, "/apip")
}
