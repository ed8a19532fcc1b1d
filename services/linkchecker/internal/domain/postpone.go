package domain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Postpone makes a check that waits in the queue, and is not done, due at until:
// its host has no room for it before. Whoever has the task forgets it then.
func (s *Service) Postpone(ctx context.Context, t Task, until time.Time) error {
	until = until.UTC().Truncate(time.Millisecond)
	put := false
	u, err := s.d.URLs.Update(ctx, t.URLID, func(u *URL) (*Task, error) {
		if put = u.QueuedAt != nil && (u.CheckedAt == nil || u.CheckedAt.Before(t.Due)); !put {
			return nil, ErrUnchanged
		}
		u.QueuedAt, u.DueAt = nil, until
		return nil, nil
	})
	if errors.Is(err, ErrNoDocument) || err == nil && !put {
		return nil
	}
	if err != nil {
		return err
	}
	faultpoint.Hit("linkchecker.postpone.put")
	if err := s.d.Timers.Wake(ctx, u.ID, until); err != nil {
		s.d.Log.WarnContext(ctx, "no timer for a check; the sweep will find it", slog.Any(telemetry.KeyErr, err))
	}
	return nil
}
