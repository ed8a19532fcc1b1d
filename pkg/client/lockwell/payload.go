package lockwell

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// payload is the body of a request. One that can seek can be sent again. A nil
// payload is an empty body.
type payload struct {
	r     io.Reader
	seek  io.Seeker // of r; nil when it can be read only once
	start int64     // where r stood
	size  int64     // bytes; -1 unknown
	moved func(n int64)

	mu   sync.Mutex // never held while r is read: that may take for ever
	idle sync.Cond  // of mu: cur reads no more
	cur  *sending
	sum  hash.Hash // over what was read, when r cannot seek
}

// sending is one reading of a payload. net/http may still read from it when its
// request is answered, so it is cut off before another begins, or the caller
// has the body back.
type sending struct {
	p       *payload
	w       *wire.Watch
	n       int64
	err     error // of the source
	cut     bool
	reading bool
}

var errCut = errors.New("the request is over")

// payloadOf is a body in memory.
func payloadOf(data []byte) *payload {
	r := bytes.NewReader(data)
	p := &payload{r: r, seek: r, size: int64(len(data))}
	p.idle.L = &p.mu
	return p
}

// newPayload looks at a body: where it stands, and how long it is when size is 0.
func newPayload(r io.Reader, size int64) (*payload, error) {
	if r == nil {
		return payloadOf(nil), nil
	}
	p := &payload{r: r, size: size}
	p.idle.L = &p.mu
	if s, ok := r.(io.Seeker); ok {
		// Pipes are files that cannot seek.
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			end, err := s.Seek(0, io.SeekEnd)
			if err != nil {
				return nil, fmt.Errorf("measuring the body: %w", err)
			}
			if _, err := s.Seek(start, io.SeekStart); err != nil {
				return nil, fmt.Errorf("rewinding the body: %w", err)
			}
			p.seek, p.start = s, start
			if size <= 0 {
				p.size = max(0, end-start)
			}
			return p, nil
		}
	}
	if l, ok := r.(interface{ Len() int }); ok && size <= 0 {
		p.size = int64(l.Len())
	} else if size <= 0 {
		p.size = -1
	}
	p.sum = sha256.New()
	return p, nil
}

// report tells progress of what is read from now on.
func (p *payload) report(progress func(done, total int64)) {
	if progress == nil {
		return
	}
	var done int64
	p.moved = func(n int64) { // under mu
		done += n
		progress(done, p.size)
	}
}

// digest gives the SHA-256 of a body that can seek, which stands where it stood
// afterwards.
func (p *payload) digest() ([]byte, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(p.r, p.size))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if n != p.size {
		return nil, fmt.Errorf("the body has %d bytes, %d were announced: %w", n, p.size, io.ErrUnexpectedEOF)
	}
	if _, err := p.seek.Seek(p.start, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewinding the body: %w", err)
	}
	return h.Sum(nil), nil
}

// open begins a reading.
func (p *payload) open(w *wire.Watch) (io.Reader, int64) {
	if p == nil || p.size == 0 {
		return http.NoBody, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cur = &sending{p: p, w: w}
	return p.cur, p.size
}

// rewind cuts off the reading that there is, and reports whether another may begin.
func (p *payload) rewind() bool {
	if p == nil || p.size == 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.cur
	if s == nil {
		return true
	}
	p.cutOff()
	if s.n == 0 && s.err == nil && !s.reading {
		return true
	}
	if p.seek == nil {
		return false
	}
	if _, err := p.seek.Seek(p.start, io.SeekStart); err != nil {
		return false
	}
	if p.moved != nil {
		p.moved(-s.n)
	}
	return true
}

// end cuts off the reading that there is: the body is the caller's again.
func (p *payload) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutOff()
}

// cutOff lets the current reading read no more. It waits for a read under way
// of what can seek, such as a file; a pipe may give nothing for hours.
func (p *payload) cutOff() {
	if p.cur == nil {
		return
	}
	p.cur.cut = true
	for p.cur.reading && p.seek != nil {
		p.idle.Wait()
	}
}

// failed gives the error of the source that ended the reading.
func (p *payload) failed() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cur == nil {
		return nil
	}
	return p.cur.err
}

func (s *sending) Read(b []byte) (int, error) {
	p := s.p
	p.mu.Lock()
	if s.cut {
		p.mu.Unlock()
		return 0, errCut
	}
	s.reading = true
	p.mu.Unlock()

	s.w.Pause()
	n, err := p.r.Read(b)
	s.w.Resume()

	p.mu.Lock()
	defer p.mu.Unlock()
	s.reading = false
	p.idle.Broadcast()
	return n, s.took(b[:n], err)
}

// took counts what was read.
func (s *sending) took(b []byte, err error) error {
	p := s.p
	s.n += int64(len(b))
	if p.sum != nil {
		p.sum.Write(b)
	}
	if p.moved != nil && len(b) > 0 {
		p.moved(int64(len(b)))
	}
	switch {
	case errors.Is(err, io.EOF) && p.size >= 0 && s.n < p.size:
		err = fmt.Errorf("the body has %d bytes, %d were announced: %w", s.n, p.size, io.ErrUnexpectedEOF)
		s.err = err
	case err != nil && !errors.Is(err, io.EOF):
		s.err = err
	}
	return err
}

// Close keeps net/http from reading on; the source stays open.
func (s *sending) Close() error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.cut = true
	return nil
}
