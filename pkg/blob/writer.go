package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

const (
	// aheadBytes bounds the plain bytes of all writers' segments beyond the one
	// that each may always have.
	aheadBytes = 256 << 20
	// storing is how many segments of one Writer are stored at a time, while the
	// next one fills.
	storing = 2
	// From here on a content's segments are larger, so that lists of segments stay
	// short: 2^16 segments reach beyond 1 TiB.
	doubleFrom = int64(8) << 30
	quadFrom   = int64(64) << 30
	// hashQueue is how many chunks may wait for the content's digests.
	hashQueue = 8
	// inlineHash: contents up to that are hashed without a goroutine.
	inlineHash = 64 << 10
)

// WriteOptions say how a content is written.
type WriteOptions struct {
	Domain   string      // key domain: whose keys seal it, and with what it may share segments
	Region   string      // "" is the first of Config.Regions
	Digests  []Algorithm // beyond SHA256 and CRC64NVME, which are always computed
	Compress bool        // try zstd per chunk; leave it off for media and archives
	MaxSize  int64       // bytes; more makes Write fail with ErrTooLarge; 0: no bound
	SizeHint int64       // expected bytes, so that a small content takes a small buffer; 0: unknown
}

// Content is what a Writer made.
type Content struct {
	Manifest   Manifest
	Digests    map[Algorithm][]byte // of the whole content, big-endian
	Compressed bool                 // at least one chunk is stored compressed
	Deduped    int64                // plain bytes that were there before
}

// Writer takes the bytes of one content. It is for one goroutine; Abort may
// come from another.
type Writer struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelCauseFunc
	o      WriteOptions
	region string
	domain Domain

	size   int64
	cur    *segment
	placed []*placed // in order; filled by the goroutines that store
	slots  chan struct{}
	wg     sync.WaitGroup

	digests *digester
	hashes  chan hashJob // nil until the first chunk is full
	hashed  chan struct{}
	ended   atomic.Bool
	span    trace.Span
}

type hashJob struct {
	seg   *segment
	block []byte
}

// NewWriter starts a content. ctx holds for the whole transfer; the Writer must
// be finished or aborted.
func (s *Store) NewWriter(ctx context.Context, o WriteOptions) (*Writer, error) {
	region := o.Region
	if region == "" {
		region = s.cfg.Regions[0].Name
	}
	if s.layouts[region] == nil {
		return nil, ErrRegion.Msgf("there is no region %q", region)
	}
	if o.MaxSize > 0 && o.SizeHint > o.MaxSize {
		return nil, ErrTooLarge.Msgf("at most %d bytes are allowed", o.MaxSize)
	}
	digests, err := newDigester(o.Digests)
	if err != nil {
		return nil, err
	}
	domain, err := s.cfg.Ring.Domain(ctx, o.Domain)
	if err != nil {
		return nil, fmt.Errorf("opening the keys of a domain: %w", transferFault(err))
	}
	w := &Writer{s: s, o: o, region: region, domain: domain, digests: digests, slots: make(chan struct{}, storing)}
	ctx, w.span = s.span(ctx, "blob write")
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return w, nil
}

// Size is how many bytes the Writer has taken.
func (w *Writer) Size() int64 { return w.size }

// Write takes p; it does not keep it.
func (w *Writer) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		room, err := w.room()
		if err != nil {
			return total, err
		}
		n := copy(room, p)
		p, total = p[n:], total+n
		if err := w.took(n); err != nil {
			return total, err
		}
	}
	return total, nil
}

// ReadFrom takes everything from r, without a copy in between.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	for empty := 0; empty < 100; {
		room, err := w.room()
		if err != nil {
			return total, err
		}
		n, err := r.Read(room)
		if n < 0 || n > len(room) {
			return total, errors.New("blob: the reader gave an impossible count")
		}
		total += int64(n)
		if n > 0 {
			empty = 0
			if werr := w.took(n); werr != nil {
				return total, werr
			}
		} else {
			empty++
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
	return total, io.ErrNoProgress
}

