package blob

import (
	"context"
	"crypto/cipher"
)

// Domain is the keys of one key domain. Implementations are safe for concurrent use.
type Domain interface {
	// Current gives the data key that seals new chunks, and its id.
	Current() (keyID uint32, aead cipher.AEAD)
	// AEAD gives the data key of that id.
	AEAD(ctx context.Context, keyID uint32) (cipher.AEAD, error)
	// HashID keys a segment's digest by the domain's hash key, which never
	// rotates: 64 hex digits.
	HashID(digest [32]byte) string
}

// Ring finds key domains, making those that are asked for the first time. It is
// safe for concurrent use and cheap for a domain met before.
type Ring interface {
	Domain(ctx context.Context, name string) (Domain, error)
}

// Keys makes a Ring of what returns domains of its own type, as keys.Ring does.
func Keys[D Domain](r interface {
	Domain(ctx context.Context, name string) (D, error)
}) Ring {
	return ringFunc(func(ctx context.Context, name string) (Domain, error) { return r.Domain(ctx, name) })
}

type ringFunc func(ctx context.Context, name string) (Domain, error)

func (f ringFunc) Domain(ctx context.Context, name string) (Domain, error) { return f(ctx, name) }
