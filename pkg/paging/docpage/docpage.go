// Package docpage gives the documents of a collection as a list of pkg/paging.
package docpage

import (
	"context"
	"errors"
	"slices"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/paging"
)

// List is the documents that q selects by its index, sorted by the index's field
// behind q.Equal, which must be its last one; value gives that field of a
// document. q's Desc, Limit and After are the page's business. Counting costs as
// much as Collection.Count, an offset as much as reading what it leaves out. It
// is safe for concurrent use.
//
//	page, place, err := docpage.List(c, docstore.Query{Index: "owner", Equal: []any{id}},
//		func(u upload) time.Time { return u.CreatedAt }).Page(ctx, request)
func List[T any, V paging.Value](c *docstore.Collection[T], q docstore.Query, value func(v T) V) paging.List[docstore.Doc[T], V] {
	return paging.List[docstore.Doc[T], V]{
		Count: func(ctx context.Context) (int64, error) { return c.Count(ctx, q) },
		At: func(d docstore.Doc[T]) paging.Position[V] {
			return paging.Position[V]{Value: value(d.Value), ID: d.ID}
		},
		Scan: func(ctx context.Context, from *paging.Position[V], desc bool, limit int) ([]docstore.Doc[T], bool, error) {
			q := q
			q.Desc, q.Limit, q.After = desc, limit, ""
			if from != nil {
				after, err := c.ResumeKey(q, append(slices.Clone(q.Equal), from.Value), from.ID)
				if errors.Is(err, docstore.ErrInvalid) {
					return nil, false, paging.ErrBadCursor.Because(err)
				}
				if err != nil {
					return nil, false, err
				}
				q.After = after
			}
			p, err := c.Scan(ctx, q)
			return p.Docs, p.Next != "", err
		},
	}
}
