// Package fault is the one error model of Sluice.
//
// Every error that crosses a boundary is a *Error: a Kind from a closed list, a
// stable Code, a public message, and a cause that never leaves the process.
// Transports map it in one place each: pkg/rpc to headers, pkg/bus to
// ack / nak / term, each dialect of the edge to its own status and body.
// The package imports only the standard library.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind classifies an error by what a caller can do about it. The list is closed
// and append-only; its values travel over the wire.
type Kind string

// The kinds. Anything that is not a *Error is Internal.
const (
	Invalid         Kind = "invalid"         // the request is malformed; repeating it cannot help
	Unauthenticated Kind = "unauthenticated" // no credential, or one that does not hold
	Forbidden       Kind = "forbidden"       // the credential holds, but not for this
	NotFound        Kind = "not_found"
	Conflict        Kind = "conflict"     // the state of the resource refuses it
	Precondition    Kind = "precondition" // a condition that the caller set is not met
	TooLarge        Kind = "too_large"
	QuotaExceeded   Kind = "quota_exceeded" // the account's storage, or the store's
	RateLimited     Kind = "rate_limited"
	Unimplemented   Kind = "unimplemented"
	Unavailable     Kind = "unavailable" // a dependency is away; repeat later
	Timeout         Kind = "timeout"
	Canceled        Kind = "canceled"
	Internal        Kind = "internal"
)

// Kinds lists every kind, in the order of declaration, for table tests of the maps.
func Kinds() []Kind {
	return []Kind{
		Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Precondition, TooLarge, QuotaExceeded,
		RateLimited, Unimplemented, Unavailable, Timeout, Canceled, Internal,
	}
}

// Error is an error with a kind, a stable code and a public message. Values are
// immutable: the methods that refine one return a copy, so that declared
// variables can be shared by all goroutines.
type Error struct {
	Kind       Kind
	Code       string        // stable, "<service>.<snake_case>"; equal codes make errors.Is true
	Message    string        // a sentence for the caller; never a path, a query, a secret
	RetryAfter time.Duration // when repeating may help; 0 means unsaid
	cause      error
}

// New declares an error. Services declare theirs as variables in
// contracts/<service>/v1/errors.go.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Error gives the code, the message and the chain of causes, for logs only.
func (e *Error) Error() string {
	s := e.Code + ": " + e.Message
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a *Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Msgf returns a copy with another public message.
func (e *Error) Msgf(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// Because returns a copy with cause, which stays in this process.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// After returns a copy that tells the caller to repeat after d.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// Errors of no service in particular.
var (
	ErrInternal    = New(Internal, "internal", "an internal error occurred")
	ErrTimeout     = New(Timeout, "timeout", "the operation took too long")
	ErrCanceled    = New(Canceled, "canceled", "the caller gave up")
	ErrUnavailable = New(Unavailable, "unavailable", "a service that this request needs is away; repeat it shortly")
	ErrInvalid     = New(Invalid, "invalid_request", "the request is malformed")
)

// From turns any error into a *Error: one in the chain as it is, a context
// error into Timeout or Canceled, everything else into Internal with err as
// its cause. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var fe *Error
	switch {
	case errors.As(err, &fe):
		return fe
	case errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout.Because(err)
	case errors.Is(err, context.Canceled):
		return ErrCanceled.Because(err)
	}
	return ErrInternal.Because(err)
}

// KindOf returns the kind of err; "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return From(err).Kind
}

// CodeOf returns the code of err; "" for nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// Retryable reports whether the same request may succeed when it is repeated
// later without change.
func Retryable(err error) bool {
	switch KindOf(err) {
	case Unavailable, Timeout, RateLimited, Internal:
		return true
	}
	return false
}
