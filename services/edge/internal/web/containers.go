package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	// pageOfContainers is how many containers stand on one page.
	pageOfContainers = 50
	// maxLinksForm bounds a form with links, maxLinksField its list, bytes: in a form
	// some characters are three.
	maxLinksForm  = 6 << 20
	maxLinksField = linksv1.MaxLinks * (linksv1.MaxURL + 8)
)

// containerFields are the fields of a container's form, as they were typed; but
// no password.
type containerFields struct {
	Name, Group, Links                   string
	Captcha, NoClickNLoad, NoSingleLinks bool
	Protected, Editing                   bool
}

// containersPage is the list of an account's containers, and the form of a new
// one.
type containersPage struct {
	frame
	containerFields
	Notice, Problem string
	List            []linksv1.Container
	Status          linksv1.Status
	OfGroup         string
	Filtered, Paged bool
	Next, Events    string
	Total           int64
}

// Statuses are what the list can be narrowed to.
func (containersPage) Statuses() []linksv1.Status {
	return []linksv1.Status{linksv1.Online, linksv1.Partial, linksv1.Offline, linksv1.Unknown}
}

// containerEditPage is the page of a container for its owner.
type containerEditPage struct {
	frame
	containerFields
	Notice, Problem string
	Container       linksv1.Container
	URL             string
	Groups          []linkGroup
	Mirrors         bool
	Letters         string
	Badge           badgeCodes
	Clicks          *clickGraph
}

// ShowURLs, Splits and Path are what the list of links asks of its page.
func (containerEditPage) ShowURLs() bool { return true }

// Splits implements the list's wish: all groups are here.
func (containerEditPage) Splits() bool { return false }

// Path is the container's public page.
func (v containerEditPage) Path() string { return "/container/" + v.Container.ID }

// adjust says what the answer depends on.
func (containersPage) adjust(head http.Header) { head.Set("Vary", "Accept-Language, Cookie") }

func (containerEditPage) adjust(head http.Header) { head.Set("Vary", "Accept-Language, Cookie") }

// listOf reads which part of the list an address asks for.
func listOf(r *http.Request) linksv1.ListRequest {
	q := r.URL.Query()
	l := linksv1.ListRequest{Group: q.Get("group"), Page: paging.Request{Limit: pageOfContainers, After: q.Get("after")}}
	if s := linksv1.Status(q.Get("status")); slices.Contains(containersPage{}.Statuses(), s) {
		l.Status = s
	}
	return l
}

// ListContainers answers GET /containers.
func (h *Handler) ListContainers(w http.ResponseWriter, r *http.Request) error {
	return h.containers(w, r, http.StatusOK, containersPage{})
}

func (h *Handler) containers(w http.ResponseWriter, r *http.Request, status int, v containersPage) error {
	ask := linksv1.ListRequest{Page: paging.Request{Limit: pageOfContainers}}
	query := ""
	if r.Method != http.MethodPost {
		ask, query = listOf(r), r.URL.RawQuery
	}
	list, err := h.core.ListContainers(r.Context(), dialect.CallOf(r).Caller, ask)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	v.frame = h.containerFrame(r, "", "container.js")
	v.Title = v.T("Link containers")
	if v.Notice == "" {
		v.Notice = v.T(containerNotice(r))
	}
	v.List, v.Total = list.Containers, list.Place.Total
	v.Status, v.OfGroup, v.Paged = ask.Status, ask.Group, ask.Page.After != ""
	v.Filtered = v.Status != "" || v.OfGroup != ""
	v.Events = "/pages/containers"
	if query != "" {
		v.Events += "?" + query
	}
	if list.Place.After != "" {
		next := url.Values{"after": {list.Place.After}}
		if v.Status != "" {
			next.Set("status", string(v.Status))
		}
		if v.OfGroup != "" {
			next.Set("group", v.OfGroup)
		}
		v.Next = "/containers?" + next.Encode()
	}
	return h.render(w, status, "containers", v)
}

// containerNotice is the sentence behind the ?did= of an address.
func containerNotice(r *http.Request) string {
	return map[string]string{
		"created": "The container is made. Its links are being checked.",
		"saved":   "The changes are saved.",
		"deleted": "The container is deleted.",
		"asked":   "The links are being checked.",
	}[r.URL.Query().Get("did")]
}

