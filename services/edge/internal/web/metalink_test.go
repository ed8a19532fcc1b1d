package web_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// metalink is what a reader of RFC 5854 sees.
type metalink struct {
	XMLName xml.Name `xml:"urn:ietf:params:xml:ns:metalink metalink"`
	Files   []struct {
		Name string `xml:"name,attr"`
		Size int64  `xml:"size"`
		URLs []struct {
			Priority int    `xml:"priority,attr"`
			URL      string `xml:",chardata"`
		} `xml:"url"`
	} `xml:"file"`
}

func TestMetalink(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	c := contain(t, w.Links, linksv1.CreateRequest{Links: []linksv1.LinkInput{
		{URL: "https://a.example/d/x.rar"}, {URL: "https://b.example/?id=1&x=2", Backup: true}, {URL: "https://a.example/d/X.rar"}, {URL: "https://a.example/"},
		{URL: "https://a.example/..%2f..%2fetc%2fpasswd"}, {URL: "https://a.example/known"}, {URL: "https://c.example/known", Mirror: 1}, {URL: "https://c.example/other", Mirror: 1},
	}})
	for _, url := range []string{"https://a.example/known", "https://c.example/known"} {
		if err := w.Links.Check(url, linksv1test.Found{Status: linksv1.Online, Name: "../film.mkv", Size: 700}); err != nil {
			t.Fatal(err)
		}
	}
	a := b.get(t, 200, "/container/"+c.ID+"/links.meta4")
	if a.Header.Get("Content-Type") != "application/metalink4+xml" || a.Header.Get("Content-Disposition") != `attachment; filename="`+c.ID+`.meta4"` {
		t.Errorf("%v", a.Header)
	}
	var doc metalink
	if err := xml.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range doc.Files {
		line := fmt.Sprintf("%s %d", f.Name, f.Size)
		for _, u := range f.URLs {
			line += fmt.Sprintf(" %d:%s", u.Priority, u.URL)
		}
		got = append(got, line)
	}
	want := []string{
		"x.rar 0 1:https://a.example/d/x.rar 2:https://b.example/?id=1&x=2",
		"X (2).rar 0 1:https://a.example/d/X.rar",
		"link-4 0 1:https://a.example/",
		"passwd 0 1:https://a.example/..%2f..%2fetc%2fpasswd",
		"_film.mkv 700 1:https://a.example/known 2:https://c.example/known",
		"other 0 1:https://c.example/other",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}
