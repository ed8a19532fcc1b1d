package harness

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Hook is one request that a Receiver got.
type Hook struct {
	ID     string // webhook-id
	Header http.Header
	Body   []byte
	At     time.Time
}

// Receiver is a webhook endpoint on 127.0.0.1 that keeps all it gets.
type Receiver struct {
	URL string

	mu     sync.Mutex
	hooks  []Hook
	answer func(Hook) int
	more   chan struct{}
}

// NewReceiver starts a receiver that the test's end stops. answer decides the
// status of each request; nil always says 204.
func NewReceiver(t testing.TB, answer func(Hook) int) *Receiver {
	t.Helper()
	r := &Receiver{answer: answer, more: make(chan struct{})}
	s := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(s.Close)
	r.URL = s.URL + "/hook"
	return r
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	h := Hook{ID: req.Header.Get("Webhook-Id"), Header: req.Header, Body: body, At: time.Now()}
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(h)
	}
	r.mu.Lock()
	r.hooks = append(r.hooks, h)
	close(r.more)
	r.more = make(chan struct{})
	r.mu.Unlock()
	w.WriteHeader(status)
}

// Hooks gives what has come so far.
func (r *Receiver) Hooks() []Hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Hook(nil), r.hooks...)
}

// Wait waits until ok holds for what has come, and fails the test after within.
func (r *Receiver) Wait(t testing.TB, within time.Duration, what string, ok func([]Hook) bool) []Hook {
	t.Helper()
	deadline := time.After(within)
	for {
		r.mu.Lock()
		hooks, more := append([]Hook(nil), r.hooks...), r.more
		r.mu.Unlock()
		if ok(hooks) {
			return hooks
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%s: not within %v; %d requests came", what, within, len(hooks))
		}
	}
}