// CreateContainer answers POST /containers.
func (h *Handler) CreateContainer(w http.ResponseWriter, r *http.Request) error {
	form, err := readFormOf(r, maxLinksForm, map[string]int{"links": maxLinksField})
	if err != nil {
		return err
	}
	f := fieldsOf(form)
	links, err := parseLinks(f.Links)
	if err == nil {
		var c linksv1.Container
		c, err = h.core.CreateContainer(r.Context(), dialect.CallOf(r).Caller, core.NewContainer{
			Title: f.Name, Password: form.Get("password"), Options: f.options(), Links: links,
		})
		if err == nil {
			return goTo(w, "/containers/"+c.ID+"?did=created")
		}
	}
	if !shown(err) {
		return err
	}
	v := containersPage{containerFields: f}
	var status int
	status, v.Problem = h.failedIn(w, r, err)
	return h.containers(w, r, status, v)
}

// fieldsOf reads the form of a container.
func fieldsOf(form url.Values) containerFields {
	return containerFields{
		Name: strings.TrimSpace(form.Get("title")), Group: strings.TrimSpace(form.Get("group")), Links: form.Get("links"),
		Captcha: form.Has("captcha"), NoClickNLoad: form.Has("no_cnl"), NoSingleLinks: form.Has("no_links"),
	}
}

func (f containerFields) options() linksv1.Options {
	return linksv1.Options{Captcha: f.Captcha, NoClickNLoad: f.NoClickNLoad, NoSingleLinks: f.NoSingleLinks, Group: f.Group}
}

// parseLinks reads the list of a form: a link on each line, "+" in front of one
// that stands in for the link above, and a line of dashes in front of the next
// mirror.
func parseLinks(text string) ([]linksv1.LinkInput, error) {
	var out []linksv1.LinkInput
	mirror, line := 0, 0
	for l := range strings.Lines(text) {
		line++
		l = strings.TrimSpace(l)
		switch {
		case l == "":
			continue
		case len(l) >= 3 && strings.Trim(l, "-") == "":
			if len(out) > 0 && out[len(out)-1].Mirror == mirror {
				mirror++
			}
			continue
		}
		in := linksv1.LinkInput{Mirror: mirror}
		l, in.Backup = strings.CutPrefix(l, "+")
		in.URL = strings.TrimSpace(l)
		if in.Backup && (len(out) == 0 || out[len(out)-1].Mirror != mirror) {
			return nil, badLine{line, "“+” stands in front of a link that stands in for the one above it"}
		}
		if _, err := linksv1.ParseURL(in.URL); err != nil {
			return nil, badLine{line, fault.From(err).Message}
		}
		if out = append(out, in); len(out) > linksv1.MaxLinks {
			return nil, linksv1.ErrTooManyLinks
		}
	}
	if len(out) == 0 {
		return nil, linksv1.ErrTooManyLinks
	}
	return out, nil
}

// badLine is what is wrong with a line of a list.
type badLine struct {
	line int
	what string // in English
}

// Error implements error.
func (b badLine) Error() string { return fmt.Sprintf("line %d: %s", b.line, b.what) }

// Unwrap gives the fault.
func (b badLine) Unwrap() error { return linksv1.ErrBadLink.Msgf("%s", b.Error()) }

// writeLinks is the reverse of parseLinks.
func writeLinks(links []linksv1.Link) string {
	var b strings.Builder
	for i, l := range links {
		if i > 0 && l.Mirror != links[i-1].Mirror {
			b.WriteString("---\n")
		}
		if l.Backup {
			b.WriteString("+ ")
		}
		b.WriteString(l.URL + "\n")
	}
	return b.String()
}

// ShowOwnContainer answers GET /containers/{id}.
func (h *Handler) ShowOwnContainer(w http.ResponseWriter, r *http.Request) error {
	return h.ownContainer(w, r, http.StatusOK, containerEditPage{})
}

