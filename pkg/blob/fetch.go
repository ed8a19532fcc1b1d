package blob

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	// recordSize is about what a record takes on the wire.
	recordSize = 4 << 10
	// cachedLimit: reads of more than that pass the cache by, so that streams of
	// large contents do not flush what is read often.
	cachedLimit = 4 << 20
	// loadTimeout bounds a load that several readers wait for.
	loadTimeout = time.Minute
)

// piece is a chunk as a reader needs it.
type piece struct {
	at  chunkAt
	seq uint64 // 0: the only chunk, found by its subject
}

// piece gives the i-th chunk.
func (r *record) piece(i int) piece {
	off := int64(i) * int64(r.chunkSize)
	p := piece{at: chunkAt{
		id: r.id, offset: off, length: int(min(int64(r.chunkSize), r.length-off)), index: i, last: i == r.chunks-1,
	}}
	if r.chunks > 1 {
		p.seq = r.seqs[i]
	}
	return p
}

// chunkKey names a chunk, or with recordIndex a record, in the cache; with
// listIndex a list of segments by the tokens of its own. A token names bytes that
// never change.
type chunkKey struct {
	token string
	index int
}

const (
	recordIndex = -1
	listIndex   = -2
)

type cached struct {
	plain []byte
	rec   *record
	refs  []SegmentRef
}

func (c cached) weight() uint32 {
	if c.rec != nil {
		return uint32(512 + 8*len(c.rec.seqs))
	}
	// A reference is its fields and two strings of its own.
	return uint32(256 + cap(c.plain) + 208*len(c.refs))
}

func newCache(bytes int64) (*otter.Cache[chunkKey, cached], error) {
	if bytes < 0 {
		return nil, nil
	}
	return otter.New(&otter.Options[chunkKey, cached]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(_ chunkKey, c cached) uint32 { return c.weight() },
	})
}

// load gives what the cache has, or what get finds; readers of one key share one
// get.
func (s *Store) load(ctx context.Context, key chunkKey, get func(context.Context) (cached, error)) (cached, error) {
	if s.cache == nil {
		return get(ctx)
	}
	if c, ok := s.cache.GetIfPresent(key); ok {
		s.metrics.lookups.Add(ctx, 1, s.metrics.hit.Add...)
		return c, nil
	}
	s.metrics.lookups.Add(ctx, 1, s.metrics.miss.Add...)
	return s.cache.Get(ctx, key, otter.LoaderFunc[chunkKey, cached](func(ctx context.Context, _ chunkKey) (cached, error) {
		// Others may wait for this load: it does not end with its first caller.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return get(ctx)
	}))
}

// openRecord gives the record of a segment of several chunks.
func (s *Store) openRecord(ctx context.Context, ref SegmentRef) (*record, error) {
	c, err := s.load(ctx, chunkKey{ref.Token, recordIndex}, func(ctx context.Context) (cached, error) {
		rec, err := s.recordOf(ctx, ref, false)
		if errors.Is(err, ErrDamaged) { // a replica may lag
			rec, err = s.recordOf(ctx, ref, true)
		}
		return cached{rec: rec}, err
	})
	return c.rec, err
}

func (s *Store) recordOf(ctx context.Context, ref SegmentRef, leader bool) (*record, error) {
	rec, _, err := s.readRecord(ctx, ref.Store, ref.ID, leader)
	switch {
	case errors.Is(err, errNoMessage), errors.Is(err, errRecord):
		return nil, ErrDamaged.Because(fmt.Errorf("record of segment %.12s in %s: %w", ref.ID, ref.Store, err))
	case err != nil:
		return nil, err
	case rec.token != ref.Token || rec.length != ref.Len || rec.chunks != ref.Chunks || rec.domain != ref.Domain:
		return nil, ErrDamaged.Because(fmt.Errorf("record of segment %.12s in %s is not the one referred to", ref.ID, ref.Store))
	}
	return rec, nil
}

// fetch reads and opens one chunk. What cannot be had or opened, of the leader
// neither, is ErrDamaged.
func (s *Store) fetch(ctx context.Context, d Domain, ref SegmentRef, p piece) ([]byte, error) {
	plain, err := s.fetchFrom(ctx, d, ref, p, false)
	if errors.Is(err, errNoMessage) || errors.Is(err, errChunk) {
		plain, err = s.fetchFrom(ctx, d, ref, p, true)
	}
	if errors.Is(err, errNoMessage) || errors.Is(err, errChunk) {
		s.metrics.damaged.Add(ctx, 1)
		s.tel.Log.ErrorContext(ctx, "stored content is damaged", "store", ref.Store, "segment", ref.ID, "token", ref.Token, "chunk", p.at.index, "err", err)
		return nil, ErrDamaged.Because(err)
	}
	return plain, err
}

func (s *Store) fetchFrom(ctx context.Context, d Domain, ref SegmentRef, p piece, leader bool) ([]byte, error) {
	subject := chunkSubject(ref.Store, ref.Token)
	size := int64(p.at.length + chunkOverhead)
	var m message
	var err error
	if p.seq == 0 {
		m, err = s.be.last(ctx, ref.Store, subject, size, leader)
	} else {
		m, err = s.be.bySeq(ctx, ref.Store, p.seq, size, leader)
	}
	if err != nil {
		return nil, err
	}
	if m.subject != subject {
		return nil, fmt.Errorf("%w: another message is at its place", errChunk)
	}
	plain, err := s.packer.open(ctx, d, p.at, m.data)
	if err == nil && p.at.index == 0 && p.at.last && s.hashers.segmentID(d, plain) != p.at.id {
		return nil, fmt.Errorf("%w: it is not what the segment's id says", errChunk)
	}
	return plain, err
}

// transferFault makes of any error one that callers may see.
func transferFault(err error) error {
	var fe *fault.Error
	if err == nil || errors.As(err, &fe) {
		return err
	}
	return fault.From(err)
}