// room gives where the next bytes go.
func (w *Writer) room() ([]byte, error) {
	if w.ended.Load() {
		return nil, ErrClosed
	}
	if w.ctx.Err() != nil {
		return nil, w.failure()
	}
	if w.cur == nil {
		w.cur = newSegment(w.s.plain)
	}
	return w.cur.room(w.o.SizeHint - w.size), nil
}

// took counts n bytes that were put into room, and passes on what is complete.
func (w *Writer) took(n int) error {
	w.size += int64(n)
	if w.o.MaxSize > 0 && w.size > w.o.MaxSize {
		err := ErrTooLarge.Msgf("at most %d bytes are allowed", w.o.MaxSize)
		w.cancel(err)
		return err
	}
	if full := w.cur.grow(n); full != nil {
		if err := w.hash(w.cur, full); err != nil {
			return err
		}
	}
	if w.cur.length < w.s.segmentSize(w.size-w.cur.length) {
		return nil
	}
	seg := w.cur
	w.cur = nil
	return w.dispatch(seg)
}

// segmentSize is how long the segment that starts at off becomes.
func (s *Store) segmentSize(off int64) int64 {
	switch {
	case off >= quadFrom:
		return 4 * s.cfg.SegmentSize
	case off >= doubleFrom:
		return 2 * s.cfg.SegmentSize
	}
	return s.cfg.SegmentSize
}

// hash passes a complete block to the content's digests.
func (w *Writer) hash(seg *segment, block []byte) error {
	if w.hashes == nil {
		w.hashes, w.hashed = make(chan hashJob, hashQueue), make(chan struct{})
		go func() {
			defer close(w.hashed)
			for j := range w.hashes {
				w.digests.write(j.block)
				j.seg.release()
			}
		}()
	}
	seg.retain()
	select {
	case w.hashes <- hashJob{seg, block}:
		return nil
	case <-w.ctx.Done():
		seg.release()
		return w.failure()
	}
}

// dispatch stores a segment while the caller goes on, waiting for its turn and,
// when all writers together hold much, for one of its own to be done.
func (w *Writer) dispatch(seg *segment) error {
	select {
	case w.slots <- struct{}{}:
	case <-w.ctx.Done():
		seg.release()
		return w.failure()
	}
	p := new(placed)
	w.placed = append(w.placed, p)
	extra := w.s.ahead.TryAcquire(seg.length)
	length := seg.length
	done := make(chan struct{})
	w.wg.Add(1)
	go func() {
		defer w.wg.Done()
		defer close(done)
		defer func() { <-w.slots }()
		if extra {
			defer w.s.ahead.Release(length)
		}
		w.store(seg, p)
	}()
	if !extra {
		<-done
	}
	return nil
}

// store puts the segment and gives its blocks back.
func (w *Writer) store(seg *segment, p *placed) {
	defer seg.release()
	out, err := w.s.putSegment(w.ctx, segmentJob{
		blocks: seg.blocks, length: seg.length, domain: w.domain, name: w.o.Domain,
		layout: w.s.layouts[w.region], compress: w.o.Compress,
	})
	if err != nil {
		w.cancel(err)
		return
	}
	*p = out
}

// failure is why the transfer ended.
func (w *Writer) failure() error { return transferFault(context.Cause(w.ctx)) }

// Finish waits until everything is acknowledged and gives the manifest. The
// content is safe from the collector for at least half of Config.Lease: commit
// it within that time, or Touch it before. ctx bounds the waiting.
func (w *Writer) Finish(ctx context.Context) (_ Content, err error) {
	if w.ended.Swap(true) {
		return Content{}, ErrClosed
	}
	defer func() {
		failSpan(w.span, err)
		endSpan(w.span, w.size)
	}()
	stop := context.AfterFunc(ctx, func() { w.cancel(context.Cause(ctx)) })
	defer stop()
	defer w.cancel(ErrClosed)
	w.last()
	w.wg.Wait()
	w.endHashes()
	if w.ctx.Err() != nil {
		return Content{}, fmt.Errorf("writing content: %w", w.failure())
	}
	c, err := w.content()
	if err != nil {
		return Content{}, fmt.Errorf("writing content: %w", transferFault(err))
	}
	return c, nil
}

