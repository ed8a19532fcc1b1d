package store

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

type bindings struct {
	c *docstore.Collection[domain.Binding]
}

func bindingID(id string, b *domain.Binding) { b.ID = id }

func (s bindings) Insert(ctx context.Context, b domain.Binding) error {
	_, err := s.c.Insert(ctx, b.ID, b)
	return ported(err)
}

func (s bindings) Get(ctx context.Context, id string) (domain.Binding, int64, error) {
	if id == "" || len(id) > docstore.MaxID {
		return domain.Binding{}, 0, domain.ErrNoDocument // the id comes from a caller
	}
	d, err := s.c.Get(ctx, id)
	d.Value.ID = id
	return d.Value, d.Rev, ported(err)
}

func (s bindings) Update(ctx context.Context, id string, change func(b *domain.Binding) error) (domain.Binding, error) {
	if id == "" || len(id) > docstore.MaxID {
		return domain.Binding{}, domain.ErrNoDocument
	}
	d, err := s.c.Update(ctx, id, func(b *domain.Binding) ([]docstore.Message, error) {
		b.ID = id
		return nil, change(b)
	})
	d.Value.ID = id
	return d.Value, ported(err)
}

func (s bindings) Delete(ctx context.Context, id string, rev int64) error {
	return gone(ported(s.c.Delete(ctx, id, docstore.DeleteOptions{IfRev: rev})))
}

func (s bindings) Due(ctx context.Context, now time.Time, limit int) ([]domain.Binding, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: now, Limit: limit})
	return values(p, bindingID), ported(err)
}
