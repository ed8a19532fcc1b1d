package core

import (
	"context"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// CreateBucket makes a bucket.
func (c *Core) CreateBucket(ctx context.Context, r objectv1.CreateBucketRequest) (objectv1.Bucket, error) {
	b, err := c.Objects.CreateBucket(ctx, r)
	if err != nil {
		return objectv1.Bucket{}, fmt.Errorf("making a bucket: %w", err)
	}
	return b, nil
}

// GetBucket reads one bucket.
func (c *Core) GetBucket(ctx context.Context, p authv1.Principal, bucket string) (objectv1.Bucket, error) {
	b, err := c.Objects.GetBucket(ctx, objectv1.BucketRequest{Principal: p, Bucket: bucket})
	if err != nil {
		return objectv1.Bucket{}, fmt.Errorf("reading a bucket: %w", err)
	}
	return b, nil
}

// ListBuckets gives the caller's buckets by name.
func (c *Core) ListBuckets(ctx context.Context, p authv1.Principal) ([]objectv1.Bucket, error) {
	r, err := c.Objects.ListBuckets(ctx, objectv1.ListBucketsRequest{Principal: p})
	if err != nil {
		return nil, fmt.Errorf("listing buckets: %w", err)
	}
	return r.Buckets, nil
}

// DeleteBucket removes an empty bucket.
func (c *Core) DeleteBucket(ctx context.Context, p authv1.Principal, bucket string) error {
	if _, err := c.Objects.DeleteBucket(ctx, objectv1.BucketRequest{Principal: p, Bucket: bucket}); err != nil {
		return fmt.Errorf("deleting a bucket: %w", err)
	}
	return nil
}
