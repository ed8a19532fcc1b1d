package hosts_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T) *outbound.Client {
	t.Helper()
	return clientFor(t, time.Minute)
}

func clientFor(t *testing.T, timeout time.Duration) *outbound.Client {
	t.Helper()
	c := outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: timeout, MaxBytes: 1 << 20, MaxRedirects: 5})
	t.Cleanup(c.Close)
	return c
}

func load(t *testing.T, bases map[string]string) *hosts.Book {
	t.Helper()
	b, err := hosts.Load(hosts.Options{Limit: hosts.Limit{Concurrency: 4, Rate: 10}, Bases: bases})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// imitated is how links of a kind of host look, by file id.
func imitated() map[linksv1test.Kind]struct{ domain, link, id string } {
	return map[linksv1test.Kind]struct{ domain, link, id string }{
		linksv1test.Rapidgator: {"rapidgator.net", "https://www.rapidgator.net/file/%s/film.part1.rar.html", "0123456789abcdef0123456789abcde%d"},
		linksv1test.XFSPage:    {"ddownload.com", "https://ddownload.com/%s/film.part1.rar", "abcdefghijk%d"},
		linksv1test.XFSRows:    {"katfile.com", "https://katfile.com/%s/film.part1.rar.html", "abcdefghijk%d"},
		linksv1test.OneFichier: {"1fichier.com", "https://1fichier.com/?%s&af=1", "abcdefghijklmnopqrs%d"},
		linksv1test.Nitroflare: {"nitroflare.com", "https://nitroflare.com/view/%s/film.part1.rar", "ABCDEF01234567%d"},
		linksv1test.Turbobit:   {"turbobit.net", "https://turbobit.net/%s.html", "abcdefghijk%d"},
		linksv1test.Keep2share: {"k2s.cc", "https://k2s.cc/file/%s/film.part1.rar", "abcdefghijkl%d"},
		linksv1test.Pixeldrain: {"pixeldrain.com", "https://pixeldrain.com/u/%s", "abcdefg%d"},
		linksv1test.Plain:      {"files.example", "http://files.example/%s", "film%d"},
	}
}

// TestCheck_EachHostSaysItInItsOwnWay: there, gone, and whatever keeps a checker
// from knowing, which is never offline.
func TestCheck_EachHostSaysItInItsOwnWay(t *testing.T) {
	t.Parallel()
	for kind, like := range imitated() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			host := linksv1test.NewImitation(t, kind)
			book, ask := load(t, map[string]string{like.domain: host.URL}), client(t)
			id := func(n int) string { return fmt.Sprintf(like.id, n) }
			host.Set(id(1), linksv1test.There)
			host.Set(id(3), linksv1test.SoftGone)
			var batch []*url.URL
			for n := 1; n <= 3; n++ {
				batch = append(batch, parse(t, fmt.Sprintf(like.link, id(n))))
			}
			got, err := book.Check(t.Context(), ask, batch)
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Status != linksv1.Online || got[0].Reason != linksv1.ReasonFound {
				t.Errorf("there: %+v", got[0])
			}
			if got[1].Status != linksv1.Offline {
				t.Errorf("gone: %+v", got[1])
			}
			// Of a host without a rule nobody knows what its start page means.
			if soft := got[2]; kind != linksv1test.Plain && soft.Status != linksv1.Offline || kind == linksv1test.Plain && (soft.Status != linksv1.Unknown || soft.Reason != linksv1.ReasonElsewhere) {
				t.Errorf("gone, said softly: %+v", soft)
			}
			if kind != linksv1test.XFSRows && kind != linksv1test.Turbobit && got[0].Name != "film.part1.rar" {
				t.Errorf("name: %+v", got[0])
			}
			if kind != linksv1test.Turbobit && got[0].Size == 0 {
				t.Errorf("size: %+v", got[0])
			}
			for wall, why := range map[linksv1test.State]linksv1.Reason{
				linksv1test.Throttled: linksv1.ReasonLimited, linksv1test.Captcha: linksv1.ReasonChallenge, linksv1test.Broken: linksv1.ReasonServer, linksv1test.LogIn: "",
			} {
				host.Wall(wall)
				got, err := book.Check(t.Context(), ask, batch)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range got {
					if f.Status != linksv1.Unknown || why != "" && f.Reason != why {
						t.Errorf("%s: %+v", wall, f)
					}
					if wall == linksv1test.Throttled && f.RetryAfter != 7 {
						t.Errorf("%s: retry after %d", wall, f.RetryAfter)
					}
				}
			}
		})
	}
}

