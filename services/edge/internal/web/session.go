package web

import (
	"errors"
	"net/http"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// join makes a browser that is logged in at the pages so at Plik's routes, too,
// and the other way round: both cookies hold tokens of one kind, of one set of
// accounts. Plik's counts where they differ, since it is the one that the start
// page's script works with.
func (h *Handler) join(w http.ResponseWriter, r *http.Request) error {
	if h.core.Plik.FeatureAuthentication.Off() {
		return nil
	}
	call := dialect.CallOf(r)
	mine := ""
	if loggedIn(call.Caller) && call.Caller.Cookie {
		mine = call.Caller.Token
	}
	session := plikSession(r)
	if session == mine {
		return nil
	}
	if session != "" {
		by, err := h.core.FromPlikSession(r.Context(), session, call.Source)
		switch {
		case err == nil:
			call.Caller, call.AccountID = by, by.Principal.AccountID
			http.SetCookie(w, core.SessionCookie(session, secure(r)))
			return nil
		case !errors.Is(err, authv1.ErrBadToken) && !errors.Is(err, authv1.ErrAccountNotFound):
			return err //nolint:wrapcheck // it says what was being done
		}
	}
	if mine != "" {
		h.enterPlik(w, r, mine)
	}
	return nil
}

// enterPlik logs a browser in at Plik's routes by a session of the pages.
func (h *Handler) enterPlik(w http.ResponseWriter, r *http.Request, session string) {
	if h.core.Plik.FeatureAuthentication.Off() {
		return
	}
	for _, c := range h.core.PlikCookies(session, secure(r)) {
		http.SetCookie(w, c)
	}
}

// leavePlik ends what a browser has at Plik's routes.
func (h *Handler) leavePlik(w http.ResponseWriter, r *http.Request) error {
	if h.core.Plik.FeatureAuthentication.Off() {
		return nil
	}
	if session := plikSession(r); session != "" {
		if err := h.core.PlikLogout(r.Context(), session); err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
	}
	for _, c := range h.core.EndedPlikCookies(secure(r)) {
		http.SetCookie(w, c)
	}
	return nil
}

// plikSession is the value of Plik's cookie, as far as it can be one.
func plikSession(r *http.Request) string {
	c, err := r.Cookie(core.PlikSessionCookieName)
	if err != nil || len(c.Value) > core.MaxCredential {
		return ""
	}
	return c.Value
}
