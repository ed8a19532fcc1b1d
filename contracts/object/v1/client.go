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

// SetVersioning implements Service.
func (c *Client) SetVersioning(ctx context.Context, r SetVersioningRequest) (Bucket, error) {
	return rpc.Call(ctx, c.rpc, SetVersioning, r)
}

// GetPolicy implements Service.
func (c *Client) GetPolicy(ctx context.Context, r BucketRequest) (Policy, error) {
	return rpc.Call(ctx, c.rpc, GetPolicy, r)
}

// SetPolicy implements Service.
func (c *Client) SetPolicy(ctx context.Context, r SetPolicyRequest) (Policy, error) {
	return rpc.Call(ctx, c.rpc, SetPolicy, r)
}

// Authorize implements Service.
func (c *Client) Authorize(ctx context.Context, r AuthorizeRequest) (AuthorizeResponse, error) {
	return rpc.Call(ctx, c.rpc, Authorize, r)
}

// KeepIdempotency implements Service.
func (c *Client) KeepIdempotency(ctx context.Context, r KeepIdempotencyRequest) (IdempotencyTicket, error) {
	return rpc.Call(ctx, c.rpc, KeepIdempotency, r)
}

// ReserveAhead implements Service.
func (c *Client) ReserveAhead(ctx context.Context, r ReserveAheadRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, ReserveAhead, r)
}

// StageContent implements Service.
func (c *Client) StageContent(ctx context.Context, r StageContentRequest) (StageContentResponse, error) {
	return rpc.Call(ctx, c.rpc, StageContent, r)
}

// UnstageContents implements Service.
func (c *Client) UnstageContents(ctx context.Context, r UnstageContentsRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, UnstageContents, r)
}

// CopyObject implements Service.
func (c *Client) CopyObject(ctx context.Context, r CopyObjectRequest) (Object, error) {
	return rpc.Call(ctx, c.rpc, CopyObject, r)
}

// DeleteObjects implements Service.
func (c *Client) DeleteObjects(ctx context.Context, r DeleteObjectsRequest) (DeleteObjectsResponse, error) {
	return rpc.Call(ctx, c.rpc, DeleteObjects, r)
}

// GetTags implements Service.
func (c *Client) GetTags(ctx context.Context, r VersionRequest) (Tags, error) {
	return rpc.Call(ctx, c.rpc, GetTags, r)
}

// SetTags implements Service.
func (c *Client) SetTags(ctx context.Context, r SetTagsRequest) (Tags, error) {
	return rpc.Call(ctx, c.rpc, SetTags, r)
}

// GetRetention implements Service.
func (c *Client) GetRetention(ctx context.Context, r VersionRequest) (Retention, error) {
	return rpc.Call(ctx, c.rpc, GetRetention, r)
}

// SetRetention implements Service.
func (c *Client) SetRetention(ctx context.Context, r SetRetentionRequest) (Retention, error) {
	return rpc.Call(ctx, c.rpc, SetRetention, r)
}

// GetLegalHold implements Service.
func (c *Client) GetLegalHold(ctx context.Context, r VersionRequest) (LegalHold, error) {
	return rpc.Call(ctx, c.rpc, GetLegalHold, r)
}

// SetLegalHold implements Service.
func (c *Client) SetLegalHold(ctx context.Context, r SetLegalHoldRequest) (LegalHold, error) {
	return rpc.Call(ctx, c.rpc, SetLegalHold, r)
}

// ListVersions implements Service.
func (c *Client) ListVersions(ctx context.Context, r ListVersionsRequest) (ListVersionsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListVersions, r)
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

// StatNode implements Service.
func (c *Client) StatNode(ctx context.Context, r NodeRequest) (Node, error) {
	return rpc.Call(ctx, c.rpc, StatNode, r)
}

// ListFolder implements Service.
func (c *Client) ListFolder(ctx context.Context, r ListFolderRequest) (ListFolderResponse, error) {
	return rpc.Call(ctx, c.rpc, ListFolder, r)
}

// MakeFolder implements Service.
func (c *Client) MakeFolder(ctx context.Context, r MakeFolderRequest) (Node, error) {
	return rpc.Call(ctx, c.rpc, MakeFolder, r)
}

// MoveNode implements Service.
func (c *Client) MoveNode(ctx context.Context, r MoveNodeRequest) (Node, error) {
	return rpc.Call(ctx, c.rpc, MoveNode, r)
}

// RemoveNode implements Service.
func (c *Client) RemoveNode(ctx context.Context, r RemoveNodeRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, RemoveNode, r)
}

// StatFile implements Service.
func (c *Client) StatFile(ctx context.Context, r StatFileRequest) (Object, error) {
	return rpc.Call(ctx, c.rpc, StatFile, r)
}

// ListFiles implements Service.
func (c *Client) ListFiles(ctx context.Context, r ListFilesRequest) (ListFilesResponse, error) {
	return rpc.Call(ctx, c.rpc, ListFiles, r)
}

// UpdateFile implements Service.
func (c *Client) UpdateFile(ctx context.Context, r UpdateFileRequest) (Object, error) {
	return rpc.Call(ctx, c.rpc, UpdateFile, r)
}

// RegisterFile implements Service.
func (c *Client) RegisterFile(ctx context.Context, r RegisterFileRequest) (Object, error) {
	return rpc.Call(ctx, c.rpc, RegisterFile, r)
}

// CountDownloads implements Service.
func (c *Client) CountDownloads(ctx context.Context, r CountDownloadsRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, CountDownloads, r)
}

// CloseAccount implements Service.
func (c *Client) CloseAccount(ctx context.Context, r CloseAccountRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, CloseAccount, r)
}
