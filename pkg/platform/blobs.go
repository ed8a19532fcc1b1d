package platform

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/pkg/blob"
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
	b := p.Settings.Blob
	conns, err := p.Bulk(ctx, b.Connections)
	if err != nil {
		return nil, err
	}
	cfg := blob.Config{
		Conns: conns, Ring: blob.Keys(ring), Tel: p.Tel, Shards: b.Shards, Replicas: p.Settings.NATS.Replicas,
		CacheBytes: int64(b.CacheBytes), InFlight: int64(b.InFlight), Clock: p.Clock,
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = -1
	}
	placements, err := p.Settings.placements()
	if err != nil {
		return nil, err
	}
	for _, name := range p.Settings.Regions {
		cfg.Regions = append(cfg.Regions, blob.Region{Name: name, Placement: placements[name], MaxBytes: int64(b.MaxBytes)})
	}
	store, err = blob.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the blob store: %w", err)
	}
	return p.keepStore(store)
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
