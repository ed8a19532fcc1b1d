package linksv1test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// State of a file at an imitated host.
type State string

// The states. Each host shows them in its own way.
const (
	There      State = "there"
	Removed    State = "removed"    // said by the page or the call
	SoftGone   State = "soft gone"  // the same by a page with status 200, by a redirect to the start page, or by a call's other way to say it
	Restricted State = "restricted" // there, for paying people
	// What a host does to the request rather than to the file.
	Throttled State = "throttled" // 429 with Retry-After
	Captcha   State = "captcha"   // a page that keeps programs out
	LogIn     State = "login"     // a redirect to a login
	Broken    State = "broken"    // 502
)

// Kind is whose answers are imitated.
type Kind string

// The kinds: hosts of hosts.yaml by name, and a web server of no rule.
const (
	Rapidgator Kind = "rapidgator"
	XFSPage    Kind = "ddownload"
	XFSRows    Kind = "katfile"
	OneFichier Kind = "1fichier"
	Nitroflare Kind = "nitroflare"
	Turbobit   Kind = "turbobit"
	Keep2share Kind = "keep2share"
	Pixeldrain Kind = "pixeldrain"
	Plain      Kind = "plain"
)

// Imitation is a host on loopback that answers like another one, and counts how
// politely it is asked. Files that nobody set are removed ones.
type Imitation struct {
	URL  string
	Kind Kind

	mu       sync.Mutex
	files    map[string]State
	wall     State // for every request; empty: none
	delay    time.Duration
	inFlight int
	most     int
	times    []time.Time
}

// NewImitation starts one until the test ends.
func NewImitation(t testing.TB, kind Kind) *Imitation {
	t.Helper()
	i := &Imitation{Kind: kind, files: map[string]State{}}
	srv := httptest.NewServer(i)
	t.Cleanup(srv.Close)
	i.URL = srv.URL
	return i
}

// Set gives a file a state.
func (i *Imitation) Set(id string, s State) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.files[id] = s
}

// Wall answers every request so; empty takes it away.
func (i *Imitation) Wall(s State) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wall = s
}

// Delay makes every answer take so long.
func (i *Imitation) Delay(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delay = d
}

// Most is how many requests were there at once, at most.
func (i *Imitation) Most() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.most
}

// Requests is how many came.
func (i *Imitation) Requests() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.times)
}

// Times are when they came.
func (i *Imitation) Times() []time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.times)
}

