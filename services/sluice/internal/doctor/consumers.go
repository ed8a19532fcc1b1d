package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
)

// stale is from which age on a waiting message is a warning where Input says
// nothing; at failStale times that age something does not work.
const (
	stale     = 5 * time.Minute
	failStale = 12
)

// patient is from how many deliveries on a consumer gives messages back on
// purpose, so that long waits say little.
const patient = 1 << 20

// consumers compares the durables with the declared ones and looks at what waits
// for them.
func (d *doctor) consumers(ctx context.Context, l *list) {
	declared := streams.Consumers()
	var wg sync.WaitGroup
	for _, c := range declared {
		wg.Go(func() { d.consumer(ctx, l, c) })
	}
	for _, s := range streams.All(1) {
		wg.Go(func() { d.strangers(ctx, l, s.Name) })
	}
	wg.Wait()
	l.done("", "all %d consumers are as declared, and nothing waits for long", len(declared))
}

func (d *doctor) consumer(ctx context.Context, l *list, c bus.Consumer) {
	s, err := d.js.Stream(ctx, c.Stream)
	if err != nil {
		l.warn(c.Durable, "mend its stream first", "it could not be asked, since stream %s does not answer", c.Stream)
		return
	}
	cons, err := s.Consumer(ctx, c.Durable)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		l.fail(c.Durable, "sluice bus declare, or restart the nats unit; what came meanwhile is lost to it when the stream keeps only what is wanted",
			"it is missing on stream %s", c.Stream)
		return
	case err != nil:
		l.fail(c.Durable, "see which nats-servers are down: deploy/RUNBOOK.md#lost-quorum", "nobody answers for it on stream %s: %v", c.Stream, err)
		return
	}
	info := cons.CachedInfo()
	for _, what := range bus.ConsumerDrift(c, s.CachedInfo().Config, info.Config) {
		l.warn(c.Durable, "sluice bus declare", "it is not as declared: %s", what)
	}
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return
	}
	if d.unattended(ctx, cons) {
		l.warn(c.Durable, "start "+owner(c.Durable)+", or look at its log", "nobody takes its messages; %d wait", info.NumPending+uint64(info.NumAckPending)) //nolint:gosec // a count
	}
	d.waits(ctx, l, c, s, info)
}

// owner is the service that a durable belongs to, by its name's first part.
func owner(durable string) string {
	name, _, _ := strings.Cut(durable, "-")
	switch name {
	case "links":
		return "linkchecker"
	case "fetches":
		return "upload"
	}
	return name
}

// unattended reports whether no copy has asked for messages or holds some; a
// copy that handles what it has may ask for none for a moment.
func (d *doctor) unattended(ctx context.Context, cons jetstream.Consumer) bool {
	const looks, pause = 5, 200 * time.Millisecond
	for range looks {
		info, err := cons.Info(ctx)
		if err != nil || info.NumWaiting > 0 || info.NumAckPending > 0 {
			return false
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-t.C:
		}
	}
	return true
}

// waits complains about the oldest message that is not acknowledged. Both times
// are the server's.
func (d *doctor) waits(ctx context.Context, l *list, c bus.Consumer, s jetstream.Stream, info *jetstream.ConsumerInfo) {
	oldest := time.Time{}
	for _, filter := range append(slices.Clone(info.Config.FilterSubjects), info.Config.FilterSubject) {
		if filter == "" {
			continue
		}
		m, err := s.GetMsg(ctx, info.AckFloor.Stream+1, jetstream.WithGetMsgSubject(filter))
		if err == nil && (oldest.IsZero() || m.Time.Before(oldest)) {
			oldest = m.Time
		}
	}
	if oldest.IsZero() {
		return
	}
	now := info.TimeStamp
	if now.IsZero() {
		now = d.Now()
	}
	age := now.Sub(oldest).Round(time.Millisecond)
	advice := fmt.Sprintf("see 'sluice bus consumers' and the log of %s; is one running, and is what it calls up?", owner(c.Durable))
	text := "its oldest message of %d waits for %s"
	args := []any{info.NumPending + uint64(info.NumAckPending), age} //nolint:gosec // a count
	switch {
	case age >= failStale*d.Stale && c.MaxDeliver < patient:
		l.fail(c.Durable, advice, text, args...)
	case age >= d.Stale:
		l.warn(c.Durable, advice, text, args...)
	}
}

// strangers are durables that nobody declares: what a stream keeps for them, it
// keeps for ever.
func (d *doctor) strangers(ctx context.Context, l *list, stream string) {
	s, err := d.js.Stream(ctx, stream)
	if err != nil {
		return // a finding of the streams
	}
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		declared := slices.ContainsFunc(streams.Consumers(), func(c bus.Consumer) bool { return c.Stream == stream && c.Durable == info.Name })
		if declared || info.Config.Durable == "" {
			continue
		}
		l.warn(info.Name, fmt.Sprintf("nats consumer rm %s %s, when no older version of a service runs", stream, info.Name),
			"nobody declares this durable of stream %s; %d messages wait for it", stream, info.NumPending)
	}
	if err := list.Err(); err != nil {
		l.warn(stream, "ask again when the nats-server is well", "its consumers could not all be listed: %v", err)
	}
}

// deadLetters says how many wait, and whose.
func (d *doctor) deadLetters(ctx context.Context, l *list) {
	s, err := d.js.Stream(ctx, streams.Dead)
	if err != nil {
		l.warn("", "mend its stream first", "they could not be counted, since stream %s does not answer", streams.Dead)
		return
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(bus.DeadSubjects))
	if err != nil {
		l.warn("", "ask again when the nats-server is well", "the dead letters could not be counted: %v", err)
		return
	}
	for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
		durable := strings.TrimPrefix(subject, strings.TrimSuffix(bus.DeadSubjects, ">"))
		l.warn(durable, fmt.Sprintf("sluice bus dead list --consumer %s; mend what it says, then 'sluice bus dead replay --all %s'", durable, durable),
			"%d of its messages were given up", info.State.Subjects[subject])
	}
	l.done("", "no dead letters wait")
}
