package web

import (
	"errors"
	"html/template"
	"maps"
	"net/http"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	core     *core.Core
	assets   assets
	comments comments
	pages    map[string]*template.Template // by file name, without the extension
	broken   error                         // why there are none; a test keeps it nil
	german   map[string]string             // what the pages say, by the English of it
	clicks   *captchas
	watchers *watchers
	folders  *core.Admission // of passwords of folders
}

// New makes the dialect.
func New(c *core.Core) *Handler {
	h := &Handler{core: c, assets: readAssets(), comments: newComments(), german: german(), clicks: newCaptchas(c), watchers: newWatchers(), folders: core.NewAdmission(wrongPasswords, 0, c.Now)}
	maps.Copy(h.german, germanHosting())
	h.pages, h.broken = parsePages(h.assets)
	return h
}

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "pages" }

// errLogIn is what a page of an account says to somebody who is not logged in.
var errLogIn = fault.New(fault.Unauthenticated, "edge.log_in", "log in first")

// Authenticate implements dialect.Dialect. Where a page is for everybody, a
// cookie that does not hold any more makes a guest; ended tells.
func (h *Handler) Authenticate(r *http.Request, class dialect.Auth) (core.Caller, error) {
	if err := h.core.CrossOrigin.Check(r); err != nil {
		return core.Caller{}, core.ErrCrossOrigin.Because(err)
	}
	if class == dialect.AuthNone {
		return core.Caller{}, nil
	}
	caller, there, err := h.core.FromRequest(r, dialect.CallOf(r).Source)
	switch {
	case class == dialect.AuthGuest && (!there || errors.Is(err, core.ErrSessionEnded)):
		return h.core.Guest(), nil
	case err != nil:
		return core.Caller{}, err //nolint:wrapcheck // it says what was being done
	case !there:
		return core.Caller{}, errLogIn
	}
	return caller, nil
}

// loggedIn reports whether an account is behind the request.
func loggedIn(c core.Caller) bool { return c.Principal.AccountID != "" && !c.Guest() }

// ended reports whether a request of nobody carries a cookie, and takes it back.
func ended(w http.ResponseWriter, r *http.Request) bool {
	if _, err := r.Cookie(core.SessionCookieName); err != nil || loggedIn(dialect.CallOf(r).Caller) {
		return false
	}
	http.SetCookie(w, core.EndedCookie(secure(r)))
	return true
}

// enter makes the caller of a request whoever has the session token, and keeps
// the browser logged in.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request, s authv1.Session) error {
	caller, err := h.core.FromAccountToken(r.Context(), s.Token)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	c := dialect.CallOf(r)
	c.Caller, c.AccountID = caller, caller.Principal.AccountID
	http.SetCookie(w, core.SessionCookie(s.Token, secure(r)))
	h.enterPlik(w, r, s.Token)
	return nil
}
