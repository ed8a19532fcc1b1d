package blob

import (
	"fmt"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Defaults, chosen by measurement: README.md, Decisions.
const (
	DefaultRegion      = "local"
	DefaultShards      = 8
	DefaultChunkSize   = 1<<20 - 1<<10                  // message and headers stay below NATS' 1 MiB
	DefaultSegmentSize = 8 * DefaultChunkSize           // just under 8 MiB, whole chunks
	DefaultCacheBytes  = 64 << 20                       //
	DefaultStoreBytes  = int64(1) << 40                 // MaxBytes of one object store
	DefaultInFlight    = 64 << 20                       // sealed bytes on their way, all writers
	DefaultLease       = 24 * time.Hour                 // a touched record is safe that long
	maxChunkSize       = 1<<20 - 1<<10                  //
	minChunkSize       = 256                            //
	maxSegmentSize     = int64(64) * DefaultSegmentSize //
)

// Region is a place where content may live.
type Region struct {
	Name      string               // [a-z0-9-], ≤ 32
	Placement *jetstream.Placement // nil: anywhere; else where its stores are made. Existing ones are never moved
	MaxBytes  int64                // all its stores together; 0: Shards × DefaultStoreBytes
}

// Config configures a Store.
type Config struct {
	Conns  []*nats.Conn         // for bytes only: an overrun cuts all who share one; at least one, used in turn by store
	Ring   Ring                 // blob.Keys(ring)
	Tel    *telemetry.Telemetry // nil: telemetry.Nop()
	Prefix string               // of the names of stores and of the KV bucket; default "sluice"

	Regions     []Region      // default: one, DefaultRegion; the first is what an empty WriteOptions.Region means
	Shards      int           // object stores per region, 1–256; may grow later, never shrinks
	Replicas    int           // of every store; default 1
	SegmentSize int64         // plain bytes; rounded down to whole chunks
	ChunkSize   int           // plain bytes
	CacheBytes  int64         // of plain chunks in memory; negative: none
	InFlight    int64         // sealed bytes not yet acknowledged, all writers together
	Lease       time.Duration // how long a touch protects a segment that nothing refers to yet

	// NoStockDigest leaves out the SHA-256 over the sealed bytes. Only stock
	// clients of the object store ask for it ("nats object get"; "ls" does not);
	// it is a third of a write's CPU where the processor has no SHA instructions.
	NoStockDigest bool

	Clock func() time.Time // nil: time.Now
}

var (
	regionName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	prefixName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)
)

func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if len(c.Regions) == 0 {
		c.Regions = []Region{{Name: DefaultRegion}}
	}
	c.Shards = orDefault(c.Shards, DefaultShards)
	c.Replicas = orDefault(c.Replicas, 1)
	c.ChunkSize = orDefault(c.ChunkSize, DefaultChunkSize)
	c.SegmentSize = orDefault(c.SegmentSize, int64(8*c.ChunkSize))
	if c.ChunkSize > 0 {
		c.SegmentSize -= c.SegmentSize % int64(c.ChunkSize)
	}
	c.CacheBytes = orDefault(c.CacheBytes, DefaultCacheBytes)
	c.InFlight = orDefault(c.InFlight, DefaultInFlight)
	c.Lease = orDefault(c.Lease, DefaultLease)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Tel == nil {
		c.Tel = telemetry.Nop()
	}
	return c
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

func (c Config) validate() error {
	if !prefixName.MatchString(c.Prefix) {
		return fmt.Errorf("blob: prefix %q is not a store name", c.Prefix)
	}
	for _, r := range c.Regions {
		if !regionName.MatchString(r.Name) {
			return fmt.Errorf("blob: region %q is not [a-z0-9-], 1 to 32 long", r.Name)
		}
	}
	if c.Shards < 1 || c.Shards > virtualShards {
		return fmt.Errorf("blob: %d stores per region; 1 to %d are possible", c.Shards, virtualShards)
	}
	if c.ChunkSize < minChunkSize || c.ChunkSize > maxChunkSize {
		return fmt.Errorf("blob: chunk size %d is not within %d and %d", c.ChunkSize, minChunkSize, maxChunkSize)
	}
	if c.SegmentSize < int64(c.ChunkSize) || c.SegmentSize > maxSegmentSize {
		return fmt.Errorf("blob: segment size %d is not within one chunk and %d", c.SegmentSize, maxSegmentSize)
	}
	return nil
}
