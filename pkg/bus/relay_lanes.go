package bus

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// lane is the way to one stream, known by the root of its subjects: while one is
// full or away, the others go on.
//
//	open ──refused──► closed until … ──time is up, one document probes──► open
//	                     ▲                         │ refused, wait doubles
//	                     └─────────────────────────┘
type lane struct {
	fails   int
	until   time.Time
	probing bool
	parked  []*waitingDoc
}

const (
	laneFirst = 50 * time.Millisecond
	laneMost  = 2 * time.Second
)

// enter sets d running, or parks it when its lane is closed; the mutex is held.
func (r *Relay) enter(d *waitingDoc) bool {
	probe := d.probe
	d.probe = false
	if len(d.msgs) > 0 && !probe {
		if l := r.lanes[subjectRoot(d.msgs[0].Subject)]; l != nil {
			d.state = stateParked
			l.parked = append(l.parked, d)
			return false
		}
	}
	d.state = stateRunning
	return true
}

// park closes the lane of a refused document and lets it wait there.
func (r *Relay) park(d *waitingDoc, subject string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	root := subjectRoot(subject)
	l := r.lanes[root]
	if l == nil {
		l = &lane{}
		r.lanes[root] = l
	}
	now := time.Now()
	if l.fails == 0 || now.After(l.until) {
		l.until = now.Add(min(laneFirst<<min(l.fails, 10), laneMost))
		l.fails++
		r.log.Warn("publishing refused, events wait in their documents", "lane", root, "documents", len(r.docs), "wait", l.until.Sub(now), telemetry.KeyErr, err)
	}
	l.probing = false
	d.state = stateParked
	l.parked = append(l.parked, d)
}

// passed opens the lanes that the first n events of a batch went through, and lets
// everybody in them go on; but not the lane that refused the next one.
func (r *Relay) passed(batch []docstore.Message, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	refused := ""
	if n < len(batch) {
		refused = subjectRoot(batch[n].Subject)
	}
	for _, m := range batch[:n] {
		root := subjectRoot(m.Subject)
		l := r.lanes[root]
		if l == nil || root == refused {
			continue
		}
		delete(r.lanes, root)
		for _, d := range l.parked {
			if d.state == stateParked && r.docs[d.key] == d {
				r.enqueue(d)
			}
		}
	}
}

// probe lets one document through each closed lane whose time is up.
func (r *Relay) probe(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		if now.Before(l.until) || l.probing {
			continue
		}
		for len(l.parked) > 0 {
			d := l.parked[0]
			l.parked = l.parked[1:]
			if d.state == stateParked && r.docs[d.key] == d {
				l.probing, d.probe = true, true
				r.enqueue(d)
				break
			}
		}
	}
}

// sweepPage is how many documents a sweep reads.
const sweepPage = 512

// sweepLoop finds what memory does not know of: left by a crash, committed by a
// process that died since, or turned away by MaxQueued.
func (r *Relay) sweepLoop(ctx context.Context) {
	before := r.sweep(ctx, nil, true)
	sweep := time.NewTicker(r.cfg.Sweep)
	defer sweep.Stop()
	probe := time.NewTicker(laneFirst / 2)
	defer probe.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-probe.C:
			r.probe(now)
		case <-r.wake:
			before = r.sweep(ctx, before, true)
		case <-sweep.C:
			before = r.sweep(ctx, before, false)
		}
	}
}

func (r *Relay) sweepNow() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// sweep offers the pending documents. What it meets for the first time is left to
// whoever is publishing it right now, unless all is set. It returns what it met.
func (r *Relay) sweep(ctx context.Context, before map[string]bool, all bool) map[string]bool {
	sctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found, err := r.db.PendingOutbox(sctx, sweepPage)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("sweeping the outbox failed", telemetry.KeyErr, err)
		}
		return before
	}
	full := len(found) == sweepPage
	met := make(map[string]bool, len(found))
	refused := int64(0)
	for _, p := range found {
		id := p.Messages[0].ID
		met[id] = true
		if (all || full || before[id]) && !r.offer(docKey{p.Collection, p.ID}, p.Messages, false) {
			refused += int64(len(p.Messages))
		}
	}
	r.note(found, full, refused)
	return met
}

// note keeps the age of the oldest event, and what memory had no room for: all of
// it when the sweep saw everything, else at least that.
func (r *Relay) note(found []docstore.Pending, full bool, refused int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if full {
		r.overflow = max(r.overflow, refused)
	} else {
		r.overflow = refused
	}
	r.oldest = time.Time{}
	for _, p := range found {
		if t := p.Messages[0].Time; r.oldest.IsZero() || t.Before(r.oldest) {
			r.oldest = t
		}
	}
}

// watchOutbox registers the gauges of a relay.
func (m *metrics) watchOutbox(r *Relay) error {
	depth := m.in.Gauge("sluice.outbox.depth", "{event}", "events that wait to be published")
	age := m.in.GaugeSeconds("sluice.outbox.age", "age of the oldest event that waits, at the last sweep")
	of := telemetry.NewLabels(attribute.String("sluice.relay", r.cfg.Name))
	m.in.Watch(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(depth, r.Backlog(), of.Observe...)
		r.mu.Lock()
		oldest := r.oldest
		r.mu.Unlock()
		seconds := 0.0
		if !oldest.IsZero() {
			seconds = max(0, time.Since(oldest).Seconds())
		}
		o.ObserveFloat64(age, seconds, of.Observe...)
		return nil
	}, depth, age)
	return m.in.Err()
}
