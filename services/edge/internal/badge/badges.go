package badge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Containers is the part of linkchecker that is asked for what is not in memory.
type Containers interface {
	GetContainer(ctx context.Context, r linksv1.ContainerRequest) (linksv1.Container, error)
}

const (
	// alone is how long a state holds that nothing vouches for. A change shows within
	// 5 s of being recorded (locknex.md, Badges); the rest is for asking.
	alone = 4 * time.Second
	// atMost is how long one holds that the watch vouches for, lest a state that never
	// reached the bucket is believed for ever.
	atMost = 10 * time.Minute
	// absence is how long it holds that there is no container: an id may be given out
	// again, with revisions that begin anew.
	absence = 30 * time.Second
	// stale is how long a state is shown while linkchecker does not answer.
	stale = time.Hour

	askFor   = 2 * time.Second
	askAgain = time.Second // after a failure
	askAtMax = 64          // at once
	maxKnown = 100_000     // containers in memory, by each of their ids
)

// Badges tells what containers' badges look like. Make one with New. It is safe
// for concurrent use.
type Badges struct {
	links   Containers
	now     func() time.Time
	log     *slog.Logger
	meter   *meter
	gallery gallery
	asking  chan struct{}
	lanes   lanes

	// What the watch vouches for: states asked for in this generation, until then.
	generation atomic.Int64
	vouched    atomic.Int64 // Unix nanoseconds

	mu    sync.RWMutex
	known map[string]*entry
}

// New makes Badges that know nothing. Without Run each state holds a few seconds.
func New(links Containers, now func() time.Time, tel *telemetry.Telemetry) (*Badges, error) {
	p, err := newPainter()
	if err != nil {
		return nil, err
	}
	b := &Badges{
		links: links, now: now, log: tel.Log, known: map[string]*entry{}, asking: make(chan struct{}, askAtMax), lanes: lanes{of: map[string]*lane{}},
		gallery: gallery{painter: p, usual: newShelf(), others: newShelf()},
	}
	b.meter, err = newMeter(tel, b.entries)
	return b, err
}

// entries is how many containers are in memory, by each of their ids.
func (b *Badges) entries() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.known)
}

// Shown is a badge, and how far it can be relied on.
type Shown struct {
	*Picture
	Kind Kind
	Old  bool // linkchecker does not answer; this is what it said last
}

// Show gives the badge of a container by either of its ids, for the client at an
// address. What cannot be told has a badge too, of kind Unavailable. Errors are
// those of a ctx that is done before it is drawn, and of drawing.
func (b *Badges) Show(ctx context.Context, client, id string, look Look) (Shown, error) {
	face, from := Face{Kind: NotFound}, fromNowhere
	if linksv1.ValidID(id) {
		face, from = b.face(ctx, client, id)
	}
	b.meter.shown(ctx, look.Form, from)
	p, err := b.gallery.picture(ctx, face, look)
	return Shown{Picture: p, Kind: face.Kind, Old: from == fromBefore}, err
}

// entry is what is known of an id.
type entry struct {
	state atomic.Pointer[state]
	used  atomic.Bool // since the last time that room was made

	mu      sync.Mutex
	pushed  *linksv1.Badge // while it is asked for: the newest that the watch brought
	asked   chan struct{}  // closed when that is over; nil while nobody asks
	retryAt time.Time
}

// state is a badge's data and what it rests on.
type state struct {
	badge      linksv1.Badge
	face       Face
	at         time.Time // when it was asked for; what is older is in it
	generation int64     // of the watch that brings what is newer
}

// good reports whether a state may be shown without asking.
func (b *Badges) good(s *state, now time.Time) bool {
	age := now.Sub(s.at)
	if age < alone {
		return true
	}
	if s.face.Kind == NotFound && age >= absence {
		return false
	}
	return age < atMost && s.generation == b.generation.Load() && now.UnixNano() < b.vouched.Load()
}

// face gives what a container looks like: from memory, or by asking.
func (b *Badges) face(ctx context.Context, client, id string) (Face, origin) {
	e := b.entry(id)
	if !e.used.Load() {
		e.used.Store(true)
	}
	s := e.state.Load()
	if s != nil && b.good(s, b.now()) {
		return s.face, fromMemory
	}
	b.ask(ctx, client, id, e)
	now := b.now()
	switch s = e.state.Load(); {
	case s == nil || now.Sub(s.at) >= stale:
		return Face{Kind: Unavailable}, fromBefore
	case !b.good(s, now):
		return s.face, fromBefore
	default:
		return s.face, fromService
	}
}

