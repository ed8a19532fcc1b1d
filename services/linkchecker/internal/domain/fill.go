package domain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// atOnce is how many documents one call reads or writes at the same time.
const atOnce = 16

// AddLinks brings a batch of a list under way.
func (s *Service) AddLinks(ctx context.Context, r linksv1.AddLinksRequest) (linksv1.Written, error) {
	c, err := s.underWay(ctx, r)
	if err != nil || c.Edit == nil {
		return linksv1.Written{Container: c.View()}, err
	}
	batch, err := parse(r.Links, r.From)
	if err != nil {
		s.giveUp(ctx, c.ID, r.Edit)
		return linksv1.Written{}, err
	}
	if len(batch) == 0 && r.More {
		return linksv1.Written{Container: c.View(), Edit: c.Edit.ID}, nil
	}
	// The account must have room before the list takes the batch.
	probe := *c.Edit
	links, err := probe.take(c.ID, r.From, batch, s.d.Lane)
	if err == nil {
		hold := Hold{ID: c.Edit.ID, Container: c.ID, Links: max(int64(probe.List.Size()-c.List.Size()), 0)}
		err = s.hold(ctx, c.Account, hold, false, linksv1.Quota{Links: c.Edit.Quota})
	}
	if err != nil {
		if errors.Is(err, linksv1.ErrTooManyLinks) || errors.Is(err, linksv1.ErrQuota) {
			s.giveUp(ctx, c.ID, r.Edit)
		}
		return linksv1.Written{}, err
	}
	faultpoint.Hit("linkchecker.batch.counted")
	now := s.now()
	if c, err = s.d.Containers.Update(ctx, c.ID, func(c *Container) (News, error) {
		if !c.editing(r.Edit, now) {
			return News{}, linksv1.ErrEditGone
		}
		if links, err = c.Edit.take(c.ID, r.From, batch, s.d.Lane); err != nil {
			return News{}, err
		}
		c.Edit.Till = now.Add(EditLife)
		c.schedule(now)
		return News{}, nil
	}); err != nil {
		return linksv1.Written{}, gone(err)
	}
	faultpoint.Hit("linkchecker.batch.taken")
	return s.fill(ctx, c, links, r.More)
}

// underWay finds the container that a batch is for. Without an Edit in it the
// batch was the last one, and is done.
func (s *Service) underWay(ctx context.Context, r linksv1.AddLinksRequest) (Container, error) {
	if !linksv1.ValidID(r.ID) {
		return Container{}, linksv1.ErrNotFound
	}
	get := s.d.Containers.Get
	if linksv1.ValidNumericID(r.ID) {
		get = s.d.Containers.ByNumeric
	}
	c, err := get(ctx, r.ID)
	switch {
	case errors.Is(err, ErrNoDocument) || err == nil && c.Account != r.Principal.AccountID:
		return Container{}, linksv1.ErrNotFound
	case err != nil:
		return Container{}, err
	case c.Phase == Live && c.LastEdit == r.Edit:
		c.Edit = nil
		return c, nil
	case !c.editing(r.Edit, s.now()):
		return Container{}, linksv1.ErrEditGone
	}
	return c, nil
}

// editing reports whether the list of this edit is under way.
func (c *Container) editing(edit string, now time.Time) bool {
	return c.Phase != Gone && c.Edit != nil && c.Edit.ID == edit && now.Before(c.Edit.Till)
}

func gone(err error) error {
	if errors.Is(err, ErrNoDocument) {
		return linksv1.ErrEditGone
	}
	return err
}

// fill writes the documents of a batch that the list of c has taken, and puts what
// is known of their URLs into it; behind the last batch the list holds. The order
// matters: a state that comes after the URL was read finds the link.
func (s *Service) fill(ctx context.Context, c Container, links []Link, more bool) (linksv1.Written, error) {
	edit := c.Edit.ID
	if err := s.d.Links.Put(ctx, links); err != nil {
		return linksv1.Written{}, fmt.Errorf("writing links: %w", err)
	}
	faultpoint.Hit("linkchecker.fill.written")
	known, err := s.join(ctx, links)
	if err != nil {
		return linksv1.Written{}, fmt.Errorf("reading what is known of links: %w", err)
	}
	faultpoint.Hit("linkchecker.fill.joined")
	now := s.now()
	added, won := 0, false
	c, err = s.d.Containers.Update(ctx, c.ID, func(c *Container) (News, error) {
		won = false
		if c.LastEdit == edit && c.Phase == Live {
			return News{}, ErrUnchanged // a repetition of this request was faster
		}
		if !c.editing(edit, now) {
			return News{}, linksv1.ErrEditGone
		}
		for _, l := range links {
			u := known[l.URLID]
			c.Edit.List.set(l.Index, u.Status, u.Stamp)
			c.saw(u.CheckedAt)
		}
		c.Edit.Done, c.Edit.Till = c.Edit.Given, now.Add(EditLife)
		if more {
			c.schedule(now)
			return News{}, nil
		}
		if c.Edit.List.Size() == 0 {
			return News{}, linksv1.ErrTooManyLinks
		}
		added, won = c.Edit.List.Size()-c.List.Size(), true
		return c.commit(now), nil
	})
	if err != nil {
		if errors.Is(err, ErrNoDocument) || errors.Is(err, linksv1.ErrEditGone) {
			s.remove(ctx, links) // whoever gave the edit up may have been here before us
		}
		return linksv1.Written{}, gone(err)
	}
	if more {
		return linksv1.Written{Container: c.View(), Edit: edit}, nil
	}
	if !won {
		return linksv1.Written{Container: c.View()}, nil
	}
	faultpoint.Hit("linkchecker.fill.committed")
	s.settle(ctx, c.Account, edit, int64(added))
	if c.DueAt != nil {
		s.want()
	}
	return linksv1.Written{Container: c.View()}, nil
}

