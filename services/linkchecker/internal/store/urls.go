package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// URLs implements domain.URLs.
type URLs struct {
	c *docstore.Collection[domain.URL]
}

var _ domain.URLs = (*URLs)(nil)

// OpenURLs opens the collection.
func OpenURLs(ctx context.Context, db docstore.DB) (*URLs, error) {
	c, err := docstore.Open[domain.URL](ctx, db, docstore.Spec{Name: "urls", Indexes: []docstore.Index{
		{Name: "due", Fields: []string{"due_at"}}, {Name: "fan", Fields: []string{"fan_at"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening the URLs: %w", err)
	}
	return &URLs{c}, nil
}

func url(d docstore.Doc[domain.URL], err error) (domain.URL, error) {
	if err != nil {
		return domain.URL{}, answer(err)
	}
	u := d.Value
	u.ID, u.Rev = d.ID, d.Rev
	return u, nil
}

// Get implements domain.URLs.
func (s *URLs) Get(ctx context.Context, id string) (domain.URL, error) {
	return url(s.c.Get(ctx, id))
}

// Put implements domain.URLs.
func (s *URLs) Put(ctx context.Context, id string, change func(u *domain.URL, exists bool) (*domain.Task, error)) (domain.URL, error) {
	return url(s.c.Upsert(ctx, id, func(u *domain.URL, exists bool) ([]docstore.Message, error) {
		u.ID = id
		return queued(ctx)(change(u, exists))
	}))
}

// Update implements domain.URLs.
func (s *URLs) Update(ctx context.Context, id string, change func(u *domain.URL) (*domain.Task, error)) (domain.URL, error) {
	return url(s.c.Update(ctx, id, func(u *domain.URL) ([]docstore.Message, error) {
		u.ID = id
		return queued(ctx)(change(u))
	}))
}

// queued makes of a task what goes into the queue, as part of ctx's trace.
func queued(ctx context.Context) func(*domain.Task, error) ([]docstore.Message, error) {
	return func(t *domain.Task, err error) ([]docstore.Message, error) {
		if errors.Is(err, domain.ErrUnchanged) {
			return nil, docstore.Unchanged
		}
		if err != nil || t == nil {
			return nil, err
		}
		b, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("encoding a check: %w", err)
		}
		return []docstore.Message{{ID: t.ID(), Subject: streams.CheckSubject(t.Host), Header: telemetry.Carry(ctx), Data: b, Time: t.Due}}, nil
	}
}

// Delete implements domain.URLs.
func (s *URLs) Delete(ctx context.Context, u domain.URL) error {
	err := s.c.Delete(ctx, u.ID, docstore.DeleteOptions{IfRev: u.Rev})
	switch {
	case errors.Is(err, docstore.ErrStale):
		return domain.ErrChanged
	case errors.Is(err, docstore.ErrNotFound):
		return nil
	}
	return err
}

// Due implements domain.URLs.
func (s *URLs) Due(ctx context.Context, by time.Time, after string, limit int) ([]domain.URL, string, error) {
	return s.page(ctx, "due", by, after, limit)
}

// Fans implements domain.URLs.
func (s *URLs) Fans(ctx context.Context, by time.Time, after string, limit int) ([]domain.URL, string, error) {
	return s.page(ctx, "fan", by, after, limit)
}

func (s *URLs) page(ctx context.Context, index string, by time.Time, after string, limit int) ([]domain.URL, string, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: index, To: by, After: after, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	out := make([]domain.URL, len(p.Docs))
	for i, d := range p.Docs {
		out[i], _ = url(d, nil)
	}
	return out, p.Next, nil
}
