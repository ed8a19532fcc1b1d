package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"image/png"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// What programs look for in the page (field-facts.md 1.2 and 1.5).
var (
	lnFormOf  = regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`)
	lnLinksOf = regexp.MustCompile(`window\.CNL_LINKS = (\[[^\]]*\])`)
	lnTitleOf = regexp.MustCompile(`<i class="fa-duotone fa-folder-open"></i>([^<]+)<span`)
	lnJKOf    = regexp.MustCompile(`name="jk" value="function f\(\)\{ return &#39;([0-9a-f]{32})&#39;;\}"`)
	lnCNLOf   = regexp.MustCompile(`name="crypted" value="([^"]+)"`)
)

// cnlLinks reads window.CNL_LINKS; nil: it is not there.
func cnlLinks(t *testing.T, r harness.Response) (links []string) {
	t.Helper()
	m := lnLinksOf.FindSubmatch(r.Body)
	if m == nil {
		return nil
	}
	if err := json.Unmarshal(m[1], &links); err != nil {
		t.Fatalf("%v: %s", err, m[1])
	}
	return links
}

// cookieOf is what the answer set, for the next request.
func cookieOf(r harness.Response) string {
	var all []string
	for _, line := range r.Header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil {
			all = append(all, c.Name+"="+c.Value)
		}
	}
	return strings.Join(all, "; ")
}