// TestCheck_RetryAfter: seconds, or a date by the host's own clock.
func TestCheck_RetryAfter(t *testing.T) {
	t.Parallel()
	var retry, date string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = []string{date}
		w.Header().Set("Retry-After", retry)
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(srv.Close)
	book, ask, u := load(t, nil), client(t), parse(t, srv.URL+"/x")
	const noon, later = "Fri, 01 May 2026 12:00:00 GMT", "Fri, 01 May 2026 12:01:30 GMT"
	for _, c := range []struct {
		retry, date string
		want        int
	}{
		{"", noon, 0}, {"7", noon, 7}, {" 7 ", noon, 7}, {"-7", noon, 0}, {"7.5", noon, 0}, {"99999999", noon, 86400}, {"99999999999999999999", noon, 0}, {later, noon, 90},
		{noon, later, 0}, {"Fri, 01 May 2099 12:00:00 GMT", noon, 86400}, {later, "never", 0}, {"tomorrow", noon, 0},
	} {
		retry, date = c.retry, c.date
		got, err := book.Check(t.Context(), ask, []*url.URL{u})
		if err != nil || got[0].RetryAfter != c.want {
			t.Errorf("%q at %q: %+v, %v; want %d", c.retry, c.date, got, err, c.want)
		}
	}
}

// TestCheck_StaleConnections: a host that closes a connection which was idle just
// as it is asked again, is asked once more on a new one.
func TestCheck_StaleConnections(t *testing.T) {
	t.Parallel()
	host := linksv1test.NewImitation(t, linksv1test.Keep2share)
	host.Set("abcdefghijkl1", linksv1test.There)
	var seen sync.Map
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, again := seen.LoadOrStore(r.RemoteAddr, true); again {
			panic(http.ErrAbortHandler)
		}
		host.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	book, ask := load(t, map[string]string{"k2s.cc": srv.URL}), client(t)
	for n := range 3 {
		got, err := book.Check(t.Context(), ask, []*url.URL{parse(t, "https://k2s.cc/file/abcdefghijkl1")})
		if err != nil || got[0].Status != linksv1.Online {
			t.Errorf("request %d: %+v, %v", n+1, got, err)
		}
	}
}

