package edgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// Audit keeps records in memory. Fail makes Record fail.
type Audit struct {
	mu      sync.Mutex
	records []auditv1.Record
	Fail    error
	Shut    bool
}

// Open implements dialect.Auditor.
func (a *Audit) Open() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.Shut
}

// Record implements dialect.Auditor.
func (a *Audit) Record(rec auditv1.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Fail != nil {
		return a.Fail
	}
	a.records = append(a.records, rec)
	return nil
}

// Note implements dialect.Auditor.
func (a *Audit) Note(rec auditv1.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records = append(a.records, rec)
}

// Set changes how the fake behaves.
func (a *Audit) Set(shut bool, fail error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Shut, a.Fail = shut, fail
}

// Of gives the records of a request id.
func (a *Audit) Of(requestID string) []auditv1.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []auditv1.Record
	for _, r := range a.records {
		if r.RequestID == requestID {
			out = append(out, r)
		}
	}
	return out
}

// Text is everything recorded, as JSON.
func (a *Audit) Text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, _ := json.Marshal(a.records)
	return string(b)
}

// URLs allows every address but those with "private" in them.
type URLs struct{}

// CheckURL implements core.URLPolicy.
func (URLs) CheckURL(_ context.Context, u string) error {
	if strings.Contains(u, "private") {
		return errRefused
	}
	return nil
}

// World is an edge over fakes, on a real listener of 127.0.0.1.
type World struct {
	URL     string
	Server  *httptest.Server
	Auth    *Auth
	Object  *Object
	Plik    *Plik
	Link    *Link // that streams go over
	Links   *linksv1test.Fake
	Stats   *Stats
	Hooks   *Webhooks
	Clicks  *Clicks
	Fetches *Fetches
	Blobs   *Blobs
	Audit   *Audit
	Account string // account token

	// Downloads gathers; nothing is told to Object before its Run is run.
	Downloads *core.Downloads
	Key       authv1.AccessKeyWithSecret
	Token     string // lwtk_ token with all scopes
}

// AllScopes is what the World's key may do.
func AllScopes() []authv1.Scope {
	return []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete, authv1.ScopeAdmin}
}

// New starts a World; change may alter the settings and what they stand on.
func New(t testing.TB, change ...func(*edge.Config, *edge.Deps)) *World {
	t.Helper()
	master, err := keys.LoadOrCreate(filepath.Join(t.TempDir(), "master.key"), false)
	if err != nil {
		t.Fatal(err)
	}
	tokens := master.Token(authv1.PurposeAccessToken, authv1.TokenPrefix)
	w := &World{Auth: NewAuth(tokens), Object: NewObject(), Blobs: NewBlobs(), Audit: &Audit{}}
	w.Plik, w.Link = NewPlik(w.Object), NewLink()
	var deps edge.Deps
	w.Links = linksv1test.NewFake(func() time.Time { return deps.Now() }, nil) // one clock with the edge
	w.Stats, w.Hooks, w.Clicks = NewStats(), NewWebhooks(), &Clicks{}
	w.Fetches = NewFetches()
	cfg := edge.Default()
	w.Downloads = core.NewDownloads(w.Object, telemetry.Nop().Log)
	deps = edge.Deps{
		Auth: w.Auth, Object: w.Object, Upload: Upload{O: w.Object}, Plik: w.Plik, Relay: &transfer.Relay{Link: w.Link}, Blobs: w.Blobs, Tokens: tokens, Signer: master.Token(core.PurposeSignedURL, core.SignedURLPrefix), Keys: w.Auth, URLs: URLs{},
		Links: w.Links, Stats: w.Stats, Webhooks: w.Hooks, Clicks: w.Clicks, Pages: master.Sealer(core.PurposePages),
		Drive: w.Object, Fetches: w.Fetches, HostingLinks: master.Signer(core.PurposeHosting), FolderPasswords: master.Signer(core.PurposeFolderPassword),
		FileKeys: master.Signer(core.PurposeFileKey), FileLinks: master.Signer(core.PurposeLink), PlikXSRF: master.Signer(core.PurposePlikXSRF),
		Logins: master.Token(core.PurposePlikLogin, core.PlikLoginPrefix), Regions: w.Object.Regions, Downloads: w.Downloads,
		Audit: w.Audit, Ready: func(context.Context) error { return nil }, Tel: telemetry.Nop(), Now: time.Now,
	}
	for _, c := range change {
		c(&cfg, &deps)
	}
	public, _, err := edge.Handlers(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewUnstartedServer(public)
	w.Server.Config.ReadHeaderTimeout = cfg.HTTP.HeaderTimeout
	w.Server.Config.MaxHeaderBytes = int(cfg.HTTP.MaxHeaderBytes)
	w.Server.Config.ConnContext = dialect.ConnContext
	w.Server.Start()
	t.Cleanup(w.Server.Close)
	w.URL = w.Server.URL
	w.signUp(t, "ada")
	return w
}

// Still has the World's clock stand still: a rate that tests use up gives nothing
// back meanwhile, however slow the machine is.
func Still(_ *edge.Config, d *edge.Deps) {
	now := time.Now()
	d.Now = func() time.Time { return now }
}

func (w *World) signUp(t testing.TB, name string) {
	t.Helper()
	s, err := w.Auth.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: name})
	if err != nil {
		t.Fatal(err)
	}
	w.Account = s.Token
	w.Key, w.Token = w.NewKey(t, AllScopes()...)
}

// NewKey makes a key of the World's account and a token of it.
func (w *World) NewKey(t testing.TB, scopes ...authv1.Scope) (authv1.AccessKeyWithSecret, string) {
	t.Helper()
	k, err := w.Auth.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: "acc-ada", Grant: authv1.Grant{Scopes: scopes}})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := w.Auth.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: k.ID, Secret: k.Secret})
	if err != nil {
		t.Fatal(err)
	}
	return k, tok.Token
}

// Response is an answer, read whole.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Code is the code of an error body.
func (r Response) Code() string {
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(r.Body), &p)
	return p.Code
}

// Do sends a request with the World's token, unless header says otherwise. The
// path goes out as it is written.
func (w *World) Do(t testing.TB, method, path, body string, header http.Header) Response {
	t.Helper()
	var rd io.Reader
	if body != "" {
		rd = bytes.NewReader([]byte(body))
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, rd)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := w.Server.Client().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}
}

// Want is Do that insists on a status.
func (w *World) Want(t testing.TB, status int, method, path, body string, header http.Header) Response {
	t.Helper()
	r := w.Do(t, method, path, body, header)
	if r.Status != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, r.Status, status, r.Body)
	}
	return r
}
