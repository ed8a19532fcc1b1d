package core

import (
	"context"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// SetVersioning turns a bucket's versioning on, or suspends it.
func (c *Core) SetVersioning(ctx context.Context, p authv1.Principal, bucket string, v objectv1.Versioning) (objectv1.Bucket, error) {
	b, err := c.Objects.SetVersioning(ctx, objectv1.SetVersioningRequest{Principal: p, Bucket: bucket, Versioning: v})
	if err != nil {
		return objectv1.Bucket{}, fmt.Errorf("setting a bucket's versioning: %w", err)
	}
	return b, nil
}

// ListVersions reads a page of versions and delete markers.
func (c *Core) ListVersions(ctx context.Context, r objectv1.ListVersionsRequest) (objectv1.ListVersionsResponse, error) {
	l, err := c.Objects.ListVersions(ctx, r)
	if err != nil {
		return objectv1.ListVersionsResponse{}, fmt.Errorf("listing versions: %w", err)
	}
	return l, nil
}

// GetTags reads the tags of a version.
func (c *Core) GetTags(ctx context.Context, r objectv1.VersionRequest) (objectv1.Tags, error) {
	t, err := c.Objects.GetTags(ctx, r)
	if err != nil {
		return objectv1.Tags{}, fmt.Errorf("reading tags: %w", err)
	}
	return t, nil
}

// SetTags replaces the tags of a version.
func (c *Core) SetTags(ctx context.Context, r objectv1.SetTagsRequest) (objectv1.Tags, error) {
	t, err := c.Objects.SetTags(ctx, r)
	if err != nil {
		return objectv1.Tags{}, fmt.Errorf("setting tags: %w", err)
	}
	return t, nil
}

// GetRetention reads until when a version is protected.
func (c *Core) GetRetention(ctx context.Context, r objectv1.VersionRequest) (objectv1.Retention, error) {
	t, err := c.Objects.GetRetention(ctx, r)
	if err != nil {
		return objectv1.Retention{}, fmt.Errorf("reading a retention: %w", err)
	}
	return t, nil
}

// SetRetention protects a version.
func (c *Core) SetRetention(ctx context.Context, r objectv1.SetRetentionRequest) (objectv1.Retention, error) {
	t, err := c.Objects.SetRetention(ctx, r)
	if err != nil {
		return objectv1.Retention{}, fmt.Errorf("setting a retention: %w", err)
	}
	return t, nil
}

// GetLegalHold reads whether a legal hold protects a version.
func (c *Core) GetLegalHold(ctx context.Context, r objectv1.VersionRequest) (objectv1.LegalHold, error) {
	l, err := c.Objects.GetLegalHold(ctx, r)
	if err != nil {
		return objectv1.LegalHold{}, fmt.Errorf("reading a legal hold: %w", err)
	}
	return l, nil
}

// SetLegalHold puts or lifts a legal hold.
func (c *Core) SetLegalHold(ctx context.Context, r objectv1.SetLegalHoldRequest) (objectv1.LegalHold, error) {
	l, err := c.Objects.SetLegalHold(ctx, r)
	if err != nil {
		return objectv1.LegalHold{}, fmt.Errorf("setting a legal hold: %w", err)
	}
	return l, nil
}
