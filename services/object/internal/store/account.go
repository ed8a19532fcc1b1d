package store

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

type accounts struct {
	c     *docstore.Collection[domain.Usage]
	blind *docstore.Collection[blind]
}

func reservation(id string) string { return "res." + id }
func released(id string) string    { return "rel." + id }

func (s accounts) Create(ctx context.Context, account string) error {
	_, err := s.c.Get(ctx, account)
	if !errors.Is(err, docstore.ErrNotFound) {
		return err
	}
	_, err = s.c.Insert(ctx, account, domain.Usage{Account: account})
	if errors.Is(err, docstore.ErrExists) {
		return nil
	}
	return err
}

func (s accounts) Get(ctx context.Context, account string) (domain.Usage, error) {
	if account == "" {
		return domain.Usage{}, domain.ErrNoDocument
	}
	d, err := s.c.Get(ctx, account)
	return d.Value, ported(err)
}

func (s accounts) Standing(ctx context.Context, account string) (int64, domain.Closing, error) {
	if account == "" {
		return 0, domain.Closing{}, nil
	}
	d, err := s.blind.Get(ctx, account)
	return d.Value.Total, d.Value.Closing, absent(ported(err))
}

// within holds while the account has room for bytes more; taking none is
// always allowed.
func within(bytes, limit int64) []docstore.Cond {
	if limit <= 0 || bytes <= 0 {
		return nil
	}
	return []docstore.Cond{docstore.Lte("total", limit-bytes)}
}

func (s accounts) Reserve(ctx context.Context, account, id string, r domain.Reservation, limit int64) error {
	_, err := s.blind.Modify(ctx, account, docstore.Mod{
		If:  append(within(r.Bytes, limit), docstore.Absent(reservation(id)), docstore.Absent("closing")),
		Set: map[string]any{reservation(id): r, "open": r.Lease},
		Inc: map[string]int64{"total": r.Bytes},
	})
	return ported(err)
}

func (s accounts) Resize(ctx context.Context, account, id string, old int64, r domain.Reservation, limit int64) error {
	_, err := s.blind.Modify(ctx, account, docstore.Mod{
		If:  append(within(r.Bytes-old, limit), docstore.Eq(reservation(id)+".bytes", old)),
		Set: map[string]any{reservation(id): r, "open": r.Lease},
		Inc: map[string]int64{"total": r.Bytes - old},
	})
	return ported(err)
}

func (s accounts) ReserveBeside(
	ctx context.Context, account, id string, r domain.Reservation, other string, old int64, next domain.Reservation, limit int64,
) error {
	more := r.Bytes + next.Bytes - old
	m := docstore.Mod{
		If:  append(within(more, limit), docstore.Absent(reservation(id)), docstore.Absent("closing")),
		Set: map[string]any{reservation(id): r, "open": r.Lease},
		Inc: map[string]int64{"total": more},
	}
	if old > 0 {
		m.If = append(m.If, docstore.Eq(reservation(other)+".bytes", old))
	} else {
		m.If = append(m.If, docstore.Absent(reservation(other)))
	}
	if next.Bytes > 0 {
		m.Set[reservation(other)] = next
	} else if old > 0 {
		m.Unset = []string{reservation(other)}
	}
	_, err := s.blind.Modify(ctx, account, m)
	return ported(err)
}

func (s accounts) Lapse(ctx context.Context, account, id string, r domain.Reservation) error {
	_, err := s.blind.Modify(ctx, account, docstore.Mod{
		If:    []docstore.Cond{docstore.Eq(reservation(id)+".bytes", r.Bytes), docstore.Eq(reservation(id)+".lease", r.Lease)},
		Unset: []string{reservation(id)},
		Inc:   map[string]int64{"total": -r.Bytes},
	})
	if errors.Is(err, docstore.ErrGuard) {
		return nil
	}
	return absent(ported(err))
}

func (s accounts) Unreserve(ctx context.Context, account, id string) error {
	for {
		u, err := s.Get(ctx, account)
		if err != nil {
			return absent(err)
		}
		r, ok := u.Reserved[id]
		if !ok {
			return nil
		}
		_, err = s.blind.Modify(ctx, account, docstore.Mod{
			If:    []docstore.Cond{docstore.Eq(reservation(id)+".bytes", r.Bytes)},
			Unset: []string{reservation(id)},
			Inc:   map[string]int64{"total": -r.Bytes},
		})
		if errors.Is(err, docstore.ErrGuard) {
			continue // resized or gone
		}
		return ported(err)
	}
}

func (s accounts) Merge(ctx context.Context, account, into string, ids []string) error {
	for {
		u, err := s.Get(ctx, account)
		if err != nil {
			return err
		}
		if _, ok := u.Reserved[into]; !ok {
			return domain.ErrRefused
		}
		m := docstore.Mod{If: []docstore.Cond{docstore.Exists(reservation(into))}, Inc: map[string]int64{}}
		for _, id := range ids {
			r, ok := u.Reserved[id]
			if !ok {
				continue
			}
			delete(u.Reserved, id) // it may be there twice
			m.If = append(m.If, docstore.Eq(reservation(id)+".bytes", r.Bytes))
			m.Unset = append(m.Unset, reservation(id))
			m.Inc[reservation(into)+".bytes"] += r.Bytes
		}
		if len(m.Unset) == 0 {
			return nil
		}
		_, err = s.blind.Modify(ctx, account, m)
		if errors.Is(err, docstore.ErrGuard) {
			continue // another process merged one of them
		}
		return ported(err)
	}
}

