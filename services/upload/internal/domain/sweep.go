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

// Sweep ends the ingests that nobody renewed, and the aborts that a crash or an
// absent object service left open. It returns how many it ended, with the errors
// of those that stay for the next one.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	var mu sync.Mutex
	var errs []error
	ended := 0
	for ctx.Err() == nil {
		due, err := s.Store.Due(ctx, s.Clock().UTC(), sweepPage)
		if err != nil {
			return ended, errors.Join(append(errs, fmt.Errorf("looking for abandoned ingests: %w", err))...)
		}
		var wg sync.WaitGroup
		slots := make(chan struct{}, sweepers)
		for _, i := range due {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				err := s.end(ctx, i)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					ended++
				} else if !errors.Is(err, errNotMine) {
					errs = append(errs, err)
				}
			})
		}
		wg.Wait()
		// A claim moves a record out of the way, so that the next page differs; a
		// page with failures is left to the next sweep.
		if len(due) < sweepPage || len(errs) > 0 {
			break
		}
	}
	return ended, errors.Join(errs...)
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
