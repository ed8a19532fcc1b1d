package badge

import (
	"context"
	"fmt"
	"sync"
)

// askAlone is how many calls one client has under way at most. A forum's proxy
// needs no more, since a call takes milliseconds; whoever asks for ids that he
// thinks up leaves the rest of askAtMax to the others.
const askAlone = 8

// lanes keep each client to its share of the calls. It is safe for concurrent use.
type lanes struct {
	mu sync.Mutex
	of map[string]*lane
}

type lane struct {
	turns chan struct{}
	users int // under lanes.mu; with the last one the lane goes
}

// enter waits for a client's turn within ctx.
func (l *lanes) enter(ctx context.Context, client string) (leave func(), err error) {
	l.mu.Lock()
	mine := l.of[client]
	if mine == nil {
		mine = &lane{turns: make(chan struct{}, askAlone)}
		l.of[client] = mine
	}
	mine.users++
	l.mu.Unlock()
	out := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(l.of, client)
		}
	}
	select {
	case mine.turns <- struct{}{}:
		return func() { <-mine.turns; out() }, nil
	case <-ctx.Done():
		out()
		return nil, fmt.Errorf("waiting for a client's turn to ask for a container: %w", ctx.Err())
	}
}
