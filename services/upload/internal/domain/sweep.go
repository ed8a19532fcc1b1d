package domain

import (
	"context"
	"errors"
	"fmt"
	"sync"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

const (
	sweepPage = 200 // records read at a time
	sweepers  = 8   // aborts at a time
)

// errNotMine says that another one has the record, or that it is no longer due.
var errNotMine = errors.New("the ingest is not due any more")

// eachDue tends what is due, a page at a time and a few records at once. It
// returns how many it dealt with, and the errors of those that stay.
func eachDue[T any](ctx context.Context, due func() ([]T, error), tend func(T) error) (int, error) {
	var mu sync.Mutex
	var errs []error
	done := 0
	for ctx.Err() == nil {
		page, err := due()
		if err != nil {
			return done, errors.Join(append(errs, fmt.Errorf("looking for what is due: %w", err))...)
		}
		var wg sync.WaitGroup
		slots := make(chan struct{}, sweepers)
		for _, record := range page {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				err := tend(record)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else if !errors.Is(err, errNotMine) {
					errs = append(errs, err)
				}
			})
		}
		wg.Wait()
		// A claim moves a record out of the way, so that the next page differs; a
		// page with failures is left to the next sweep.
		if len(page) < sweepPage || len(errs) > 0 {
			break
		}
	}
	return done, errors.Join(errs...)
}

// Sweep ends the ingests that nobody renewed, and the aborts that a crash or an
// absent object service left open. It returns how many it ended, with the errors
// of those that stay for the next one.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	return eachDue(ctx, func() ([]Ingest, error) { return s.Store.Due(ctx, s.Clock().UTC(), sweepPage) }, func(i Ingest) error { return s.end(ctx, i) })
}

// end claims a due record and aborts what stands behind it.
func (s *Service) end(ctx context.Context, i Ingest) error {
	i, err := s.claim(ctx, i, Abandoned)
	if err != nil {
		return err
	}
	if i.State != Ending {
		return errNotMine
	}
	return s.finish(ctx, i)
}

// claim turns a record Ending and pushes its time, so that other copies leave it
// alone while this one works. The zero Ingest says that it is gone, or not due.
func (s *Service) claim(ctx context.Context, seen Ingest, o Outcome) (Ingest, error) {
	now := s.Clock().UTC()
	i, err := s.Store.Update(ctx, seen.Ticket.VersionID, func(i *Ingest) error {
		// A sweep acts on what it saw: who renewed or claimed meanwhile wins.
		if o == Abandoned && i.DueAt.After(now) {
			return errNotMine
		}
		if i.State == Open {
			i.State, i.Outcome = Ending, o
		}
		i.DueAt = now.Add(s.o.Retry)
		return nil
	})
	if errors.Is(err, ErrNoRecord) || errors.Is(err, errNotMine) {
		return Ingest{}, nil
	}
	if err != nil {
		return Ingest{}, fmt.Errorf("claiming ingest %s: %w", seen.Ticket.VersionID, err)
	}
	return i, nil
}

// finish aborts the ticket and forgets the record. A version that was committed
// stays: object says so.
func (s *Service) finish(ctx context.Context, i Ingest) error {
	committed, err := s.abort(ctx, i.Ticket)
	if err != nil {
		return fmt.Errorf("ending ingest %s: %w", i.Ticket.VersionID, err)
	}
	o := i.Outcome
	if committed {
		o = Committed
	}
	return s.forget(ctx, i.Ticket.VersionID, o)
}

func (s *Service) abort(ctx context.Context, t objectv1.Ticket) (committed bool, err error) {
	r, err := s.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: t.AccountID, VersionID: t.VersionID, Idempotency: t.Idempotency})
	if err != nil {
		return false, fmt.Errorf("aborting the ticket: %w", err)
	}
	return r.Committed, nil
}
