// Package wire is what the clients of Sluice's APIs have in common below their
// requests: which address is one, when a failed request may be repeated and when,
// and requests that stall. It imports the standard library only.
package wire
