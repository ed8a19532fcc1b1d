package clicks

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

const (
	maxAgent   = 1024   // bytes of a user agent that are looked at
	maxWaiting = 20_000 // clicks in memory while the stream is away; beyond, new ones are lost
	batchMost  = 256
	tellEvery  = 200 * time.Millisecond
	retryAfter = time.Second
	lastFor    = 5 * time.Second // for what is left at the end
)

// Publisher stores events and returns when all of them are known to be stored, or
// why not; then some of them may be. Storing one again under its id does nothing.
type Publisher func(ctx context.Context, events []docstore.Message) error

// Recorder tells stats of views. It is safe for concurrent use; Run must run for
// anything to be told.
type Recorder struct {
	publish  Publisher
	visitors visitors
	now      func() time.Time
	log      *slog.Logger
	views    metric.Int64Counter
	outcomes telemetry.Values[string]
	most     int // clicks that wait
	wake     chan struct{}

	mu      sync.Mutex
	waiting []click            // oldest first
	last    map[pair]time.Time // of the newest click of each that waits
	over    bool
}

// What becomes of a view.
const (
	told     = "told"     // to stats, or waiting to be
	leftOut  = "left_out" // nobody's
	repeated = "repeated" // of somebody whose view waits
	lost     = "lost"     // for want of room
)

// click is one that waits.
type click struct {
	pair
	id    string
	event statsv1.ClickEvent
}

// pair is what counts once within statsv1.ClickWindow.
type pair struct{ subject, visitor string }

var _ core.Clicks = (*Recorder)(nil)

// New makes a Recorder that has nothing to tell. The salts come from signer
// (PurposeSalt).
func New(p Publisher, signer *keys.Signer, now func() time.Time, tel *telemetry.Telemetry) (*Recorder, error) {
	in := tel.Instruments("github.com/sluicehq/sluice/services/edge/clicks")
	views := in.Counter("sluice.edge.views", "{view}", "views of containers and files, by what became of them")
	outcomes := telemetry.NewValues("sluice.outcome", []string{told, leftOut, repeated, lost})
	outcomes.Start(views)
	if err := in.Err(); err != nil {
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	return &Recorder{
		outcomes: outcomes,
		publish:  p, visitors: visitors{signer: signer}, now: now, log: tel.Log, views: views, most: maxWaiting,
		wake: make(chan struct{}, 1), last: map[pair]time.Time{},
	}, nil
}

// Viewed implements core.Clicks.
func (r *Recorder) Viewed(v core.View) {
	agent := v.Agent[:min(len(v.Agent), maxAgent)]
	subject, ok := subjectOf(v)
	if !ok || v.Method == http.MethodHead || looksAhead(v.Purpose) || isBot(agent) {
		r.count(context.Background(), leftOut, 1)
		return
	}
	at := r.now().UTC()
	p := pair{subject: subject, visitor: r.visitors.of(v.Source, agent, at)}
	r.count(context.Background(), r.add(click{pair: p, id: bus.NewID(), event: statsv1.ClickEvent{
		Subject: p.subject, Visitor: p.visitor, Referrer: referrerOf(v.Referrer, v.BaseURL), Time: at,
	}}), 1)
}

// nodeID is the form of files' ids, which are longer than containers'.
var nodeID = regexp.MustCompile(`^[a-z0-9]{12,64}$`)

// subjectOf is what stats counts a view for; false: nothing that there is.
func subjectOf(v core.View) (string, bool) {
	if v.FileID != "" {
		return v.FileID, v.ContainerID == "" && nodeID.MatchString(v.FileID)
	}
	return v.ContainerID, linksv1.ValidID(v.ContainerID)
}

func (r *Recorder) count(ctx context.Context, outcome string, n int) {
	r.views.Add(ctx, int64(n), r.outcomes.Of(outcome).Add...)
}

// add lets a click wait, and says what became of it. One that cannot count beside
// another that waits is not kept, so that somebody's thousand views are one.
func (r *Recorder) add(c click) (outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, there := r.last[c.pair]
	switch {
	case there && c.event.Time.Sub(before) < statsv1.ClickWindow:
		return repeated
	case r.over || len(r.waiting) >= r.most:
		return lost
	}
	r.last[c.pair] = c.event.Time
	r.waiting = append(r.waiting, c)
	r.poke()
	return told
}

func (r *Recorder) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run tells what there is until ctx is done, and then the rest of it.
func (r *Recorder) Run(ctx context.Context) {
	defer r.finish(context.WithoutCancel(ctx))
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		wait := tellEvery // for company
		if failing {
			wait = retryAfter
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		err := r.tell(ctx)
		if err != nil {
			r.poke()
		}
		if err != nil && !failing && ctx.Err() == nil { // once per outage
			r.log.WarnContext(ctx, "clicks are not taken; they wait", slog.Any(telemetry.KeyErr, err))
		}
		failing = err != nil
	}
}

// finish takes no more and tells what is left.
func (r *Recorder) finish(ctx context.Context) {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lastFor)
	defer cancel()
	for {
		err := r.tell(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			r.log.WarnContext(ctx, "clicks are lost: nobody took them", slog.Int("clicks", len(r.waiting)), slog.Any(telemetry.KeyErr, err))
			r.count(ctx, lost, len(r.waiting))
			return
		case <-time.After(retryAfter / 10):
		}
	}
}

// tell publishes batch by batch. What is not known to be stored stays and is sent
// again, under the same ids.
func (r *Recorder) tell(ctx context.Context) error {
	for {
		batch := r.next()
		if len(batch) == 0 {
			return nil
		}
		events := make([]docstore.Message, 0, len(batch))
		for _, c := range batch {
			e, err := bus.NewEnvelope(ctx, statsv1.Clicked, c.id, c.subject, 0, c.event.Time, c.event)
			if err != nil { // of nothing that Viewed makes
				r.log.ErrorContext(ctx, "a click cannot be told", slog.Any(telemetry.KeyErr, err))
				continue
			}
			events = append(events, e.Message())
		}
		faultpoint.Hit("edge.click.waiting")
		if err := r.publish(ctx, events); err != nil {
			return err
		}
		faultpoint.Hit("edge.click.told")
		r.drop(len(batch))
	}
}

func (r *Recorder) next() []click {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting[:min(len(r.waiting), batchMost)] // only drop moves it
}

// drop lets go of the oldest n, which are stored.
func (r *Recorder) drop(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.waiting[:n] {
		if r.last[c.pair].Equal(c.event.Time) {
			delete(r.last, c.pair)
		}
	}
	r.waiting = slices.Delete(r.waiting, 0, n)
}