// entry finds or makes an id's.
func (b *Badges) entry(id string) *entry {
	b.mu.RLock()
	e := b.known[id]
	b.mu.RUnlock()
	if e != nil {
		return e
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e = b.known[id]; e != nil {
		return e
	}
	if len(b.known) >= maxKnown {
		b.makeRoom()
	}
	e = &entry{}
	b.known[id] = e
	return e
}

// makeRoom drops a share of the entries, those that nobody asked for lately first:
// the map's order is as good as chance.
func (b *Badges) makeRoom() {
	drop := maxKnown / 50
	for _, lately := range []bool{false, true} {
		for id, e := range b.known {
			if drop == 0 {
				return
			}
			if lately || !e.used.Swap(false) {
				delete(b.known, id)
				drop--
			}
		}
	}
}

// ask asks linkchecker for a container, once for all who want it: whoever comes
// first asks, also when its own client has gone. The others wait for that, or for
// their ctx. Nobody asks for the others before it is its client's turn.
func (b *Badges) ask(ctx context.Context, client, id string, e *entry) {
	if e.wait(ctx) {
		return
	}
	within, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	leave, err := b.lanes.enter(within, password.SourceKey(client))
	if err != nil {
		return
	}
	defer leave()
	e.mu.Lock()
	if e.asked != nil {
		e.mu.Unlock()
		e.wait(ctx)
		return
	}
	now := b.now()
	if s := e.state.Load(); now.Before(e.retryAt) || s != nil && b.good(s, now) { // somebody has just asked
		e.mu.Unlock()
		return
	}
	over := make(chan struct{})
	e.asked, e.pushed = over, nil
	e.mu.Unlock()

	s, err := b.load(context.WithoutCancel(ctx), id)
	e.mu.Lock()
	defer e.mu.Unlock()
	defer close(over)
	if err != nil {
		b.log.DebugContext(ctx, "a container's state was not told", slog.Any(telemetry.KeyErr, err))
		e.retryAt = b.now().Add(askAgain)
	} else {
		if e.pushed != nil && e.pushed.Revision > s.badge.Revision {
			s.badge = *e.pushed
		}
		s.face = faceOf(s.badge)
		e.state.Store(s)
	}
	e.asked, e.pushed = nil, nil
}

// wait waits until whoever asks has an answer, or for ctx; false: nobody asks.
func (e *entry) wait(ctx context.Context) bool {
	e.mu.Lock()
	over := e.asked
	e.mu.Unlock()
	if over == nil {
		return false
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
	return true
}

// load is the call, within askFor.
func (b *Badges) load(ctx context.Context, id string) (*state, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	select {
	case b.asking <- struct{}{}:
		defer func() { <-b.asking }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to ask for a container: %w", ctx.Err())
	}
	s := &state{at: b.now(), generation: b.generation.Load()}
	c, err := b.links.GetContainer(ctx, linksv1.ContainerRequest{ID: id})
	switch {
	case err == nil:
		s.badge = linksv1.Badge{ID: c.ID, NumericID: c.NumericID, Status: c.Status, Counts: c.Counts, Revision: c.Revision}
	case fault.CodeOf(err) == linksv1.ErrNotFound.Code:
		s.badge = linksv1.Badge{Gone: true}
	default:
		return nil, fmt.Errorf("asking for a container: %w", err)
	}
	return s, nil
}

// push takes what the watch brought. An older state that comes again is let go.
func (b *Badges) push(x linksv1.Badge) {
	for _, id := range [2]string{x.ID, x.NumericID} {
		b.mu.RLock()
		e := b.known[id]
		b.mu.RUnlock()
		if e != nil {
			e.push(x)
		}
	}
}

func (e *entry) push(x linksv1.Badge) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked != nil && (e.pushed == nil || x.Revision > e.pushed.Revision) {
		e.pushed = &x
	}
	if s := e.state.Load(); s != nil && x.Revision > s.badge.Revision {
		e.state.Store(&state{badge: x, face: faceOf(x), at: s.at, generation: s.generation})
	}
}
