package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// Endpoints implements domain.Endpoints.
type Endpoints struct {
	c *docstore.Collection[domain.Endpoint]
}

// OpenEndpoints opens the collection.
func OpenEndpoints(ctx context.Context, db docstore.DB) (*Endpoints, error) {
	c, err := docstore.Open[domain.Endpoint](ctx, db, docstore.Spec{Name: "endpoints"})
	if err != nil {
		return nil, err
	}
	return &Endpoints{c}, nil
}

// Get implements domain.Endpoints.
func (s *Endpoints) Get(ctx context.Context, id string) (domain.Endpoint, error) {
	d, err := s.c.Get(ctx, id)
	if err != nil {
		return domain.Endpoint{}, absent(err)
	}
	return endpoint(d), nil
}

// Upsert implements domain.Endpoints.
func (s *Endpoints) Upsert(
	ctx context.Context, id string, at time.Time, change func(*domain.Endpoint) (changed, off bool),
) (domain.Endpoint, error) {
	tell := func(rev int64, e domain.Endpoint) ([]docstore.Message, error) {
		env, err := bus.NewEnvelope(ctx, webhookv1.EndpointDisabled, bus.NewID(), id, rev, at,
			webhookv1.EndpointEvent{Endpoint: e.View(), Time: at.UTC()})
		if err != nil {
			return nil, err
		}
		return []docstore.Message{env.Message()}, nil
	}
	apply := func(rev int64, e *domain.Endpoint) ([]docstore.Message, error) {
		e.ID = id
		changed, off := change(e)
		switch {
		case !changed:
			return nil, docstore.Unchanged
		case off:
			return tell(rev, *e)
		}
		return nil, nil
	}
	d, err := s.c.UpdateDoc(ctx, id, func(d *docstore.Doc[domain.Endpoint]) ([]docstore.Message, error) {
		return apply(d.Rev+1, &d.Value)
	})
	if errors.Is(err, docstore.ErrNotFound) {
		d, err = s.c.Upsert(ctx, id, func(e *domain.Endpoint, _ bool) ([]docstore.Message, error) { return apply(1, e) })
	}
	if err != nil {
		return domain.Endpoint{}, fmt.Errorf("noting an endpoint: %w", absent(err))
	}
	return endpoint(d), nil
}

// Delete implements domain.Endpoints.
func (s *Endpoints) Delete(ctx context.Context, id string) error {
	err := s.c.Delete(ctx, id, docstore.DeleteOptions{})
	if errors.Is(err, docstore.ErrNotFound) {
		return nil
	}
	return err
}

// List implements domain.Endpoints.
func (s *Endpoints) List(ctx context.Context, cursor string, limit int) ([]domain.Endpoint, string, error) {
	p, err := s.c.Scan(ctx, docstore.Query{After: cursor, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	out := make([]domain.Endpoint, len(p.Docs))
	for i, d := range p.Docs {
		out[i] = endpoint(d)
	}
	return out, p.Next, nil
}

func endpoint(d docstore.Doc[domain.Endpoint]) domain.Endpoint {
	e := d.Value
	e.ID, e.Failing = d.ID, utc(e.Failing)
	return e
}
