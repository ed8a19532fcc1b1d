package clicks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// foldPage is how many documents a sweep looks at in one go.
const foldPage = 200

// Sweep folds the days that are over into their months, brings old months down to
// their totals, and forgets marks that nothing needs any more. Whatever breaks
// it off, the next one goes on. It gives how many documents it changed.
func (c *Counter) Sweep(ctx context.Context) (int, error) {
	now := c.now()
	folded, err1 := sweep(ctx, c.days, "fold", now, c.fold)
	compacted, err2 := sweep(ctx, c.months, "compact", now, c.compact)
	forgotten, err3 := sweep(ctx, c.gone, "forget", now, func(ctx context.Context, d docstore.Doc[dropped]) error {
		return absent(c.gone.Delete(ctx, d.ID, docstore.DeleteOptions{IfRev: d.Rev}))
	})
	return folded + compacted + forgotten, errors.Join(err1, err2, err3)
}

// sweep does what is due until now by an index. One that fails does not keep the
// others.
func sweep[T any](ctx context.Context, c *docstore.Collection[T], index string, now time.Time, do func(context.Context, docstore.Doc[T]) error) (int, error) {
	var errs []error
	n, q := 0, docstore.Query{Index: index, To: now, Limit: foldPage}
	for {
		p, err := c.Scan(ctx, q)
		if err != nil {
			return n, errors.Join(append(errs, fmt.Errorf("finding what is over: %w", err))...)
		}
		for _, d := range p.Docs {
			if err := do(ctx, d); err != nil {
				errs = append(errs, err)
				continue
			}
			n++
		}
		if q.After = p.Next; p.Next == "" || ctx.Err() != nil {
			return n, errors.Join(errs...)
		}
	}
}

// absent takes what is gone already for done.
func absent(err error) error {
	if errors.Is(err, docstore.ErrNotFound) || errors.Is(err, docstore.ErrStale) {
		return nil
	}
	return err
}

// fold closes a day, adds it to its month, and removes it: in this order, so that
// a day that is found once more is known to its month.
func (c *Counter) fold(ctx context.Context, d docstore.Doc[day]) error {
	closed, err := c.days.Update(ctx, d.ID, func(v *day) ([]docstore.Message, error) {
		if v.Folding {
			return nil, docstore.Unchanged
		}
		v.Folding = true
		return nil, nil
	})
	if errors.Is(err, docstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("closing a day: %w", err)
	}
	faultpoint.Hit("stats.fold.closed")
	at, err := time.Parse(dayForm, closed.Value.Day)
	if err != nil {
		return fmt.Errorf("reading a day: %w", err)
	}
	_, err = c.months.Upsert(ctx, monthID(closed.Value.Subject, at.Format(monthForm)), func(m *month, exists bool) ([]docstore.Message, error) {
		if exists && m.CompactAt == nil || !m.take(at.Format("02"), closed.Value) {
			return nil, docstore.Unchanged
		}
		compact := time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, c.o.Days)
		m.CompactAt = &compact
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("folding a day: %w", err)
	}
	faultpoint.Hit("stats.fold.taken")
	if err := remove(ctx, c.slots, d.ID); err != nil {
		return err
	}
	faultpoint.Hit("stats.fold.emptied")
	if err := absent(c.days.Delete(ctx, d.ID, docstore.DeleteOptions{})); err != nil {
		return fmt.Errorf("removing a folded day: %w", err)
	}
	return nil
}

// compact drops what an old month knows of its days.
func (c *Counter) compact(ctx context.Context, d docstore.Doc[month]) error {
	_, err := c.months.Update(ctx, d.ID, func(m *month) ([]docstore.Message, error) {
		m.Days, m.CompactAt = nil, nil
		return nil, nil
	})
	if err := absent(err); err != nil {
		return fmt.Errorf("bringing a month down to its total: %w", err)
	}
	return nil
}
