package domain

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// askedEvery is how often one container's links are looked through at most,
// however often it is viewed.
const askedEvery = time.Minute

// Recheck has a container's links checked that were not within r.Within.
func (s *Service) Recheck(ctx context.Context, r linksv1.RecheckRequest) error {
	c, err := s.find(ctx, r.ID)
	if err != nil {
		return err
	}
	now := s.now()
	asked := func(c Container) bool { return c.AskedAt != nil && now.Sub(*c.AskedAt) < max(askedEvery, r.Within/2) }
	if asked(c) {
		return nil
	}
	if c, err = s.d.Containers.Update(ctx, c.ID, func(c *Container) (News, error) {
		if asked(*c) || c.Phase != Live {
			return News{}, ErrUnchanged
		}
		c.AskedAt = &now
		return News{}, nil
	}); err != nil {
		if errors.Is(err, ErrNoDocument) {
			return linksv1.ErrNotFound
		}
		return err
	}
	if c.AskedAt == nil || !c.AskedAt.Equal(now) {
		return nil // somebody else was faster
	}
	for from := 0; from < c.List.Size(); from += linksv1.MaxBatch {
		page, err := s.d.Links.Page(ctx, c.List.ID, from, linksv1.MaxBatch)
		if err != nil {
			return err
		}
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(atOnce)
		for _, l := range page {
			g.Go(func() error { return s.hasten(ctx, l.URLID, r.Within) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// hasten makes a URL's check due now, unless it is fresh.
func (s *Service) hasten(ctx context.Context, id string, within time.Duration) error {
	u, err := s.d.URLs.Get(ctx, id)
	if err == nil && !u.fresh(s.now(), within) {
		_, err = s.d.URLs.Update(ctx, id, func(u *URL) (*Task, error) {
			now := s.now()
			if u.fresh(now, within) {
				return nil, ErrUnchanged
			}
			u.DueAt = now
			return u.queue(now, s.o.Lost), nil
		})
	}
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	return err
}

// Queue has a URL checked when its check is due: a timer or the sweep says so.
// Whoever comes later finds it queued. A URL that nobody holds is forgotten.
func (s *Service) Queue(ctx context.Context, id string) error {
	u, err := s.d.URLs.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	if err != nil || u.DueAt.After(s.now()) {
		return err
	}
	used, _, err := s.d.Links.Uses(ctx, id, "", 1)
	if err != nil {
		return err
	}
	if len(used) == 0 {
		return s.forget(ctx, id)
	}
	_, err = s.d.URLs.Update(ctx, id, func(u *URL) (*Task, error) {
		now := s.now()
		if u.DueAt.After(now) {
			return nil, ErrUnchanged
		}
		return u.queue(now, s.o.Lost), nil
	})
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	return err
}

// Open reports whether a task from the queue is still to be done: its URL is
// held, and was not checked since the task was due.
func (s *Service) Open(ctx context.Context, t Task) (bool, error) {
	u, err := s.d.URLs.Get(ctx, t.URLID)
	if errors.Is(err, ErrNoDocument) {
		return false, nil
	}
	return err == nil && (u.CheckedAt == nil || u.CheckedAt.Before(t.Due)), err
}
