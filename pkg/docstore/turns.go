package docstore

import (
	"context"
	"sync"
	"time"
)

// longestTurn bounds the wait for a turn: a closure that itself updates a
// document, or a slow one, must never block the others for good. Going on
// without a turn is safe; it may only lose a race again.
const longestTurn = 50 * time.Millisecond

// turns lets the goroutines that want one document go one after another.
type turns struct {
	mu   sync.Mutex
	byID map[string]*turn
}

type turn struct {
	token chan struct{} // holds one value while nobody has the turn
	users int
}

// enter waits for the turn of id and returns the function that ends it.
func (t *turns) enter(ctx context.Context, id string) (leave func()) {
	t.mu.Lock()
	if t.byID == nil {
		t.byID = make(map[string]*turn)
	}
	tn := t.byID[id]
	if tn == nil {
		tn = &turn{token: make(chan struct{}, 1)}
		tn.token <- struct{}{}
		t.byID[id] = tn
	}
	tn.users++
	t.mu.Unlock()

	timer := time.NewTimer(longestTurn)
	defer timer.Stop()
	got := false
	select {
	case <-tn.token:
		got = true
	case <-timer.C:
	case <-ctx.Done():
	}
	return func() {
		if got {
			tn.token <- struct{}{}
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if tn.users--; tn.users == 0 {
			delete(t.byID, id)
		}
	}
}
