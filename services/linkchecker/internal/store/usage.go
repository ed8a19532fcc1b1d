package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// counter is a document that counts.
type counter struct {
	Next int64 `bson:"next"`
}

const (
	counterNumeric = "numeric"
	// firstNumeric is the first numeric id that is given; older installations are
	// far below it.
	firstNumeric = 8_000_000
)

// Usages implements domain.Usages.
type Usages struct {
	c        *docstore.Collection[domain.Usage]
	counters *docstore.Collection[counter]
}

var _ domain.Usages = (*Usages)(nil)

// OpenUsages opens the collections.
func OpenUsages(ctx context.Context, db docstore.DB) (*Usages, error) {
	c, err := docstore.Open[domain.Usage](ctx, db, docstore.Spec{Name: "usage", Indexes: []docstore.Index{{Name: "due", Fields: []string{"due_at"}}}})
	if err != nil {
		return nil, fmt.Errorf("opening the usage: %w", err)
	}
	counters, err := docstore.Open[counter](ctx, db, docstore.Spec{Name: "counters"})
	if err != nil {
		return nil, fmt.Errorf("opening the counters: %w", err)
	}
	return &Usages{c, counters}, nil
}

func usage(d docstore.Doc[domain.Usage]) domain.Usage {
	u := d.Value
	u.ID, u.Rev = d.ID, d.Rev
	return u
}

// Get implements domain.Usages.
func (s *Usages) Get(ctx context.Context, account string) (domain.Usage, error) {
	d, err := s.c.Get(ctx, account)
	if errors.Is(err, docstore.ErrNotFound) {
		return domain.Usage{ID: account}, nil
	}
	return usage(d), err
}

// Update implements domain.Usages.
func (s *Usages) Update(ctx context.Context, account string, change func(*domain.Usage) error) (domain.Usage, error) {
	apply := func(u *domain.Usage, rev int64) ([]docstore.Message, error) {
		u.ID, u.Rev = account, rev
		err := change(u)
		if errors.Is(err, domain.ErrUnchanged) {
			err = docstore.Unchanged
		}
		return nil, err
	}
	d, err := s.c.UpdateDoc(ctx, account, func(d *docstore.Doc[domain.Usage]) ([]docstore.Message, error) { return apply(&d.Value, d.Rev) })
	if errors.Is(err, docstore.ErrNotFound) {
		d, err = s.c.Upsert(ctx, account, func(u *domain.Usage, _ bool) ([]docstore.Message, error) { return apply(u, 0) })
	}
	if errors.Is(err, docstore.ErrNotFound) { // there is none, and nothing to write
		return domain.Usage{ID: account}, nil
	}
	return usage(d), err
}

// Due implements domain.Usages.
func (s *Usages) Due(ctx context.Context, by time.Time, limit int) ([]domain.Usage, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: by, Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]domain.Usage, len(p.Docs))
	for i, d := range p.Docs {
		out[i] = usage(d)
	}
	return out, nil
}

// NextNumeric implements domain.Usages.
func (s *Usages) NextNumeric(ctx context.Context) (int64, error) {
	d, err := s.counters.Modify(ctx, counterNumeric, docstore.Mod{
		Inc: map[string]int64{"next": 1}, Upsert: counter{Next: firstNumeric - 1},
	})
	return d.Value.Next, err
}
