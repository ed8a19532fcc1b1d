package blob

import (
	"context"
	"time"
)

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
	return Report{}, ErrUnavailable
}
