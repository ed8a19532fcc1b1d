package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// PutObject stores one object from a stream.
func (c *Core) PutObject(ctx context.Context, in transfer.Put) (transfer.Result, error) {
	return c.Transfer.Put(ctx, in) //nolint:wrapcheck // it says what was being done
}

// StatObject reads what is known of an object, or of one version of it.
func (c *Core) StatObject(ctx context.Context, r objectv1.StatObjectRequest) (objectv1.Object, error) {
	o, err := c.Objects.StatObject(ctx, r)
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("reading an object's metadata: %w", err)
	}
	return o, nil
}

// SendObject answers a GET or HEAD with the bytes of o, by conditions and ranges.
func (c *Core) SendObject(w http.ResponseWriter, r *http.Request, o objectv1.Object) error {
	typ := o.Metadata.ContentType
	if typ == "" {
		typ = "application/octet-stream"
	}
	return c.Transfer.Send(w, r, transfer.Source{ETag: o.ETag, Modified: o.CreatedAt, Type: typ, Manifest: o.Manifest}) //nolint:wrapcheck // it says what was being done
}

// CopyObject makes an object from another one of the account, without moving
// bytes where both are in one region.
func (c *Core) CopyObject(ctx context.Context, r objectv1.CopyObjectRequest) (objectv1.Object, error) {
	r.VersionID = objectv1.NewVersionID()
	o, err := c.Objects.CopyObject(ctx, r)
	if errors.Is(err, objectv1.ErrOtherRegion) {
		return c.Transfer.CopyAcross(ctx, r) //nolint:wrapcheck // it says what was being done
	}
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("copying an object: %w", err)
	}
	return o, nil
}

// DeleteObject removes an object, or one version of it.
func (c *Core) DeleteObject(ctx context.Context, r objectv1.DeleteObjectRequest) (objectv1.DeleteObjectResponse, error) {
	d, err := c.Objects.DeleteObject(ctx, r)
	if err != nil {
		return objectv1.DeleteObjectResponse{}, fmt.Errorf("deleting an object: %w", err)
	}
	return d, nil
}

// ListObjects reads a page of a listing.
func (c *Core) ListObjects(ctx context.Context, r objectv1.ListObjectsRequest) (objectv1.ListObjectsResponse, error) {
	l, err := c.Objects.ListObjects(ctx, r)
	if err != nil {
		return objectv1.ListObjectsResponse{}, fmt.Errorf("listing objects: %w", err)
	}
	return l, nil
}
