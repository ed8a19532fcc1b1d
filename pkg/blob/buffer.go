package blob

import (
	"sync"
	"sync/atomic"
)

// smallBlock is the first buffer of a content of unknown length: most are small.
const smallBlock = 64 << 10

// pool keeps buffers of one chunk. It is safe for concurrent use.
type pool struct {
	size  int // of a block, bytes
	small int
	big   sync.Pool
	tiny  sync.Pool
}

func newPool(size int) *pool {
	p := &pool{size: size, small: min(smallBlock, size)}
	p.big.New = func() any { b := make([]byte, size); return &b }
	p.tiny.New = func() any { b := make([]byte, p.small); return &b }
	return p
}

// get gives an empty buffer with room for n bytes, at most a block.
func (p *pool) get(n int) []byte {
	if n <= p.small {
		return (*p.tiny.Get().(*[]byte))[:0]
	}
	return (*p.big.Get().(*[]byte))[:0]
}

func (p *pool) put(b []byte) {
	switch cap(b) {
	case p.size:
		p.big.Put(&b)
	case p.small:
		p.tiny.Put(&b)
	}
}

// segment is the plain bytes of one segment: full blocks, and a last one that
// may be shorter. Hashing and sealing read it at the same time; the last to
// release it gives the blocks back.
type segment struct {
	pool   *pool
	blocks [][]byte
	length int64
	refs   atomic.Int32
}

func newSegment(p *pool) *segment {
	s := &segment{pool: p}
	s.refs.Store(1)
	return s
}

// room gives the free end of the last block, making one when it is full; want is
// how many more bytes are expected, 0 if unknown.
func (s *segment) room(want int64) []byte {
	n := len(s.blocks)
	if n == 0 {
		first := s.pool.small
		if want > int64(first) {
			first = s.pool.size
		}
		s.blocks = append(s.blocks, s.pool.get(first))
		n = 1
	}
	b := s.blocks[n-1]
	if len(b) == cap(b) && cap(b) < s.pool.size { // the small one is full: go on in a block
		big := append(s.pool.get(s.pool.size), b...)
		s.pool.put(b)
		s.blocks[n-1], b = big, big
	}
	if len(b) == cap(b) {
		b = s.pool.get(s.pool.size)
		s.blocks = append(s.blocks, b)
	}
	return b[len(b):cap(b)]
}

// grow adds the n bytes that were put into room. It returns the last block when
// that is complete.
func (s *segment) grow(n int) (full []byte) {
	i := len(s.blocks) - 1
	s.blocks[i] = s.blocks[i][:len(s.blocks[i])+n]
	s.length += int64(n)
	if len(s.blocks[i]) == s.pool.size {
		return s.blocks[i]
	}
	return nil
}

func (s *segment) retain() { s.refs.Add(1) }

func (s *segment) release() {
	if s.refs.Add(-1) > 0 {
		return
	}
	for _, b := range s.blocks {
		s.pool.put(b)
	}
	s.blocks = nil
}
