package clicks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
)

// field is a host as the name of a field, where '.' would part names; hostOf is
// the reverse.
func field(host string) string   { return strings.ReplaceAll(host, ".", "/") }
func hostOf(field string) string { return strings.ReplaceAll(field, "/", ".") }

// report gathers what is known of a subject.
type report struct {
	days   map[string]int64 // by "2006-01-02"
	months map[string]int64 // by "2006-01"; what is in no day too
	total  int64
	hosts  map[string]int64
}

// Clicks tells what was counted. The cost grows with the months since the first
// click, and the days that are not folded yet.
func (c *Counter) Clicks(ctx context.Context, r statsv1.ClicksRequest) (statsv1.Clicks, error) {
	if !idForm.MatchString(r.Subject) {
		return statsv1.Clicks{}, nil
	}
	rep, err := c.gather(ctx, r.Subject)
	if err != nil {
		return statsv1.Clicks{}, err
	}
	today := c.now().Truncate(24 * time.Hour)
	out := statsv1.Clicks{
		Today: rep.days[today.Format(dayForm)], Yesterday: rep.days[today.AddDate(0, 0, -1).Format(dayForm)],
		ThisMonth: rep.months[today.Format(monthForm)], Total: rep.total,
	}
	for n := r.Days - 1; n >= 0; n-- {
		name := today.AddDate(0, 0, -n).Format(dayForm)
		out.Days = append(out.Days, statsv1.Day{Day: name, Clicks: rep.days[name]})
	}
	for host, n := range rep.hosts {
		out.Referrers = append(out.Referrers, statsv1.Referrer{Host: hostOf(host), Clicks: n})
	}
	slices.SortFunc(out.Referrers, func(a, b statsv1.Referrer) int {
		return cmp.Or(cmp.Compare(b.Clicks, a.Clicks), cmp.Compare(a.Host, b.Host))
	})
	out.Referrers = out.Referrers[:min(len(out.Referrers), r.Referrers)]
	return out, nil
}

func (c *Counter) gather(ctx context.Context, subject string) (report, error) {
	rep := report{days: map[string]int64{}, months: map[string]int64{}, hosts: map[string]int64{}}
	// Open days first: one that is folded between the two reads is then known from
	// the first, and the second does not count it again.
	open := map[string]map[string]int64{} // referrers of days that no month knows
	err := each(ctx, c.days, docstore.Query{Index: "subject", Equal: []any{subject}}, func(d docstore.Doc[day]) {
		clicks, hosts := d.Value.sum()
		rep.add(d.Value.Day, clicks)
		open[d.Value.Day] = hosts
	})
	if err != nil {
		return rep, err
	}
	err = each(ctx, c.months, docstore.Query{Index: "subject", Equal: []any{subject}}, func(d docstore.Doc[month]) {
		name := strings.TrimPrefix(d.ID, subject+"/")
		rest := d.Value.Clicks
		for n, clicks := range d.Value.Days {
			rest -= clicks
			if _, known := rep.days[name+"-"+n]; !known {
				rep.add(name+"-"+n, clicks)
			}
			delete(open, name+"-"+n)
		}
		rep.months[name] += rest
		rep.total += rest
		rep.refer(d.Value.Referrers)
	})
	for _, hosts := range open {
		rep.refer(hosts)
	}
	return rep, err
}

func (rep *report) add(day string, clicks int64) {
	rep.days[day] = clicks
	rep.months[day[:len(monthForm)]] += clicks
	rep.total += clicks
}

func (rep *report) refer(hosts map[string]int64) {
	for host, n := range hosts {
		rep.hosts[host] += n
	}
}

// each scans all documents of a query.
func each[T any](ctx context.Context, c *docstore.Collection[T], q docstore.Query, do func(docstore.Doc[T])) error {
	for {
		p, err := c.Scan(ctx, q)
		if err != nil {
			return fmt.Errorf("reading clicks: %w", err)
		}
		for _, d := range p.Docs {
			do(d)
		}
		if q.After = p.Next; p.Next == "" {
			return nil
		}
	}
}
