package clicks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// Options of a Counter.
type Options struct {
	Fold time.Duration // how long visitors are remembered after their day began
	Days int           // days that are told apart
}

// Meter counts what became of clicks.
type Meter interface {
	Clicked(outcome Outcome)
}

// Outcome of a click.
type Outcome string

// The outcomes.
const (
	Counted  Outcome = "counted"
	Repeated Outcome = "repeated" // within the window of one that counted
	Late     Outcome = "late"     // its day is over for good
	Gone     Outcome = "gone"     // its subject is
)

// Counter counts and tells. It is safe for concurrent use, by any number of
// processes on one store.
type Counter struct {
	o     Options
	clock func() time.Time
	meter Meter
	turns turns

	slots  *docstore.Collection[slot]
	days   *docstore.Collection[day]
	months *docstore.Collection[month]
	gone   *docstore.Collection[dropped]
}

// dropped marks a subject that is gone, while clicks on it may still come.
type dropped struct {
	ForgetAt time.Time `bson:"forgetAt"`
}

// Open opens the collections.
func Open(ctx context.Context, db docstore.DB, o Options, clock func() time.Time, m Meter) (*Counter, error) {
	c := &Counter{o: o, clock: clock, meter: m, turns: turns{waiting: map[string][]*click{}}}
	var errs [4]error
	c.slots, errs[0] = docstore.Open[slot](ctx, db, docstore.Spec{Name: "slots"})
	c.days, errs[1] = docstore.Open[day](ctx, db, docstore.Spec{Name: "days", Indexes: []docstore.Index{
		{Name: "subject", Fields: []string{"subject", "day"}}, {Name: "fold", Fields: []string{"foldAt"}},
	}})
	c.months, errs[2] = docstore.Open[month](ctx, db, docstore.Spec{Name: "months", Indexes: []docstore.Index{
		{Name: "subject", Fields: []string{"subject"}}, {Name: "compact", Fields: []string{"compactAt"}},
	}})
	c.gone, errs[3] = docstore.Open[dropped](ctx, db, docstore.Spec{Name: "dropped", Indexes: []docstore.Index{{Name: "forget", Fields: []string{"forgetAt"}}}})
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("opening the clicks: %w", err)
	}
	return c, nil
}

// now is the time as documents keep it.
func (c *Counter) now() time.Time { return c.clock().UTC().Truncate(time.Millisecond) }

// idForm is what a subject and a visitor look like: parts of documents' ids and
// names of fields.
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// hostForm is what a referrer looks like, which names a field too: a host as
// outbound.Host gives it, or none.
var hostForm = regexp.MustCompile(`^[a-z0-9._:-]{0,253}$`)

// check refuses events that no edge sends.
func check(e statsv1.ClickEvent, now time.Time) error {
	switch {
	case !idForm.MatchString(e.Subject), !idForm.MatchString(e.Visitor):
		return fault.ErrInvalid.Msgf("a click names its subject and visitor by 1 to 64 of A-Z a-z 0-9 _ -")
	case !hostForm.MatchString(e.Referrer):
		return fault.ErrInvalid.Msgf("a referrer is a host of at most 253 bytes, in ASCII and lower case")
	case e.Time.After(now.Add(time.Hour)) || e.Time.Year() < 2000:
		return fault.ErrInvalid.Msgf("the click's time is out of range")
	}
	return nil
}

// foldAt is when a day is over for good.
func (c *Counter) foldAt(start time.Time) time.Time { return start.Add(c.o.Fold) }

// Count counts a click, once. It answers when that is in the store; clicks of one
// slot that come at once share a write. An event that no edge sends is
// invalid_request.
func (c *Counter) Count(ctx context.Context, e statsv1.ClickEvent) error {
	e.Time = e.Time.UTC()
	if err := check(e, c.now()); err != nil {
		return err
	}
	start := e.Time.Truncate(24 * time.Hour)
	if !c.now().Before(c.foldAt(start)) {
		c.meter.Clicked(Late)
		return nil
	}
	return c.turns.do(ctx, dayID(e.Subject, start.Format(dayForm)), e, c.apply)
}

// apply counts clicks of one subject and day. Each shard's slot is written first:
// whoever repeats a click that was counted sets the day again.
func (c *Counter) apply(ctx context.Context, all []*click) {
	byShard := map[string][]*click{}
	for _, x := range all {
		s := shardOf(x.event.Visitor)
		byShard[s] = append(byShard[s], x)
	}
	subject, start := all[0].event.Subject, all[0].event.Time.Truncate(24*time.Hour)
	var mu sync.Mutex
	tallies := map[string]tally{}
	g, within := errgroup.WithContext(ctx) // the store writes them together
	for shard, clicks := range byShard {
		g.Go(func() error {
			t, err := c.fill(within, slotID(subject, start.Format(dayForm), shard), clicks)
			mu.Lock()
			defer mu.Unlock()
			tallies[shard] = t
			return err
		})
	}
	if err := g.Wait(); err != nil {
		failed(all, err)
		return
	}
	faultpoint.Hit("stats.count.filled")
	gone, err := c.note(ctx, subject, start, tallies)
	if err != nil {
		failed(all, err)
		return
	}
	faultpoint.Hit("stats.count.noted")
	if gone != "" { // then nobody finds the slots again
		err = remove(ctx, c.slots, dayID(subject, start.Format(dayForm)))
	}
	for _, x := range all {
		if gone != "" {
			x.outcome, x.err = gone, err
		}
		c.meter.Clicked(x.outcome)
	}
}

