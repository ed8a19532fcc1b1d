// Package store keeps webhook's documents: deliveries, and the endpoints' health.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// deliveryDoc adds to a delivery what is only there for an index: Lane is the
// endpoint while the delivery is pending.
type deliveryDoc struct {
	Delivery domain.Delivery `bson:",inline"`
	Lane     string          `bson:"lane,omitempty"`
}

func (d *deliveryDoc) index() {
	d.Lane = ""
	if d.Delivery.State == webhookv1.Pending {
		d.Lane = d.Delivery.EndpointID
	}
}

func deliverySpec() docstore.Spec {
	return docstore.Spec{Name: "deliveries", Indexes: []docstore.Index{
		{Name: "wake", Fields: []string{"wake"}},
		{Name: "lane", Fields: []string{"lane", "wake"}},
		{Name: "created", Fields: []string{"created"}},
		{Name: "endpoint", Fields: []string{"endpoint", "created"}},
		{Name: "state", Fields: []string{"state", "created"}},
	}}
}

// Deliveries implements domain.Deliveries.
type Deliveries struct {
	c *docstore.Collection[deliveryDoc]
}

// OpenDeliveries opens the collection and its indexes.
func OpenDeliveries(ctx context.Context, db docstore.DB) (*Deliveries, error) {
	c, err := docstore.Open[deliveryDoc](ctx, db, deliverySpec())
	if err != nil {
		return nil, err
	}
	return &Deliveries{c}, nil
}

// Insert implements domain.Deliveries.
func (s *Deliveries) Insert(ctx context.Context, d domain.Delivery) (bool, error) {
	doc := deliveryDoc{Delivery: d}
	doc.index()
	_, err := s.c.Insert(ctx, d.ID, doc)
	if errors.Is(err, docstore.ErrExists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keeping a delivery: %w", err)
	}
	return true, nil
}

// Get implements domain.Deliveries.
func (s *Deliveries) Get(ctx context.Context, id string) (domain.Delivery, error) {
	d, err := s.c.Get(ctx, id)
	if err != nil {
		return domain.Delivery{}, absent(err)
	}
	return delivery(d), nil
}

// Update implements domain.Deliveries.
func (s *Deliveries) Update(ctx context.Context, id string, change func(*domain.Delivery) bool) (domain.Delivery, error) {
	d, err := s.c.Update(ctx, id, func(v *deliveryDoc) ([]docstore.Message, error) {
		v.Delivery.ID = id
		if !change(&v.Delivery) {
			return nil, docstore.Unchanged
		}
		v.index()
		return nil, nil
	})
	if err != nil {
		return domain.Delivery{}, absent(err)
	}
	return delivery(d), nil
}

// Extend implements domain.Deliveries.
func (s *Deliveries) Extend(ctx context.Context, id, token string, wake time.Time) (bool, error) {
	_, err := s.c.Modify(ctx, id, docstore.Mod{
		If: []docstore.Cond{docstore.Eq("claim", token)}, Set: map[string]any{"wake": wake},
	})
	if errors.Is(err, docstore.ErrGuard) || errors.Is(err, docstore.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Due implements domain.Deliveries.
func (s *Deliveries) Due(ctx context.Context, now time.Time, after string, limit int) ([]domain.Delivery, string, error) {
	return s.page(ctx, docstore.Query{Index: "wake", To: now, After: after, Limit: limit})
}

// DueFor implements domain.Deliveries.
func (s *Deliveries) DueFor(ctx context.Context, endpointID string, now time.Time, limit int) ([]domain.Delivery, error) {
	out, _, err := s.page(ctx, docstore.Query{Index: "lane", Equal: []any{endpointID}, To: now, Limit: limit})
	return out, err
}

func (s *Deliveries) page(ctx context.Context, q docstore.Query) ([]domain.Delivery, string, error) {
	p, err := s.c.Scan(ctx, q)
	if err != nil {
		return nil, "", err
	}
	out := make([]domain.Delivery, len(p.Docs))
	for i, d := range p.Docs {
		out[i] = delivery(d)
	}
	return out, p.Next, nil
}

// scanned bounds how many deliveries one page of a list that filters by both
// fields looks at; such a page may be short, or empty, and still have a next.
const scanned = 1000

// List implements domain.Deliveries.
func (s *Deliveries) List(
	ctx context.Context, endpointID string, state webhookv1.State, cursor string, limit int,
) ([]domain.Delivery, string, error) {
	q := docstore.Query{Index: "created", Desc: true, After: cursor, Limit: limit}
	switch {
	case endpointID != "":
		q.Index, q.Equal = "endpoint", []any{endpointID}
	case state != "":
		q.Index, q.Equal = "state", []any{string(state)}
	}
	var out []domain.Delivery
	for seen := 0; seen < scanned; seen += q.Limit {
		page, next, err := s.page(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for _, d := range page {
			if state == "" || d.State == state {
				out = append(out, d)
			}
		}
		q.After = next
		if q.Limit = limit - len(out); next == "" || q.Limit <= 0 {
			break
		}
	}
	return out, q.After, nil
}

// Expire implements domain.Deliveries.
func (s *Deliveries) Expire(ctx context.Context, cutoff time.Time, limit int) (int, error) {
	n := 0
	for _, state := range []webhookv1.State{webhookv1.Delivered, webhookv1.Dead} {
		p, err := s.c.Scan(ctx, docstore.Query{
			Index: "state", Equal: []any{string(state)}, To: cutoff, ToExclusive: true, Limit: limit - n,
		})
		if err != nil {
			return n, err
		}
		for _, d := range p.Docs {
			err := s.c.Delete(ctx, d.ID, docstore.DeleteOptions{IfRev: d.Rev})
			if err != nil && !errors.Is(err, docstore.ErrNotFound) && !errors.Is(err, docstore.ErrStale) {
				return n, err
			}
			n++
		}
		if n >= limit {
			break
		}
	}
	return n, nil
}

// delivery gives the delivery in a document, with its times in UTC.
func delivery(doc docstore.Doc[deliveryDoc]) domain.Delivery {
	d := doc.Value.Delivery
	d.ID = doc.ID
	d.Next, d.Wake, d.CreatedAt = utc(d.Next), utc(d.Wake), utc(d.CreatedAt)
	for i := range d.Attempts {
		d.Attempts[i].Time = utc(d.Attempts[i].Time)
	}
	return d
}

// utc leaves the zero time as it is, which has to stay zero in every sense.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func absent(err error) error {
	if errors.Is(err, docstore.ErrNotFound) {
		return fmt.Errorf("%w: %w", domain.ErrNoDocument, err)
	}
	return err
}
