package domain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/password"
)

// Pass is what a pass says.
type Pass struct {
	Container string `json:"c"`
	Version   string `json:"v"` // of the password that opened it
	Till      int64  `json:"t"` // Unix seconds
}

// passVersion names a password, so that a pass ends with it.
func (c *Container) passVersion() string {
	if c.Password == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c.Password))
	return hex.EncodeToString(sum[:8])
}

// Unlock opens a container. A password costs a guess before it is checked, and
// gives it back when it is right, so that guesses in parallel are no more.
func (s *Service) Unlock(ctx context.Context, r linksv1.UnlockRequest) (linksv1.Unlocked, error) {
	c, err := s.find(ctx, r.ID)
	if err != nil {
		return linksv1.Unlocked{}, err
	}
	if c.Password != "" {
		if err := s.check(ctx, c, r); err != nil {
			return linksv1.Unlocked{}, err
		}
	}
	pass, err := s.d.Passes.Mint(Pass{Container: c.ID, Version: c.passVersion(), Till: s.now().Add(linksv1.PassLife).Unix()})
	if err != nil {
		return linksv1.Unlocked{}, err
	}
	return linksv1.Unlocked{Container: c.View(), Pass: pass}, nil
}

func (s *Service) check(ctx context.Context, c Container, r linksv1.UnlockRequest) error {
	key := c.ID + " " + password.SourceKey(r.Source)
	now := s.d.Clock()
	if wait := s.wrong.Take(key, now); wait > 0 {
		// Rounded up, since Retry-After has whole seconds.
		return linksv1.ErrThrottled.After((wait + time.Second - 1).Truncate(time.Second))
	}
	ok := false
	var err error
	if len(r.Password) <= linksv1.MaxPassword && r.Password != "" {
		ok, err = s.d.Passwords.Verify(ctx, c.Password, r.Password)
	}
	if ok || err != nil {
		s.wrong.Refund(key, now)
	}
	if err != nil {
		return err
	}
	if !ok {
		return linksv1.ErrWrongPassword
	}
	return nil
}

// mayList reports whether who asks may see a container's links.
func (s *Service) mayList(c Container, r linksv1.ListLinksRequest) bool {
	if c.Password == "" || r.Principal.AccountID != "" && r.Principal.AccountID == c.Account {
		return true
	}
	p, err := s.d.Passes.Parse(r.Pass)
	return err == nil && p.Container == c.ID && p.Version == c.passVersion() && s.now().Unix() < p.Till
}

// ListLinks gives a page of a container's links, shorter when they are long.
func (s *Service) ListLinks(ctx context.Context, r linksv1.ListLinksRequest) (linksv1.ListLinksResponse, error) {
	if r.From < 0 || r.From > linksv1.MaxLinks {
		return linksv1.ListLinksResponse{}, fault.ErrInvalid.Msgf("from is from 0 to %d", linksv1.MaxLinks)
	}
	c, page, err := s.page(ctx, r)
	if err != nil {
		return linksv1.ListLinksResponse{}, err
	}
	out := linksv1.ListLinksResponse{Links: make([]linksv1.Link, len(page))}
	for i, l := range page {
		out.Links[i] = l.view(URL{})
	}
	page = page[:linksv1.BatchOf(out.Links)] // what does not fit need not be looked up
	known, err := s.known(ctx, page)
	if err != nil {
		return linksv1.ListLinksResponse{}, err
	}
	out.Links = out.Links[:0]
	for _, l := range page {
		out.Links = append(out.Links, l.view(known[l.URLID]))
	}
	n := linksv1.BatchOf(out.Links)
	out.Links = out.Links[:n]
	if next := r.From + n; next < c.List.Size() && n > 0 {
		out.Next = next
	}
	return out, nil
}

// page reads links of a container that who asks may see. A page that is short was of
// a list that another one replaced between the two reads, so the new one is read.
func (s *Service) page(ctx context.Context, r linksv1.ListLinksRequest) (Container, []Link, error) {
	for before := ""; ; {
		c, err := s.find(ctx, r.ID)
		if err != nil {
			return Container{}, nil, err
		}
		if !s.mayList(c, r) {
			return Container{}, nil, linksv1.ErrLocked
		}
		page, err := s.d.Links.Page(ctx, c.List.ID, r.From, linksv1.MaxBatch)
		if err != nil || len(page) >= min(c.List.Size()-r.From, linksv1.MaxBatch) || c.List.ID == before {
			return c, page, err
		}
		before = c.List.ID
	}
}

// known reads the records of the links' URLs.
func (s *Service) known(ctx context.Context, links []Link) (map[string]URL, error) {
	known := map[string]URL{}
	for _, l := range links {
		known[l.URLID] = URL{}
	}
	ids := make([]string, 0, len(known))
	for id := range known {
		ids = append(ids, id)
	}
	urls := make([]URL, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, id := range ids {
		g.Go(func() (err error) {
			if urls[i], err = s.d.URLs.Get(ctx, id); errors.Is(err, ErrNoDocument) {
				err = nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, id := range ids {
		known[id] = urls[i]
	}
	return known, nil
}
