package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// byGet answers GET so, and wants no HEAD.
func byGet(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		answer(w, r)
	}
}

func locknexCheckRules() []rule {
	// of makes a container of links that answer so, and gives what became of each.
	of := func(t *testing.T, g *ground, answers map[string]http.HandlerFunc) map[string]harness.LocknexLink {
		t.Helper()
		l, site := g.locknex(), g.links.Site(t)
		var links []string
		for name, answer := range answers {
			site.Becomes(name, answer)
			links = append(links, site.Link(name))
		}
		out := map[string]harness.LocknexLink{}
		for _, k := range checked(t, l, l.Create(t, "checked", links).ID).Links {
			out[k.URL[strings.LastIndexByte(k.URL, '/')+1:]] = k
		}
		return out
	}
	is := func(t *testing.T, got map[string]harness.LocknexLink, status string) {
		t.Helper()
		for name, k := range got {
			if k.Status != status {
				t.Errorf("%s is %s (%s), want %s", name, k.Status, k.Reason, status)
			}
		}
	}
	page := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, body)
		}
	}
	return []rule{
		{says: "checks start at once, and the page of a thing is asked for by HEAD first", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			methods := make(chan string, 8)
			site.Becomes("a", func(w http.ResponseWriter, r *http.Request) {
				methods <- r.Method + " " + r.Header.Get("Range")
				if r.Method == http.MethodHead {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				w.Header().Set("Content-Range", "bytes 0-0/4711")
				w.WriteHeader(http.StatusPartialContent)
				fmt.Fprint(w, "x")
			})
			own := checked(t, l, l.Create(t, "at once", site.Links("a")).ID)
			equal(t, "first", <-methods, "HEAD ")
			equal(t, "second", <-methods, "GET bytes=0-0")
			if k := own.Links[0]; k.Status != "online" || k.Size == nil || *k.Size != 4711 {
				t.Errorf("%+v", k)
			}
		}},
		{says: "404, 410 and 451 are offline", check: func(t *testing.T, g *ground) {
			is(t, of(t, g, map[string]http.HandlerFunc{"404": harness.Status(404), "410": harness.Status(410), "451": harness.Status(451)}), "offline")
		}},
		{says: "401, 403, 429, 5xx and challenge pages are unknown, never offline", check: func(t *testing.T, g *ground) {
			got := of(t, g, map[string]http.HandlerFunc{"401": harness.Status(401), "403": harness.Status(403), "500": harness.Status(500), "502": harness.Status(502)})
			// A host that is busy, or keeps programs out, is left alone for a while: each has its own.
			for name, answer := range map[string]http.HandlerFunc{"429": harness.Status(429), "wall": byGet(page(`<title>Just a moment...</title>`)), "captcha": byGet(page(`<div class="g-recaptcha"></div>`))} {
				got[name] = of(t, g, map[string]http.HandlerFunc{name: answer})[name]
			}
			is(t, got, "unknown")
			for name, k := range got {
				if k.Failures == 0 || k.LastDefinite == "offline" || k.Reason == "" {
					t.Errorf("%s: %+v", name, k)
				}
			}
		}},
		{says: "2xx is online, with what the host says of name and size", check: func(t *testing.T, g *ground) {
			got := of(t, g, map[string]http.HandlerFunc{"file": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Disposition", `attachment; filename="a <b>.iso"`)
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Header().Set("Content-Length", "123456")
			}, "206": harness.Status(206), "204": harness.Status(204)})
			is(t, got, "online")
			if k := got["file"]; k.Name != "a <b>.iso" || k.Size == nil || *k.Size != 123456 {
				t.Errorf("%+v", k)
			}
		}},
		{says: "five redirects are followed, a loop and one to nowhere are not offline", check: func(t *testing.T, g *ground) {
			to := func(path string) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, path, http.StatusFound) }
			}
			site := g.links.Site(t)
			for i := range 5 {
				site.Becomes(fmt.Sprint("hop", i), to(fmt.Sprintf("/%s/hop%d", site.Name, i+1)))
			}
			site.Becomes("loop", to("/"+site.Name+"/loop"))
			site.Becomes("inside", to("http://10.1.2.3/"))
			l := g.locknex()
			for name, want := range map[string]string{"hop0": "online", "loop": "unknown", "inside": "unknown"} {
				equal(t, name, checked(t, l, l.Create(t, name, site.Links(name)).ID).Status, want)
			}
		}},
		{says: "a host's rule decides: a soft 404 with 200 is offline", check: func(t *testing.T, g *ground) {
			g.links.Answer("/file/404404", page("<h1>404 File not found</h1>"))
			g.links.Answer("/abcdef404404", page("<b>File Not Found</b>"))
			l := g.locknex()
			c := l.Create(t, "soft", []string{"https://rapidgator.net/file/404404", "https://ddownload.com/abcdef404404", "https://rg.to/file/404405"})
			own := checked(t, l, c.ID)
			equal(t, "statuses", own.Links[0].Status+" "+own.Links[1].Status, "offline offline")
		}},
		{says: "one record of a URL: two containers with it cost one check", check: func(t *testing.T, g *ground) {
			l, other, site := g.locknex(), owner(t, g.w), g.links.Site(t)
			a := l.Create(t, "first", site.Links("shared"))
			recorded(t, l, a.ID, "online")
			asked := site.Asked("shared")
			b := other.Create(t, "second", site.Links("shared"))
			s := recorded(t, other, b.ID, "online")
			equal(t, "requests", site.Asked("shared"), asked)
			equal(t, "last_checked", *s.LastChecked, *l.Status(t, a.ID).LastChecked)
		}},
		{says: "re-checks: a link that dies is noticed, the last definite state is kept beside", check: func(t *testing.T, g *ground) {
			l, site := owner(t, g.tight), g.links.Site(t)
			c := l.Create(t, "dies", site.Links("a"))
			recorded(t, l, c.ID, "online")
			site.Becomes("a", harness.Status(503))
			recorded(t, l, c.ID, "unknown")
			k := l.Own(t, c.ID).Links[0]
			if k.LastDefinite != "online" || k.LastDefiniteAt == nil || k.Failures == 0 {
				t.Errorf("%+v", k)
			}
			site.Becomes("a", harness.Status(404))
			recorded(t, l, c.ID, "offline")
			equal(t, "badge of it", k.URL, site.Link("a"))
			until(t, badgeWithin, func() bool { return l.Badge(t, c.ID) == "offline" }, func() string { return "offline on the badge; it says " + l.Badge(t, c.ID) })
		}},
		{says: "addresses inside are refused, however they are spelt", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			var links []string
			for _, host := range []string{"10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "100.64.0.1", "0.0.0.0", "224.0.0.1", "[fe80::1]", "[fd00::1]", "2130706433", "0x7f000001", "[64:ff9b::a00:1]"} {
				links = append(links, "http://"+host+"/secret")
			}
			for i, link := range links {
				// What is refused when the container is made need not be checked.
				r := l.Call(t, "POST", lnContainer+"/create", object{"title": "inside", "links": []string{link}})
				if r.Status == 400 {
					r.Denies(t, 400, "bad_link")
					continue
				}
				var c harness.LocknexCreated
				r.Want(t, 200).JSON(t, &c)
				if own := checked(t, l, c.ID); own.Status != "unknown" || own.Links[0].HTTPStatus != nil {
					t.Errorf("%s: %+v", links[i], own.Links)
				}
			}
		}},
		{says: "an address in the allow-list is reached on any port; others only on known ones", check: func(t *testing.T, g *ground) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.UserAgent(), "Sluice") && !strings.Contains(strings.ToLower(r.UserAgent()), "sluice") {
					w.WriteHeader(404)
				}
			})}
			done := make(chan struct{})
			go func() { defer close(done); _ = s.Serve(listener) }()
			t.Cleanup(func() { _ = s.Close(); <-done })
			l := g.locknex()
			c := l.Create(t, "port", []string{"http://" + listener.Addr().String() + "/x", "http://93.184.216.34:9/x"})
			own := checked(t, l, c.ID)
			equal(t, "statuses", own.Links[0].Status+" "+own.Links[1].Status, "online unknown")
		}},
		{says: "hostile answers: endless, huge headers, half a head, nothing", check: func(t *testing.T, g *ground) {
			broken := func(text string) http.HandlerFunc {
				return func(w http.ResponseWriter, _ *http.Request) {
					conn, _, err := w.(http.Hijacker).Hijack()
					if err != nil {
						return
					}
					defer conn.Close()
					_, _ = fmt.Fprint(conn, text)
				}
			}
			got := of(t, g, map[string]http.HandlerFunc{
				"endless": byGet(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/html")
					for r.Context().Err() == nil {
						if _, err := w.Write([]byte(strings.Repeat("x", 64<<10))); err != nil {
							return
						}
					}
				}),
				"headers": broken("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 8000)+"\r\n", 400)), "half": broken("HTTP/1.1 20"), "nothing": broken(""), "rubbish": broken("\x00\x01\x02\r\n\r\n"),
			})
			for name, k := range got {
				if k.Status == "offline" || !slices.Contains([]string{"online", "unknown"}, k.Status) {
					t.Errorf("%s: %+v", name, k)
				}
			}
		}},
	}
}
