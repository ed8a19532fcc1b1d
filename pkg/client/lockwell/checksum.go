package lockwell

import (
	"crypto/sha1" //nolint:gosec // a checksum that the API offers, never security
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
)

// Algorithm names a checksum as the API does.
type Algorithm string

// The algorithms. SHA256 and CRC64NVME are stored of every object, the others
// of those that were sent with them.
const (
	CRC32     Algorithm = "crc32"
	CRC32C    Algorithm = "crc32c"
	CRC64NVME Algorithm = "crc64nvme"
	SHA1      Algorithm = "sha1"
	SHA256    Algorithm = "sha256"
)

// Checksums are raw digests by algorithm; on the wire they are base64.
type Checksums map[Algorithm][]byte

// composite marks the checksum of a multipart object that is made of its parts'
// checksums instead of its bytes.
const composite = "COMPOSITE"

// polynomial of CRC-64/NVME, reversed as hash/crc64 wants it.
const polynomial = 0x9a6c9329ac4bc9b5

// New gives a hash of the algorithm, or nil when this client does not know it.
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC64NVME:
		return crc64.New(crc64.MakeTable(polynomial))
	case SHA1:
		return sha1.New() //nolint:gosec // as above
	case SHA256:
		return sha256.New()
	}
	return nil
}

// decodeChecksums drops what is not base64: a checksum that cannot be read
// cannot be checked.
func decodeChecksums(in map[string]string) Checksums {
	out := make(Checksums, len(in))
	for alg, v := range in {
		if sum, err := base64.StdEncoding.DecodeString(v); err == nil {
			out[Algorithm(alg)] = sum
		}
	}
	return out
}

// combineCRC64 gives the CRC-64/NVME of two pieces in a row from that of each;
// length is of the second, in bytes. Appending zero bytes is a linear map over
// GF(2); its powers are squared as the bits of length say.
func combineCRC64(first, second uint64, length int64) uint64 {
	if length <= 0 {
		return first
	}
	var m [64]uint64 // appends one zero bit
	m[0] = polynomial
	for i := 1; i < 64; i++ {
		m[i] = 1 << (i - 1)
	}
	for range 3 { // one zero byte
		m = square(m)
	}
	for ; length > 0; length >>= 1 {
		if length&1 == 1 {
			first = times(m, first)
		}
		m = square(m)
	}
	return first ^ second
}

func times(m [64]uint64, v uint64) (out uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			out ^= m[i]
		}
	}
	return out
}

func square(m [64]uint64) (out [64]uint64) {
	for i := range m {
		out[i] = times(m, m[i])
	}
	return out
}
