package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
)

// declareIt is what to do where something is missing that an operator declares.
const declareIt = "sluice bus declare, or restart the nats unit"

// streams compares the streams with the declared ones.
func (d *doctor) streams(ctx context.Context, l *list) {
	declared := streams.All(d.Config.Common.NATS.Replicas)
	var wg sync.WaitGroup
	for _, want := range declared {
		wg.Go(func() {
			s, ok := d.look(ctx, l, want.Name, declareIt)
			if !ok {
				return
			}
			info := s.CachedInfo()
			for _, what := range bus.StreamDrift(want, info.Config) {
				l.warn(want.Name, "sluice bus declare; 'nats stream info "+want.Name+"' shows it", "it is not as declared: %s", what)
			}
			d.copies(l, info, d.Config.Common.NATS.Replicas, false)
			full(l, info)
			d.writable(ctx, l, s)
		})
	}
	wg.Wait()
	l.done("", "all %d streams are as declared and have room", len(declared))
}

// look asks for one stream and complains when it is missing, or silent as one
// without a leader is.
func (d *doctor) look(ctx context.Context, l *list, name, remake string) (jetstream.Stream, bool) {
	s, err := d.js.Stream(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		l.fail(name, remake, "it is missing")
	case err != nil:
		l.fail(name, "see which nats-servers are down: deploy/RUNBOOK.md#lost-quorum", "nobody answers for it, so it has lost its leader or its quorum: %v", err)
	}
	return s, err == nil
}

// copies complains about a stream whose copies are fewer than wanted, or behind.
// Where the number itself is compared already, own is false.
func (d *doctor) copies(l *list, info *jetstream.StreamInfo, wanted int, own bool) {
	name := info.Config.Name
	if own && info.Config.Replicas < wanted {
		l.warn(name, "nats stream edit "+name+" --replicas "+fmt.Sprint(wanted), "it has %d copies, wanted are %d", info.Config.Replicas, wanted)
	}
	if info.Cluster == nil {
		return
	}
	if info.Cluster.Leader == "" {
		l.fail(name, "see which nats-servers are down: deploy/RUNBOOK.md#lost-quorum", "it has no leader: nothing can be written to it or read from it")
	}
	offline := 0
	for _, r := range info.Cluster.Replicas {
		if r.Offline {
			offline++
		}
	}
	if offline > info.Config.Replicas/2 || 2*offline == info.Config.Replicas { // a leader that is left alone learns it seconds later
		l.fail(name, "start those nats-servers: deploy/RUNBOOK.md#lost-quorum", "%d of its %d copies are offline: nothing can be written to it", offline, info.Config.Replicas)
		return
	}
	for _, r := range info.Cluster.Replicas {
		switch {
		case r.Offline:
			l.warn(name, "start that nats-server; with one more lost, the stream stops", "its copy on %s is offline", r.Name)
		case !r.Current && r.Lag > 0:
			l.warn(name, "wait, and look at that nats-server when it does not catch up", "its copy on %s is %d operations behind", r.Name, r.Lag)
		}
	}
}

// full complains about a stream that is near its limits. One that drops its
// oldest messages is no danger to writers.
func full(l *list, info *jetstream.StreamInfo) {
	c, s := info.Config, info.State
	if c.MaxBytes <= 0 {
		return
	}
	used := int64(100 * float64(s.Bytes) / float64(c.MaxBytes)) //nolint:gosec // percents
	text := "%s of %s are used (%d %%)"
	args := []any{Size(s.Bytes), Size(uint64(c.MaxBytes)), used}
	if c.Discard == jetstream.DiscardOld {
		if used >= failUsed {
			l.warn(c.Name, "start its consumers: 'sluice bus consumers'", text+"; the oldest messages are being dropped", args...)
		}
		return
	}
	l.full(c.Name, "see who does not take its messages ('sluice bus consumers') and deploy/RUNBOOK.md#full-stream", used, text+"; a full stream refuses new messages", args...)
}

// noSuchMessage is a number that no message of a stream will ever have.
const noSuchMessage = 1 << 62

// foundNone are a nats-server's words for a message that is not there; the code of
// the answer is one for all that can go wrong with a removal.
var foundNone = []string{"stream store EOF", "no message found"}

