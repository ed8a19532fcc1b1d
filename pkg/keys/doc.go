// Package keys holds the secrets of a deployment: the master key file, the
// keys derived from it by purpose, and the key domains of the blob store.
//
// The master keys never leave the process that read the file. Everything else
// comes from them: HKDF-SHA256 gives a key per purpose (Signer, Token, Sealer),
// and AES-256-GCM wraps the random keys of each domain (Ring, Domain).
// The formats are frozen in testdata and written down in README.md. The package
// imports only the standard library and pkg/fault.
package keys

import "github.com/sluicehq/sluice/pkg/fault"

// The errors of this package. Errors at start (a missing or readable master key
// file) are plain sentences for the operator instead.
var (
	// ErrToken says that a token is malformed or was not minted here. It says no more on purpose.
	ErrToken = fault.New(fault.Unauthenticated, "keys.bad_token", "the token is malformed or was altered")
	// ErrOpen says that sealed bytes are damaged, belong elsewhere, or were sealed under other keys.
	ErrOpen = fault.New(fault.Internal, "keys.cannot_open", "sealed data cannot be opened")
	// ErrUnknownKey says that a key id is in no record or file that this process can read.
	ErrUnknownKey = fault.New(fault.Internal, "keys.unknown_key", "data was sealed under a key that is not known")
	// ErrName says that the name of a domain is not 1–128 of [A-Za-z0-9_-].
	ErrName = fault.New(fault.Invalid, "keys.bad_domain_name", "the name of a key domain is not 1-128 letters, digits, dashes or underscores")
	// ErrNotFound is a Store's answer to Get of an absent key.
	ErrNotFound = fault.New(fault.NotFound, "keys.not_found", "no such key record")
	// ErrExists is a Store's answer to Create of a present key.
	ErrExists = fault.New(fault.Conflict, "keys.exists", "the key record exists")
	// ErrStale is a Store's answer to Update at a revision that is not the last.
	ErrStale = fault.New(fault.Conflict, "keys.stale", "the key record has changed")

	errContention = fault.New(fault.Unavailable, "keys.contention", "a key record is being changed by others; repeat it shortly")
)
