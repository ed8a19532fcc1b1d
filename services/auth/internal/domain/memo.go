package domain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	memoLife = time.Minute
	memoMost = 4096 // entries, 300 bytes each
)

// memoKey is the HMAC of a claim under a key that only this process ever has.
type memoKey [sha256.Size]byte

type memoEntry struct {
	account, hash string
	until         time.Time
}

// flight is a check under way; account and err may be read when done is closed.
type flight struct {
	done    chan struct{}
	account Account
	err     error
}

// memo remembers which claims were right, for a minute, and which are being
// checked. It is safe for concurrent use.
type memo struct {
	secret []byte

	mu      sync.Mutex
	entries map[memoKey]memoEntry
	flights map[memoKey]*flight
}

func newMemo() *memo {
	return &memo{secret: random(sha256.Size), entries: map[memoKey]memoEntry{}, flights: map[memoKey]*flight{}}
}

func (m *memo) key(c claim) (k memoKey) {
	h := hmac.New(sha256.New, m.secret)
	for _, part := range []string{c.name, c.password, c.addr} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash never fails
		_, _ = h.Write([]byte(part))
	}
	h.Sum(k[:0])
	return k
}

func (m *memo) get(k memoKey, now time.Time) (account, hash string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[k]
	if !ok || !now.Before(e.until) {
		delete(m.entries, k)
		return "", "", false
	}
	return e.account, e.hash, true
}

// put remembers that the claim stood for the account. A full memo forgets any
// other entry: that costs a hash and nothing else.
func (m *memo) put(k memoKey, a Account, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for old := range m.entries {
		if len(m.entries) < memoMost {
			break
		}
		delete(m.entries, old)
	}
	m.entries[k] = memoEntry{account: a.ID, hash: a.Password, until: now.Add(memoLife)}
}

func (m *memo) drop(k memoKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, k)
}

// join gives the check of that claim that is under way; first tells the caller
// that it is its own, to be ended by leave.
func (m *memo) join(k memoKey) (f *flight, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, ok := m.flights[k]; ok {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	m.flights[k] = f
	return f, true
}

func (m *memo) leave(k memoKey, f *flight) {
	m.mu.Lock()
	delete(m.flights, k)
	m.mu.Unlock()
	close(f.done)
}
