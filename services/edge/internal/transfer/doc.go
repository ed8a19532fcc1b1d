// Package transfer moves bytes between a client and the object stores: PUT, parts
// and GET without a copy in between and with constant memory, leases and
// idempotency keys renewed while bytes move, copies between regions, streams from
// edge to edge, and the conditions and ranges of HTTP. It knows no dialect.
package transfer

import (
	"context"
	"io"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// SmallMax is up to which announced length a body needs no reservation of its
// own and no ingest record: one segment, which its commit reserves, in bytes.
const SmallMax = blob.DefaultSegmentSize

// The errors of transfers.
var (
	ErrBadDigest = fault.New(fault.Invalid, "edge.bad_digest", "the body does not have the digest that the request names; nothing was stored")
	ErrShortBody = fault.New(fault.Invalid, "edge.short_body", "the body is shorter than announced; nothing was stored")
	ErrBadRange  = fault.New(fault.Invalid, "edge.range_not_satisfiable", "no part of the range lies within the object")
)

// Writer takes one content; *blob.Writer is one.
type Writer interface {
	io.ReaderFrom
	Size() int64
	Finish(ctx context.Context) (blob.Content, error)
	Abort()
}

// Reader gives a range of a content; *blob.Reader is one.
type Reader interface {
	io.WriterTo
	io.Closer
}

// Blobs is where contents are.
type Blobs interface {
	NewWriter(ctx context.Context, o blob.WriteOptions) (Writer, error)
	Reader(ctx context.Context, m blob.Manifest, off, n int64) (Reader, error)
	// Compose makes one content of others, in order, without moving bytes: as
	// blob.Store.Compose.
	Compose(ctx context.Context, parts ...blob.Manifest) (blob.Manifest, error)
}

// Stored is Blobs over a blob.Store.
type Stored struct{ Store *blob.Store }

// NewWriter implements Blobs.
func (s Stored) NewWriter(ctx context.Context, o blob.WriteOptions) (Writer, error) {
	w, err := s.Store.NewWriter(ctx, o)
	if err != nil {
		return nil, err //nolint:wrapcheck // one step of Put, which says what was being done
	}
	return w, nil
}

// Reader implements Blobs.
func (s Stored) Reader(ctx context.Context, m blob.Manifest, off, n int64) (Reader, error) {
	r, err := s.Store.Reader(ctx, m, off, n)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return r, nil
}

// Compose implements Blobs.
func (s Stored) Compose(ctx context.Context, parts ...blob.Manifest) (blob.Manifest, error) {
	return s.Store.Compose(ctx, func(_ context.Context, yield func(blob.Manifest) error) error { //nolint:wrapcheck // as above
		for _, p := range parts {
			if err := yield(p); err != nil {
				return err
			}
		}
		return nil
	})
}
