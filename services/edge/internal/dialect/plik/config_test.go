package plik_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestGetConfig(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	says(t, ask(t, w, "GET", "/config", ""), 200, `{"maxFileSize":10000000000,"maxUserSize":-1,"maxFilePerUpload":1000,"defaultTTL":2592000,"maxTTL":2592000,"downloadDomain":"","downloadDomainAlias":null,"abuseContact":"",`+
		`"feature_authentication":"enabled","feature_one_shot":"enabled","feature_removable":"enabled","feature_stream":"enabled","feature_password":"enabled","feature_comments":"enabled","feature_set_ttl":"enabled",`+
		`"feature_extend_ttl":"disabled","feature_clients":"enabled","feature_github":"enabled","feature_text":"enabled","authentication":true,"noAnonymousUploads":false,"oneShot":true,"removable":true,"stream":true,`+
		`"protectedByPassword":true,"googleAuthentication":false,"ovhAuthentication":false,"ovhApiEndpoint":"https://eu.api.ovh.com/1.0","oidcAuthentication":false}`)
	w = edgetest.New(t, settings(func(s *core.PlikSettings) {
		s.FeatureAuthentication, s.FeatureOneShot, s.FeatureRemovable, s.FeatureStream, s.FeaturePassword = core.PlikForced, core.PlikDisabled, core.PlikForced, core.PlikDefault, core.PlikDisabled
		s.GoogleAPIClientID, s.GoogleAPISecret, s.OVHAPIKey, s.OVHAPISecret, s.OIDCIssuer, s.OIDCClientID = "a", "hush", "c", "hush", "https://id.example", "f"
		s.DownloadDomain, s.DownloadDomainAlias, s.DefaultTTL, s.MaxFileSize = "https://dl.example", []string{"https://b.example"}, -time.Second, 0
	}))
	r := ask(t, w, "GET", "/config", "")
	for _, want := range []string{
		`"noAnonymousUploads":true,"oneShot":false,"removable":true,"stream":true,"protectedByPassword":false,"googleAuthentication":true,"ovhAuthentication":true`, `"oidcAuthentication":true`,
		`"downloadDomain":"https://dl.example","downloadDomainAlias":["https://b.example"]`, `"feature_stream":"default"`, `"defaultTTL":-1`, `"maxFileSize":0,`,
	} {
		if !strings.Contains(r.Body, want) {
			t.Errorf("%s is not in %s", want, r.Body)
		}
	}
	if strings.Contains(r.Body, "hush") {
		t.Error("a secret is told")
	}
}

func TestGetHealth(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.SourceIPHeader = "X-Real" }))
	says(t, ask(t, w, "GET", "/health", "", "X-Real", "nonsense", "Cookie", "plik-session=x"), 200, "ok\n")
	says(t, ask(t, w, "GET", "/config", "", "X-Real", "nonsense"), 400, "invalid IP address")
	says(t, ask(t, w, "GET", "/config", "", "Cookie", "plik-session=x", "X-PlikToken", "x"), 200, "") // nobody looks
}

