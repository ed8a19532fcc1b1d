package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

const (
	sweepPage = 200
	// orphanAfter is the age at which a content or a reservation without a
	// version is an orphan. No commit goes on with one older than half of commitLease.
	orphanAfter = 10 * time.Minute
	// contentCursor names the cursor of the search for orphans.
	contentCursor = "contents"
)

// Sweep repairs what crashes left: it ends what nobody will end any more. Any
// number of copies may sweep at once. Errors of single documents do not stop it.
func (s *Service) Sweep(ctx context.Context) error {
	return errors.Join(
		s.sweepVersions(ctx), s.sweepHeads(ctx), s.sweepBuckets(ctx), s.sweepAccounts(ctx), s.sweepContents(ctx), s.sweepHolds(ctx),
		s.sweepBindings(ctx), s.sweepClosed(ctx), s.sweepNodes(ctx), s.sweepShards(ctx), s.sweepGraves(ctx),
	)
}

// sweepAll handles what due gives until only documents come back that were met before.
func sweepAll[T any](
	ctx context.Context, s *Service, due func(limit int) ([]T, error), id func(T) string, handle func(T) error,
) error {
	seen := make(map[string]bool)
	var errs []error
	for limit := sweepPage; ctx.Err() == nil; {
		page, err := due(limit)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		fresh := 0
		for _, d := range page {
			if seen[id(d)] {
				continue
			}
			seen[id(d)] = true
			fresh++
			if err := handle(d); err != nil {
				errs = append(errs, err)
			} else if s.d.Swept != nil {
				s.d.Swept()
			}
		}
		if fresh == 0 && len(page) < limit {
			break
		}
		if fresh == 0 {
			limit *= 2 // what cannot be handled stands in front of the rest
			if limit > 50*sweepPage {
				break
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Service) sweepVersions(ctx context.Context) error {
	due := func(limit int) ([]Version, error) { return s.st.Versions.Due(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(v Version) string { return v.ID }, func(v Version) error {
		if err := s.sweepVersion(ctx, v); err != nil {
			return fmt.Errorf("sweeping version %s: %w", v.ID, err)
		}
		return nil
	})
}

// sweepVersion takes the next step for a version whose time has come.
func (s *Service) sweepVersion(ctx context.Context, v Version) error {
	switch v.State {
	case VersionHeld:
		return s.abandonHeld(ctx, v.ID, s.now())
	case VersionPending, VersionAbandoned:
		return s.abandon(ctx, v, s.now())
	case VersionDropping:
		return s.drop(ctx, v)
	case VersionCommitted:
		return s.settleAll(ctx, v.Account, []settling{{v: v, order: v.Order, delta: v.Delta}})
	case VersionRemoving:
		return s.finishRemoval(ctx, v)
	}
	return s.st.Versions.Delete(ctx, v.ID)
}

func (s *Service) sweepHeads(ctx context.Context) error {
	due := func(limit int) ([]Head, error) { return s.st.Heads.Due(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(h Head) string { return h.Bucket + "\x00" + h.Key }, func(h Head) error {
		if err := s.cleanDiscards(ctx, h); err != nil {
			return fmt.Errorf("sweeping a head: %w", err)
		}
		cur, rev, err := s.st.Heads.Get(ctx, h.Bucket, h.Key)
		if err != nil {
			return fmt.Errorf("sweeping a head: %w", err)
		}
		if rev == 0 || cur.Current != "" || len(cur.Discard) > 0 || cur.SweepAt.After(s.now()) {
			return nil
		}
		if err := s.st.Heads.Delete(ctx, cur, rev); err != nil && !errors.Is(err, ErrStale) {
			return fmt.Errorf("removing an empty head: %w", err)
		}
		return nil
	})
}

func (s *Service) sweepBuckets(ctx context.Context) error {
	due := func(limit int) ([]Bucket, error) { return s.st.Buckets.Due(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(b Bucket) string { return b.ID }, func(b Bucket) error {
		err := s.deleteBucket(ctx, b.ID)
		if err != nil {
			// It is open again, or will be tried again.
			s.d.Log.InfoContext(ctx, "deletion of a bucket was not finished", "bucket_id", b.ID, "err", err)
		}
		return nil
	})
}

// sweepAccounts takes reservations back whose version never came, and forgets
// released versions.
func (s *Service) sweepAccounts(ctx context.Context) error {
	var errs []error
	for after := ""; ctx.Err() == nil; {
		page, next, err := s.st.Accounts.Opened(ctx, after, sweepPage)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, u := range page {
			if err := s.sweepAccount(ctx, u); err != nil {
				errs = append(errs, fmt.Errorf("sweeping the usage of %s: %w", u.Account, err))
			}
		}
		if after = next; after == "" {
			break
		}
	}
	return errors.Join(errs...)
}

func (s *Service) sweepAccount(ctx context.Context, u Usage) error {
	if err := s.lapse(ctx, u); err != nil {
		return err
	}
	old := s.now().Add(-orphanAfter)
	for id, r := range u.Reserved {
		if r.Lease.After(old) {
			continue
		}
		v, err := s.st.Versions.Get(ctx, r.Version)
		if err != nil && !errors.Is(err, ErrNoDocument) {
			return err
		}
		if err == nil && v.Reservation == id {
			continue // the version's own sweep settles it or gives it back
		}
		if err := s.sweepReservation(ctx, u.Account, id, r); err != nil {
			return err
		}
	}
	if err := s.unmarkEnded(ctx, u); err != nil {
		return err
	}
	cur, err := s.st.Accounts.Get(ctx, u.Account)
	if err != nil {
		return err
	}
	if len(cur.Reserved) == 0 && len(cur.Released) == 0 {
		return s.st.Accounts.Quiet(ctx, cur.Account, cur.Open)
	}
	return nil
}

// sweepReservation ends a reservation that is not its version's: a part's that
// stands goes into its upload's, any other one is an attempt's that died.
func (s *Service) sweepReservation(ctx context.Context, account, id string, r Reservation) error {
	if content, _, ok := strings.Cut(id, "_"); ok && content != r.Version {
		c, err := s.st.Contents.Get(ctx, content)
		if err != nil && !errors.Is(err, ErrNoDocument) {
			return fmt.Errorf("reading a part: %w", err)
		}
		if err == nil && c.Leaving == r.Version && c.Reservation == id {
			return nil // it takes the reservation with it
		}
		if err == nil && c.Staged == r.Version && c.Reservation == id {
			if err := s.st.Accounts.Merge(ctx, account, r.Version, []string{id}); !errors.Is(err, ErrRefused) {
				return err
			}
		}
	}
	return s.st.Accounts.Unreserve(ctx, account, id)
}

// sweepHolds looks at contents that may have a hold of something that never came
// or is gone: of parts, and of copies.
func (s *Service) sweepHolds(ctx context.Context) error {
	due := func(limit int) ([]Content, error) { return s.st.Contents.Due(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(c Content) string { return c.ID }, func(c Content) error {
		if c.Leaving != "" {
			return s.finishLeaving(ctx, c)
		}
		if err := s.sweepContent(ctx, c); err != nil {
			return err
		}
		if err := s.st.Contents.Swept(ctx, c.ID, c.SweepAt); err != nil {
			return fmt.Errorf("noting that a content was looked at: %w", err)
		}
		return nil
	})
}

// sweepContents takes away contents whose commit died before its version was
// written. Each content is looked at once, when it is old enough: the ids follow
// the time, and a cursor remembers how far the search came.
func (s *Service) sweepContents(ctx context.Context) error {
	from, err := s.st.Cursors.Get(ctx, contentCursor)
	if err != nil {
		return fmt.Errorf("reading the cursor of the contents: %w", err)
	}
	var end ulid.ULID
	if err := end.SetTime(ulid.Timestamp(s.now().Add(-orphanAfter))); err != nil {
		return fmt.Errorf("finding the end of the search: %w", err)
	}
	for ctx.Err() == nil {
		page, err := s.st.Contents.Between(ctx, from, end.String(), sweepPage)
		if err != nil {
			return fmt.Errorf("searching for orphans: %w", err)
		}
		for _, c := range page {
			if c.SweepAt.IsZero() { // otherwise it has its own time
				if err := s.sweepContent(ctx, c); err != nil {
					return err
				}
			}
			from = c.ID
		}
		if len(page) == 0 {
			break
		}
		if err := s.st.Cursors.Set(ctx, contentCursor, from); err != nil {
			return fmt.Errorf("moving the cursor of the contents: %w", err)
		}
	}
	return ctx.Err()
}

// sweepContent takes the holds off a content that nobody has. They are all older
// than orphanAfter.
func (s *Service) sweepContent(ctx context.Context, c Content) error {
	for hold := range c.Holds {
		wanted, err := s.wanted(ctx, c, hold)
		if err != nil {
			return err
		}
		if wanted {
			continue
		}
		if err := s.st.Contents.Release(ctx, c.ID, hold); err != nil {
			return fmt.Errorf("taking an orphan away: %w", err)
		}
	}
	return nil
}

// wanted reports whether whoever a hold is named after still has the content.
func (s *Service) wanted(ctx context.Context, c Content, hold string) (bool, error) {
	holder, _, _ := strings.Cut(hold[1:], "_")
	v, err := s.st.Versions.Get(ctx, holder)
	if err != nil && !errors.Is(err, ErrNoDocument) {
		return false, fmt.Errorf("reading the holder of a content: %w", err)
	}
	if hold == stagedHold(holder) {
		return err == nil && v.underWay() && c.Staged == v.ID, nil
	}
	return err == nil && v.Content == c.ID && v.hold() == hold, nil
}
