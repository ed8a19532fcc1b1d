package check

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

// job is a task in a lane.
type job struct {
	url   *url.URL
	batch int               // how many like it one request asks about
	from  trace.SpanContext // of the delivery
	done  chan outcome
}

// outcome is what became of a job: a finding, or that it is to come again.
type outcome struct {
	found hosts.Finding
	at    time.Time
	until time.Time // not zero: nothing was found, come again then
	err   error     // as until, of no particular time
}

// lane is a host's jobs in this process. Checker.mu guards it.
type lane struct {
	name    string
	limit   hosts.Limit
	hand    int // jobs that wait at most
	queue   []*job
	workers int
	seeking bool          // one of them waits for a permit
	rest    time.Time     // until then the host is left alone
	back    time.Time     // when the next one that is given back is to come again
	took    time.Duration // about as long as a request takes
	each    int           // jobs that a request takes along
}

// of gives a lane, a new one when there is none.
func (c *Checker) of(name string) *lane {
	l := c.lanes[name]
	if l == nil {
		l = &lane{name: name, limit: c.d.Book.LimitOf(name), each: 1}
		l.hand = int(min(max(l.limit.Rate*handSeconds, minHand), maxHand))
		c.lanes[name] = l
	}
	return l
}

// Sweep forgets hosts that nobody asked for long.
func (c *Checker) Sweep(ctx context.Context) error {
	c.mu.Lock()
	for _, l := range c.lanes {
		c.tidy(l)
	}
	c.mu.Unlock()
	return c.d.Gate.Sweep(ctx)
}

// tidy forgets a lane that nothing is known of.
func (c *Checker) tidy(l *lane) {
	now := c.d.Clock()
	if len(l.queue) == 0 && l.workers == 0 && !l.rest.After(now) && !l.back.After(now) {
		delete(c.lanes, l.name)
	}
}

// pace is the time that one job of the lane needs.
func (l *lane) pace() time.Duration {
	d := max(spacing(l.limit), l.took/time.Duration(max(l.limit.Concurrency, 1)))
	return d / time.Duration(l.each)
}

// turn is when a job that cannot wait here is to come again: one after the other,
// when the lane has room for them.
func (l *lane) turn(now time.Time) time.Time {
	at := now.Add(l.pace() * time.Duration(len(l.queue)+1))
	if l.back.After(at) {
		at = l.back
	}
	if l.rest.After(at) {
		at = l.rest
	}
	l.back = at.Add(l.pace())
	return at
}

// crowded says when a job is to come again that finds no room in its lane.
func (c *Checker) crowded(name string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, now := c.lanes[name], c.d.Clock()
	switch {
	case c.closing:
		return now.Add(time.Second), true
	case l == nil:
		return time.Time{}, false
	case l.rest.After(now), len(l.queue) >= l.hand:
		return l.turn(now), true
	}
	return time.Time{}, false
}

// put lets a job wait in its lane, or says when it is to come again.
func (c *Checker) put(name string, j *job) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.d.Clock()
	if c.closing {
		return now.Add(time.Second), true
	}
	l := c.of(name)
	if j.batch > 1 {
		l.hand = max(l.hand, min(2*j.batch, maxHand))
	}
	if l.rest.After(now) || len(l.queue) >= l.hand {
		return l.turn(now), true
	}
	l.queue = append(l.queue, j)
	c.d.Meter.waiting(c.ctx, 1)
	c.spur(l)
	return time.Time{}, false
}

// withdraw takes a job out of its lane, unless it is being done.
func (c *Checker) withdraw(name string, j *job) (until time.Time, taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes[name]
	if l == nil {
		return time.Time{}, false
	}
	i := slices.Index(l.queue, j)
	if i < 0 {
		return time.Time{}, false
	}
	l.queue = slices.Delete(l.queue, i, i+1)
	c.d.Meter.waiting(c.ctx, -1)
	return l.turn(c.d.Clock()), true
}

// flush answers all that wait in a lane.
func (c *Checker) flush(l *lane, answer func() outcome) {
	for _, j := range l.queue {
		j.done <- answer()
	}
	c.d.Meter.waiting(c.ctx, -len(l.queue))
	l.queue = nil
}