// last stores what the last segment has and hashes its last block beside it.
func (w *Writer) last() {
	seg := w.cur
	w.cur = nil
	if seg == nil {
		return
	}
	if seg.length == 0 || w.ctx.Err() != nil {
		seg.release()
		return
	}
	if n := len(seg.blocks) - 1; len(seg.blocks[n]) < seg.pool.size {
		if w.hashes == nil && len(seg.blocks[n]) <= inlineHash {
			w.digests.write(seg.blocks[n])
		} else if err := w.hash(seg, seg.blocks[n]); err != nil {
			seg.release()
			return
		}
	}
	p := new(placed)
	w.placed = append(w.placed, p)
	w.store(seg, p)
}

func (w *Writer) endHashes() {
	if w.hashes != nil {
		close(w.hashes)
		<-w.hashed
		w.hashes = nil
	}
}

func (w *Writer) content() (Content, error) {
	c := Content{Digests: w.digests.sums(), Manifest: Manifest{Size: w.size, Region: w.region, Domain: w.o.Domain}}
	refs := make([]SegmentRef, len(w.placed))
	oldest := w.s.cfg.Clock()
	for i, p := range w.placed {
		refs[i] = p.ref
		c.Manifest.Stored += p.ref.Stored
		c.Compressed = c.Compressed || p.packed
		if p.known {
			c.Deduped += p.ref.Len
		}
		if p.touched.Before(oldest) {
			oldest = p.touched
		}
	}
	inline, err := fitsInline(refs)
	if err != nil {
		return Content{}, err
	}
	c.Manifest.Segments = refs
	if !inline {
		list, err := encodeList(refs)
		if err != nil {
			return Content{}, err
		}
		j := segmentJob{domain: w.domain, name: w.o.Domain, layout: w.s.layouts[w.region]}
		if c.Manifest.Indirect, err = w.s.putList(w.ctx, j, list); err != nil {
			return Content{}, err
		}
		c.Manifest.Segments = nil
	}
	if w.s.cfg.Clock().Sub(oldest) > w.s.cfg.Lease/4 {
		return c, w.s.touchAll(w.ctx, append(refs, c.Manifest.Indirect...))
	}
	return c, nil
}

// putList stores an encoded list of segments as segments of j's kind.
func (s *Store) putList(ctx context.Context, j segmentJob, list []byte) ([]SegmentRef, error) {
	var out []SegmentRef
	for len(list) > 0 {
		seg := list[:min(int64(len(list)), s.cfg.SegmentSize)]
		list = list[len(seg):]
		j.length, j.blocks = int64(len(seg)), nil
		for len(seg) > 0 {
			block := seg[:min(len(seg), s.cfg.ChunkSize)]
			seg = seg[len(block):]
			j.blocks = append(j.blocks, block)
		}
		p, err := s.putSegment(ctx, j)
		if err != nil {
			return nil, fmt.Errorf("storing the list of segments: %w", err)
		}
		out = append(out, p.ref)
	}
	return out, nil
}

// Abort gives up. What was stored already is left to the collector. It does
// nothing after Finish.
func (w *Writer) Abort() {
	if w.ended.Swap(true) {
		return
	}
	defer w.span.End() // without the bytes, which a Write elsewhere may still count
	w.cancel(ErrClosed)
	w.wg.Wait()
	w.endHashes()
	if w.cur != nil {
		w.cur.release()
		w.cur = nil
	}
}

var _ interface {
	io.Writer
	io.ReaderFrom
} = (*Writer)(nil)

var _ interface {
	io.ReadCloser
	io.WriterTo
} = (*Reader)(nil)
