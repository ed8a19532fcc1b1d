package domain

import (
	"context"
	"crypto/rand"
	"errors"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// Update changes an owner's container. With links, all of it happens when the
// last batch is there.
func (s *Service) Update(ctx context.Context, r linksv1.UpdateRequest) (linksv1.Written, error) {
	change, err := s.change(ctx, r)
	if err != nil {
		return linksv1.Written{}, err
	}
	batch, err := parse(r.Links, 0)
	if err != nil {
		return linksv1.Written{}, err
	}
	c, err := s.own(ctx, r.Principal, r.ID)
	if err != nil {
		return linksv1.Written{}, err
	}
	if len(batch) == 0 {
		return s.rewrite(ctx, c.ID, change)
	}
	return s.replace(ctx, c, change, batch, r)
}

// change checks what is to be changed beside the list, in an edit without one.
func (s *Service) change(ctx context.Context, r linksv1.UpdateRequest) (Edit, error) {
	var e Edit
	if r.Title != nil {
		title, err := checkTitle(*r.Title)
		if err != nil {
			return Edit{}, err
		}
		e.Title = &title
	}
	if r.Options != nil {
		if err := checkOptions(r.Options.Apply(linksv1.Options{})); err != nil {
			return Edit{}, err
		}
		e.Options = r.Options
	}
	if r.Password != nil {
		phc, err := s.hash(ctx, *r.Password)
		if err != nil {
			return Edit{}, err
		}
		e.Password = &phc
	}
	return e, nil
}

// apply changes what is beside the list.
func (e *Edit) apply(c *Container) {
	if e.Title != nil {
		c.Title = *e.Title
	}
	if e.Password != nil {
		c.Password = *e.Password
	}
	if e.Options != nil {
		c.Options = e.Options.Apply(c.Options)
	}
}

// rewrite changes a container but its links.
func (s *Service) rewrite(ctx context.Context, id string, e Edit) (linksv1.Written, error) {
	now := s.now()
	c, err := s.d.Containers.Update(ctx, id, func(c *Container) (News, error) {
		switch {
		case c.Phase != Live:
			return News{}, linksv1.ErrNotFound
		case e.Title == nil && e.Password == nil && e.Options == nil:
			return News{}, ErrUnchanged
		}
		e.apply(c)
		c.changed(now)
		return News{}, nil
	})
	if errors.Is(err, ErrNoDocument) {
		err = linksv1.ErrNotFound
	}
	if err != nil {
		return linksv1.Written{}, err
	}
	return linksv1.Written{Container: c.View()}, nil
}

// replace begins a list that takes the place of another one. An edit that is
// under way gives way to it.
func (s *Service) replace(ctx context.Context, c Container, change Edit, batch []entry, r linksv1.UpdateRequest) (linksv1.Written, error) {
	now := s.now()
	e := newEdit(now)
	e.Title, e.Password, e.Options, e.Quota = change.Title, change.Password, change.Options, r.Quota.Links
	links, err := e.take(c.ID, 0, batch, s.d.Lane)
	if err != nil {
		return linksv1.Written{}, err
	}
	hold := Hold{ID: e.ID, Container: c.ID, Links: max(int64(len(links)-c.List.Size()), 0)}
	if err := s.hold(ctx, c.Account, hold, false, r.Quota); err != nil {
		return linksv1.Written{}, err
	}
	faultpoint.Hit("linkchecker.replace.counted")
	displaced := ""
	c, err = s.d.Containers.Update(ctx, c.ID, func(c *Container) (News, error) {
		if c.Phase != Live {
			return News{}, linksv1.ErrNotFound
		}
		displaced = ""
		if c.Edit != nil {
			displaced = c.Edit.ID
			c.drop(c.Edit.List.ID, now)
		}
		fresh := *e
		fresh.List = e.List.clone()
		c.Edit = &fresh
		c.schedule(now)
		return News{}, nil
	})
	if err != nil {
		s.settle(ctx, c.Account, e.ID, 0)
		if errors.Is(err, ErrNoDocument) {
			err = linksv1.ErrNotFound
		}
		return linksv1.Written{}, err
	}
	faultpoint.Hit("linkchecker.replace.begun")
	if displaced != "" {
		s.settle(ctx, c.Account, displaced, 0)
		s.want()
	}
	return s.fill(ctx, c, links, r.More)
}

// Delete ends an owner's container.
func (s *Service) Delete(ctx context.Context, r linksv1.ContainerRequest) error {
	c, err := s.own(ctx, r.Principal, r.ID)
	if err != nil {
		return err
	}
	hold := "del_" + rand.Text()[:16]
	if err := s.hold(ctx, c.Account, Hold{ID: hold, Container: c.ID}, false, linksv1.Quota{}); err != nil {
		return err
	}
	faultpoint.Hit("linkchecker.delete.counted")
	now, size, edit := s.now(), 0, ""
	_, err = s.d.Containers.Update(ctx, c.ID, func(c *Container) (News, error) {
		if c.Phase != Live {
			return News{}, linksv1.ErrNotFound
		}
		size, edit = c.List.Size(), ""
		if c.Edit != nil {
			edit = c.Edit.ID
		}
		c.abandon(now)
		c.drop(c.List.ID, now)
		c.Phase, c.Owner = Gone, ""
		c.changed(now)
		c.schedule(now)
		return News{Deleted: true, Badge: true}, nil
	})
	if errors.Is(err, ErrNoDocument) {
		err = linksv1.ErrNotFound
	}
	if err != nil {
		s.settle(ctx, c.Account, hold, 0)
		return err
	}
	faultpoint.Hit("linkchecker.delete.decided")
	s.settle(ctx, c.Account, hold, -int64(size))
	if edit != "" {
		s.settle(ctx, c.Account, edit, 0)
	}
	s.want()
	return nil
}
