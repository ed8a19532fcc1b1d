package store

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

type versions struct {
	c     *docstore.Collection[domain.Version]
	blind *docstore.Collection[blind]
}

func versionID(id string, v *domain.Version) { v.ID = id }

func (s versions) Insert(ctx context.Context, v domain.Version) error {
	_, err := s.c.Insert(ctx, v.ID, v)
	return ported(err)
}

func (s versions) Get(ctx context.Context, id string) (domain.Version, error) {
	if id == "" || len(id) > docstore.MaxID || !utf8.ValidString(id) {
		return domain.Version{}, domain.ErrNoDocument // the id comes from a URL
	}
	d, err := s.c.Get(ctx, id)
	d.Value.ID = id
	return d.Value, ported(err)
}

func (s versions) Update(ctx context.Context, id string, change func(v *domain.Version) error) (domain.Version, error) {
	d, err := s.c.Update(ctx, id, func(v *domain.Version) ([]docstore.Message, error) {
		v.ID = id
		return nil, change(v)
	})
	d.Value.ID = id
	return d.Value, ported(err)
}

func (s versions) Commit(ctx context.Context, id string, order, delta int64, settled bool) error {
	m := docstore.Mod{Set: map[string]any{"state": string(domain.VersionCommitted), "order": order, "delta": delta}}
	states := []domain.VersionState{domain.VersionDropping, domain.VersionRemoving, domain.VersionRemoved}
	if settled {
		m.Set["settled"] = true
		m.Unset = []string{"sweepAt"}
	} else {
		states = append(states, domain.VersionCommitted)
	}
	for _, st := range states {
		m.If = append(m.If, docstore.Ne("state", string(st)))
	}
	_, err := s.blind.Modify(ctx, id, m)
	return ported(err)
}

func (s versions) Delete(ctx context.Context, id string) error {
	err := ported(s.c.Delete(ctx, id, docstore.DeleteOptions{}))
	return absent(err)
}

func (s versions) Drop(ctx context.Context, v domain.Version) error {
	for {
		d, err := s.c.Get(ctx, v.ID)
		if err != nil {
			return absent(ported(err))
		}
		if d.Value.State != domain.VersionDropping || d.Value.Reservation != v.Reservation {
			return nil
		}
		err = ported(s.c.Delete(ctx, v.ID, docstore.DeleteOptions{IfRev: d.Rev}))
		if errors.Is(err, domain.ErrStale) {
			continue
		}
		return absent(err)
	}
}

func (s versions) Live(ctx context.Context, bucket string, limit int) ([]domain.Version, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "live", Equal: []any{bucket}, Limit: limit})
	return values(p, versionID), ported(err)
}

func (s versions) Newest(ctx context.Context, bucket, key string, skip func(id string) bool) (domain.Version, error) {
	q := docstore.Query{Index: "live", Equal: []any{bucket, key}, Desc: true, Limit: 8}
	for {
		p, err := s.c.Scan(ctx, q)
		if err != nil {
			return domain.Version{}, ported(err)
		}
		for _, v := range values(p, versionID) {
			if !skip(v.ID) && v.State == domain.VersionCommitted {
				return v, nil
			}
		}
		if q.After = p.Next; q.After == "" {
			return domain.Version{}, domain.ErrNoDocument
		}
	}
}

func (s versions) Between(ctx context.Context, bucket string, r domain.Range, limit int) ([]domain.Version, bool, error) {
	p, err := s.c.Scan(ctx, ranged(docstore.Query{Index: "live", Equal: []any{bucket}, Limit: limit}, r))
	return values(p, versionID), p.Next != "", ported(err)
}

func (s versions) Before(ctx context.Context, bucket, key string, order int64, limit int) ([]domain.Version, error) {
	p, err := s.c.Scan(ctx, docstore.Query{
		Index: "live", Equal: []any{bucket, key}, To: order, ToExclusive: true, Desc: true, Limit: limit,
	})
	return values(p, versionID), ported(err)
}

func (s versions) Due(ctx context.Context, now time.Time, limit int) ([]domain.Version, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: now, Limit: limit})
	return values(p, versionID), ported(err)
}

func (s versions) Locked(ctx context.Context, bucket string, at time.Time, limit int) ([]domain.Version, error) {
	q := docstore.Query{Index: "held", Equal: []any{true, bucket}, Limit: limit}
	p, err := s.c.Scan(ctx, q)
	found := values(p, versionID)
	for _, mode := range []string{objectv1.Governance, objectv1.Compliance} {
		if err != nil || len(found) >= limit {
			break
		}
		q = docstore.Query{Index: "retained", Equal: []any{mode, bucket}, From: at, FromExclusive: true, Limit: limit - len(found)}
		p, err = s.c.Scan(ctx, q)
		found = append(found, values(p, versionID)...)
	}
	return found, ported(err)
}
