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

const indexOpen = "open"

// multipart is an upload as it is stored. Times are kept to the millisecond.
type multipart struct {
	Account   string    `bson:"account"`
	BucketID  string    `bson:"bucket_id"`
	VersionID string    `bson:"version_id"`
	KeyDomain string    `bson:"key_domain"`
	Region    string    `bson:"region"`
	MaxSize   int64     `bson:"max_size"`
	Held      time.Time `bson:"held_till"`

	Bucket string              `bson:"bucket"`
	Key    string              `bson:"key"`
	Meta   objectv1.Metadata   `bson:"meta"`
	Retain *objectv1.Retention `bson:"retain,omitempty"`
	Hold   bool                `bson:"hold,omitempty"`

	Phase    string    `bson:"phase"`
	OpenIn   string    `bson:"open_in,omitempty"` // the bucket's id while it is listed
	ID       string    `bson:"id"`                // again, as a field of the index
	Began    time.Time `bson:"began"`
	Expires  time.Time `bson:"expires"`
	DueAt    time.Time `bson:"due_at"`
	Replaced int64     `bson:"replaced,omitempty"`
	List     []byte    `bson:"list,omitempty"`
	Plan     string    `bson:"plan,omitempty"`
	Attempts []attempt `bson:"attempts,omitempty"`
	Clean    bool      `bson:"clean,omitempty"`
	Outcome  string    `bson:"outcome,omitempty"`
}

type attempt struct {
	ID    string    `bson:"id"`
	Since time.Time `bson:"since"`
}

// Multiparts implements domain.MultipartStore.
type Multiparts struct {
	uploads *docstore.Collection[multipart]
	parts   *docstore.Collection[part]
	plans   *docstore.Collection[plan]
}

var _ domain.MultipartStore = (*Multiparts)(nil)

