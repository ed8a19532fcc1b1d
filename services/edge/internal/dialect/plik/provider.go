package plik

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	// providerTimeout bounds one exchange with a provider, providerAnswer what it
	// may say, in bytes.
	providerTimeout = 10 * time.Second
	providerAnswer  = 1 << 20

	// loginLife is how long somebody may take at a provider (plik-wire.md 13.5).
	loginLife = 5 * time.Minute
	// cookieLogin binds a login to the browser that began it: a state that somebody
	// else brought about logs nobody in.
	cookieLogin = "plik-login"
)

// The refusals of logging in by a provider (plik-wire.md 13.5).
var (
	errProviderOff    = fault.New(fault.Invalid, "plik.provider_disabled", "the provider's authentication is disabled")
	errNoReferer      = fault.New(fault.Invalid, "plik.missing_referer", "missing referer header")
	errBadReferer     = fault.New(fault.Invalid, "plik.invalid_referer", "invalid referer header")
	errNoCode         = fault.New(fault.Invalid, "plik.missing_code", "missing oauth2 authorization code")
	errBadCode        = fault.New(fault.Invalid, "plik.invalid_code", "invalid oauth2 authorization code")
	errNoState        = fault.New(fault.Invalid, "plik.missing_state", "missing oauth2 authorization state")
	errState          = fault.New(fault.Invalid, "plik.invalid_state", "invalid oauth2 state")
	errDomain         = fault.New(fault.Forbidden, "plik.unauthorized_domain", "unauthorized domain name")
	errProviderRefuse = fault.New(fault.Forbidden, "plik.provider_refused", "the provider does not vouch for this user")
	errProviderAway   = fault.New(fault.Unavailable, "plik.provider_away", "the provider does not answer; try again shortly")
	errProviderWrong  = fault.New(fault.Unavailable, "plik.provider_wrong", "the provider's answer is not understood; try again shortly")
)

// newProviderClient makes the client that speaks to the providers. Their addresses
// are the operator's. It keeps no connection, so nothing is to be closed.
func newProviderClient() *http.Client {
	return &http.Client{
		Timeout:       providerTimeout,
		Transport:     bounded{&http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: providerTimeout, MaxResponseHeaderBytes: 64 << 10}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded fails the reading of answers that are longer than providerAnswer.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // the contract of RoundTripper wants it as it is
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{&boundedBody{resp.Body, providerAnswer}, resp.Body}
	return resp, nil
}

type boundedBody struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		if n, err := b.r.Read(make([]byte, 1)); n == 0 {
			return 0, err //nolint:wrapcheck // the io contract wants it as it is
		}
		return 0, errProviderWrong.Because(fmt.Errorf("it is longer than %d bytes", providerAnswer))
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err //nolint:wrapcheck // the io contract wants it as it is
}

// askProvider sends a request and decodes the answer's JSON. refused is of an
// answer of status 400 to 499.
func (h *Handler) askProvider(r *http.Request, into any, refused error) error {
	resp, err := h.client.Do(r)
	if err != nil {
		return providerFault(r.Context(), err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return providerFault(r.Context(), err)
	case resp.StatusCode >= http.StatusInternalServerError:
		return errProviderAway.Because(fmt.Errorf("it answers %s", resp.Status))
	case resp.StatusCode >= http.StatusBadRequest:
		return fault.From(refused).Because(fmt.Errorf("it answers %s", resp.Status))
	case resp.StatusCode != http.StatusOK:
		return errProviderWrong.Because(fmt.Errorf("it answers %s", resp.Status))
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return errProviderWrong.Because(err)
	}
	return nil
}

// providerFault says what an exchange failed of.
func providerFault(ctx context.Context, err error) error {
	var f *fault.Error
	if errors.As(err, &f) || errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("asking a provider: %w", err)
	}
	return errProviderAway.Because(err)
}

// callbackURL is where a provider sends the browser back: scheme and host of the
// page that asked, which is the Referer's.
func (h *Handler) callbackURL(r *http.Request, provider authv1.Provider) (string, error) {
	from := r.Header.Get("Referer")
	if from == "" {
		return "", errNoReferer
	}
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errBadReferer
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: h.core.Plik.Path + "/auth/" + string(provider) + "/callback"}).String(), nil
}

