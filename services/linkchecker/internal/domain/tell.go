package domain

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/pkg/faultpoint"
)

const (
	// together is of how many links one write tells a container at most: their events
	// wait in its outbox.
	together = 64
	// tellFor bounds that write, which has several callers.
	tellFor = 10 * time.Second
)

// said is what one check has to tell a container: links of it that hold a URL,
// and what is known of the URL.
type said struct {
	links []Link
	u     URL
	done  chan error
	leads chan struct{}
}

// crowds lets those who tell one container something at the same time do it in
// one write: one of them leads, and tells it for all who came meanwhile.
type crowds struct {
	mu      sync.Mutex
	waiting map[string][]*said // by container, while somebody leads
}

// join reports whether me leads; else it waits.
func (c *crowds) join(id string, me *said) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = map[string][]*said{}
	}
	others, led := c.waiting[id]
	if led {
		others = append(others, me)
	}
	c.waiting[id] = others
	return !led
}

// leave takes me out, unless somebody has taken it along or passed the lead to it.
func (c *crowds) leave(id string, me *said) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waiting[id], me)
	if i >= 0 {
		c.waiting[id] = slices.Delete(c.waiting[id], i, i+1)
	}
	return i >= 0
}

// take gives those whom the leader tells for, with itself.
func (c *crowds) take(id string, me *said) []*said {
	c.mu.Lock()
	defer c.mu.Unlock()
	others := c.waiting[id]
	n := 0
	for links := len(me.links); n < len(others); n++ {
		if links += len(others[n].links); links > together {
			break
		}
	}
	c.waiting[id] = slices.Clone(others[n:])
	return append([]*said{me}, others[:n]...)
}

// pass ends a lead: the next one who waits has it.
func (c *crowds) pass(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	others := c.waiting[id]
	if len(others) == 0 {
		delete(c.waiting, id)
		return
	}
	c.waiting[id] = others[1:]
	close(others[0].leads)
}

// tell tells one container.
func (s *Service) tell(ctx context.Context, id string, links []Link, u URL) error {
	me := &said{links: links, u: u, done: make(chan error, 1), leads: make(chan struct{})}
	if !s.crowds.join(id, me) {
		ended := ctx.Done()
	waiting:
		for {
			select {
			case err := <-me.done:
				return err
			case <-me.leads:
				break waiting
			case <-ended:
				if s.crowds.leave(id, me) {
					return context.Cause(ctx)
				}
				ended = nil
			}
		}
	}
	defer s.crowds.pass(id)
	all := s.crowds.take(id, me)
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellFor)
	defer cancel()
	err := s.tellAll(wctx, id, all)
	for _, other := range all[1:] {
		other.done <- err
	}
	return err
}

// tellAll tells one container all of it. Links of lists that it does not know any
// more are what a crash left, and go.
func (s *Service) tellAll(ctx context.Context, id string, all []*said) error {
	var orphans []Link
	now := s.now()
	_, err := s.d.Containers.Update(ctx, id, func(c *Container) (News, error) {
		orphans = nil
		for _, t := range all {
			for _, l := range t.links {
				if !c.knows(l.List) {
					orphans = append(orphans, l)
				}
			}
		}
		n, changed := c.hear(all, now)
		if !changed {
			return News{}, ErrUnchanged
		}
		return n, nil
	})
	if errors.Is(err, ErrNoDocument) {
		orphans, err = nil, nil
		for _, t := range all {
			orphans = append(orphans, t.links...)
		}
	}
	faultpoint.Hit("linkchecker.fan.told")
	if err != nil || len(orphans) == 0 {
		return err
	}
	return s.d.Links.Delete(ctx, orphans)
}

// knows reports whether a list is one of c's.
func (c *Container) knows(list string) bool {
	return c.List.ID == list || c.Edit != nil && c.Edit.List.ID == list || slices.Contains(c.Drop, list)
}

// hear takes in what is known of URLs that links of c hold.
func (c *Container) hear(all []*said, now time.Time) (n News, changed bool) {
	seen := false // others see the change
	for _, t := range all {
		mine, news := c.hearOne(t.links, t.u, &n)
		changed = changed || news
		at := t.u.CheckedAt
		if mine && at != nil && (c.CheckedAt == nil || news && at.After(*c.CheckedAt) || at.Sub(*c.CheckedAt) >= coarse) {
			c.saw(at)
			changed, news = true, true
		}
		seen = seen || mine && news
	}
	if seen {
		c.count(&n)
		c.changed(now)
	}
	return n, changed
}

// hearOne takes in one URL: whether links of the list hold it, and whether that
// was news.
func (c *Container) hearOne(links []Link, u URL, n *News) (mine, changed bool) {
	for _, l := range links {
		switch {
		case l.List == c.List.ID && l.Index < c.List.Size() && c.Phase == Live:
			mine = true
			was, news, stale := c.List.set(l.Index, u.Status, u.Stamp)
			changed = changed || !stale
			if news {
				n.Links = append(n.Links, LinkNews{Link: l.view(u), Was: was, URLID: u.ID, Stamp: u.Stamp})
			}
		case c.Edit != nil && l.List == c.Edit.List.ID && l.Index < c.Edit.List.Size():
			_, _, stale := c.Edit.List.set(l.Index, u.Status, u.Stamp)
			changed = changed || !stale
		}
	}
	return mine, changed
}
