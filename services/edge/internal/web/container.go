package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// How the pages of containers ask others.
const (
	clicksWithin = 2 * time.Second // the page goes without statistics then
	topReferrers = 10
)

// errNoMirror is of ?mirror= that the container does not have.
var errNoMirror = fault.New(fault.NotFound, "edge.no_mirror", "the container has no such mirror")

// containerPage is the page of a container for whoever has the link.
type containerPage struct {
	frame
	Container linksv1.Container
	Path, URL string // of the page: by the id that was asked for, and by the proper one
	Owned     bool
	NeedClick bool // a click in a picture is asked for
	NeedWord  bool // a password is
	Stamp     int64
	Wrong     string // "password" or "click"
	Problem   string
	Mirror    int         // ?mirror=; 0: all
	Groups    []linkGroup // what is shown
	Mirrors   bool
	All       int    // groups that there are
	Letters   string // of all links
	ShowURLs  bool
	CNL       *clickNLoad
	CNLLinks  template.JS
	Nonce     string
	Badge     badgeCodes
	Clicks    *clickGraph // nil: not known now
}

// Splits reports whether a group can be shown alone.
func (v containerPage) Splits() bool { return v.All > 1 && v.Mirror == 0 }

// Open reports whether the links are on the page.
func (v containerPage) Open() bool { return !v.NeedClick && !v.NeedWord }

// adjust gives the page's answer the policy that it needs: one script of its own
// (field-facts.md 1.2), and download managers on the reader's machine.
func (v containerPage) adjust(head http.Header) {
	head.Set("Vary", "Accept-Language, Cookie")
	script := ""
	if v.Nonce != "" {
		script = " script-src 'self' 'nonce-" + v.Nonce + "';"
	}
	target := "'none'"
	action := "'self'"
	if v.CNL != nil {
		target, action = clickNLoadAddress, "'self' "+clickNLoadAddress
	}
	head.Set("Content-Security-Policy", "default-src 'self';"+script+" frame-src "+target+"; object-src 'none'; base-uri 'none'; form-action "+action+"; frame-ancestors 'none'")
}

// containerFrame is the frame of the pages of containers, in the reader's
// language.
func (h *Handler) containerFrame(r *http.Request, title string, scripts ...string) frame {
	f := h.frameOf(r, title, scripts...)
	f.words = h.wordsFor(r)
	back := r.URL.Path
	if r.Method != http.MethodPost {
		back = r.URL.RequestURI()
	}
	if returnPath(back) != "" { // and no hash of a short URL is said again
		f.Enter = "/account?" + url.Values{"next": {back}}.Encode()
	}
	return f
}

// ShowContainer answers GET /container/{id}.
func (h *Handler) ShowContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := h.core.Container(r.Context(), r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	h.core.Viewed(viewOfPage(r, c))
	return h.showContainer(w, r, http.StatusOK, containerPage{Container: c}, h.openedOf(r, c.ID))
}

// viewOfPage is somebody's look at a container, which may count as a click.
func viewOfPage(r *http.Request, c linksv1.Container) core.View {
	v := viewOfRequest(r)
	v.ContainerID = c.ID
	return v
}

func viewOfRequest(r *http.Request) core.View {
	return core.View{Source: source(r), Agent: r.UserAgent(), Referrer: r.Referer(), BaseURL: dialect.CallOf(r).BaseURL,
		Method: r.Method, Purpose: cmp.Or(r.Header.Get("Sec-Purpose"), r.Header.Get("Purpose"))}
}

