package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// ahead is what a session that has end bytes still needs; nil while that is not
// known, or when its account may store without a limit.
func (x *Session) ahead(end int64) *int64 {
	if x.Size < 0 || x.Principal.Limits.StorageBytes <= 0 {
		return nil
	}
	left := max(x.Size-end, 0)
	return &left
}

// reserveAhead has bytes reserved that are still to come, under a lease of
// object's that each Append renews: whoever may write need not fear to be
// stopped in the middle.
func (s *Sessions) reserveAhead(ctx context.Context, x Session, bytes int64) error {
	_, err := s.Objects.ReserveAhead(ctx, objectv1.ReserveAheadRequest{
		AccountID: x.Ticket.AccountID, VersionID: x.Ticket.VersionID, Bytes: bytes,
	})
	if errors.Is(err, objectv1.ErrUploadGone) {
		return s.lost(ctx, x, err)
	}
	if err != nil {
		return fmt.Errorf("reserving what is to come: %w", err)
	}
	return nil
}

// unacquire takes back an Acquire that found no room: the session is as it was,
// free for the next one who asks.
func (s *Sessions) unacquire(ctx context.Context, x Session, size int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	_, err := s.update(ctx, x.Hash, "giving the session back", func(now *Session, _ time.Time) error {
		if now.Fence != x.Fence || now.Phase != Writing {
			return errNotMine
		}
		now.Size, now.Fence, now.LeaseTill = size, now.Fence+1, time.Time{}
		return nil
	})
	if err != nil && !errors.Is(err, errNotMine) {
		s.Log.WarnContext(ctx, "a session stays busy until its lease ends", "session_id", x.ID, "err", err)
	}
}

// dropAhead gives back what a writer has reserved who ends its turn. Before its
// turn is over, so that it is not the next one's that goes; what fails is given
// back at its lease.
func (s *Sessions) dropAhead(ctx context.Context, secret string, fence int64) {
	x, err := s.Get(ctx, secret)
	if err != nil || x.mayWrite(fence) != nil || x.Phase != Writing {
		return
	}
	if left := x.ahead(x.Offset); left == nil || *left == 0 {
		return
	}
	if err := s.reserveAhead(ctx, x, 0); err != nil {
		s.Log.WarnContext(ctx, "what a session has reserved ahead waits for its lease", "session_id", x.ID, "err", err)
	}
}
