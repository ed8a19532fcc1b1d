package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/nats-io/nuid"

	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	// segmentTries bounds how often one segment is written: races for its record
	// and a server that is away for a moment are both over by then.
	segmentTries = 8
	retryPause   = 100 * time.Millisecond
	// window is how many chunks of one segment are under way.
	window = 8
	// purgeWithin bounds the clearing up after a failed segment.
	purgeWithin = 5 * time.Second
)

// placed is a segment that is stored and leased.
type placed struct {
	ref     SegmentRef
	touched time.Time // since then its lease runs
	known   bool      // it was there before
	packed  bool
}

// segmentJob is a segment to be stored.
type segmentJob struct {
	blocks   [][]byte
	length   int64
	domain   Domain
	name     string // of the domain
	layout   *layout
	compress bool
}

// putSegment stores a segment, or takes the one that is there. What it returns
// had at least three quarters of a lease left when it was looked at.
func (s *Store) putSegment(ctx context.Context, j segmentJob) (placed, error) {
	id := s.hashers.segmentID(j.domain, j.blocks...)
	store, err := j.layout.storeFor(id)
	if err != nil {
		return placed{}, err
	}
	for try := range segmentTries {
		var p placed
		p, err = s.tryPut(ctx, j, id, store, try > 0)
		if err == nil {
			s.metrics.wrote(ctx, p.ref, p.known)
			return p, nil
		}
		stale := errors.Is(err, errStale)
		if ctx.Err() != nil || !stale && fault.KindOf(err) != fault.Unavailable {
			break
		}
		s.metrics.retries.Add(ctx, 1)
		if !stale { // who lost a race reads the winner's record at once
			if werr := s.pause(ctx, time.Duration(try+1)*retryPause); werr != nil {
				break
			}
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if errors.Is(err, errStale) {
		err = ErrUnavailable.Because(err)
	}
	return placed{}, fmt.Errorf("storing segment %.12s in %s: %w", id, store, err)
}

func (s *Store) tryPut(ctx context.Context, j segmentJob, id SegmentID, store string, leader bool) (placed, error) {
	rec, seq, err := s.readRecord(ctx, store, id, leader)
	switch {
	case err == nil && s.mayShare(ctx, j, rec):
		if rec, err = s.renew(ctx, rec, seq); err != nil {
			return placed{}, err
		}
		return placed{ref: rec.ref(), touched: rec.lease.Add(-s.cfg.Lease), known: true, packed: rec.packed}, nil
	case err == nil, errors.Is(err, errRecord): // condemned, broken, or another's: replaced at that sequence
	case errors.Is(err, errNoMessage):
		seq = 0
	default:
		return placed{}, err
	}
	return s.writeSegment(ctx, j, id, store, seq)
}

// readRecord gives a segment's record and its sequence. With errRecord the
// sequence holds, so that a record beyond reading can be replaced.
func (s *Store) readRecord(ctx context.Context, store string, id SegmentID, leader bool) (*record, uint64, error) {
	m, err := s.be.last(ctx, store, recordSubject(store, string(id)), recordSize, leader)
	if err != nil {
		return nil, 0, err
	}
	rec, err := decodeRecord(m.data)
	if err == nil && (rec.id != id || rec.store != store) {
		err = fmt.Errorf("%w: it is of %s in %s", errRecord, rec.id, rec.store)
	}
	return rec, m.seq, err
}

// mayShare reports whether a new content may refer to the recorded segment. A
// record of one chunk was sent along with it and proves nothing, so the chunk is
// read back; that of more chunks was sent after they were stored.
func (s *Store) mayShare(ctx context.Context, j segmentJob, rec *record) bool {
	if !rec.condemned.IsZero() || rec.domain != j.name || rec.length != j.length {
		return false
	}
	if rec.chunks > 1 {
		return true
	}
	plain, err := s.fetch(ctx, j.domain, rec.ref(), rec.piece(0))
	return err == nil && len(j.blocks) == 1 && bytes.Equal(plain, j.blocks[0])
}

// renew gives the record a full lease when less than three quarters of one are
// left. errStale means that another write came first.
func (s *Store) renew(ctx context.Context, rec *record, seq uint64) (*record, error) {
	now := s.cfg.Clock()
	if rec.lease.Sub(now) >= s.cfg.Lease*3/4 {
		return rec, nil
	}
	fresh := *rec
	fresh.lease = now.Add(s.cfg.Lease)
	return &fresh, s.putRecord(ctx, &fresh, seq)
}

// putRecord publishes the record as its subject's only message, provided that
// the last one has that sequence.
func (s *Store) putRecord(ctx context.Context, rec *record, seq uint64) error {
	data, err := rec.encode()
	if err != nil {
		return fmt.Errorf("encoding a record: %w", err)
	}
	_, err = s.be.publish(ctx, rec.store, recordSubject(rec.store, string(rec.id)), data, &seq).wait(ctx)
	return err
}

// sending is a sealed chunk under way.
type sending struct {
	buf  []byte
	size int64
	ack  pending
}

// segmentWrite is one attempt to write a segment under its own token.
type segmentWrite struct {
	s      *Store
	j      segmentJob
	rec    record
	digest hash.Hash // of the sealed bytes; nil: not wanted
	out    []sending
	began  time.Time
	sent   bool // the record: from then on only a refusal proves that nobody can have met it
}

// writeSegment writes chunks and then the record, which must still be at seq.
// Whatever fails, the chunks are purged, or left to the collector.
func (s *Store) writeSegment(ctx context.Context, j segmentJob, id SegmentID, store string, seq uint64) (placed, error) {
	now := s.cfg.Clock()
	w := &segmentWrite{s: s, j: j, began: now, rec: record{
		id: id, store: store, token: nuid.Next(), domain: j.name, length: j.length,
		chunkSize: s.cfg.ChunkSize, chunks: len(j.blocks), lease: now.Add(s.cfg.Lease),
	}}
	if !s.cfg.NoStockDigest {
		w.digest = sha256.New()
	}
	if err := w.chunks(ctx); err != nil {
		w.undo(ctx)
		return placed{}, err
	}
	if err := w.finish(ctx, seq); err != nil {
		if !w.sent || refused(err) {
			w.undo(ctx)
		}
		return placed{}, err
	}
	return placed{ref: w.rec.ref(), touched: now, packed: w.rec.packed}, nil
}

// chunks seals and sends every chunk; the last window of them is still under way
// when it returns.
func (w *segmentWrite) chunks(ctx context.Context) error {
	for i, plain := range w.j.blocks {
		if len(w.out) == window {
			if err := w.settle(ctx); err != nil {
				return err
			}
		}
		if err := w.send(ctx, i, plain); err != nil {
			return err
		}
	}
	return nil
}

func (w *segmentWrite) send(ctx context.Context, i int, plain []byte) error {
	size := int64(len(plain) + chunkOverhead)
	if err := w.s.inFlight.Acquire(ctx, size); err != nil {
		return err
	}
	buf := w.s.sealed.get(len(plain) + chunkOverhead)
	var scratch []byte
	if w.j.compress {
		scratch = w.s.sealed.get(len(plain) + chunkOverhead)
		defer w.s.sealed.put(scratch)
	}
	at := chunkAt{id: w.rec.id, offset: int64(i) * int64(w.rec.chunkSize), length: len(plain), index: i, last: i == len(w.j.blocks)-1}
	sealed, packed, err := w.s.packer.seal(buf, scratch, w.j.domain, at, plain, w.j.compress)
	if err != nil {
		w.s.inFlight.Release(size)
		w.s.sealed.put(buf)
		return fmt.Errorf("sealing a chunk: %w", err)
	}
	w.rec.packed = w.rec.packed || packed
	w.rec.stored += int64(len(sealed))
	ack := w.s.be.publish(ctx, w.rec.store, chunkSubject(w.rec.store, w.rec.token), sealed, nil)
	w.out = append(w.out, sending{buf: sealed, size: size, ack: ack})
	if w.digest != nil {
		_, _ = w.digest.Write(sealed)
	}
	return nil
}

// settle waits for the oldest chunk under way.
func (w *segmentWrite) settle(ctx context.Context) error {
	c := w.out[0]
	w.out = w.out[1:]
	seq, err := c.ack.wait(ctx)
	w.s.inFlight.Release(c.size)
	if err == nil { // a buffer whose message may still be sent again is not reused
		w.s.sealed.put(c.buf)
		w.rec.seqs = append(w.rec.seqs, seq)
	}
	return err
}

// finish publishes the record: with a single chunk right behind it, to save a
// round trip, else when every chunk is acknowledged.
func (w *segmentWrite) finish(ctx context.Context, seq uint64) error {
	if w.digest != nil {
		w.rec.digest = "SHA-256=" + base64.URLEncoding.EncodeToString(w.digest.Sum(nil))
	}
	for len(w.j.blocks) > 1 && len(w.out) > 0 {
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	if w.s.cfg.Clock().Sub(w.began) > w.s.cfg.Lease/2 { // the collector may take the chunks for a crashed writer's
		return ErrExpired
	}
	if len(w.j.blocks) == 1 {
		return w.finishOne(ctx, seq)
	}
	w.sent = true
	return w.s.putRecord(ctx, &w.rec, seq)
}

// finishOne sends the record behind the only chunk.
func (w *segmentWrite) finishOne(ctx context.Context, seq uint64) error {
	data, err := w.rec.encode()
	if err != nil {
		return fmt.Errorf("encoding a record: %w", err)
	}
	w.sent = true
	subject := recordSubject(w.rec.store, string(w.rec.id))
	ack := w.s.be.publish(ctx, w.rec.store, subject, data, &seq)
	chunkErr := w.settle(ctx)
	w.rec.seqs = nil // the chunk is found by its subject
	at, err := ack.wait(ctx)
	if chunkErr == nil {
		return err
	}
	if err == nil && refused(chunkErr) { // a record without its chunk is of no use, and mayShare sees through it
		clear, cancel := context.WithTimeout(context.WithoutCancel(ctx), purgeWithin)
		defer cancel()
		_ = w.s.be.purge(clear, w.rec.store, subject, at+1)
	}
	return chunkErr
}

// undo waits for what is under way and purges the chunks. The collector does it
// when this fails.
func (w *segmentWrite) undo(ctx context.Context) {
	clear, cancel := context.WithTimeout(context.WithoutCancel(ctx), purgeWithin)
	defer cancel()
	for len(w.out) > 0 {
		_ = w.settle(clear)
	}
	_ = w.s.be.purge(clear, w.rec.store, chunkSubject(w.rec.store, w.rec.token), 0)
}
