package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/zeebo/blake3"
	"go.opentelemetry.io/otel/trace"
)

// readAhead is how many chunks of one Reader are fetched or wait to be read: its
// memory is that many chunks.
const readAhead = 6

// part is a stretch of one chunk that a range covers.
type part struct {
	ref      SegmentRef
	domain   Domain
	piece    piece
	from, to int  // within the chunk
	whole    bool // of its segment, everything is read
}

// fetched is a part under way; done is closed when plain or err stand.
type fetched struct {
	part  part
	plain []byte
	err   error
	done  chan struct{}
}

// Reader is the bytes of a range, in order. It is for one goroutine. Close ends
// its fetches and waits for them.
type Reader struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelFunc
	queue  chan *fetched // in order; nil when the first part is all
	turns  chan struct{} // one for each fetch under way
	wg     sync.WaitGroup

	cur   []byte         // not yet read
	check *blake3.Hasher // of a segment that is read as a whole
	err   error          // sticky; io.EOF at the end
	left  int64
	moved atomic.Int64 // bytes that were read; Close asks while a Read may go on
	span  trace.Span
}

// Reader reads n bytes of a content from off; n < 0 means up to its end. The
// first chunk is read before it returns, so that most damage shows before an
// answer has begun. Nothing wrong is ever read: what is missing or altered gives
// ErrDamaged, and the bytes before it are right. ctx holds for the whole transfer.
func (s *Store) Reader(ctx context.Context, m Manifest, off, n int64) (*Reader, error) {
	if n < 0 {
		n = m.Size - off
	}
	if off < 0 || off > m.Size || n > m.Size-off {
		return nil, ErrRange.Msgf("bytes %d to %d of %d were asked for", off, off+n, m.Size)
	}
	ctx, span := s.span(ctx, "blob read")
	ctx, cancel := context.WithCancel(ctx)
	r := &Reader{s: s, ctx: ctx, cancel: cancel, left: n, span: span}
	if n == 0 {
		r.err = io.EOF
		return r, nil
	}
	segments, err := s.Segments(ctx, m)
	if err == nil {
		err = r.start(segments, off, n)
	}
	if err != nil {
		failSpan(span, err)
		_ = r.Close()
		return nil, fmt.Errorf("reading content: %w", transferFault(err))
	}
	return r, nil
}

// start fetches the first part here and the rest, if there is any, ahead.
func (r *Reader) start(segments []SegmentRef, off, n int64) error {
	p := &plan{s: r.s, segments: segments, off: off, left: n, cache: n <= cachedLimit}
	first, err := p.next(r.ctx)
	if err != nil {
		return err
	}
	if p.left > 0 {
		r.queue, r.turns = make(chan *fetched, readAhead-2), make(chan struct{}, r.s.fetches)
		r.turns <- struct{}{} // the first one's
		r.wg.Add(1)
		go r.ahead(p)
	}
	f := &fetched{part: first}
	f.plain, f.err = p.fetch(r.ctx, first)
	if r.turns != nil {
		<-r.turns
	}
	return r.take(f)
}

// ahead starts the fetches in order, readAhead at most: those in the queue, the
// one that waits to enter it, and the one being read.
func (r *Reader) ahead(p *plan) {
	defer r.wg.Done()
	defer close(r.queue)
	for p.left > 0 {
		select {
		case r.turns <- struct{}{}:
		case <-r.ctx.Done():
			return
		}
		f := &fetched{done: make(chan struct{})}
		if f.part, f.err = p.next(r.ctx); f.err != nil {
			p.left = 0
			close(f.done)
		} else {
			r.wg.Add(1)
			go func() {
				defer r.wg.Done()
				defer close(f.done)
				f.plain, f.err = p.fetch(r.ctx, f.part)
				<-r.turns
			}()
		}
		select {
		case r.queue <- f:
		case <-r.ctx.Done():
			return
		}
	}
}

// take makes a fetched part current. Of a segment that is read as a whole the
// digest is checked before its last chunk is given away.
func (r *Reader) take(f *fetched) error {
	if f.err != nil {
		return f.err
	}
	at := f.part.piece.at
	if f.part.whole && (at.index > 0 || !at.last) { // an only chunk was checked when it was fetched
		if at.index == 0 {
			r.check = blake3.New()
		}
		_, _ = r.check.Write(f.plain)
		if at.last && idOf(f.part.domain, r.check) != at.id {
			return ErrDamaged.Because(fmt.Errorf("segment %.12s in %s is not what its id says", at.id, f.part.ref.Store))
		}
	}
	r.cur = f.plain[f.part.from:f.part.to]
	return nil
}

