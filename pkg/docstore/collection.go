package docstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// Collection holds documents of type T, a struct (or map) that BSON can encode.
// Methods are safe for concurrent use. Times are kept in milliseconds.
type Collection[T any] struct {
	spec  Spec
	table Table
	turns turns
}

// Doc is a document as it was read or written.
type Doc[T any] struct {
	ID      string
	Rev     int64 // 1 after the first write; each write adds one, clearing events does not
	Value   T
	Pending []Message // events not yet published, oldest first
}

// DeleteOptions refine Delete.
type DeleteOptions struct {
	IfRev  int64     // when not 0: ErrStale unless the document is at this revision
	Events []Message // told of by the deletion; a tombstone keeps them until they are published
}

// Open opens a collection and brings its indexes in line with spec; see DB.Table.
func Open[T any](ctx context.Context, db DB, spec Spec) (*Collection[T], error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	t, err := db.Table(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("opening collection %s: %w", spec.Name, err)
	}
	return &Collection[T]{spec: spec, table: t}, nil
}

// Get reads a document. ErrNotFound.
func (c *Collection[T]) Get(ctx context.Context, id string) (Doc[T], error) {
	if err := checkID(id); err != nil {
		return Doc[T]{}, err
	}
	raw, err := c.table.Get(ctx, id)
	if err != nil {
		return Doc[T]{}, c.wrap("reading", err)
	}
	return c.decode(raw)
}

// Insert writes a new document at revision 1 (or, while a tombstone of the same
// id waits to be published, at the revision after it, keeping its events in
// front). ErrExists when the id is taken, ErrDuplicate when a unique index is.
func (c *Collection[T]) Insert(ctx context.Context, id string, v T, events ...Message) (Doc[T], error) {
	raw, events, err := c.prepare(id, v, events)
	if err != nil {
		return Doc[T]{}, err
	}
	r, err := c.table.Insert(ctx, id, raw, events)
	if err != nil {
		return Doc[T]{}, c.wrap("inserting into", err)
	}
	return Doc[T]{ID: id, Rev: r.Rev, Value: v, Pending: r.Pending}, nil
}

// Replace writes d.Value if the document is still at d.Rev; it tries once.
// ErrNotFound, ErrStale, ErrDuplicate.
func (c *Collection[T]) Replace(ctx context.Context, d Doc[T], events ...Message) (Doc[T], error) {
	raw, events, err := c.prepare(d.ID, d.Value, events)
	if err != nil {
		return Doc[T]{}, err
	}
	r, err := c.table.Replace(ctx, d.ID, d.Rev, raw, events)
	if err != nil {
		return Doc[T]{}, c.wrap("replacing in", err)
	}
	return Doc[T]{ID: d.ID, Rev: r.Rev, Value: d.Value, Pending: r.Pending}, nil
}

// Update reads the document, lets change alter the value, and writes it by
// compare-and-set, again from the start when another writer was faster. change
// may run several times and must have no effect beside the value. An error of
// change is returned as it is and nothing is written; Unchanged writes nothing
// and returns the document. ErrNotFound, ErrDuplicate, ErrContention when the
// bounded retries are used up.
func (c *Collection[T]) Update(ctx context.Context, id string, change func(v *T) ([]Message, error)) (Doc[T], error) {
	return c.UpdateDoc(ctx, id, func(d *Doc[T]) ([]Message, error) { return change(&d.Value) })
}

// UpdateDoc is Update for a change that needs more than the value: d.Rev is the
// revision that was read, so the write gets d.Rev+1. Only d.Value is written.
func (c *Collection[T]) UpdateDoc(ctx context.Context, id string, change func(d *Doc[T]) ([]Message, error)) (Doc[T], error) {
	return c.cas(ctx, id, func(d *Doc[T], exists bool) ([]Message, error) {
		if !exists {
			return nil, c.wrap("updating in", ErrNotFound)
		}
		return change(d)
	})
}

// Upsert is Update that also creates: when there is no document, exists is false
// and v is a zero value that is inserted after change.
func (c *Collection[T]) Upsert(ctx context.Context, id string, change func(v *T, exists bool) ([]Message, error)) (Doc[T], error) {
	return c.cas(ctx, id, func(d *Doc[T], exists bool) ([]Message, error) { return change(&d.Value, exists) })
}