func (s accounts) GiveBack(ctx context.Context, account string, epoch int64, r domain.Return) error {
	mark := released("c" + r.Content)
	m := docstore.Mod{
		If:  []docstore.Cond{epochIs(epoch), docstore.Absent(mark)},
		Set: map[string]any{mark: true},
		Inc: map[string]int64{"total": -r.Bytes},
	}
	if r.Own {
		m.If = append(m.If, docstore.Eq(reservation(r.Reservation)+".bytes", r.Bytes))
		m.Unset = []string{reservation(r.Reservation)}
	} else {
		m.If = append(m.If, docstore.Absent(reservation(r.Reservation)), docstore.Exists(reservation(r.Upload)))
		m.Inc[reservation(r.Upload)+".bytes"] = -r.Bytes
	}
	_, err := s.blind.Modify(ctx, account, m)
	return s.marked(ctx, account, "c"+r.Content, err)
}

func epochIs(epoch int64) docstore.Cond {
	if epoch == 0 {
		return docstore.Absent("epoch")
	}
	return docstore.Eq("epoch", epoch)
}

// marked tells what refused a statement that sets a mark.
func (s accounts) marked(ctx context.Context, account, mark string, err error) error {
	if !errors.Is(err, docstore.ErrGuard) {
		return ported(err)
	}
	u, err := s.Get(ctx, account)
	if err != nil {
		return err
	}
	if u.Released[mark] {
		return domain.ErrRefused
	}
	return domain.ErrStale
}

func (s accounts) Settle(ctx context.Context, account string, entries []domain.Settlement) error {
	for {
		u, err := s.Get(ctx, account)
		if err != nil {
			return err
		}
		m := docstore.Mod{Inc: map[string]int64{}}
		for _, e := range entries {
			r, ok := u.Reserved[e.Reservation]
			if !ok {
				continue
			}
			delete(u.Reserved, e.Reservation) // an entry may be there twice
			m.If = append(m.If, docstore.Eq(reservation(e.Reservation)+".bytes", r.Bytes))
			m.Unset = append(m.Unset, reservation(e.Reservation))
			m.Inc["used"] += e.Bytes
			m.Inc["total"] += e.Bytes - r.Bytes
			m.Inc["buckets."+e.Bucket+".n"] += e.Objects
			m.Inc["buckets."+e.Bucket+".b"] += e.Bytes
		}
		if len(m.If) == 0 {
			return nil
		}
		_, err = s.blind.Modify(ctx, account, m)
		if errors.Is(err, docstore.ErrGuard) {
			continue // another process settled one of them
		}
		return ported(err)
	}
}

func (s accounts) Release(ctx context.Context, account string, epoch int64, e domain.Settlement) error {
	_, err := s.blind.Modify(ctx, account, docstore.Mod{
		If:  []docstore.Cond{epochIs(epoch), docstore.Absent(released(e.Version))},
		Set: map[string]any{released(e.Version): true},
		Inc: map[string]int64{
			"used": -e.Bytes, "total": -e.Bytes,
			"buckets." + e.Bucket + ".n": e.Objects, "buckets." + e.Bucket + ".b": -e.Bytes,
		},
	})
	return s.marked(ctx, account, e.Version, err)
}

func (s accounts) Unmark(ctx context.Context, account string, versions []string) error {
	m := docstore.Mod{Inc: map[string]int64{"epoch": 1}}
	for _, v := range versions {
		m.Unset = append(m.Unset, released(v))
	}
	_, err := s.blind.Modify(ctx, account, m)
	return ported(err)
}

func (s accounts) DropBucket(ctx context.Context, account, bucket string) error {
	_, err := s.blind.Modify(ctx, account, docstore.Mod{Unset: []string{"buckets." + bucket}})
	return absent(ported(err))
}

func (s accounts) Quiet(ctx context.Context, account string, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	_, err := s.blind.Modify(ctx, account, docstore.Mod{
		If: []docstore.Cond{docstore.Eq("open", at)}, Unset: []string{"open"},
	})
	if errors.Is(err, docstore.ErrGuard) {
		return nil
	}
	return ported(err)
}

func (s accounts) Opened(ctx context.Context, after string, limit int) ([]domain.Usage, string, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "open", After: after, Limit: limit})
	return values(p, nil), p.Next, ported(err)
}

// closingIs holds while a document's closing is c.
func closingIs(c domain.Closing) []docstore.Cond {
	if c.State == "" {
		return []docstore.Cond{docstore.Absent("closing")}
	}
	return []docstore.Cond{docstore.Eq("closing.state", c.State), docstore.Eq("closing.at", c.At)}
}

func (s accounts) Close(ctx context.Context, account string, was, next domain.Closing) error {
	m := docstore.Mod{If: closingIs(was)}
	if next.State == "" {
		m.Unset = []string{"closing"}
	} else {
		m.Set = map[string]any{"closing": next}
	}
	_, err := s.blind.Modify(ctx, account, m)
	return ported(err)
}

func (s accounts) Closing(ctx context.Context, now time.Time, limit int) ([]domain.Usage, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "closing", To: now, Limit: limit})
	return values(p, nil), ported(err)
}

func (s accounts) Forget(ctx context.Context, account string, was domain.Closing) error {
	d, err := s.blind.Get(ctx, account)
	if err != nil {
		return absent(ported(err))
	}
	if d.Value.Closing.State != was.State || !d.Value.Closing.At.Equal(was.At) {
		return domain.ErrRefused
	}
	err = ported(s.blind.Delete(ctx, account, docstore.DeleteOptions{IfRev: d.Rev}))
	if errors.Is(err, domain.ErrStale) {
		return domain.ErrRefused
	}
	return absent(err)
}
