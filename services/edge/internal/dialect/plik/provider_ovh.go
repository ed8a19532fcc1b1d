package plik

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// cookieOVH holds what OVH knows a login by while the browser is there.
const cookieOVH = "plik-ovh-session"

var (
	errNoOVH  = fault.New(fault.Invalid, "plik.missing_ovh_session", "missing OVH session cookie")
	errBadOVH = fault.New(fault.Invalid, "plik.invalid_ovh_session", "invalid OVH session cookie")
)

// ovhLogin is the content of cookieOVH, signed.
type ovhLogin struct {
	Provider authv1.Provider `json:"p"`
	Consumer string          `json:"ovh-consumer-key"`
	Endpoint string          `json:"ovh-api-endpoint"`
	Expires  int64           `json:"expire"` // Unix seconds
}

// OVHLogin answers GET /auth/ovh/login with the address to visit, which OVH gives.
func (h *Handler) OVHLogin(w http.ResponseWriter, r *http.Request) error {
	if err := h.offered(authv1.ProviderOVH); err != nil {
		return err
	}
	callback, err := h.callbackURL(r, authv1.ProviderOVH)
	if err != nil {
		return err
	}
	type rule struct {
		Method string `json:"method"`
		Path   string `json:"path"`
	}
	body, err := json.Marshal(struct {
		Rules    []rule `json:"accessRules"`
		Redirect string `json:"redirection"`
	}{[]rule{{http.MethodGet, "/me"}}, callback})
	if err != nil {
		return fmt.Errorf("asking OVH for a login: %w", err)
	}
	endpoint := h.ovhEndpoint()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, endpoint+"/auth/credential", bytes.NewReader(body))
	if err != nil {
		return errProviderAway.Because(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Ovh-Application", h.core.Plik.OVHAPIKey)
	var answer struct {
		URL      string `json:"validationUrl"`
		Consumer string `json:"consumerKey"`
	}
	if err := h.askProvider(req, &answer, errProviderAway); err != nil {
		return err
	}
	u, err := url.Parse(answer.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || answer.Consumer == "" || len(answer.Consumer) > 1<<10 {
		return errProviderWrong
	}
	value, err := h.core.PlikLogins.Mint(ovhLogin{
		Provider: authv1.ProviderOVH, Consumer: answer.Consumer, Endpoint: endpoint, Expires: h.core.Now().Add(loginLife).Unix(),
	})
	if err != nil {
		return fmt.Errorf("making an OVH session: %w", err)
	}
	http.SetCookie(w, waiting(r, cookieOVH, value, "/", int(loginLife/time.Second)))
	private(w)
	return answerText(w, answer.URL)
}

func (h *Handler) ovhEndpoint() string { return strings.TrimRight(h.core.Plik.OVHAPIEndpoint, "/") }

// OVHCallback answers GET /auth/ovh/callback. The user's id is OVH's nichandle.
func (h *Handler) OVHCallback(w http.ResponseWriter, r *http.Request) error {
	if err := h.offered(authv1.ProviderOVH); err != nil {
		return err
	}
	http.SetCookie(w, waiting(r, cookieOVH, "", "/", -1))
	c, err := r.Cookie(cookieOVH)
	if err != nil {
		return errNoOVH
	}
	var login ovhLogin
	if err := h.core.PlikLogins.Parse(c.Value, &login); err != nil || login.Provider != authv1.ProviderOVH || login.Endpoint != h.ovhEndpoint() {
		return errBadOVH.Msgf("invalid OVH session cookie : it was not made here")
	}
	if h.core.Now().Unix() >= login.Expires {
		return errBadOVH.Msgf("invalid OVH session cookie : it has expired")
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, login.Endpoint+"/me", nil)
	if err != nil {
		return errProviderAway.Because(err)
	}
	h.signOVH(req, login.Consumer)
	var user struct {
		NicHandle string `json:"nichandle"`
		FirstName string `json:"firstname"`
		LastName  string `json:"name"`
		Email     string `json:"email"`
	}
	if err := h.askProvider(req, &user, errProviderRefuse); err != nil {
		return err
	}
	if user.NicHandle == "" {
		return errProviderRefuse
	}
	return h.enter(w, r, authv1.EnterRequest{
		Identity: authv1.Identity{Provider: authv1.ProviderOVH, Login: user.NicHandle},
		Email:    user.Email, Name: strings.TrimSpace(user.FirstName + " " + user.LastName),
	}, nil)
}

// signOVH signs a request without a body the OVH way (plik-wire.md 13.5).
func (h *Handler) signOVH(r *http.Request, consumer string) {
	at := strconv.FormatInt(h.core.Now().Unix(), 10)
	text := strings.Join([]string{string(h.core.Plik.OVHAPISecret), consumer, r.Method, r.URL.String(), "", at}, "+")
	sum := sha1.Sum([]byte(text)) //nolint:gosec // it is what OVH asks for
	r.Header.Set("X-Ovh-Application", h.core.Plik.OVHAPIKey)
	r.Header.Set("X-Ovh-Timestamp", at)
	r.Header.Set("X-Ovh-Consumer", consumer)
	r.Header.Set("X-Ovh-Signature", "$1$"+hex.EncodeToString(sum[:]))
}
