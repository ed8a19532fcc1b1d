// Package domain holds the rules of upload: the life of an ingest, from its
// ticket until it is committed, aborted or abandoned.
//
// It imports the contracts, whose messages are its vocabulary, and pkg/fault.
package domain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// State of an ingest's record:
//
//	        Renew
//	        ┌──┐
//	Begin ► Open ──End(committed)─────────────────────► (no record)
//	          │                                             ▲
//	          └──End(aborted), lease over──► Ending ──AbortPut answered
//	                                          │  ▲
//	                                          └──┘ object is away: the sweep repeats
type State string

// The states of a record.
const (
	Open   State = "open"
	Ending State = "ending" // it will be aborted, whatever its holder still does
)

// Ingest is the record of an upload in flight. Its id is its ticket's version id.
type Ingest struct {
	Ticket    objectv1.Ticket
	Bucket    string
	Key       string
	State     State
	StartedAt time.Time
	LeaseTill time.Time // Open: when it counts as abandoned
	DueAt     time.Time // when the sweep looks at it
	Outcome   Outcome   // Ending: why
}

// Options of a Service.
type Options struct {
	Lease time.Duration // how long an ingest lives without a sign of life
	Retry time.Duration // after how long an abort that was begun is begun again
	Grace time.Duration // how long after its lease an ingest is left alone, for clocks that differ
}

// Deps is what a Service works with.
type Deps struct {
	Store   Store
	Objects Objects
	Meter   Meter
	Clock   func() time.Time
	Log     *slog.Logger
}

// Service is upload's use cases. It is safe for concurrent use, by any number of
// processes on one store.
type Service struct {
	o Options
	Deps
}

// New makes a Service.
func New(o Options, d Deps) *Service { return &Service{o, d} }

// abortWithin bounds an abort that outlives the caller's interest in it.
const abortWithin = 10 * time.Second

// Begin takes a ticket first and records it then: a crash between leaves a
// reservation, which object's own sweep ends at its lease.
func (s *Service) Begin(ctx context.Context, r uploadv1.BeginRequest) (Ingest, error) {
	put := r.Put
	put.Hold = true
	ticket, err := s.Objects.BeginPut(ctx, put)
	if err != nil {
		return Ingest{}, fmt.Errorf("taking a ticket: %w", err)
	}
	if ticket.Replayed != nil {
		return Ingest{Ticket: ticket, Bucket: put.Bucket, Key: put.Key}, nil // nothing is on its way
	}
	now := s.Clock().UTC()
	i := Ingest{Ticket: ticket, Bucket: put.Bucket, Key: put.Key, State: Open, StartedAt: now}
	s.extend(&i, now)
	if err := s.Store.Put(ctx, i); err != nil {
		// Nobody will hear of this ticket. What this misses, object's sweep ends.
		actx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
		defer cancel()
		if _, aerr := s.abort(actx, ticket); aerr != nil {
			s.Log.WarnContext(ctx, "a ticket stays until its lease ends", "version_id", ticket.VersionID, "err", aerr)
		}
		return Ingest{}, fmt.Errorf("recording the ingest: %w", err)
	}
	s.Meter.Began()
	return i, nil
}

// extend gives i a fresh lease, which ends no later than the ticket's.
func (s *Service) extend(i *Ingest, now time.Time) {
	i.LeaseTill = now.Add(s.o.Lease)
	if t := i.Ticket.LeaseTill; !t.IsZero() && t.Before(i.LeaseTill) {
		i.LeaseTill = t.UTC()
	}
	i.DueAt = i.LeaseTill.Add(s.o.Grace)
}

// Renew asks object first, so that the record never promises what object does
// not hold.
func (s *Service) Renew(ctx context.Context, r uploadv1.RenewRequest) (Ingest, error) {
	i, err := s.Store.Get(ctx, r.VersionID)
	if errors.Is(err, ErrNoRecord) || err == nil && (i.Ticket.AccountID != r.AccountID || i.State != Open) {
		return Ingest{}, uploadv1.ErrGone
	}
	if err != nil {
		return Ingest{}, fmt.Errorf("reading the ingest: %w", err)
	}
	ticket, err := s.Objects.RenewPut(ctx, objectv1.RenewPutRequest{AccountID: r.AccountID, VersionID: r.VersionID, Bytes: r.Bytes})
	if errors.Is(err, objectv1.ErrUploadGone) {
		return Ingest{}, errors.Join(uploadv1.ErrGone, s.forget(ctx, r.VersionID, Abandoned))
	}
	if err != nil {
		return Ingest{}, fmt.Errorf("renewing the ticket: %w", err)
	}
	i, err = s.Store.Update(ctx, r.VersionID, func(i *Ingest) error {
		if i.State != Open {
			return uploadv1.ErrGone
		}
		i.Ticket = ticket
		s.extend(i, s.Clock().UTC())
		return nil
	})
	switch {
	case errors.Is(err, ErrNoRecord):
		return Ingest{}, uploadv1.ErrGone
	case err != nil:
		return Ingest{}, fmt.Errorf("renewing the ingest: %w", err)
	}
	return i, nil
}

// End forgets a committed ingest, and aborts any other one. Once the record says
// Ending the abort is certain; it need not wait for object.
func (s *Service) End(ctx context.Context, r uploadv1.EndRequest) error {
	i, err := s.Store.Get(ctx, r.VersionID)
	if errors.Is(err, ErrNoRecord) || err == nil && i.Ticket.AccountID != r.AccountID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the ingest: %w", err)
	}
	if r.Committed {
		return s.forget(ctx, r.VersionID, Committed)
	}
	i, err = s.claim(ctx, i, Aborted)
	if err != nil || i.State != Ending {
		return err
	}
	if err := s.finish(ctx, i); err != nil {
		s.Log.WarnContext(ctx, "an aborted ingest waits for the sweep", "version_id", r.VersionID, "err", err)
	}
	return nil
}

// forget removes the record.
func (s *Service) forget(ctx context.Context, id string, o Outcome) error {
	if err := s.Store.Delete(ctx, id); err != nil {
		return fmt.Errorf("forgetting the ingest: %w", err)
	}
	s.Meter.Ended(o)
	return nil
}

// List pages through the records.
func (s *Service) List(ctx context.Context, after string, limit int) ([]Ingest, bool, error) {
	page, more, err := s.Store.Page(ctx, after, limit)
	if err != nil {
		return nil, false, fmt.Errorf("listing ingests: %w", err)
	}
	return page, more, nil
}