func TestGetVersion(t *testing.T) {
	t.Parallel()
	at := func(version string, change ...func(*edge.Config, *edge.Deps)) string {
		w := edgetest.New(t, append(change, func(_ *edge.Config, d *edge.Deps) { d.Version = version })...)
		return ask(t, w, "GET", "/version", "").Body
	}
	if got := at("v1.4.0"); !strings.HasPrefix(got, `{"version":"1.4.0","date":`) || !strings.Contains(got, `"goVersion":"go1`) || !strings.Contains(got, `"isRelease":true`) || !strings.HasSuffix(got, `"clients":null,"releases":null}`) {
		t.Error(got)
	}
	for version, want := range map[string]string{"dev": `"version":"0.0.0"`, "dev-abcdef": `"version":"0.0.0"`, "": `"version":"0.0.0"`, "v1.4.0-rc.1": `"version":"1.4.0-rc.1"`} {
		if got := at(version); !strings.Contains(got, want) || !strings.Contains(got, `"isRelease":false`) {
			t.Error(got)
		}
	}
	if got := at("v1.4.0", settings(func(s *core.PlikSettings) { s.EnhancedWebSecurity = true })); got != `{"version":"1.4.0","date":0,"isRelease":false,"isMint":false,"clients":null,"releases":null}` {
		t.Error(got)
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(path, content string, day int) {
		t.Helper()
		path = filepath.Join(dir, path)
		at := time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	put("linux-amd64/plik", "hello", 1)
	put("windows-386/plik.exe", "bye", 1)
	put("changelog/1.10.0", "more", 2)
	put("changelog/1.9.0", "first", 1)
	put("README", "no build", 1)
	put("../"+filepath.Base(dir)+"-secret", "secret", 1)
	if err := os.Symlink("../"+filepath.Base(dir)+"-secret", filepath.Join(dir, "linux-amd64", "out")); err != nil {
		t.Fatal(err)
	}
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.ClientsDir, s.EnhancedWebSecurity = dir, true }))
	want := `{"version":"0.0.0","date":0,"isRelease":false,"isMint":false,"clients":[{"name":"plik","md5":"5d41402abc4b2a76b9719d911017c592","path":"clients/linux-amd64/plik","os":"linux","arch":"amd64"},` +
		`{"name":"plik.exe","md5":"bfa99df33b137bc8fb5f5407d7e58da8","path":"clients/windows-386/plik.exe","os":"windows","arch":"386"}],"releases":[{"name":"1.9.0","date":1767225600},{"name":"1.10.0","date":1767312000}]}`
	says(t, ask(t, w, "GET", "/version", ""), 200, want)
	put("windows-386/plik.exe", "hello", 3) // a new build has a new sum
	says(t, ask(t, w, "GET", "/version", ""), 200, strings.Replace(want, "bfa99df33b137bc8fb5f5407d7e58da8", "5d41402abc4b2a76b9719d911017c592", 1))
	r := ask(t, w, "GET", "/clients/linux-amd64/plik", "")
	says(t, r, 200, "hello")
	holds(t, r, map[string]string{"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff"})
	says(t, ask(t, w, "HEAD", "/clients/linux-amd64/plik", ""), 200, "")
	says(t, ask(t, w, "GET", "/changelog/1.9.0", ""), 200, "first")
	for _, path := range []string{"/clients/linux-amd64", "/clients/linux-amd64/", "/clients/linux-amd64/nothing", "/clients/linux-amd64/out", "/clients/..%2f" + filepath.Base(dir) + "-secret", "/clients/%00", "/clients/changelog/1.9.0", "/changelog/%2e%2e/README", "/clients/x/%2e%2e/changelog/1.9.0", "/changelog", "/changelog/", "/clients/..%2f..%2fetc%2fpasswd"} {
		if r := ask(t, w, "GET", path, ""); r.Status != 404 || r.Body != noPage+"\n" {
			t.Errorf("%s: %d %q", path, r.Status, r.Body)
		}
	}
}

func TestGetQRCode(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for query, size := range map[string]int{"": 250, "?url=https%3A%2F%2Fexample.test%2F": 250, "?url=x&size=300": 300, "?url=x&size=1000": 1000, "?url=x&size=big": 250, "?url=%C3%A9": 250, "?size=99999999999999999999": 250} {
		r := ask(t, w, "GET", "/qrcode"+query, "")
		img, err := png.Decode(bytes.NewReader([]byte(r.Body)))
		if err != nil || r.Header.Get("Content-Type") != "image/png" || img.Bounds().Dx() != size || img.Bounds().Dy() != size {
			t.Errorf("%s: %d %v %v", query, r.Status, err, r.Header)
		}
	}
	says(t, ask(t, w, "GET", "/qrcode?url=x&size=0", ""), 400, "QRCode size must be positive")
	says(t, ask(t, w, "GET", "/qrcode?url=x&size=-5", ""), 400, "QRCode size must be positive")
	says(t, ask(t, w, "GET", "/qrcode?url=x&size=1001", ""), 400, "QRCode size must be lower than 1000")
	says(t, ask(t, w, "GET", "/qrcode?url=x&size=10", ""), 500, "internal server error")
	says(t, ask(t, w, "GET", "/qrcode?url="+strings.Repeat("x", 4000), ""), 400, "the text does not fit into a QRCode")
}
