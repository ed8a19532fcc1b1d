package docstore

import "sync"

// Hooks is the list behind DB.OnCommit, for engines to embed. The zero value is
// empty; it is safe for concurrent use.
type Hooks struct {
	mu   sync.RWMutex
	list []func(collection, id string, pending []Message)
}

// OnCommit implements DB.
func (h *Hooks) OnCommit(hook func(collection, id string, pending []Message)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, hook)
}

// Committed calls every hook, outside of locks. The engine calls it after a
// commit that added events.
func (h *Hooks) Committed(collection, id string, pending []Message) {
	h.mu.RLock()
	list := h.list
	h.mu.RUnlock()
	for _, hook := range list {
		hook(collection, id, pending)
	}
}
