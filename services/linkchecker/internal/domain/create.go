package domain

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// idTries bounds the search for ids that nobody has; imports take numeric ones
// that the sequence comes to.
const idTries = 100

// Create makes a container.
func (s *Service) Create(ctx context.Context, r linksv1.CreateRequest) (linksv1.Written, error) {
	if r.Idempotency != nil {
		if w, done, err := s.repeated(ctx, r); done || err != nil {
			return w, err
		}
	}
	c, batch, err := s.draft(ctx, r)
	if err != nil {
		return linksv1.Written{}, err
	}
	if r.Idempotency != nil {
		c.ID, c.Print = keyedID(c.Account, r.Idempotency.Key), r.Idempotency.Fingerprint
	}
	return s.build(ctx, c, batch, r.More, r.Quota, s.insertFresh)
}

// draft checks what a container is made of, before anything is written.
func (s *Service) draft(ctx context.Context, r linksv1.CreateRequest) (Container, []entry, error) {
	title, err := checkTitle(r.Title)
	if err != nil {
		return Container{}, nil, err
	}
	if err := checkOptions(r.Options); err != nil {
		return Container{}, nil, err
	}
	if len(r.Links) == 0 {
		return Container{}, nil, linksv1.ErrTooManyLinks
	}
	batch, err := parse(r.Links, 0)
	if err != nil {
		return Container{}, nil, err
	}
	phc, err := s.hash(ctx, r.Password)
	if err != nil {
		return Container{}, nil, err
	}
	now := s.now()
	return Container{
		ID: newID(), Account: r.Principal.AccountID, Phase: Making, Title: title, Password: phc, Options: r.Options, CreatedAt: now, UpdatedAt: now,
		Revision: now.UnixMilli(), Edit: newEdit(now),
	}, batch, nil
}

// build counts a draft, inserts it and fills it with its first batch.
func (s *Service) build(
	ctx context.Context, c Container, batch []entry, more bool, q linksv1.Quota, insert func(context.Context, *Container) error,
) (linksv1.Written, error) {
	links, err := c.Edit.take(c.ID, 0, batch, s.d.Lane)
	if err != nil {
		return linksv1.Written{}, err
	}
	c.Edit.Quota = q.Links
	if err := s.hold(ctx, c.Account, Hold{ID: c.Edit.ID, Container: c.ID, Links: int64(len(links))}, true, q); err != nil {
		return linksv1.Written{}, err
	}
	faultpoint.Hit("linkchecker.create.counted")
	c.schedule(s.now())
	if err := insert(ctx, &c); err != nil {
		if errors.Is(err, linksv1.ErrIDTaken) || errors.Is(err, linksv1.ErrIdempotencyBusy) {
			s.release(ctx, c.Account, c.Edit.ID)
		}
		return linksv1.Written{}, err
	}
	faultpoint.Hit("linkchecker.create.inserted")
	return s.fill(ctx, c, links, more)
}

// insertFresh inserts a container under a number that nobody has. Its id is another
// one's only where a request with the same idempotency key was faster.
func (s *Service) insertFresh(ctx context.Context, c *Container) error {
	for range idTries {
		n, err := s.d.Usages.NextNumeric(ctx)
		if err != nil {
			return fmt.Errorf("drawing a number: %w", err)
		}
		faultpoint.Hit("linkchecker.create.numbered")
		c.Numeric = strconv.FormatInt(n, 10)
		if err = s.d.Containers.Insert(ctx, *c); !errors.Is(err, ErrTaken) {
			return err
		}
		switch _, err := s.d.Containers.Get(ctx, c.ID); {
		case err == nil:
			return linksv1.ErrIdempotencyBusy.After(goneWait)
		case !errors.Is(err, ErrNoDocument):
			return err
		}
	}
	return fault.ErrUnavailable.Msgf("no free id was found; repeat it")
}

// Import takes over a container of an older installation.
func (s *Service) Import(ctx context.Context, r linksv1.ImportRequest) (linksv1.Written, error) {
	if !linksv1.ValidNumericID(r.NumericID) || r.ID != "" && (!linksv1.ValidID(r.ID) || linksv1.ValidNumericID(r.ID)) {
		return linksv1.Written{}, fault.ErrInvalid.Msgf("numericId is of digits, id of %d letters and digits, or left out", linksv1.IDLength)
	}
	old, err := s.d.Containers.ByNumeric(ctx, r.NumericID)
	switch {
	case errors.Is(err, ErrNoDocument):
	case err != nil:
		return linksv1.Written{}, err
	case old.Account != r.AccountID || r.ID != "" && old.ID != r.ID:
		return linksv1.Written{}, linksv1.ErrIDTaken
	case old.Phase == Live:
		return linksv1.Written{Container: old.View()}, nil
	default: // a crash left it, or it is on its way out
		if err := s.end(ctx, old.ID); err != nil {
			return linksv1.Written{}, err
		}
	}
	create := linksv1.CreateRequest{Title: r.Title, Password: r.Password, Links: r.Links}
	create.Principal.AccountID = r.AccountID
	c, batch, err := s.draft(ctx, create)
	if err != nil {
		return linksv1.Written{}, err
	}
	c.Numeric, c.Revision = r.NumericID, max(c.Revision, old.Revision+1)
	if r.ID != "" {
		c.ID = r.ID
	}
	if !r.CreatedAt.IsZero() && r.CreatedAt.Before(c.CreatedAt) {
		c.CreatedAt = r.CreatedAt.UTC().Truncate(time.Millisecond)
	}
	return s.build(ctx, c, batch, r.More, linksv1.Quota{}, func(ctx context.Context, c *Container) error {
		err := s.d.Containers.Insert(ctx, *c)
		if errors.Is(err, ErrTaken) {
			return linksv1.ErrIDTaken
		}
		return err
	})
}

// end removes what is not Live, at once.
func (s *Service) end(ctx context.Context, id string) error {
	now := s.now()
	c, err := s.d.Containers.Update(ctx, id, func(c *Container) (News, error) {
		if c.Phase == Live {
			return News{}, linksv1.ErrIDTaken
		}
		c.abandon(now)
		return News{}, nil
	})
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.clear(ctx, c)
}