// spur sees to it that somebody works on a lane: one worker more seeks a permit
// while jobs wait.
func (c *Checker) spur(l *lane) {
	if c.closing || l.seeking || len(l.queue) == 0 || l.workers >= max(l.limit.Concurrency, 1) {
		return
	}
	l.seeking = true
	l.workers++
	c.wg.Go(func() { c.work(l) })
}

// work does a lane's jobs, one request after the other, as long as there are some.
func (c *Checker) work(l *lane) {
	p := c.enter(l)
	c.mu.Lock()
	l.seeking = false
	if p != nil {
		c.spur(l)
	}
	c.mu.Unlock()
	for p != nil && c.once(l, p) {
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l.workers--
	if p != nil || l.workers == 0 {
		c.spur(l)
	}
	c.tidy(l)
}

// enter waits for a permit; nil when there is nothing to do any more.
func (c *Checker) enter(l *lane) *Permit {
	for c.wanted(l) {
		p, no, err := c.d.Gate.Enter(c.ctx, l.name, l.limit)
		switch {
		case err != nil:
			c.fail(l, err)
			return nil
		case p != nil:
			return p
		case no.Rests:
			c.rests(l, no.Until)
			return nil
		}
		// Those who wait for the same place do not come at the same time.
		c.sleep(no.Until.Sub(c.d.Clock())+rand.N(20*time.Millisecond), c.ctx.Done())
	}
	return nil
}

func (c *Checker) wanted(l *lane) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closing && len(l.queue) > 0
}

// sleep waits, and reports whether nothing ended it.
func (c *Checker) sleep(d time.Duration, done <-chan struct{}) bool {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	}
}

// fail gives back what waits in a lane when the store does not let anybody in.
func (c *Checker) fail(l *lane, err error) {
	if c.ctx.Err() == nil {
		c.d.Log.WarnContext(c.ctx, "no permits for checks; they are given back", "host", l.name, "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush(l, func() outcome { return outcome{err: bus.Later(ailing + rand.N(ailing))} })
}

// rests gives back what waits in a lane whose host is left alone.
func (c *Checker) rests(l *lane, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.d.Clock()
	l.rest = until
	c.flush(l, func() outcome { return outcome{until: l.turn(now)} })
}

// take gives what the next request is about: several jobs where the host takes them.
func (c *Checker) take(l *lane) []*job {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || len(l.queue) == 0 || l.rest.After(c.d.Clock()) {
		return nil
	}
	first := l.queue[0]
	jobs, left := []*job{first}, l.queue[:0:0]
	for _, j := range l.queue[1:] {
		if first.batch > 1 && j.batch > 1 && len(jobs) < first.batch {
			jobs = append(jobs, j)
			continue
		}
		left = append(left, j)
	}
	l.queue = left
	c.d.Meter.waiting(c.ctx, -len(jobs))
	return jobs
}

// once makes one check under a permit, and reports whether there is a permit and
// work for another one.
func (c *Checker) once(l *lane, p *Permit) bool {
	var jobs []*job
	if c.sleep(p.At().Sub(c.d.Clock()), c.ctx.Done()) {
		jobs = c.take(l)
	}
	if len(jobs) == 0 {
		c.leave(l, p, News{})
		return false
	}
	news := c.ask(l, p, jobs)
	if !c.wanted(l) {
		c.leave(l, p, news)
		return false
	}
	ctx, cancel := c.storing()
	defer cancel()
	no, err := p.Next(ctx, news)
	switch {
	case no.Rests:
		c.rests(l, no.Until)
	case err == nil:
		return true
	case !errors.Is(err, ErrLapsed):
		c.fail(l, err)
	}
	return false
}

// leave gives a permit back, also when the checker stops.
func (c *Checker) leave(l *lane, p *Permit, n News) {
	ctx, cancel := c.storing()
	defer cancel()
	no, err := p.Leave(ctx, n)
	if err != nil {
		c.d.Log.WarnContext(ctx, "a permit lapses by itself", "host", l.name, "err", err)
	}
	if no.Rests {
		c.rests(l, no.Until)
	}
}

// storing is a context for a write that the end of the checker does not cut off.
func (c *Checker) storing() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.ctx), ailing)
}
