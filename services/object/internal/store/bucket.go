package store

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

type buckets struct {
	c *docstore.Collection[domain.Bucket]
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

func (s buckets) ByName(ctx context.Context, account, name string) (domain.Bucket, int64, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "name", Equal: []any{account, name}, Limit: 1})
	if err != nil {
		return domain.Bucket{}, 0, ported(err)
	}
	if len(p.Docs) == 0 {
		return domain.Bucket{}, 0, domain.ErrNoDocument
	}
	b := p.Docs[0].Value
	b.ID = p.Docs[0].ID
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
