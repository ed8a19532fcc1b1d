// Package objectv1 is the contract of the object service: buckets, objects and
// their versions, the contents behind them, usage and quota, and what a bucket
// notifies. It imports only pkg and authv1's Principal.
package objectv1

import "context"

// Service is object. It authorises: every request carries the Principal, and a
// bucket of another account is ErrBucketNotFound. Codes that every method on a
// bucket may return: object.bucket_not_found, object.access_denied.
type Service interface {
	// CreateBucket makes a bucket. Codes: object.invalid_bucket_name,
	// object.bucket_exists, invalid_request (region, default retention).
	CreateBucket(ctx context.Context, r CreateBucketRequest) (Bucket, error)
	// GetBucket reads one, with its object count and bytes.
	GetBucket(ctx context.Context, r BucketRequest) (Bucket, error)
	// ListBuckets gives the account's buckets by name; system buckets never.
	ListBuckets(ctx context.Context, r ListBucketsRequest) (ListBucketsResponse, error)
	// DeleteBucket removes an empty one. Codes: object.bucket_not_empty.
	DeleteBucket(ctx context.Context, r BucketRequest) (Empty, error)
	// GetNotifications reads the bucket's notification configs; none is an empty list.
	GetNotifications(ctx context.Context, r BucketRequest) (Notifications, error)
	// SetNotifications replaces them; an id that stays keeps its secret. Needs the
	// admin scope. Codes: invalid_request, object.target_not_implemented.
	SetNotifications(ctx context.Context, r SetNotificationsRequest) (Notifications, error)
	// ResolveNotification gives the webhook service one config with its sealed
	// secret, by bucket id. Codes: object.config_not_found. Internal callers only.
	ResolveNotification(ctx context.Context, r ResolveNotificationRequest) (NotificationTarget, error)

	// BeginPut authorises a write before its body is read, checks bucket, key,
	// size limit, quota and (early) the conditions, and fixes the version id.
	// With Hold it also reserves quota under a lease that RenewPut extends.
	// Codes: object.invalid_key, object.too_large, object.quota_exceeded,
	// object.precondition_failed.
	BeginPut(ctx context.Context, r BeginPutRequest) (Ticket, error)
	// RenewPut extends the lease of a held ticket and grows its reservation to
	// Bytes. Idempotent. Codes: object.quota_exceeded, object.too_large, object.upload_gone.
	RenewPut(ctx context.Context, r RenewPutRequest) (Ticket, error)
	// CommitPut makes the version visible, atomically with its conditions. The
	// same version id again gives the same answer and writes nothing. Codes:
	// object.precondition_failed, object.quota_exceeded, object.upload_gone.
	CommitPut(ctx context.Context, r CommitPutRequest) (Object, error)
	// AbortPut drops a ticket, its reservation and whatever waits under it; a
	// version that is already visible stays, and Committed says so. Idempotent.
	AbortPut(ctx context.Context, r AbortPutRequest) (AbortPutResponse, error)

	// StatObject gives metadata and manifest of the current version, or of
	// VersionID. Codes: object.not_found, object.delete_marker (the current
	// version is one).
	StatObject(ctx context.Context, r StatObjectRequest) (Object, error)
	// DeleteObject removes the object (unversioned), puts a delete marker
	// (versioned), or with VersionID removes that version for good. Deleting
	// what is not there succeeds. Codes: object.object_locked.
	DeleteObject(ctx context.Context, r DeleteObjectRequest) (DeleteObjectResponse, error)
	// ListObjects pages through current objects in byte order of their keys at a
	// cost proportional to the page. Codes: invalid_request (token, maxKeys).
	ListObjects(ctx context.Context, r ListObjectsRequest) (ListObjectsResponse, error)

	// GetUsage gives an account's logical bytes: committed and reserved.
	GetUsage(ctx context.Context, r GetUsageRequest) (Usage, error)
	// ListContents pages through every content's manifest, for the collector.
	// Internal callers only.
	ListContents(ctx context.Context, r ListContentsRequest) (ListContentsResponse, error)

	// CollectGarbage runs the collector of blobs now and answers when it is done,
	// which may take minutes: the caller brings the deadline. Internal callers
	// only. Codes: object.collector_busy when another run holds the lease.
	CollectGarbage(ctx context.Context, r CollectGarbageRequest) (CollectGarbageResponse, error)
}
