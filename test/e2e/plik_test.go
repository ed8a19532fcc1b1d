package e2e_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// plikEdges are edges of one World with other settings of Plik's each; nobody is
// logged in. The World's own edge has the defaults.
type plikEdges struct {
	off    *harness.Plik // every feature disabled
	forced *harness.Plik // every feature forced
	tight  *harness.Plik // small limits, extend_ttl, a source header and a whitelist
	domain *harness.Plik // a download domain, a path, no page
	people *harness.Plik // log-in by provider
	idp    *provider     // of people
}

// Settings of the tight edge.
const (
	tightFile    = 10 // bytes
	tightUser    = 25
	tightEntries = 3
	tightTTL     = 3600 // seconds
	fromInside   = "10.1.2.3"
)

func newPlikEdges(t *testing.T, w *harness.World) *plikEdges {
	t.Helper()
	var off, forced []string
	for f := range strings.FieldsSeq("AUTHENTICATION ONE_SHOT REMOVABLE STREAM PASSWORD COMMENTS SET_TTL EXTEND_TTL CLIENTS GITHUB TEXT") {
		off = append(off, "SLUICE_PLIK_FEATURE_"+f+"=disabled")
		if f != "CLIENTS" && f != "GITHUB" {
			forced = append(forced, "SLUICE_PLIK_FEATURE_"+f+"=forced")
		}
	}
	idp := newProvider(t)
	return &plikEdges{
		off:    harness.NewPlik(t, w.Edge(t, append(append(off, strictSettings()...), "SLUICE_PLIK_DEFAULT_TTL=2h", "SLUICE_PLIK_MAX_TTL=1h")...).URL),
		forced: harness.NewPlik(t, w.Edge(t, forced...).URL),
		tight: harness.NewPlik(t, w.Edge(t, fmt.Sprintf("SLUICE_PLIK_MAX_FILE_SIZE=%d", tightFile), fmt.Sprintf("SLUICE_PLIK_MAX_USER_SIZE=%d", tightUser),
			fmt.Sprintf("SLUICE_PLIK_MAX_FILE_PER_UPLOAD=%d", tightEntries), "SLUICE_PLIK_DEFAULT_TTL=30m", fmt.Sprintf("SLUICE_PLIK_MAX_TTL=%ds", tightTTL),
			"SLUICE_PLIK_FEATURE_EXTEND_TTL=enabled", "SLUICE_PLIK_SOURCE_IP_HEADER=X-Client-IP", "SLUICE_PLIK_UPLOAD_WHITELIST=10.0.0.0/8,192.0.2.7",
			"SLUICE_PLIK_SESSION_TIMEOUT=15s", fmt.Sprintf("SLUICE_LOCKNEX_RATE=%d", tightRate), fmt.Sprintf("SLUICE_LOCKNEX_PUBLIC_RATE=%d", tightPublic)).URL).With("X-Client-IP", fromInside),
		domain: harness.NewPlik(t, w.Edge(t, "SLUICE_PLIK_DOWNLOAD_DOMAIN=https://dl.example.test:8443", "SLUICE_PLIK_DOWNLOAD_DOMAIN_ALIAS=http://alias.example.test",
			"SLUICE_PLIK_PATH=/root", "SLUICE_PLIK_NO_WEB_INTERFACE=true", "SLUICE_PLIK_ABUSE_CONTACT=abuse@example.test", "SLUICE_PLIK_ENHANCED_WEB_SECURITY=true").URL+"/root"),
		people: harness.NewPlik(t, w.Edge(t, idp.settings()...).URL),
		idp:    idp,
	}
}

// plik speaks to the World's own edge as nobody.
func (g *ground) plik(t *testing.T) *harness.Plik {
	t.Helper()
	return harness.NewPlik(t, g.w.URL)
}

// someone is a new account, logged in at base.
func (g *ground) someone(t *testing.T, base *harness.Plik) (p *harness.Plik, id string) {
	t.Helper()
	c := account(t, g.w)
	return base.Login(t, c.Username, password(c.Username)), "local:" + c.Username
}

// operator is the administrator, logged in at base.
func (g *ground) operator(t *testing.T, base *harness.Plik) *harness.Plik {
	t.Helper()
	return base.Login(t, "admin", harness.AdminPassword)
}

// userToken makes a user token of a session and speaks with it alone.
func userToken(t *testing.T, p *harness.Plik) *harness.Plik {
	t.Helper()
	var tok struct{ Token string }
	p.Call(t, "POST", "/me/token", nil).Want(t, 200).JSON(t, &tok)
	k := *p
	k.Session, k.XSRF, k.Token = "", "", tok.Token
	return &k
}

// reads wants that a file reads as content.
func reads(t *testing.T, p *harness.Plik, u harness.PlikUpload, f harness.PlikFile, content string, headers ...string) harness.Response {
	t.Helper()
	r := p.Call(t, "GET", u.Path(f), nil, headers...).Want(t, 200)
	if string(r.Body) != content {
		t.Fatalf("%s reads as %d other bytes: %.80q", f.Name, len(r.Body), r.Body)
	}
	return r
}

// unavailable is what says that a file is not to be had.
func unavailable(f harness.PlikFile, status string) string {
	return fmt.Sprintf("file %s (%s) is not available : %s", f.Name, f.ID, status)
}

// plikStatus of a file as its upload lists it.
func plikStatus(t *testing.T, p *harness.Plik, u harness.PlikUpload, f harness.PlikFile) string {
	t.Helper()
	files := p.Get(t, u.ID).Files
	i := slices.IndexFunc(files, func(o harness.PlikFile) bool { return o.ID == f.ID })
	if i < 0 {
		t.Fatalf("%s is not listed: %+v", f.ID, files)
	}
	return files[i].Status
}

// one announces a single file.
func one(name string) []object { return []object{{"fileName": name, "reference": "0"}} }

// slowly begins to send a file, and gives the pipe into it when the entry shows
// that it is being received. End it by Close, or break it off by CloseWithError.
func slowly(t *testing.T, p *harness.Plik, u harness.PlikUpload, f harness.PlikFile, first string) (*io.PipeWriter, <-chan harness.Response) {
	t.Helper()
	r, w := io.Pipe()
	answer := meanwhile(t, p, u, f, r)
	if _, err := io.WriteString(w, first); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the entry is being received", func() bool { return plikStatus(t, p.Admin(u), u, f) == "uploading" })
	return w, answer
}

// meanwhile sends a file's content; the answer is zero when none comes. A file
// without an id is added.
func meanwhile(t *testing.T, p *harness.Plik, u harness.PlikUpload, f harness.PlikFile, content any) <-chan harness.Response {
	path := "/file/" + u.ID
	if f.ID != "" {
		path = u.Path(f)
	}
	answer := make(chan harness.Response, 1)
	go func() {
		r, err := p.TryPost(t.Context(), path, f.Name, content, "X-UploadToken", u.UploadToken)
		if err != nil {
			r = harness.Response{}
		}
		if c, ok := content.(io.Closer); ok {
			_ = c.Close() // whoever still writes is not to wait
		}
		answer <- r
	}()
	return answer
}

// notFound is what Plik says of paths that it does not have.
func notFound(t *testing.T, r harness.Response) {
	t.Helper()
	r.Says(t, 404, "404 page not found")
}
