package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// virtualShards is how many shards segment ids fall into, by their first byte.
// A shard belongs to one store; which one stands in the table, so that the
// number of stores can grow. References name their store: what was written
// before stays where it is.
const virtualShards = 256

// layout is a region's table of shards, as in KV under "shards.<region>".
type layout struct {
	Stores []string `json:"stores"` // every store the region ever had
	Shards []int    `json:"shards"` // by shard: index in Stores
}

func layoutKey(region string) string { return "shards." + region }

func storeName(prefix, region string, n int) string {
	return fmt.Sprintf("%s-%s-%03d", prefix, region, n)
}

func (l *layout) check() error {
	if len(l.Shards) != virtualShards || len(l.Stores) == 0 || len(l.Stores) > virtualShards {
		return fmt.Errorf("%d shards over %d stores", len(l.Shards), len(l.Stores))
	}
	for i, s := range l.Shards {
		if s < 0 || s >= len(l.Stores) {
			return fmt.Errorf("shard %d on store %d of %d", i, s, len(l.Stores))
		}
	}
	return nil
}

// grow spreads the shards over n stores, moving as few as it can. It reports
// whether anything changed.
func (l *layout) grow(prefix, region string, n int) bool {
	if n <= len(l.Stores) {
		return false
	}
	for i := len(l.Stores); i < n; i++ {
		l.Stores = append(l.Stores, storeName(prefix, region, i))
	}
	if len(l.Shards) == 0 {
		l.Shards = make([]int, virtualShards)
		for i := range l.Shards {
			l.Shards[i] = i % n
		}
		return true
	}
	count := make([]int, n)
	for _, s := range l.Shards {
		count[s]++
	}
	poorest := func() int {
		p := 0
		for i := range count {
			if count[i] < count[p] {
				p = i
			}
		}
		return p
	}
	for i, s := range l.Shards {
		if p := poorest(); count[s] > count[p]+1 {
			count[s]--
			count[p]++
			l.Shards[i] = p
		}
	}
	return true
}

// storeFor gives the store where new segments of that id go.
func (l *layout) storeFor(id SegmentID) (string, error) {
	if len(id) < 2 {
		return "", fmt.Errorf("segment id %q is too short", id)
	}
	shard, err := strconv.ParseUint(string(id[:2]), 16, 8)
	if err != nil {
		return "", fmt.Errorf("segment id %q is not hex", id)
	}
	return l.Stores[l.Shards[shard]], nil
}

// readLayout reads a region's table.
func readLayout(ctx context.Context, t table, region string) (*layout, error) {
	l, rev, err := getLayout(ctx, t, region)
	if err == nil && rev == 0 {
		err = ErrNotDeclared.Msgf("region %s has no object stores on the nats-server; 'sluice bus declare' makes them", region)
	}
	return l, err
}

// getLayout gives a region's table and its revision; 0 when there is none.
func getLayout(ctx context.Context, t table, region string) (*layout, uint64, error) {
	l := &layout{}
	raw, rev, err := t.get(ctx, layoutKey(region))
	if errors.Is(err, errNoMessage) {
		return l, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if err := json.Unmarshal(raw, l); err != nil {
		return nil, 0, fmt.Errorf("decoding the shards of region %s: %w", region, err)
	}
	if err := l.check(); err != nil {
		return nil, 0, fmt.Errorf("the shards of region %s: %w", region, err)
	}
	return l, rev, nil
}

// makeLayout reads a region's table, makes it when there is none, and grows it
// when the settings ask for more stores. Racing callers agree by compare-and-set.
func makeLayout(ctx context.Context, t table, prefix string, r Region, shards int) (*layout, error) {
	const tries = 10
	for range tries {
		l, rev, err := getLayout(ctx, t, r.Name)
		if err != nil {
			return nil, err
		}
		if !l.grow(prefix, r.Name, shards) {
			return l, nil
		}
		raw, err := json.Marshal(l)
		if err != nil {
			return nil, fmt.Errorf("encoding the shards of region %s: %w", r.Name, err)
		}
		if _, err = t.put(ctx, layoutKey(r.Name), raw, rev); err == nil {
			return l, nil
		}
		if !errors.Is(err, errStale) {
			return nil, fmt.Errorf("writing the shards of region %s: %w", r.Name, err)
		}
	}
	return nil, fmt.Errorf("the shards of region %s: %w", r.Name, errStale)
}
