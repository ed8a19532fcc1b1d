package locknex_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const tokenPath = api + "/oauth/token"

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func formHeader(pairs ...string) http.Header {
	return header(append([]string{"Content-Type", "application/x-www-form-urlencoded"}, pairs...)...)
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// TestOAuth_Token exchanges client credentials in each of the ways of RFC 6749,
// and uses what it gets.
func TestOAuth_Token(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	id, secret := w.Key.ID, w.Key.Secret
	for name, k := range map[string]struct {
		body string
		h    http.Header
	}{
		"form":               {form("grant_type", "client_credentials", "client_id", id, "client_secret", secret), formHeader()},
		"with a charset":     {form("grant_type", "client_credentials", "client_id", id, "client_secret", secret), header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")},
		"Basic":              {form("grant_type", "client_credentials"), formHeader("Authorization", basic(id, secret))},
		"Basic and the id":   {form("grant_type", "client_credentials", "client_id", id), formHeader("Authorization", basic(id, secret))},
		"a scope":            {form("grant_type", "client_credentials", "scope", "read  write"), formHeader("Authorization", basic(id, secret))},
		"unknown parameters": {form("grant_type", "client_credentials", "audience", "x"), formHeader("Authorization", basic(id, secret))},
	} {
		r := w.Want(t, 200, "POST", tokenPath, k.body, k.h)
		holdFields(t, r.Body, "success access_token token_type expires_in scope")
		var tok struct {
			Token string `json:"access_token"`
			Type  string `json:"token_type"`
			Ends  int    `json:"expires_in"`
			Scope string
		}
		read(t, r, &tok)
		if tok.Type != "Bearer" || tok.Ends < 3590 || tok.Ends > 3600 || tok.Scope != "read write delete admin" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Pragma") != "no-cache" {
			t.Errorf("%s: %s %v", name, r.Body, r.Header)
		}
		w.Want(t, 200, "GET", container+"/list", "", bearer(tok.Token))
	}
	if text := w.Audit.Text(); strings.Contains(text, secret) || !strings.Contains(text, id) {
		t.Error("the audit trail has the secret, or not the id")
	}
}

// TestOAuth_Errors holds the errors of RFC 6749, 5.2.
func TestOAuth_Errors(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	id, secret := w.Key.ID, w.Key.Secret
	reader, _ := w.NewKey(t, authv1.ScopeRead)
	grant := form("grant_type", "client_credentials")
	whole := form("grant_type", "client_credentials", "client_id", id, "client_secret", secret)
	for name, k := range map[string]struct {
		body   string
		h      http.Header
		status int
		code   string
	}{
		"no grant type":         {form("client_id", id, "client_secret", secret), formHeader(), 400, "invalid_request"},
		"another grant type":    {form("grant_type", "password", "client_id", id, "client_secret", secret), formHeader(), 400, "unsupported_grant_type"},
		"no client":             {grant, formHeader(), 401, "invalid_client"},
		"no secret":             {form("grant_type", "client_credentials", "client_id", id), formHeader(), 401, "invalid_client"},
		"wrong secret":          {form("grant_type", "client_credentials", "client_id", id, "client_secret", "x"), formHeader(), 401, "invalid_client"},
		"unknown client":        {form("grant_type", "client_credentials", "client_id", "LWAKAAAAAAAAAAAAAAZZ", "client_secret", secret), formHeader(), 401, "invalid_client"},
		"wrong Basic":           {grant, formHeader("Authorization", basic(id, "x")), 401, "invalid_client"},
		"unreadable Basic":      {grant, formHeader("Authorization", "Basic %"), 401, "invalid_client"},
		"Bearer":                {grant, formHeader("Authorization", "Bearer "+w.Token), 401, "invalid_client"},
		"both ways":             {whole, formHeader("Authorization", basic(id, secret)), 400, "invalid_request"},
		"two clients":           {form("grant_type", "client_credentials", "client_id", "x"), formHeader("Authorization", basic(id, secret)), 400, "invalid_request"},
		"twice the same":        {whole + "&client_id=x", formHeader(), 400, "invalid_request"},
		"JSON":                  {`{"grant_type":"client_credentials"}`, header("Content-Type", "application/json"), 400, "invalid_request"},
		"no type":               {whole, header(), 400, "invalid_request"},
		"malformed":             {"grant_type=%zz", formHeader(), 400, "invalid_request"},
		"not UTF-8":             {"grant_type=%ff", formHeader(), 400, "invalid_request"},
		"empty":                 {"", formHeader(), 400, "invalid_request"},
		"huge":                  {whole + "&x=" + strings.Repeat("x", 64<<10), formHeader(), 413, "invalid_request"},
		"a scope of nobody":     {whole + "&scope=everything", formHeader(), 400, "invalid_scope"},
		"a scope that it lacks": {form("grant_type", "client_credentials", "client_id", reader.ID, "client_secret", reader.Secret, "scope", "read write"), formHeader(), 400, "invalid_scope"},
	} {
		r := w.Do(t, "POST", tokenPath, k.body, k.h)
		var e struct {
			Error       string
			Description string `json:"error_description"`
			Code        string
		}
		read(t, r, &e)
		if r.Status != k.status || e.Error != k.code || e.Description == "" || e.Code == "" || !slices.Equal(fields(t, r.Body), []string{"success", "error", "error_description", "code"}) || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
		challenge := r.Header.Get("WWW-Authenticate")
		if (r.Status == 401) != (challenge != "") || r.Status == 401 && len(k.h["Authorization"]) > 0 && !strings.HasPrefix(challenge, "Basic ") {
			t.Errorf("%s: challenge %q", name, challenge)
		}
	}
	for kind, want := range map[fault.Kind]string{fault.RateLimited: "temporarily_unavailable", fault.Unavailable: "temporarily_unavailable", fault.Internal: "server_error"} {
		w.Auth.SetFail("MintAccessToken", fault.New(kind, "auth.x", "the message").Because(errors.New("secret")))
		if r := w.Do(t, "POST", tokenPath, whole, formHeader()); !strings.Contains(r.Body, `"error":"`+want+`"`) {
			t.Errorf("%s: %d %s", kind, r.Status, r.Body)
		}
	}
}

// FuzzTokenRequest: whatever comes, the answer is one of RFC 6749 and nobody gets
// a token.
func FuzzTokenRequest(f *testing.F) {
	f.Add("grant_type=client_credentials&client_id=a&client_secret=b", "", "application/x-www-form-urlencoded")
	f.Add("grant_type=client_credentials", "Basic YTpi", "application/x-www-form-urlencoded")
	f.Add("grant_type=%zz;a", "Basic", "text/plain; x")
	f.Add("scope=a+b&scope=c", "Bearer x", "")
	w := edgetest.New(f, unmetered)
	f.Fuzz(func(t *testing.T, body, credential, typ string) {
		if strings.ContainsFunc(credential+typ, func(c rune) bool { return c < ' ' || c > '~' }) {
			return
		}
		h := header("Content-Type", typ)
		if credential != "" {
			h.Set("Authorization", credential)
		}
		r := w.Do(t, "POST", tokenPath, body, h)
		var e struct{ Error string }
		if err := json.Unmarshal([]byte(r.Body), &e); err != nil || r.Status < 400 || r.Status >= 500 || e.Error == "" {
			t.Errorf("%q %q: %d %s", body, credential, r.Status, r.Body)
		}
	})
}
