package domain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// FetchLeased is a fetch that a worker has for itself.
type FetchLeased struct {
	Fetch
	Owner authv1.Principal
}

// Lease begins an attempt of a fetch that nobody has.
func (s *Fetches) Lease(ctx context.Context, id int64) (FetchLeased, error) {
	f, err := s.find(ctx, id)
	if err != nil {
		return FetchLeased{}, err
	}
	if f.Over() {
		return FetchLeased{}, uploadv1.ErrFetchOver
	}
	account, err := s.Accounts.GetAccount(ctx, authv1.GetAccountRequest{ID: f.Account})
	if errors.Is(err, authv1.ErrAccountNotFound) || err == nil && account.Disabled {
		return FetchLeased{}, s.orphan(ctx, id)
	}
	if err != nil {
		return FetchLeased{}, fmt.Errorf("reading the account of a fetch: %w", err)
	}
	spent := false
	f, _, err = s.update(ctx, id, func(f *Fetch) error {
		now := s.now()
		spent = false
		switch {
		case f.Over():
			return uploadv1.ErrFetchOver
		case now.Before(f.LeaseTill):
			return uploadv1.ErrFetchTaken
		case now.Before(f.NotBefore):
			return uploadv1.ErrFetchTaken.Msgf("the fetch is not due yet")
		case f.Attempts >= uploadv1.MaxFetchAttempts: // the last one lapsed, and the sweep was not there yet
			spent = true
			f.Reason = reasonCut
			f.end(uploadv1.FetchFailed, now)
			return nil
		}
		f.State, f.NotBefore, f.Reason = uploadv1.FetchDownloading, time.Time{}, ""
		f.Attempts, f.Fence, f.Received, f.Size, f.UpdatedAt = f.Attempts+1, f.Fence+1, 0, -1, now
		s.extend(f, now)
		return nil
	})
	if err != nil {
		return FetchLeased{}, err
	}
	if spent {
		s.ended(ctx, f, FetchFailed)
		return FetchLeased{}, uploadv1.ErrFetchOver
	}
	return FetchLeased{f, authv1.Principal{
		AccountID: account.ID, Username: account.Username, KeyID: f.KeyID, Grant: f.Grant, Limits: account.Limits, Region: account.Region,
	}}, nil
}

// extend lets the worker be believed in for another lease.
func (s *Fetches) extend(f *Fetch, now time.Time) {
	f.LeaseTill = now.Add(uploadv1.FetchLease)
	f.DueAt = f.LeaseTill.Add(s.o.Grace)
}

// orphan ends the fetch of an account that is gone.
func (s *Fetches) orphan(ctx context.Context, id int64) error {
	f, changed, err := s.update(ctx, id, func(f *Fetch) error {
		if f.Over() {
			return errNotMine
		}
		f.Reason = reasonAccount
		f.end(uploadv1.FetchFailed, s.now())
		return nil
	})
	if changed {
		s.ended(ctx, f, FetchFailed)
	}
	if err != nil {
		return err
	}
	return uploadv1.ErrFetchOver
}

// Keep extends a lease. One that has run out and was not noticed yet goes on.
func (s *Fetches) Keep(ctx context.Context, r uploadv1.KeepFetchRequest) (Fetch, error) {
	f, _, err := s.update(ctx, r.ID, func(f *Fetch) error {
		switch {
		case f.Over():
			return uploadv1.ErrFetchOver
		case f.State != uploadv1.FetchDownloading || f.Fence != r.Fence:
			return uploadv1.ErrFetchTaken
		}
		now := s.now()
		f.Received, f.Size, f.UpdatedAt = r.Received, r.Size, now
		s.extend(f, now)
		return nil
	})
	return f, err
}

// End ends a worker's attempt. The same again changes nothing; a worker whose
// lease lapsed may still say how it ended, as long as nobody has begun anew.
func (s *Fetches) End(ctx context.Context, r uploadv1.EndFetchRequest) (Fetch, error) {
	var o FetchOutcome
	f, changed, err := s.update(ctx, r.ID, func(f *Fetch) error {
		if f.Fence != r.Fence {
			return uploadv1.ErrFetchTaken
		}
		if f.Over() || f.State == uploadv1.FetchQueued && (r.Again || r.Returned) {
			return errNotMine // a repeat, or it was ended meanwhile, or lapsed and is queued already
		}
		o = s.settle(f, r)
		return nil
	})
	if err != nil || !changed {
		return f, err
	}
	if f.Over() {
		s.ended(ctx, f, o)
		return f, nil
	}
	s.Meter.FetchEnded(o)
	s.wake(ctx, f)
	return f, nil
}

// settle writes the end of an attempt into the document.
func (s *Fetches) settle(f *Fetch, r uploadv1.EndFetchRequest) FetchOutcome {
	now := s.now()
	f.UpdatedAt, f.Reason = now, r.Reason
	switch {
	case r.Returned:
		f.Attempts, f.Reason = f.Attempts-1, ""
		f.queue(now)
		return FetchReturned
	case r.NodeID != "":
		f.NodeID, f.Received, f.Size, f.Reason = r.NodeID, r.Size, r.Size, ""
		f.end(uploadv1.FetchDone, now)
		return FetchDone
	case r.Again && f.Attempts < uploadv1.MaxFetchAttempts:
		least := time.Duration(min(max(r.WaitSeconds, 0), int64(fetchPatience/time.Second))) * time.Second
		f.wait(now.Add(max(s.pause(f.Attempts), least)))
		return FetchAgain
	}
	f.end(uploadv1.FetchFailed, now)
	return FetchFailed
}

// pause is how long the attempt behind the n-th one waits.
func (s *Fetches) pause(n int) time.Duration {
	d := float64(s.o.Retry) * math.Pow(fetchFactor, float64(n-1))
	return time.Duration(min(d, float64(fetchPatience)))
}

// wake sets the timer of a fetch that waits; without one the sweep finds it.
func (s *Fetches) wake(ctx context.Context, f Fetch) {
	if f.NotBefore.IsZero() {
		return
	}
	if err := s.Timers.Wake(ctx, f.ID, f.NotBefore); err != nil {
		s.Log.WarnContext(ctx, "setting a timer failed, the sweep stands in", "fetch_id", f.ID, "err", err)
	}
}
