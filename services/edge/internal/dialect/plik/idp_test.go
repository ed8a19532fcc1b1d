package plik_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sluicehq/sluice/services/edge"
)

// idp is Google, OVH and an OpenID provider in one, on loopback. Its fields say
// how it behaves.
type idp struct {
	URL string
	t   testing.TB
	key *ecdsa.PrivateKey

	mu       sync.Mutex
	down     bool           // it answers 503
	huge     bool           // it answers without end
	refuse   int            // status of everything behind the log-in; 0: none
	garbage  bool           // it answers what is no JSON
	claims   map[string]any // replace those of the id token; nil leaves one out
	userInfo map[string]any
	methods  []string // of client authentication
	signWith *ecdsa.PrivateKey
	noToken  bool // it leaves the id token out

	codes map[string]url.Values // requests to log in, by code; each is good once
	me    map[string]any        // OVH's
}

const (
	clientID = "the client"
	secret   = "the secret + more" //nolint:gosec // of a test
)

// newIDP starts one.
func newIDP(t testing.TB) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{t: t, key: key, codes: map[string]url.Values{}, me: map[string]any{"nichandle": "xx1234-ovh", "firstname": "Olga", "name": "Heler", "email": "o@example.test"},
		userInfo: map[string]any{"email": "gina@example.test", "verified_email": true, "name": "Gina"}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /o/oauth2/token", p.token)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /oauth2/v2/userinfo", p.info)
	mux.HandleFunc("GET /userinfo", p.info)
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /ovh/auth/credential", p.credential)
	mux.HandleFunc("GET /ovh/me", p.ovhMe)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		down, huge, garbage, refuse := p.down, p.huge, p.garbage, p.refuse
		p.mu.Unlock()
		switch {
		case down:
			http.Error(w, "down", http.StatusServiceUnavailable)
		case huge:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.Copy(w, io.LimitReader(endless{}, 64<<20))
		case garbage:
			_, _ = io.WriteString(w, "<html>")
		case refuse != 0 && r.URL.Path != "/.well-known/openid-configuration":
			http.Error(w, "{}", refuse)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// set changes how it behaves.
func (p *idp) set(change func(*idp)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// providers makes an edge trust it.
func (p *idp) providers() func(*edge.Config, *edge.Deps) {
	return func(c *edge.Config, _ *edge.Deps) {
		c.Plik.GoogleEndpoint, c.Plik.GoogleAPIClientID, c.Plik.GoogleAPISecret = p.URL, clientID, secret
		c.Plik.OVHAPIEndpoint, c.Plik.OVHAPIKey, c.Plik.OVHAPISecret = p.URL+"/ovh", clientID, secret
		c.Plik.OIDCIssuer, c.Plik.OIDCClientID, c.Plik.OIDCClientSecret = p.URL, clientID, secret
	}
}

// agree is somebody who logs in at the address and is sent back: the query of the
// callback.
func (p *idp) agree(address string) string {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := "code/" + hex.EncodeToString([]byte{byte(len(p.codes))})
	p.codes[code] = u.Query()
	return "?" + url.Values{"code": {code}, "state": {u.Query().Get("state")}}.Encode()
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	id, pass, basic := r.BasicAuth()
	if !basic {
		id, pass = r.FormValue("client_id"), r.FormValue("client_secret")
	} else {
		id, _ = url.QueryUnescape(id)
		pass, _ = url.QueryUnescape(pass)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	wantBasic := r.URL.Path == "/token" && p.methods == nil
	switch {
	case !ok, id != clientID, pass != secret, basic != wantBasic, r.FormValue("redirect_uri") != asked.Get("redirect_uri"),
		asked.Get("code_challenge") != "" && (asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:])):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	out := map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 60}
	if !p.noToken && r.URL.Path == "/token" {
		out["id_token"] = p.idToken(asked.Get("nonce"))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

func (p *idp) idToken(nonce string) string {
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": p.URL, "aud": clientID, "sub": "subject-1", "nonce": nonce, "iat": now, "exp": now + 60,
		"email": "olaf@example.test", "name": "Olaf",
	}
	maps.Copy(claims, p.claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	key := p.key
	if p.signWith != nil {
		key = p.signWith
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	raw, _ := json.Marshal(claims)
	signed, err := s.Sign(raw)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	text, _ := signed.CompactSerialize()
	return text
}

func (p *idp) info(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer at" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p.userInfo)
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"userinfo_endpoint": p.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256"},
	}
	if p.methods != nil {
		doc["token_endpoint_auth_methods_supported"] = p.methods
	}
	_ = json.NewEncoder(w).Encode(doc)
}

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
}

// credential is OVH's beginning of a log-in.
func (p *idp) credential(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	const want = `{"accessRules":[{"method":"GET","path":"/me"}],"redirection":"https://plik.example.test/auth/ovh/callback"}`
	if r.Header.Get("X-Ovh-Application") != clientID || string(raw) != want {
		p.t.Errorf("%v %s", r.Header, raw)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]any{"validationUrl": p.URL + "/validate", "consumerKey": "the consumer", "state": "pendingValidation"}
	maps.Copy(out, p.claims)
	_ = json.NewEncoder(w).Encode(out)
}

func (p *idp) ovhMe(w http.ResponseWriter, r *http.Request) {
	text := strings.Join([]string{secret, "the consumer", "GET", p.URL + "/ovh/me", "", r.Header.Get("X-Ovh-Timestamp")}, "+")
	sum := sha1.Sum([]byte(text))
	if r.Header.Get("X-Ovh-Signature") != "$1$"+hex.EncodeToString(sum[:]) || r.Header.Get("X-Ovh-Consumer") != "the consumer" || r.Header.Get("X-Ovh-Application") != clientID {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = json.NewEncoder(w).Encode(p.me)
}
