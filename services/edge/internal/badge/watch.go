package badge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	// beatEvery is how often the bucket is asked for its last sequence: what the watch
	// has not brought by then is missing.
	beatEvery = time.Second
	// vouchFor is how long such an answer holds. It stands in for the 5 s of
	// locknex.md, Badges, as alone does.
	vouchFor   = 3 * time.Second
	stuckAfter = 2 * time.Second // behind, before the watch is begun anew
	retryWatch = 250 * time.Millisecond
)

// errAnew says that the bucket is not the one that was watched.
var errAnew = errors.New("the bucket of badges began anew")

// Run keeps the states in memory true by linkchecker's bucket until ctx is done,
// and begins again whenever the watch ends or stays behind.
func (b *Badges) Run(ctx context.Context, js jetstream.JetStream) error {
	quiet := false
	for ctx.Err() == nil {
		err := b.watch(ctx, js)
		if ctx.Err() != nil {
			break
		}
		if !quiet { // once per outage; until then each state holds a few seconds
			b.log.WarnContext(ctx, "the badges are not watched; linkchecker is asked every few seconds", slog.Any(telemetry.KeyErr, err))
		}
		quiet = b.now().UnixNano() >= b.vouched.Load()
		select {
		case <-ctx.Done():
		case <-time.After(retryWatch):
		}
	}
	return nil
}

// beat is the bucket's last sequence as it was at a time, or later.
type beat struct {
	at       time.Time
	sequence uint64
	created  time.Time // the bucket
}

// watch follows the bucket until that fails. Nothing is loaded: what is asked for
// once the watch stands (a generation) is complete with what it brings.
func (b *Badges) watch(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithCancel(ctx)
	var beating sync.WaitGroup
	defer beating.Wait()
	defer cancel()
	kv, err := js.KeyValue(ctx, linksv1.BadgeBucket)
	if err != nil {
		return fmt.Errorf("opening the bucket of badges: %w", err)
	}
	w, err := kv.WatchAll(ctx, jetstream.UpdatesOnly())
	if err != nil {
		return fmt.Errorf("watching the badges: %w", err)
	}
	defer w.Stop() //nolint:errcheck // nobody waits for it
	promise, err := b.beat(ctx, kv)
	if err != nil {
		return err
	}
	// Up to here everything is in what will be asked for from now on.
	applied := promise.sequence
	b.generation.Add(1)
	b.vouch(promise)
	beats := make(chan beat)
	beating.Go(func() { b.beats(ctx, kv, beats) })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the caller looks at its context
		case next := <-beats:
			if !next.created.Equal(promise.created) || next.sequence < promise.sequence {
				return errAnew
			}
			// While behind, the oldest promise that is not kept stays: it tells how long.
			if applied >= promise.sequence {
				promise = next
			}
			if applied < promise.sequence && b.now().Sub(promise.at) >= stuckAfter {
				return fmt.Errorf("the watch of the badges stands still")
			}
		case e, ok := <-w.Updates():
			if !ok {
				return fmt.Errorf("the watch of the badges ended")
			}
			if e == nil {
				continue
			}
			b.take(ctx, e)
			applied = max(applied, e.Revision())
		}
		if applied >= promise.sequence {
			b.vouch(promise)
		}
	}
}

// vouch says that everything up to a beat is in.
func (b *Badges) vouch(p beat) { b.vouched.Store(p.at.Add(vouchFor).UnixNano()) }

// take applies an entry of the bucket.
func (b *Badges) take(ctx context.Context, e jetstream.KeyValueEntry) {
	if e.Operation() != jetstream.KeyValuePut { // an operator's doing: the container is linkchecker's
		return
	}
	var x linksv1.Badge
	if err := json.Unmarshal(e.Value(), &x); err != nil || linksv1.BadgeKey(x.ID) != e.Key() {
		b.log.WarnContext(ctx, "a badge cannot be read", slog.String(telemetry.KeySubject, e.Key()), slog.Any(telemetry.KeyErr, err))
		return
	}
	b.push(x)
}

// beats sends the bucket's last sequence every beatEvery until ctx is done. A
// bucket that does not answer is passed over: its last answer lapses.
func (b *Badges) beats(ctx context.Context, kv jetstream.KeyValue, out chan<- beat) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		next, err := b.beat(ctx, kv)
		if err != nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case out <- next:
		}
	}
}

func (b *Badges) beat(ctx context.Context, kv jetstream.KeyValue) (beat, error) {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	at := b.now()
	status, err := kv.Status(ctx)
	if err != nil {
		return beat{}, fmt.Errorf("asking the bucket of badges how far it is: %w", err)
	}
	of, ok := status.(*jetstream.KeyValueBucketStatus)
	if !ok {
		return beat{}, errAnew
	}
	return beat{at: at, sequence: of.StreamInfo().State.LastSeq, created: of.StreamInfo().Created}, nil
}
