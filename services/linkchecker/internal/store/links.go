package store

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// atOnce is how many documents are written at the same time; the store puts them
// into one transaction where it can.
const atOnce = 32

// Links implements domain.Links.
type Links struct {
	c *docstore.Collection[domain.Link]
}

var _ domain.Links = (*Links)(nil)

// OpenLinks opens the collection.
func OpenLinks(ctx context.Context, db docstore.DB) (*Links, error) {
	c, err := docstore.Open[domain.Link](ctx, db, docstore.Spec{
		Name: "links", Indexes: []docstore.Index{{Name: "url", Fields: []string{"url_id"}}},
	})
	if err != nil {
		return nil, fmt.Errorf("opening the links: %w", err)
	}
	return &Links{c}, nil
}

// Put implements domain.Links.
func (s *Links) Put(ctx context.Context, links []domain.Link) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, l := range links {
		g.Go(func() error {
			if _, err := s.c.Insert(ctx, l.ID, l); err != nil && !errors.Is(err, docstore.ErrExists) {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}

// Page implements domain.Links.
func (s *Links) Page(ctx context.Context, list string, from, limit int) ([]domain.Link, error) {
	end, _ := docstore.PrefixEnd(list + "/")
	p, err := s.c.Scan(ctx, docstore.Query{From: domain.LinkID(list, from), To: end, ToExclusive: true, Limit: limit})
	if err != nil {
		return nil, err
	}
	return links(p.Docs), nil
}

func links(docs []docstore.Doc[domain.Link]) []domain.Link {
	out := make([]domain.Link, len(docs))
	for i, d := range docs {
		out[i] = d.Value
		out[i].ID = d.ID
	}
	return out
}

// Uses implements domain.Links.
func (s *Links) Uses(ctx context.Context, urlID, after string, limit int) ([]domain.Link, string, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "url", Equal: []any{urlID}, After: after, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	return links(p.Docs), p.Next, nil
}

// Delete implements domain.Links.
func (s *Links) Delete(ctx context.Context, links []domain.Link) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, l := range links {
		g.Go(func() error {
			if err := s.c.Delete(ctx, l.ID, docstore.DeleteOptions{}); err != nil && !errors.Is(err, docstore.ErrNotFound) {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}
