// Package store keeps the object service's documents: the domain's ports over
// pkg/docstore. It holds collections, indexes and single statements, no rules.
package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// Open opens the collections in db.
func Open(ctx context.Context, db docstore.DB) (domain.Store, error) {
	var st domain.Store
	b, err := docstore.Open[domain.Bucket](ctx, db, docstore.Spec{Name: "buckets", Indexes: []docstore.Index{
		{Name: "name", Fields: []string{"account", "name"}, Unique: true},
		{Name: "due", Fields: []string{"sweepAt"}},
	}})
	if err != nil {
		return st, err
	}
	h, err := docstore.Open[domain.Head](ctx, db, docstore.Spec{Name: "heads", Indexes: []docstore.Index{
		{Name: "list", Fields: []string{"listBucket", "key"}},
		{Name: "due", Fields: []string{"sweepAt"}},
	}})
	if err != nil {
		return st, err
	}
	versionSpec := docstore.Spec{Name: "versions", Indexes: []docstore.Index{
		{Name: "live", Fields: []string{"live", "key", "order"}},
		{Name: "held", Fields: []string{"legalHold", "live"}},
		{Name: "retained", Fields: []string{"retention.mode", "live", "retention.until"}},
		{Name: "due", Fields: []string{"sweepAt"}},
	}}
	v, err := docstore.Open[domain.Version](ctx, db, versionSpec)
	if err != nil {
		return st, err
	}
	blindV, err := docstore.Open[blind](ctx, db, versionSpec)
	if err != nil {
		return st, err
	}
	c, err := docstore.Open[domain.Content](ctx, db, docstore.Spec{Name: "contents", Indexes: []docstore.Index{
		{Name: "staged", Fields: []string{"staged"}},
		{Name: "due", Fields: []string{"sweepAt"}},
	}})
	if err != nil {
		return st, err
	}
	usageSpec := docstore.Spec{Name: "usage", Indexes: []docstore.Index{
		{Name: "open", Fields: []string{"open"}},
		{Name: "closing", Fields: []string{"closing.at"}},
	}}
	u, err := docstore.Open[domain.Usage](ctx, db, usageSpec)
	if err != nil {
		return st, err
	}
	blindU, err := docstore.Open[blind](ctx, db, usageSpec)
	if err != nil {
		return st, err
	}
	i, err := docstore.Open[domain.Binding](ctx, db, docstore.Spec{Name: "bindings", Indexes: []docstore.Index{
		{Name: "due", Fields: []string{"sweepAt"}},
	}})
	if err != nil {
		return st, err
	}
	n, err := openNodes(ctx, db)
	if err != nil {
		return st, err
	}
	t, w, err := openTallies(ctx, db)
	if err != nil {
		return st, err
	}
	q, err := docstore.Open[sequence](ctx, db, docstore.Spec{Name: "sequences"})
	if err != nil {
		return st, err
	}
	k, err := docstore.Open[cursor](ctx, db, docstore.Spec{Name: "cursors"})
	if err != nil {
		return st, err
	}
	named, err := newBuckets(b)
	if err != nil {
		return st, fmt.Errorf("making the memory of bucket names: %w", err)
	}
	return domain.Store{
		Buckets: named, Heads: heads{h}, Versions: versions{v, blindV},
		Contents: contents{c}, Accounts: accounts{u, blindU}, Bindings: bindings{i}, Nodes: n, Tallies: t, Words: w,
		Sequences: sequences{q}, Cursors: cursors{k},
	}, nil
}

// blind is a view of documents for guarded updates whose result nobody looks at:
// decoding it would cost more than the update. Its collection never replaces one.
type blind struct {
	Total   int64          `bson:"total"` // of usage documents
	Closing domain.Closing `bson:"closing"`
}

// ported turns docstore's errors into those of the ports, keeping them as causes.
func ported(err error) error {
	for _, m := range []struct{ from, to error }{
		{docstore.ErrNotFound, domain.ErrNoDocument},
		{docstore.ErrExists, domain.ErrTaken},
		{docstore.ErrDuplicate, domain.ErrTaken},
		{docstore.ErrStale, domain.ErrStale},
		{docstore.ErrGuard, domain.ErrRefused},
		{docstore.ErrOutboxFull, domain.ErrRefused},
	} {
		if errors.Is(err, m.from) {
			return fmt.Errorf("%w: %w", m.to, err)
		}
	}
	return err
}

// values gives the values of a page's documents, with what with sets from the id.
func values[T any](page docstore.Page[T], with func(id string, v *T)) []T {
	out := make([]T, len(page.Docs))
	for i, d := range page.Docs {
		out[i] = d.Value
		if with != nil {
			with(d.ID, &out[i])
		}
	}
	return out
}

// sequence is how many numbers were given out.
type sequence struct {
	Taken int64 `bson:"taken,omitempty"`
}

type sequences struct {
	c *docstore.Collection[sequence]
}

func (s sequences) Take(ctx context.Context, name string, count int64) (int64, error) {
	d, err := s.c.Modify(ctx, name, docstore.Mod{Inc: map[string]int64{"taken": count}, Upsert: sequence{}})
	return d.Value.Taken - count + 1, ported(err)
}

// cursor is how far a sweep came.
type cursor struct {
	At string `bson:"at"`
}

type cursors struct{ c *docstore.Collection[cursor] }

func (s cursors) Get(ctx context.Context, name string) (string, error) {
	d, err := s.c.Get(ctx, name)
	if errors.Is(err, docstore.ErrNotFound) {
		return "", nil
	}
	return d.Value.At, err
}

// Set never moves a cursor back: two copies may sweep at once.
func (s cursors) Set(ctx context.Context, name, value string) error {
	_, err := s.c.Upsert(ctx, name, func(c *cursor, exists bool) ([]docstore.Message, error) {
		if exists && c.At >= value {
			return nil, docstore.Unchanged
		}
		c.At = value
		return nil, nil
	})
	return err
}