// MostWithin is how many requests came within a span of time, at most.
func (i *Imitation) MostWithin(span time.Duration) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	most := 0
	for first, last := 0, 0; last < len(i.times); last++ {
		for i.times[last].Sub(i.times[first]) >= span {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

func (i *Imitation) enter() (wall State, delay time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inFlight++
	i.most = max(i.most, i.inFlight)
	i.times = append(i.times, time.Now())
	return i.wall, i.delay
}

func (i *Imitation) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inFlight--
}

func (i *Imitation) state(id string) State {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s, ok := i.files[id]; ok {
		return s
	}
	return Removed
}

// ServeHTTP implements http.Handler.
func (i *Imitation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wall, delay := i.enter()
	defer i.leave()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	if r.URL.Path == "/login" || r.URL.Path == "/auth/login" {
		page(w, 200, "<h1>Log in</h1>")
		return
	}
	if wall != "" && i.wallFor(w, r, wall) {
		return
	}
	switch i.Kind {
	case Rapidgator:
		i.rapidgator(w, r)
	case XFSPage:
		i.xfsPage(w, r)
	case XFSRows:
		i.xfsRows(w, r)
	case OneFichier:
		i.oneFichier(w, r)
	case Nitroflare:
		i.nitroflare(w, r)
	case Turbobit:
		i.turbobit(w, r)
	case Keep2share:
		i.keep2share(w, r)
	case Pixeldrain:
		i.pixeldrain(w, r)
	case Plain:
		i.plain(w, r)
	}
}

// wallFor does to a request what keeps a checker from knowing.
func (i *Imitation) wallFor(w http.ResponseWriter, r *http.Request, s State) bool {
	switch s {
	case Throttled:
		w.Header().Set("Retry-After", "7")
		page(w, http.StatusTooManyRequests, "slow down")
	case Captcha:
		page(w, http.StatusForbidden, `<title>Just a moment...</title><div class="cf-turnstile"></div>`)
	case LogIn:
		to := "/login"
		if i.Kind == Rapidgator {
			to = "/auth/login"
		}
		http.Redirect(w, r, to, http.StatusFound)
	case Broken:
		page(w, http.StatusBadGateway, "bad gateway")
	default:
		return false
	}
	return true
}

func page(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><body>%s</body></html>", body) //nolint:gosec // bodies are the test's
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (i *Imitation) rapidgator(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/file/")
	switch s := i.state(id); {
	case i.wallFor(w, r, s):
	case s == There:
		page(w, 200, `<title>Download file film.part1.rar</title> File size: <strong>700.5 MB</strong> <div class="g-recaptcha"></div>`)
	case s == Restricted:
		page(w, 200, `<a href="/wallet/BuyFile/id/`+html.EscapeString(id)+`">buy</a>`)
	case s == SoftGone:
		http.Redirect(w, r, "/", http.StatusFound)
	case r.URL.Path == "/":
		page(w, 200, `<title>Fast downloads</title>`)
	default:
		page(w, http.StatusNotFound, `<h3>404 File not found</h3>`)
	}
}

func (i *Imitation) xfsPage(w http.ResponseWriter, r *http.Request) {
	switch s := i.state(strings.Trim(r.URL.Path, "/")); {
	case i.wallFor(w, r, s):
	case s == There, s == Restricted:
		page(w, 200, `<h1 class="file-info-name">film.part1.rar</h1> size: <b>1.5 GB</b> <input name="op" value="download1"> <input name="method_free">`)
	case s == SoftGone:
		page(w, 200, `<h2>File Not Found</h2> The file expired, or: Reason for deletion`)
	default:
		page(w, http.StatusNotFound, `<b>No such file</b>`)
	}
}

func (i *Imitation) xfsRows(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Query().Get("op") != "check_files" {
		page(w, http.StatusNotFound, "no")
		return
	}
	var b strings.Builder
	b.WriteString("<table>")
	for line := range strings.SplitSeq(r.PostFormValue("list"), "\n") {
		id := line[strings.LastIndex(line, "/")+1:]
		found, size := "Not found!", ""
		switch i.state(id) {
		case There:
			found, size = "Found", "700.5 MB"
		case SoftGone:
			found = `<font color="red">removed</font>`
		}
		fmt.Fprintf(&b, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n", html.EscapeString(line), found, size)
	}
	page(w, 200, b.String()+"</table>")
}

func (i *Imitation) oneFichier(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/check_links.pl" || r.ParseForm() != nil {
		page(w, http.StatusNotFound, "no")
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	for _, link := range r.PostForm["links[]"] {
		_, id, _ := strings.Cut(link, "?")
		line := link + ";;;NOT FOUND"
		switch i.state(id) {
		case There:
			line = link + ";film.part1.rar;734003200"
		case SoftGone:
			line = link + ";;;BAD LINK"
		case Restricted:
			line = link + ";;;PRIVATE"
		}
		_, _ = fmt.Fprintln(w, line) //nolint:gosec // plain text of the test's
	}
}

func (i *Imitation) nitroflare(w http.ResponseWriter, r *http.Request) {
	files := map[string]any{}
	for id := range strings.SplitSeq(r.URL.Query().Get("files"), ",") {
		switch s := i.state(id); s {
		case There, Restricted:
			files[id] = map[string]any{"status": "online", "name": "film.part1.rar", "size": "734003200", "premiumOnly": s == Restricted}
		case SoftGone:
			files[id] = map[string]any{"status": "offline"}
		}
	}
	var list any = files
	if len(files) == 0 {
		list = []any{}
	}
	answerJSON(w, map[string]any{"type": "success", "result": map[string]any{"files": list}})
}

func (i *Imitation) turbobit(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Requested-With") == "" {
		page(w, http.StatusForbidden, "no")
		return
	}
	out := []any{}
	for line := range strings.SplitSeq(r.PostFormValue("links"), "\n") {
		id := strings.TrimSuffix(line[strings.LastIndex(line, "/")+1:], ".html")
		status := "inactive"
		if i.state(id) == There {
			status = "active"
		}
		out = append(out, map[string]any{"id": id, "name": "film.part1.rar", "status": status})
	}
	answerJSON(w, out)
}

func (i *Imitation) keep2share(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		IDs []string `json:"ids"`
	}
	if json.NewDecoder(r.Body).Decode(&ask) != nil {
		answerJSON(w, map[string]any{"status": "error"})
		return
	}
	files := []any{}
	for _, id := range ask.IDs {
		files = append(files, map[string]any{"id": id, "is_available": i.state(id) == There, "name": "film.part1.rar", "size": 734003200})
	}
	answerJSON(w, map[string]any{"status": "success", "files": files})
}

func (i *Imitation) pixeldrain(w http.ResponseWriter, r *http.Request) {
	ids := strings.Split(strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/api/file/"), "/info"), ",")
	found := []any{}
	for _, id := range ids {
		if i.state(id) == There {
			found = append(found, map[string]any{"id": id, "name": "film.part1.rar", "size": 734003200})
		}
	}
	if len(ids) == 1 {
		if len(found) == 0 {
			w.WriteHeader(http.StatusNotFound)
			answerJSON(w, map[string]any{"success": false, "value": "not_found"})
			return
		}
		answerJSON(w, found[0])
		return
	}
	answerJSON(w, found)
}

// plain is a web server: "nohead" in a file's name refuses HEAD.
func (i *Imitation) plain(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/")
	if r.Method == http.MethodHead && strings.Contains(id, "nohead") {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	switch s := i.state(id); {
	case i.wallFor(w, r, s):
	case s == There:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="film.part1.rar"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("x", 1000)))
	case s == SoftGone:
		http.Redirect(w, r, "/", http.StatusFound)
	case id == "":
		page(w, 200, "welcome")
	default:
		page(w, http.StatusNotFound, "not found")
	}
}
