package web_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// owner is who made the containers of these tests.
func owner() authv1.Principal { return authv1.Principal{AccountID: "acc-ada", Username: "ada"} }

// contain makes a container.
func contain(t testing.TB, links linksv1.Service, r linksv1.CreateRequest, urls ...string) linksv1.Container {
	t.Helper()
	r.Principal = owner()
	for _, u := range urls {
		r.Links = append(r.Links, linksv1.LinkInput{URL: u})
	}
	if r.Title == "" {
		r.Title = "Linux ISOs"
	}
	c, err := links.CreateContainer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return c.Container
}

func check(t testing.TB, f *linksv1test.Fake, url string, s linksv1.Status) {
	t.Helper()
	if err := f.Check(url, linksv1test.Found{Status: s}); err != nil {
		t.Fatal(err)
	}
}

// scraper reads a container's page as JDownloader's plugin does
// (field-facts.md 1.2): by patterns, with its own Accept-Language, a number for
// an id.
type scraper struct {
	*browser
	page answer
}

func (s *scraper) open(t testing.TB, status int, id string) {
	t.Helper()
	s.page = s.get(t, status, "/container/"+id, "Accept-Language", "de,en-gb;q=0.7, en;q=0.3")
}

// form gives the first form's place and the names of its fields.
func (s *scraper) form(t testing.TB) (action string, fields []string) {
	t.Helper()
	m := regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`).FindStringSubmatch(s.page.body)
	if m == nil {
		t.Fatalf("no form on %s", s.page.body)
	}
	action = between(m[1], "action", `"`, `"`)
	for _, f := range regexp.MustCompile(`<input\b[^>]*name="([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
		fields = append(fields, f[1])
	}
	return action, fields
}

// submit sends the first form with these fields.
func (s *scraper) submit(t testing.TB, fields ...string) {
	t.Helper()
	action, _ := s.form(t)
	var form []string
	for i := 0; i < len(fields); i += 2 {
		form = append(form, fields[i]+"="+fields[i+1])
	}
	req := s.request(t, "POST", action, strings.Join(form, "&"), "Accept-Language", "de,en-gb;q=0.7, en;q=0.3")
	req.Header.Del("Origin") // it is no browser
	s.page = s.send(t, 200, req)
}

// links gives the title and the links of an open page; nil: it is not open.
func (s *scraper) links(t testing.TB) (title string, links []string) {
	t.Helper()
	if m := regexp.MustCompile(`<i class="fa-duotone fa-folder-open"></i>([^<]+)<span`).FindStringSubmatch(s.page.body); m != nil {
		title = html.UnescapeString(m[1])
	}
	m := regexp.MustCompile(`window\.CNL_LINKS = (\[[^\]]*\])`).FindStringSubmatch(s.page.body)
	if m == nil {
		return title, nil
	}
	if err := json.Unmarshal([]byte(m[1]), &links); err != nil {
		t.Fatalf("%v: %s", err, m[1])
	}
	return title, links
}

func TestContainer_Scraper(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	urls := []string{"https://rapidgator.net/file/1", "https://[2001:db8::1]/a[1].rar?x=1&y=2", "https://ddownload.com/ä"}
	c := contain(t, w.Links, linksv1.CreateRequest{Title: `Tom & "Jerry" </script>`, Password: "öffne dich"}, urls...)
	s := &scraper{browser: open(t, w)}
	for _, id := range []string{"123456789012", "abcdefghij0", "create", "bulk", "%20", "-1", "ABCDEFGHIJK"} {
		s.open(t, 404, id)
	}
	s.open(t, 404, "1")
	s.page.has(t, "Diesen Container gibt es nicht.", `<html lang="de">`)

	s.open(t, 200, c.NumericID)
	if action, fields := s.form(t); action != "/container/"+c.NumericID || !slices.Equal(fields, []string{"password"}) {
		t.Errorf("the first form is %s with %q", action, fields)
	}
	s.page.lacks(t, "rapidgator.net/file", "CNL_LINKS")
	s.submit(t, "password", "falsch")
	s.page.has(t, ">Passwort ist falsch")
	s.page.lacks(t, "falsch\"", "CNL_LINKS")
	s.submit(t, "password", "%C3%B6ffne+dich")
	title, links := s.links(t)
	if title != c.Title || !slices.Equal(links, urls) {
		t.Errorf("title %q, links %q", title, links)
	}
	// The open page comes again by its cookie, and under the other id it does not.
	s.open(t, 200, c.NumericID)
	if _, links := s.links(t); len(links) != 3 {
		t.Errorf("links %q", links)
	}
	s.open(t, 200, c.ID)
	if _, links := s.links(t); links != nil {
		t.Errorf("links %q", links)
	}
	// In English the words that programs know are there, too.
	b := open(t, w)
	wrong := b.post(t, 200, "/container/"+c.ID, "password", "falsch")
	wrong.has(t, ">Passwort ist falsch", "The password is wrong.", `<html lang="en">`)
}

