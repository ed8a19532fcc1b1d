package badge_test

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
)

const (
	id      = "iiom6uw3pn7"
	numeric = "7541014"
)

// containers is a linkchecker that only knows states.
type containers struct {
	asked atomic.Int64

	mu   sync.Mutex
	have map[string]linksv1.Container
	down error
	hold func() // of a call, after it has read
}

func (c *containers) GetContainer(_ context.Context, r linksv1.ContainerRequest) (linksv1.Container, error) {
	c.asked.Add(1)
	c.mu.Lock()
	found, ok := c.have[r.ID]
	down, hold := c.down, c.hold
	c.mu.Unlock()
	if hold != nil {
		hold()
	}
	switch {
	case down != nil:
		return linksv1.Container{}, down
	case !ok:
		return linksv1.Container{}, linksv1.ErrNotFound
	}
	return found, nil
}

// set makes or changes the container under both its ids.
func (c *containers) set(n linksv1.Counts, revision int64) linksv1.Badge {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := linksv1.Container{ID: id, NumericID: numeric, Counts: n, Status: n.Status(), Revision: revision}
	c.have[id], c.have[numeric] = x, x
	return linksv1.Badge{ID: id, NumericID: numeric, Status: x.Status, Counts: n, Revision: revision}
}

func (c *containers) remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.have)
}

func (c *containers) fail(err error, hold func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down, c.hold = err, hold
}

// clock is a time that tests move.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time        { return time.Unix(0, c.ns.Load()) }
func (c *clock) pass(of time.Duration) { c.ns.Add(int64(of)) }

// bench is Badges over a linkchecker of its own.
type bench struct {
	*badge.Badges
	links *containers
	clock *clock
}

func setUp(t testing.TB) *bench {
	t.Helper()
	b := &bench{links: &containers{have: map[string]linksv1.Container{}}, clock: &clock{}}
	b.clock.ns.Store(time.Now().UnixNano())
	var err error
	if b.Badges, err = badge.New(b.links, b.clock.now, telemetry.Nop()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) show(t testing.TB, id string, look badge.Look) badge.Shown {
	t.Helper()
	s, err := b.Show(context.Background(), "192.0.2.1", id, look)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kind shows the container's plain badge and tells its kind, and whether
// linkchecker was asked for it.
func (b *bench) kind(t testing.TB, id string) (kind badge.Kind, asked bool) {
	t.Helper()
	before := b.links.asked.Load()
	s := b.show(t, id, badge.Plain(badge.SVG))
	return s.Kind, b.links.asked.Load() != before
}

// look is a form with a query's wishes.
func look(f badge.Form, query string) badge.Look {
	q, _ := url.ParseQuery(query) // what can be read of it, as net/http does
	return badge.LookOf(f, q)
}
