package clicks

import (
	"context"
	"sync"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
)

// turns lets clicks that come while others of their day are written wait, and be
// written together.
type turns struct {
	mu      sync.Mutex
	waiting map[string][]*click // by day; the key is there while somebody writes
}

// click is one on its way.
type click struct {
	event   statsv1.ClickEvent
	outcome Outcome
	err     error
	done    chan struct{}
}

// maxTurn bounds a write.
const maxTurn = 1000

// do applies an event, with others or alone.
func (t *turns) do(ctx context.Context, key string, e statsv1.ClickEvent, apply func(context.Context, []*click)) error {
	x := &click{event: e, done: make(chan struct{})}
	t.mu.Lock()
	_, busy := t.waiting[key]
	t.waiting[key] = append(t.waiting[key], x)
	t.mu.Unlock()
	if !busy {
		t.lead(context.WithoutCancel(ctx), key, apply)
	}
	select {
	case <-x.done:
		return x.err
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // fault.From knows it
	}
}

// lead writes for everybody who waits, until nobody does.
func (t *turns) lead(ctx context.Context, key string, apply func(context.Context, []*click)) {
	for {
		t.mu.Lock()
		batch := t.waiting[key]
		if len(batch) == 0 {
			delete(t.waiting, key)
			t.mu.Unlock()
			return
		}
		batch = batch[:min(len(batch), maxTurn)]
		t.waiting[key] = t.waiting[key][len(batch):]
		t.mu.Unlock()
		apply(ctx, batch)
		for _, x := range batch {
			close(x.done)
		}
	}
}
