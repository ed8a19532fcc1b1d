package badge_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/image/webp"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
)

var update = flag.Bool("update", false, "write the golden pictures anew")

// faces is a container of each kind, by what its badge says. None has no counts.
func faces() map[string]linksv1.Counts {
	return map[string]linksv1.Counts{
		"online 3/3": {Online: 3}, "online 1000/1000": {Online: 1000},
		"partial 2/3": {Online: 2, Offline: 1}, "partial 0/3": {Offline: 1, Unknown: 2}, "partial 999/1000": {Online: 999, Offline: 1},
		"offline": {Offline: 3}, "unknown": {Unknown: 3}, "not found": {},
	}
}

// of sets the container up and shows it.
func (b *bench) of(t testing.TB, says string, l badge.Look) badge.Shown {
	t.Helper()
	b.links.remove()
	if n := faces()[says]; n.Total() > 0 {
		b.links.set(n, 1)
	}
	b.clock.pass(1 << 40) // nothing known holds
	return b.show(t, id, l)
}

func decode(t testing.TB, f badge.Form, body []byte) image.Image {
	t.Helper()
	read := png.Decode
	if f == badge.WebP {
		read = func(r io.Reader) (image.Image, error) { return webp.Decode(r) }
	}
	img, err := read(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// pixels gives a picture's colours without what they are mixed with, as Pillow
// does when it drops the alpha.
func pixels(img image.Image) []color.NRGBA {
	var out []color.NRGBA
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			out = append(out, color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)) //nolint:forcetypeassert // the model's
		}
	}
	return out
}

// holdsGreen is what programs look for (field-facts.md, 1.3), and near whether any
// pixel comes within a tenth of it.
func holdsGreen(all []color.NRGBA) (green, near bool) {
	for _, p := range all {
		r, g, b := float64(p.R), float64(p.G), float64(p.B)
		green = green || g > 100 && g > 1.3*r && g > 1.3*b
		near = near || g > 90 && g > 1.17*r && g > 1.17*b
	}
	return green, near
}

func TestPicture_GreenIsOnline(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	for says := range faces() {
		want := strings.HasPrefix(says, "online") || strings.HasPrefix(says, "partial")
		for _, query := range []string{"", "scale=2", "label=%E2%9C%85+gr%C3%BCn+%F0%9F%9F%A2&scale=3"} {
			var first []color.NRGBA
			for _, f := range []badge.Form{badge.PNG, badge.WebP} {
				all := pixels(decode(t, f, b.of(t, says, look(f, query)).Body))
				green, near := holdsGreen(all)
				if green != want || near && !want {
					t.Errorf("%s?%s in form %d: green %v, nearly %v", says, query, f, green, near)
				}
				if f == badge.PNG {
					first = all
				} else if !equal(first, all) {
					t.Errorf("%s?%s: WebP and PNG are different pictures", says, query)
				}
			}
		}
	}
}

// equal leaves the colour of what cannot be seen aside.
func equal(a, b []color.NRGBA) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && (a[i].A != 0 || b[i].A != 0) {
			return false
		}
	}
	return true
}

func TestPicture_OneSizeInAllForms(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	for says := range faces() {
		for scale := 1; scale <= 2; scale++ {
			query := fmt.Sprint("scale=", scale)
			size := sizeOfSVG(t, b.of(t, says, look(badge.SVG, query)).Body)
			if size.Y != 20*scale {
				t.Errorf("%s: %d high at scale %d", says, size.Y, scale)
			}
			for _, f := range []badge.Form{badge.PNG, badge.WebP} {
				if got := decode(t, f, b.of(t, says, look(f, query)).Body).Bounds().Size(); got != size {
					t.Errorf("%s: %v in form %d, %v as SVG", says, got, f, size)
				}
			}
		}
	}
}

// svgDoc is what of an SVG is told to people and programs.
type svgDoc struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Width   int      `xml:"width,attr"`
	Height  int      `xml:"height,attr"`
	Role    string   `xml:"role,attr"`
	Label   string   `xml:"aria-label,attr"`
	Title   string   `xml:"title"`
	Texts   []string `xml:"g>text"`
}

func readSVG(t testing.TB, body []byte) svgDoc {
	t.Helper()
	var d svgDoc
	if err := xml.Unmarshal(body, &d); err != nil {
		t.Fatalf("%v:\n%s", err, body)
	}
	return d
}

func sizeOfSVG(t testing.TB, body []byte) image.Point {
	d := readSVG(t, body)
	return image.Pt(d.Width, d.Height)
}

func TestPicture_SVGSays(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	for says := range faces() {
		d := readSVG(t, b.of(t, says, badge.Plain(badge.SVG)).Body)
		want := "links: " + says
		if d.Role != "img" || d.Label != want || d.Title != want || len(d.Texts) != 4 || d.Texts[1] != "links" || d.Texts[3] != says {
			t.Errorf("%s: %+v", says, d)
		}
	}
	b.links.fail(errors.New("away"), nil)
	b.clock.pass(1 << 50)
	if s := b.show(t, id, badge.Plain(badge.SVG)); s.Kind != badge.Unavailable || readSVG(t, s.Body).Title != "links: unavailable" {
		t.Errorf("%v %s", s.Kind, s.Body)
	}
}

