package lockwell

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
)

// piece is what becomes one part; r is nil, and size 0, behind the end.
type piece struct {
	number int // from 1
	r      io.ReaderAt
	size   int64
	data   []byte // the buffer, when r is one
}

func (p piece) reader() io.Reader {
	if p.r == nil {
		return nil
	}
	return io.NewSectionReader(p.r, 0, p.size)
}

func (p piece) digest() ([]byte, error) {
	h := sha256.New()
	if p.size > 0 {
		n, err := io.Copy(h, p.reader())
		if err != nil {
			return nil, fmt.Errorf("reading the body: %w", err)
		}
		if n != p.size {
			return nil, fmt.Errorf("the body became shorter: %w", io.ErrUnexpectedEOF)
		}
	}
	return h.Sum(nil), nil
}

// source cuts a body into pieces.
type source interface {
	// next gives the next piece; io.EOF beside it says that it is the last.
	next(size int64) (piece, error)
	// give takes a piece back that nobody reads any more.
	give(piece)
}

// sections is a body that can be read anywhere.
type sections struct {
	r      *io.SectionReader
	number int
}

func (s *sections) next(size int64) (piece, error) {
	s.number++
	return s.at(s.number, size), nil
}

func (s *sections) at(number int, size int64) piece {
	start := int64(number-1) * size
	if start < 0 || start >= s.r.Size() && number > 1 {
		return piece{number: number}
	}
	n := min(size, s.r.Size()-start)
	return piece{number: number, r: io.NewSectionReader(s.r, start, n), size: n}
}

func (*sections) give(piece) {}

// buffers is a stream.
type buffers struct {
	r      io.Reader
	number int
	free   chan []byte
	over   bool
}

func (b *buffers) next(size int64) (piece, error) {
	b.number++
	p := piece{number: b.number}
	if b.over {
		return p, io.EOF
	}
	select {
	case p.data = <-b.free:
	default:
		p.data = make([]byte, size)
	}
	n, err := io.ReadFull(b.r, p.data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		b.over, err = true, io.EOF
	}
	p.size = int64(n)
	p.r = bytesAt(p.data[:n])
	return p, err
}

func (b *buffers) give(p piece) {
	select {
	case b.free <- p.data:
	default:
	}
}

// bytesAt reads from memory.
type bytesAt []byte

// ReadAt implements io.ReaderAt.
func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// progress adds up what several goroutines move.
type progress struct {
	tell func(done, total int64)

	mu    sync.Mutex
	done  int64
	total int64
}

func newProgress(tell func(done, total int64), total int64) *progress {
	return &progress{tell: tell, total: total}
}

func (p *progress) add(n int64) {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.tell(p.done, p.total)
}