// fill waits for the next part.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.err
	}
	r.err = r.advance()
	if !errors.Is(r.err, io.EOF) {
		failSpan(r.span, r.err)
	}
	return r.err
}

func (r *Reader) advance() error {
	if r.left == 0 {
		return io.EOF
	}
	if r.queue == nil {
		return ErrDamaged.Because(fmt.Errorf("the content ends %d bytes early", r.left))
	}
	f, ok := <-r.queue
	if !ok {
		if r.ctx.Err() != nil {
			return transferFault(r.ctx.Err())
		}
		return ErrDamaged.Because(fmt.Errorf("the content ends %d bytes early", r.left))
	}
	<-f.done
	if err := r.take(f); err != nil {
		return fmt.Errorf("reading content: %w", transferFault(err))
	}
	return nil
}

func (r *Reader) took(n int) {
	r.cur = r.cur[n:]
	r.left -= int64(n)
	r.moved.Add(int64(n))
	r.s.metrics.read.Add(r.ctx, int64(n))
}

// Read reads up to len(p) bytes.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.cur) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.cur)
	r.took(n)
	return n, nil
}

// WriteTo writes what is left to w, without a copy in between.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		if len(r.cur) == 0 {
			err := r.fill()
			if errors.Is(err, io.EOF) {
				return total, nil
			}
			if err != nil {
				return total, err
			}
		}
		n, err := w.Write(r.cur)
		r.took(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// Close ends the transfer. It may be called twice, and from another goroutine
// while a Read waits.
func (r *Reader) Close() error {
	r.cancel()
	r.wg.Wait()
	endSpan(r.span, r.moved.Load())
	return nil
}

// plan walks the chunks that a range covers.
type plan struct {
	s        *Store
	segments []SegmentRef
	off      int64 // of the range's next byte, from the start of segments[0]
	left     int64
	cache    bool

	whole  bool // the segment is read from start to end
	domain string
	keys   Domain
}

// next gives the next part and moves on.
func (p *plan) next(ctx context.Context) (part, error) {
	for len(p.segments) > 0 && p.off >= p.segments[0].Len {
		p.off -= p.segments[0].Len
		p.segments, p.whole = p.segments[1:], false
	}
	if len(p.segments) == 0 {
		return part{}, ErrDamaged.Because(fmt.Errorf("the manifest ends %d bytes early", p.left))
	}
	ref := p.segments[0]
	if p.keys == nil || p.domain != ref.Domain {
		d, err := p.s.cfg.Ring.Domain(ctx, ref.Domain)
		if err != nil {
			return part{}, fmt.Errorf("opening the keys of a domain: %w", err)
		}
		p.domain, p.keys = ref.Domain, d
	}
	pc, err := p.s.pieceAt(ctx, ref, p.off)
	if err != nil {
		return part{}, err
	}
	from := int(p.off - pc.at.offset)
	to := int(min(int64(pc.at.length), int64(from)+p.left))
	out := part{ref: ref, domain: p.keys, piece: pc, from: from, to: to}
	if p.off == 0 { // at its start we know whether all of a segment is wanted
		p.whole = p.left >= ref.Len
	}
	out.whole = p.whole
	p.off += int64(to - from)
	p.left -= int64(to - from)
	return out, nil
}

func (p *plan) fetch(ctx context.Context, pt part) ([]byte, error) {
	if !p.cache {
		return p.s.fetch(ctx, pt.domain, pt.ref, pt.piece)
	}
	c, err := p.s.load(ctx, chunkKey{pt.ref.Token, pt.piece.at.index}, func(ctx context.Context) (cached, error) {
		plain, err := p.s.fetch(ctx, pt.domain, pt.ref, pt.piece)
		return cached{plain: plain}, err
	})
	return c.plain, err
}

// pieceAt gives the chunk that has the byte at off of a segment.
func (s *Store) pieceAt(ctx context.Context, ref SegmentRef, off int64) (piece, error) {
	if ref.Chunks == 1 {
		if ref.Len < 1 || ref.Len > maxChunkSize {
			return piece{}, ErrDamaged.Because(fmt.Errorf("a chunk of %d bytes", ref.Len))
		}
		return piece{at: chunkAt{id: ref.ID, length: int(ref.Len), last: true}}, nil
	}
	rec, err := s.openRecord(ctx, ref)
	if err != nil {
		return piece{}, err
	}
	return rec.piece(int(off / int64(rec.chunkSize))), nil
}
