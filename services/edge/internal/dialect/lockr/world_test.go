package lockr_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const api = "/api/v1"

// file is File as clients see it.
type file struct {
	ID, Name, Type, Region, SHA256, DownloadURL, URL, Path, SignedURL string
	CreatedAt, ExpiresAt, SignedURLExpiresAt                          string
	Size, Downloads                                                   int64
	HasKey                                                            bool
}

// guest sends no credential.
func guest(pairs ...string) http.Header {
	return header(append([]string{"Authorization", ""}, pairs...)...)
}

// header makes one of pairs of names and values; Authorization "" means none.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "Authorization" && pairs[i+1] == "" {
			h["Authorization"] = nil
			continue
		}
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// ada sends the account token of the World.
func ada(w *edgetest.World, pairs ...string) http.Header {
	return header(append([]string{"Authorization", "Bearer " + w.Account}, pairs...)...)
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// signUp makes another account and gives its token.
func signUp(t testing.TB, w *edgetest.World, name string) string {
	t.Helper()
	var s struct{ Token string }
	read(t, w.Want(t, 201, "POST", api+"/account", `{"username":"`+name+`","email":"`+name+`@example.test","password":"pass phrase"}`, guest()), &s)
	return s.Token
}

func read(t testing.TB, r edgetest.Response, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
}

// upload stores a file and gives it back.
func upload(t testing.TB, w *edgetest.World, body string, h http.Header) file {
	t.Helper()
	var f file
	read(t, w.Want(t, 201, "POST", api+"/upload", body, h), &f)
	return f
}

// path of a URL of the World.
func path(w *edgetest.World, url string) string { return strings.TrimPrefix(url, w.URL) }

// refused insists on an error in the dialect's form.
func refused(t testing.TB, r edgetest.Response, status int, code string) {
	t.Helper()
	var e struct{ Error, Code string }
	if json.Unmarshal([]byte(r.Body), &e) != nil || r.Status != status || e.Code != code || e.Error == "" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Request-Id") == "" {
		t.Errorf("%d %s, want %d %s: %v", r.Status, r.Body, status, code, r.Header)
	}
}
