package store

import (
	"context"
	"errors"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

type buckets struct {
	c   *docstore.Collection[domain.Bucket]
	ids *otter.Cache[bucketName, string]
}

type bucketName struct{ account, name string }

// knownNames is how many bucket names keep their id in memory.
const knownNames = 10_000

func newBuckets(c *docstore.Collection[domain.Bucket]) (buckets, error) {
	ids, err := otter.New(&otter.Options[bucketName, string]{MaximumSize: knownNames})
	return buckets{c, ids}, err
}

func (s buckets) Insert(ctx context.Context, b domain.Bucket) error {
	_, err := s.c.Insert(ctx, b.ID, b)
	return ported(err)
}

func (s buckets) Get(ctx context.Context, id string) (domain.Bucket, int64, error) {
	if id == "" {
		return domain.Bucket{}, 0, domain.ErrNoDocument
	}
	d, err := s.c.Get(ctx, id)
	d.Value.ID = id
	return d.Value, d.Rev, ported(err)
}

// ByName reads the bucket itself each time. Only its id may come from memory: a
// bucket that is gone never comes back under the same id, so an id that is out of
// date finds nothing and the index is asked.
func (s buckets) ByName(ctx context.Context, account, name string) (domain.Bucket, int64, error) {
	key := bucketName{account, name}
	if id, ok := s.ids.GetIfPresent(key); ok {
		b, rev, err := s.Get(ctx, id)
		if !errors.Is(err, domain.ErrNoDocument) {
			return b, rev, err
		}
		s.ids.Invalidate(key)
	}
	p, err := s.c.Scan(ctx, docstore.Query{Index: "name", Equal: []any{account, name}, Limit: 1})
	if err != nil {
		return domain.Bucket{}, 0, ported(err)
	}
	if len(p.Docs) == 0 {
		return domain.Bucket{}, 0, domain.ErrNoDocument
	}
	b := p.Docs[0].Value
	b.ID = p.Docs[0].ID
	s.ids.Set(key, b.ID)
	return b, p.Docs[0].Rev, nil
}

func (s buckets) List(ctx context.Context, account string) ([]domain.Bucket, error) {
	var all []domain.Bucket
	q := docstore.Query{Index: "name", Equal: []any{account}, Limit: 1000}
	for {
		p, err := s.c.Scan(ctx, q)
		if err != nil {
			return nil, ported(err)
		}
		all = append(all, values(p, bucketID)...)
		if q.After = p.Next; q.After == "" {
			return all, nil
		}
	}
}

func (s buckets) Replace(ctx context.Context, b domain.Bucket, rev int64) error {
	_, err := s.c.Replace(ctx, docstore.Doc[domain.Bucket]{ID: b.ID, Rev: rev, Value: b})
	return gone(ported(err))
}

func (s buckets) Delete(ctx context.Context, id string, rev int64) error {
	return gone(ported(s.c.Delete(ctx, id, docstore.DeleteOptions{IfRev: rev})))
}

func (s buckets) Due(ctx context.Context, now time.Time, limit int) ([]domain.Bucket, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: now, Limit: limit})
	return values(p, bucketID), ported(err)
}

func bucketID(id string, b *domain.Bucket) { b.ID = id }
