// Package keystate knows which access keys and accounts hold, so that a token
// is checked without a call: a copy of auth's KV bucket, believed only while
// auth's beats say that it is complete (architecture.md, Consistency:
// Revocation).
package keystate

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// askFor bounds a question to auth while the copy cannot be believed.
const askFor = 2 * time.Second

// Asker is the part of auth that is asked while the copy cannot be believed.
type Asker interface {
	KeyState(ctx context.Context, r authv1.KeyStateRequest) (authv1.KeyStateResponse, error)
}

// Cache is the copy. It starts empty and trusts nothing until it has loaded the
// bucket and heard a beat. It is safe for concurrent use.
type Cache struct {
	auth Asker
	now  func() time.Time
	log  *slog.Logger

	mu       sync.RWMutex
	keys     map[string]authv1.KeyState
	accounts map[string]authv1.AccountState
	loaded   bool
	applied  uint64 // sequence of the bucket's stream that the copy has
	promised uint64 // highest sequence in a beat
	beat     time.Time
}

// New makes an empty cache.
func New(auth Asker, now func() time.Time, log *slog.Logger) *Cache {
	return &Cache{auth: auth, now: now, log: log, keys: map[string]authv1.KeyState{}, accounts: map[string]authv1.AccountState{}}
}

// Lookup gives the state of a key and its account: from the copy while it is
// fresh, else from auth, else an error of kind Unavailable or Timeout.
func (c *Cache) Lookup(ctx context.Context, keyID string) (authv1.KeyStateResponse, error) {
	if r, ok := c.local(keyID); ok {
		return r, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	r, err := c.auth.KeyState(ctx, authv1.KeyStateRequest{KeyID: keyID})
	if err != nil {
		return authv1.KeyStateResponse{}, fmt.Errorf("asking for a key's state: %w", err)
	}
	return r, nil
}

// Fresh reports whether the copy may be believed.
func (c *Cache) Fresh() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.fresh()
}

func (c *Cache) fresh() bool {
	return c.loaded && c.applied >= c.promised && !c.beat.IsZero() && c.now().Sub(c.beat) < authv1.BeatStale
}

// local answers from a fresh copy that has both documents. A key that it lacks
// is asked for: its token was signed by us, so that it is rare.
func (c *Cache) local(keyID string) (authv1.KeyStateResponse, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.fresh() {
		return authv1.KeyStateResponse{}, false
	}
	k, ok := c.keys[keyID]
	if !ok {
		return authv1.KeyStateResponse{}, false
	}
	a, ok := c.accounts[k.AccountID]
	return authv1.KeyStateResponse{Found: true, Key: k, Account: a}, ok
}

// Beat takes what auth said.
func (c *Cache) Beat(data []byte) {
	var b authv1.Beat
	if err := json.Unmarshal(data, &b); err != nil {
		c.log.Warn("a beat cannot be read", slog.Any(telemetry.KeyErr, err))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beat = c.now()
	c.promised = max(c.promised, b.Sequence)
}

// behind reports whether the copy has been loaded and lacks something now.
func (c *Cache) behind() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.applied < c.promised
}

// startLoading forgets that the copy was complete and tells which sequence a
// load that begins now will certainly contain.
func (c *Cache) startLoading() (floor uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = false
	return c.promised
}

// loadedTo says that the copy has everything up to floor, and what came since.
func (c *Cache) loadedTo(floor uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = true
	c.applied = max(c.applied, floor)
}

// apply takes one entry of the bucket. The state with the highest revision
// wins, since the outbox may publish an older one again. What cannot be read
// makes the copy worthless for its key, so it goes.
func (c *Cache) apply(name string, value []byte, sequence uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.applied = max(c.applied, sequence) }()
	kind, id, _ := strings.Cut(name, ".")
	switch kind {
	case "key":
		var s authv1.KeyState
		if err := json.Unmarshal(value, &s); err != nil || s.KeyID != id {
			delete(c.keys, id)
			return
		}
		if old, ok := c.keys[id]; !ok || s.Revision >= old.Revision {
			c.keys[id] = s
		}
	case "account":
		var s authv1.AccountState
		if err := json.Unmarshal(value, &s); err != nil || s.AccountID != id {
			delete(c.accounts, id)
			return
		}
		if old, ok := c.accounts[id]; !ok || s.Revision >= old.Revision {
			c.accounts[id] = s
		}
	}
}