func locknexPageRules() []rule {
	page := func(t *testing.T, g *ground, path string, headers ...string) harness.Response {
		t.Helper()
		return g.anyone(t).Call(t, "GET", "/container/"+path, nil, headers...)
	}
	return []rule{
		{says: "title, status, host and status of each link, size, last check", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			site.Becomes("gone", harness.Status(404))
			c := l.Create(t, `Tom & "Jerry" <b>`, site.Links("a", "gone"))
			checked(t, l, c.ID)
			r := page(t, g, c.ID, "Accept-Language", "en").Want(t, 200)
			equal(t, "Content-Type", r.Header.Get("Content-Type"), "text/html; charset=utf-8")
			says(t, r, `<html lang="en">`, site.Name, "1 online · 1 offline · 0 unknown", "partial", ">2</dd>", "<time ", "Copy all", site.Link("a"), site.Link("gone"))
			m := lnTitleOf.FindSubmatch(r.Body)
			if m == nil || html.UnescapeString(string(m[1])) != `Tom & "Jerry" <b>` {
				t.Errorf("title %q", m)
			}
			silent(t, r, `"Jerry" <b>`)
		}},
		{says: "rel of every link, and nothing runs that is not ours", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "rel", g.links.Site(t).Links("a", "b"))
			r := page(t, g, c.ID).Want(t, 200)
			equal(t, "rels", strings.Count(string(r.Body), `rel="nofollow noreferrer noopener"`), 2)
			csp := r.Header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'self'") || strings.Contains(csp, "unsafe-inline") || !strings.Contains(csp, "frame-ancestors 'none'") {
				t.Errorf("%s", csp)
			}
			nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(csp)
			if nonce == nil || strings.Count(string(r.Body), `nonce="`+nonce[1]+`"`) != 1 || strings.Contains(string(page(t, g, c.ID).Body), nonce[1]) {
				t.Errorf("nonce %q", nonce)
			}
		}},
		{says: "German and English by Accept-Language", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "language", g.links.Site(t).Links("a"), "password", "p")
			for language, want := range map[string]string{"de": "Passwort", "de-AT,en;q=0.5": "Passwort", "en": "Password", "fr,en;q=0.1": "Password", "": "Password", "x;q=abc,,": "Password", "en;q=0.3,de;q=0.8": "Passwort"} {
				says(t, page(t, g, c.ID, "Accept-Language", language), "<label>"+want)
			}
		}},
		{says: "an unknown id is HTTP 404", check: func(t *testing.T, g *ground) {
			for _, id := range []string{"zzzzzzzzzzz", "7541014999", "create", "x", "..%2f", "%20", strings.Repeat("9", 4000)} {
				page(t, g, id).Want(t, 404)
			}
			says(t, page(t, g, "zzzzzzzzzzz", "Accept-Language", "de").Want(t, 404), "Diesen Container gibt es nicht.")
		}},
		{says: "the first form of a protected page posts password; a wrong one is said in the page", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			links := append(site.Links("a"), "https://"+site.Name+"/a[1].rar?x=1&y=2")
			id := l.Own(t, l.Create(t, "gate", links, "password", "öffne dich").ID).NumericID
			r := page(t, g, id, "Accept-Language", "de,en-gb;q=0.7, en;q=0.3").Want(t, 200)
			m := lnFormOf.FindSubmatch(r.Body)
			if m == nil || !strings.Contains(string(m[1]), `method="post" action="/container/`+id+`"`) || !strings.Contains(string(m[2]), `name="password"`) {
				t.Fatalf("the first form is %s", m)
			}
			silent(t, r, "CNL_LINKS", site.Link("a"))
			who := g.anyone(t)
			wrong := who.Call(t, "POST", "/container/"+id, lnForm("password", "falsch"), asForm()...).Want(t, 200)
			says(t, wrong, ">Passwort ist falsch")
			silent(t, wrong, "CNL_LINKS", site.Link("a"), `value="falsch"`)
			open := who.Call(t, "POST", "/container/"+id, lnForm("password", "öffne dich"), asForm()...).Want(t, 200)
			equal(t, "links", fmt.Sprint(cnlLinks(t, open)), fmt.Sprint(links))
			// It stays open for this browser, for the lists too, and for nobody else.
			jar := cookieOf(open)
			equal(t, "again", len(cnlLinks(t, page(t, g, id, "Cookie", jar))), 2)
			equal(t, "text", string(page(t, g, id+"/links.txt", "Cookie", jar).Want(t, 200).Body), strings.Join(links, "\n")+"\n")
			for _, path := range []string{"", "/links.txt", "/links.meta4"} {
				silent(t, page(t, g, id+path), "CNL_LINKS", site.Link("a"))
			}
			other := l.Create(t, "another", site.Links("hidden"), "password", "x").ID
			silent(t, page(t, g, other, "Cookie", jar), "CNL_LINKS")
			// With the password's end what it opened is closed.
			l.Call(t, "PUT", lnContainer+"/"+id, object{"password": "new"}).Want(t, 200)
			silent(t, page(t, g, id, "Cookie", jar), "CNL_LINKS")
		}},
		{says: "guessing on the page is throttled as by the API", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "guessed", g.links.Site(t).Links("a"), "password", "p")
			who := browserAt(t, g.w)
			throttled(t, wrongAtOnce, wrongEvery, func() harness.Response {
				return who.Call(t, "POST", "/container/"+c.ID, lnForm("password", "x"), asForm()...)
			})
			throttledToo(t, wrongAtOnce, wrongEvery, func() harness.Response { return who.Unlock(t, c.ID, "p") }).Denies(t, 429, "rate_limited")
		}},
		{says: "window.CNL_LINKS holds the links of an open page, without ] inside", check: func(t *testing.T, g *ground) {
			site := g.links.Site(t)
			links := []string{site.Link("a[1].rar"), site.Link("ü?x=[1]&y=%5Du005d&z='"), "https://[2001:db8::1]/x]"}
			c := g.locknex().Create(t, "cnl", links)
			equal(t, "links", fmt.Sprint(cnlLinks(t, page(t, g, c.ID).Want(t, 200))), fmt.Sprint(links))
		}},
		{says: "the captcha circle: a picture, a form with cc_x and cc_y, a wrong click is said", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "captcha", g.links.Site(t).Links("a"), "captcha", true)
			r := page(t, g, c.ID)
			m := lnFormOf.FindSubmatch(r.Body)
			if m == nil || !strings.Contains(string(m[2]), `name="cc_x"`) || !strings.Contains(string(m[2]), `name="cc_y"`) {
				t.Fatalf("the first form is %s", m)
			}
			src := regexp.MustCompile(`/captcha_circle\.php\?ts=\d+`).Find(m[2])
			if src == nil {
				t.Fatalf("no picture in %s", m[2])
			}
			picture := g.anyone(t).Call(t, "GET", string(src), nil).Want(t, 200)
			if _, err := png.Decode(bytes.NewReader(picture.Body)); err != nil {
				t.Error(err)
			}
			for _, body := range []string{lnForm("cc_x", "0", "cc_y", "0"), lnForm("cc_x", "-1", "cc_y", "x"), lnForm("cc.x", "9999999999999999999", "cc.y", "1"), "", lnForm("password", "x")} {
				wrong := g.anyone(t).Call(t, "POST", "/container/"+c.ID, body, asForm("Cookie", cookieOf(picture))...).Want(t, 200)
				says(t, wrong, ">Captcha-Klick war falsch")
				silent(t, wrong, "CNL_LINKS")
			}
			g.anyone(t).Unlock(t, c.ID, "").Want(t, 200) // the API asks for none
		}},
		{says: "Click'n'Load 2: a form to 127.0.0.1:9666 that decrypts to the links", check: func(t *testing.T, g *ground) {
			links := g.links.Site(t).Links("a", "bb", "ccc")
			c := g.locknex().Create(t, "cnl", links)
			r := page(t, g, c.ID).Want(t, 200)
			says(t, r, `action="http://127.0.0.1:9666/flash/addcrypted2"`, `name="source" value="`+c.URL+`"`, `name="package" value="cnl"`, `name="passwords" value=""`)
			if !strings.Contains(r.Header.Get("Content-Security-Policy"), "form-action 'self' http://127.0.0.1:9666") {
				t.Errorf("%s", r.Header.Get("Content-Security-Policy"))
			}
			jk, crypted := lnJKOf.FindSubmatch(r.Body), lnCNLOf.FindSubmatch(r.Body)
			if jk == nil || crypted == nil {
				t.Fatalf("no form: %s", r.Body)
			}
			key, _ := hex.DecodeString(string(jk[1]))
			data, err := base64.StdEncoding.DecodeString(html.UnescapeString(string(crypted[1])))
			if err != nil || len(data)%16 != 0 {
				t.Fatalf("%v, %d bytes", err, len(data))
			}
			block, _ := aes.NewCipher(key)
			cipher.NewCBCDecrypter(block, key).CryptBlocks(data, data)
			equal(t, "links", string(bytes.TrimRight(data, "\x00")), strings.Join(links, "\r\n"))
		}},
		{says: "the links as plain text and as Metalink 4", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			links := g.links.Site(t).Links("a", "b")
			c := l.Create(t, "lists", links)
			recorded(t, l, c.ID, "online")
			r := page(t, g, c.ID+"/links.txt").Want(t, 200)
			equal(t, "text", string(r.Body), strings.Join(links, "\n")+"\n")
			equal(t, "Content-Type", r.Header.Get("Content-Type"), "text/plain; charset=utf-8")
			r = page(t, g, c.ID+"/links.meta4").Want(t, 200)
			equal(t, "Content-Type", r.Header.Get("Content-Type"), "application/metalink4+xml")
			var doc struct {
				XMLName xml.Name `xml:"urn:ietf:params:xml:ns:metalink metalink"`
				Files   []struct {
					Name string   `xml:"name,attr"`
					URLs []string `xml:"url"`
				} `xml:"file"`
			}
			if err := xml.Unmarshal(r.Body, &doc); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range doc.Files {
				got = append(got, f.URLs...)
			}
			equal(t, "links", fmt.Sprint(got), fmt.Sprint(links))
		}},
		{says: "mirrors are grouped by host, ?mirror= shows one", check: func(t *testing.T, g *ground) {
			one, other := g.links.Site(t), g.links.Site(t)
			var c harness.LocknexCreated
			g.locknex().Call(t, "POST", lnContainer+"/create", object{"title": "m", "mirrors": []object{{"links": one.Links("1")}, {"links": other.Links("1")}}}).Want(t, 200).JSON(t, &c)
			r := page(t, g, c.ID, "Accept-Language", "en")
			says(t, r, "Mirror 1 · ", "Mirror 2 · ", `href="/container/`+c.ID+`?mirror=2"`)
			equal(t, "one", fmt.Sprint(cnlLinks(t, page(t, g, c.ID+"?mirror=2"))), fmt.Sprint(other.Links("1")))
			equal(t, "text", string(page(t, g, c.ID+"/links.txt?mirror=1").Body), one.Link("1")+"\n")
			for _, m := range []string{"0", "3", "x", "-1", "99999999999999999999"} {
				page(t, g, c.ID+"?mirror="+m).Want(t, 404)
			}
		}},
		{says: "switches: without Click'n'Load, without single links", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			c := l.Create(t, "no cnl", site.Links("a"), "allow_cnl", false)
			silent(t, page(t, g, c.ID).Want(t, 200), "9666")
			c = l.Create(t, "no links", site.Links("a"), "allow_links", false)
			r := page(t, g, c.ID).Want(t, 200)
			silent(t, r, `href="`+site.Link("a"), "Copy all")
			says(t, r, "9666")
			page(t, g, c.ID+"/links.txt").Want(t, 404)
		}},
		{says: "the badge with ready BBCode, HTML and Markdown", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "codes", g.links.Site(t).Links("a"))
			body := html.UnescapeString(string(page(t, g, c.ID).Want(t, 200).Body))
			for _, code := range []string{"[url=" + c.URL + "][img]" + c.BadgeWebP + "[/img][/url]", `<a href="` + c.URL + `"><img src="` + c.BadgeSVG + `"`, "](" + c.URL + ")"} {
				if !strings.Contains(body, code) {
					t.Errorf("%s is not there", code)
				}
			}
		}},
		{says: "live status by server-sent events, to whoever may see it", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			c := l.Create(t, "live", site.Links("secret-link"), "password", "p")
			recorded(t, l, c.ID, "online")
			req, err := http.NewRequestWithContext(t.Context(), "GET", g.w.URL+"/container/"+c.ID+"/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := g.c.HTTP.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			equal(t, "Content-Type", resp.Header.Get("Content-Type"), "text/event-stream")
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					if !strings.Contains(data, `"status":"online"`) || strings.Contains(data, "secret-link") || strings.Contains(data, `"links"`) {
						t.Errorf("%s", data)
					}
					break
				}
			}
			page(t, g, "zzzzzzzzzzz/events").Want(t, 404)
		}},
		{says: "/containers is for who is logged in: make, list, edit, delete by forms", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			browser := signedIn(t, g, c.Username)
			links := g.links.Site(t).Links("a", "b")
			if r := g.anyone(t).Call(t, "GET", "/containers", nil); r.Status != 303 && r.Status != 401 {
				t.Errorf("nobody gets %d", r.Status)
			}
			r := browser.Call(t, "POST", "/containers", lnForm("title", "By form", "links", strings.Join(links, "\r\n"), "password", "p"), asForm()...)
			if r.Status != 303 && r.Status != 201 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			l := c.Locknex(t)
			ids, _ := listed(t, l, "")
			equal(t, "containers", len(ids), 1)
			id := ids[0]
			equal(t, "links", fmt.Sprint(g.anyone(t).Unlock(t, id, "p").Links(t)), fmt.Sprint(links))
			says(t, browser.Call(t, "GET", "/containers", nil).Want(t, 200), "By form", id)
			says(t, browser.Call(t, "GET", "/containers/"+id, nil).Want(t, 200), links[0], links[1])
			browser.Call(t, "POST", "/containers/"+id, lnForm("title", "Edited", "links", links[1]), asForm()...)
			equal(t, "title", l.Own(t, id).Title, "Edited")
			for _, foreign := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site", "Origin", "null"}} {
				browser.Call(t, "POST", "/containers/"+id+"/delete", "", asForm(foreign...)...).Want(t, 403)
			}
			browser.Call(t, "POST", "/containers/"+id+"/delete", "", asForm()...).Want(t, 303)
			l.Call(t, "GET", lnContainer+"/"+id, nil).Denies(t, 404, "container_not_found")
			bad := browser.Call(t, "POST", "/containers", lnForm("title", "<script>alert(1)</script>", "links", "https://ok.example/\r\nnot a link"), asForm()...)
			if bad.Status != 400 {
				t.Errorf("a bad form: %d", bad.Status)
			}
			silent(t, bad, "<script>alert")
		}},
		{says: "the owner sees the links of a protected container without its password", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			links := g.links.Site(t).Links("a")
			id := c.Locknex(t).Create(t, "mine", links, "password", "p", "captcha", true).ID
			r := signedIn(t, g, c.Username).Call(t, "GET", "/container/"+id, nil).Want(t, 200)
			says(t, r, links[0], `href="/containers/`+id+`"`)
			silent(t, signedIn(t, g, account(t, g.w).Username).Call(t, "GET", "/container/"+id, nil).Want(t, 200), links[0])
			if !slices.Equal(cnlLinks(t, r), links) {
				t.Errorf("%q", cnlLinks(t, r))
			}
		}},
	}
}