func failed(all []*click, err error) {
	for _, x := range all {
		x.err = err
	}
}

// fill writes the clicks of one slot and gives what it comes to.
func (c *Counter) fill(ctx context.Context, id string, clicks []*click) (tally, error) {
	d, err := c.slots.Upsert(ctx, id, func(s *slot, _ bool) ([]docstore.Message, error) {
		changed := false
		for _, x := range clicks {
			x.outcome = Repeated
			counts, kept := s.count(x.event)
			if counts {
				x.outcome = Counted
			}
			changed = changed || kept
		}
		if !changed {
			return nil, docstore.Unchanged
		}
		return nil, nil
	})
	if err != nil {
		return tally{}, fmt.Errorf("counting clicks: %w", err)
	}
	return tally{Revision: d.Rev, Clicks: d.Value.Clicks, Referrers: d.Value.Referrers}, nil
}

// note sets what slots came to in their day. A day that is over, or whose subject
// is gone, says why it takes nothing.
func (c *Counter) note(ctx context.Context, subject string, start time.Time, tallies map[string]tally) (Outcome, error) {
	var why Outcome
	name := start.Format(dayForm)
	_, err := c.days.Upsert(ctx, dayID(subject, name), func(d *day, exists bool) ([]docstore.Message, error) {
		why = ""
		if !exists {
			// A day that was folded is in its month already, and one of a subject that
			// is gone must not come back.
			switch refused, err := c.closed(ctx, subject, start); {
			case err != nil:
				return nil, err
			case refused != "":
				why = refused
				return nil, docstore.Unchanged
			}
			*d = day{Subject: subject, Day: name, Shards: map[string]tally{}, FoldAt: c.foldAt(start)}
		}
		if d.Folding {
			why = Late
			return nil, docstore.Unchanged
		}
		changed := !exists
		for shard, t := range tallies {
			if d.Shards[shard].Revision < t.Revision {
				d.Shards[shard], changed = t, true
			}
		}
		if !changed {
			return nil, docstore.Unchanged
		}
		return nil, nil
	})
	if errors.Is(err, docstore.ErrNotFound) { // nothing was there, and nothing was made
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("noting clicks in their day: %w", err)
	}
	return why, nil
}

// closed says why a day cannot be opened.
func (c *Counter) closed(ctx context.Context, subject string, start time.Time) (Outcome, error) {
	if _, err := c.gone.Get(ctx, subject); !errors.Is(err, docstore.ErrNotFound) {
		return Gone, err
	}
	m, err := c.months.Get(ctx, monthID(subject, start.Format(monthForm)))
	if errors.Is(err, docstore.ErrNotFound) {
		return "", nil
	}
	if _, folded := m.Value.Days[start.Format("02")]; folded {
		return Late, err
	}
	return "", err
}

// Drop forgets a subject.
func (c *Counter) Drop(ctx context.Context, subject string) error {
	if !idForm.MatchString(subject) {
		return nil // nobody can have clicked on it
	}
	until := c.now().Add(c.o.Fold + 24*time.Hour)
	if _, err := c.gone.Upsert(ctx, subject, func(d *dropped, _ bool) ([]docstore.Message, error) { d.ForgetAt = until; return nil, nil }); err != nil {
		return fmt.Errorf("marking a subject as gone: %w", err)
	}
	faultpoint.Hit("stats.drop.marked")
	return errors.Join(remove(ctx, c.days, subject), remove(ctx, c.months, subject), remove(ctx, c.slots, subject))
}

// remove removes the documents whose ids begin with a subject, or another prefix.
func remove[T any](ctx context.Context, c *docstore.Collection[T], prefix string) error {
	for {
		p, err := c.Scan(ctx, docstore.Query{From: prefix + "/", To: prefix + "0", ToExclusive: true, Limit: 1000})
		if err != nil {
			return fmt.Errorf("finding clicks to forget: %w", err)
		}
		var errs []error
		for _, d := range p.Docs {
			if err := c.Delete(ctx, d.ID, docstore.DeleteOptions{}); err != nil && !errors.Is(err, docstore.ErrNotFound) {
				errs = append(errs, err)
			}
		}
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("forgetting clicks: %w", err)
		}
		if p.Next == "" {
			return nil
		}
	}
}
