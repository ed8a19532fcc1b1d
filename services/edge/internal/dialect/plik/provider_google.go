package plik

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// Google's own addresses; with another plik.google_endpoint all are below that.
const (
	googleToken    = "https://oauth2.googleapis.com/token" //nolint:gosec // it is an address
	googleUserInfo = "https://www.googleapis.com/oauth2/v2/userinfo"
	googleScope    = "https://www.googleapis.com/auth/userinfo."
)

// google is how to speak OAuth 2 with Google, and where it tells who somebody is.
func (h *Handler) google(callback string) (*oauth2.Config, string) {
	s := h.core.Plik
	base := strings.TrimRight(s.GoogleEndpoint, "/")
	token, userInfo := googleToken, googleUserInfo
	if base != core.DefaultPlik().GoogleEndpoint {
		token, userInfo = base+"/o/oauth2/token", base+"/oauth2/v2/userinfo"
	}
	return &oauth2.Config{
		ClientID: s.GoogleAPIClientID, ClientSecret: string(s.GoogleAPISecret), RedirectURL: callback,
		Scopes:   []string{googleScope + "email", googleScope + "profile"},
		Endpoint: oauth2.Endpoint{AuthURL: base + "/o/oauth2/auth", TokenURL: token, AuthStyle: oauth2.AuthStyleInParams},
	}, userInfo
}

// GoogleLogin answers GET /auth/google/login with the address to visit.
func (h *Handler) GoogleLogin(w http.ResponseWriter, r *http.Request) error {
	if err := h.offered(authv1.ProviderGoogle); err != nil {
		return err
	}
	callback, err := h.callbackURL(r, authv1.ProviderGoogle)
	if err != nil {
		return err
	}
	state, _, err := h.beginLogin(w, r, authv1.ProviderGoogle, callback)
	if err != nil {
		return err
	}
	c, _ := h.google(callback)
	return answerText(w, c.AuthCodeURL(state))
}

// GoogleCallback answers GET /auth/google/callback. The user's id is the e-mail
// address.
func (h *Handler) GoogleCallback(w http.ResponseWriter, r *http.Request) error {
	if err := h.offered(authv1.ProviderGoogle); err != nil {
		return err
	}
	login, err := h.answered(w, r, authv1.ProviderGoogle)
	if err != nil {
		return err
	}
	c, userInfo := h.google(login.callback)
	token, err := h.exchange(r, c, login.code)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, userInfo, nil)
	if err != nil {
		return errProviderAway.Because(err)
	}
	token.SetAuthHeader(req)
	var user struct {
		Email    string `json:"email"`
		Verified *bool  `json:"verified_email"`
		Name     string `json:"name"`
	}
	if err := h.askProvider(req, &user, errProviderRefuse); err != nil {
		return err
	}
	if user.Email == "" || user.Verified != nil && !*user.Verified {
		return errProviderRefuse
	}
	return h.enter(w, r, authv1.EnterRequest{
		Identity: authv1.Identity{Provider: authv1.ProviderGoogle, Login: user.Email}, Email: user.Email, Name: user.Name,
	}, h.core.Plik.GoogleValidDomains)
}

// exchange turns a callback's code into a provider's token.
func (h *Handler) exchange(r *http.Request, c *oauth2.Config, code string, opts ...oauth2.AuthCodeOption) (*oauth2.Token, error) {
	token, err := c.Exchange(context.WithValue(r.Context(), oauth2.HTTPClient, h.client), code, opts...)
	var refused *oauth2.RetrieveError
	var f *fault.Error
	switch {
	case err == nil:
		return token, nil
	case errors.As(err, &f):
		return nil, f
	case errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError:
		return nil, errBadCode.Because(err)
	}
	return nil, providerFault(r.Context(), err)
}
