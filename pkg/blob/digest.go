package blob

import (
	"crypto/md5"  //nolint:gosec // a checksum that clients send, not a signature
	"crypto/sha1" //nolint:gosec // a checksum that clients send, not a signature
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"sync"

	"github.com/minio/crc64nvme"
	"github.com/zeebo/blake3"
)

// digester computes the digests of a whole content in one pass.
type digester struct {
	names  []Algorithm
	hashes []hash.Hash
}

func newDigester(extra []Algorithm) (*digester, error) {
	d := &digester{}
	for _, a := range append([]Algorithm{SHA256, CRC64NVME}, extra...) {
		if d.has(a) {
			continue
		}
		h, ok := newHash(a)
		if !ok {
			return nil, ErrAlgorithm.Msgf("%q is not a digest algorithm", a)
		}
		d.names, d.hashes = append(d.names, a), append(d.hashes, h)
	}
	return d, nil
}

func newHash(a Algorithm) (hash.Hash, bool) {
	switch a {
	case SHA256:
		return sha256.New(), true
	case CRC64NVME:
		return crc64nvme.New(), true
	case SHA1:
		return sha1.New(), true //nolint:gosec // see above
	case CRC32:
		return crc32.NewIEEE(), true
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli)), true
	case MD5:
		return md5.New(), true //nolint:gosec // see above
	}
	return nil, false
}

func (d *digester) has(a Algorithm) bool {
	for _, n := range d.names {
		if n == a {
			return true
		}
	}
	return false
}

func (d *digester) write(p []byte) {
	for _, h := range d.hashes {
		_, _ = h.Write(p) // hashes never fail
	}
}

func (d *digester) sums() map[Algorithm][]byte {
	out := make(map[Algorithm][]byte, len(d.names))
	for i, n := range d.names {
		out[n] = d.hashes[i].Sum(nil)
	}
	return out
}

// hashers are for segment ids. BLAKE3, because every byte is hashed once more for
// them: README.md, Decisions.
type hashers struct{ sync.Pool }

func (p *hashers) get() *blake3.Hasher {
	if h, ok := p.Get().(*blake3.Hasher); ok {
		h.Reset()
		return h
	}
	return blake3.New()
}

// segmentID names the segment that is made of the blocks.
func (p *hashers) segmentID(d Domain, blocks ...[]byte) SegmentID {
	h := p.get()
	defer p.Put(h)
	for _, b := range blocks {
		_, _ = h.Write(b) // never fails
	}
	return idOf(d, h)
}

func idOf(d Domain, h *blake3.Hasher) SegmentID {
	var sum [32]byte
	h.Sum(sum[:0])
	return SegmentID(d.HashID(sum))
}
