package core

import (
	"context"
	"errors"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// CreateMultipart opens a multipart upload.
func (c *Core) CreateMultipart(ctx context.Context, r uploadv1.CreateMultipartRequest) (uploadv1.Multipart, error) {
	m, err := c.Uploads.CreateMultipart(ctx, r)
	if err != nil {
		return uploadv1.Multipart{}, fmt.Errorf("opening a multipart upload: %w", err)
	}
	return m, nil
}

// PutPart stores one part of an upload from a stream.
func (c *Core) PutPart(ctx context.Context, in transfer.Part) (uploadv1.Part, error) {
	p, err := c.Transfer.PutPart(ctx, in)
	return p, ended(err)
}

// ListParts reads a page of an upload's parts.
func (c *Core) ListParts(ctx context.Context, r uploadv1.ListPartsRequest) (uploadv1.ListPartsResponse, error) {
	l, err := c.Uploads.ListParts(ctx, r)
	if err != nil {
		return uploadv1.ListPartsResponse{}, fmt.Errorf("listing parts: %w", ended(err))
	}
	return l, nil
}

// CompleteMultipart makes the parts of an upload one object.
func (c *Core) CompleteMultipart(ctx context.Context, r uploadv1.CompleteMultipartRequest) (objectv1.Object, error) {
	o, err := c.Uploads.CompleteMultipart(ctx, r)
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("completing a multipart upload: %w", ended(err))
	}
	return o, nil
}

// AbortMultipart gives an upload up.
func (c *Core) AbortMultipart(ctx context.Context, r uploadv1.MultipartRequest) error {
	if _, err := c.Uploads.AbortMultipart(ctx, r); err != nil {
		return fmt.Errorf("aborting a multipart upload: %w", ended(err))
	}
	return nil
}

// ListMultiparts reads a page of a bucket's open uploads.
func (c *Core) ListMultiparts(ctx context.Context, r uploadv1.ListMultipartsRequest) (uploadv1.ListMultipartsResponse, error) {
	l, err := c.Uploads.ListMultiparts(ctx, r)
	if err != nil {
		return uploadv1.ListMultipartsResponse{}, fmt.Errorf("listing multipart uploads: %w", err)
	}
	return l, nil
}

// ended says of an upload whose version is gone what is said of one that never
// was: it does not come back, as the same words would mean of a single PUT.
func ended(err error) error {
	if errors.Is(err, objectv1.ErrUploadGone) || errors.Is(err, uploadv1.ErrGone) {
		return uploadv1.ErrNoSuchUpload.Because(err)
	}
	return err
}
