package harness

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// LinkHosts imitates file hosts for the link checker of Worlds: the two that the
// document of locknex names, and as many others as a test asks for, each with a
// politeness of its own. What nobody has said otherwise of is online.
type LinkHosts struct {
	url string

	mu      sync.Mutex
	next    int
	answers map[string]http.HandlerFunc // by path
	asked   map[string]int
}

// maxLinkSites is how many hosts beside the documented ones there are.
const maxLinkSites = 120

// NewLinkHosts starts them; the test's end stops them.
func NewLinkHosts(t testing.TB) *LinkHosts {
	t.Helper()
	h := &LinkHosts{answers: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(s.Close)
	h.url = s.URL
	return h
}

// Settings have a World's checker ask here.
func (h *LinkHosts) Settings() []string {
	bases := []string{"rapidgator.net=" + h.url, "ddownload.com=" + h.url}
	for i := range maxLinkSites {
		bases = append(bases, siteName(i+1)+"="+h.url)
	}
	return []string{"SLUICE_LINKCHECKER_HOSTS_BASE=" + strings.Join(bases, ",")}
}

func siteName(n int) string { return fmt.Sprintf("h%d.example", n) }

// online is a page in which every rule finds a file.
const online = `<!doctype html><title>Download file a.iso</title><h1 class="name">a.iso</h1>File size: <strong>1 MB</strong><form><input name="op" value="download1"></form>`

func (h *LinkHosts) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.asked[r.URL.Path]++
	answer := h.answers[r.URL.Path]
	h.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(online))
}

// Site gives a host that nobody else uses.
func (h *LinkHosts) Site(t testing.TB) LinkSite {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	if h.next >= maxLinkSites { // the last is for One
		t.Fatalf("more than %d link hosts", maxLinkSites)
	}
	return LinkSite{hosts: h, Name: siteName(h.next)}
}

// LinkSite is one imitated host.
type LinkSite struct {
	hosts *LinkHosts
	Name  string
}

// Link is a link to it. The path is of the site, whatever it is asked by.
func (s LinkSite) Link(name string) string { return "https://" + s.Name + s.path(name) }

// Links are several.
func (s LinkSite) Links(names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = s.Link(n)
	}
	return out
}

func (s LinkSite) path(name string) string { return "/" + s.Name + "/" + name }

// Becomes has a link answer so from now on; nil has it be online again.
func (s LinkSite) Becomes(name string, answer http.HandlerFunc) {
	s.hosts.mu.Lock()
	defer s.hosts.mu.Unlock()
	s.hosts.answers[s.path(name)] = answer
}

// Asked is how many requests a link has had.
func (s LinkSite) Asked(name string) int {
	s.hosts.mu.Lock()
	defer s.hosts.mu.Unlock()
	return s.hosts.asked[s.path(name)]
}

// Status answers with a status and nothing else.
func Status(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// Answer has a path of every host answer so from now on; for the documented hosts,
// whose links have paths of their own.
func (h *LinkHosts) Answer(path string, answer http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[path] = answer
}

// One is a list of one link to a host that all tests share, for those that do not
// care what becomes of it.
func (h *LinkHosts) One(name string) []string {
	return []string{"https://" + siteName(maxLinkSites) + "/shared/" + name}
}
