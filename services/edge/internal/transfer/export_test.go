package transfer

import "github.com/sluicehq/sluice/pkg/blob"

// Midstate reads a midstate of n bytes, hashes more, and gives the next one with
// the SHA-256 so far.
func Midstate(mid []byte, n int64, more []byte) (next, sum []byte, err error) {
	s, err := readSums(mid, n)
	if err != nil {
		return nil, nil, err
	}
	_, _ = s.Write(more)
	next, err = s.encode()
	return next, s.digests()[blob.SHA256], err
}
