package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/services/sluice/internal/client"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sluice-client-test-") // profiles are kept here, not where the user has them
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		_ = os.Setenv(name, dir)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// asked is a request that the server got.
type asked struct {
	line, key, authorization, contentType, body, once string
}

// server answers each "METHOD path" as the test says.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []asked
	answer map[string]func(w http.ResponseWriter)
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{answer: map[string]func(http.ResponseWriter){}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked = append(s.asked, asked{r.Method + " " + r.URL.RequestURI(), r.Header.Get("X-Api-Key"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(b), r.Header.Get("Idempotency-Key")})
		answer := s.answer[r.Method+" "+r.URL.Path]
		s.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"success":false,"error":"there is no such container","code":"container_not_found"}`)
			return
		}
		answer(w)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) says(call string, status int, body string, head ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer[call] = func(w http.ResponseWriter) {
		for i := 0; i < len(head); i += 2 {
			w.Header().Set(head[i], head[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (s *server) last() asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		return asked{}
	}
	return s.asked[len(s.asked)-1]
}

func (s *server) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// user is somebody at the command line.
type user struct {
	t   *testing.T
	env map[string]string
}

func newUser(t *testing.T, s *server) *user {
	t.Helper()
	name := strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
	return &user{t, map[string]string{profile.EnvEndpoint: s.URL, profile.EnvAPIKey: "slk_key", "NAME": name}}
}

func (u *user) run(stdin string, args ...string) (code int, out, errs string) {
	u.t.Helper()
	var o, e bytes.Buffer
	std := client.IO{In: strings.NewReader(stdin), Out: &o, Err: &e}
	code = client.Main(u.t.Context(), std, func(name string) string { return u.env[name] }, "1.0", args)
	return code, o.String(), e.String()
}

func same(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Errorf("%v: %s", err, got)
	}
	_ = json.Unmarshal([]byte(want), &w)
	if fmt.Sprint(g) != fmt.Sprint(w) {
		t.Errorf("sent %s, want %s", got, want)
	}
}

const made = `{"success":true,"container_id":"k5otrg3x3oe","title":"Linux ISOs","container_url":"https://x.example/container/k5otrg3x3oe","container_size":2,"created_at":"2026-05-12 13:15:00"}`

func TestCreate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := newUser(t, s)
	s.says("POST /api/v1/container/create", 200, made)
	file := filepath.Join(t.TempDir(), "links.txt")
	if err := os.WriteFile(file, []byte("\ufeffhttps://b.example/1\r\n\r\n# no link\n  https://b.example/2 \r\nhttps://b.example/3"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := u.run("https://c.example/1\n", "container", "create", "--title", "Linux ISOs", "-p", "123", "--cnl=false", "--captcha", "https://a.example/1", file, "-")
	if code != 0 || out != "https://x.example/container/k5otrg3x3oe\n" || errs != "" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	got := s.last()
	if got.key != "slk_key" || got.authorization != "" || got.contentType != "application/json" {
		t.Errorf("%+v", got)
	}
	same(t, got.body, `{"title":"Linux ISOs","password":"123","captcha":true,"allow_cnl":false,
		"links":["https://a.example/1","https://b.example/1","https://b.example/2","https://b.example/3","https://c.example/1"]}`)
	if code, out, _ := u.run("secret\n", "container", "create", "-t", "T", "--json", "-p", "-", "https://a.example/1"); code != 0 || out != made+"\n" {
		t.Errorf("%d %q", code, out)
	}
	same(t, s.last().body, `{"title":"T","password":"secret","links":["https://a.example/1"]}`)
	n := s.times()
	for _, args := range [][]string{
		{}, {"--title", "T"}, {"https://a.example/1"}, {"--title", "T", filepath.Join(t.TempDir(), "none")}, {"--title", "T", "-"}, {"--odd", "x"},
	} {
		if code, _, errs := u.run("", append([]string{"container", "create"}, args...)...); code != 2 || errs == "" {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
	if s.times() != n {
		t.Error("a command line that says nothing asked the server")
	}
}

func TestStatusAndUnlock(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := newUser(t, s)
	s.says("GET /api/v1/public/container/iiom6uw3pn7/status", 200, `{"success":true,"container_id":"iiom6uw3pn7","title":"Ubuntu\u001b[31m\nCollection","status":"online","created_at":"2026-05-07 15:35:17","last_checked":null,"container_size":3,"hosts":["rapidgator.net"],"stats":{"online":3,"offline":0,"unknown":0}}`)
	for _, id := range []string{"iiom6uw3pn7", s.URL + "/container/iiom6uw3pn7", "https://other.example/container/iiom6uw3pn7/?a=1#b"} {
		code, out, errs := u.run("", "container", "status", id)
		if code != 0 || !strings.Contains(out, "3 online, 0 offline") || !strings.Contains(out, "checked    never") || strings.ContainsRune(out, 0x1b) || strings.Contains(out, "\nCollection") {
			t.Errorf("%d %q %q", code, out, errs)
		}
		if got := s.last(); got.key != "" || got.authorization != "" {
			t.Errorf("a public route got a key: %+v", got)
		}
	}
	s.says("POST /api/v1/container/unlock", 200, `{"success":true,"container_id":"7541014","title":"T","links":[{"url":"https://a.example/1?x=\u0007","host":"a.example","status":"online"},{"url":"https://b.example/2","host":"b.example","status":"offline"}]}`)
	if code, out, errs := u.run("pass word\r\n", "container", "unlock", "7541014", "--password", "-"); code != 0 || out != "https://a.example/1?x=\ufffd\nhttps://b.example/2\n" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	same(t, s.last().body, `{"container_id":"7541014","password":"pass word"}`)
	s.says("POST /api/v1/container/unlock", 403, `{"success":false,"error":"the password is wrong","code":"wrong_password"}`)
	if code, out, errs := u.run("", "container", "unlock", "7541014"); code != 4 || out != "" || !strings.Contains(errs, "the password is wrong (wrong_password)") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if code, _, errs := u.run("", "container", "status", "abcdefghij1"); code != 3 || !strings.Contains(errs, "there is no such container") {
		t.Errorf("%d %q", code, errs)
	}
	n := s.times()
	for _, id := range []string{"", "../x", "K5OTRG3X3OE", "k5o/trg", "https://x.example/", "https://x.example/container/", "k5otrg3x3oek5otrg3x3oe", "k5%2f"} {
		if code, _, errs := u.run("", "container", "status", id); code != 2 {
			t.Errorf("%q: %d %q", id, code, errs)
		}
	}
	if s.times() != n {
		t.Error("what is no id asked the server")
	}
}

func TestListEditDelete(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := newUser(t, s)
	pages := map[string]string{
		"":  `{"success":true,"containers":[{"container_id":"a","title":"Ä","status":"partial","created_at":"2026-05-07 15:35:17","container_size":3,"stats":{"online":2,"offline":1,"unknown":0}}],"total":2,"after":"c1","before":""}`,
		"1": `{"success":true,"containers":[{"container_id":"bcd","title":"B","status":"online","created_at":"2026-05-06 15:35:17","container_size":1,"stats":{"online":1,"offline":0,"unknown":0}}],"total":2,"after":"","before":"c1"}`,
	}
	turn := ""
	s.mu.Lock()
	s.answer["GET /api/v1/container/list"] = func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, pages[turn])
		turn = "1"
	}
	s.mu.Unlock()
	code, out, errs := u.run("", "container", "list", "--group", "my group", "--status", "online")
	if code != 0 || out != "a    partial  2/3  2026-05-07 15:35:17  Ä\nbcd  online   1/1  2026-05-06 15:35:17  B\n" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if got := s.last().line; got != "GET /api/v1/container/list?after=c1&group=my+group&limit=100&status=online" {
		t.Error(got)
	}
	s.says("PUT /api/v1/container/k5otrg3x3oe", 200, `{"success":true,"container_id":"k5otrg3x3oe","title":"New","status":"unknown","created_at":"x","last_checked":null,"container_size":1,"hosts":[],"stats":{"online":0,"offline":0,"unknown":1}}`)
	if code, out, errs := u.run("", "container", "edit", "k5otrg3x3oe", "--title", "New", "--password", "", "--links=false", "https://a.example/1"); code != 0 || !strings.Contains(out, "New") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	same(t, s.last().body, `{"title":"New","password":"","allow_links":false,"links":["https://a.example/1"]}`)
	n := s.times()
	for _, args := range [][]string{{"k5otrg3x3oe"}, {"k5otrg3x3oe", "-"}, {}} {
		if code, _, errs := u.run("", append([]string{"container", "edit"}, args...)...); code != 2 || s.times() != n {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
	s.says("DELETE /api/v1/container/k5otrg3x3oe", 200, `{"success":true,"container_id":"k5otrg3x3oe"}`)
	if code, out, errs := u.run("", "container", "delete", "k5otrg3x3oe", "none1234567", "k5otrg3x3oe"); code != 3 || out != "" || !strings.Contains(errs, "none1234567: there is no such container") || s.times() != n+3 {
		t.Errorf("%d %q %q", code, out, errs)
	}
}

func TestBadge(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := newUser(t, s)
	for as, want := range map[string]string{
		"url": "%s/s/k5otrg3x3oe.svg?label=%%22a%%22+b", "bbcode": "[url=%[1]s/container/k5otrg3x3oe][img]%[1]s/s/k5otrg3x3oe.svg?label=%%22a%%22+b[/img][/url]",
		"html":     `<a href="%[1]s/container/k5otrg3x3oe"><img src="%[1]s/s/k5otrg3x3oe.svg?label=%%22a%%22&#43;b" alt="status"></a>`,
		"markdown": "[![status](%[1]s/s/k5otrg3x3oe.svg?label=%%22a%%22+b)](%[1]s/container/k5otrg3x3oe)",
	} {
		want := fmt.Sprintf(want, s.URL)
		if as == "html" {
			want = strings.ReplaceAll(want, "&#43;", "+")
		}
		if code, out, errs := u.run("", "container", "badge", "k5otrg3x3oe", "--as", as, "--label", `"a" b`); code != 0 || out != want+"\n" {
			t.Errorf("%d %q %q, want %q", code, out, errs, want)
		}
	}
	s.says("GET /s/k5otrg3x3oe.webp", 200, "RIFF")
	file := filepath.Join(t.TempDir(), "b.webp")
	if code, _, errs := u.run("", "container", "badge", "k5otrg3x3oe", "-o", file, "--scale", "2"); code != 0 || s.last().line != "GET /s/k5otrg3x3oe.webp?scale=2" {
		t.Errorf("%d %q", code, errs)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "RIFF" {
		t.Errorf("%q, %v", b, err)
	}
	for _, args := range [][]string{{"--as", "odd"}, {"-o", "x.gif"}, {"-o", "svg/"}} {
		if code, _, _ := u.run("", append([]string{"container", "badge", "k5otrg3x3oe"}, args...)...); code != 2 {
			t.Errorf("%v: %d", args, code)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := newUser(t, s)
	name := u.env["NAME"]
	delete(u.env, profile.EnvAPIKey)
	if code, _, errs := u.run("", "container", "list", "--profile", "none-"+name); code != 2 {
		t.Errorf("a profile that is not there: %d %q", code, errs)
	}
	if code, _, errs := u.run("", "container", "list"); code != 4 || !strings.Contains(errs, "sluice-client login") {
		t.Errorf("without a key: %d %q", code, errs)
	}
	u.env[profile.EnvProfile] = ""
	s.says("GET /api/v1/container/list", 401, `{"success":false,"error":"the token is bad","code":"unauthorized"}`)
	if code, _, errs := u.run("slk_bad\n", "login"); code != 4 || !strings.Contains(errs, "was not kept") || strings.Contains(errs, "slk_bad") {
		t.Errorf("%d %q", code, errs)
	}
	s.says("GET /api/v1/container/list", 200, `{"success":true,"containers":[],"total":0,"after":"","before":""}`)
	code, out, errs := u.run("slk_good\r\n", "login", "--server", s.URL+"/")
	path := strings.TrimSuffix(strings.TrimPrefix(out, "kept in "), "\n")
	st, err := os.Stat(path)
	if code != 0 || err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 || s.last().key != "slk_good" {
		t.Fatalf("%d %q %q %v", code, out, errs, err)
	}
	if code, _, errs := u.run("", "container", "list"); code != 0 || s.last().key != "slk_good" {
		t.Errorf("%d %q %+v", code, errs, s.last())
	}
	other := newServer(t)
	if code, _, _ := u.run("", "container", "list", "--server", other.URL); code != 4 || other.times() != 0 {
		t.Errorf("a kept key is for its server only: %d, %d requests", code, other.times())
	}
	s.says("POST /api/v1/oauth/token", 200, `{"success":true,"access_token":"lwtk_x","token_type":"Bearer","expires_in":3600,"scope":"read"}`)
	if code, _, errs := u.run("s&cret\n", "login", "--client-id", "LWAKA"); code != 0 || s.last().authorization != "Bearer lwtk_x" || s.last().key != "" {
		t.Errorf("%d %q %+v", code, errs, s.last())
	}
	if code, _, errs := u.run("", "container", "list"); code != 0 || s.last().authorization != "Bearer lwtk_x" || s.asked[s.times()-2].body != "client_id=LWAKA&client_secret=s%26cret&grant_type=client_credentials" {
		t.Errorf("%d %q %+v", code, errs, s.asked)
	}
	for range 2 {
		if code, _, errs := u.run("", "logout"); code != 0 {
			t.Errorf("%d %q", code, errs)
		}
	}
	if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), "slk_") || strings.Contains(string(b), "cret") {
		t.Errorf("%s, %v", b, err)
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	other := newServer(t)
	for what, c := range map[string]struct {
		status int
		body   string
		head   []string
		errs   string
	}{
		"no JSON":          {200, "<html>", nil, "no Sluice server"},
		"empty":            {200, "", nil, "no Sluice server"},
		"other JSON":       {200, `[1]`, nil, "no Sluice server"},
		"page as error":    {502, "<html>\x1b[31m", nil, "502 Bad Gateway"},
		"colours":          {400, `{"error":"a\u001b[31mb\n","code":"x\u0007"}`, nil, "a\ufffd[31mb\ufffd (x\ufffd)"},
		"redirect":         {307, "", []string{"Location", other.URL + "/api/v1/container/list"}, "307"},
		"endless patience": {429, `{"error":"slower","code":"rate_limited"}`, []string{"Retry-After", "86400"}, "slower"},
		"odd patience":     {429, `{"error":"slower","code":"rate_limited"}`, []string{"Retry-After", "-5"}, "slower"},
		"huge":             {200, `{"after":"` + strings.Repeat("a", 33<<20) + `"}`, nil, "no Sluice server"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.says("GET /api/v1/container/list", c.status, c.body, c.head...)
			code, out, errs := newUser(t, s).run("", "container", "list")
			if code != 1 || out != "" || !strings.Contains(errs, c.errs) || strings.ContainsRune(errs, 0x1b) || s.times() != 1 {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
	t.Cleanup(func() {
		if other.times() != 0 {
			t.Errorf("another server got the key: %+v", other.last())
		}
	})
}

func TestRetry(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	left := 1
	s.answer["GET /api/v1/container/list"] = func(w http.ResponseWriter) {
		if left--; left >= 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `{"containers":[],"after":""}`)
	}
	if code, _, errs := newUser(t, s).run("", "container", "list"); code != 0 || s.times() != 2 {
		t.Errorf("%d %q after %d requests", code, errs, s.times())
	}
	// What may have been made is not made again: it is asked for under the same key.
	answers := []string{`503 {"error":"later","code":"unavailable"}`, `409 {"error":"busy","code":"idempotency_in_progress"}`, `200 {"container_url":"https://l.example/c"}`}
	s.answer["POST /api/v1/container/create"] = func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "1")
		status, _ := strconv.Atoi(answers[0][:3])
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answers[0][4:])
		answers = answers[1:]
	}
	n := s.times()
	if code, out, errs := newUser(t, s).run("", "container", "create", "-t", "T", "https://a.example/"); code != 0 || s.times() != n+3 || !strings.Contains(out, "https://l.example/c") {
		t.Errorf("%d %q %q after %d requests", code, out, errs, s.times()-n)
	} else if a := s.asked[n:]; a[0].once == "" || a[1].once != a[0].once || a[2].once != a[0].once {
		t.Errorf("keys %q, %q, %q", a[0].once, a[1].once, a[2].once)
	}
	// What has no key is sent once.
	s.says("PUT /api/v1/container/k5otrg3x3oe", 503, `{"error":"later","code":"unavailable"}`, "Retry-After", "1")
	n = s.times()
	if code, _, _ := newUser(t, s).run("", "container", "edit", "k5otrg3x3oe", "-t", "T"); code != 1 || s.times() != n+1 {
		t.Errorf("%d after %d requests", code, s.times()-n)
	}
	// A plan's bound is none that patience moves.
	s.says("POST /api/v1/container/create", 429, `{"error":"enough","code":"quota_exceeded"}`, "Retry-After", "1")
	n = s.times()
	if code, _, errs := newUser(t, s).run("", "container", "create", "-t", "T", "https://a.example/"); code != 1 || s.times() != n+1 || !strings.Contains(errs, "enough (quota_exceeded)") {
		t.Errorf("%d %q after %d requests", code, errs, s.times()-n)
	}
}

func TestServerAddress(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := newUser(t, s)
	for _, address := range []string{"x", "ftp://x", "http://", "http://a:b@x", "http://x?y", "http://x#y", "http://\x00"} {
		if code, _, errs := u.run("", "container", "list", "--server", address); code != 2 || strings.ContainsAny(errs, "\x00") {
			t.Errorf("%q: %d %q", address, code, errs)
		}
	}
	if code, _, errs := u.run("", "container", "list", "--server", "http://127.0.0.1:1"); code != 1 || errs == "" {
		t.Errorf("nobody there: %d %q", code, errs)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := newUser(t, s)
	for _, args := range [][]string{{}, {"--help"}, {"container"}, {"container", "create", "--help"}, {"--version"}} {
		if code, out, _ := u.run("", args...); code != 0 || out == "" {
			t.Errorf("%v: %d %q", args, code, out)
		}
	}
	for _, args := range [][]string{{"odd"}, {"container", "odd"}, {"login", "slk_secret"}} {
		if code, _, _ := u.run("", args...); code != 2 {
			t.Errorf("%v: %d", args, code)
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	env := map[string]string{profile.EnvEndpoint: s.URL, profile.EnvAPIKey: "k"}
	code := client.Main(ctx, client.IO{In: strings.NewReader(""), Out: io.Discard, Err: &errs}, func(n string) string { return env[n] }, "1", []string{"container", "list"})
	if code != 130 || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("%d %q", code, errs.String())
	}
}

func FuzzLines(f *testing.F) {
	f.Add("\ufeffhttps://a\r\n#x\n\n b \n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range client.LinesOf(text) {
			if l == "" || l != strings.TrimSpace(l) || strings.HasPrefix(l, "#") || strings.Contains(l, "\n") {
				t.Errorf("%q of %q", l, text)
			}
		}
	})
}

func FuzzContainerID(f *testing.F) {
	for _, s := range []string{"k5otrg3x3oe", "https://x/container/7541014", "../..", "https://x/container/a/container/b"} {
		f.Add(s)
	}
	ok := []rune("abcdefghijklmnopqrstuvwxyz0123456789")
	f.Fuzz(func(t *testing.T, arg string) {
		id, err := client.ContainerID(arg)
		if err == nil && (id == "" || strings.ContainsFunc(id, func(r rune) bool { return !slices.Contains(ok, r) })) {
			t.Errorf("%q of %q", id, arg)
		}
	})
}
