package transfer

import (
	"context"
	"fmt"
	"io"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// Part is one part of a multipart upload on its way in.
type Part struct {
	uploadv1.MultipartRequest
	Number int
	Size   int64 // announced bytes; -1: unknown
	Body   io.Reader
	Want   map[blob.Algorithm][]byte // digests that must come out
}

// PutPart writes the content of one part and keeps it in its upload. What fails
// before the commit leaves nothing; a commit whose answer never came, of kind
// Unavailable or Timeout, may have happened.
func (e *Engine) PutPart(ctx context.Context, in Part) (uploadv1.Part, error) {
	t, err := e.Uploads.BeginPart(ctx, uploadv1.BeginPartRequest{MultipartRequest: in.MultipartRequest, Number: in.Number, Size: in.Size})
	if err != nil {
		return uploadv1.Part{}, fmt.Errorf("asking to write part %d: %w", in.Number, err)
	}
	content, err := e.write(ctx, Put{Size: in.Size, Want: in.Want, Metadata: objectv1.Metadata{ContentType: t.ContentType, ContentEncoding: t.ContentEncoding}},
		objectv1.Ticket{KeyDomain: t.KeyDomain, Region: t.Region, MaxSize: t.MaxSize}, in.Body)
	if err != nil {
		return uploadv1.Part{}, err
	}
	// As with a whole content: it is here, so it is kept even if the client leaves,
	// and the id of the content makes a repeat known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitFor)
	defer cancel()
	req := uploadv1.CommitPartRequest{
		MultipartRequest: in.MultipartRequest, Number: in.Number, ContentID: objectv1.NewContentID(),
		Manifest: content.Manifest, Digests: content.Digests, Compressed: content.Compressed,
	}
	p, err := Insist(ctx, func(ctx context.Context) (uploadv1.Part, error) { return e.Uploads.CommitPart(ctx, req) })
	if err != nil {
		return uploadv1.Part{}, fmt.Errorf("committing part %d: %w", in.Number, err)
	}
	return p, nil
}
