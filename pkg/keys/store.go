package keys

import "context"

// Entry is a stored value and the revision to update it at.
type Entry struct {
	Value    []byte
	Revision uint64
}

// Store keeps the wrapped keys of the domains. keys/natskv has it on a NATS KV
// bucket, keys/keystest in memory. Implementations are safe for concurrent use,
// by several processes too, and hold nothing that is secret without the master
// key file.
type Store interface {
	// Get reads a value. Codes: keys.not_found.
	Get(ctx context.Context, key string) (Entry, error)
	// Create writes a value that must not exist. Codes: keys.exists.
	Create(ctx context.Context, key string, value []byte) (uint64, error)
	// Update replaces the value that has revision. Codes: keys.stale.
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// List gives all keys, in no order.
	List(ctx context.Context) ([]string, error)
}