// UnlockContainer answers POST /container/{id}: the form of a password and of a
// click in the picture. What is wrong is said by the page, whose status is 200:
// programs read it (field-facts.md 1.2).
func (h *Handler) UnlockContainer(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	c, err := h.core.Container(r.Context(), r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	v := containerPage{Container: c}
	v.Canonical = "/container/" + url.PathEscape(r.PathValue("id"))
	o := h.openedOf(r, c.ID)
	owned := h.owns(r, c)
	err = h.open(r, c, form, &o, owned)
	if o.Click || o.Pass != "" {
		if err := h.keepOpened(w, r, c.ID, o, linksv1.PassLife); err != nil {
			return err
		}
	}
	status := http.StatusOK
	switch {
	case errors.Is(err, errWrongClick):
		v.Wrong = "click"
		failed(w, r, err)
	case errors.Is(err, linksv1.ErrWrongPassword):
		v.Wrong = "password"
		failed(w, r, err)
	case err != nil && shown(err):
		status, v.Problem = h.failedIn(w, r, err)
	case err != nil:
		return err
	}
	return h.showContainer(w, r, status, v, o)
}

// open does what the form asks for, and notes in o what it opened.
func (h *Handler) open(r *http.Request, c linksv1.Container, form url.Values, o *opened, owned bool) error {
	if owned {
		return nil
	}
	if c.Options.Captcha && !o.Click {
		if err := h.clicked(r, either(form, "cc_x", "cc.x"), either(form, "cc_y", "cc.y")); err != nil {
			return err
		}
		o.Click = true
		if !c.Protected {
			h.core.Viewed(viewOfPage(r, c))
		}
	}
	if !c.Protected || o.Pass != "" && form.Get("password") == "" {
		return nil
	}
	u, err := h.core.UnlockContainer(r.Context(), c.ID, form.Get("password"), viewOfPage(r, c))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	o.Pass = u.Pass
	return nil
}

// either gives the field that says something: an image in a form sends its name
// with a point, and other clients with the line that PHP makes of it.
func either(form url.Values, a, b string) string { return cmp.Or(form.Get(a), form.Get(b)) }

// owns reports whether the request is of the container's owner.
func (h *Handler) owns(r *http.Request, c linksv1.Container) bool {
	by := dialect.CallOf(r).Caller
	return loggedIn(by) && by.Principal.AccountID == c.AccountID
}

// access is what a request may see of a container.
type access struct {
	owned, needClick, needWord bool
	links                      []linksv1.Link // nil: something is needed first
}

// linksFor reads the links of a container, as far as the request may see them.
func (h *Handler) linksFor(r *http.Request, c linksv1.Container, o opened) (access, error) {
	a := access{owned: h.owns(r, c)}
	if !a.owned {
		a.needClick, a.needWord = c.Options.Captcha && !o.Click, c.Protected && o.Pass == ""
	}
	if a.needClick || a.needWord {
		return a, nil
	}
	links, err := h.core.ContainerLinks(r.Context(), dialect.CallOf(r).Caller, c.ID, o.Pass)
	if errors.Is(err, linksv1.ErrLocked) {
		a.needWord = true // it has another password by now
		return a, nil
	}
	a.links = links
	return a, err //nolint:wrapcheck // it says what was being done
}

func (h *Handler) showContainer(w http.ResponseWriter, r *http.Request, status int, v containerPage, o opened) error {
	c, base := v.Container, dialect.CallOf(r).BaseURL
	a, err := h.linksFor(r, c, o)
	if err != nil {
		return err
	}
	canonical := v.Canonical
	v.frame = h.containerFrame(r, c.Title, "container.js")
	v.Canonical, v.Formless = canonical, true
	v.Path, v.URL = "/container/"+url.PathEscape(r.PathValue("id")), base+"/container/"+c.ID
	v.Owned, v.NeedClick, v.NeedWord, v.Stamp = a.owned, a.needClick, a.needWord, h.core.Now().UnixMilli()
	v.Badge = newBadgeCodes(base, c.ID, h.core.Now())
	v.Clicks = h.clickGraph(r.Context(), c)
	if v.Open() {
		if err := v.fill(r, a.links); err != nil {
			return err
		}
	}
	return h.render(w, status, "container", v)
}

// fill puts the links on the page that ?mirror= asks for.
func (v *containerPage) fill(r *http.Request, links []linksv1.Link) error {
	v.Letters = letters(links)
	chosen, groups, mirror, err := choose(r, links)
	if err != nil {
		return err
	}
	v.All, v.Mirrors, v.Mirror = len(groups), mirrors(groups), mirror
	v.Groups = groups
	if mirror > 0 {
		v.Groups = groups[mirror-1 : mirror]
	}
	o := v.Container.Options
	v.ShowURLs = v.Owned || !o.NoSingleLinks
	if v.ShowURLs || !o.NoClickNLoad {
		nonce := make([]byte, 16)
		_, _ = rand.Read(nonce) // never fails
		v.Nonce, v.CNLLinks = base64.RawURLEncoding.EncodeToString(nonce), cnlLinks(chosen)
	}
	if !o.NoClickNLoad && len(chosen) > 0 {
		if v.CNL, err = newClickNLoad(chosen, v.Container.Title, v.URL); err != nil {
			return err
		}
	}
	return nil
}

// choose gives the links of the group that ?mirror= asks for, or all.
func choose(r *http.Request, links []linksv1.Link) (chosen []linksv1.Link, groups []linkGroup, mirror int, err error) {
	groups = grouped(links)
	text := r.URL.Query().Get("mirror")
	if text == "" {
		return links, groups, 0, nil
	}
	mirror, err = strconv.Atoi(text)
	if err != nil || mirror < 1 || mirror > len(groups) {
		return nil, nil, 0, errNoMirror
	}
	return groups[mirror-1].Links, groups, mirror, nil
}

// clickGraph asks for the clicks on a container. The page goes without them
// where they are not to be had.
func (h *Handler) clickGraph(ctx context.Context, v linksv1.Container) *clickGraph {
	ctx, cancel := context.WithTimeout(ctx, clicksWithin)
	defer cancel()
	c, err := h.core.ContainerClicks(ctx, v, graphDays, topReferrers)
	if err != nil {
		return nil
	}
	return newClickGraph(c)
}

// GetLinksText answers GET /container/{id}/links.txt.
func (h *Handler) GetLinksText(w http.ResponseWriter, r *http.Request) error {
	c, links, err := h.listed(r)
	if err != nil {
		return err
	}
	if c.Options.NoSingleLinks && !h.owns(r, c) {
		return dialect.ErrNoRoute
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	return h.sendList(w, []byte(strings.Join(urlsOf(links), "\n")+"\n"))
}

// GetMetalink answers GET /container/{id}/links.meta4 (RFC 5854).
func (h *Handler) GetMetalink(w http.ResponseWriter, r *http.Request) error {
	c, links, err := h.listed(r)
	if err != nil {
		return err
	}
	doc, err := metalinkOf(links, "Sluice/"+h.core.Version)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/metalink4+xml")
	w.Header().Set("Content-Disposition", `attachment; filename="`+c.ID+`.meta4"`)
	return h.sendList(w, doc)
}

// listed gives the links of a container that is open to the request.
func (h *Handler) listed(r *http.Request) (linksv1.Container, []linksv1.Link, error) {
	c, err := h.core.Container(r.Context(), r.PathValue("id"))
	if err != nil {
		return c, nil, err //nolint:wrapcheck // it says what was being done
	}
	a, err := h.linksFor(r, c, h.openedOf(r, c.ID))
	switch {
	case err != nil:
		return c, nil, err
	case a.needClick || a.needWord:
		return c, nil, linksv1.ErrLocked.Msgf("open the container on its page first")
	}
	chosen, _, _, err := choose(r, a.links)
	return c, chosen, err
}

func (h *Handler) sendList(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	send(w, http.StatusOK, body)
	return nil
}
