// Package fetch brings remote URLs into drives: it takes work from stream FETCHES,
// leases it from upload, and streams what the address sends into the stores, under
// the policy of pkg/outbound. It keeps nothing in memory but the engine's buffers,
// and nothing of an attempt that failed.
package fetch
