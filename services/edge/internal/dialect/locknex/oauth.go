package locknex

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// maxForm bounds the body of a token request, in bytes.
const maxForm = 64 << 10

// The errors of RFC 6749, 5.2 that no service has.
var (
	errGrantType = fault.New(fault.Invalid, "oauth.unsupported_grant_type", "grant_type must be client_credentials")
	errScope     = fault.New(fault.Invalid, "oauth.invalid_scope", "the client does not have such a scope; they are read, write, delete and admin")
)

// keyID is the form of an access key id. Only that goes into the audit trail:
// anything else in its place might be a secret.
var keyID = regexp.MustCompile(`^LWAK[A-Z2-7]{16}$`)

// wireToken is RFC 6749, 5.1.
type wireToken struct {
	Success     bool   `json:"success"`
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
}

// wireOAuthError is RFC 6749, 5.2, beside what all errors have.
type wireOAuthError struct {
	Success     bool   `json:"success"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Code        string `json:"code"`
}

// IssueToken answers POST /oauth/token (RFC 6749, 4.4): the client is an access
// key.
func (h *Handler) IssueToken(w http.ResponseWriter, r *http.Request) error {
	ask, err := readGrant(r)
	if err != nil {
		return err
	}
	c := dialect.CallOf(r)
	if keyID.MatchString(ask.id) {
		c.KeyID = ask.id
	}
	t, err := h.core.ClientCredentials(r.Context(), authv1.MintAccessTokenRequest{KeyID: ask.id, Secret: ask.secret, Source: c.Source})
	if err != nil {
		return err
	}
	c.AccountID = t.AccountID
	for _, s := range ask.scopes {
		if !slices.Contains(t.Scopes, authv1.Scope(s)) {
			return errScope
		}
	}
	has := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		has[i] = string(s)
	}
	w.Header().Set("Pragma", "no-cache")
	return answer(w, wireToken{
		Success: true, AccessToken: t.Token, TokenType: "Bearer", Scope: strings.Join(has, " "),
		ExpiresIn: max(0, int64((t.ExpiresAt.Sub(h.core.Now())+time.Second-1)/time.Second)),
	})
}

// grant is a token request.
type grant struct {
	id, secret string
	scopes     []string
}

// readGrant reads a token request: the client in the form or by Basic, not both.
func readGrant(r *http.Request) (grant, error) {
	form, err := readForm(r)
	if err != nil {
		return grant{}, err
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return grant{}, fault.ErrInvalid.Msgf("grant_type is needed")
	default:
		return grant{}, errGrantType
	}
	g := grant{id: form.Get("client_id"), secret: form.Get("client_secret"), scopes: strings.Fields(form.Get("scope"))}
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		if g.id == "" || g.secret == "" {
			return grant{}, authv1.ErrBadCredentials.Msgf("client_id and client_secret are needed, in the form or by Basic")
		}
		return g, nil
	}
	id, secret, err := basicClient(r)
	switch {
	case err != nil || len(values) > 1:
		return grant{}, authv1.ErrBadCredentials.Msgf("the client's Basic credentials cannot be read")
	case g.secret != "" || g.id != "" && g.id != id:
		return grant{}, fault.ErrInvalid.Msgf("the client is named twice: use the form or Basic")
	}
	g.id, g.secret = id, secret
	return g, nil
}

// basicClient reads Basic, in which OAuth encodes both parts like a form (RFC
// 6749, 2.3.1).
func basicClient(r *http.Request) (id, secret string, err error) {
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", errors.New("no Basic credentials")
	}
	if id, err = url.QueryUnescape(user); err != nil {
		return "", "", fmt.Errorf("decoding a client's id: %w", err)
	}
	if secret, err = url.QueryUnescape(password); err != nil {
		return "", "", fmt.Errorf("decoding a client's secret: %w", err)
	}
	if id == "" || secret == "" {
		return "", "", errors.New("empty Basic credentials")
	}
	return id, secret, nil
}

// readForm reads a form in which nothing stands twice (RFC 6749, 3.2).
func readForm(r *http.Request) (url.Values, error) {
	if typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || typ != "application/x-www-form-urlencoded" {
		return nil, fault.ErrInvalid.Msgf("the body must be application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if len(body) > maxForm {
		return nil, dialect.ErrBodyTooLarge.Msgf("the body is larger than %d KiB", maxForm>>10)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fault.ErrInvalid.Msgf("the form is malformed").Because(err)
	}
	for name, values := range form {
		switch {
		case len(values) > 1:
			return nil, fault.ErrInvalid.Msgf("the form has %.64q more than once", name)
		case !utf8.ValidString(values[0]):
			return nil, fault.ErrInvalid.Msgf("the form is not valid UTF-8")
		}
	}
	return form, nil
}

// renderOAuth writes an error of the token endpoint.
func renderOAuth(w http.ResponseWriter, r *http.Request, status int, e wireError) {
	out := wireOAuthError{Description: e.Error, Code: e.Code}
	switch {
	case status == http.StatusUnauthorized:
		out.Error, out.Code = "invalid_client", "invalid_client"
		scheme := "Bearer"
		if len(r.Header.Values("Authorization")) > 0 {
			scheme = "Basic"
		}
		w.Header().Set("WWW-Authenticate", scheme+` realm="locknex"`)
	case e.Code == "unsupported_grant_type", e.Code == "invalid_scope":
		out.Error = e.Code
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		out.Error = "temporarily_unavailable"
	case status >= http.StatusInternalServerError:
		out.Error = "server_error"
	default:
		out.Error = "invalid_request"
	}
	w.Header().Set("Pragma", "no-cache")
	_ = dialect.WriteJSON(w, status, out) // strings always encode
}
