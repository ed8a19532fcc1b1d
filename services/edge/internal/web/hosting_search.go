package web

import (
	"net/http"
	"net/url"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	pageOfFound = 50
	maxQuery    = 200 // bytes
)

// searchPage is what everybody may find.
type searchPage struct {
	frame
	inWords
	Query   string
	Asked   bool
	Found   []nodeView
	Next    string
	Paged   bool
	Problem string
}

// foundJSON is the answer of a search for programs.
type foundJSON struct {
	Query   string     `json:"query"`
	Results []nodeJSON `json:"results"`
	Next    *string    `json:"next"` // the address of the next page; null: none
}

// nodeJSON is a file or folder that was found.
type nodeJSON struct {
	Type      string `json:"type"` // file or folder
	Name      string `json:"name"`
	URL       string `json:"url"`
	Size      *int64 `json:"size,omitempty"` // of a file, as what follows
	MediaType string `json:"mediaType,omitempty"`
	Downloads *int64 `json:"downloads,omitempty"`
	Files     *int64 `json:"files,omitempty"`     // right in a folder; its sums have private folders in them
	Protected bool   `json:"protected,omitempty"` // a folder that asks for a password: nothing is said of what is in it
	CreatedAt string `json:"createdAt"`
}

// errFormat is of a ?format= that there is not.
var errFormat = fault.ErrInvalid.Msgf("format is json, or left out")

// SearchSite answers GET /search.
func (h *Handler) SearchSite(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong
	}
	asJSON := q.Get("format") == "json"
	if q.Has("format") && !asJSON && q.Get("format") != "" {
		return errFormat
	}
	v := searchPage{Query: strings.TrimSpace(q.Get("q")), Paged: q.Get("after") != ""}
	next, err := h.search(r, &v, q.Get("after"))
	if err != nil && (asJSON || !shown(err)) {
		return h.searchFailed(w, r, asJSON, err)
	}
	if next != "" {
		more := url.Values{"q": {v.Query}, "after": {next}}
		if asJSON {
			more.Set("format", "json")
		}
		v.Next = "/search?" + more.Encode()
	}
	if asJSON {
		return h.foundAsJSON(w, r, v)
	}
	ended(w, r)
	v.frame = h.hostingFrame(r, "")
	v.Title = v.T("Search")
	status := http.StatusOK
	if err != nil {
		status, v.Problem = h.failedIn(w, r, err)
	}
	return h.render(w, status, "search", v)
}

// search fills v with what is found, and gives the place of the next page.
func (h *Handler) search(r *http.Request, v *searchPage, after string) (string, error) {
	if v.Query == "" {
		return "", nil
	}
	if _, err := h.core.HostingRates.Address(source(r), 1); err != nil {
		return "", err //nolint:wrapcheck // it says what is wrong
	}
	if len(v.Query) > maxQuery {
		return "", fault.ErrInvalid.Msgf("a search has %d bytes at most", maxQuery)
	}
	v.Asked = true
	l, err := h.core.SearchNodes(r.Context(), objectv1.SearchNodesRequest{Query: v.Query, After: after, Limit: pageOfFound})
	if err != nil {
		return "", err //nolint:wrapcheck // it says what was being done
	}
	for _, n := range l.Nodes {
		if f := nodeViewOf(dialect.CallOf(r).BaseURL, n); f.URL != "" {
			v.Found = append(v.Found, f)
		}
	}
	return l.Next, nil
}

func (h *Handler) foundAsJSON(w http.ResponseWriter, r *http.Request, v searchPage) error {
	out := foundJSON{Query: v.Query, Results: []nodeJSON{}}
	for _, n := range v.Found {
		j := nodeJSON{Type: string(objectv1.KindFile), Name: n.Name, URL: n.URL, MediaType: n.Type, CreatedAt: n.CreatedAt.UTC().Format("2006-01-02T15:04:05Z")}
		switch {
		case !n.Folder:
			j.Size, j.Downloads = new(n.Size), new(n.Downloads())
		case n.Protected():
			j.Type, j.Protected = string(objectv1.KindFolder), true
		default:
			j.Type, j.Files = string(objectv1.KindFolder), new(n.Tally.Files)
		}
		out.Results = append(out.Results, j)
	}
	if v.Next != "" {
		next := strings.TrimRight(dialect.CallOf(r).BaseURL, "/") + v.Next
		out.Next = &next
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
	return dialect.WriteJSON(w, http.StatusOK, out) //nolint:wrapcheck // it says what was being done
}

// searchFailed answers a program in its own form.
func (h *Handler) searchFailed(w http.ResponseWriter, r *http.Request, asJSON bool, err error) error {
	if !asJSON || !shown(err) {
		return err
	}
	status, text := failed(w, r, err)
	return problemAsJSON(w, status, text, err)
}

// problemAsJSON is an error for scripts and programs, as lockr's look.
func problemAsJSON(w http.ResponseWriter, status int, text string, err error) error {
	return dialect.WriteJSON(w, status, map[string]string{"error": strings.TrimSuffix(text, "."), "code": fault.CodeOf(err)}) //nolint:wrapcheck // as above
}
