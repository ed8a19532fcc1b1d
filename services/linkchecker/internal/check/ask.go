package check

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

const (
	maxRedirects = 5
	maxBody      = 256 << 10
	userAgent    = "Sluice-Linkchecker/1.0 (checks whether links of a container are there)"
)

var (
	// errResting ends a check whose lane came to rest between two of its requests, or
	// that was led into one that rests.
	errResting = errors.New("the host is left alone")
	// errCrowded ends a check that was led into a lane that has no room for it.
	errCrowded = errors.New("the host that redirects lead to has too many requests")
)

// asker makes the requests of one check under a permit. The first one has its time
// already; each more waits for another: a GET behind a HEAD, a redirect. A redirect
// that leads into another lane is made under a permit of that one.
type asker struct {
	c      *Checker
	from   *url.URL
	own    *turn
	others map[string]*turn // of lanes that redirects led into
	last   *turn            // whose host was asked last
	end    error            // why the check could not go on, which says nothing of a link
	until  time.Time        // with end: when to try again; zero: soon
}

// turn is a permit, and whether its time was used.
type turn struct {
	p    *Permit
	used bool
}

type askerKey struct{}

var _ hosts.Asker = (*asker)(nil)

func (c *Checker) asker(p *Permit, from *url.URL) *asker {
	own := &turn{p: p}
	return &asker{c: c, from: from, own: own, last: own, others: map[string]*turn{}}
}

// Do implements hosts.Asker.
func (a *asker) Do(ctx context.Context, req *http.Request) (*http.Response, error) {
	if err := a.wait(ctx, a.own); err != nil {
		return nil, err
	}
	return a.c.out.Do(context.WithValue(ctx, askerKey{}, a), req)
}

// redirected is the policy's question before each redirect.
func redirected(ctx context.Context, to *url.URL) error {
	a, ok := ctx.Value(askerKey{}).(*asker)
	if !ok {
		return nil
	}
	t, err := a.lead(ctx, a.c.d.Book.Through(a.from, to))
	if err != nil {
		a.end = err
		return err
	}
	return a.wait(ctx, t)
}

// lead gives the turn for a lane that a redirect leads into. It waits for a permit as
// long as the exchange may take; then the check has to come again.
func (a *asker) lead(ctx context.Context, lane string) (*turn, error) {
	if lane == a.own.p.lane {
		return a.own, nil
	}
	if t := a.others[lane]; t != nil {
		return t, nil
	}
	for {
		p, no, err := a.c.d.Gate.Enter(ctx, lane, a.c.d.Book.LimitOf(lane))
		switch {
		case ctx.Err() != nil:
			a.until = a.c.d.Clock().Add(patience)
			return nil, errCrowded
		case err != nil:
			return nil, err
		case p != nil:
			a.others[lane] = &turn{p: p}
			return a.others[lane], nil
		case no.Rests:
			a.until = no.Until
			return nil, errResting
		}
		a.c.sleep(no.Until.Sub(a.c.d.Clock()), ctx.Done())
	}
}

// wait waits for the time of the next request. One that is so late that it might
// outlive its permit gets another time.
func (a *asker) wait(ctx context.Context, t *turn) error {
	for {
		if t.used {
			no, err := t.p.Next(ctx, News{})
			if no.Rests {
				err = errResting
			}
			if err != nil {
				a.end = err
				if t != a.own { // whose own lane knows how to wait
					a.until = no.Until
				}
				return err
			}
		}
		t.used, a.last = true, t
		if !a.c.sleep(t.p.At().Sub(a.c.d.Clock()), ctx.Done()) {
			return ctx.Err()
		}
		if a.c.d.Clock().Sub(t.p.At()) < permitMargin/2 {
			return nil
		}
	}
}

// leave gives the permits of other lanes back. It gives what the check's own lane
// hears of n: when it was another host that answered, only that its own led there.
func (a *asker) leave(n News) News {
	ctx, cancel := a.c.storing()
	defer cancel()
	for lane, t := range a.others {
		heard := News{}
		if t == a.last {
			heard = n
		}
		if _, err := t.p.Leave(ctx, heard); err != nil {
			a.c.d.Log.WarnContext(ctx, "a permit lapses by itself", "host", lane, "err", err)
		}
	}
	if a.last != a.own {
		return News{Fine: true}
	}
	return n
}

// ask makes one check and tells its jobs what it found.
func (c *Checker) ask(l *lane, p *Permit, jobs []*job) News {
	select {
	case c.slots <- struct{}{}:
	case <-c.ctx.Done():
		answer(jobs, outcome{err: bus.Later(0)})
		return News{}
	}
	faultpoint.Hit("linkchecker.check.permitted")
	c.d.Meter.flying(c.ctx, 1)
	urls := make([]*url.URL, len(jobs))
	for i, j := range jobs {
		urls[i] = j.url
	}
	began, rule := time.Now(), c.d.Book.RuleOf(urls[0])
	ctx, span := c.d.Meter.begin(c.ctx, rule, jobs)
	a := c.asker(p, urls[0])
	found, err := c.d.Book.Check(ctx, a, urls)
	took := time.Since(began)
	<-c.slots
	c.d.Meter.flying(c.ctx, -1)
	if err == nil {
		err = a.end
	}
	c.d.Meter.end(span, err)
	if err != nil {
		heard := a.leave(News{})
		c.breakOff(l, a, jobs, err)
		return heard
	}
	c.mu.Lock()
	l.took, l.each = (l.took*3+took)/4, len(jobs)
	c.mu.Unlock()
	at := c.d.Clock()
	heard := a.leave(newsOf(found)) // before anybody who waits for an answer goes on
	c.d.Meter.asked(ctx, rule, took)
	for i, j := range jobs {
		c.d.Meter.checked(ctx, rule, found[i])
		j.done <- outcome{found: found[i], at: at}
	}
	return heard
}

// breakOff has jobs come again of which nothing was found.
func (c *Checker) breakOff(l *lane, a *asker, jobs []*job, err error) {
	if c.ctx.Err() == nil && !errors.Is(err, errResting) && !errors.Is(err, errCrowded) && !errors.Is(err, ErrLapsed) {
		c.d.Log.WarnContext(c.ctx, "a check was broken off, and is repeated", "host", l.name, "err", err)
	}
	if a.until.IsZero() || c.ctx.Err() != nil {
		answer(jobs, outcome{err: bus.Later(time.Second)})
		return
	}
	answer(jobs, outcome{until: a.until})
}

func answer(jobs []*job, o outcome) {
	for _, j := range jobs {
		j.done <- o
	}
}

// newsOf is what findings tell of the host.
func newsOf(found []hosts.Finding) News {
	var n News
	for _, f := range found {
		retry := time.Duration(f.RetryAfter) * time.Second
		switch {
		case f.Reason == linksv1.ReasonLimited, f.Reason == linksv1.ReasonServer && retry > 0:
			n.Limited, n.Retry = true, max(n.Retry, retry)
		case f.Reason == linksv1.ReasonChallenge:
			n.Wall, n.Retry = true, max(n.Retry, retry)
		case f.Status == linksv1.Online, f.Status == linksv1.Offline:
			n.Fine = true
		}
	}
	return n
}
