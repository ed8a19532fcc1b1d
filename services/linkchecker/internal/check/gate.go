package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

const (
	// permitMargin is how much longer than the request under it a permit lives: what
	// clocks may differ by.
	permitMargin = 3 * time.Second
	// ahead is how long before its time a request is reserved at most.
	ahead = 100 * time.Millisecond
	// maxRest bounds how long a lane rests, since everybody's links wait for it. A
	// link whose host asks for more waits longer alone.
	maxRest = time.Hour
	// A host that limits and does not say for how long is left alone for firstRest,
	// then for twice as long and so on; one that shows challenges in a row, from the
	// challengesInRow-th on, beginning with challengeRest.
	firstRest       = 10 * time.Second
	challengeRest   = time.Minute
	challengesInRow = 3
)

// ErrLapsed ends the work under a permit that is no longer there, or that may not be
// there any more before the request ends.
var ErrLapsed = errors.New("the permit has lapsed")

// host is the document of a lane: who may ask now, and from when on. Its times are
// microseconds since 1970, since rates need more than the store's milliseconds.
type host struct {
	Permits []permit `bson:"permits"`
	Next    int64    `bson:"next"` // before this nobody makes another request
	Rest    int64    `bson:"rest,omitempty"`
	Limited int      `bson:"limited,omitempty"` // refusals in a row, of either kind
	Walls   int      `bson:"walls,omitempty"`
	UsedAt  int64    `bson:"used_at"` // by the hour; documents of hosts that nobody asks go
}

type permit struct {
	ID   string `bson:"id"`
	Till int64  `bson:"till"`
}

// Gate lets requests to hosts through, no more at once and no faster than their
// limits, over all processes that share its store. It is safe for concurrent use.
type Gate struct {
	c     *docstore.Collection[host]
	clock func() time.Time
	life  time.Duration // of a permit, from the time of its request on
}

// OpenGate opens the documents. No request under a permit takes longer than timeout.
func OpenGate(ctx context.Context, db docstore.DB, clock func() time.Time, timeout time.Duration) (*Gate, error) {
	c, err := docstore.Open[host](ctx, db, docstore.Spec{Name: "hosts", Indexes: []docstore.Index{{Name: "used", Fields: []string{"used_at"}}}})
	if err != nil {
		return nil, fmt.Errorf("opening the hosts: %w", err)
	}
	return &Gate{c: c, clock: clock, life: timeout + permitMargin}, nil
}

// Permit lets its holder make one request at a time.
type Permit struct {
	g     *Gate
	lane  string
	id    string
	every time.Duration // from one request of the lane to the next
	at    time.Time     // of the request
	till  time.Time
}

// At is when the request may be made.
func (p *Permit) At() time.Time { return p.at }

// Refusal says why there is no permit, and when to ask again.
type Refusal struct {
	Until time.Time
	Rests bool // the lane is left alone
}

// News is what an answer told of a host.
type News struct {
	Limited bool // it has too many requests
	Wall    bool // it keeps programs out
	Fine    bool // it said what it was asked
	// Retry is when it wants to be asked again.
	Retry time.Duration
}

// Enter gives a permit for a lane's next request, or says when to come back.
func (g *Gate) Enter(ctx context.Context, lane string, l hosts.Limit) (*Permit, Refusal, error) {
	p := &Permit{g: g, lane: lane, id: rand.Text(), every: spacing(l)}
	var no Refusal
	_, err := g.c.Upsert(ctx, lane, func(h *host, _ bool) ([]docstore.Message, error) {
		now := g.now()
		h.forget(now)
		switch {
		case h.Rest > now:
			no = Refusal{Until: moment(h.Rest), Rests: true}
			return nil, docstore.Unchanged
		case len(h.Permits) >= max(l.Concurrency, 1):
			first := slices.MinFunc(h.Permits, func(a, b permit) int { return int(a.Till - b.Till) })
			no = Refusal{Until: moment(min(first.Till, now+ahead.Microseconds()))}
			return nil, docstore.Unchanged
		case h.Next > now+ahead.Microseconds():
			no = Refusal{Until: moment(h.Next - ahead.Microseconds())}
			return nil, docstore.Unchanged
		}
		no = Refusal{}
		h.Permits = append(h.Permits, permit{ID: p.id})
		p.reserve(h, now)
		return nil, nil
	})
	if err != nil {
		return nil, Refusal{}, fmt.Errorf("asking for a permit: %w", err)
	}
	if !no.Until.IsZero() {
		return nil, no, nil
	}
	return p, Refusal{}, nil
}

