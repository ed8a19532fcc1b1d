package telemetry

import "sync"

// mostCached bounds a Cache: what comes beyond is made each time.
const mostCached = 4096

// Cache keeps the Labels of combinations of which there are few, but of which there
// is no list. Finding them allocates nothing. It is safe for concurrent use; the
// zero value is empty.
type Cache[K comparable] struct {
	mu sync.RWMutex
	of map[K]Labels
}

// Of gives the Labels of k, which make makes where they are not known yet.
func (c *Cache[K]) Of(k K, labels func(K) Labels) Labels {
	c.mu.RLock()
	l, ok := c.of[k]
	c.mu.RUnlock()
	if ok {
		return l
	}
	l = labels(k)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[K]Labels{}
	}
	if len(c.of) < mostCached {
		c.of[k] = l
	}
	return l
}