func TestCheck_Restricted(t *testing.T) {
	t.Parallel()
	for _, kind := range []linksv1test.Kind{linksv1test.Rapidgator, linksv1test.OneFichier, linksv1test.Nitroflare} {
		like := imitated()[kind]
		host := linksv1test.NewImitation(t, kind)
		id := fmt.Sprintf(like.id, 3)
		host.Set(id, linksv1test.Restricted)
		got, err := load(t, map[string]string{like.domain: host.URL}).Check(t.Context(), client(t), []*url.URL{parse(t, fmt.Sprintf(like.link, id))})
		if err != nil || got[0].Status != linksv1.Online || got[0].Reason != linksv1.ReasonRestricted {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
	}
}

// TestCheck_OneFileThatIsGone: some hosts answer otherwise when they are asked about
// one file.
func TestCheck_OneFileThatIsGone(t *testing.T) {
	t.Parallel()
	host := linksv1test.NewImitation(t, linksv1test.Pixeldrain)
	host.Set("there", linksv1test.There)
	book, ask := load(t, map[string]string{"pixeldrain.com": host.URL}), client(t)
	for id, want := range map[string]linksv1.Status{"there": linksv1.Online, "gone": linksv1.Offline} {
		got, err := book.Check(t.Context(), ask, []*url.URL{parse(t, "https://pixeldrain.com/u/"+id)})
		if err != nil || got[0].Status != want {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}

func TestCheck_Generic(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for code := range map[int]bool{200: true, 204: true, 401: true, 403: true, 404: true, 410: true, 429: true, 451: true, 418: true, 500: true, 503: true, 304: true} {
		mux.HandleFunc(fmt.Sprintf("/status/%d", code), status(code))
	}
	mux.HandleFunc("/nohead", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if r.Header.Get("Range") != "bytes=0-0" {
			t.Errorf("the whole file was asked for: %v", r.Header)
		}
		w.Header().Set("Content-Range", "bytes 0-0/12345")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write([]byte("x"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/to-root", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	mux.HandleFunc("/members", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/user/login?next=x", http.StatusFound)
	})
	mux.HandleFunc("/to-other", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost:"+r.URL.Query().Get("port")+"/status/200", http.StatusFound)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/status/200", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/wall", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cf-Mitigated", "challenge")
		w.WriteHeader(http.StatusForbidden)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	srv := httptest.NewUnstartedServer(mux)
	srv.Start()
	t.Cleanup(srv.Close)
	port := srv.URL[strings.LastIndex(srv.URL, ":")+1:]
	book, patient, short := load(t, nil), client(t), clientFor(t, time.Second)
	for path, want := range map[string]hosts.Finding{
		"/status/200": {Status: linksv1.Online, Reason: linksv1.ReasonFound}, "/status/204": {Status: linksv1.Online, Reason: linksv1.ReasonFound},
		"/status/401": {Status: linksv1.Unknown, Reason: linksv1.ReasonForbidden}, "/status/403": {Status: linksv1.Unknown, Reason: linksv1.ReasonForbidden},
		"/status/404": {Status: linksv1.Offline, Reason: linksv1.ReasonGone}, "/status/410": {Status: linksv1.Offline, Reason: linksv1.ReasonGone},
		"/status/451": {Status: linksv1.Offline, Reason: linksv1.ReasonLegal}, "/status/429": {Status: linksv1.Unknown, Reason: linksv1.ReasonLimited},
		"/status/418": {Status: linksv1.Unknown, Reason: linksv1.ReasonUnclear}, "/status/304": {Status: linksv1.Unknown, Reason: linksv1.ReasonUnclear},
		"/status/500": {Status: linksv1.Unknown, Reason: linksv1.ReasonServer}, "/status/503": {Status: linksv1.Unknown, Reason: linksv1.ReasonServer},
		"/nohead": {Status: linksv1.Online, Reason: linksv1.ReasonFound, Size: 12345}, "/moved": {Status: linksv1.Online, Reason: linksv1.ReasonFound},
		"/loop": {Status: linksv1.Unknown, Reason: linksv1.ReasonElsewhere}, "/to-root": {Status: linksv1.Unknown, Reason: linksv1.ReasonElsewhere},
		"/members": {Status: linksv1.Unknown, Reason: linksv1.ReasonLogin}, "/to-other?port=" + port: {Status: linksv1.Unknown, Reason: linksv1.ReasonElsewhere},
		"/wall": {Status: linksv1.Unknown, Reason: linksv1.ReasonChallenge}, "/slow": {Status: linksv1.Unknown, Reason: linksv1.ReasonTimeout}, "/": {Status: linksv1.Online, Reason: linksv1.ReasonFound},
	} {
		ask := patient
		if path == "/slow" {
			ask = short
		}
		got, err := book.Check(t.Context(), ask, []*url.URL{parse(t, srv.URL+path)})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if f := got[0]; f.Status != want.Status || f.Reason != want.Reason || f.Size != want.Size {
			t.Errorf("%s: %+v, want %+v", path, f, want)
		}
	}
	// What the policy refuses says nothing of the link.
	for _, u := range []string{"http://10.0.0.1/x", "http://[::1]/x", "http://169.254.169.254/latest", "ftp://files.example/x"} {
		got, err := book.Check(t.Context(), patient, []*url.URL{parse(t, u)})
		if err != nil || got[0].Status != linksv1.Unknown || got[0].Reason != linksv1.ReasonRefused {
			t.Errorf("%s: %+v, %v", u, got, err)
		}
	}
}

// TestLane_OneFormOfManySpellings: what is one file is one record, and one host one
// lane, under whatever name.
func TestLane_OneFormOfManySpellings(t *testing.T) {
	t.Parallel()
	book := load(t, nil)
	for u, want := range map[string][2]string{
		"https://rg.to/file/0123456789abcdef0123456789abcdef":                 {"https://rapidgator.net/file/0123456789abcdef0123456789abcdef", "rapidgator"},
		"http://www.rapidgator.net/file/0123456789abcdef0123456789abcdef/a.b": {"https://rapidgator.net/file/0123456789abcdef0123456789abcdef", "rapidgator"},
		"https://rapidgator.net/folder/1":                                     {"https://rapidgator.net/folder/1", "rapidgator"},
		"https://dl4free.com/?abcdefghij&af=12":                               {"https://1fichier.com/?abcdefghij", "1fichier"},
		"https://FILES.example/a":                                             {"https://FILES.example/a", "files.example"},
	} {
		if normal, lane := book.Lane(parse(t, u)); normal != want[0] || lane != want[1] {
			t.Errorf("%s: %s, %s", u, normal, lane)
		}
	}
	if l := book.LimitOf("rapidgator"); l.Concurrency != 3 || l.Rate != 5 {
		t.Errorf("%+v", l)
	}
	if l := book.LimitOf("files.example"); l.Concurrency != 4 || l.Rate != 10 {
		t.Errorf("%+v", l)
	}
	for u, want := range map[string]int{
		"https://1fichier.com/?abcdefghij": 100, "https://1fichier.com/help.html": 1, "https://files.example/a": 1,
		"https://rapidgator.net/file/0123456789abcdef0123456789abcdef": 1,
	} {
		if n := book.BatchOf(parse(t, u)); n != want {
			t.Errorf("%s: %d in a request", u, n)
		}
	}
}

// TestLoad_AHostMoreIsAnEntry: a file of the operator's adds hosts and takes the
// place of those that it names, and what makes no sense is refused at the start.
func TestLoad_AHostMoreIsAnEntry(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		p := filepath.Join(t.TempDir(), "hosts.yaml")
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	book, err := hosts.Load(hosts.Options{File: write(`
hosts:
  - name: acme
    domains: [acme.example]
    id: '^/f/(\d+)'
    normal: https://acme.example/f/{id}
    page:
      url: https://acme.example/f/{id}
      rules:
        - {status: [200], body: [here it is], then: online, why: found}
        - {body: ['no {id} here'], then: offline, why: removed}
  - name: rapidgator
    domains: [rapidgator.net]
    id: '^/x/(\d+)'
    page: {url: 'https://rapidgator.net/x/{id}'}
`), Bases: map[string]string{"acme.example": "http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	if normal, lane := book.Lane(parse(t, "https://acme.example/f/12?x")); normal != "https://acme.example/f/12" || lane != "acme" {
		t.Error(normal, lane)
	}
	if h, it := book.Of(parse(t, "https://rapidgator.net/x/7")); h == nil || it.ID != "7" {
		t.Error("the operator's entry does not count")
	}
	for what, text := range map[string]string{
		"no yaml": "\t", "unknown field": "hosts: [{nam: x}]", "no domains": "hosts: [{name: x}]", "upper case": "hosts: [{name: x, domains: [A.example], id: '(a)', page: {url: u}}]",
		"no group": "hosts: [{name: x, domains: [a.example], id: 'a', page: {url: u}}]", "no way": "hosts: [{name: x, domains: [a.example], id: '(a)'}]", "empty": "hosts: [null]",
		"bad pattern": "hosts: [{name: x, domains: [a.example], id: '(', page: {url: u}}]", "bad rule": "hosts: [{name: x, domains: [a.example], id: '(a)', page: {url: u, rules: [{status: [1], then: maybe, why: found}]}}]",
		"no condition": "hosts: [{name: x, domains: [a.example], id: '(a)', page: {url: u, rules: [{then: online, why: found}]}}]", "taken": "hosts: [{name: x, domains: [k2s.cc], id: '(a)', page: {url: u}}]",
		"batch":       "hosts: [{name: x, domains: [a.example], id: '(a)', call: {method: GET, url: u, batch: 1000, entries: {id: i}}}]",
		"two answers": "hosts: [{name: x, domains: [a.example], id: '(a)', call: {method: GET, url: u, batch: 1}}]",
	} {
		if _, err := hosts.Load(hosts.Options{File: write(text)}); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	if _, err := hosts.Load(hosts.Options{File: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a missing file was taken")
	}
}

// TestCheck_HostileAnswers: half of an answer, another one's, or none that makes
// sense says nothing.
func TestCheck_HostileAnswers(t *testing.T) {
	t.Parallel()
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(srv.Close)
	book, ask := load(t, map[string]string{"k2s.cc": srv.URL, "1fichier.com": srv.URL, "pixeldrain.com": srv.URL, "rapidgator.net": srv.URL}), client(t)
	links := []*url.URL{
		parse(t, "https://k2s.cc/file/abcdefghijkl1"), parse(t, "https://1fichier.com/?abcdefghij"), parse(t, "https://pixeldrain.com/u/abcdefg1"),
		parse(t, "https://rapidgator.net/file/0123456789abcdef0123456789abcdef"),
	}
	for _, body = range []string{
		"", "null", "{}", `{"status":"error"}`, `{"status":"success","files":null}`, `{"status":"success","files":[{"id":"abcdefghijkl1"}]}`, `{"files":[{"id":"abcdefghijkl1","is_available":false}]}`,
		`<html>maintenance</html>`, `{"status":"success","files":[`, "https://1fichier.com/?other;x;1\n", `{"success":false}`, `"x"`, `12`, strings.Repeat("{", 1<<10), strings.Repeat("x", 300<<10),
		"We are upgrading the site system",
	} {
		for _, l := range links {
			got, err := book.Check(t.Context(), ask, []*url.URL{l})
			if err != nil || got[0].Status != linksv1.Unknown {
				t.Errorf("%s: %.60q: %+v, %v", l.Host, body, got, err)
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("hosts: [{name: x, domains: [a.example], id: '(a)', page: {url: u}}]")
	f.Add("hosts: [{name: x, domains: [a.example], id: '(a)', call: {method: GET, url: u, batch: 1, entries: {list: a.b, id: i, absent: offline}}}]")
	f.Fuzz(func(t *testing.T, text string) {
		p := filepath.Join(t.TempDir(), "hosts.yaml")
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = hosts.Load(hosts.Options{File: p})
	})
}

// FuzzCheck: whatever a host answers, a check ends with one of three states.
func FuzzCheck(f *testing.F) {
	f.Add("k2s.cc", `{"status":"success","files":[{"id":"abcdefghijkl1","is_available":true,"size":1e400}]}`)
	f.Add("1fichier.com", "https://1fichier.com/?abcdefghij;x;99999999999999999999\n")
	f.Add("pixeldrain.com", `[{"id":"abcdefg1","name":{}}]`)
	f.Add("katfile.com", "<tr>abcdefghijk1<td>Found")
	f.Add("rapidgator.net", "<title>Download file \xff\x00&#0; </title>File size: <strong>1..5 GB<")
	f.Add("ddownload.com", "<h1 class=\"file-info-name\">a</h1> size: <b>1.5 GB</b> method_free")
	f.Add("nitroflare.com", `{"type":"success","result":{"files":{"ABCDEF012345671":{"status":"online","size":"1"}}}}`)
	book, err := hosts.Load(hosts.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, domain, body string) {
		link := map[string]string{
			"k2s.cc": "https://k2s.cc/file/abcdefghijkl1", "1fichier.com": "https://1fichier.com/?abcdefghij", "pixeldrain.com": "https://pixeldrain.com/u/abcdefg1",
			"katfile.com": "https://katfile.com/abcdefghijk1", "rapidgator.net": "https://rapidgator.net/file/0123456789abcdef0123456789abcdef",
			"ddownload.com": "https://ddownload.com/abcdefghijk1", "nitroflare.com": "https://nitroflare.com/view/ABCDEF012345671", "turbobit.net": "https://turbobit.net/abcdefghijk1.html",
		}[domain]
		if link == "" {
			t.Skip()
		}
		got, err := book.Check(t.Context(), says(body), []*url.URL{parse(t, link)})
		if err != nil || got[0].Status == "" || got[0].Size < 0 || len([]rune(got[0].Name)) > 255 {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// says is an Asker whose host answers everything with one page.
type says string

func (s says) Do(_ context.Context, req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader(string(s))), Request: req,
	}, nil
}
