package domain

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// coarse is how exactly a container knows when one of its links was checked last
// while nothing changes.
const coarse = time.Minute

// usesPage is how many links of a URL are read at once.
const usesPage = 500

// Record writes what a check found: into the record of the URL, which is the
// truth, and from there into every container that holds it. It returns when the
// record is written and its containers have been tried; what fails there is
// repeated by the sweep. A result that is older than what is known changes
// nothing, and one of a URL that nobody holds any more neither.
func (s *Service) Record(ctx context.Context, r Result) error {
	r.At = r.At.UTC().Truncate(time.Millisecond)
	r.NotBefore = r.NotBefore.UTC().Truncate(time.Millisecond)
	switch r.Status {
	case linksv1.Online, linksv1.Offline, linksv1.Unknown:
	default:
		return fault.ErrInvalid.Msgf("a URL is not %q", r.Status)
	}
	if now := s.now(); r.At.After(now) || r.At.IsZero() {
		r.At = now
	}
	recorded := false
	u, err := s.d.URLs.Update(ctx, r.URLID, func(u *URL) (*Task, error) {
		if recorded = u.record(r, s.o.Steps); !recorded {
			return nil, ErrUnchanged
		}
		return nil, nil
	})
	if errors.Is(err, ErrNoDocument) || err == nil && !recorded {
		return nil
	}
	if err != nil {
		return err
	}
	faultpoint.Hit("linkchecker.record.written")
	if err := s.d.Timers.Wake(ctx, u.ID, u.DueAt); err != nil {
		s.d.Log.WarnContext(ctx, "no timer for a check; the sweep will find it", slog.Any(telemetry.KeyErr, err))
	}
	faultpoint.Hit("linkchecker.record.woken")
	if err := s.fan(ctx, u); err != nil {
		s.d.Log.WarnContext(ctx, "a link's new state is left to the sweep", slog.Any(telemetry.KeyErr, err))
	}
	return nil
}

// fan tells the containers that hold a URL what is known of it, then that they
// know.
func (s *Service) fan(ctx context.Context, u URL) error {
	var errs []error
	for after := ""; ; {
		page, next, err := s.d.Links.Uses(ctx, u.ID, after, usesPage)
		if err != nil {
			return err
		}
		byContainer := map[string][]Link{}
		for _, l := range page {
			byContainer[l.Container] = append(byContainer[l.Container], l)
		}
		var g errgroup.Group // one container that cannot be told is no reason not to tell the others
		g.SetLimit(atOnce)
		for id, links := range byContainer {
			g.Go(func() error {
				for some := range slices.Chunk(links, together) {
					if err := s.tell(ctx, id, some, u); err != nil {
						return err
					}
				}
				return nil
			})
		}
		errs = append(errs, g.Wait())
		if after = next; after == "" {
			break
		}
	}
	if err := errors.Join(errs...); err != nil || u.FanAt == nil {
		return err
	}
	faultpoint.Hit("linkchecker.fan.done")
	_, err := s.d.URLs.Update(ctx, u.ID, func(now *URL) (*Task, error) {
		if now.FanAt == nil || now.Stamp != u.Stamp {
			return nil, ErrUnchanged
		}
		now.FanAt = nil
		return nil, nil
	})
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	return err
}