func TestContainer_Throttled(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, edgetest.Still)
	c := contain(t, w.Links, linksv1.CreateRequest{Password: "x"}, "https://a.example/1")
	b := open(t, w)
	for range 10 {
		b.post(t, 200, "/container/"+c.ID, "password", "falsch")
	}
	slow := b.send(t, 429, b.request(t, "POST", "/container/"+c.ID, "password=x", "Accept-Language", "de"))
	slow.has(t, "Zu viele falsche Passwörter.", "Sekunden", `name="password"`)
	if slow.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestContainer_PasswordChanged(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	c := contain(t, w.Links, linksv1.CreateRequest{Password: "x"}, "https://a.example/1")
	b := open(t, w)
	in := b.post(t, 200, "/container/"+c.ID, "password", "x")
	in.has(t, "CNL_LINKS", `data-canonical="/container/`+c.ID+`"`)
	for _, k := range in.Cookies() {
		if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/container/"+c.ID || strings.Contains(k.Value, "a.example") {
			t.Errorf("cookie %+v", k)
		}
	}
	b.get(t, 200, "/container/"+c.ID+"/links.txt").has(t, "https://a.example/1\n")
	other := "y"
	if _, err := w.Links.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: owner(), ID: c.ID, Password: &other}); err != nil {
		t.Fatal(err)
	}
	b.get(t, 200, "/container/"+c.ID).has(t, `name="password"`)
	b.get(t, 403, "/container/"+c.ID+"/links.txt").has(t, "Open the container on its page first.")
	b.get(t, 403, "/container/"+c.ID+"/links.meta4")
}

