// Package natskv keeps the wrapped keys of pkg/keys in a NATS KV bucket.
package natskv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys"
)

// Bucket is the name of the KV bucket.
const Bucket = "KEYS"

// maxBytes bounds the bucket: a record is under 1 KiB, so this is a million domains and more.
const maxBytes = 1 << 30

// Repetitions: within a second and a half.
const (
	tries = 8
	pause = 50 * time.Millisecond
)

// Store is a keys.Store on the bucket. It is safe for concurrent use.
type Store struct{ kv jetstream.KeyValue }

var _ keys.Store = (*Store)(nil)

// Config declares the bucket, for that many replicas.
func Config(replicas int) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket: Bucket, Description: "data and hash keys of the key domains, wrapped by the master key",
		History: 5, Storage: jetstream.FileStorage, MaxBytes: maxBytes, Replicas: max(replicas, 1),
	}
}

// Find opens the bucket and makes nothing; its settings are the operator's.
// keys.not_found when there is none yet.
func Find(ctx context.Context, js jetstream.JetStream) (*Store, error) {
	kv, err := js.KeyValue(ctx, Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, keys.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("opening KV bucket %s: %w", Bucket, unavailable(err))
	}
	return &Store{kv: kv}, nil
}

// Get implements keys.Store.
func (s *Store) Get(ctx context.Context, key string) (keys.Entry, error) {
	var e jetstream.KeyValueEntry
	err := again(ctx, func() (err error) { e, err = s.kv.Get(ctx, key); return err })
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return keys.Entry{}, keys.ErrNotFound
	}
	if err != nil {
		return keys.Entry{}, fmt.Errorf("reading key record %s: %w", key, unavailable(err))
	}
	return keys.Entry{Value: e.Value(), Revision: e.Revision()}, nil
}

// Create implements keys.Store.
func (s *Store) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	var rev uint64 // one that was carried out, but whose answer was lost, is there when it is repeated
	err := again(ctx, func() (err error) { rev, err = s.kv.Create(ctx, key, value); return err })
	if errors.Is(err, jetstream.ErrKeyExists) {
		return 0, keys.ErrExists
	}
	if err != nil {
		return 0, fmt.Errorf("creating key record %s: %w", key, unavailable(err))
	}
	return rev, nil
}

// Update implements keys.Store.
func (s *Store) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	rev, err := s.kv.Update(ctx, key, value, revision)
	var api *jetstream.APIError
	if errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return 0, keys.ErrStale
	}
	if err != nil {
		return 0, fmt.Errorf("updating key record %s: %w", key, unavailable(err))
	}
	return rev, nil
}

// List implements keys.Store.
func (s *Store) List(ctx context.Context) ([]string, error) {
	l, err := s.kv.ListKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing key records: %w", unavailable(err))
	}
	var out []string
	for k := range l.Keys() {
		out = append(out, k)
	}
	if err := ctx.Err(); err != nil { // the list ends early then
		return nil, err
	}
	return out, nil
}

// again repeats what was cut by a connection that moves to another server, or found
// no leader; what timed out has waited long enough.
func again(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if try == tries || !errors.Is(err, nats.ErrDisconnected) && !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, jetstream.ErrNoStreamResponse) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * pause):
		}
	}
}

// unavailable gives the errors of an absent server their kind.
func unavailable(err error) error {
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrConnectionClosed) ||
		errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrDisconnected) {
		return fault.ErrUnavailable.Because(err)
	}
	return err
}