// ownContainer shows a container to its owner: with what was typed, where
// something is wrong with it.
func (h *Handler) ownContainer(w http.ResponseWriter, r *http.Request, status int, v containerEditPage) error {
	by, base := dialect.CallOf(r).Caller, dialect.CallOf(r).BaseURL
	c, err := h.core.OwnContainer(r.Context(), by, r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	links, err := h.core.ContainerLinks(r.Context(), by, c.ID, "")
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	v.frame = h.containerFrame(r, c.Title, "container.js")
	v.Notice = v.T(containerNotice(r))
	v.Container, v.URL = c, base+"/container/"+c.ID
	v.Groups, v.Letters = grouped(links), letters(links)
	v.Mirrors = mirrors(v.Groups)
	v.Badge, v.Clicks = newBadgeCodes(base, c.ID, h.core.Now()), h.clickGraph(r.Context(), c)
	if v.Problem == "" {
		o := c.Options
		v.containerFields = containerFields{Name: c.Title, Group: o.Group, Links: writeLinks(links), Captcha: o.Captcha, NoClickNLoad: o.NoClickNLoad, NoSingleLinks: o.NoSingleLinks}
	}
	v.Editing, v.Protected = true, c.Protected
	return h.render(w, status, "containeredit", v)
}

// SaveContainer answers POST /containers/{id}. An empty password leaves the one
// that there is.
func (h *Handler) SaveContainer(w http.ResponseWriter, r *http.Request) error {
	form, err := readFormOf(r, maxLinksForm, map[string]int{"links": maxLinksField})
	if err != nil {
		return err
	}
	f := fieldsOf(form)
	if err = h.saveContainer(r, form, f); err == nil {
		return goTo(w, "/containers/"+url.PathEscape(r.PathValue("id"))+"?did=saved")
	}
	return h.ownAgain(w, r, f, err)
}

func (h *Handler) saveContainer(r *http.Request, form url.Values, f containerFields) error {
	links, err := parseLinks(f.Links)
	if err != nil {
		return err
	}
	by, id := dialect.CallOf(r).Caller, r.PathValue("id")
	c, err := h.core.OwnContainer(r.Context(), by, id)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	old, err := h.core.ContainerLinks(r.Context(), by, c.ID, "")
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	change := core.ContainerChange{ID: c.ID, Title: &f.Name, Options: linksv1.OptionsChange{
		Captcha: &f.Captcha, NoClickNLoad: &f.NoClickNLoad, NoSingleLinks: &f.NoSingleLinks, Group: &f.Group,
	}}
	if !slices.EqualFunc(links, old, func(a linksv1.LinkInput, b linksv1.Link) bool { return a == b.LinkInput }) {
		change.Links = links
	}
	password := form.Get("password")
	switch {
	case password != "" && form.Has("no_password"):
		return fault.ErrInvalid.Msgf("a new password and none at all do not fit together")
	case password != "" || form.Has("no_password"):
		change.Password = &password
	}
	_, err = h.core.UpdateContainer(r.Context(), by, change)
	return err //nolint:wrapcheck // as above
}

// ownAgain shows a container to its owner with what is wrong.
func (h *Handler) ownAgain(w http.ResponseWriter, r *http.Request, f containerFields, err error) error {
	if !shown(err) || fault.CodeOf(err) == linksv1.ErrNotFound.Code {
		return err
	}
	v := containerEditPage{containerFields: f}
	var status int
	status, v.Problem = h.failedIn(w, r, err)
	return h.ownContainer(w, r, status, v)
}

// CheckContainer answers POST /containers/{id}/check.
func (h *Handler) CheckContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := h.core.CheckContainer(r.Context(), dialect.CallOf(r).Caller, r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return goTo(w, "/containers/"+c.ID+"?did=asked")
}

// DeleteContainer answers POST /containers/{id}/delete.
func (h *Handler) DeleteContainer(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.DeleteContainer(r.Context(), dialect.CallOf(r).Caller, r.PathValue("id")); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return goTo(w, "/containers?did=deleted")
}

// failedIn is failed in the page's language.
func (h *Handler) failedIn(w http.ResponseWriter, r *http.Request, err error) (status int, text string) {
	status, text = failed(w, r, err)
	return status, h.spoken(h.wordsFor(r), err, text)
}

// spoken says in German what is wrong, where a German sentence is known.
func (h *Handler) spoken(in words, err error, english string) string {
	if in.lang != langGerman {
		return english
	}
	var line badLine
	if errors.As(err, &line) {
		return in.T("Line %d: %s.", line.line, in.T(line.what))
	}
	if german, ok := h.german[english]; ok {
		return german
	}
	f := fault.From(err)
	german, ok := h.german["! "+f.Code]
	if !ok {
		return english
	}
	if f.Kind == fault.RateLimited && f.RetryAfter > 0 {
		german += fmt.Sprintf(" Bitte %d Sekunden warten.", int64(f.RetryAfter.Seconds()+.999))
	}
	return german
}