// receive decrypts a form of Click'n'Load 2 as pyLoad does: the key is what the
// function gives, it is its own vector, and the end is stripped of NUL.
func receive(t testing.TB, page string) []string {
	t.Helper()
	form := between(page, `action="http://127.0.0.1:9666/flash/addcrypted2" target="cnl"`, ">", "</form>")
	field := func(name string) string { return html.UnescapeString(between(form, `name="`+name+`"`, `value="`, `"`)) }
	m := regexp.MustCompile(`^function f\(\)\{ return '([0-9a-f]{32})';\}$`).FindStringSubmatch(field("jk"))
	if m == nil {
		t.Fatalf("jk is %q", field("jk"))
	}
	key, _ := hex.DecodeString(m[1])
	crypted, err := base64.StdEncoding.DecodeString(field("crypted"))
	if err != nil || len(crypted) == 0 || len(crypted)%aes.BlockSize != 0 {
		t.Fatalf("%v: %d bytes", err, len(crypted))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCDecrypter(block, key).CryptBlocks(crypted, crypted)
	return strings.Split(strings.TrimRight(string(crypted), "\x00"), "\r\n")
}

func TestContainer_ClickNLoad(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	keys := map[string]bool{}
	for n := 1; n < 40; n++ { // every length of a last block
		urls := []string{"https://a.example/" + strings.Repeat("x", n), "https://b.example/ü?a=b&c=d"}
		c := contain(t, w.Links, linksv1.CreateRequest{Title: `A "title" & more`}, urls...)
		page := b.get(t, 200, "/container/"+c.ID)
		if got := receive(t, page.body); !slices.Equal(got, urls) {
			t.Errorf("%q, want %q", got, urls)
		}
		page.has(t, `name="package" value="A &#34;title&#34; &amp; more"`, `name="source" value="`+w.URL+"/container/"+c.ID+`"`)
		keys[between(page.body, `name="jk"`, "return &#39;", "&#39;")] = true
		csp := page.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "form-action 'self' http://127.0.0.1:9666;") || !strings.Contains(csp, "frame-src http://127.0.0.1:9666;") || strings.Contains(csp, "unsafe") {
			t.Errorf("policy %q", csp)
		}
		nonce := between(csp, "script-src", "'nonce-", "'")
		if len(nonce) < 16 || strings.Count(page.body, "<script nonce=") != 1 || !strings.Contains(page.body, `<script nonce="`+nonce+`">window.CNL_LINKS = [`) {
			t.Errorf("nonce %q", nonce)
		}
	}
	if len(keys) != 39 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestContainer_Options(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	const url = "https://a.example/file/1"
	bare := contain(t, w.Links, linksv1.CreateRequest{Options: linksv1.Options{NoSingleLinks: true, NoClickNLoad: true}}, url)
	b.get(t, 200, "/container/"+bare.ID).lacks(t, url, "CNL_LINKS", "addcrypted2")
	b.get(t, 404, "/container/"+bare.ID+"/links.txt")
	b.get(t, 200, "/container/"+bare.ID+"/links.meta4").has(t, url)
	cnl := contain(t, w.Links, linksv1.CreateRequest{Options: linksv1.Options{NoSingleLinks: true}}, url)
	page := b.get(t, 200, "/container/"+cnl.ID)
	page.lacks(t, `href="`+url, "data-copy-links")
	page.has(t, "CNL_LINKS", "addcrypted2")
	single := contain(t, w.Links, linksv1.CreateRequest{Options: linksv1.Options{NoClickNLoad: true}}, url)
	page = b.get(t, 200, "/container/"+single.ID)
	page.lacks(t, "addcrypted2", "127.0.0.1:9666")
	page.has(t, `href="`+url+`" target="_blank" rel="nofollow noreferrer noopener"`, "CNL_LINKS")
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-src 'none'") || strings.Contains(csp, "9666") {
		t.Errorf("policy %q", csp)
	}
}

func TestContainer_Mirrors(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	c := contain(t, w.Links, linksv1.CreateRequest{Links: []linksv1.LinkInput{
		{URL: "https://rapidgator.net/file/1"}, {URL: "https://katfile.com/1", Backup: true}, {URL: "https://rapidgator.net/file/2"}, {URL: "https://ddownload.com/3"},
		{URL: "https://rapidgator.net/file/4", Mirror: 1},
	}})
	check(t, w.Links, "https://rapidgator.net/file/1", linksv1.Online)
	check(t, w.Links, "https://katfile.com/1", linksv1.Online)
	check(t, w.Links, "https://rapidgator.net/file/2", linksv1.Offline)
	check(t, w.Links, "https://ddownload.com/3", linksv1.Online)
	page := b.get(t, 200, "/container/"+c.ID)
	groups := regexp.MustCompile(`(?s)<h3 id="g\d"><span class="state (\w+)"[^>]*>[^<]*</span> (.*?)<span class="host">(.*?)</span> <small>(.*?)</small>`).FindAllStringSubmatch(page.body, -1)
	var got []string
	for _, g := range groups {
		got = append(got, strings.Join(g[1:], "|"))
	}
	want := []string{"partial|Mirror 1 · |rapidgator.net|3 links", "online|Mirror 1 · |ddownload.com|1 link", "unknown|Mirror 2 · |rapidgator.net|1 link"}
	if !slices.Equal(got, want) {
		t.Errorf("groups %q", got)
	}
	page.has(t, `data-letters="ooxou"`, `<li data-link="1" class="backup">`, "stands in for the one above", `href="/container/`+c.ID+`?mirror=2"`)
	one := b.get(t, 200, "/container/"+c.ID+"?mirror=2")
	if got := receive(t, one.body); !slices.Equal(got, []string{"https://ddownload.com/3"}) {
		t.Errorf("mirror 2 gives %q", got)
	}
	one.lacks(t, "rapidgator.net/file")
	if a := b.get(t, 200, "/container/"+c.ID+"/links.txt?mirror=3"); a.body != "https://rapidgator.net/file/4\n" || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%q, %v", a.body, a.Header)
	}
	for _, bad := range []string{"0", "4", "-1", "x", "1e0", "99999999999999999999"} {
		b.get(t, 404, "/container/"+c.ID+"?mirror="+bad).has(t, "has no such mirror")
	}
}

