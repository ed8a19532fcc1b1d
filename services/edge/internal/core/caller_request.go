package core

import (
	"errors"
	"net/http"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// SessionCookieName is the cookie of a browser that is logged in.
const SessionCookieName = "sluice_session"

// MaxCredential bounds what a request shows of its sender: an Authorization header,
// a token, a cookie; bytes.
const MaxCredential = 8 << 10

// The refusals of a request's credential.
var (
	// ErrSessionEnded is of a cookie whose token does not hold any more; whoever
	// renders it takes the cookie back.
	ErrSessionEnded = fault.New(fault.Unauthenticated, "auth.session_ended", "the session has ended: log in again")
	// ErrCrossOrigin is of a change that another site's page asked a browser for.
	ErrCrossOrigin = fault.New(fault.Forbidden, "edge.cross_origin", "the request comes from another site's page")
)

// Guests is what somebody without a credential may do.
type Guests struct {
	ObjectBytes  int64         // of one file
	StorageBytes int64         // of all guests together; 0: no bound
	TTL          time.Duration // of a file
}

// Guest is who sends requests without a credential.
func (c *Core) Guest() Caller {
	return Caller{Principal: authv1.Principal{
		AccountID: objectv1.GuestAccount, Limits: authv1.Limits{ObjectBytes: c.Guests.ObjectBytes, StorageBytes: c.Guests.StorageBytes},
	}}
}

// FromRequest identifies an account by what a request carries: a bearer account
// token, Basic with a password or a token, or else a browser's cookie. there is
// false when it carries none of them. source is the client's address. A
// credential that does not hold is an error of kind Unauthenticated, whatever
// else the request has; tokens of access keys are none here.
func (c *Core) FromRequest(r *http.Request, source string) (caller Caller, there bool, err error) {
	switch values := r.Header.Values("Authorization"); {
	case len(values) > 1 || len(values) == 1 && len(values[0]) > MaxCredential:
		return Caller{}, true, authv1.ErrBadToken
	case len(values) == 1:
		caller, err = c.fromHeader(r, values[0], source)
		return caller, true, err
	}
	cookies := r.CookiesNamed(SessionCookieName)
	if len(cookies) == 0 {
		return Caller{}, false, nil
	}
	caller, err = c.fromCookie(r, cookies, source)
	return caller, true, err
}

func (c *Core) fromHeader(r *http.Request, value, source string) (Caller, error) {
	scheme, rest, _ := strings.Cut(value, " ")
	ask := authv1.AuthenticateRequest{Source: source}
	secret := ""
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		ask.Token = strings.TrimSpace(rest)
		secret = ask.Token
	case strings.EqualFold(scheme, "Basic"):
		ask.Identifier, ask.Password, _ = r.BasicAuth()
		secret = ask.Password
	}
	if secret == "" {
		return Caller{}, authv1.ErrBadToken
	}
	if strings.HasPrefix(secret, authv1.TokenPrefix) {
		return Caller{}, authv1.ErrBadToken.Msgf("this route takes the account's own token, or its password")
	}
	caller, err := c.fromAccount(r.Context(), ask)
	if ask.Token == "" {
		caller.Token = secret // if it was one; a password revokes nothing
	}
	return caller, err
}

// fromCookie takes the cookie of a page of ours: a browser sends it along with
// what other sites' pages ask for, too (net/http.CrossOriginProtection).
func (c *Core) fromCookie(r *http.Request, cookies []*http.Cookie, source string) (Caller, error) {
	if err := c.CrossOrigin.Check(r); err != nil {
		return Caller{}, ErrCrossOrigin.Because(err)
	}
	if len(cookies) > 1 || cookies[0].Value == "" || len(cookies[0].Value) > MaxCredential {
		return Caller{}, ErrSessionEnded
	}
	caller, err := c.fromAccount(r.Context(), authv1.AuthenticateRequest{Token: cookies[0].Value, Source: source})
	if errors.Is(err, authv1.ErrBadToken) {
		return Caller{}, ErrSessionEnded.Because(err)
	}
	caller.Cookie = true
	return caller, err
}

// SessionCookie keeps a browser logged in by a token of authv1.TokenSession;
// secure where it came over TLS.
func SessionCookie(token string, secure bool) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure is where it can be: a laptop's listener has no TLS
		Name: SessionCookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure,
		MaxAge: int(authv1.SessionLife / time.Second),
	}
}

// EndedCookie takes it back.
func EndedCookie(secure bool) *http.Cookie {
	c := SessionCookie("", secure) //nolint:gosec // as above
	c.MaxAge = -1
	return c
}
