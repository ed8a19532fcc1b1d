package docstore

import (
	"errors"

	"github.com/sluicehq/sluice/pkg/fault"
)

// The errors of every engine. Compare with errors.Is.
var (
	ErrNotFound   = fault.New(fault.NotFound, "docstore.not_found", "there is no such document")
	ErrExists     = fault.New(fault.Conflict, "docstore.exists", "a document of this id exists already")
	ErrDuplicate  = fault.New(fault.Conflict, "docstore.duplicate", "another document has the same unique fields")
	ErrStale      = fault.New(fault.Conflict, "docstore.stale", "the document changed since it was read")
	ErrGuard      = fault.New(fault.Precondition, "docstore.guard", "a condition of the update does not hold")
	ErrContention = fault.New(fault.Unavailable, "docstore.contention", "too many writers want this document at once; repeat shortly")
	// ErrUnknown means that the caller's context ended, or the store went away,
	// while the write was being committed: it may or may not have happened.
	ErrUnknown = fault.New(fault.Timeout, "docstore.unknown", "it is not known whether the write happened")
	// ErrInvalid is a mistake of the calling code: a bad id, path, index, value or resume key.
	ErrInvalid    = fault.New(fault.Invalid, "docstore.invalid", "the request to the document store is malformed")
	ErrTooLarge   = fault.New(fault.TooLarge, "docstore.too_large", "the document is too large")
	ErrOutboxFull = fault.New(fault.Unavailable, "docstore.outbox_full", "too many events of this document wait to be published; repeat later")
	ErrClosed     = fault.New(fault.Unavailable, "docstore.closed", "the document store is shutting down")
)

// Unchanged is returned by the closure of Update or Upsert to write nothing and
// get the document as it is.
var Unchanged = errors.New("docstore: unchanged") //nolint:staticcheck,errname // reads as a result, not as a failure
