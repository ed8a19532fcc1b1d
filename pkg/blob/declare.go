package blob

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Declare makes what Open needs: the table of shards and the object stores that
// cfg asks for and that are missing. What there is stays, with cfg's bounds. Only
// an operator's user may; it is idempotent, and safe when several do it at once.
// cfg needs no Ring. One connection is enough.
func Declare(ctx context.Context, cfg Config) error {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return err
	}
	if len(cfg.Conns) == 0 {
		return errNoConns
	}
	js, err := jetstream.New(cfg.Conns[0])
	if err != nil {
		return fmt.Errorf("opening JetStream: %w", err)
	}
	_, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: Bucket(cfg.Prefix), Description: "where content lives: shards of stores by region, the collector's lease", Replicas: cfg.Replicas, History: 1,
	})
	if err != nil && !errors.Is(err, jetstream.ErrBucketExists) { // with other settings, which are the operator's
		return fmt.Errorf("making KV bucket %s: %w", Bucket(cfg.Prefix), natsFault(err))
	}
	be, err := newNATSBackend(ctx, cfg.Conns, Bucket(cfg.Prefix), cfg.Tel.Log)
	if err != nil {
		return err
	}
	defer be.close()
	return declare(ctx, cfg, be)
}

func declare(ctx context.Context, cfg Config, be backend) error {
	for _, r := range cfg.Regions {
		l, err := makeLayout(ctx, be.kv(), cfg.Prefix, r, cfg.Shards)
		if err != nil {
			return fmt.Errorf("declaring region %s: %w", r.Name, err)
		}
		bytes := DefaultStoreBytes
		if r.MaxBytes > 0 {
			bytes = max(1, r.MaxBytes/int64(len(l.Stores)))
		}
		for _, name := range l.Stores {
			if err := be.ensure(ctx, storeSpec{name: name, region: r, bytes: bytes, copies: cfg.Replicas}); err != nil {
				return fmt.Errorf("declaring region %s: %w", r.Name, err)
			}
		}
	}
	return nil
}

// StoreName is the nth object store of a region.
func StoreName(prefix, region string, n int) string { return storeName(prefix, region, n) }

// StreamOfStore is the JetStream stream of an object store.
func StreamOfStore(store string) string { return streamName(store) }
