package blob

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Contents yields every manifest that counts: of committed versions, copies and
// parts. What is committed while it runs may be left out; what is deleted may be
// yielded. An error ends the iteration, and with it the collection.
type Contents func(ctx context.Context, yield func(Manifest) error) error

// CollectOptions tune a collection; zero values are the defaults.
type CollectOptions struct {
	Grace      time.Duration // between reading the records and the contents, for commits in flight; default 1 minute
	PurgeAfter time.Duration // between condemning a segment and removing its chunks, for reads in flight; default 1 hour
	DryRun     bool          // only count what would be done
}

// Report says what a collection met and did.
type Report struct {
	Contents   int64 `json:"contents"`   // manifests read
	Segments   int64 `json:"segments"`   // records met
	Leased     int64 `json:"leased"`     // records that a lease protects
	Condemned  int64 `json:"condemned"`  // segments condemned by this run
	Purged     int64 `json:"purged"`     // condemned segments whose chunks are gone now
	Orphans    int64 `json:"orphans"`    // sets of chunks without a record that are gone now
	Restored   int64 `json:"restored"`   // condemned segments that were referred to after all: never, or it is a bug
	FreedBytes int64 `json:"freedBytes"` // of purged segments, as stored
}

const (
	defaultGrace      = time.Minute
	defaultPurgeAfter = time.Hour
)

// candidate is a set of chunks that goes unless a content refers to it.
type candidate struct {
	store     string
	id        SegmentID // "" for chunks without a record
	seq       uint64    // of the record
	stored    int64
	condemned time.Time
}

// collection is one run. The order of its steps is what makes it safe; see
// README.md, Collector.
type collection struct {
	s    *Store
	o    CollectOptions
	hold *fence
	rep  Report
	// found is by token. Whatever scan does not strike out, nothing refers to.
	found map[string]candidate
}

// Collect removes what no content refers to. One collection runs at a time in a
// system: ErrBusy otherwise. A run that dies leaves nothing to repair. It keeps
// some 200 bytes of memory for every segment whose lease has run out.
func (s *Store) Collect(ctx context.Context, contents Contents, o CollectOptions) (Report, error) {
	o.Grace = orDefault(o.Grace, defaultGrace)
	o.PurgeAfter = orDefault(o.PurgeAfter, defaultPurgeAfter)
	hold, err := s.lockCollector(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("starting a collection: %w", transferFault(err))
	}
	c := &collection{s: s, o: o, hold: hold, found: map[string]candidate{}}
	err = c.run(ctx, contents)
	hold.release(ctx)
	if err != nil {
		return c.rep, fmt.Errorf("collecting: %w", transferFault(err))
	}
	return c.rep, nil
}

func (c *collection) run(ctx context.Context, contents Contents) error {
	stores, err := c.stores(ctx)
	if err != nil {
		return err
	}
	for _, store := range stores {
		if err := c.list(ctx, store); err != nil {
			return fmt.Errorf("listing object store %s: %w", store, err)
		}
	}
	if err := c.wait(ctx, c.o.Grace); err != nil {
		return err
	}
	if err := c.scan(ctx, contents); err != nil {
		return fmt.Errorf("reading contents: %w", err)
	}
	if err := c.spareRecorded(ctx); err != nil {
		return err
	}
	for _, token := range slices.Sorted(maps.Keys(c.found)) { // in an order that a test can repeat
		cand := c.found[token]
		if err := c.hold.keep(ctx); err != nil {
			return err
		}
		if err := c.remove(ctx, token, cand); err != nil {
			return fmt.Errorf("removing segment %.12s of %s: %w", cand.id, cand.store, err)
		}
	}
	return nil
}

// stores gives every store of every region, those that others added included.
func (c *collection) stores(ctx context.Context) ([]string, error) {
	var out []string
	for _, r := range c.s.cfg.Regions {
		l, err := readLayout(ctx, c.s.be.kv(), r.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, l.Stores...)
	}
	return out, nil
}

// list notes every set of chunks first and every record after, so that chunks
// whose record is missing had none when they were seen.
func (c *collection) list(ctx context.Context, store string) error {
	bare := map[string]bool{}
	prefix := chunkSubject(store, "")
	err := c.s.be.subjects(ctx, store, prefix+">", func(subject string) error {
		bare[strings.TrimPrefix(subject, prefix)] = true
		return nil
	})
	if err != nil {
		return err
	}
	err = c.records(ctx, store, func(r *record, seq uint64) error {
		delete(bare, r.token)
		c.rep.Segments++
		if r.condemned.IsZero() && c.s.cfg.Clock().Before(r.lease) {
			c.rep.Leased++
			delete(c.found, r.token) // met before its touch
			return nil
		}
		c.found[r.token] = candidate{store: store, id: r.id, seq: seq, stored: r.stored, condemned: r.condemned}
		return nil
	})
	if err != nil {
		return err
	}
	for _, token := range slices.Sorted(maps.Keys(bare)) {
		if err := c.noteBare(ctx, store, token); err != nil {
			return err
		}
	}
	return nil
}

// records walks through a store's records by the leader. One that is touched
// meanwhile moves to the end and is met once more.
func (c *collection) records(ctx context.Context, store string, each func(*record, uint64) error) error {
	all := "$O." + store + ".M.>"
	for seq := uint64(1); ; {
		if err := c.hold.keep(ctx); err != nil {
			return err
		}
		m, err := c.s.be.next(ctx, store, all, seq)
		if errors.Is(err, errNoMessage) {
			return nil
		}
		if err != nil {
			return err
		}
		seq = m.seq + 1
		rec, err := decodeRecord(m.data)
		if err != nil || rec.store != store {
			c.s.tel.Log.WarnContext(ctx, "a foreign object lies in an object store", "store", store, "subject", m.subject, "err", err)
			continue
		}
		if err := each(rec, m.seq); err != nil {
			return err
		}
	}
}

