package check

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

const (
	maxRedirects = 5
	maxBody      = 256 << 10
	userAgent    = "Sluice-Linkchecker/1.0 (checks whether links of a container are there)"
)

// errResting ends a check whose lane came to rest between two of its requests.
var errResting = errors.New("the host is left alone")

// asker makes the requests of one check under a permit. The first one has its time
// already; each more waits for another: a GET behind a HEAD, a redirect.
type asker struct {
	c    *Checker
	p    *Permit
	made int
	end  error // why the check could not go on, which says nothing of a link
}

type askerKey struct{}

var _ hosts.Asker = (*asker)(nil)

// Do implements hosts.Asker.
func (a *asker) Do(ctx context.Context, req *http.Request) (*http.Response, error) {
	if err := a.wait(ctx); err != nil {
		return nil, err
	}
	return a.c.out.Do(context.WithValue(ctx, askerKey{}, a), req)
}

// redirected is the policy's question before each redirect.
func redirected(ctx context.Context, _ *url.URL) error {
	if a, ok := ctx.Value(askerKey{}).(*asker); ok {
		return a.wait(ctx)
	}
	return nil
}

// wait waits for the time of the next request. One that is so late that it might
// outlive its permit gets another time.
func (a *asker) wait(ctx context.Context) error {
	for {
		if a.made > 0 {
			no, err := a.p.Next(ctx, News{})
			if no.Rests {
				err = errResting
			}
			if err != nil {
				a.end = err
				return err
			}
		}
		a.made++
		if !a.c.sleep(a.p.At().Sub(a.c.d.Clock()), ctx.Done()) {
			return ctx.Err()
		}
		if a.c.d.Clock().Sub(a.p.At()) < permitMargin/2 {
			return nil
		}
	}
}

// ask makes one check and tells its jobs what it found.
func (c *Checker) ask(l *lane, p *Permit, jobs []*job) News {
	select {
	case c.slots <- struct{}{}:
	case <-c.ctx.Done():
		answer(jobs, outcome{err: bus.Later(0)})
		return News{}
	}
	c.d.Meter.flying(c.ctx, 1)
	urls := make([]*url.URL, len(jobs))
	for i, j := range jobs {
		urls[i] = j.url
	}
	began := time.Now()
	a := &asker{c: c, p: p}
	found, err := c.d.Book.Check(c.ctx, a, urls)
	took := time.Since(began)
	<-c.slots
	c.d.Meter.flying(c.ctx, -1)
	if err == nil {
		err = a.end
	}
	if err != nil {
		if c.ctx.Err() == nil && !errors.Is(err, errResting) && !errors.Is(err, ErrLapsed) {
			c.d.Log.WarnContext(c.ctx, "a check was broken off, and is repeated", "host", l.name, "err", err)
		}
		answer(jobs, outcome{err: bus.Later(time.Second)})
		return News{}
	}
	c.mu.Lock()
	l.took, l.each = (l.took*3+took)/4, len(jobs)
	c.mu.Unlock()
	rule, at := c.d.Book.RuleOf(urls[0]), c.d.Clock()
	c.d.Meter.asked(c.ctx, rule, took)
	for i, j := range jobs {
		c.d.Meter.checked(c.ctx, rule, found[i].Reason)
		j.done <- outcome{found: found[i], at: at}
	}
	return newsOf(found)
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
