package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

type heads struct {
	c *docstore.Collection[domain.Head]
}

// headID is unique: bucket ids hold no NUL.
func headID(bucket, key string) string { return bucket + "\x00" + key }

// gone says "stale" for a document that vanished since it was read.
func gone(err error) error {
	if errors.Is(err, domain.ErrNoDocument) {
		return fmt.Errorf("%w: %w", domain.ErrStale, err)
	}
	return err
}

func (s heads) Get(ctx context.Context, bucket, key string) (domain.Head, int64, error) {
	d, err := s.c.Get(ctx, headID(bucket, key))
	if errors.Is(err, docstore.ErrNotFound) {
		return domain.Head{Bucket: bucket, Key: key}, 0, nil
	}
	return d.Value, d.Rev, ported(err)
}

func (s heads) Put(ctx context.Context, h domain.Head, rev int64, events ...domain.Event) error {
	messages := make([]docstore.Message, len(events))
	for i, e := range events {
		m, err := message(ctx, h, e)
		if err != nil {
			return err
		}
		messages[i] = m
	}
	if rev == 0 {
		_, err := s.c.Insert(ctx, headID(h.Bucket, h.Key), h, messages...)
		if errors.Is(err, docstore.ErrExists) {
			return fmt.Errorf("%w: %w", domain.ErrStale, err)
		}
		return ported(err)
	}
	_, err := s.c.Replace(ctx, docstore.Doc[domain.Head]{ID: headID(h.Bucket, h.Key), Rev: rev, Value: h}, messages...)
	return gone(ported(err))
}

// message makes the outbox form of an event.
func message(ctx context.Context, h domain.Head, e domain.Event) (docstore.Message, error) {
	t := objectv1.ObjectCreated
	if e.Removed {
		t = objectv1.ObjectRemoved
	}
	env, err := bus.NewEnvelope(ctx, t, "", h.Bucket+"/"+h.Key, e.Seq, e.Data.Time, e.Data)
	if err != nil {
		return docstore.Message{}, fmt.Errorf("making an event: %w", err)
	}
	return env.Message(), nil
}

func (s heads) Delete(ctx context.Context, h domain.Head, rev int64) error {
	return gone(ported(s.c.Delete(ctx, headID(h.Bucket, h.Key), docstore.DeleteOptions{IfRev: rev})))
}

func (s heads) Visible(ctx context.Context, bucket string, r domain.Range, limit int) ([]domain.Head, error) {
	p, err := s.c.Scan(ctx, ranged(docstore.Query{Index: "list", Equal: []any{bucket}, Limit: limit}, r))
	return values(p, nil), ported(err)
}

// ranged limits a query to keys.
func ranged(q docstore.Query, r domain.Range) docstore.Query {
	if r.From != "" {
		q.From, q.FromExclusive = r.From, r.After
	}
	if r.To != "" {
		q.To, q.ToExclusive = r.To, true
	}
	return q
}

func (s heads) Due(ctx context.Context, now time.Time, limit int) ([]domain.Head, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: now, Limit: limit})
	return values(p, nil), ported(err)
}

func (s heads) Forget(ctx context.Context, bucket string, limit int) (bool, error) {
	p, err := s.c.Scan(ctx, docstore.Query{From: bucket + "\x00", To: bucket + "\x01", ToExclusive: true, Limit: limit})
	if err != nil {
		return false, ported(err)
	}
	for _, d := range p.Docs {
		if d.Value.Current != "" || len(d.Value.Discard) > 0 {
			return false, fmt.Errorf("head of a key that is in use: %w", domain.ErrStale)
		}
		err := s.c.Delete(ctx, d.ID, docstore.DeleteOptions{IfRev: d.Rev})
		if err != nil && !errors.Is(err, docstore.ErrNotFound) {
			return false, ported(err)
		}
	}
	return p.Next != "", nil
}