// noteBare makes chunks without a record a candidate when they are so old that
// no writer can be at them: writers give up after half a lease.
func (c *collection) noteBare(ctx context.Context, store, token string) error {
	m, err := c.s.be.last(ctx, store, chunkSubject(store, token), maxChunkSize, true)
	if errors.Is(err, errNoMessage) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.s.cfg.Clock().Sub(m.at) > c.s.cfg.Lease {
		c.found[token] = candidate{store: store}
	}
	return nil
}

// wait lets commits in flight end, keeping the lease.
func (c *collection) wait(ctx context.Context, d time.Duration) error {
	for d > 0 {
		step := min(d, fenceTTL/4)
		if err := c.s.pause(ctx, step); err != nil {
			return err
		}
		d -= step
		if err := c.hold.keep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// scan strikes out what contents refer to. A list that cannot be read ends the
// collection: it might refer to anything.
func (c *collection) scan(ctx context.Context, contents Contents) error {
	return contents(ctx, func(m Manifest) error {
		c.rep.Contents++
		refs, err := c.s.readList(ctx, m)
		if err != nil {
			return err
		}
		if err := c.strike(ctx, m.Indirect); err != nil {
			return err
		}
		if err := c.strike(ctx, refs); err != nil {
			return err
		}
		return c.hold.keep(ctx)
	})
}

func (c *collection) strike(ctx context.Context, refs []SegmentRef) error {
	for _, r := range refs {
		cand, ok := c.found[r.Token]
		if !ok {
			continue
		}
		delete(c.found, r.Token)
		if !cand.condemned.IsZero() {
			if err := c.restore(ctx, r, cand); err != nil {
				return err
			}
		}
	}
	return nil
}

// restore takes a condemnation back. It is a net: nothing is condemned that a
// content refers to, unless a manifest was committed long after its lease.
func (c *collection) restore(ctx context.Context, ref SegmentRef, cand candidate) error {
	rec, seq, err := c.s.readRecord(ctx, ref.Store, ref.ID, true)
	if err != nil || rec.token != ref.Token || rec.condemned.IsZero() {
		return nil //nolint:nilerr // it is another segment's by now
	}
	c.rep.Restored++
	c.s.tel.Log.ErrorContext(ctx, "a condemned segment is referred to; it is restored", "store", cand.store, "segment", cand.id)
	rec.condemned = time.Time{}
	rec.lease = c.s.cfg.Clock().Add(c.s.cfg.Lease)
	if err := c.s.putRecord(ctx, rec, seq); err != nil && !errors.Is(err, errStale) {
		return err
	}
	return nil
}

// spareRecorded looks once more for records of chunks that had none: one may
// have been on its way while they were listed.
func (c *collection) spareRecorded(ctx context.Context) error {
	bare := map[string]bool{}
	for _, cand := range c.found {
		if cand.id == "" {
			bare[cand.store] = true
		}
	}
	for _, store := range slices.Sorted(maps.Keys(bare)) {
		err := c.records(ctx, store, func(r *record, _ uint64) error {
			if c.found[r.token].store == store && c.found[r.token].id == "" {
				delete(c.found, r.token)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("listing object store %s: %w", store, err)
		}
	}
	return nil
}

// remove does what is due for something that nothing refers to.
func (c *collection) remove(ctx context.Context, token string, cand candidate) error {
	now := c.s.cfg.Clock()
	switch {
	case cand.id == "":
		c.rep.Orphans++
		return c.purgeChunks(ctx, cand.store, token)
	case cand.condemned.IsZero():
		return c.condemn(ctx, token, cand, now)
	case now.Sub(cand.condemned) >= c.o.PurgeAfter:
		c.rep.Purged++
		c.rep.FreedBytes += cand.stored
		if c.o.DryRun {
			return nil
		}
		c.s.metrics.freed.Add(ctx, cand.stored)
		// Chunks first: a record without chunks is still known to be condemned.
		if err := c.purgeChunks(ctx, cand.store, token); err != nil {
			return err
		}
		return c.s.be.purge(ctx, cand.store, recordSubject(cand.store, string(cand.id)), cand.seq+1)
	}
	return nil
}

func (c *collection) purgeChunks(ctx context.Context, store, token string) error {
	if c.o.DryRun {
		return nil
	}
	return c.s.be.purge(ctx, store, chunkSubject(store, token), 0)
}

// condemn marks a segment's record, provided that nobody wrote it since it was
// listed. From then on writers replace it instead of referring to it.
func (c *collection) condemn(ctx context.Context, token string, cand candidate, now time.Time) error {
	if c.o.DryRun {
		c.rep.Condemned++
		return nil
	}
	rec, seq, err := c.s.readRecord(ctx, cand.store, cand.id, true)
	if errors.Is(err, errNoMessage) || errors.Is(err, errRecord) {
		return nil
	}
	if err != nil {
		return err
	}
	if seq != cand.seq || rec.token != token {
		return nil
	}
	rec.condemned = now
	err = c.s.putRecord(ctx, rec, cand.seq)
	if errors.Is(err, errStale) {
		return nil
	}
	if err == nil {
		c.rep.Condemned++
		c.s.metrics.condemned.Add(ctx, 1)
	}
	return err
}