func TestContainer_Clicks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	c := contain(t, w.Links, linksv1.CreateRequest{}, "https://a.example/1")
	days := make([]statsv1.Day, 30)
	for i := range days {
		days[i] = statsv1.Day{Day: time.Date(2026, 5, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), Clicks: int64(i)}
	}
	w.Stats.Set(c.ID, statsv1.Clicks{Today: 29, Yesterday: 28, ThisMonth: 435, Total: 8122, Days: days, Referrers: []statsv1.Referrer{{Host: "board.example", Clicks: 91}}})
	page := b.get(t, 200, "/container/"+c.ID, "Referer", "https://board.example/thread", "User-Agent", "Mozilla/5.0")
	page.has(t, "<dd>8122</dd>", "board.example <small>91</small>", "Clicks on each of the last 30 days, 29 at most", "1 May 2026", `height="96"`)
	if n := strings.Count(page.body, "<rect "); n != 30 {
		t.Errorf("%d bars", n)
	}
	views := w.Clicks.All()
	if len(views) != 1 || views[0].ContainerID != c.ID || views[0].Referrer != "https://board.example/thread" || views[0].Agent != "Mozilla/5.0" || views[0].Source != "127.0.0.1" || views[0].BaseURL != w.URL {
		t.Errorf("views %+v", views)
	}
	w.Stats.Down(fault.ErrUnavailable)
	b.get(t, 200, "/container/"+c.ID).lacks(t, "clicks-h", "<rect ")
	w.Stats.Down(nil)
	locked := contain(t, w.Links, linksv1.CreateRequest{Password: "x"}, "https://a.example/1")
	before := len(w.Clicks.All())
	b.post(t, 200, "/container/"+locked.ID, "password", "wrong")
	b.post(t, 200, "/container/"+locked.ID, "password", "x")
	if n := len(w.Clicks.All()) - before; n != 1 {
		t.Errorf("a wrong and a right password are %d views", n)
	}
}

// masked makes a page the same each time.
func masked(w *edgetest.World, page string) string {
	page = strings.ReplaceAll(page, w.URL, "https://links.example")
	for _, m := range []struct{ pattern, by string }{
		{`nonce="[^"]*"`, `nonce="NONCE"`}, {`return &#39;[0-9a-f]{32}&#39;`, "return &#39;KEY&#39;"}, {`(name="crypted" value=")[^"]*`, "${1}CRYPTED"}, {`/assets/[0-9a-f]+/`, "/assets/VERSION/"},
	} {
		page = regexp.MustCompile(m.pattern).ReplaceAllString(page, m.by)
	}
	return page
}

func TestContainer_Golden(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 12, 13, 15, 0, 0, time.UTC)
	links := linksv1test.NewFake(func() time.Time { return at }, nil)
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) {
		d.Links, d.Now = links, func() time.Time { return at }
	})
	b := open(t, w)
	c := contain(t, links, linksv1.CreateRequest{Options: linksv1.Options{Group: "iso"}}, "https://rapidgator.net/file/1", "https://ddownload.com/2", "https://rapidgator.net/file/3")
	locked := contain(t, links, linksv1.CreateRequest{Title: "Ubuntu <Linux> Collection", Password: "x", Options: linksv1.Options{Captcha: true}}, "https://a.example/1")
	for url, found := range map[string]linksv1test.Found{
		"https://rapidgator.net/file/1": {Status: linksv1.Online, Reason: linksv1.ReasonFound, HTTPStatus: 200, Name: "ubuntu.iso", Size: 5_300_000_000},
		"https://ddownload.com/2":       {Status: linksv1.Offline, Reason: linksv1.ReasonRemoved, HTTPStatus: 200},
	} {
		if err := links.Check(url, found); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "container.html", masked(w, b.get(t, 200, "/container/"+c.ID).body))
	golden(t, "container_locked_de.html", masked(w, b.get(t, 200, "/container/"+locked.NumericID, "Accept-Language", "de-AT").body))
	golden(t, "links.meta4", masked(w, b.get(t, 200, "/container/"+c.ID+"/links.meta4").body))
}

