package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

//go:embed templates
var templateFiles embed.FS

// policy lets a page use what is ours and nothing else. A PDF is shown from a
// blob (download.js).
const policy = "default-src 'self'; frame-src blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// frame is what stands around every page.
type frame struct {
	Title     string
	Scripts   []string
	User      string // empty: nobody is logged in
	Canonical string // the path that a reload should ask for, where it differs
	Start     string // where the pages begin
	Enter     string // where one logs in
	Formless  bool   // nothing but the page's content has forms: programs look for the first one
	words
}

func (h *Handler) frameOf(r *http.Request, title string, scripts ...string) frame {
	f := frame{Title: title, Start: h.start(), Enter: "/account", Scripts: append([]string{"page.js"}, scripts...)}
	if c := dialect.CallOf(r).Caller; loggedIn(c) {
		f.User = c.Principal.Username
	}
	return f
}

// start is the path of the first page that there is.
func (h *Handler) start() string {
	if h.core.Plik.NoWebInterface {
		return "/account"
	}
	return h.core.Plik.Path + "/"
}

// uploadView is what the uploader needs.
type uploadView struct {
	AccountID string // empty: a guest
	Base      string
	MaxBytes  int64
	GuestTTL  time.Duration
	Region    string // chosen at first
	Regions   []string
	// Where the file manager's uploads begin, the page that shows them, and the
	// folder's id; empty elsewhere.
	Begin, Refresh, FolderID string
}

func (h *Handler) uploadView(r *http.Request) uploadView {
	c := dialect.CallOf(r)
	v := uploadView{Base: c.BaseURL, MaxBytes: h.core.Guests.ObjectBytes, GuestTTL: h.core.Guests.TTL, Regions: h.core.Regions}
	if loggedIn(c.Caller) {
		p := c.Caller.Principal
		v.AccountID, v.MaxBytes, v.Region = p.AccountID, p.Limits.ObjectBytes, p.Region
	}
	return v
}

// parsePages makes a template of each page, with the layout around it.
func parsePages(a assets) (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(functions(a)).ParseFS(templateFiles, "templates/layout.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the layout of the pages: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, name := range []string{"home", "enter", "account", "file", "download", "container", "containers", "containeredit", "apip", "error",
		"shared", "sharedinfo", "sharedstats", "shareddelete", "folder", "search", "drive", "trash", "places", "node"} {
		files := []string{"templates/" + name + ".html"}
		switch name {
		case "home":
			files = append(files, "templates/plik.html")
		case "container", "containers", "containeredit":
			files = append(files, "templates/containerparts.html", "templates/containerform.html")
		case "shared", "sharedinfo", "sharedstats", "folder", "search", "drive", "trash", "places", "node":
			files = append(files, "templates/hostingparts.html")
		}
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, files...)
		}
		if err != nil {
			return nil, fmt.Errorf("parsing page %s: %w", name, err)
		}
		pages[name] = t
	}
	return pages, nil
}

// line is a text to copy.
type line struct{ Label, Text, Button string }

// paired is a value with the page that shows it.
type paired struct{ Page, Of any }

func functions(a assets) template.FuncMap {
	return template.FuncMap{
		"asset":    a.path,
		"bytes":    inUnits,
		"days":     func(d time.Duration) string { return spoken(d) },
		"duration": spoken,
		"count":    counted,
		"copyline": func(label, text string) line { return line{label, text, "Copy"} },
		"pair":     func(page, of any) paired { return paired{page, of} },
		"time": func(t time.Time) template.HTML {
			t = t.UTC()
			return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 Jan 2006, 15:04") + ` UTC</time>`) //nolint:gosec // digits and names of months
		},
	}
}

