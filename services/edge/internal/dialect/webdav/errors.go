package webdav

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// The refusals of this dialect.
var (
	errOtherAccount  = fault.New(fault.Forbidden, "edge.other_account", "the first name of a path is that of the account; others' are closed")
	errOtherServer   = fault.New(fault.Invalid, "edge.other_server", "the destination is not on this server")
	errFixed         = fault.New(fault.Forbidden, "edge.fixed_folder", "the account's own folder cannot be made, changed or removed")
	errFolderThere   = fault.New(fault.Conflict, "edge.folder_there", "a folder is there; it takes neither GET nor PUT")
	errThere         = fault.New(fault.Conflict, "edge.node_there", "something of this name is there")
	errNoParent      = fault.New(fault.Conflict, "edge.no_parent", "the folder that it would be in is not there")
	errSamePlace     = fault.New(fault.Forbidden, "edge.same_place", "source and destination are the same, or one is in the other")
	errInfinite      = fault.New(fault.Forbidden, "edge.infinite_depth", "properties are given for Depth 0 and 1 only")
	errBadXML        = fault.New(fault.Invalid, "edge.bad_xml", "the body is not the XML that this method takes")
	errXMLTooLarge   = fault.New(fault.TooLarge, "edge.xml_too_large", "the body has more than 256 KiB")
	errBadHeader     = fault.New(fault.Invalid, "edge.bad_header", "a header of the request is malformed")
	errNoBody        = fault.New(fault.Invalid, "edge.unsupported_body", "this method takes no body")
	errLocked        = fault.New(fault.Conflict, "edge.locked", "a lock is in the way, and the request does not name its token")
	errNoSuchLock    = fault.New(fault.Conflict, "edge.no_such_lock", "there is no lock with this token here")
	errTooManyLocks  = fault.New(fault.QuotaExceeded, "edge.too_many_locks", "the account has too many locks")
	errProtectedProp = fault.New(fault.Forbidden, "edge.protected_property", "the property cannot be changed")
)

// status of faults whose code says more than their kind.
var byCode = map[string]int{
	dialect.ErrMethodNotAllowed.Code: http.StatusMethodNotAllowed,
	dialect.ErrSlowBody.Code:         http.StatusRequestTimeout,
	transfer.ErrBadRange.Code:        http.StatusRequestedRangeNotSatisfiable,
	objectv1.ErrUploadGone.Code:      http.StatusServiceUnavailable, // the ticket ran out: the same PUT may work again
	uploadv1.ErrGone.Code:            http.StatusServiceUnavailable,
	errOtherServer.Code:              http.StatusBadGateway,
	errFolderThere.Code:              http.StatusMethodNotAllowed,
	errThere.Code:                    http.StatusMethodNotAllowed,
	errLocked.Code:                   http.StatusLocked,
	errNoBody.Code:                   http.StatusUnsupportedMediaType,
}

// statusClientGone is what the logs say of a request whose client left.
const statusClientGone = 499

var byKind = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Precondition: http.StatusPreconditionFailed,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.QuotaExceeded: http.StatusInsufficientStorage, fault.RateLimited: http.StatusTooManyRequests,
	fault.Unimplemented: http.StatusNotImplemented, fault.Unavailable: http.StatusServiceUnavailable, fault.Timeout: http.StatusServiceUnavailable,
	fault.Canceled: statusClientGone, fault.Internal: http.StatusInternalServerError,
}

// conditions are the elements that RFC 4918, 16, and RFC 4331 have for faults.
var conditions = map[string]string{
	errInfinite.Code:               "propfind-finite-depth",
	errProtectedProp.Code:          "cannot-modify-protected-property",
	errNoSuchLock.Code:             "lock-token-matches-request-uri",
	objectv1.ErrQuotaExceeded.Code: "quota-not-exceeded",
}

func statusOf(f *fault.Error) int {
	if s, ok := byCode[f.Code]; ok {
		return s
	}
	if s, ok := byKind[f.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// lockedError is errLocked with the place of the lock, which the answer names.
type lockedError struct {
	href        string
	conflicting bool // with a new lock, not with a change
}

// Error implements error.
func (e *lockedError) Error() string { return errLocked.Error() + ": " + e.href }

// Unwrap makes it an errLocked.
func (e *lockedError) Unwrap() error { return errLocked }

// RenderError implements dialect.Dialect with DAV:error (RFC 4918, 8.7); the
// text is where ownCloud's clients look for it.
func (h *Handler) RenderError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	status, head := statusOf(f), w.Header()
	message, code := f.Message, f.Code
	for name := range head {
		switch name {
		case "X-Request-Id", "Strict-Transport-Security", "Allow", "Content-Range", "Connection", "Dav":
		default:
			delete(head, name)
		}
	}
	switch status {
	case http.StatusInternalServerError:
		message, code = fault.ErrInternal.Message, fault.ErrInternal.Code
	case http.StatusUnauthorized:
		head.Add("WWW-Authenticate", `Basic realm="lockr", charset="UTF-8"`)
		head.Add("WWW-Authenticate", `Bearer realm="lockr"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		head.Set("Retry-After", strconv.FormatInt(max(1, int64((f.RetryAfter+time.Second-1)/time.Second)), 10))
	case http.StatusMethodNotAllowed:
		if head.Get("Allow") == "" {
			head.Set("Allow", allowed)
		}
	}
	head.Set("Cache-Control", "no-store")
	var locked *lockedError
	errors.As(err, &locked)
	writeXML(w, status, errorBody(code, message, locked))
}

func errorBody(code, message string, locked *lockedError) []byte {
	var b bytes.Buffer
	b.WriteString(xmlHead + `<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">`)
	if element := conditions[code]; element != "" {
		b.WriteString("<d:" + element + "/>")
	}
	if locked != nil {
		element := "lock-token-submitted"
		if locked.conflicting {
			element = "no-conflicting-lock"
		}
		b.WriteString("<d:" + element + ">")
		text(&b, "d:href", locked.href)
		b.WriteString("</d:" + element + ">")
	}
	text(&b, "s:exception", code)
	text(&b, "s:message", message)
	b.WriteString("</d:error>\n")
	return b.Bytes()
}
