package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// DefaultPrefix begins the names of object stores and of the KV bucket where
// Config says nothing.
const DefaultPrefix = "sluice"

// Placed is where the content of a region lives, by the table of shards.
type Placed struct {
	Region  string
	Streams []string // of its object stores, in the order of their numbers
}

// Bucket is the name of the KV bucket with the table of shards.
func Bucket(prefix string) string { return prefix + "-blob" }

// StreamOf tells whether a stream is an object store of that prefix.
func StreamOf(prefix, stream string) bool {
	return strings.HasPrefix(stream, streamName(prefix+"-"))
}

// Look reads the table of shards and changes nothing. It gives nothing when
// there is no table yet.
func Look(ctx context.Context, js jetstream.JetStream, prefix string) ([]Placed, error) {
	kv, err := js.KeyValue(ctx, Bucket(prefix))
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening KV bucket %s: %w", Bucket(prefix), natsFault(err))
	}
	names, err := kv.ListKeysFiltered(ctx, layoutKey(">"))
	if err != nil {
		return nil, fmt.Errorf("listing the regions: %w", natsFault(err))
	}
	var out []Placed
	for key := range names.Keys() {
		e, err := kv.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", key, natsFault(err))
		}
		p := Placed{Region: strings.TrimPrefix(key, layoutKey(""))}
		var l layout
		if err := json.Unmarshal(e.Value(), &l); err != nil {
			return nil, fmt.Errorf("decoding the shards of region %s: %w", p.Region, err)
		}
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("the shards of region %s: %w", p.Region, err)
		}
		for _, s := range l.Stores {
			p.Streams = append(p.Streams, streamName(s))
		}
		out = append(out, p)
	}
	if err := ctx.Err(); err != nil { // the list ends early then
		return nil, err
	}
	return out, nil
}
