// Package audit writes the audit trail of the edge: records of concurrent
// requests ride together in one message, changes and denials wait for its
// acknowledgement, reads do not (architecture.md, Consistency: Audit).
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	maxRecords = 256
	maxBytes   = 512 << 10 // of a message; NATS takes 1 MiB
	maxNoted   = 64 << 10  // records of reads in memory while the stream is away
	retryAfter = time.Second
)

// Publisher stores one message durably: an error means that it is not known to
// be stored. It bounds itself in time.
type Publisher func(ctx context.Context, data []byte) error

// ErrClosed says that the recorder has stopped.
var ErrClosed = fault.New(fault.Unavailable, "edge.audit_closed", "the server is stopping")

// Recorder gathers records. Use New, then Run; Record and Note are safe for
// concurrent use.
type Recorder struct {
	publish Publisher
	window  time.Duration // how long a read's record may wait for company
	log     *slog.Logger
	lost    metric.Int64Counter

	wake   chan struct{}
	closed chan struct{}
	shut   atomic.Bool // the last message could not be stored
	failed time.Time   // when; of Run's goroutine

	mu      sync.Mutex
	waiting []entry
	noted   []entry
	over    bool
}

type entry struct {
	data []byte
	done chan error // nil for a noted one
}

// New makes a recorder; window is how long a noted record may wait.
func New(p Publisher, window time.Duration, tel *telemetry.Telemetry) (*Recorder, error) {
	in := tel.Instruments("github.com/sluicehq/sluice/services/edge/audit")
	lost := in.Counter("sluice.edge.audit.lost", "{record}", "records of requests that the audit stream did not take")
	telemetry.Zero(lost)
	if err := in.Err(); err != nil {
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	return &Recorder{
		publish: p, window: window, log: tel.Log, lost: lost,
		wake: make(chan struct{}, 1), closed: make(chan struct{}),
	}, nil
}

// Open reports whether changes may go on: false from a message that could not
// be stored until one can.
func (r *Recorder) Open() bool { return !r.shut.Load() }

// Record returns when rec is durable, or why it is not.
func (r *Recorder) Record(rec auditv1.Record) error {
	e, err := newEntry(rec)
	if err != nil {
		return err
	}
	e.done = make(chan error, 1)
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return ErrClosed
	}
	r.waiting = append(r.waiting, e)
	r.mu.Unlock()
	r.poke()
	return <-e.done
}

// Note takes rec along with the next message, within the window.
func (r *Recorder) Note(rec auditv1.Record) {
	e, err := newEntry(rec)
	r.mu.Lock()
	full := err != nil || r.over || len(r.noted) >= maxNoted
	if !full {
		r.noted = append(r.noted, e)
	}
	many := len(r.noted) >= maxRecords
	r.mu.Unlock()
	if full {
		r.lost.Add(context.Background(), 1)
	}
	if many {
		r.poke()
	}
}

func newEntry(rec auditv1.Record) (entry, error) {
	data, err := json.Marshal(rec)
	if err != nil {
		return entry{}, fmt.Errorf("encoding an audit record: %w", err)
	}
	return entry{data: data}, nil
}

func (r *Recorder) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run publishes until ctx is done, then what is left, and returns. It must be
// running for Record to return.
func (r *Recorder) Run(ctx context.Context) {
	defer close(r.closed)
	tick := time.NewTicker(r.window)
	defer tick.Stop()
	for {
		withNoted := false
		select {
		case <-ctx.Done():
			r.mu.Lock()
			r.over = true
			r.mu.Unlock()
			r.flush(context.WithoutCancel(ctx), true)
			return
		case now := <-tick.C:
			if !r.Open() && now.Sub(r.failed) < retryAfter {
				continue // a record that somebody waits for tries at once
			}
			withNoted = true
		case <-r.wake:
		}
		r.flush(ctx, withNoted)
	}
}

// flush publishes batch by batch, those somebody waits for first; noted ones
// fill them up. While the stream refuses, noted ones stay in memory.
func (r *Recorder) flush(ctx context.Context, withNoted bool) {
	for {
		batch, noted := r.take(withNoted)
		if len(batch) == 0 {
			return
		}
		err := r.publish(context.WithoutCancel(ctx), encode(batch))
		if was := r.shut.Swap(err != nil); was != (err != nil) {
			if err != nil {
				r.log.ErrorContext(ctx, "the audit stream takes no records; changes are refused", slog.Any(telemetry.KeyErr, err))
			} else {
				r.log.InfoContext(ctx, "the audit stream takes records again")
			}
		}
		for _, e := range batch {
			if e.done != nil {
				e.done <- err
			}
		}
		if err != nil {
			r.failed = time.Now()
			r.giveBack(ctx, batch, noted)
			return
		}
	}
}

// take cuts the next batch; noted is how many of its last entries nobody waits for.
func (r *Recorder) take(withNoted bool) (batch []entry, noted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := 0
	cut := func(from *[]entry) (n int) {
		for n < len(*from) && len(batch) < maxRecords && (len(batch) == 0 || size+len((*from)[n].data) < maxBytes) {
			batch = append(batch, (*from)[n])
			size += len((*from)[n].data) + 1
			n++
		}
		*from = append([]entry(nil), (*from)[n:]...)
		return n
	}
	cut(&r.waiting)
	if withNoted || len(batch) > 0 || len(r.noted) >= maxRecords {
		noted = cut(&r.noted)
	}
	return batch, noted
}

// giveBack keeps the records that nobody waits for; who waited was told.
func (r *Recorder) giveBack(ctx context.Context, batch []entry, noted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Those of changes count as lost only when nobody hears of it: their
	// requests were answered with an error.
	keep := batch[len(batch)-noted:]
	room := max(0, min(len(keep), maxNoted-len(r.noted)))
	if r.over {
		room = 0
	}
	if n := len(keep) - room; n > 0 {
		r.lost.Add(ctx, int64(n))
	}
	r.noted = append(append([]entry(nil), keep[:room]...), r.noted...)
	for _, e := range r.waiting {
		e.done <- fault.ErrUnavailable
	}
	r.waiting = nil
}

// encode joins records that are JSON already into an auditv1.Batch.
func encode(batch []entry) []byte {
	out := []byte(`{"records":[`)
	for i, e := range batch {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e.data...)
	}
	return append(out, `]}`...)
}
