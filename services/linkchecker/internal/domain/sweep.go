package domain

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// sweepPage is how many documents a sweep reads at once; sweepPages bounds one
// sweep's pages of checks, since the next one goes on.
const (
	sweepPage  = 200
	sweepPages = 20
)

// Sweep goes on with what was interrupted: lists that were given up or replaced,
// containers that are gone, states that did not reach all containers, counts of
// accounts, and checks that no timer told of. It gives how much it did.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	var errs []error
	n := 0
	for _, part := range []func(context.Context) (int, error){s.sweepContainers, s.sweepFans, s.sweepUsages, s.sweepChecks} {
		done, err := part(ctx)
		n += done
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

func (s *Service) sweepContainers(ctx context.Context) (int, error) {
	n := 0
	for {
		now := s.now()
		due, err := s.d.Containers.Due(ctx, now, sweepPage)
		if err != nil {
			return n, err
		}
		var errs []error
		for _, c := range due {
			c, err := s.d.Containers.Update(ctx, c.ID, func(c *Container) (News, error) {
				if c.Edit == nil || now.Before(c.Edit.Till) {
					return News{}, ErrUnchanged
				}
				c.abandon(now)
				return News{}, nil
			})
			if errors.Is(err, ErrNoDocument) {
				continue
			}
			if err == nil {
				err = s.clear(ctx, c)
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			n++
		}
		if len(due) < sweepPage || len(errs) > 0 {
			return n, errors.Join(errs...)
		}
	}
}

// clear removes the lists that c dropped, and c when it is gone.
func (s *Service) clear(ctx context.Context, c Container) error {
	for _, list := range c.Drop {
		for {
			page, err := s.d.Links.Page(ctx, list, 0, linksv1.MaxBatch)
			if err != nil {
				return err
			}
			if err := s.discard(ctx, page); err != nil {
				return err
			}
			if len(page) < linksv1.MaxBatch {
				break
			}
		}
	}
	faultpoint.Hit("linkchecker.clear.emptied")
	if c.Phase == Gone {
		return s.d.Containers.Delete(ctx, c.ID)
	}
	_, err := s.d.Containers.Update(ctx, c.ID, func(now *Container) (News, error) {
		keep := now.Drop[:0]
		for _, l := range now.Drop {
			if !c.dropped(l) {
				keep = append(keep, l)
			}
		}
		now.Drop = keep
		now.schedule(s.now())
		return News{}, nil
	})
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	return err
}

func (c *Container) dropped(list string) bool {
	for _, l := range c.Drop {
		if l == list {
			return true
		}
	}
	return false
}

// sweepFans repeats what Record did not finish.
func (s *Service) sweepFans(ctx context.Context) (int, error) {
	var errs []error
	n := 0
	for after := ""; ; {
		page, next, err := s.d.URLs.Fans(ctx, s.now().Add(-s.o.Grace), after, sweepPage)
		if err != nil {
			return n, err
		}
		var g errgroup.Group
		g.SetLimit(atOnce)
		for _, u := range page {
			g.Go(func() error { return s.fan(ctx, u) })
		}
		if err := g.Wait(); err != nil {
			errs = append(errs, err) // the others need not wait for what fails
		}
		n += len(page)
		if after = next; after == "" {
			return n, errors.Join(errs...)
		}
	}
}

// sweepChecks queues what is due and was not queued.
func (s *Service) sweepChecks(ctx context.Context) (int, error) {
	var errs []error
	n, after := 0, ""
	for range sweepPages {
		page, next, err := s.d.URLs.Due(ctx, s.now(), after, sweepPage)
		if err != nil {
			return n, err
		}
		var g errgroup.Group
		g.SetLimit(atOnce)
		for _, u := range page {
			g.Go(func() error { return s.Queue(ctx, u.ID) })
		}
		if err := g.Wait(); err != nil {
			errs = append(errs, err)
		}
		n += len(page)
		if after = next; after == "" {
			break
		}
	}
	return n, errors.Join(errs...)
}

// sweepUsages counts again what accounts have whose writes were interrupted.
func (s *Service) sweepUsages(ctx context.Context) (int, error) {
	due, err := s.d.Usages.Due(ctx, s.now(), sweepPage)
	if err != nil {
		return 0, err
	}
	var errs []error
	n := 0
	for _, u := range due {
		done, err := s.recount(ctx, u)
		errs = append(errs, err)
		if done {
			n++
		}
	}
	return n, errors.Join(errs...)
}

// recount counts an account's links anew when no write of it is under way but
// those that lapsed, whose edits are given up first so that they cannot end after
// all. Whoever begins a write meanwhile changes the document, and the count is
// left to the next sweep.
func (s *Service) recount(ctx context.Context, u Usage) (bool, error) {
	now := s.now()
	var undone []Hold
	for _, h := range u.Holds {
		if now.Before(h.Till) {
			return false, s.postpone(ctx, u, now)
		}
		c, err := s.d.Containers.Update(ctx, h.Container, func(c *Container) (News, error) {
			if c.Edit == nil || c.Edit.ID != h.ID {
				return News{}, ErrUnchanged
			}
			c.abandon(now)
			return News{}, nil
		})
		if err != nil && !errors.Is(err, ErrNoDocument) {
			return false, err
		}
		if err != nil || c.Phase != Live {
			undone = append(undone, h)
		}
	}
	links, err := s.d.Containers.Links(ctx, u.ID)
	if err != nil {
		return false, err
	}
	faultpoint.Hit("linkchecker.recount.counted")
	_, err = s.d.Usages.Update(ctx, u.ID, func(v *Usage) error {
		if v.Rev != u.Rev {
			return ErrUnchanged
		}
		for _, h := range undone {
			v.uncount(h)
		}
		v.Links, v.Holds, v.DueAt = links, nil, nil
		return nil
	})
	return err == nil, err
}

// postpone has the sweep look at an account again when the last of its holds lapses.
func (s *Service) postpone(ctx context.Context, u Usage, now time.Time) error {
	_, err := s.d.Usages.Update(ctx, u.ID, func(v *Usage) error {
		if v.Rev != u.Rev {
			return ErrUnchanged
		}
		last := now
		for _, h := range v.Holds {
			if h.Till.After(last) {
				last = h.Till
			}
		}
		v.DueAt = &last
		return nil
	})
	return err
}