// loginState is what a provider hands back with the browser, signed.
type loginState struct {
	Provider authv1.Provider `json:"p"`
	Callback string          `json:"redirectURL"`
	Expires  int64           `json:"expire"` // Unix seconds
	Binding  []byte          `json:"b"`      // digest of the cookie's secret
}

// beginLogin makes the state of a login and gives its secret to the browser.
func (h *Handler) beginLogin(w http.ResponseWriter, r *http.Request, provider authv1.Provider, callback string) (state, secret string, err error) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it cannot fail
	secret = base64.RawURLEncoding.EncodeToString(raw)
	state, err = h.core.PlikLogins.Mint(loginState{
		Provider: provider, Callback: callback, Expires: h.core.Now().Add(loginLife).Unix(), Binding: digest("state", secret),
	})
	if err != nil {
		return "", "", fmt.Errorf("making the state of a login: %w", err)
	}
	http.SetCookie(w, h.loginCookie(r, secret, int(loginLife/time.Second)))
	private(w)
	return state, secret, nil
}

func (h *Handler) loginCookie(r *http.Request, value string, life int) *http.Cookie {
	return waiting(r, cookieLogin, value, h.core.Plik.Path+"/auth/", life)
}

// waiting makes a cookie for the time that somebody is at a provider; life is in
// seconds, negative ends it. Lax lets the provider's redirect bring it.
func waiting(r *http.Request, name, value, path string, life int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: path, MaxAge: life, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r)} //nolint:gosec // Secure is where it can be: a laptop's listener has no TLS
}

// answeredLogin is what a callback's request says.
type answeredLogin struct {
	code, callback, secret string
}

// answered checks a callback's code and state. The state holds once: its cookie is
// taken back.
func (h *Handler) answered(w http.ResponseWriter, r *http.Request, provider authv1.Provider) (answeredLogin, error) {
	q := r.URL.Query()
	out := answeredLogin{code: q.Get("code")}
	if out.code == "" {
		return out, errNoCode
	}
	text := q.Get("state")
	if text == "" {
		return out, errNoState
	}
	var state loginState
	if err := h.core.PlikLogins.Parse(text, &state); err != nil || state.Provider != provider {
		return out, errState.Msgf("invalid oauth2 state : it was not made here")
	}
	if h.core.Now().Unix() >= state.Expires {
		return out, errState.Msgf("invalid oauth2 state : it has expired")
	}
	c, err := r.Cookie(cookieLogin)
	if err != nil || subtle.ConstantTimeCompare(digest("state", c.Value), state.Binding) != 1 {
		return out, errState.Msgf("invalid oauth2 state : the login was not begun by this browser")
	}
	http.SetCookie(w, h.loginCookie(r, "", -1))
	out.callback, out.secret = state.Callback, c.Value
	return out, nil
}

// digest makes of a login's secret what others may see, for one purpose.
func digest(purpose, secret string) []byte {
	sum := sha256.Sum256([]byte(purpose + ":" + secret))
	return sum[:]
}

// enter logs a provider's user in and sends the browser to the page. A new account
// needs an address of plik.upload_whitelist, and an e-mail address of one of
// domains, where there are any.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request, who authv1.EnterRequest, domains []string) error {
	who.Source = dialect.CallOf(r).Source
	s, err := h.core.PlikEnter(r.Context(), who, func() error {
		switch {
		case !inDomains(who.Email, domains):
			return errDomain
		case !h.trusted(r):
			return errUntrustedToJoin
		}
		return nil
	})
	if errors.Is(err, authv1.ErrBadCredentials) {
		return errCredentials // the account is disabled
	}
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	h.begin(w, r, s)
	w.Header().Set("Location", h.core.Plik.Path+"/#/login")
	w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

// inDomains reports whether an e-mail address is of one of the domains, or there
// are none.
func inDomains(email string, domains []string) bool {
	if len(domains) == 0 {
		return true
	}
	at := strings.LastIndexByte(email, '@')
	if at < 1 {
		return false
	}
	for _, d := range domains {
		if strings.EqualFold(email[at+1:], strings.TrimSpace(d)) {
			return true
		}
	}
	return false
}

// offered refuses a provider that is not set up.
func (h *Handler) offered(provider authv1.Provider) error {
	s := h.core.Plik
	switch {
	case s.FeatureAuthentication.Off():
		return errAccountsOff
	case !s.Offers(provider):
		return errProviderOff.Msgf("%s authentication is disabled", core.PlikProviderName(provider))
	}
	return nil
}