// writable complains about a stream that a write error has closed: a nats-server
// that met a full disk once refuses all writes to it until it is restarted, and
// tells so in no state that it shows. It is asked to remove a message that cannot
// be there: a stream that can be written to looks for it, finds none and writes
// nothing. A cluster is not asked, since it would write the question down; there a
// server with such an error gives its lead away, and its copy falls behind.
func (d *doctor) writable(ctx context.Context, l *list, s jetstream.Stream) {
	c := s.CachedInfo().Config
	if d.nc.ConnectedClusterName() != "" || c.DenyDelete {
		return
	}
	err := s.DeleteMsg(ctx, noSuchMessage)
	if !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		return // nobody answers, which others find
	}
	if !slices.ContainsFunc(foundNone, func(text string) bool { return strings.Contains(err.Error(), text) }) {
		l.fail(c.Name, "make room, then restart the nats-server: deploy/RUNBOOK.md#full-disk", "it refuses all writes since one failed: %v", err)
	}
}

// buckets looks at the declared KV buckets: the keys', the table of shards and those
// of the contracts.
func (d *doctor) buckets(ctx context.Context, l *list) {
	names := []string{natskv.Bucket, blob.Bucket(blob.DefaultPrefix)}
	for _, b := range streams.Buckets(d.Config.Common.NATS.Replicas) {
		names = append(names, b.Bucket)
	}
	for _, name := range names {
		s, ok := d.look(ctx, l, "KV_"+name, declareIt)
		if !ok {
			continue
		}
		info := s.CachedInfo()
		d.copies(l, info, d.Config.Common.NATS.Replicas, true)
		full(l, info)
	}
	l.done("", "all %d buckets are there", len(names))
}

// stores looks at the object stores of every region, by the table of shards.
func (d *doctor) stores(ctx context.Context, l *list) {
	placed, err := blob.Look(ctx, d.js, blob.DefaultPrefix)
	if err != nil {
		l.fail("", "deploy/RUNBOOK.md#lost-quorum, when nats-servers are down", "the table of shards cannot be read: %v", err)
		return
	}
	c := d.Config.Common
	known, count := map[string]bool{}, 0
	for _, p := range placed {
		for _, name := range p.Streams {
			known[name] = true
			count++
		}
		if !slices.Contains(c.Regions, p.Region) {
			l.warn(p.Region, "add it to regions, or move its content first", "there is content of region %s, which is not in regions: it cannot be read", p.Region)
		}
	}
	for _, region := range c.Regions {
		i := slices.IndexFunc(placed, func(p blob.Placed) bool { return p.Region == region })
		if i < 0 {
			l.warn(region, declareIt, "region %s has no object stores", region)
		} else if len(placed[i].Streams) > c.Blob.Shards {
			l.warn(region, fmt.Sprintf("set blob.shards to %d", len(placed[i].Streams)), "region %s has %d object stores, blob.shards says %d", region, len(placed[i].Streams), c.Blob.Shards)
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16) // of up to 256 questions a region
	for name := range known {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			d.store(ctx, l, name)
		})
	}
	wg.Wait()
	d.strays(ctx, l, known)
	l.done("", "all %d object stores of %d regions are there and have room", count, len(placed))
}

// store looks at one object store.
func (d *doctor) store(ctx context.Context, l *list, name string) {
	s, ok := d.look(ctx, l, name, "restore it from a backup: content that the table of shards places there is lost without it")
	if !ok {
		return
	}
	info := s.CachedInfo()
	d.copies(l, info, d.Config.Common.NATS.Replicas, true)
	full(l, info)
	d.writable(ctx, l, s)
	if info.Config.Discard != jetstream.DiscardNew {
		l.fail(name, "nats stream edit "+name+" --discard new", "it drops its oldest content when it is full")
	}
}

// strays are object stores of ours that no table names.
func (d *doctor) strays(ctx context.Context, l *list, known map[string]bool) {
	names := d.js.StreamNames(ctx)
	var stray []string
	for name := range names.Name() {
		if blob.StreamOf(blob.DefaultPrefix, name) && !known[name] {
			stray = append(stray, name)
		}
	}
	if err := names.Err(); err != nil {
		l.warn("", "ask again when the nats-server is well", "the streams could not all be listed: %v", err)
	}
	if len(stray) > 0 {
		slices.Sort(stray)
		l.warn(strings.Join(stray, ", "), "'nats stream rm' them when you know what they are", "no table of shards names these object stores: nothing reads them")
	}
}
