package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/contracts/streams"
)

// From these differences on a clock is a finding. Timers, leases and the beat of
// revocations are made for fractions of a second.
const (
	warnSkew = time.Second
	failSkew = 3 * time.Second
)

// clocks compares this host's clock with those of the nats-servers that lead
// streams, and with MongoDB's.
func (d *doctor) clocks(ctx context.Context, l *list) {
	asked := 0
	if d.js != nil {
		off := d.natsClocks(ctx)
		for _, server := range slices.Sorted(maps.Keys(off)) {
			skewed(l, server, off[server])
		}
		asked += len(off)
	}
	if d.mongo != nil {
		if s, err := d.mongo.Server(ctx); err == nil {
			skewed(l, "MongoDB", skew(s.Before, s.Now, s.After))
			asked++
		}
	}
	if asked == 0 {
		l.warn("", "make the nats-server answer first", "there was no other clock to compare with")
		return
	}
	l.done("", "the clocks of %d servers are within %s of this host's", asked, warnSkew)
}

// natsClocks gives how far each server that leads a stream is ahead of this host.
func (d *doctor) natsClocks(ctx context.Context) map[string]time.Duration {
	var mu sync.Mutex
	out := map[string]time.Duration{}
	var wg sync.WaitGroup
	for _, s := range streams.All(1) {
		wg.Go(func() {
			before := d.Now()
			stream, err := d.js.Stream(ctx, s.Name)
			after := d.Now()
			if err != nil || stream.CachedInfo().TimeStamp.IsZero() {
				return // a finding of the streams
			}
			info := stream.CachedInfo()
			name := "nats-server"
			if info.Cluster != nil && info.Cluster.Leader != "" {
				name = fmt.Sprintf("nats-server %s", info.Cluster.Leader)
			}
			mu.Lock()
			defer mu.Unlock()
			off := skew(before, info.TimeStamp, after)
			if have, ok := out[name]; !ok || off.Abs() > have.Abs() {
				out[name] = off // each answer says how far at least, the quickest one most
			}
		})
	}
	wg.Wait()
	return out
}

// skew is how far a clock that showed at is ahead, when it was read between
// before and after; what the way took is in its favour.
func skew(before, at, after time.Time) time.Duration {
	switch {
	case at.Before(before):
		return at.Sub(before)
	case at.After(after):
		return at.Sub(after)
	}
	return 0
}

func skewed(l *list, whose string, off time.Duration) {
	const advice = "run an NTP client on both hosts: 'chronyc tracking' or 'timedatectl timesync-status'"
	how := "ahead of"
	if off < 0 {
		how = "behind"
	}
	switch abs := off.Abs(); {
	case abs >= failSkew:
		l.fail(whose, advice, "its clock is %s %s this host's", abs.Round(time.Millisecond), how)
	case abs >= warnSkew:
		l.warn(whose, advice, "its clock is %s %s this host's", abs.Round(time.Millisecond), how)
	}
}
