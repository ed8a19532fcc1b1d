package blob

import "github.com/sluicehq/sluice/pkg/fault"

// What callers of this package can meet. Everything else is fault.Internal, or
// fault.Unavailable while NATS is away.
var (
	ErrFull        = fault.New(fault.QuotaExceeded, "blob.store_full", "the store is full")
	ErrDamaged     = fault.New(fault.Internal, "blob.damaged", "stored content is missing or damaged")
	ErrTooLarge    = fault.New(fault.TooLarge, "blob.too_large", "the content is larger than allowed")
	ErrRegion      = fault.New(fault.Invalid, "blob.unknown_region", "there is no such region")
	ErrRange       = fault.New(fault.Invalid, "blob.bad_range", "the range lies outside the content")
	ErrAlgorithm   = fault.New(fault.Invalid, "blob.unknown_algorithm", "there is no such digest algorithm")
	ErrExpired     = fault.New(fault.Conflict, "blob.expired", "what was uploaded has expired; send it again")
	ErrBusy        = fault.New(fault.Conflict, "blob.collector_busy", "another collection is running")
	ErrUnavailable = fault.New(fault.Unavailable, "blob.unavailable", "the store is away; repeat the request shortly")
	// ErrNotDeclared is what Open answers before Declare; whoever meets it may wait.
	ErrNotDeclared = fault.New(fault.Unavailable, "blob.not_declared", "the object stores are not declared on the nats-server; 'sluice bus declare' makes them")
	ErrClosed      = fault.New(fault.Internal, "blob.closed", "the transfer was ended before")
)
