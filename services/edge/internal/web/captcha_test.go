package web_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/web/captcha"
)

// gated is a world whose sealed cookies this test can read, and whose clock it
// sets.
type gated struct {
	*edgetest.World
	sealer *keys.Sealer
	now    time.Time
}

func newGated(t *testing.T) *gated {
	t.Helper()
	master, err := keys.LoadOrCreate(filepath.Join(t.TempDir(), "master.key"), false)
	if err != nil {
		t.Fatal(err)
	}
	g := &gated{sealer: master.Sealer(core.PurposePages), now: time.Now()}
	g.World = edgetest.New(t, func(_ *edge.Config, d *edge.Deps) {
		d.Pages, d.Now = g.sealer, func() time.Time { return g.now }
	})
	return g
}

// look fetches a picture as its own program does, and gives where the circle is.
func (g *gated) look(t *testing.T, b *browser) (x, y string) {
	t.Helper()
	a := b.get(t, 200, "/captcha_circle.php?ts=1778591700000")
	if a.Header.Get("Content-Type") != "image/png" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.Header)
	}
	return g.circle(t, g.cookie(t, b))
}

func (g *gated) cookie(t *testing.T, b *browser) *http.Cookie {
	t.Helper()
	at, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	cookies := b.client.Jar.Cookies(at)
	i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return c.Name == "container_captcha" })
	if i < 0 {
		t.Fatal("no cookie of a picture")
	}
	return cookies[i]
}

func (g *gated) circle(t *testing.T, c *http.Cookie) (x, y string) {
	t.Helper()
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := g.sealer.Open(sealed, []byte("captcha"))
	if err != nil {
		t.Fatal(err)
	}
	var token struct {
		Seed []byte `json:"s"`
	}
	if err := json.Unmarshal(plain, &token); err != nil {
		t.Fatal(err)
	}
	cx, cy := captcha.New([captcha.SeedSize]byte(token.Seed)).Centre()
	return strconv.Itoa(cx), strconv.Itoa(cy)
}

func TestCaptcha(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	c := contain(t, g.Links, linksv1.CreateRequest{Options: linksv1.Options{Captcha: true}}, "https://a.example/1")
	path := "/container/" + c.NumericID
	s := &scraper{browser: open(t, g.World)}
	s.open(t, 200, c.NumericID)
	if _, fields := s.form(t); !slices.Equal(fields, []string{"cc_x", "cc_y", "cc"}) {
		t.Errorf("the first form has %q", fields)
	}
	s.page.has(t, `src="/captcha_circle.php?ts=`)
	s.page.lacks(t, "a.example/1")
	s.get(t, 403, path+"/links.txt")

	s.submit(t, "cc_x", "5", "cc_y", "5") // without a picture
	s.page.has(t, ">Captcha-Klick war falsch")
	g.look(t, s.browser)
	s.submit(t, "cc_x", "-1", "cc_y", "0")
	s.page.has(t, ">Captcha-Klick war falsch")
	s.page.lacks(t, "CNL_LINKS")
	x, y := g.circle(t, g.cookie(t, s.browser))
	s.submit(t, "cc_x", x, "cc_y", y) // the picture is spent
	s.page.has(t, ">Captcha-Klick war falsch")
	for _, bad := range []string{"", "x", "1e1", "99999999999999999999", "+5", " 5"} {
		g.look(t, s.browser)
		s.submit(t, "cc_x", bad, "cc_y", bad)
		s.page.lacks(t, "CNL_LINKS")
	}
	x, y = g.look(t, s.browser)
	g.now = g.now.Add(11 * time.Minute)
	s.submit(t, "cc_x", x, "cc_y", y) // too late
	s.page.has(t, ">Captcha-Klick war falsch")

	// What another container's form gets is as good; the name with a point is a browser's.
	x, y = g.look(t, s.browser)
	spent := g.cookie(t, s.browser)
	s.submit(t, "cc.x", x, "cc.y", y)
	if _, links := s.links(t); len(links) != 1 {
		t.Fatalf("links %q", links)
	}
	s.get(t, 200, path+"/links.txt")
	other := open(t, g.World)
	at, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	other.client.Jar.SetCookies(at, []*http.Cookie{{Name: spent.Name, Value: spent.Value, Path: "/"}})
	other.post(t, 200, path, "cc_x", x, "cc_y", y).has(t, ">Captcha-Klick war falsch")
	// Nor does a cookie of one container open another one, nor does it hold for ever.
	second := contain(t, g.Links, linksv1.CreateRequest{Options: linksv1.Options{Captcha: true}}, "https://a.example/2")
	key := s.client.Jar.Cookies(at.JoinPath(path))
	at2 := at.JoinPath("/container/" + second.ID)
	for _, k := range key {
		k.Path = "/container/" + second.ID
	}
	other.client.Jar.SetCookies(at2, key)
	other.get(t, 200, "/container/"+second.ID).lacks(t, "CNL_LINKS")
	g.now = g.now.Add(linksv1.PassLife)
	s.get(t, 200, path).lacks(t, "CNL_LINKS")
}

