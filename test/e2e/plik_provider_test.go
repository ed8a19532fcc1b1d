package e2e_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// provider vouches for people as Google, OVH and an OpenID provider do, on
// loopback.
type provider struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu    sync.Mutex
	asked int
	codes map[string]visitor // by code, and then by access token
}

// visitor has logged in at the provider.
type visitor struct{ who, nonce string }

// email of the visitor, of whom a name without a domain is known there.
func (v visitor) email() string {
	if strings.Contains(v.who, "@") {
		return v.who
	}
	return v.who + "@example.test"
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, codes: map[string]visitor{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// settings that make an edge trust the provider.
func (p *provider) settings() []string {
	return []string{
		"SLUICE_PLIK_GOOGLE_API_CLIENT_ID=google-client", "SLUICE_PLIK_GOOGLE_API_SECRET=google-secret", "SLUICE_PLIK_GOOGLE_ENDPOINT=" + p.URL,
		"SLUICE_PLIK_GOOGLE_VALID_DOMAINS=example.test", "SLUICE_PLIK_OVH_API_KEY=ovh-key", "SLUICE_PLIK_OVH_API_SECRET=ovh-secret", "SLUICE_PLIK_OVH_API_ENDPOINT=" + p.URL,
		"SLUICE_PLIK_OIDC_ISSUER=" + p.URL, "SLUICE_PLIK_OIDC_CLIENT_ID=oidc-client", "SLUICE_PLIK_OIDC_CLIENT_SECRET=oidc-secret", "SLUICE_PLIK_OIDC_VALID_DOMAINS=example.test",
	}
}

// ServeHTTP implements http.Handler.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	switch path := r.URL.Path; {
	case path == "/.well-known/openid-configuration":
		answer(object{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks", "userinfo_endpoint": p.URL + "/userinfo",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "code_challenge_methods_supported": []string{"S256"}})
	case path == "/jwks":
		b64 := base64.RawURLEncoding.EncodeToString
		answer(object{"keys": []object{{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": b64(p.key.N.Bytes()), "e": b64(big.NewInt(int64(p.key.E)).Bytes())}}})
	case path == "/auth/credential":
		p.asked++
		answer(object{"validationUrl": p.URL + "/validate", "consumerKey": fmt.Sprintf("xx%d-ovh", p.asked), "state": "pendingValidation"})
	case path == "/auth/time":
		answer(time.Now().Unix())
	case path == "/me":
		who := r.Header.Get("X-Ovh-Consumer")
		answer(object{"nichandle": who, "firstname": "Ova", "name": "Heath", "email": who + "@example.test"})
	case strings.Contains(path, "userinfo"):
		v := p.codes[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		answer(object{"id": "1", "sub": v.who, "email": v.email(), "verified_email": true, "email_verified": true, "name": "Some Body"})
	case strings.Contains(path, "token"):
		v, ok := p.codes[r.FormValue("code")]
		if !ok {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		access := "at-" + r.FormValue("code")
		delete(p.codes, r.FormValue("code"))
		p.codes[access] = v
		answer(object{"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": p.sign(object{
			"iss": p.URL, "sub": v.who, "aud": "oidc-client", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(),
			"nonce": v.nonce, "email": v.email(), "email_verified": true, "name": "Some Body",
		})})
	default:
		http.NotFound(w, r)
	}
}

// sign makes an ID token.
func (p *provider) sign(claims object) string {
	payload, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"RS256","kid":"1","typ":"JWT"}`)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(text))
	sig, _ := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	return text + "." + b64(sig)
}

// agrees is somebody who logs in at the page of the URL: it gives the path and
// query of the callback.
func (p *provider) agrees(t *testing.T, visit, who string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	q := queryOf(t, visit)
	p.asked++
	code := fmt.Sprintf("code-%d", p.asked)
	p.codes[code] = visitor{who, q.Get("nonce")}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("redirect_uri") == "" {
		t.Fatalf("redirect_uri of %s: %v", visit, err)
	}
	return back.Path + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func queryOf(t *testing.T, visit string) url.Values {
	t.Helper()
	u, err := url.Parse(visit)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

var logins atomic.Int64

// uniqueLogin is a user name that nobody has.
func uniqueLogin() string { return fmt.Sprintf("user-%d", logins.Add(1)) }