// OpenMultiparts opens the collections.
func OpenMultiparts(ctx context.Context, db docstore.DB) (*Multiparts, error) {
	uploads, err := docstore.Open[multipart](ctx, db, docstore.Spec{Name: "multiparts", Indexes: []docstore.Index{
		{Name: indexDue, Fields: []string{"due_at"}},
		{Name: indexOpen, Fields: []string{"open_in", "key", "id"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening the multipart uploads: %w", err)
	}
	parts, err := docstore.Open[part](ctx, db, docstore.Spec{Name: "parts"})
	if err != nil {
		return nil, fmt.Errorf("opening the parts: %w", err)
	}
	plans, err := docstore.Open[plan](ctx, db, docstore.Spec{Name: "plans"})
	if err != nil {
		return nil, fmt.Errorf("opening the plans: %w", err)
	}
	return &Multiparts{uploads, parts, plans}, nil
}

// InsertMultipart implements domain.MultipartStore.
func (s *Multiparts) InsertMultipart(ctx context.Context, m domain.Multipart) error {
	_, err := s.uploads.Insert(ctx, m.ID, toMultipart(m))
	return err
}

// Multipart implements domain.MultipartStore.
func (s *Multiparts) Multipart(ctx context.Context, id string) (domain.Multipart, error) {
	d, err := s.uploads.Get(ctx, id)
	if err != nil {
		return domain.Multipart{}, missing(err)
	}
	return fromMultipart(d.Value), nil
}

// UpdateMultipart implements domain.MultipartStore.
func (s *Multiparts) UpdateMultipart(ctx context.Context, id string, change func(*domain.Multipart) error) (domain.Multipart, error) {
	d, err := s.uploads.Update(ctx, id, func(r *multipart) ([]docstore.Message, error) {
		m := fromMultipart(*r)
		if err := change(&m); err != nil {
			return nil, err
		}
		*r = toMultipart(m)
		return nil, nil
	})
	if err != nil {
		return domain.Multipart{}, missing(err)
	}
	return fromMultipart(d.Value), nil
}

// DeleteMultipart implements domain.MultipartStore.
func (s *Multiparts) DeleteMultipart(ctx context.Context, id string) error {
	return gone(s.uploads.Delete(ctx, id, docstore.DeleteOptions{}))
}

// DueMultiparts implements domain.MultipartStore.
func (s *Multiparts) DueMultiparts(ctx context.Context, by time.Time, limit int) ([]domain.Multipart, error) {
	return s.scan(ctx, docstore.Query{Index: indexDue, To: by, Limit: limit}, limit)
}

// Open implements domain.MultipartStore.
func (s *Multiparts) Open(ctx context.Context, bucketID, prefix, afterKey string, limit int) ([]domain.Multipart, error) {
	q := docstore.Query{Index: indexOpen, Equal: []any{bucketID}, Limit: limit}
	if end, ok := docstore.PrefixEnd(prefix); ok {
		q.From, q.To, q.ToExclusive = prefix, end, true
	}
	if afterKey != "" && afterKey >= prefix {
		q.From, q.FromExclusive = afterKey, true
	}
	return s.scan(ctx, q, limit)
}

// OpenOfKey implements domain.MultipartStore.
func (s *Multiparts) OpenOfKey(ctx context.Context, bucketID, key, after string, limit int) ([]domain.Multipart, error) {
	return s.scan(ctx, docstore.Query{Index: indexOpen, Equal: []any{bucketID, key}, From: after, FromExclusive: true, Limit: limit}, limit)
}

// CountOpen implements domain.MultipartStore.
func (s *Multiparts) CountOpen(ctx context.Context) (int64, error) {
	return s.uploads.Count(ctx, docstore.Query{Index: indexOpen})
}

// scan reads up to limit documents, over as many pages as that takes.
func (s *Multiparts) scan(ctx context.Context, q docstore.Query, limit int) ([]domain.Multipart, error) {
	var out []domain.Multipart
	for len(out) < limit {
		p, err := s.uploads.Scan(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, d := range p.Docs {
			if len(out) < limit {
				out = append(out, fromMultipart(d.Value))
			}
		}
		if q.After = p.Next; p.Next == "" {
			break
		}
	}
	return out, nil
}

// gone passes over that something is not there.
func gone(err error) error {
	if errors.Is(err, docstore.ErrNotFound) {
		return nil
	}
	return err
}

func toMultipart(m domain.Multipart) multipart {
	t := m.Ticket
	r := multipart{
		Account: t.AccountID, BucketID: t.BucketID, VersionID: t.VersionID, KeyDomain: t.KeyDomain, Region: t.Region, MaxSize: t.MaxSize, Held: t.LeaseTill,
		Bucket: m.Bucket, Key: m.Key, Meta: m.Meta, Retain: m.Retain, Hold: m.Hold,
		Phase: string(m.Phase), ID: m.ID, Began: m.Began, Expires: m.Expires, DueAt: m.DueAt, Replaced: m.Replaced,
		List: m.List, Plan: m.Plan, Clean: m.Clean, Outcome: string(m.Outcome),
	}
	if m.Phase == domain.Assembling || m.Phase == domain.Completing {
		r.OpenIn = t.BucketID
	}
	for _, a := range m.Attempts {
		r.Attempts = append(r.Attempts, attempt(a))
	}
	return r
}

func fromMultipart(r multipart) domain.Multipart {
	m := domain.Multipart{
		ID: r.ID, Ticket: objectv1.Ticket{
			VersionID: r.VersionID, BucketID: r.BucketID, AccountID: r.Account, KeyDomain: r.KeyDomain, Region: r.Region,
			MaxSize: r.MaxSize, Held: true, Staged: true, LeaseTill: r.Held.UTC(),
		},
		Bucket: r.Bucket, Key: r.Key, Meta: r.Meta, Retain: r.Retain, Hold: r.Hold, Phase: domain.Phase(r.Phase),
		Began: r.Began.UTC(), Expires: r.Expires.UTC(), DueAt: r.DueAt.UTC(), Replaced: r.Replaced,
		List: r.List, Plan: r.Plan, Clean: r.Clean, Outcome: domain.Outcome(r.Outcome),
	}
	if m.Retain != nil {
		m.Retain = &objectv1.Retention{Mode: r.Retain.Mode, Until: r.Retain.Until.UTC()}
	}
	for _, a := range r.Attempts {
		m.Attempts = append(m.Attempts, domain.Attempt{ID: a.ID, Since: a.Since.UTC()})
	}
	return m
}
