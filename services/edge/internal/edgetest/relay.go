package edgetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// Link is a transfer.Link in memory. What is sent comes in the order of sending,
// unless Fate says otherwise.
type Link struct {
	mu        sync.Mutex
	listeners map[string]*listener
	seq       int
	down      bool
	// Fate gives how often a message comes through, and whether behind the one that
	// follows it; nil: once, in order. It is called by one goroutine at a time.
	Fate func(subject string, data []byte) (times int, late bool)
}

type listener struct {
	mu    sync.Mutex
	queue []transfer.Message
	late  []transfer.Message
	wake  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// NewLink makes a link without faults.
func NewLink() *Link { return &Link{listeners: map[string]*listener{}} }

// SetDown cuts the link, or mends it: what is sent meanwhile is lost.
func (l *Link) SetDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

// Listening counts who listens.
func (l *Link) Listening() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.listeners)
}

// Inbox implements transfer.Link.
func (l *Link) Inbox() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	return fmt.Sprintf("inbox.%d", l.seq)
}

// Listen implements transfer.Link.
func (l *Link) Listen(_ context.Context, subject string, handle func(transfer.Message)) (func(), error) {
	to := &listener{wake: make(chan struct{}, 1), done: make(chan struct{})}
	l.mu.Lock()
	l.listeners[subject] = to
	l.mu.Unlock()
	go to.run(handle)
	return func() {
		l.mu.Lock()
		delete(l.listeners, subject)
		l.mu.Unlock()
		to.once.Do(func() { close(to.done) })
	}, nil
}

func (to *listener) run(handle func(transfer.Message)) {
	for {
		to.mu.Lock()
		queue := to.queue
		to.queue = nil
		to.mu.Unlock()
		for _, m := range queue {
			handle(m)
		}
		select {
		case <-to.wake:
		case <-to.done:
			return
		}
	}
}

func (to *listener) put(m transfer.Message, times int, late bool) {
	to.mu.Lock()
	defer to.mu.Unlock()
	if late {
		to.late = append(to.late, m)
		return
	}
	for range times {
		to.queue = append(to.queue, m)
	}
	to.queue, to.late = append(to.queue, to.late...), nil
	select {
	case to.wake <- struct{}{}:
	default: // it is awake
	}
}

// Send implements transfer.Link.
func (l *Link) Send(subject, reply string, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	times, late := 1, false
	if l.Fate != nil {
		times, late = l.Fate(subject, data)
	}
	if l.down || times == 0 {
		return nil
	}
	to := l.listeners[subject]
	if to == nil {
		if from := l.listeners[reply]; from != nil {
			from.put(transfer.Message{Unheard: true}, 1, false)
		}
		return nil
	}
	to.put(transfer.Message{Reply: reply, Data: append([]byte(nil), data...)}, times, late)
	return nil
}
