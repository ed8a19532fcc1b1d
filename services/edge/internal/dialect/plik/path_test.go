package plik_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const noPage = "404 page not found"

// TestPaths holds what is no route, and what is answered in its place (1, 2).
func TestPaths(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u, f := stored(t, w, "{}", "a", "hello")
	for _, k := range []string{
		"GET /not_found", "GET /nothing/at/all", "POST /nothing", "GET /config/", "GET /upload/", "GET /upload/" + u.ID + "/", "GET " + u.path(f) + "/",
		"POST /config", "DELETE /version", "PUT /upload", "GET /upload", "PATCH /upload/" + u.ID, "PUT " + u.path(f), "POST /archive/" + u.ID + "/a.zip", "OPTIONS /upload", "GET /file/" + u.ID,
		"DELETE /stream/" + u.ID + "/" + f.ID + "/a", "POST /stream/" + u.ID, "PUT /", "DELETE /", "POST /auth/logout", "PUT /me",
		"GET /file/" + u.ID + "/" + f.ID + "/a%2Fb", "GET /upload/a%2fb", "POST /file/" + u.ID + "/" + f.ID + "/%2F", "GET /archive/" + u.ID + "/a%2Fb.zip",
		"GET /clients/linux-amd64/plik", "GET /changelog/1.0", "GET /clients", "GET /clients/",
	} {
		method, path, _ := strings.Cut(k, " ")
		r := ask(t, w, method, path, "", "User-Agent", "Mozilla/5.0") // no redirect of what is no route
		if r.Status != 404 || r.Body != noPage+"\n" || r.Header.Get("X-Request-Id") == "" || r.Header.Get("Allow") != "" {
			t.Errorf("%s: %d %q %v", k, r.Status, r.Body, r.Header)
		}
	}
	for _, path := range []string{"/config", "/version", "/qrcode", "/health", "/upload/" + u.ID, "/me", "/stats", "/auth/logout", "/auth/google/login"} {
		if r := ask(t, w, "HEAD", path, ""); r.Status != 404 {
			t.Errorf("HEAD %s: %d", path, r.Status)
		}
	}
	for path, want := range map[string]string{"//config": "/config", "/./config": "/config", "/x/../config": "/config", "/file//" + u.ID: "/file/" + u.ID, "/upload/x/..": "/upload"} {
		if r := ask(t, w, "GET", path, ""); r.Status != 301 && r.Status != 307 || r.Header.Get("Location") != want || r.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %s", path, r.Status, r.Header.Get("Location"))
		}
	}
	// Other dialects answer what is theirs.
	for path, body := range map[string]string{"/api/v1/nothing": `"code"`, "/healthz": "ok", "/account/nothing": "<!doctype"} {
		if r := ask(t, w, "GET", path, ""); !strings.Contains(strings.ToLower(r.Body), body) {
			t.Errorf("%s: %.100s", path, r.Body)
		}
	}
}

func TestPaths_NoWebInterface(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.NoWebInterface = true }))
	for _, k := range []string{"POST /config", "HEAD /config", "HEAD /upload/x", "PUT /upload", "DELETE /stream/a/b/c", "PATCH /me"} {
		method, path, _ := strings.Cut(k, " ")
		if r := ask(t, w, method, path, ""); r.Status != 405 || r.Body != "" {
			t.Errorf("%s: %d %q", k, r.Status, r.Body)
		}
	}
	says(t, ask(t, w, "GET", "/not_found", ""), 404, noPage)
}

// TestPaths_Below holds the setting Path (1).
func TestPaths_Below(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.Path = "/root" }))
	says(t, ask(t, w, "GET", "/root/health", ""), 200, "ok\n")
	for _, path := range []string{"/health", "/config", "/upload", "/root/nothing", "/rootless"} {
		says(t, ask(t, w, "GET", path, ""), 404, noPage)
	}
	if r := ask(t, w, "GET", "/root", ""); r.Status != 301 || r.Header.Get("Location") != "/root/" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	r := post(t, w, "/root/", "a", "hello")
	link := strings.TrimSpace(strings.TrimPrefix(r.Body, w.URL))
	if r.Status != 200 || !strings.HasPrefix(link, "/root/file/") {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	says(t, ask(t, w, "GET", link, ""), 200, "hello")
	r = ask(t, w, "GET", "/root/file/x/y/z", "", "User-Agent", "Mozilla/5.0")
	if to := r.Header.Get("Location"); r.Status != 301 || !strings.HasPrefix(to, "/root/#/?err=upload+x+not+found&errcode=404&uri=%2Froot%2Ffile%2Fx%2Fy%2Fz") {
		t.Errorf("%d %s", r.Status, to)
	}
}

// TestBrowsers holds who is sent to the page when something fails, and where (1, 17.14).
func TestBrowsers(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u, f := stored(t, w, `{"oneShot":true}`, "a b", "x")
	says(t, ask(t, w, "GET", u.path(f), ""), 200, "x")
	for _, agent := range []string{"Wget/1.2", "curl/8", "Python-urllib/3", "libwwww-perl/6", "PHP/8", "PycURL/7", "Go-http-client/2.0", "plik_client/1.3"} {
		says(t, ask(t, w, "GET", u.path(f), "", "User-Agent", agent), 404, "file a b ("+f.ID+") is not available : deleted")
	}
	for _, agent := range []string{"", "Mozilla/5.0", "libwww-perl/6", "python-requests/2", " curl"[1:2] + "x"} {
		for _, method := range []string{"GET", "HEAD"} {
			path := u.path(f) + "?dl=1&x=%26"
			r := ask(t, w, method, path, "", "User-Agent", agent)
			to, err := url.Parse(r.Header.Get("Location"))
			if err != nil || r.Status != 301 || r.Header.Get("Content-Disposition") != "" {
				t.Errorf("%q: %d %v", agent, r.Status, err)
				continue
			}
			page, query, _ := strings.Cut(to.EscapedFragment(), "?")
			q, err := url.ParseQuery(query)
			if err != nil || to.Path != "/" || page != "/" || q.Get("err") != "file a b ("+f.ID+") is not available : deleted" || q.Get("errcode") != "404" || q.Get("uri") != path {
				t.Errorf("%q: %s", agent, to)
			}
		}
	}
	for path, code := range map[string]string{"/stream/x/y/z": "404", "/archive/x/y.zip": "404", "/archive/" + u.ID + "/y.zip": "400", "/archive/" + u.ID + "/y": "400", "/auth/google/callback": "400", "/auth/ovh/callback": "400", "/auth/oidc/callback": "400"} {
		r := ask(t, w, "GET", path, "", "User-Agent", "Mozilla/5.0")
		if r.Status != 301 || !strings.Contains(r.Header.Get("Location"), "&errcode="+code+"&") {
			t.Errorf("%s: %d %s %s", path, r.Status, r.Header.Get("Location"), r.Body)
		}
	}
	says(t, ask(t, w, "GET", "/upload/x", "", "User-Agent", "Mozilla/5.0"), 404, "upload x not found")
	says(t, ask(t, w, "DELETE", "/file/x/y/z", "", "User-Agent", "Mozilla/5.0"), 404, "upload x not found")
}