// inUnits writes a number of bytes for people; kB is 1000 bytes.
func inUnits(n int64) string {
	if n < 1000 {
		return counted(n, "byte")
	}
	v, unit := float64(n), 0
	for units := "kMGTPE"; v >= 999.5 && unit < len(units); unit++ {
		v /= 1000
	}
	if v < 100 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + " " + string("kMGTPE"[unit-1]) + "B"
	}
	return fmt.Sprintf("%.0f %cB", v, "kMGTPE"[unit-1])
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// spoken writes a length of time in its largest unit that fits it twice or is whole.
func spoken(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= 2*u.unit || d >= u.unit && d%u.unit == 0 {
			return counted(int64(d.Round(u.unit)/u.unit), u.name)
		}
	}
	return counted(int64(max(1, (d+time.Second-1)/time.Second)), "second")
}

// render answers with a page. It has the caller's own matters in it, so it stays
// in nobody's cache.
func (h *Handler) render(w http.ResponseWriter, status int, page string, view any) error {
	if h.broken != nil {
		return h.broken
	}
	var b bytes.Buffer
	if err := h.pages[page].ExecuteTemplate(&b, "layout", view); err != nil {
		return fmt.Errorf("rendering page %s: %w", page, err)
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", policy)
	head.Set("Referrer-Policy", "same-origin") // with no-referrer a form's Origin would be null
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cache-Control", "no-store")
	if page != "home" {
		head.Set("X-Robots-Tag", "noindex") // whoever may know a link was told it
	}
	if v, ok := view.(interface{ adjust(head http.Header) }); ok {
		v.adjust(head)
	}
	send(w, status, b.Bytes())
	return nil
}

// secure reports whether the client came over TLS.
func secure(r *http.Request) bool { return strings.HasPrefix(dialect.CallOf(r).BaseURL, "https://") }

// goTo ends a form: the browser loads path next.
func goTo(w http.ResponseWriter, path string) error {
	w.Header().Set("Location", path)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// notice is the sentence behind the ?did= of an address.
func notice(r *http.Request) string {
	return map[string]string{
		"logout":     "You are logged out.",
		"deleted":    "The account is deleted. What it stored is being removed.",
		"region":     "New files will live in the region that you chose.",
		"password":   "The password is changed. All other tokens have ended.",
		"revoked":    "The token is revoked.",
		"file":       "The file is deleted.",
		"key":        "Downloads ask for the phrase now.",
		"unkeyed":    "Downloads need no phrase any more.",
		"registered": "The file is yours now.",
	}[r.URL.Query().Get("did")]
}

// home is the start page.
type home struct {
	frame
	uploadView
	Path string // plik.path
}

// homeScripts are all modules of the start page, so that none waits for another
// one to ask for it.
func homeScripts() []string {
	return []string{"upload.js", "plik_api.js", "plik_send.js", "plik_show.js", "plik_account.js", "plik_admin.js", "plik.js"}
}

// Home answers GET / with both ways to send a file: by a temporary link, which
// its script does by Plik's routes, and to keep. What is behind the # of an
// address is the script's matter (plik-wire.md 2).
func (h *Handler) Home(w http.ResponseWriter, r *http.Request) error {
	if err := h.join(w, r); err != nil {
		return err
	}
	ended(w, r)
	v := home{h.frameOf(r, "Send a file", homeScripts()...), h.uploadView(r), h.core.Plik.Path}
	if !h.core.Plik.FeatureAuthentication.Off() {
		v.Enter = "#/login" // providers are there, too
	}
	return h.render(w, http.StatusOK, "home", v)
}

// GoHome answers GET / where plik.path is set: Plik's cookies are of that path,
// so that the page works only there. Browsers take along what is behind #.
func (h *Handler) GoHome(w http.ResponseWriter, _ *http.Request) error { return goTo(w, h.start()) }

// fileView is a file of the drive as the pages show it.
type fileView struct {
	ID, Name, Type, Region, URL, SHA256 string
	Size, Downloads                     int64
	HasKey                              bool
	CreatedAt                           time.Time
	ExpiresAt                           *time.Time
	Path                                string
}

func urlOf(base string, id core.FileID) string { return base + "/download/" + id.String() }
