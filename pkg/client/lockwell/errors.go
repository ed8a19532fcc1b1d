package lockwell

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// Code is the stable name of an error. A Code is an error itself, so that
// errors.Is(err, ErrNotFound) works; codes that this list lacks can be compared
// as Code("…").
type Code string

// Error gives the name.
func (c Code) Error() string { return string(c) }

// The codes of the API.
const (
	ErrInvalidRequest            Code = "invalid_request"
	ErrInvalidKey                Code = "invalid_key"
	ErrInvalidBucketName         Code = "invalid_bucket_name"
	ErrBadDigest                 Code = "bad_digest"
	ErrInvalidPart               Code = "invalid_part"
	ErrInvalidPartOrder          Code = "invalid_part_order"
	ErrPartTooSmall              Code = "part_too_small"
	ErrIdempotencyNeedsChecksum  Code = "idempotency_requires_checksum"
	ErrObjectLockNotEnabled      Code = "object_lock_not_enabled"
	ErrUnauthorized              Code = "unauthorized"
	ErrAccessDenied              Code = "access_denied"
	ErrObjectLocked              Code = "object_locked"
	ErrNotFound                  Code = "not_found"
	ErrNoRetention               Code = "no_retention"
	ErrMethodNotAllowed          Code = "method_not_allowed"
	ErrBucketExists              Code = "bucket_exists"
	ErrBucketNotEmpty            Code = "bucket_not_empty"
	ErrObjectLockNeedsVersioning Code = "object_lock_requires_versioning"
	ErrIdempotencyConflict       Code = "idempotency_conflict"
	ErrIdempotencyInProgress     Code = "idempotency_in_progress"
	ErrPreconditionFailed        Code = "precondition_failed"
	ErrTooLarge                  Code = "too_large"
	ErrRangeNotSatisfiable       Code = "range_not_satisfiable"
	ErrRateLimited               Code = "rate_limited"
	ErrInternal                  Code = "internal"
	ErrNotImplemented            Code = "not_implemented"
	ErrUnavailable               Code = "unavailable"
	ErrQuotaExceeded             Code = "quota_exceeded"
	ErrNotModified               Code = "not_modified" // 304: a condition of a read says that the caller has it already
	ErrUnexpectedAnswer          Code = "unexpected_answer"
)

// Errors of the client itself.
var (
	// ErrChecksum says that bytes arrived otherwise than they are stored.
	ErrChecksum = errors.New("the bytes do not match the object's checksum")
	// ErrStalled says that a connection moved nothing for Config.IdleTimeout.
	ErrStalled = wire.ErrStalled
	// ErrChanged says that an object became another one during a download.
	ErrChanged = errors.New("the object changed meanwhile")
)

// Error is what the server answered instead of what was asked for.
type Error struct {
	Op           string        // what was being done, e.g. "put films/a.mkv"
	Code         Code          // stable
	Message      string        // for people; its text may change
	Status       int           // of HTTP
	RequestID    string        // names the request in the server's logs and audit trail
	RetryAfter   time.Duration // when repeating may help; 0 when the server did not say
	DeleteMarker bool          // not_found because a delete marker is on top
}

// Error gives operation, message, code and request id.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s (%s", e.Op, e.Message, e.Code)
	if e.RequestID != "" {
		s += ", request " + e.RequestID
	}
	return s + ")"
}

// Is reports whether target is e's Code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// byStatus names errors whose body says nothing: those of HEAD, and of proxies.
var byStatus = map[int]Code{
	http.StatusNotModified: ErrNotModified, http.StatusBadRequest: ErrInvalidRequest, http.StatusUnauthorized: ErrUnauthorized,
	http.StatusForbidden: ErrAccessDenied, http.StatusNotFound: ErrNotFound, http.StatusMethodNotAllowed: ErrMethodNotAllowed,
	http.StatusPreconditionFailed: ErrPreconditionFailed, http.StatusRequestEntityTooLarge: ErrTooLarge,
	http.StatusRequestedRangeNotSatisfiable: ErrRangeNotSatisfiable, http.StatusTooManyRequests: ErrRateLimited,
	http.StatusInternalServerError: ErrInternal, http.StatusNotImplemented: ErrNotImplemented,
	http.StatusBadGateway: ErrUnavailable, http.StatusServiceUnavailable: ErrUnavailable, http.StatusGatewayTimeout: ErrUnavailable,
	http.StatusInsufficientStorage: ErrQuotaExceeded,
}

// maxProblem bounds the body of an error, in bytes.
const maxProblem = 64 << 10

// errorFrom reads an answer that is none of the 2xx, and closes it.
func errorFrom(op string, resp *http.Response) *Error {
	defer func() { _ = resp.Body.Close() }()
	var p struct {
		Code      Code   `json:"code"`
		Message   string `json:"message"`
		RequestID string `json:"requestId"`
	}
	// What cannot be read or is no JSON leaves the fields empty.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	_ = json.Unmarshal(body, &p)
	e := &Error{
		Op: op, Code: p.Code, Message: p.Message, Status: resp.StatusCode, RequestID: p.RequestID,
		RetryAfter: wire.RetryAfter(resp.Header.Get("Retry-After")), DeleteMarker: resp.Header.Get("X-Lockwell-Delete-Marker") == "true",
	}
	if e.RequestID == "" {
		e.RequestID = resp.Header.Get("X-Request-Id")
	}
	if e.Code == "" {
		if e.Code = byStatus[resp.StatusCode]; e.Code == "" {
			e.Code = ErrUnexpectedAnswer
		}
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(resp.StatusCode))
	}
	if e.Message == "" {
		e.Message = "the server answered " + resp.Status
	}
	return e
}
