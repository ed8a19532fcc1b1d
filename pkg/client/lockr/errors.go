package lockr

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

// The codes that programs act on.
const (
	ErrInvalidRequest      Code = "invalid_request"
	ErrUnauthorized        Code = "unauthorized"
	ErrForbidden           Code = "forbidden"
	ErrQuotaExceeded       Code = "quota_exceeded"
	ErrKeyRequired         Code = "key_required" // the file has a key, and none was given
	ErrWrongKey            Code = "wrong_key"
	ErrGuestKey            Code = "guest_key" // guests cannot attach keys
	ErrNotFound            Code = "not_found"
	ErrSessionBusy         Code = "session_busy" // another client writes to the upload
	ErrSessionGone         Code = "session_gone" // the upload expired, or was cancelled
	ErrTooLarge            Code = "too_large"
	ErrRangeNotSatisfiable Code = "range_not_satisfiable"
	ErrRateLimited         Code = "rate_limited"
	ErrInternal            Code = "internal"
	ErrUnavailable         Code = "unavailable"
	ErrUnexpectedAnswer    Code = "unexpected_answer"
)

// Errors of the client itself.
var (
	// ErrChecksum says that bytes arrived otherwise than they were sent.
	ErrChecksum = errors.New("the bytes do not match the file's checksum")
	// ErrStalled says that a connection moved nothing for Config.IdleTimeout.
	ErrStalled = wire.ErrStalled
)

// Error is what the server answered instead of what was asked for.
type Error struct {
	Op         string        // what was being done, e.g. "upload film.mkv"
	Code       Code          // stable
	Message    string        // for people; its text may change
	Status     int           // of HTTP
	RequestID  string        // names the request in the server's logs
	RetryAfter time.Duration // when repeating may help; 0 when the server did not say
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
	http.StatusBadRequest: ErrInvalidRequest, http.StatusUnauthorized: ErrUnauthorized, http.StatusForbidden: ErrForbidden,
	http.StatusNotFound: ErrNotFound, http.StatusConflict: ErrSessionBusy, http.StatusGone: ErrSessionGone,
	http.StatusRequestEntityTooLarge: ErrTooLarge, http.StatusRequestedRangeNotSatisfiable: ErrRangeNotSatisfiable,
	http.StatusTooManyRequests: ErrRateLimited, http.StatusInternalServerError: ErrInternal,
	http.StatusBadGateway: ErrUnavailable, http.StatusServiceUnavailable: ErrUnavailable, http.StatusGatewayTimeout: ErrUnavailable,
}

// maxProblem bounds the body of an error, in bytes.
const maxProblem = 64 << 10

// errorFrom reads an answer that is none of those hoped for, and closes it.
func errorFrom(op string, resp *http.Response) *Error {
	defer func() { _ = resp.Body.Close() }()
	var p struct {
		Code    Code   `json:"code"`
		Message string `json:"error"`
	}
	// What cannot be read or is no JSON leaves the fields empty.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	_ = json.Unmarshal(body, &p)
	e := &Error{
		Op: op, Code: p.Code, Message: p.Message, Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id"),
		RetryAfter: wire.RetryAfter(resp.Header.Get("Retry-After")),
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
