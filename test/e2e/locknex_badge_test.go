package e2e_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// greens counts the pixels that programs take for "online" (field-facts.md 1.3).
func greens(p image.Image) (n int) {
	for y := p.Bounds().Min.Y; y < p.Bounds().Max.Y; y++ {
		for x := p.Bounds().Min.X; x < p.Bounds().Max.X; x++ {
			c := color.NRGBAModel.Convert(p.At(x, y)).(color.NRGBA)
			if c.G > 100 && float64(c.G) > 1.3*float64(c.R) && float64(c.G) > 1.3*float64(c.B) {
				n++
			}
		}
	}
	return n
}

// four makes a container of each status, by name.
func four(t *testing.T, g *ground) map[string]string {
	t.Helper()
	l, site := g.locknex(), g.links.Site(t)
	site.Becomes("gone", harness.Status(404))
	site.Becomes("locked", harness.Status(403))
	ids := map[string]string{}
	for status, links := range map[string][]string{"online": site.Links("a", "b"), "partial": site.Links("a", "gone"), "offline": site.Links("gone"), "unknown": site.Links("locked")} {
		ids[status] = l.Create(t, status, links).ID
	}
	for status, id := range ids {
		recorded(t, g.anyone(t), id, status)
	}
	return ids
}

func locknexBadgeRules() []rule {
	badge := func(t *testing.T, g *ground, name string, headers ...string) harness.Response {
		t.Helper()
		return g.anyone(t).Call(t, "GET", "/s/"+name, nil, headers...)
	}
	return []rule{
		{says: "what each status says, in SVG: text, colour, role, aria-label, title, 20 px high", check: func(t *testing.T, g *ground) {
			ids := four(t, g)
			for status, want := range map[string][2]string{
				"online": {"online 2/2", "#44cc11"}, "partial": {"partial 1/2", "#dfb317"}, "offline": {"offline", "#e05d44"}, "unknown": {"unknown", "#9f9f9f"},
			} {
				until(t, badgeWithin, func() bool { return g.anyone(t).Badge(t, ids[status]) == want[0] }, func() string { return want[0] + " on the badge; it says " + g.anyone(t).Badge(t, ids[status]) })
				r := badge(t, g, ids[status]+".svg").Want(t, 200)
				says(t, r, `height="20"`, `role="img"`, `aria-label="links: `+want[0]+`"`, "<title>links: "+want[0]+"</title>", want[1])
				equal(t, "Content-Type", r.Header.Get("Content-Type"), "image/svg+xml; charset=utf-8")
				d := xml.NewDecoder(bytes.NewReader(r.Body))
				for {
					if _, err := d.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatalf("no XML: %v", err)
					}
				}
				silent(t, r, "<script", "<a ", "href=")
			}
		}},
		{says: "a raster badge that is online or partial holds green, offline and unknown have no green pixel", check: func(t *testing.T, g *ground) {
			for status, id := range four(t, g) {
				until(t, badgeWithin, func() bool { return strings.HasPrefix(g.anyone(t).Badge(t, id), status) }, func() string { return status })
				for _, scale := range []string{"", "?scale=2"} {
					r := badge(t, g, id+".png"+scale).Want(t, 200)
					p, err := png.Decode(bytes.NewReader(r.Body))
					if err != nil {
						t.Fatal(err)
					}
					if n := greens(p); (n > 0) != (status == "online" || status == "partial") {
						t.Errorf("%s%s: %d green pixels", status, scale, n)
					}
					equal(t, "height", p.Bounds().Dy(), 20*(1+len(scale)/8))
				}
			}
		}},
		{says: "webp and png are pictures of their kind", check: func(t *testing.T, g *ground) {
			id := g.locknex().Create(t, "kinds", g.links.Site(t).Links("a")).ID
			r := badge(t, g, id+".webp").Want(t, 200)
			equal(t, "Content-Type", r.Header.Get("Content-Type"), "image/webp")
			if !bytes.HasPrefix(r.Body, []byte("RIFF")) || string(r.Body[8:12]) != "WEBP" {
				t.Errorf("%.20q", r.Body)
			}
			equal(t, "Content-Type", badge(t, g, id+".png").Want(t, 200).Header.Get("Content-Type"), "image/png")
			for _, name := range []string{id, id + ".gif", id + ".svg.exe", id + ".SVG", ""} {
				if r := badge(t, g, name); r.Status != 404 {
					t.Errorf("%s: %d", name, r.Status)
				}
			}
		}},
		{says: "headers: caching, CORS, no cookie, no redirect", check: func(t *testing.T, g *ground) {
			id := g.locknex().Create(t, "headers", g.links.Site(t).Links("a")).ID
			for _, ending := range []string{"svg", "webp", "png"} {
				r := badge(t, g, id+"."+ending, "Cookie", "sluice_session=x", "Origin", "https://forum.example").Want(t, 200)
				h := r.Header
				equal(t, "Cache-Control", h.Get("Cache-Control"), "public, max-age=60, stale-while-revalidate=300")
				equal(t, "CORS", h.Get("Access-Control-Allow-Origin"), "*")
				equal(t, "cookies", len(h.Values("Set-Cookie")), 0)
				equal(t, "nosniff", h.Get("X-Content-Type-Options"), "nosniff")
				if tag := h.Get("Etag"); !strings.HasPrefix(tag, `"`) || strings.Contains(h.Get("Vary"), "Cookie") {
					t.Errorf("%v", h)
				}
			}
		}},
		{says: "strong ETag: 304 while it is the same picture, another one after a change", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			site.Becomes("gone", harness.Status(404))
			c := l.Create(t, "etag", site.Links("a"))
			recorded(t, l, c.ID, "online")
			until(t, badgeWithin, func() bool { return l.Badge(t, c.ID) == "online 1/1" }, func() string { return "online" })
			tags := map[string]bool{}
			for _, name := range []string{".svg", ".webp", ".png", ".svg?label=x"} {
				r := badge(t, g, c.ID+name).Want(t, 200)
				tag := r.Header.Get("Etag")
				tags[tag] = true
				for _, match := range []string{tag, `"x", ` + tag, "W/" + tag, "*"} {
					n := badge(t, g, c.ID+name, "If-None-Match", match).Want(t, 304)
					equal(t, "body", len(n.Body), 0)
					equal(t, "Etag", n.Header.Get("Etag"), tag)
					equal(t, "Cache-Control", n.Header.Get("Cache-Control"), r.Header.Get("Cache-Control"))
				}
				badge(t, g, c.ID+name, "If-None-Match", `"another"`).Want(t, 200)
			}
			equal(t, "tags", len(tags), 4)
			l.Call(t, "PUT", lnContainer+"/"+c.ID, object{"links": site.Links("gone")}).Want(t, 200)
			recorded(t, l, c.ID, "offline")
			until(t, badgeWithin, func() bool { return !tags[badge(t, g, c.ID+".svg").Header.Get("Etag")] }, func() string { return "another ETag" })
		}},
		{says: "HEAD is as GET without the picture", check: func(t *testing.T, g *ground) {
			id := g.locknex().Create(t, "head", g.links.Site(t).Links("a")).ID
			recorded(t, g.anyone(t), id, "online")
			until(t, badgeWithin, func() bool { return g.anyone(t).Badge(t, id) == "online 1/1" }, func() string { return "online" })
			get, head := badge(t, g, id+".svg"), g.anyone(t).Call(t, "HEAD", "/s/"+id+".svg", nil)
			equal(t, "status", head.Status, 200)
			equal(t, "Content-Length", head.Header.Get("Content-Length"), fmt.Sprint(len(get.Body)))
			equal(t, "body", len(head.Body), 0)
			equal(t, "Etag", head.Header.Get("Etag"), get.Header.Get("Etag"))
		}},
		{says: "?label= is the left text, and harmless whatever it is", check: func(t *testing.T, g *ground) {
			id := g.locknex().Create(t, "label", g.links.Site(t).Links("a")).ID
			says(t, badge(t, g, id+".svg?label=Rapidgator"), `aria-label="Rapidgator: `)
			for _, label := range []string{"%3Cscript%3Ealert(1)%3C/script%3E", "%22%20onload=%22x", "%00%01%02", strings.Repeat("%F0%9F%90%A7", 500), "%ff%fe", "%E2%80%AEabc", "&label=x", "%zz"} {
				for _, ending := range []string{".svg", ".webp", ".png"} {
					r := badge(t, g, id+ending+"?label="+label)
					if r.Status != 200 || len(r.Body) > 200_000 {
						t.Errorf("%s%.40s: %d, %d bytes", ending, label, r.Status, len(r.Body))
					}
					if ending == ".svg" {
						silent(t, r, "<script", `" onload`)
						if err := xml.Unmarshal(r.Body, new(struct{})); err != nil {
							t.Errorf("%.40s: no XML: %v", label, err)
						}
					}
				}
			}
			badge(t, g, id+".webp?scale=999999").Want(t, 200)
			badge(t, g, id+".webp?scale=-1").Want(t, 200)
		}},
		{says: "an unknown id is a grey not-found badge, 200, for a short time", check: func(t *testing.T, g *ground) {
			for _, id := range []string{"zzzzzzzzzzz", "999999999999", "x", "%3Cscript%3E", "-", strings.Repeat("a", 2000)} {
				r := badge(t, g, id+".svg").Want(t, 200)
				says(t, r, "<title>links: not found</title>", "#9f9f9f")
				equal(t, "Cache-Control", r.Header.Get("Cache-Control"), "public, max-age=10")
				p, err := png.Decode(bytes.NewReader(badge(t, g, id+".png").Want(t, 200).Body))
				if err != nil || greens(p) > 0 {
					t.Errorf("%s: %v", id, err)
				}
			}
		}},
		{says: "a change shows on two edges within 5 s, also that there is a container now and none any more", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			site.Becomes("gone", harness.Status(404))
			n := fmt.Sprint(7_500_000 + names.Add(1))
			edges := []*harness.Locknex{g.anyone(t), g.anyone(t).At(g.edges.forced.URL)}
			shows := func(want string, ids ...string) {
				t.Helper()
				for _, e := range edges {
					for _, id := range ids {
						until(t, badgeWithin, func() bool { return e.Badge(t, id) == want }, func() string { return want + " at " + e.URL + "; it says " + e.Badge(t, id) })
					}
				}
			}
			shows("not found", n)
			line := harness.LocknexLine(t, object{"numeric_id": n, "title": "badge", "links": site.Links("a", "b"), "owner": g.c.Username})
			if _, err := g.w.CLI(t.Context(), line, "container", "import", "-"); err != nil {
				t.Fatal(err)
			}
			id := recorded(t, l, n, "online").ID
			shows("online 2/2", id, n)
			for status, links := range map[string][]string{"partial": site.Links("a", "gone"), "offline": site.Links("gone")} {
				l.Call(t, "PUT", lnContainer+"/"+id, object{"links": links}).Want(t, 200)
				recorded(t, l, id, status)
				if status == "partial" {
					shows("partial 1/2", id, n)
				} else {
					shows("offline", id, n)
				}
			}
			l.Call(t, "DELETE", lnContainer+"/"+id, nil).Want(t, 200)
			shows("not found", id, n)
		}},
	}
}