func TestContainer_Language(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	c := contain(t, w.Links, linksv1.CreateRequest{}, "https://a.example/1")
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-CH": "de", "DE": "de", "en": "en", "fr": "en", "fr,de;q=0.1": "de", "en;q=0.5,de;q=0.9": "de", "en,de": "en", "de,en": "de", "de;q=0": "en", "*": "en", "*,de": "en",
		"de;q=2": "en", "de;q=x": "en", "de;q=NaN": "en", "de;x=1": "en", "de ; q=0.4 , en;q=0.3": "de", ";;;,,,": "en", strings.Repeat("fr,", 100) + "de": "en",
	} {
		page := b.get(t, 200, "/container/"+c.ID, "Accept-Language", header)
		if !strings.Contains(page.body, `<html lang="`+want+`">`) {
			t.Errorf("%.40q gives another language than %s", header, want)
		}
		if page.Header.Get("Vary") != "Accept-Language, Cookie" {
			t.Errorf("Vary %q", page.Header.Get("Vary"))
		}
	}
	b.get(t, 200, "/account", "Accept-Language", "de").has(t, `<html lang="en">`)
}

// TestGerman holds that all that the pages of containers say is there in German,
// and that both have the same places for numbers.
func TestGerman(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	patterns := []*regexp.Regexp{regexp.MustCompile(`\.T "((?:[^"\\]|\\.)+)"`), regexp.MustCompile(`\.Count(?:64)? [^}]*?"([^"]+)" "([^"]+)"`)}
	for _, name := range []string{"container", "containerparts", "containerform", "containers", "containeredit", "apip", "enter", "layout", "hostingparts", "shared", "sharedinfo", "sharedstats", "shareddelete", "folder", "search", "drive", "trash", "places", "node"} {
		text, err := os.ReadFile("templates/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range patterns {
			for _, m := range p.FindAllStringSubmatch(string(text), -1) {
				for _, s := range m[1:] {
					said[s] = true
				}
			}
		}
	}
	for _, name := range []string{"language.go", "apip.go", "containers.go", "hosting_file.go", "hosting_folder.go", "hosting_search.go", "hosting_drive.go", "hosting_change.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.T\("([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			said[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`linksv1\.Reason\w+: "([^"]+)"|^\t\t"\w+": +"([A-Z][^"]+\.)"`).FindAllStringSubmatch(string(text), -1) {
			said[m[1]+m[2]] = true
		}
	}
	if len(said) < 90 {
		t.Fatalf("only %d texts were found", len(said))
	}
	var code []byte
	for _, name := range []string{"german.go", "german_hosting.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, text...)
	}
	german := map[string]string{}
	for _, m := range regexp.MustCompile(`"([^"]+)": *"([^"]+)"`).FindAllStringSubmatch(string(code), -1) {
		german[m[1]] = m[2]
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	for s := range said {
		de, ok := german[s]
		if !ok {
			t.Errorf("%q is not there in German", s)
		}
		if !slices.Equal(verbs.FindAllString(s, -1), verbs.FindAllString(de, -1)) {
			t.Errorf("%q is %q", s, de)
		}
	}
}

func TestContainer_Many(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	urls := make([]string, linksv1.MaxBatch)
	for i := range urls {
		urls[i] = fmt.Sprintf("https://a.example/%d", i)
	}
	c := contain(t, w.Links, linksv1.CreateRequest{}, urls...)
	s := &scraper{browser: open(t, w)}
	s.open(t, 200, c.ID)
	if _, links := s.links(t); !slices.Equal(links, urls) {
		t.Errorf("%d links", len(links))
	}
}