func TestCaptcha_AndPassword(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	c := contain(t, g.Links, linksv1.CreateRequest{Password: "x", Options: linksv1.Options{Captcha: true}}, "https://a.example/1")
	s := &scraper{browser: open(t, g.World)}
	s.open(t, 200, c.NumericID)
	if _, fields := s.form(t); !slices.Equal(fields, []string{"password", "cc_x", "cc_y", "cc"}) {
		t.Errorf("the first form has %q", fields)
	}
	s.submit(t, "password", "x", "cc_x", "0", "cc_y", "0")
	s.page.has(t, ">Captcha-Klick war falsch")
	x, y := g.look(t, s.browser)
	s.submit(t, "password", "falsch", "cc_x", x, "cc_y", y)
	s.page.has(t, ">Passwort ist falsch")
	s.page.lacks(t, "captcha_circle.php") // the click was right
	s.submit(t, "password", "x")
	if _, links := s.links(t); len(links) != 1 {
		t.Errorf("links %q", links)
	}
	// Its owner needs neither.
	b := open(t, g.World)
	b.signUp(t, "grace")
	mine := b.post(t, 303, "/containers", "title", "Mine", "links", "https://a.example/2", "password", "y", "captcha", "on").Header.Get("Location")
	id := between(mine, "/containers", "/", "?")
	b.get(t, 200, "/container/"+id).has(t, "CNL_LINKS", `<a href="/containers/`+id+`">`)
}

func FuzzCookies(f *testing.F) {
	for _, s := range []string{"", "AAAA", "e30", "AQAAAAE", "=", "%"} {
		f.Add(s)
	}
	w := edgetest.New(f)
	c := contain(f, w.Links, linksv1.CreateRequest{Password: "x", Options: linksv1.Options{Captcha: true}}, "https://a.example/1")
	f.Fuzz(func(t *testing.T, value string) {
		b := open(t, w)
		req := b.request(t, "POST", "/container/"+c.ID, "password=x&cc_x=1&cc_y=1")
		req.Header.Set("Cookie", "container_captcha="+value+"; container_open="+value)
		resp, err := b.client.Do(req)
		if err != nil {
			return // no header
		}
		defer resp.Body.Close()
		if body := read(t, resp.Body); resp.StatusCode != 200 && resp.StatusCode != 400 || resp.StatusCode == 200 && !strings.Contains(body, "Captcha-Klick war falsch") {
			t.Errorf("%q: %d", value, resp.StatusCode)
		}
	})
}

// TestCaptcha_Rate: one address has so many pictures drawn a minute.
func TestCaptcha_Rate(t *testing.T) {
	t.Parallel()
	now := time.Now() // it stands still, however slow the machine is
	b := open(t, edgetest.New(t, func(_ *edge.Config, d *edge.Deps) { d.Now = func() time.Time { return now } }))
	for range 60 {
		b.get(t, 200, "/captcha_circle.php?ts=1")
	}
	if b.get(t, 429, "/captcha_circle.php?ts=1").Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
