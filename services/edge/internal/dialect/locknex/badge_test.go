package locknex_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// anybody sends no credential.
func anybody(pairs ...string) http.Header { return header(pairs...) }

func TestGetBadge_Headers(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"x",`+twoLinks+`}`)
	for _, name := range []string{id, numericOf(t, w, by, id)} {
		for ending, form := range map[string]string{"svg": "image/svg+xml; charset=utf-8", "webp": "image/webp", "png": "image/png"} {
			r := w.Want(t, 200, "GET", "/s/"+name+"."+ending, "", anybody())
			h := r.Header
			if h.Get("Content-Type") != form || h.Get("Cache-Control") != "public, max-age=60, stale-while-revalidate=300" || h.Get("Access-Control-Allow-Origin") != "*" ||
				h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" || h.Get("Vary") != "" || h.Get("X-Ratelimit-Limit") != "" || r.Body == "" {
				t.Errorf("%s: %v", ending, h)
			}
			etag := h.Get("Etag")
			if !strings.HasPrefix(etag, `"`) || len(etag) < 10 {
				t.Errorf("%s: %s", ending, etag)
			}
			if head := w.Want(t, 200, "HEAD", "/s/"+name+"."+ending, "", anybody()); head.Header.Get("Etag") != etag || head.Header.Get("Content-Length") != h.Get("Content-Length") || head.Body != "" {
				t.Errorf("HEAD %s: %v", ending, head.Header)
			}
			for _, seen := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
				n := w.Want(t, 304, "GET", "/s/"+name+"."+ending, "", anybody("If-None-Match", seen))
				if n.Body != "" || n.Header.Get("Etag") != etag || n.Header.Get("Cache-Control") != h.Get("Cache-Control") || n.Header.Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("304 to %s: %v", seen, n.Header)
				}
			}
			for _, other := range []string{`"x"`, "x", etag[1:], ""} {
				w.Want(t, 200, "GET", "/s/"+name+"."+ending, "", anybody("If-None-Match", other))
			}
		}
	}
	if h := w.Want(t, 200, "GET", "/s/"+id+".svg", "", anybody()).Header; !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%v", h)
	}
}

// TestGetBadge_ETagIsOfThePicture: another picture has another tag, the same one
// the same.
func TestGetBadge_ETagIsOfThePicture(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"x",`+twoLinks+`}`)
	other := create(t, w, by, `{"title":"y","links":["https://a.example/1"]}`)
	tag := func(path string) string { return w.Want(t, 200, "GET", path, "", anybody()).Header.Get("Etag") }
	seen := map[string]string{}
	for _, q := range []string{".svg", ".svg?label=a", ".svg?scale=2", ".webp", ".webp?scale=2", ".png", ".png?scale=3"} {
		e := tag("/s/" + id + q)
		if was, ok := seen[e]; ok {
			t.Errorf("%s and %s have one tag", q, was)
		}
		seen[e] = q
		if tag("/s/"+other+q) != e {
			t.Errorf("%s: another tag for the same picture", q)
		}
	}
	if tag("/s/"+id+".svg?scale=1&label=links&x=y") != tag("/s/"+id+".svg") {
		t.Error("what changes nothing makes another tag")
	}
}

func TestGetBadge_Unknown(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, name := range []string{"aaaaaaaaaaa", "123", "UPPER", "", "a%2Fb", strings.Repeat("a", 500), "%00", "%C3%A4", "x%22%3E%3Cscript%3E"} {
		r := w.Want(t, 200, "GET", "/s/"+name+".svg", "", anybody())
		if !strings.Contains(r.Body, "not found") || r.Header.Get("Cache-Control") != "public, max-age=10" || strings.Contains(r.Body, "script") {
			t.Errorf("%q: %v %s", name, r.Header, r.Body)
		}
	}
	for _, path := range []string{"/s/aaaaaaaaaaa", "/s/aaaaaaaaaaa.gif", "/s/aaaaaaaaaaa.SVG", "/s/aaaaaaaaaaa.svg.png", "/s/a.b.svg", "/s/%2e%2e.svg", "/s/svg"} {
		if r := w.Want(t, 404, "GET", path, "", anybody()); r.Code() != "not_found" {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		if r := w.Want(t, 405, method, "/s/aaaaaaaaaaa.svg", "", anybody()); r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v", method, r.Header)
		}
	}
}

// TestGetBadge_AnyWishIsAPicture: whatever the query holds, a picture comes.
func TestGetBadge_AnyWishIsAPicture(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	id := create(t, w, keyOf(t, w, "ada"), `{"title":"x",`+twoLinks+`}`)
	for _, q := range []string{
		"label=" + url.QueryEscape(`"><script>alert(1)</script>&]]>`), "label=%ff%00%zz", "scale=1e9", "scale=-1&scale=2", "label=" + strings.Repeat("%F0%9F%98%80", 1000), ";;;&&==", "%", "label[]=x",
	} {
		for _, ending := range []string{"svg", "webp", "png"} {
			r := w.Want(t, 200, "GET", "/s/"+id+"."+ending+"?"+q, "", anybody())
			if strings.Contains(r.Body, "<script") || len(r.Body) > 64<<10 {
				t.Errorf("%s?%s: %d bytes", ending, q, len(r.Body))
			}
		}
	}
}

func TestGetBadge_LinkcheckerIsAway(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	w.Links.Down(fault.ErrUnavailable)
	r := w.Want(t, 503, "GET", "/s/aaaaaaaaaaa.svg", "", anybody())
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Retry-After") == "" || r.Header.Get("Etag") != "" || !strings.Contains(r.Body, "unavailable") {
		t.Errorf("%v %s", r.Header, r.Body)
	}
}

func TestGetBadge_Statuses(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	for says, found := range map[string][]linksv1.Status{
		"online 2/2": {linksv1.Online, linksv1.Online}, "partial 1/2": {linksv1.Online, linksv1.Offline}, "offline": {linksv1.Offline, linksv1.Offline}, "unknown": nil,
	} {
		links := []string{"https://a.example/" + url.PathEscape(says) + "/1", "https://a.example/" + url.PathEscape(says) + "/2"}
		id := create(t, w, by, `{"title":"x","links":["`+strings.Join(links, `","`)+`"]}`)
		for i, s := range found {
			if err := w.Links.Check(links[i], linksv1test.Found{Status: s}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			r := w.Want(t, 200, "GET", "/s/"+id+".svg", "", anybody())
			if !strings.Contains(r.Body, `aria-label="links: `+says+`"`) || !strings.Contains(r.Body, `role="img"`) || !strings.Contains(r.Body, "<title>links: "+says+"</title>") {
				t.Errorf("%s: %s", says, r.Body)
			}
		}
	}
}
