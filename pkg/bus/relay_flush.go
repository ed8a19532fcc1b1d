package bus

import (
	"context"
	"errors"
	"fmt"
)

type flushWaiter struct {
	last string // id of the event that it waits for
	done chan struct{}
}

// Flush publishes what waits in a document and returns after the PubAcks and the
// clearing; nil at once when nothing waits. While the stream is full or away it
// keeps trying until ctx ends, and then returns bus.full, bus.unavailable or a
// context fault; the events stay in the document and the relay goes on.
func (r *Relay) Flush(ctx context.Context, collection, id string) error {
	k := docKey{collection, id}
	r.mu.Lock()
	known := r.docs[k] != nil
	r.mu.Unlock()
	if !known {
		// Written before this process started, or by another one that died?
		if err := r.sweepFor(ctx, k); err != nil {
			return err
		}
	}
	r.mu.Lock()
	d := r.docs[k]
	if d == nil || len(d.msgs) == 0 {
		r.mu.Unlock()
		return nil
	}
	w := flushWaiter{last: d.msgs[len(d.msgs)-1].ID, done: make(chan struct{})}
	d.waiters = append(d.waiters, w)
	mine := d.state != stateRunning
	if mine {
		d.state = stateRunning // its entry in the queue or a lane is void now
	}
	r.mu.Unlock()
	var err error
	if mine {
		err = r.publishDoc(ctx, d)
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		if err == nil || errors.Is(err, ctx.Err()) {
			err = publishFault(ctx.Err())
		}
		return fmt.Errorf("flushing the outbox of %s: %w", collection, err)
	}
}

// sweepFor looks for one document's events in the store.
func (r *Relay) sweepFor(ctx context.Context, k docKey) error {
	found, err := r.db.PendingOutbox(ctx, sweepPage)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	for _, p := range found {
		if p.Collection == k.collection && p.ID == k.id {
			r.offer(k, p.Messages, true)
			return nil
		}
	}
	if len(found) == sweepPage {
		return ErrFull // it may be behind them
	}
	return nil
}