func TestPicture_Golden(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	for name, c := range map[string]struct{ says, query string }{
		"online": {"online 3/3", ""}, "partial": {"partial 2/3", ""}, "offline": {"offline", ""}, "unknown": {"unknown", ""}, "not-found": {"not found", ""},
		"online-2x": {"online 1000/1000", "scale=2"}, "label": {"partial 999/1000", "label=Übertragung+<2>&scale=2"},
	} {
		vector, raster := b.of(t, c.says, look(badge.SVG, c.query)).Body, b.of(t, c.says, look(badge.PNG, c.query)).Body
		if *update {
			for ending, body := range map[string][]byte{".svg": vector, ".png": raster} {
				if err := os.WriteFile(filepath.Join("testdata", name+ending), body, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		want, err := os.ReadFile(filepath.Join("testdata", name+".svg"))
		if err != nil || !bytes.Equal(want, vector) {
			t.Errorf("%s.svg differs: %v\n%s", name, err, vector)
		}
		// Pixels are compared, since how they are packed is the library's matter.
		want, err = os.ReadFile(filepath.Join("testdata", name+".png"))
		if err != nil || !equal(pixels(decode(t, badge.PNG, want)), pixels(decode(t, badge.PNG, raster))) {
			t.Errorf("%s.png differs: %v", name, err)
		}
	}
}

func TestLookOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 100)
	for query, want := range map[string]badge.Look{
		"":                             {Label: "links", Scale: 1},
		"label=":                       {Label: "links", Scale: 1},
		"label=%20%09%0a":              {Label: "links", Scale: 1},
		"label=a%20%0a%20b+":           {Label: "a b", Scale: 1},
		"label=a%00b%07%1b%7f":         {Label: "ab", Scale: 1},
		"label=%e2%80%aeabc%e2%80%8b":  {Label: "abc", Scale: 1}, // direction and width
		"label=%ff%fea":                {Label: "\uFFFDa", Scale: 1},
		"label=%ef%bf%be%f0%9f%bf%bfx": {Label: "x", Scale: 1}, // U+FFFE, U+1FFFF
		"label=" + long:                {Label: long[:80] + "…", Scale: 1},
		"label=" + long[:80]:           {Label: long[:80], Scale: 1},
		"label=%cc%81e" + strings.Repeat("%cc%81", 50): {Label: "e\u0301\u0301\u0301", Scale: 1},
		"label=x&label=y&scale=2&scale=3":              {Label: "x", Scale: 2},
		"scale=0":                                      {Label: "links", Scale: 1},
		"scale=-2":                                     {Label: "links", Scale: 1},
		"scale=4":                                      {Label: "links", Scale: 4},
		"scale=99999999999999999999":                   {Label: "links", Scale: 1},
		"scale=1000000":                                {Label: "links", Scale: 4},
		"scale=2.5":                                    {Label: "links", Scale: 1},
		"scale=0x2":                                    {Label: "links", Scale: 1},
		"%zz&scale=3":                                  {Label: "links", Scale: 3},
	} {
		if got := look(badge.SVG, query); got != want {
			t.Errorf("%q: %#v, want %#v", query, got, want)
		}
	}
}

func FuzzLook(f *testing.F) {
	for _, s := range []string{"label=links&scale=2", `label="><script>alert(1)</script>`, "label=%ff%00&scale=-1", "label=]]>%26amp;", "label=\u202e\u0301\U0001F600漢字", "scale=1e9"} {
		f.Add(s)
	}
	b := setUp(f)
	b.links.set(linksv1.Counts{Offline: 2}, 1)
	f.Fuzz(func(t *testing.T, query string) {
		l := look(badge.SVG, query)
		if !utf8.ValidString(l.Label) || l.Label == "" || utf8.RuneCountInString(l.Label) > 170 || l.Scale < 1 || l.Scale > 4 {
			t.Fatalf("%q: %#v", query, l)
		}
		d := readSVG(t, b.show(t, id, l).Body)
		if d.Title != l.Label+": offline" || d.Label != d.Title || len(d.Texts) != 4 || d.Texts[1] != l.Label {
			t.Fatalf("%q: %+v", query, d)
		}
		if d.Width > 4*2000 {
			t.Fatalf("%q: %d wide", query, d.Width)
		}
		l.Form = badge.WebP
		all := pixels(decode(t, badge.WebP, b.show(t, id, l).Body))
		if green, near := holdsGreen(all); green || near {
			t.Fatalf("%q: green", query)
		}
		l.Form = badge.PNG
		if !equal(all, pixels(decode(t, badge.PNG, b.show(t, id, l).Body))) {
			t.Fatalf("%q: WebP and PNG differ", query)
		}
	})
}
