package plik

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The refusals of logging in (plik-wire.md 13.4).
var (
	errAccountsOff    = fault.New(fault.Invalid, "plik.authentication_disabled", "authentication is disabled")
	errNoLogin        = fault.New(fault.Invalid, "plik.missing_login", "missing login")
	errNoPassword     = fault.New(fault.Invalid, "plik.missing_password", "missing password")
	errCredentials    = fault.New(fault.Forbidden, "plik.invalid_credentials", "invalid credentials")
	errUnreadableBody = fault.New(fault.Invalid, "plik.unreadable_body", "unable to read request body")
	errBadBody        = fault.New(fault.Invalid, "plik.bad_body", "unable to deserialize request body")
)

// maxLogin bounds a login and a password, in bytes.
const maxLogin = 1024

// LocalLogin answers POST /auth/local/login.
func (h *Handler) LocalLogin(w http.ResponseWriter, r *http.Request) error {
	if h.core.Plik.FeatureAuthentication.Off() {
		return errAccountsOff
	}
	if err := h.core.CrossOrigin.Check(r); err != nil {
		return core.ErrCrossOrigin.Because(err) // a log-in can be forged, too
	}
	var body struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}
	raw, err := bodyOf(r)
	if err != nil {
		return err
	}
	if err := decode(raw, &body); err != nil {
		return unusable(err)
	}
	switch {
	case body.Login == "":
		return errNoLogin
	case body.Password == "":
		return errNoPassword
	case len(body.Login) > maxLogin || len(body.Password) > maxLogin:
		return errCredentials
	}
	s, err := h.core.PlikLogin(r.Context(), body.Login, body.Password, dialect.CallOf(r).Source)
	if errors.Is(err, authv1.ErrBadCredentials) {
		return errCredentials
	}
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	h.begin(w, r, s)
	return answerText(w, "ok")
}

// Logout answers GET /auth/logout, also to somebody who has no session.
func (h *Handler) Logout(w http.ResponseWriter, r *http.Request) error {
	if c, err := r.Cookie(core.PlikSessionCookieName); err == nil && c.Value != "" && len(c.Value) <= core.MaxCredential && !h.core.Plik.FeatureAuthentication.Off() {
		if err := h.core.PlikLogout(r.Context(), c.Value); err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
	}
	h.clear(w, r)
	return answerText(w, "")
}

// begin hands a session to the browser.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, s authv1.Session) {
	dialect.CallOf(r).AccountID = s.Account.ID
	private(w)
	for _, c := range h.core.PlikCookies(s.Token, secure(r)) {
		http.SetCookie(w, c)
	}
}

// clear takes both cookies back.
func (h *Handler) clear(w http.ResponseWriter, r *http.Request) {
	for _, c := range h.core.EndedPlikCookies(secure(r)) {
		http.SetCookie(w, c)
	}
}

// endSession takes both cookies back where the error says that they do not hold
// (plik-wire.md 13.1).
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errSessionEnds) {
		h.clear(w, r)
	}
}

// secure reports whether the client came over TLS.
func secure(r *http.Request) bool { return strings.HasPrefix(dialect.CallOf(r).BaseURL, "https:") }

// bodyOf reads a body that is JSON, whatever its Content-Type says.
func bodyOf(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, dialect.MaxJSON+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if len(raw) > dialect.MaxJSON {
		return nil, errUnreadableBody.Msgf("unable to read request body : http: request body too large")
	}
	return raw, nil
}

// decode reads JSON with keys of any case; unknown ones are ignored.
func decode(raw []byte, into any) error {
	return json.Unmarshal(raw, into) //nolint:wrapcheck // the caller says what it was
}

// unusable is of a body that is not the JSON that its route takes.
func unusable(err error) error {
	return errBadBody.Msgf("unable to deserialize request body : %s", reason(err)).Because(err)
}

// empty reports whether a body has nothing in it.
func empty(raw []byte) bool { return len(bytes.TrimSpace(raw)) == 0 }

// reason says what is wrong with a JSON text, without names of ours.
func reason(err error) string {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Sprintf("%.64q must not be a JSON %s", typ.Field, typ.Value)
	}
	return err.Error()
}
