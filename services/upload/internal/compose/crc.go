package compose

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/sluicehq/sluice/pkg/blob"
)

// nvme is the polynomial of CRC-64/NVME, low bits first.
const nvme = 0x9a6c9329ac4bc9b5

// crc joins checksums of one polynomial. A checksum is a remainder in GF(2)[x]
// whose highest bit stands for x⁰; n bytes behind it multiply it by x⁸ⁿ. That
// start value and final inversion are both all ones lets them cancel out.
// It is used by one goroutine.
type crc struct {
	poly, one uint64
	size      int // bytes of a checksum

	// Parts are mostly of one length, so the last power is kept.
	lastLen   int64
	lastPower uint64
}

func newCRC(a blob.Algorithm) *crc {
	switch a {
	case blob.CRC32:
		return &crc{poly: crc32.IEEE, one: 1 << 31, size: 4, lastPower: 1 << 31}
	case blob.CRC32C:
		return &crc{poly: crc32.Castagnoli, one: 1 << 31, size: 4, lastPower: 1 << 31}
	}
	return &crc{poly: nvme, one: 1 << 63, size: 8, lastPower: 1 << 63}
}

// times multiplies modulo the polynomial.
func (c *crc) times(a, b uint64) uint64 {
	var sum uint64
	for bit := c.one; a != 0; bit >>= 1 {
		if a&bit != 0 {
			sum ^= b
			a ^= bit
		}
		low := b & 1
		b >>= 1
		if low != 0 { // b·x has outgrown the polynomial
			b ^= c.poly
		}
	}
	return sum
}

// power is x to the 8n-th.
func (c *crc) power(n int64) uint64 {
	if n != c.lastLen {
		p := c.one
		for square := c.one >> 8; n > 0; n >>= 1 {
			if n&1 != 0 {
				p = c.times(p, square)
			}
			square = c.times(square, square)
		}
		c.lastPower = p
	}
	return c.lastPower
}

// join gives the checksum of what a is of, with n bytes behind it that b is of.
func (c *crc) join(a, b uint64, n int64) uint64 {
	p := c.power(n)
	c.lastLen = n
	return c.times(a, p) ^ b
}

// number reads a checksum as hash.Hash writes it.
func number(sum []byte) uint64 {
	var wide [8]byte
	copy(wide[8-len(sum):], sum)
	return binary.BigEndian.Uint64(wide[:])
}

func (c *crc) bytes(sum uint64) []byte { return binary.BigEndian.AppendUint64(nil, sum)[8-c.size:] }
