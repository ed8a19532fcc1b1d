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
	// ListBuckets gives the account's buckets by name, its drive among them once it
	// was used.
	ListBuckets(ctx context.Context, r ListBucketsRequest) (ListBucketsResponse, error)
	// DeleteBucket removes an empty one. Codes: object.bucket_not_empty.
	DeleteBucket(ctx context.Context, r BucketRequest) (Empty, error)
	// SetVersioning turns versioning on, or suspends it. Needs the admin scope.
	// Codes: invalid_request, object.object_lock_requires_versioning.
	SetVersioning(ctx context.Context, r SetVersioningRequest) (Bucket, error)
	// GetPolicy reads the bucket's policy; none is one without statements.
	GetPolicy(ctx context.Context, r BucketRequest) (Policy, error)
	// SetPolicy replaces the policy; one without statements removes it. Needs the
	// admin scope. Codes: invalid_request.
	SetPolicy(ctx context.Context, r SetPolicyRequest) (Policy, error)
	// Authorize says whether the principal may do an action, and where: for
	// callers that act later or elsewhere. It decides exactly as the action would.
	// Codes: object.invalid_key.
	Authorize(ctx context.Context, r AuthorizeRequest) (AuthorizeResponse, error)
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
	// With Hold it also reserves quota under a lease that RenewPut extends. With
	// Idempotency the version id is the one that the key was first bound to, and
	// the ticket of a write that was done before carries its answer (Replayed).
	// Codes: object.invalid_key, object.too_large, object.quota_exceeded,
	// object.precondition_failed, object.object_lock_not_enabled,
	// object.idempotency_conflict, object.idempotency_in_progress.
	BeginPut(ctx context.Context, r BeginPutRequest) (Ticket, error)
	// RenewPut extends the lease of a held ticket and grows its reservation to
	// Bytes. Idempotent. Codes: object.quota_exceeded, object.too_large, object.upload_gone.
	RenewPut(ctx context.Context, r RenewPutRequest) (Ticket, error)
	// CommitPut makes the version visible, atomically with its conditions. The
	// same version id again gives the same answer and writes nothing. Codes:
	// object.precondition_failed, object.quota_exceeded, object.upload_gone.
	CommitPut(ctx context.Context, r CommitPutRequest) (Object, error)
	// AbortPut drops a ticket, its reservation and whatever waits under it, staged
	// contents included; a version that is already visible stays, and Committed
	// says so. An idempotency key that was bound to it is free again. Idempotent.
	AbortPut(ctx context.Context, r AbortPutRequest) (AbortPutResponse, error)
	// KeepIdempotency extends the lease of an idempotency key while its write is
	// under way: IdempotencyLease from now. Codes: object.idempotency_in_progress
	// when another attempt has taken the key over.
	KeepIdempotency(ctx context.Context, r KeepIdempotencyRequest) (IdempotencyTicket, error)
	// StageContent keeps a content under a held ticket that takes Staged ones, as a
	// part of what will be committed, and counts its bytes as reserved. The same
	// ContentID again gives the same answer. Codes: object.upload_gone,
	// object.quota_exceeded, object.too_large.
	StageContent(ctx context.Context, r StageContentRequest) (StageContentResponse, error)
	// ReserveAhead reserves bytes that are still to be staged, as long as AheadLease
	// and beside what is staged already, so that no other write takes them meanwhile.
	// Idempotent. Codes: object.upload_gone, object.quota_exceeded (what was reserved
	// ahead before stays).
	ReserveAhead(ctx context.Context, r ReserveAheadRequest) (Empty, error)
	// UnstageContents drops staged contents and what they reserve; one that is not
	// there, or that a commit took, is passed over. Idempotent.
	UnstageContents(ctx context.Context, r UnstageContentsRequest) (Empty, error)
	// CopyObject makes a new version that shares the content of another object of
	// the account. Codes: those of CommitPut, object.not_found for the source,
	// object.other_region when the bytes have to be moved, which the caller does.
	CopyObject(ctx context.Context, r CopyObjectRequest) (Object, error)

	// StatObject gives metadata and manifest of the current version, or of
	// VersionID. Codes: object.not_found, object.delete_marker (the current
	// version is one).
	StatObject(ctx context.Context, r StatObjectRequest) (Object, error)
	// DeleteObject removes the object (unversioned), puts a delete marker
	// (versioned), or with VersionID removes that version for good. Deleting
	// what is not there succeeds. Codes: object.object_locked.
	DeleteObject(ctx context.Context, r DeleteObjectRequest) (DeleteObjectResponse, error)
	// DeleteObjects does what DeleteObject does for each object, in any order but
	// for those of one key, and answers in the order of the request. At most
	// MaxDeleteObjects. What fails for one object is in its result.
	DeleteObjects(ctx context.Context, r DeleteObjectsRequest) (DeleteObjectsResponse, error)
	// GetTags reads the tags of a version. Codes as StatObject.
	GetTags(ctx context.Context, r VersionRequest) (Tags, error)
	// SetTags replaces the tags of a version; none clears them. Codes as
	// StatObject, invalid_request.
	SetTags(ctx context.Context, r SetTagsRequest) (Tags, error)
	// GetRetention reads until when a version is protected. Codes as StatObject,
	// object.object_lock_not_enabled, object.no_retention.
	GetRetention(ctx context.Context, r VersionRequest) (Retention, error)
	// SetRetention protects a version; it may be extended and made stricter, never
	// shortened or weakened. Needs the admin scope. Codes as StatObject,
	// object.object_lock_not_enabled, object.object_locked, invalid_request.
	SetRetention(ctx context.Context, r SetRetentionRequest) (Retention, error)
	// GetLegalHold reads whether a legal hold protects a version. Codes as
	// StatObject, object.object_lock_not_enabled.
	GetLegalHold(ctx context.Context, r VersionRequest) (LegalHold, error)
	// SetLegalHold puts or lifts a legal hold. Needs the admin scope. Codes as
	// GetLegalHold.
	SetLegalHold(ctx context.Context, r SetLegalHoldRequest) (LegalHold, error)
	// ListVersions pages through versions and delete markers, by key and newest
	// first within a key, at a cost proportional to the page.
	ListVersions(ctx context.Context, r ListVersionsRequest) (ListVersionsResponse, error)
	// ListObjects pages through current objects in byte order of their keys at a
	// cost proportional to the page. Codes: invalid_request (token, maxKeys).
	ListObjects(ctx context.Context, r ListObjectsRequest) (ListObjectsResponse, error)

	// The drive: an account's files and folders. All methods above take its bucket
	// and paths too, but those about versions, locks, policies and notifications,
	// which are object.not_in_drive.

	// StatNode finds a file or folder of the drive by its path. Codes:
	// object.node_not_found, object.invalid_key.
	StatNode(ctx context.Context, r NodeRequest) (Node, error)
	// ListFolder pages through what a folder holds. Codes: object.node_not_found,
	// object.not_a_folder, object.invalid_key, invalid_request.
	ListFolder(ctx context.Context, r ListFolderRequest) (ListFolderResponse, error)
	// MakeFolder makes a folder. Codes: object.node_exists, object.node_not_found
	// (its parent), object.not_a_folder, object.invalid_key.
	MakeFolder(ctx context.Context, r MakeFolderRequest) (Node, error)
	// MoveNode renames a file or folder, with all that is in it, at once. Codes:
	// object.node_not_found, object.node_exists, object.node_cycle,
	// object.not_a_folder, object.invalid_key.
	MoveNode(ctx context.Context, r MoveNodeRequest) (Node, error)
	// RemoveNode removes a file, or a folder with all that is in it; a removal that
	// breaks off has removed some of it, and goes on when it is repeated. Codes:
	// object.node_not_found, object.invalid_key.
	RemoveNode(ctx context.Context, r RemoveNodeRequest) (Empty, error)
	// StatFile gives a file of anybody by its id, with manifest. Whether the caller
	// may read it is the caller's to decide. Codes: object.node_not_found, also
	// for one that has expired.
	StatFile(ctx context.Context, r StatFileRequest) (Object, error)
	// ListFiles pages through all files of the account's drive, newest first. Codes:
	// invalid_request.
	ListFiles(ctx context.Context, r ListFilesRequest) (ListFilesResponse, error)
	// UpdateFile changes a file's key or modification time. Codes:
	// object.node_not_found, also for another account's.
	UpdateFile(ctx context.Context, r UpdateFileRequest) (Object, error)
	// RegisterFile makes a guest's file the account's, under its id and the next free
	// name in the root, without expiry; no byte moves. One's own is no error. Codes:
	// object.node_not_found, object.file_taken, object.quota_exceeded.
	RegisterFile(ctx context.Context, r RegisterFileRequest) (Object, error)
	// CountDownloads adds to files' counts of downloads.
	CountDownloads(ctx context.Context, r CountDownloadsRequest) (Empty, error)
	// CloseAccount ends all writing of an account and removes whatever it stores in
	// the background; a kill does not end that. Codes: object.object_locked when
	// retention or a legal hold protects any of it: then nothing is changed.
	CloseAccount(ctx context.Context, r CloseAccountRequest) (Empty, error)

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
