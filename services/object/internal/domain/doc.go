// Package domain is what the object service knows: buckets, heads, versions,
// contents, usage, and the order of the single-document writes that make a
// commit, a removal and a deletion safe against kill -9 at any moment.
//
// It does no I/O but through the ports in ports.go. Beside the standard library
// it imports pkg/fault and the contracts for the value types that they declare
// (metadata, conditions, manifests), and nothing that talks to a store or a bus.
package domain
