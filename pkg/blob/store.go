package blob

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/semaphore"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Store writes and reads contents. It is safe for concurrent use.
type Store struct {
	cfg     Config
	be      backend
	tel     *telemetry.Telemetry
	metrics *metrics
	packer  *packer
	cache   *otter.Cache[chunkKey, cached] // nil: none
	layouts map[string]*layout             // by region

	hashers  hashers
	plain    *pool
	sealed   *pool
	inFlight *semaphore.Weighted // sealed bytes not yet acknowledged
	ahead    *semaphore.Weighted // plain bytes of segments beyond each writer's first
	touches  int                 // records touched at a time by one call
	fetches  int                 // chunks fetched at a time by one Reader
	pause    func(ctx context.Context, d time.Duration) error
}

// Open reads the table of shards. It makes nothing: the object stores are there
// since Declare. Connections stay the caller's. Codes: blob.not_declared.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Ring == nil {
		return nil, errors.New("blob: no key ring given")
	}
	be, err := newNATSBackend(ctx, cfg.Conns, Bucket(cfg.Prefix), cfg.Tel.Log)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, cfg, be)
	if err != nil {
		be.close()
	}
	return s, err
}

func open(ctx context.Context, cfg Config, be backend) (*Store, error) {
	s := &Store{
		cfg: cfg, be: be, tel: cfg.Tel, layouts: map[string]*layout{}, pause: sleep, touches: touchesAtOnce, fetches: readAhead,
		plain: newPool(cfg.ChunkSize), sealed: newPool(cfg.ChunkSize + chunkOverhead),
		inFlight: semaphore.NewWeighted(max(cfg.InFlight, int64(window)*int64(cfg.ChunkSize+chunkOverhead))),
		ahead:    semaphore.NewWeighted(aheadBytes),
	}
	var err error
	if s.metrics, err = newMetrics(ctx, cfg.Tel); err != nil {
		return nil, err
	}
	for _, r := range cfg.Regions {
		if s.layouts[r.Name], err = readLayout(ctx, be.kv(), r.Name); err != nil {
			return nil, fmt.Errorf("opening region %s: %w", r.Name, err)
		}
		if have := len(s.layouts[r.Name].Stores); have < cfg.Shards {
			cfg.Tel.Log.WarnContext(ctx, "a region has fewer object stores than blob.shards says; 'sluice bus declare' makes the others",
				"region", r.Name, "stores", have, "shards", cfg.Shards)
		}
	}
	if s.cache, err = newCache(cfg.CacheBytes); err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	if s.packer, err = newPacker(cfg.ChunkSize); err != nil {
		return nil, err
	}
	return s, nil
}

// Close frees what Open made. Transfers must have ended.
func (s *Store) Close() error {
	if s.cache != nil {
		s.cache.StopAllGoroutines()
	}
	s.packer.close()
	s.be.close()
	return nil
}

// StoreUsage is one object store's use of disk.
type StoreUsage struct {
	Region, Store   string
	Bytes, MaxBytes int64
	Messages        uint64
}

// Usage asks every object store of every region.
func (s *Store) Usage(ctx context.Context) ([]StoreUsage, error) {
	var out []StoreUsage
	for _, r := range s.cfg.Regions {
		for _, name := range s.layouts[r.Name].Stores {
			u, err := s.be.usage(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("measuring object store %s: %w", name, transferFault(err))
			}
			u.Region = r.Name
			out = append(out, u)
		}
	}
	return out, nil
}