func spacing(l hosts.Limit) time.Duration {
	return time.Duration(float64(time.Second) / max(l.Rate, .001))
}

func (g *Gate) now() int64 { return g.clock().UnixMicro() }

func moment(us int64) time.Time { return time.UnixMicro(us).UTC() }

// forget drops permits that lapsed.
func (h *host) forget(now int64) {
	h.Permits = slices.DeleteFunc(h.Permits, func(p permit) bool { return p.Till <= now })
}

// reserve takes the next free time for a request of p, which is among h's permits.
func (p *Permit) reserve(h *host, now int64) {
	at := max(now, h.Next)
	h.Next = at + p.every.Microseconds()
	h.UsedAt = now - now%time.Hour.Microseconds()
	p.at, p.till = moment(at), moment(at).Add(p.g.life)
	for i := range h.Permits {
		if h.Permits[i].ID == p.id {
			h.Permits[i].Till = p.till.UnixMicro()
		}
	}
}

// Next tells what the last answer said and keeps the permit for another request; a
// refusal ends it. ErrLapsed.
func (p *Permit) Next(ctx context.Context, n News) (Refusal, error) {
	var no Refusal
	lost := false
	_, err := p.g.c.Upsert(ctx, p.lane, func(h *host, _ bool) ([]docstore.Message, error) {
		now := p.g.now()
		h.forget(now)
		no, lost = Refusal{}, !h.holds(p.id)
		h.hear(n, now)
		if h.Rest > now {
			h.drop(p.id)
			no = Refusal{Until: moment(h.Rest), Rests: true}
			return nil, nil
		}
		if !lost {
			p.reserve(h, now)
		}
		return nil, nil
	})
	switch {
	case err != nil:
		return Refusal{}, fmt.Errorf("keeping a permit: %w", err)
	case no.Rests:
		return no, nil
	case lost:
		return Refusal{}, ErrLapsed
	}
	return Refusal{}, nil
}

// Leave tells what the last answer said and ends the permit.
func (p *Permit) Leave(ctx context.Context, n News) (Refusal, error) {
	var no Refusal
	_, err := p.g.c.Upsert(ctx, p.lane, func(h *host, _ bool) ([]docstore.Message, error) {
		now := p.g.now()
		no = Refusal{}
		h.forget(now)
		h.drop(p.id)
		h.hear(n, now)
		if h.Rest > now {
			no = Refusal{Until: moment(h.Rest), Rests: true}
		}
		return nil, nil
	})
	if err != nil {
		return Refusal{}, fmt.Errorf("giving a permit back: %w", err)
	}
	return no, nil
}

func (h *host) holds(id string) bool {
	return slices.ContainsFunc(h.Permits, func(p permit) bool { return p.ID == id })
}

func (h *host) drop(id string) {
	h.Permits = slices.DeleteFunc(h.Permits, func(p permit) bool { return p.ID == id })
}

// hear has the lane rest when its host wants that.
func (h *host) hear(n News, now int64) {
	var rest time.Duration
	switch {
	case n.Limited:
		h.Limited++
		if rest = n.Retry; rest == 0 {
			rest = firstRest << min(h.Limited-1, 10)
		}
	case n.Wall:
		if h.Walls++; h.Walls >= challengesInRow {
			rest = challengeRest << min(h.Walls-challengesInRow, 10)
		}
		rest = max(rest, n.Retry)
	case n.Fine:
		h.Limited, h.Walls = 0, 0
	}
	if rest > 0 {
		h.Rest = max(h.Rest, now+min(rest, maxRest).Microseconds())
	}
}

// Sweep forgets hosts that nobody asked for two hours.
func (g *Gate) Sweep(ctx context.Context) error {
	now := g.now()
	for after := ""; ; {
		page, err := g.c.Scan(ctx, docstore.Query{Index: "used", To: now - (2 * time.Hour).Microseconds(), After: after, Limit: 500})
		if err != nil {
			return fmt.Errorf("looking for hosts that nobody asks: %w", err)
		}
		for _, d := range page.Docs {
			if d.Value.Rest > now {
				continue
			}
			err := g.c.Delete(ctx, d.ID, docstore.DeleteOptions{IfRev: d.Rev})
			if err != nil && !errors.Is(err, docstore.ErrStale) && !errors.Is(err, docstore.ErrNotFound) {
				return fmt.Errorf("forgetting a host: %w", err)
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}
