package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/minio/crc64nvme"

	"github.com/sluicehq/sluice/pkg/blob"
)

// The encoding of sums: version, flags, bytes hashed, CRC, state of the SHA-256.
const (
	sumsVersion    = 1
	sumsHeader     = 2 + 8 + 8
	sumsCompressed = 1 // flag
)

var errMidstate = errors.New("the hash midstate of an upload session is not one of ours")

// sums are the hashes of a session's bytes from its first one on. They travel in
// the session, so that any edge goes on where the last one stopped.
type sums struct {
	sha        hash.Hash
	crc        uint64
	n          int64 // bytes
	compressed bool  // some content of the session is stored compressed
}

func newSums() *sums { return &sums{sha: sha256.New()} }

// Write implements io.Writer; it never fails.
func (s *sums) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	s.crc = crc64nvme.Update(s.crc, p)
	return s.sha.Write(p) //nolint:wrapcheck // hashes never fail
}

// digests gives the digests of the bytes so far.
func (s *sums) digests() map[blob.Algorithm][]byte {
	return map[blob.Algorithm][]byte{
		blob.SHA256: s.sha.Sum(nil), blob.CRC64NVME: binary.BigEndian.AppendUint64(nil, s.crc),
	}
}

// encode gives the midstate.
func (s *sums) encode() ([]byte, error) {
	b := make([]byte, 2, sumsHeader+128)
	b[0] = sumsVersion
	if s.compressed {
		b[1] = sumsCompressed
	}
	b = binary.BigEndian.AppendUint64(b, uint64(s.n)) //nolint:gosec // never negative
	b = binary.BigEndian.AppendUint64(b, s.crc)
	a, ok := s.sha.(encoding.BinaryAppender)
	if !ok {
		return nil, errMidstate
	}
	b, err := a.AppendBinary(b)
	if err != nil {
		return nil, fmt.Errorf("encoding a midstate: %w", err)
	}
	return b, nil
}

// readSums gives back the sums of the first offset bytes. The state comes from
// our own store; whatever else is there ends the transfer before a byte of it.
func readSums(b []byte, offset int64) (*sums, error) {
	s := newSums()
	if len(b) == 0 && offset == 0 {
		return s, nil
	}
	if len(b) < sumsHeader || b[0] != sumsVersion || b[1]&^sumsCompressed != 0 {
		return nil, errMidstate
	}
	if n := binary.BigEndian.Uint64(b[2:]); offset < 0 || n != uint64(offset) {
		return nil, fmt.Errorf("%w: it is of %d bytes, the session has %d", errMidstate, n, offset)
	}
	s.n, s.crc, s.compressed = offset, binary.BigEndian.Uint64(b[10:]), b[1]&sumsCompressed != 0
	u, ok := s.sha.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, errMidstate
	}
	if err := u.UnmarshalBinary(b[sumsHeader:]); err != nil {
		return nil, fmt.Errorf("%w: %w", errMidstate, err)
	}
	if again, err := s.encode(); err != nil || !bytes.Equal(again, b) {
		return nil, errMidstate
	}
	return s, nil
}
