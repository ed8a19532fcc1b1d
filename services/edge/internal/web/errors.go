package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// statusClientGone is what the logs say of a request whose client left.
const statusClientGone = 499

// byKind gives the status of a fault; a quota is 403 in lockr.
var byKind = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Precondition: http.StatusPreconditionFailed,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.QuotaExceeded: http.StatusForbidden, fault.RateLimited: http.StatusTooManyRequests,
	fault.Unimplemented: http.StatusNotImplemented, fault.Unavailable: http.StatusServiceUnavailable, fault.Timeout: http.StatusServiceUnavailable,
	fault.Canceled: statusClientGone, fault.Internal: http.StatusInternalServerError,
}

func statusOf(f *fault.Error) int {
	switch f.Code {
	case dialect.ErrMethodNotAllowed.Code:
		return http.StatusMethodNotAllowed
	case dialect.ErrSlowBody.Code:
		return http.StatusRequestTimeout
	case transfer.ErrBadRange.Code:
		return http.StatusRequestedRangeNotSatisfiable
	}
	if s, ok := byKind[f.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// titles are the headings of error pages.
var titles = map[int]string{
	http.StatusBadRequest: "That did not work", http.StatusForbidden: "This is not allowed", http.StatusNotFound: "There is nothing here",
	http.StatusMethodNotAllowed: "That did not work", http.StatusTooManyRequests: "Too many attempts",
	http.StatusServiceUnavailable: "A part of this server is away", http.StatusInternalServerError: "Something went wrong",
}

// errorView is the page of an error.
type errorView struct {
	frame
	Status                          int
	Text, Back, BackText, RequestID string
}

// adjust says what the answer depends on.
func (errorView) adjust(head http.Header) { head.Set("Vary", "Accept-Language, Cookie") }

// RenderError implements dialect.Dialect with a page. Whoever is not logged in
// may do so on it.
func (h *Handler) RenderError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	if f.Code == dialect.ErrNoRoute.Code && strings.HasPrefix(dialect.CallOf(r).Route.Path, ofShort) {
		noPage(w)
		return
	}
	status := statusOf(f)
	retryAfter(w, f)
	if status == http.StatusUnauthorized {
		ended(w, r)
		next := ""
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next = r.URL.RequestURI()
		}
		v := h.entrance(r, next)
		if inTwoLanguages(r) {
			v.words = h.wordsFor(r)
		}
		v.Title, v.Form, v.Problem = v.T(v.Title), "login", h.spoken(v.words, err, sentence(f))
		h.mustRender(w, status, "enter", v)
		return
	}
	v := errorView{frame: h.frameOf(r, titles[status]), Status: status, Text: sentence(f), Back: h.start(), BackText: "To the start page"}
	if v.Title == "" {
		v.Title = "That did not work"
	}
	if inTwoLanguages(r) {
		v.words = h.wordsFor(r)
		v.Title, v.Text = v.T(v.Title), h.spoken(v.words, err, v.Text)
	}
	if v.User != "" {
		v.Back, v.BackText = "/account", "To your account"
	}
	v.BackText = v.T(v.BackText)
	if status >= http.StatusInternalServerError {
		v.RequestID = dialect.CallOf(r).RequestID
	}
	h.mustRender(w, status, "error", v)
}

// noPage answers for a path of the root that names nothing (README of the dialects,
// unknown paths).
func noPage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	send(w, http.StatusNotFound, []byte("404 page not found\n"))
}

// inTwoLanguages reports whether a request is for one of the pages that speak two
// languages.
func inTwoLanguages(r *http.Request) bool {
	path := r.URL.Path
	return strings.HasPrefix(dialect.CallOf(r).Route.Path, ofShort) || ofContainers(path) || ofManager(path) ||
		begins(path, "/folder", "/search", "/account/selected", "/account/folders")
}

// ofContainers reports whether a path is of the pages of link containers.
func ofContainers(path string) bool {
	return begins(path, "/container", "/apip", "/captcha_circle")
}

// ofManager reports whether a path is of the pages of the file manager.
func ofManager(path string) bool {
	return begins(path, "/account/files", "/account/nodes", "/account/trash", "/account/place")
}

// begins reports whether a path has one of the prefixes.
func begins(path string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
}

// mustRender renders, or says so in a word.
func (h *Handler) mustRender(w http.ResponseWriter, status int, page string, view any) {
	if err := h.render(w, status, page, view); err != nil {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		send(w, http.StatusInternalServerError, []byte(fault.ErrInternal.Message+"\n"))
	}
}

// retryAfter says when to come back, where that helps.
func retryAfter(w http.ResponseWriter, f *fault.Error) {
	switch f.Kind {
	case fault.RateLimited, fault.Unavailable, fault.Timeout:
		w.Header().Set("Retry-After", strconv.FormatInt(max(1, int64((f.RetryAfter+time.Second-1)/time.Second)), 10))
	}
}

// sentence says to people what is wrong.
func sentence(f *fault.Error) string {
	text := f.Message
	switch {
	case f.Kind == fault.Internal:
		text = fault.ErrInternal.Message
	case errors.Is(f, authv1.ErrBadCredentials):
		text = "the name and the password do not fit together"
	case f.Message == errNoFolder.Message: // its code is that of files
	case errors.Is(f, core.ErrNoFile):
		text = "the file never was here, has been deleted, or has expired"
	case f.Kind == fault.RateLimited:
		text += ": try again in " + spoken(max(time.Second, f.RetryAfter))
	}
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[n:], ".") + "."
}

// failed notes, for the log and the audit trail, an error that a page shows by
// itself, and gives the status of that page.
func failed(w http.ResponseWriter, r *http.Request, err error) (status int, text string) {
	f := fault.From(err)
	dialect.CallOf(r).Err = err
	retryAfter(w, f)
	return statusOf(f), sentence(f)
}

// shown reports whether an error is worth its form again; others get a page of
// their own.
func shown(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Canceled:
		return false
	}
	return true
}
