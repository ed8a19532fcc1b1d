package core

import (
	"net/http"
	"time"
)

// The cookies of a browser that is logged in at Plik's routes (plik-wire.md 3).
// The page's script reads the second.
const (
	PlikSessionCookieName = "plik-session"
	PlikXSRFCookieName    = "plik-xsrf"
)

// PlikCookies keep a browser logged in at Plik's routes by a token of
// authv1.TokenSession; secure where it came over TLS.
func (c *Core) PlikCookies(session string, secure bool) []*http.Cookie {
	life := int(c.Plik.SessionTimeout / time.Second)
	return []*http.Cookie{c.plikCookie(PlikSessionCookieName, session, life, true, secure), c.plikCookie(PlikXSRFCookieName, c.PlikXSRFValue(session), life, false, secure)}
}

// EndedPlikCookies take them back.
func (c *Core) EndedPlikCookies(secure bool) []*http.Cookie {
	return []*http.Cookie{c.plikCookie(PlikSessionCookieName, "", -1, true, secure), c.plikCookie(PlikXSRFCookieName, "", -1, false, secure)}
}

// plikCookie makes one of Plik's cookies; life is in seconds, negative ends it. There is no
// SameSite on them (plik-wire.md 3); changes need X-XSRFToken beside.
func (c *Core) plikCookie(name, value string, life int, hidden, secure bool) *http.Cookie {
	path := c.Plik.Path
	if path == "" {
		path = "/"
	}
	return &http.Cookie{Name: name, Value: value, Path: path, MaxAge: life, HttpOnly: hidden, Secure: secure} //nolint:gosec // Secure is where it can be: a laptop's listener has no TLS
}
