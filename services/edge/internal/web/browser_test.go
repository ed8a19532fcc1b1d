package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const password = "correct horse"

// browser is somebody without JavaScript: cookies and forms; redirects are
// looked at, not followed.
type browser struct {
	w      *edgetest.World
	client *http.Client
}

func open(t testing.TB, w *edgetest.World) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{w: w, client: &http.Client{
		Transport: w.Server.Client().Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signUp makes an account, whose owner the browser then is.
func (b *browser) signUp(t testing.TB, name string) answer {
	t.Helper()
	return b.post(t, 201, "/account/signup", "username", name, "email", name+"@example.com", "password", password)
}

// signedUp is the browser of another account.
func signedUp(t testing.TB, w *edgetest.World, name string) *browser {
	t.Helper()
	b := open(t, w)
	b.signUp(t, name)
	return b
}

// answer is a page.
type answer struct {
	*http.Response
	body string
}

// has wants texts on the page.
func (a answer) has(t testing.TB, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(a.body, s) {
			t.Errorf("%s %s has no %q:\n%.4000s", a.Request.Method, a.Request.URL.Path, s, a.body)
		}
	}
}

// lacks wants texts not to be on the page.
func (a answer) lacks(t testing.TB, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(a.body, s) {
			t.Errorf("%s %s has %q:\n%.4000s", a.Request.Method, a.Request.URL.Path, s, a.body)
		}
	}
}

// leads wants a redirect to a place.
func (a answer) leads(t testing.TB, to string) {
	t.Helper()
	if got := a.Header.Get("Location"); got != to {
		t.Errorf("%s %s leads to %q, want %q", a.Request.Method, a.Request.URL.Path, got, to)
	}
}

func (b *browser) send(t testing.TB, status int, req *http.Request) answer {
	t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text := read(t, resp.Body)
	if resp.StatusCode != status {
		t.Fatalf("%s %s: %d, want %d: %s", req.Method, req.URL, resp.StatusCode, status, text)
	}
	return answer{resp, text}
}

func read(t testing.TB, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b *browser) request(t testing.TB, method, path, body string, header ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.w.URL)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func (b *browser) get(t testing.TB, status int, path string, header ...string) answer {
	t.Helper()
	return b.send(t, status, b.request(t, http.MethodGet, path, "", header...))
}

// post sends a form of names and values.
func (b *browser) post(t testing.TB, status int, path string, fields ...string) answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.send(t, status, b.request(t, http.MethodPost, path, form.Encode()))
}

// upload stores a file as whoever the browser is, and gives its id.
func (b *browser) upload(t testing.TB, name, contentType, content string, header ...string) string {
	t.Helper()
	header = append([]string{"X-File-Name", name, "Content-Type", contentType}, header...)
	a := b.send(t, 201, b.request(t, http.MethodPost, "/api/v1/upload", content, header...))
	var f struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &f); err != nil || f.ID == "" {
		t.Fatalf("%v: %s", err, a.body)
	}
	return f.ID
}
