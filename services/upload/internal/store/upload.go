// Package store keeps the records of ingests in pkg/docstore.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

const indexDue = "due"

// record is an ingest as it is stored. Times are kept to the millisecond.
type record struct {
	Account   string    `bson:"account"`
	BucketID  string    `bson:"bucket_id"`
	Bucket    string    `bson:"bucket"`
	Key       string    `bson:"key"`
	KeyDomain string    `bson:"key_domain"`
	Region    string    `bson:"region"`
	MaxSize   int64     `bson:"max_size"`
	Reserved  int64     `bson:"reserved"`
	Held      bool      `bson:"held"`
	HeldTill  time.Time `bson:"held_till"` // the ticket's lease
	State     string    `bson:"state"`
	Outcome   string    `bson:"outcome,omitempty"`
	StartedAt time.Time `bson:"started_at"`
	LeaseTill time.Time `bson:"lease_till"`
	DueAt     time.Time `bson:"due_at"`
}

// Ingests implements domain.Store.
type Ingests struct{ c *docstore.Collection[record] }

var _ domain.Store = (*Ingests)(nil)

// Open opens the collection.
func Open(ctx context.Context, db docstore.DB) (*Ingests, error) {
	c, err := docstore.Open[record](ctx, db, docstore.Spec{
		Name: "ingests", Indexes: []docstore.Index{{Name: indexDue, Fields: []string{"due_at"}}},
	})
	if err != nil {
		return nil, fmt.Errorf("opening the ingests: %w", err)
	}
	return &Ingests{c}, nil
}

// Put implements domain.Store.
func (s *Ingests) Put(ctx context.Context, i domain.Ingest) error {
	_, err := s.c.Upsert(ctx, i.Ticket.VersionID, func(r *record, _ bool) ([]docstore.Message, error) {
		*r = toRecord(i)
		return nil, nil
	})
	return err
}

// Get implements domain.Store.
func (s *Ingests) Get(ctx context.Context, id string) (domain.Ingest, error) {
	d, err := s.c.Get(ctx, id)
	if err != nil {
		return domain.Ingest{}, missing(err)
	}
	return fromRecord(d.ID, d.Value), nil
}

// Update implements domain.Store.
func (s *Ingests) Update(ctx context.Context, id string, change func(*domain.Ingest) error) (domain.Ingest, error) {
	d, err := s.c.Update(ctx, id, func(r *record) ([]docstore.Message, error) {
		i := fromRecord(id, *r)
		if err := change(&i); err != nil {
			return nil, err
		}
		*r = toRecord(i)
		return nil, nil
	})
	if err != nil {
		return domain.Ingest{}, missing(err)
	}
	return fromRecord(d.ID, d.Value), nil
}

// Delete implements domain.Store.
func (s *Ingests) Delete(ctx context.Context, id string) error {
	if err := s.c.Delete(ctx, id, docstore.DeleteOptions{}); err != nil && !errors.Is(err, docstore.ErrNotFound) {
		return err
	}
	return nil
}

// Due implements domain.Store.
func (s *Ingests) Due(ctx context.Context, by time.Time, limit int) ([]domain.Ingest, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: indexDue, To: by, Limit: limit})
	if err != nil {
		return nil, err
	}
	return fromDocs(p.Docs), nil
}

// Page implements domain.Store.
func (s *Ingests) Page(ctx context.Context, after string, limit int) ([]domain.Ingest, bool, error) {
	q := docstore.Query{Limit: limit}
	if after != "" {
		q.From, q.FromExclusive = after, true
	}
	p, err := s.c.Scan(ctx, q)
	if err != nil {
		return nil, false, err
	}
	return fromDocs(p.Docs), p.Next != "", nil
}

// Count implements domain.Store.
func (s *Ingests) Count(ctx context.Context) (int64, error) { return s.c.Count(ctx, docstore.Query{}) }

func missing(err error) error {
	if errors.Is(err, docstore.ErrNotFound) {
		return domain.ErrNoRecord
	}
	return err
}

func fromDocs(docs []docstore.Doc[record]) []domain.Ingest {
	out := make([]domain.Ingest, len(docs))
	for n, d := range docs {
		out[n] = fromRecord(d.ID, d.Value)
	}
	return out
}

func toRecord(i domain.Ingest) record {
	t := i.Ticket
	return record{
		Account: t.AccountID, BucketID: t.BucketID, Bucket: i.Bucket, Key: i.Key, KeyDomain: t.KeyDomain, Region: t.Region,
		MaxSize: t.MaxSize, Reserved: t.Reserved, Held: t.Held, HeldTill: t.LeaseTill, State: string(i.State), Outcome: string(i.Outcome),
		StartedAt: i.StartedAt, LeaseTill: i.LeaseTill, DueAt: i.DueAt,
	}
}

func fromRecord(id string, r record) domain.Ingest {
	return domain.Ingest{
		Ticket: objectv1.Ticket{
			VersionID: id, BucketID: r.BucketID, AccountID: r.Account, KeyDomain: r.KeyDomain, Region: r.Region,
			MaxSize: r.MaxSize, Reserved: r.Reserved, Held: r.Held, LeaseTill: r.HeldTill.UTC(),
		},
		Bucket: r.Bucket, Key: r.Key, State: domain.State(r.State), Outcome: domain.Outcome(r.Outcome),
		StartedAt: r.StartedAt.UTC(), LeaseTill: r.LeaseTill.UTC(), DueAt: r.DueAt.UTC(),
	}
}
