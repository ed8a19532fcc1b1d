// Package compose derives what a multipart object says of itself from what its
// parts say, without their bytes (lockwell.md, Objects: multipart objects).
package compose

import (
	"crypto/sha1" //nolint:gosec // a checksum that clients ask for, not a signature
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/sluicehq/sluice/pkg/blob"
)

// Part is what counts of a part, as its writer measured it.
type Part struct {
	Size    int64
	Digests map[blob.Algorithm][]byte
}

// Whole is what an object of several parts says of itself.
type Whole struct {
	Size      int64
	ETag      string                    // quotes included
	Digests   map[blob.Algorithm][]byte // sha256 and crc64nvme always; others when every part has them
	Composite []blob.Algorithm          // digests that are of the parts' digests
}

// length of a digest that parts may have, bytes; 0 for others.
func length(a blob.Algorithm) int {
	switch a {
	case blob.SHA256:
		return sha256.Size
	case blob.SHA1:
		return sha1.Size
	case blob.CRC32, blob.CRC32C:
		return 4
	case blob.CRC64NVME:
		return 8
	}
	return 0
}

// Check reports the first digest that cannot be one, or that a part must have.
func Check(digests map[blob.Algorithm][]byte) error {
	for _, a := range []blob.Algorithm{blob.SHA256, blob.CRC64NVME} {
		if digests[a] == nil {
			return fmt.Errorf("there is no %s", a)
		}
	}
	for a, d := range digests {
		if n := length(a); n == 0 || n != len(d) {
			return fmt.Errorf("%s of %d bytes", a, len(d))
		}
	}
	return nil
}

// PartETag is the entity tag of a part, like that of an object written at once.
// The digest has passed Check.
func PartETag(sum []byte) string { return etag(sum, 1) }

func etag(sum []byte, parts int) string {
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:16]), parts)
}

// Of composes the parts, whose digests have passed Check, in their order.
func Of(parts []Part) Whole {
	w := Whole{Digests: map[blob.Algorithm][]byte{}}
	for _, p := range parts {
		w.Size += p.Size
	}
	for _, c := range []struct {
		alg blob.Algorithm
		new func() hash.Hash
	}{{blob.SHA256, sha256.New}, {blob.SHA1, sha1.New}} {
		if sum, ok := ofDigests(parts, c.alg, c.new()); ok {
			w.Digests[c.alg] = sum
			w.Composite = append(w.Composite, c.alg)
		}
	}
	for _, a := range []blob.Algorithm{blob.CRC64NVME, blob.CRC32, blob.CRC32C} {
		if sum, ok := combined(parts, a); ok {
			w.Digests[a] = sum
		}
	}
	w.ETag = etag(w.Digests[blob.SHA256], len(parts))
	return w
}

// ofDigests hashes the parts' digests.
func ofDigests(parts []Part, a blob.Algorithm, h hash.Hash) ([]byte, bool) {
	for _, p := range parts {
		d, ok := p.Digests[a]
		if !ok {
			return nil, false
		}
		_, _ = h.Write(d) // hashes never fail
	}
	return h.Sum(nil), true
}

// combined gives the checksum of the bytes of all parts together.
func combined(parts []Part, a blob.Algorithm) ([]byte, bool) {
	c := newCRC(a)
	var sum uint64 // of no bytes, for each of these
	for _, p := range parts {
		d, ok := p.Digests[a]
		if !ok {
			return nil, false
		}
		sum = c.join(sum, number(d), p.Size)
	}
	return c.bytes(sum), true
}