// Attempts of a compare-and-set loop, and the longest pause between two.
const (
	casAttempts = 64
	casPause    = 20 * time.Millisecond
)

// cas is the loop behind Update and Upsert. Writers of this process that lost
// once take turns, so that a crowd on one document does not waste its attempts.
func (c *Collection[T]) cas(ctx context.Context, id string, change func(d *Doc[T], exists bool) ([]Message, error)) (Doc[T], error) {
	if err := checkID(id); err != nil {
		return Doc[T]{}, err
	}
	for attempt := range casAttempts {
		leave := func() {}
		if attempt > 0 {
			leave = c.turns.enter(ctx, id)
		}
		d, err := c.casOnce(ctx, id, change)
		leave()
		if !errors.Is(err, errLost) {
			return d, err
		}
		if err := pause(ctx, attempt); err != nil {
			return Doc[T]{}, c.wrap("waiting to write in", err)
		}
	}
	return Doc[T]{}, c.wrap("updating in", ErrContention)
}

// errLost says that another writer was faster. It never leaves the package.
var errLost = errors.New("lost the race")

func (c *Collection[T]) casOnce(ctx context.Context, id string, change func(d *Doc[T], exists bool) ([]Message, error)) (Doc[T], error) {
	d, err := c.Get(ctx, id)
	exists := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Doc[T]{}, err
	}
	d.ID = id
	rev, pending := d.Rev, d.Pending
	events, err := change(&d, exists)
	if errors.Is(err, Unchanged) {
		// The closure may have altered its copy: give what is stored.
		if !exists {
			return Doc[T]{}, c.wrap("reading", ErrNotFound)
		}
		return c.Get(ctx, id)
	}
	if err != nil {
		return Doc[T]{}, err
	}
	if !exists {
		d, err = c.Insert(ctx, id, d.Value, events...)
		if errors.Is(err, ErrExists) {
			return d, errLost
		}
		return d, err
	}
	d, err = c.Replace(ctx, Doc[T]{ID: id, Rev: rev, Value: d.Value, Pending: pending}, events...)
	if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
		return d, errLost
	}
	return d, err
}

