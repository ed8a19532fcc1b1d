package store

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

type contents struct {
	c *docstore.Collection[domain.Content]
}

func contentID(id string, c *domain.Content) { c.ID = id }

// absent takes "there is none" for success.
func absent(err error) error {
	if errors.Is(err, domain.ErrNoDocument) {
		return nil
	}
	return err
}

func (s contents) Insert(ctx context.Context, c domain.Content) error {
	_, err := s.c.Insert(ctx, c.ID, c)
	return ported(err)
}

func (s contents) Get(ctx context.Context, id string) (domain.Content, error) {
	if id == "" {
		return domain.Content{}, domain.ErrNoDocument
	}
	d, err := s.c.Get(ctx, id)
	d.Value.ID = id
	return d.Value, ported(err)
}

func (s contents) Release(ctx context.Context, id, hold string) error {
	if id == "" {
		return nil
	}
	for {
		d, err := s.c.Get(ctx, id)
		if err != nil {
			return absent(ported(err))
		}
		if len(d.Value.Holds) == 0 || len(d.Value.Holds) == 1 && d.Value.Holds[hold] {
			// At this revision nobody else holds it.
			err = ported(s.c.Delete(ctx, id, docstore.DeleteOptions{IfRev: d.Rev}))
			if errors.Is(err, domain.ErrStale) {
				continue
			}
			return absent(err)
		}
		if !d.Value.Holds[hold] {
			return nil
		}
		_, err = s.c.Modify(ctx, id, docstore.Mod{IfRev: d.Rev, Unset: []string{"holds." + hold}})
		if errors.Is(err, docstore.ErrStale) {
			continue
		}
		return absent(ported(err))
	}
}

func (s contents) Hold(ctx context.Context, id, hold string, sweepAt time.Time) error {
	if id == "" {
		return domain.ErrNoDocument
	}
	_, err := s.c.Modify(ctx, id, docstore.Mod{Set: map[string]any{"holds." + hold: true, "sweepAt": sweepAt}})
	return ported(err)
}

func (s contents) Leave(ctx context.Context, id, version string, sweepAt time.Time) error {
	if id == "" || len(id) > docstore.MaxID {
		return domain.ErrNoDocument
	}
	_, err := s.c.Modify(ctx, id, docstore.Mod{
		If:    []docstore.Cond{docstore.Eq("staged", version)},
		Set:   map[string]any{"leaving": version, "sweepAt": sweepAt},
		Unset: []string{"staged"},
	})
	return ported(err)
}

func (s contents) Staged(ctx context.Context, version string, limit int) ([]domain.Content, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "staged", Equal: []any{version}, Limit: limit})
	return values(p, contentID), ported(err)
}

func (s contents) Due(ctx context.Context, now time.Time, limit int) ([]domain.Content, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: now, Limit: limit})
	return values(p, contentID), ported(err)
}

func (s contents) Swept(ctx context.Context, id string, at time.Time) error {
	_, err := s.c.Modify(ctx, id, docstore.Mod{If: []docstore.Cond{docstore.Eq("sweepAt", at)}, Unset: []string{"sweepAt"}})
	if errors.Is(err, docstore.ErrGuard) {
		return nil
	}
	return absent(ported(err))
}

func (s contents) Between(ctx context.Context, from, to string, limit int) ([]domain.Content, error) {
	q := docstore.Query{Limit: limit}
	if from != "" {
		q.From, q.FromExclusive = from, true
	}
	if to != "" {
		q.To, q.ToExclusive = to, true
	}
	p, err := s.c.Scan(ctx, q)
	return values(p, contentID), ported(err)
}
