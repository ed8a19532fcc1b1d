package plik

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// statusClientGone is what the logs say of a request whose client left.
const statusClientGone = 499

// byKind gives the status of a fault. What is too large, or more than somebody
// may store, is a bad request here.
var byKind = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Precondition: http.StatusPreconditionFailed,
	fault.TooLarge: http.StatusBadRequest, fault.QuotaExceeded: http.StatusBadRequest, fault.RateLimited: http.StatusTooManyRequests,
	fault.Unimplemented: http.StatusNotImplemented, fault.Unavailable: http.StatusServiceUnavailable, fault.Timeout: http.StatusServiceUnavailable,
	fault.Canceled: statusClientGone, fault.Internal: http.StatusInternalServerError,
}

// byCode gives the status of faults whose code says more than their kind: a body
// that broke off is a 500 of Plik's (7.3).
var byCode = map[string]int{
	dialect.ErrIncompleteBody.Code: http.StatusInternalServerError,
	transfer.ErrShortBody.Code:     http.StatusInternalServerError,
	uploadv1.ErrPlikLost.Code:      http.StatusInternalServerError,
	transfer.ErrStreamBroken.Code:  http.StatusInternalServerError,
	transfer.ErrStreamGone.Code:    http.StatusInternalServerError,
	dialect.ErrSlowBody.Code:       http.StatusRequestTimeout,
	transfer.ErrBadRange.Code:      http.StatusRequestedRangeNotSatisfiable,
}

// The texts that are not a fault's own.
const (
	textNoPage   = "404 page not found"
	textInternal = "internal server error"
)

// keptOnError are the headers that an error keeps of what the handler set: the
// others describe an answer that does not come.
var keptOnError = []string{"X-Request-Id", "Strict-Transport-Security", "Allow", "Connection", "Content-Range", "Set-Cookie"}

// RenderError implements dialect.Dialect: a line of plain text, or for browsers
// on the routes that they follow links to, the page with it (plik-wire.md 1).
func (h *Handler) RenderError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	head := w.Header()
	for name := range head {
		if !slices.Contains(keptOnError, name) {
			delete(head, name)
		}
	}
	h.endSession(w, r, err)
	status, text := h.worded(f)
	switch f.Code {
	case dialect.ErrMethodNotAllowed.Code:
		if status == http.StatusMethodNotAllowed {
			w.WriteHeader(status)
			return
		}
		head.Del("Allow")
	case dialect.ErrNoRoute.Code:
	case uploadv1.ErrPlikCredentials.Code:
		head.Set("WWW-Authenticate", `Basic realm="plik"`)
	default:
		if sendsBrowsers(r) && status != http.StatusPreconditionFailed && status != http.StatusRequestedRangeNotSatisfiable {
			h.toPage(w, r, status, text)
			return
		}
	}
	if f.RetryAfter > 0 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		head.Set("Retry-After", strconv.FormatInt(max(1, int64((f.RetryAfter+time.Second-1)/time.Second)), 10))
	}
	write(w, status, "text/plain; charset=utf-8", []byte(text+"\n"))
}

// worded gives a fault's status and text.
func (h *Handler) worded(f *fault.Error) (int, string) {
	switch f.Code {
	case dialect.ErrMethodNotAllowed.Code:
		if h.core.Plik.NoWebInterface {
			return http.StatusMethodNotAllowed, ""
		}
		return http.StatusNotFound, textNoPage
	case dialect.ErrNoRoute.Code:
		return http.StatusNotFound, textNoPage
	}
	status, ok := byCode[f.Code]
	if !ok {
		if status, ok = byKind[f.Kind]; !ok {
			status = http.StatusInternalServerError
		}
	}
	if status == http.StatusInternalServerError {
		return status, textInternal
	}
	return status, f.Message
}

// toPage sends a browser to the page, which shows the error. It may work the next
// time, so that nobody is to remember the way.
func (h *Handler) toPage(w http.ResponseWriter, r *http.Request, status int, text string) {
	w.Header().Set("Location", h.core.Plik.Path+"/#/?err="+url.QueryEscape(text)+"&errcode="+strconv.Itoa(status)+"&uri="+url.QueryEscape(r.URL.RequestURI()))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusMovedPermanently)
}

// plain are the beginnings of the User-Agents that want an error as it is.
var plain = []string{"wget", "curl", "python-urllib", "libwwww-perl", "php", "pycurl", "go-http-client", "plik_client"}

// sendsBrowsers reports whether a request's error is told by a redirect.
func sendsBrowsers(r *http.Request) bool {
	name := dialect.CallOf(r).Route.Name
	if !slices.Contains(downloads(), name) && !slices.Contains(callbacks(), name) {
		return false
	}
	agent := strings.ToLower(r.UserAgent())
	return !slices.ContainsFunc(plain, func(p string) bool { return strings.HasPrefix(agent, p) })
}

// callbacks are the routes by which providers send browsers back.
func callbacks() []string { return []string{"GoogleCallback", "OVHCallback", "OIDCCallback"} }

// errSessionEnds marks refusals of a session's cookie, which take it back.
var errSessionEnds = errors.New("the session ends")
