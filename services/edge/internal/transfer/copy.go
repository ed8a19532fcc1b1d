package transfer

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// CopyAcross makes a copy whose bytes have to be moved, because source and
// destination are stored in different regions (objectv1.ErrOtherRegion). The
// source is read as it is at the beginning, whatever becomes of its key; what
// is written has to have its digests. r.VersionID is not looked at: the version
// is that of an ordinary write.
func (e *Engine) CopyAcross(ctx context.Context, r objectv1.CopyObjectRequest) (objectv1.Object, error) {
	src, err := e.Objects.StatObject(ctx, objectv1.StatObjectRequest{
		Principal: r.Principal, Bucket: r.SourceBucket, Key: r.SourceKey, VersionID: r.SourceVersionID,
	})
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("reading the source of a copy: %w", err)
	}
	if !sourceHolds(r.SourceConditions, src) {
		return objectv1.Object{}, objectv1.ErrPrecondition
	}
	in := Put{
		Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, Size: src.Size, Want: wholeDigests(src),
		Conditions: r.Conditions, Metadata: src.Metadata, Origin: r.Origin, Operation: objectv1.OperationCopy,
	}
	if r.Metadata != nil {
		in.Metadata = *r.Metadata
		in.Metadata.Tags = src.Metadata.Tags
	}
	body := e.reading(ctx, src.Manifest)
	defer body.end()
	in.Body = body
	out, err := e.Put(ctx, in)
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("copying to another region: %w", err)
	}
	return out.Object, nil
}

// wholeDigests are those of the source that the bytes themselves must have.
func wholeDigests(src objectv1.Object) map[blob.Algorithm][]byte {
	want := maps.Clone(src.Digests)
	maps.DeleteFunc(want, func(a blob.Algorithm, _ []byte) bool { return slices.Contains(src.Composite, a) })
	return want
}

// sourceHolds evaluates conditions on a copy's source in the order of RFC 9110,
// 13.2.2; whatever is false refuses.
func sourceHolds(c objectv1.SourceConditions, src objectv1.Object) bool {
	names := func(tags []string) bool { return slices.Contains(tags, "*") || slices.Contains(tags, src.ETag) }
	modified := src.CreatedAt.Truncate(time.Second)
	switch {
	case len(c.IfMatch) > 0 && !names(c.IfMatch),
		len(c.IfMatch) == 0 && c.IfUnmodifiedSince != nil && modified.After(*c.IfUnmodifiedSince),
		len(c.IfNoneMatch) > 0 && names(c.IfNoneMatch),
		len(c.IfNoneMatch) == 0 && c.IfModifiedSince != nil && !modified.After(*c.IfModifiedSince):
		return false
	}
	return true
}

// stored is a content as an io.Reader: a goroutine of its own reads ahead of it.
type stored struct {
	*io.PipeReader
	done chan struct{}
}

func (e *Engine) reading(ctx context.Context, m blob.Manifest) stored {
	pr, pw := io.Pipe()
	s := stored{pr, make(chan struct{})}
	go func() {
		defer close(s.done)
		var err error
		if m.Size > 0 {
			err = e.copyRange(ctx, pw, m, Range{0, m.Size})
		}
		pw.CloseWithError(err)
	}()
	return s
}

// end stops the reading and waits for it.
func (s stored) end() {
	s.CloseWithError(context.Canceled)
	<-s.done
}
