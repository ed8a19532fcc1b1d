// Package outbound is the HTTP client for addresses that users supply: webhook
// targets, links to check. It goes only to public addresses (and to those that
// the operator allows), judged where the connection is made, so that neither a
// redirect nor a changing DNS answer leads inside. It knows nothing of what is sent.
package outbound

import "github.com/sluicehq/sluice/pkg/fault"

// The errors of this package. Messages do not tell what an address answered or
// resolved to, so that nobody can map a network with them.
var (
	// ErrRefused says that policy forbids the address, or that the URL's form is not taken.
	ErrRefused = fault.New(fault.Invalid, "outbound.refused", "the address is not one that this server sends requests to")
	// ErrTimeout says that the exchange, body included, took longer than allowed.
	ErrTimeout = fault.New(fault.Timeout, "outbound.timeout", "the address did not answer in time")
	// ErrTooLarge says that the answer's body is longer than allowed.
	ErrTooLarge = fault.New(fault.TooLarge, "outbound.too_large", "the answer of the address is too large")
	// ErrUnreachable says that there was no connection, or nothing usable on it.
	ErrUnreachable = fault.New(fault.Unavailable, "outbound.unreachable", "the address cannot be reached")
	// ErrRedirects says that there were more redirects than allowed.
	ErrRedirects = fault.New(fault.Invalid, "outbound.too_many_redirects", "the address redirects too often")
)