// saw notes that a link was checked.
func (c *Container) saw(at *time.Time) {
	if at != nil && (c.CheckedAt == nil || at.After(*c.CheckedAt)) {
		t := *at
		c.CheckedAt = &t
	}
}

// commit puts the finished list in its place, with all that was to change with it.
func (c *Container) commit(now time.Time) News {
	e, n := c.Edit, News{Created: c.Phase == Making}
	c.Edit, c.LastEdit = nil, e.ID
	c.drop(c.List.ID, now)
	c.List = e.List
	c.Phase, c.Owner = Live, c.Account
	e.apply(c)
	c.changed(now)
	c.count(&n)
	c.schedule(now)
	return n
}

// join makes links known to the records of their URLs, and gives those.
func (s *Service) join(ctx context.Context, links []Link) (map[string]URL, error) {
	byURL := map[string]Link{}
	for _, l := range links {
		byURL[l.URLID] = l
	}
	urls := make([]URL, len(byURL))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	i := 0
	for id, l := range byURL {
		at := i
		i++
		g.Go(func() (err error) {
			urls[at], err = s.d.URLs.Put(ctx, id, func(u *URL, exists bool) (*Task, error) {
				now := s.now()
				if !exists {
					*u = newURL(l, now)
				}
				u.Uses++
				if !u.fresh(now, s.o.Stale) {
					u.DueAt = now
					return u.queue(now, s.o.Lost), nil
				}
				return nil, nil
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	known := make(map[string]URL, len(urls))
	for _, u := range urls {
		known[u.ID] = u
	}
	return known, nil
}

// giveUp ends an edit whose batch was refused. What fails is left to the sweep.
func (s *Service) giveUp(ctx context.Context, id, edit string) {
	now := s.now()
	c, err := s.d.Containers.Update(ctx, id, func(c *Container) (News, error) {
		if c.Edit == nil || c.Edit.ID != edit {
			return News{}, ErrUnchanged
		}
		c.abandon(now)
		return News{}, nil
	})
	if err != nil {
		s.d.Log.WarnContext(ctx, "a refused edit is left to the sweep", slog.Any(telemetry.KeyErr, err))
		return
	}
	if c.Phase == Gone {
		s.release(ctx, c.Account, edit)
	} else {
		s.settle(ctx, c.Account, edit, 0)
	}
	s.want()
}

// abandon gives up the list under way, and with it a container that was never
// there for anybody.
func (c *Container) abandon(now time.Time) {
	if c.Edit != nil {
		c.drop(c.Edit.List.ID, now)
		c.Edit = nil
	}
	if c.Phase == Making {
		c.Phase = Gone
	}
	c.schedule(now)
}

// hold takes or renews a hold on an account's usage.
func (s *Service) hold(ctx context.Context, account string, h Hold, fresh bool, q linksv1.Quota) error {
	_, err := s.d.Usages.Update(ctx, account, func(u *Usage) error { return u.hold(h, fresh, q, s.now()) })
	return err
}

// settle ends a hold. What fails is counted again by the sweep.
func (s *Service) settle(ctx context.Context, account, hold string, links int64) {
	_, err := s.d.Usages.Update(ctx, account, func(u *Usage) error {
		if u.settle(hold, links) {
			return nil
		}
		if links == 0 {
			return ErrUnchanged
		}
		now := s.now() // it took so long that the sweep counted without it
		u.DueAt = &now
		return nil
	})
	if err != nil {
		s.d.Log.WarnContext(ctx, "what an account has is left to the sweep to count", slog.Any(telemetry.KeyErr, err))
	}
}

// release ends the hold of a container that was not made after all. What fails is
// left to the sweep.
func (s *Service) release(ctx context.Context, account, hold string) {
	_, err := s.d.Usages.Update(ctx, account, func(u *Usage) error {
		if !u.release(hold) {
			return ErrUnchanged
		}
		return nil
	})
	if err != nil {
		s.d.Log.WarnContext(ctx, "what an account has is left to the sweep to count", slog.Any(telemetry.KeyErr, err))
	}
}

// remove removes links of a list that holds nowhere, and the records of URLs that
// nobody has any more. What fails is found by the next check of the URL.
func (s *Service) remove(ctx context.Context, links []Link) {
	if err := s.discard(ctx, links); err != nil {
		s.d.Log.WarnContext(ctx, "links without a container are left to the next check", slog.Any(telemetry.KeyErr, err))
	}
}

func (s *Service) discard(ctx context.Context, links []Link) error {
	if err := s.d.Links.Delete(ctx, links); err != nil {
		return err
	}
	faultpoint.Hit("linkchecker.clear.unlinked")
	ids := make([]string, 0, len(links))
	for _, l := range links {
		ids = append(ids, l.URLID)
	}
	slices.Sort(ids)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, id := range slices.Compact(ids) {
		g.Go(func() error { return s.forget(ctx, id) })
	}
	return g.Wait()
}

// forget removes the record of a URL that no link holds. Whoever adds one counts
// it in the record, after which the removal finds that it has changed.
func (s *Service) forget(ctx context.Context, id string) error {
	u, err := s.d.URLs.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	if err != nil {
		return err
	}
	if used, _, err := s.d.Links.Uses(ctx, id, "", 1); err != nil || len(used) > 0 {
		return err
	}
	if err := s.d.URLs.Delete(ctx, u); err != nil && !errors.Is(err, ErrChanged) {
		return err
	}
	return nil
}
