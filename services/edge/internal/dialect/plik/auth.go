package plik

import (
	"crypto/subtle"
	"errors"
	"net/http"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The headers that say who sends a request (plik-wire.md 3).
const (
	headerToken       = "X-PlikToken"
	headerXSRF        = "X-XSRFToken"
	headerImpersonate = "X-Plik-Impersonate"
)

// The refusals of who a caller is, in Plik's words (plik-wire.md 13).
var (
	errToken       = fault.New(fault.Forbidden, "plik.invalid_token", "invalid token")
	errSession     = fault.New(fault.Forbidden, "plik.invalid_session", "invalid session").Because(errSessionEnds)
	errSessionUser = errSession.Msgf("invalid session : user does not exists")
	errNoXSRF      = errSession.Msgf("missing xsrf header")
	errXSRF        = errSession.Msgf("invalid xsrf header")
	errLogin       = fault.New(fault.Unauthenticated, "plik.login_needed", "you must be authenticated, please login first")
	errNobody      = fault.New(fault.Forbidden, "plik.impersonated_unknown", "user to impersonate does not exists")
)

// Authenticate implements dialect.Dialect. AuthNone looks at no credential,
// AuthGuest at an upload token or a session, the others at a session only. While
// accounts are switched off nobody's credential is looked at.
func (h *Handler) Authenticate(r *http.Request, class dialect.Auth) (core.Caller, error) {
	if err := takes(r); err != nil {
		return core.Caller{}, err
	}
	if err := h.locate(r); err != nil {
		return core.Caller{}, err
	}
	if class == dialect.AuthNone {
		return h.core.Guest(), nil
	}
	by, err := h.identify(r, class)
	if err != nil {
		return core.Caller{}, err
	}
	if as := r.Header.Get(headerImpersonate); as != "" && class != dialect.AuthAdmin {
		if by, err = h.impersonate(r, by, as); err != nil {
			return core.Caller{}, err
		}
	}
	needed := class == dialect.AuthAccount || class == dialect.AuthAdmin
	switch {
	case needed && by.Guest():
		return core.Caller{}, errLogin
	case class == dialect.AuthAdmin && !by.Principal.Admin:
		return core.Caller{}, authv1.ErrNotAdmin
	}
	return by, nil
}

// identify finds out whose credential a request carries.
func (h *Handler) identify(r *http.Request, class dialect.Auth) (core.Caller, error) {
	if h.core.Plik.FeatureAuthentication.Off() {
		return h.core.Guest(), nil
	}
	if token := r.Header.Get(headerToken); token != "" && class == dialect.AuthGuest {
		return h.fromToken(r, token)
	}
	if c, err := r.Cookie(core.PlikSessionCookieName); err == nil {
		return h.fromSession(r, c.Value)
	}
	return h.core.Guest(), nil
}

func (h *Handler) fromToken(r *http.Request, token string) (core.Caller, error) {
	if len(token) > core.MaxCredential {
		return core.Caller{}, errToken
	}
	by, err := h.core.FromPlikToken(r.Context(), token, dialect.CallOf(r).Source)
	if errors.Is(err, authv1.ErrBadToken) {
		return core.Caller{}, errToken
	}
	return by, err //nolint:wrapcheck // it says what was being done
}

// fromSession takes a browser's cookie. Other sites' pages make a browser send it
// too, so a change needs the value beside it, which only our page can read.
func (h *Handler) fromSession(r *http.Request, session string) (core.Caller, error) {
	if session == "" || len(session) > core.MaxCredential {
		return core.Caller{}, errSession
	}
	by, err := h.core.FromPlikSession(r.Context(), session, dialect.CallOf(r).Source)
	switch {
	case errors.Is(err, authv1.ErrBadToken):
		return core.Caller{}, errSession
	case errors.Is(err, authv1.ErrAccountNotFound):
		return core.Caller{}, errSessionUser
	case err != nil:
		return core.Caller{}, err //nolint:wrapcheck // it says what was being done
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return by, nil
	}
	shown := r.Header.Get(headerXSRF)
	if shown == "" {
		return core.Caller{}, errNoXSRF
	}
	for _, want := range h.core.PlikXSRFValues(session) {
		if subtle.ConstantTimeCompare([]byte(want), []byte(shown)) == 1 {
			return by, nil
		}
	}
	return core.Caller{}, errXSRF
}

// impersonate lets an administrator act as somebody else (plik-wire.md 13.6).
// Nobody else may name the header, also while accounts are switched off: what was
// meant to be somebody's must not become nobody's.
func (h *Handler) impersonate(r *http.Request, by core.Caller, userID string) (core.Caller, error) {
	if len(userID) > core.MaxCredential {
		return core.Caller{}, errNobody
	}
	dialect.CallOf(r).Key = userID
	as, err := h.core.Impersonate(r.Context(), by, userID)
	if errors.Is(err, authv1.ErrAccountNotFound) {
		return core.Caller{}, errNobody
	}
	return as, err //nolint:wrapcheck // it says what was being done
}

// callerOf is who Authenticate found.
func callerOf(r *http.Request) core.Caller { return dialect.CallOf(r).Caller }
