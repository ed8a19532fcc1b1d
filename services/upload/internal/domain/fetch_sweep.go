package domain

import (
	"context"
	"errors"
	"fmt"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// Due puts a fetch into the queue whose next attempt is due; one that is not, or
// is gone, is left alone.
func (s *Fetches) Due(ctx context.Context, id int64) error {
	_, err := s.Store.UpdateFetch(ctx, id, func(f *Fetch) error {
		now := s.now()
		if f.State != uploadv1.FetchQueued || f.NotBefore.IsZero() || now.Before(f.NotBefore) {
			return errNotMine
		}
		f.queue(now)
		return nil
	})
	if errors.Is(err, errNotMine) || errors.Is(err, ErrNoRecord) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queueing a fetch: %w", err)
	}
	return nil
}

// Sweep queues what is due and what got lost, takes fetches from workers that are
// not heard of any more, and forgets those that ended long ago. It returns how many
// it dealt with, and the errors of those that stay for the next one.
func (s *Fetches) Sweep(ctx context.Context) (int, error) {
	return eachDue(ctx, func() ([]Fetch, error) { return s.Store.DueFetches(ctx, s.now(), sweepPage) }, func(f Fetch) error {
		if err := s.tend(ctx, f); err != nil {
			return fmt.Errorf("fetch %d: %w", f.ID, err)
		}
		return nil
	})
}

func (s *Fetches) tend(ctx context.Context, seen Fetch) error {
	if seen.Over() { // for good, so that nobody changes it any more
		return s.forget(ctx, seen)
	}
	lapsed := false
	f, err := s.Store.UpdateFetch(ctx, seen.ID, func(f *Fetch) error {
		now := s.now()
		if f.Over() || f.DueAt.After(now) {
			return errNotMine
		}
		lapsed = f.State == uploadv1.FetchDownloading
		f.UpdatedAt = now
		if lapsed && f.Attempts >= uploadv1.MaxFetchAttempts {
			f.Reason = reasonCut
			f.end(uploadv1.FetchFailed, now)
			return nil
		}
		f.queue(now)
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return errNotMine
	}
	if err != nil {
		return err
	}
	if lapsed {
		s.Meter.FetchEnded(FetchAbandoned)
	}
	if f.Over() {
		s.ended(ctx, f, FetchFailed)
	}
	return nil
}

// RemoveAll ends and removes an account's, and says whether others are left. A
// worker that has one finds that it is gone when it says next that it goes on.
func (s *Fetches) RemoveAll(ctx context.Context, account string) (more bool, err error) {
	page, err := s.List(ctx, account)
	if err != nil {
		return false, err
	}
	for _, f := range page {
		if err := s.forget(ctx, f); err != nil {
			return false, fmt.Errorf("removing fetch %d: %w", f.ID, err)
		}
		if !f.Over() {
			s.Meter.FetchEnded(FetchCancelled)
		}
	}
	return len(page) == uploadv1.MaxFetchesListed, nil
}

// forget removes a fetch that ended long ago, or whose account is being closed.
func (s *Fetches) forget(ctx context.Context, f Fetch) error {
	err := s.Store.UpdateFetchSlots(ctx, f.Account, func(x *FetchSlots) error {
		if !x.forget(f.ID) {
			return errNotMine
		}
		return nil
	})
	if err != nil && !errors.Is(err, errNotMine) {
		return fmt.Errorf("forgetting that it counted: %w", err)
	}
	return s.Store.DeleteFetch(ctx, f.ID)
}