// pause waits a little longer after each lost race; the first retry is at once.
func pause(ctx context.Context, attempt int) error {
	if attempt < 2 {
		return ctx.Err()
	}
	limit := min(casPause, time.Millisecond<<min(attempt-2, 10))
	t := time.NewTimer(time.Duration(rand.Int64N(int64(limit))))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Modify applies a guarded update in one statement and returns the document
// after it. ErrNotFound, ErrGuard when a condition does not hold, ErrStale for
// IfRev, ErrDuplicate, ErrInvalid when a field is of the wrong type for a change.
func (c *Collection[T]) Modify(ctx context.Context, id string, m Mod) (Doc[T], error) {
	raw, err := c.modify(ctx, id, m)
	if err != nil {
		return Doc[T]{}, err
	}
	return c.decode(raw)
}

func (c *Collection[T]) modify(ctx context.Context, id string, m Mod) (Raw, error) {
	if err := checkID(id); err != nil {
		return Raw{}, err
	}
	ch, err := m.compile()
	if err != nil {
		return Raw{}, err
	}
	if ch.Initial != nil {
		if err := c.indexable(ch.Initial); err != nil {
			return Raw{}, err
		}
	}
	for _, ix := range c.spec.Indexes {
		if err := rawdoc.CheckEdits(ch.Edits, ix.Fields); err != nil {
			return Raw{}, ErrInvalid.Msgf("a changed field cannot be part of index %s", ix.Name).Because(err)
		}
	}
	events, err := stamp(m.Events)
	if err != nil {
		return Raw{}, err
	}
	raw, err := c.table.Modify(ctx, id, ch, events)
	if err != nil {
		return Raw{}, c.wrap("modifying in", err)
	}
	return raw, nil
}

// Increment adds n to an integer field in one statement and returns the sum; an
// absent field counts as 0. ErrNotFound when there is no document.
func (c *Collection[T]) Increment(ctx context.Context, id, field string, n int64) (int64, error) {
	raw, err := c.modify(ctx, id, Mod{Inc: map[string]int64{field: n}})
	if err != nil {
		return 0, err
	}
	v, _ := rawdoc.Lookup(raw.Value, field)
	sum, _ := v.AsInt64OK()
	return sum, nil
}

// Delete removes a document. With events, or while older ones wait, a tombstone
// that no read sees keeps them until they are published. ErrNotFound, ErrStale.
func (c *Collection[T]) Delete(ctx context.Context, id string, opts DeleteOptions) error {
	if err := checkID(id); err != nil {
		return err
	}
	events, err := stamp(opts.Events)
	if err != nil {
		return err
	}
	opts.Events = events
	if err := c.table.Delete(ctx, id, opts); err != nil {
		return c.wrap("deleting from", err)
	}
	return nil
}

// Scan returns one page of the documents that q selects, in the order of its
// index. The cost is proportional to the page, wherever it lies.
func (c *Collection[T]) Scan(ctx context.Context, q Query) (Page[T], error) {
	rq, err := q.compile(c.spec)
	if err != nil {
		return Page[T]{}, err
	}
	raw, err := c.table.Scan(ctx, rq)
	if err != nil {
		return Page[T]{}, c.wrap("scanning", err)
	}
	p := Page[T]{Docs: make([]Doc[T], len(raw.Docs))}
	for i, r := range raw.Docs {
		if p.Docs[i], err = c.decode(r); err != nil {
			return Page[T]{}, err
		}
	}
	if raw.More && len(raw.Docs) > 0 {
		if p.Next, err = nextKey(rq, raw.Docs[len(raw.Docs)-1]); err != nil {
			return Page[T]{}, err
		}
	}
	return p, nil
}

// ResumeKey gives the Query.After that makes q go on behind the place of a
// document with these values of all fields of q's index (none when q scans by id)
// and this id, in q's direction; no such document need be there. A nil value stands
// for an absent field. Values and id may come from outside: ErrInvalid for values
// that no document of the index can have.
func (c *Collection[T]) ResumeKey(q Query, values []any, id string) (string, error) {
	q.After = ""
	rq, err := q.compile(c.spec)
	if err != nil {
		return "", err
	}
	if err := checkID(id); err != nil {
		return "", err
	}
	if len(values) != len(rq.Fields) {
		return "", ErrInvalid.Msgf("index %q has %d fields, not %d", q.Index, len(rq.Fields), len(values))
	}
	var key []byte
	for i, v := range values {
		rv, err := encodeKey(v)
		if err != nil {
			return "", err
		}
		if i == 0 && rawdoc.IsNull(rv) {
			return "", ErrInvalid.Msgf("index %s does not hold documents without its first field", q.Index)
		}
		if key, err = rawdoc.AppendKey(key, rv); err != nil {
			return "", ErrInvalid.Because(err)
		}
	}
	return resumeKey(rq, key, id), nil
}

// Count counts the documents that q selects; Limit, After and Desc are ignored.
// The cost is proportional to the count.
func (c *Collection[T]) Count(ctx context.Context, q Query) (int64, error) {
	q.After, q.Limit, q.Desc = "", 0, false
	rq, err := q.compile(c.spec)
	if err != nil {
		return 0, err
	}
	n, err := c.table.Count(ctx, rq)
	if err != nil {
		return 0, c.wrap("counting in", err)
	}
	return n, nil
}

func (c *Collection[T]) prepare(id string, v T, events []Message) (bson.Raw, []Message, error) {
	if err := checkID(id); err != nil {
		return nil, nil, err
	}
	raw, err := encode(v)
	if err != nil {
		return nil, nil, err
	}
	if err := c.indexable(raw); err != nil {
		return nil, nil, err
	}
	events, err = stamp(events)
	return raw, events, err
}

// indexable refuses values whose indexed fields are no scalars.
func (c *Collection[T]) indexable(raw bson.Raw) error {
	for _, ix := range c.spec.Indexes {
		if _, _, err := rawdoc.IndexKey(raw, ix.Fields); err != nil {
			return ErrInvalid.Msgf("the document does not fit index %s", ix.Name).Because(err)
		}
	}
	return nil
}

func (c *Collection[T]) decode(r Raw) (Doc[T], error) {
	d := Doc[T]{ID: r.ID, Rev: r.Rev, Pending: r.Pending}
	if err := decode(r.Value, &d.Value); err != nil {
		return Doc[T]{}, c.wrap("decoding a document of", err)
	}
	return d, nil
}

func (c *Collection[T]) wrap(doing string, err error) error {
	return fmt.Errorf("%s %s: %w", doing, c.spec.Name, err)
}
