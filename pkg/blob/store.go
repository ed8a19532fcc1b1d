package blob

import (
	"context"
	"io"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
)

const virtualShards = 256

// WriteOptions say how a content is written.
type WriteOptions struct {
	Domain   string      // key domain: whose keys seal it, and with what it may share segments
	Region   string      // "" is the first of Config.Regions
	Digests  []Algorithm // beyond SHA256 and CRC64NVME, which are always computed
	Compress bool        // try zstd per chunk; leave it off for media and archives
	MaxSize  int64       // bytes; more makes Write fail with ErrTooLarge; 0: no bound
	SizeHint int64       // expected bytes, so that a small content takes a small buffer; 0: unknown
}

// Content is what a Writer made.
type Content struct {
	Manifest   Manifest
	Digests    map[Algorithm][]byte // of the whole content, big-endian
	Compressed bool                 // at least one chunk is stored compressed
	Deduped    int64                // plain bytes that were there before
}

// Store writes and reads contents. It is safe for concurrent use.
type Store struct{ cfg Config }

// Open makes the object stores that are missing and reads the table of shards.
// Connections stay the caller's.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Store{cfg: cfg}, nil
}

// Close ends background work and frees the cache. Transfers must have ended.
func (s *Store) Close() error { return nil }

// NewWriter starts a content. ctx holds for the whole transfer.
func (s *Store) NewWriter(ctx context.Context, o WriteOptions) (*Writer, error) {
	return nil, fault.ErrUnavailable
}

// Writer takes the bytes of one content. It is for one goroutine; Abort may
// come from another.
type Writer struct{}

// Write takes p; it does not keep it.
func (w *Writer) Write(p []byte) (int, error) { return 0, fault.ErrUnavailable }

// ReadFrom takes everything from r, without a copy in between.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) { return 0, fault.ErrUnavailable }

// Size is how many bytes the Writer has taken.
func (w *Writer) Size() int64 { return 0 }

// Finish waits until everything is acknowledged and gives the manifest. The
// content is safe from the collector for Config.Lease; commit it within half of
// that, or Touch it again.
func (w *Writer) Finish(ctx context.Context) (Content, error) { return Content{}, fault.ErrUnavailable }

// Abort gives up. It does nothing after Finish.
func (w *Writer) Abort() {}

// Reader is the bytes of a range, in order. It is for one goroutine. Close ends
// its fetches and waits for them.
type Reader struct{}

// Reader reads n bytes of a content from off; n < 0 means up to its end.
// Nothing wrong is ever read: what is missing or altered gives ErrDamaged.
func (s *Store) Reader(ctx context.Context, m Manifest, off, n int64) (*Reader, error) {
	return nil, fault.ErrUnavailable
}

// Read reads up to len(p) bytes.
func (r *Reader) Read(p []byte) (int, error) { return 0, fault.ErrUnavailable }

// WriteTo writes what is left to w, without a copy in between.
func (r *Reader) WriteTo(w io.Writer) (int64, error) { return 0, fault.ErrUnavailable }

// Close ends the transfer.
func (r *Reader) Close() error { return nil }

// Touch renews the lease of every segment that was touched more than half a
// lease ago: call it before committing a manifest that is not fresh. ErrExpired
// means that a segment is gone; its content must be sent again.
func (s *Store) Touch(ctx context.Context, m Manifest) error { return fault.ErrUnavailable }

// Contents yields every manifest that counts: of committed versions, copies and
// parts. An error ends the iteration, and with it the collection.
type Contents func(ctx context.Context, yield func(Manifest) error) error

// CollectOptions tune a collection; zero values are the defaults.
type CollectOptions struct {
	Grace      time.Duration // between reading the records and the contents, for commits in flight; default 1 minute
	PurgeAfter time.Duration // between condemning a segment and removing its chunks, for reads in flight; default 1 hour
	DryRun     bool          // only count
}

// Report says what a collection met and did.
type Report struct {
	Contents   int64 // manifests read
	Segments   int64 // records met
	Leased     int64 // records that a lease protects
	Condemned  int64 // segments condemned by this run
	Purged     int64 // condemned segments whose chunks are gone now
	Orphans    int64 // chunk sets without a record that are gone now
	FreedBytes int64 // as stored
}

// Collect removes what no content refers to. One collection runs at a time in a
// system: ErrBusy otherwise.
func (s *Store) Collect(ctx context.Context, c Contents, o CollectOptions) (Report, error) {
	return Report{}, fault.ErrUnavailable
}

// StoreUsage is one object store's use of disk.
type StoreUsage struct {
	Region, Store   string
	Bytes, MaxBytes int64
	Messages        uint64
}

// Usage asks every object store.
func (s *Store) Usage(ctx context.Context) ([]StoreUsage, error) { return nil, fault.ErrUnavailable }
