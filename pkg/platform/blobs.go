package platform

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// errClosed says that the platform was closed meanwhile.
var errClosed = errors.New("the platform is closed")

// Blobs opens the blob store on connections of its own, once.
func (p *Platform) Blobs(ctx context.Context) (*blob.Store, error) {
	p.mu.Lock()
	store := p.store
	p.mu.Unlock()
	if store != nil {
		return store, nil
	}
	ring, err := p.Ring(ctx)
	if err != nil {
		return nil, err
	}
	conns, err := p.Bulk(ctx, p.Settings.Blob.Connections)
	if err != nil {
		return nil, err
	}
	cfg, err := p.Settings.blobConfig(p.Tel)
	if err != nil {
		return nil, err
	}
	cfg.Conns, cfg.Ring, cfg.Clock = conns, blob.Keys(ring), p.Clock
	err = await(ctx, p.Tel.Log, func(ctx context.Context) (err error) {
		store, err = blob.Open(ctx, cfg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the blob store: %w", err)
	}
	return p.keepStore(store)
}

// blobConfig is what the settings say of the blob store.
func (s Settings) blobConfig(tel *telemetry.Telemetry) (blob.Config, error) {
	cfg := blob.Config{
		Tel: tel, Shards: s.Blob.Shards, Replicas: s.NATS.Replicas, CacheBytes: int64(s.Blob.CacheBytes), InFlight: int64(s.Blob.InFlight),
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = -1
	}
	placements, err := s.placements()
	if err != nil {
		return cfg, err
	}
	for _, name := range s.Regions {
		cfg.Regions = append(cfg.Regions, blob.Region{Name: name, Placement: placements[name], MaxBytes: int64(s.Blob.MaxBytes)})
	}
	return cfg, nil
}

// keepStore remembers the store; of two opened at once, the first stays.
func (p *Platform) keepStore(s *blob.Store) (*blob.Store, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.conns == nil:
		return nil, errors.Join(errClosed, s.Close())
	case p.store != nil:
		return p.store, s.Close()
	}
	p.store = s
	p.closers = append(p.closers, s.Close)
	return s, nil
}
