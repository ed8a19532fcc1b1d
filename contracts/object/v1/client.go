package objectv1

import (
	"context"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// Client calls object over NATS. It is the mirror image of Register.
type Client struct {
	rpc *rpc.Client
}

// NewClient gives a Service whose methods are calls through c.
func NewClient(c *rpc.Client) Service { return &Client{rpc: c} }

// CreateBucket implements Service.
func (c *Client) CreateBucket(ctx context.Context, r CreateBucketRequest) (Bucket, error) {
	return rpc.Call(ctx, c.rpc, CreateBucket, r)
}

// GetBucket implements Service.
func (c *Client) GetBucket(ctx context.Context, r BucketRequest) (Bucket, error) {
	return rpc.Call(ctx, c.rpc, GetBucket, r)
}

// ListBuckets implements Service.
func (c *Client) ListBuckets(ctx context.Context, r ListBucketsRequest) (ListBucketsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListBuckets, r)
}

// DeleteBucket implements Service.
func (c *Client) DeleteBucket(ctx context.Context, r BucketRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, DeleteBucket, r)
}

// GetNotifications implements Service.
func (c *Client) GetNotifications(ctx context.Context, r BucketRequest) (Notifications, error) {
	return rpc.Call(ctx, c.rpc, GetNotifications, r)
}

// SetNotifications implements Service.
func (c *Client) SetNotifications(ctx context.Context, r SetNotificationsRequest) (Notifications, error) {
	return rpc.Call(ctx, c.rpc, SetNotifications, r)
}

// ResolveNotification implements Service.
func (c *Client) ResolveNotification(ctx context.Context, r ResolveNotificationRequest) (NotificationTarget, error) {
	return rpc.Call(ctx, c.rpc, ResolveNotification, r)
}

// BeginPut implements Service.
func (c *Client) BeginPut(ctx context.Context, r BeginPutRequest) (Ticket, error) {
	return rpc.Call(ctx, c.rpc, BeginPut, r)
}

// RenewPut implements Service.
func (c *Client) RenewPut(ctx context.Context, r RenewPutRequest) (Ticket, error) {
	return rpc.Call(ctx, c.rpc, RenewPut, r)
}

// CommitPut implements Service.
func (c *Client) CommitPut(ctx context.Context, r CommitPutRequest) (Object, error) {
	return rpc.Call(ctx, c.rpc, CommitPut, r)
}

// AbortPut implements Service.
func (c *Client) AbortPut(ctx context.Context, r AbortPutRequest) (AbortPutResponse, error) {
	return rpc.Call(ctx, c.rpc, AbortPut, r)
}

// StatObject implements Service.
func (c *Client) StatObject(ctx context.Context, r StatObjectRequest) (Object, error) {
	return rpc.Call(ctx, c.rpc, StatObject, r)
}

// DeleteObject implements Service.
func (c *Client) DeleteObject(ctx context.Context, r DeleteObjectRequest) (DeleteObjectResponse, error) {
	return rpc.Call(ctx, c.rpc, DeleteObject, r)
}

// ListObjects implements Service.
func (c *Client) ListObjects(ctx context.Context, r ListObjectsRequest) (ListObjectsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListObjects, r)
}

// GetUsage implements Service.
func (c *Client) GetUsage(ctx context.Context, r GetUsageRequest) (Usage, error) {
	return rpc.Call(ctx, c.rpc, GetUsage, r)
}

// ListContents implements Service.
func (c *Client) ListContents(ctx context.Context, r ListContentsRequest) (ListContentsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListContents, r)
}

// CollectGarbage implements Service.
func (c *Client) CollectGarbage(ctx context.Context, r CollectGarbageRequest) (CollectGarbageResponse, error) {
	return rpc.Call(ctx, c.rpc, CollectGarbage, r)
}
