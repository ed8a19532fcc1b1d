package objectv1

import (
	"time"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// The calls of object.
var (
	CreateBucket        = rpc.Method[CreateBucketRequest, Bucket]{Subject: "object.v1.create_bucket"}
	GetBucket           = rpc.Method[BucketRequest, Bucket]{Subject: "object.v1.get_bucket", Idempotent: true}
	ListBuckets         = rpc.Method[ListBucketsRequest, ListBucketsResponse]{Subject: "object.v1.list_buckets", Idempotent: true}
	DeleteBucket        = rpc.Method[BucketRequest, Empty]{Subject: "object.v1.delete_bucket"}
	GetNotifications    = rpc.Method[BucketRequest, Notifications]{Subject: "object.v1.get_notifications", Idempotent: true}
	SetNotifications    = rpc.Method[SetNotificationsRequest, Notifications]{Subject: "object.v1.set_notifications"}
	ResolveNotification = rpc.Method[ResolveNotificationRequest, NotificationTarget]{Subject: "object.v1.resolve_notification", Idempotent: true}
	BeginPut            = rpc.Method[BeginPutRequest, Ticket]{Subject: "object.v1.begin_put", Idempotent: true}
	RenewPut            = rpc.Method[RenewPutRequest, Ticket]{Subject: "object.v1.renew_put", Idempotent: true}
	CommitPut           = rpc.Method[CommitPutRequest, Object]{Subject: "object.v1.commit_put", Idempotent: true}
	AbortPut            = rpc.Method[AbortPutRequest, AbortPutResponse]{Subject: "object.v1.abort_put", Idempotent: true}
	StatObject          = rpc.Method[StatObjectRequest, Object]{Subject: "object.v1.stat_object", Idempotent: true}
	DeleteObject        = rpc.Method[DeleteObjectRequest, DeleteObjectResponse]{Subject: "object.v1.delete_object"}
	ListObjects         = rpc.Method[ListObjectsRequest, ListObjectsResponse]{Subject: "object.v1.list_objects", Idempotent: true}
	SetVersioning       = rpc.Method[SetVersioningRequest, Bucket]{Subject: "object.v1.set_versioning"}
	GetPolicy           = rpc.Method[BucketRequest, Policy]{Subject: "object.v1.get_policy", Idempotent: true}
	SetPolicy           = rpc.Method[SetPolicyRequest, Policy]{Subject: "object.v1.set_policy"}
	Authorize           = rpc.Method[AuthorizeRequest, AuthorizeResponse]{Subject: "object.v1.authorize", Idempotent: true}
	KeepIdempotency     = rpc.Method[KeepIdempotencyRequest, IdempotencyTicket]{Subject: "object.v1.keep_idempotency", Idempotent: true}
	ReserveAhead        = rpc.Method[ReserveAheadRequest, Empty]{Subject: "object.v1.reserve_ahead", Idempotent: true}
	StageContent        = rpc.Method[StageContentRequest, StageContentResponse]{Subject: "object.v1.stage_content", Idempotent: true}
	UnstageContents     = rpc.Method[UnstageContentsRequest, Empty]{Subject: "object.v1.unstage_contents", Idempotent: true}
	CopyObject          = rpc.Method[CopyObjectRequest, Object]{Subject: "object.v1.copy_object", Idempotent: true}
	DeleteObjects       = rpc.Method[DeleteObjectsRequest, DeleteObjectsResponse]{Subject: "object.v1.delete_objects"}
	GetTags             = rpc.Method[VersionRequest, Tags]{Subject: "object.v1.get_tags", Idempotent: true}
	SetTags             = rpc.Method[SetTagsRequest, Tags]{Subject: "object.v1.set_tags", Idempotent: true}
	GetRetention        = rpc.Method[VersionRequest, Retention]{Subject: "object.v1.get_retention", Idempotent: true}
	SetRetention        = rpc.Method[SetRetentionRequest, Retention]{Subject: "object.v1.set_retention", Idempotent: true}
	GetLegalHold        = rpc.Method[VersionRequest, LegalHold]{Subject: "object.v1.get_legal_hold", Idempotent: true}
	SetLegalHold        = rpc.Method[SetLegalHoldRequest, LegalHold]{Subject: "object.v1.set_legal_hold", Idempotent: true}
	ListVersions        = rpc.Method[ListVersionsRequest, ListVersionsResponse]{Subject: "object.v1.list_versions", Idempotent: true}
	GetUsage            = rpc.Method[GetUsageRequest, Usage]{Subject: "object.v1.get_usage", Idempotent: true}
	ListContents        = rpc.Method[ListContentsRequest, ListContentsResponse]{Subject: "object.v1.list_contents", Idempotent: true}
	CollectGarbage      = rpc.Method[CollectGarbageRequest, CollectGarbageResponse]{Subject: "object.v1.collect_garbage", Timeout: 30 * time.Minute}
	StatNode            = rpc.Method[NodeRequest, Node]{Subject: "object.v1.stat_node", Idempotent: true}
	ListFolder          = rpc.Method[ListFolderRequest, ListFolderResponse]{Subject: "object.v1.list_folder", Idempotent: true}
	MakeFolder          = rpc.Method[MakeFolderRequest, Node]{Subject: "object.v1.make_folder"}
	MoveNode            = rpc.Method[MoveNodeRequest, Node]{Subject: "object.v1.move_node", Timeout: time.Minute}
	RemoveNode          = rpc.Method[RemoveNodeRequest, Empty]{Subject: "object.v1.remove_node", Idempotent: true, Timeout: time.Minute}
	StatFile            = rpc.Method[StatFileRequest, Object]{Subject: "object.v1.stat_file", Idempotent: true}
	ListFiles           = rpc.Method[ListFilesRequest, ListFilesResponse]{Subject: "object.v1.list_files", Idempotent: true}
	UpdateFile          = rpc.Method[UpdateFileRequest, Object]{Subject: "object.v1.update_file", Idempotent: true}
	RegisterFile        = rpc.Method[RegisterFileRequest, Object]{Subject: "object.v1.register_file", Idempotent: true}
	CountDownloads      = rpc.Method[CountDownloadsRequest, Empty]{Subject: "object.v1.count_downloads"}
	CloseAccount        = rpc.Method[CloseAccountRequest, Empty]{Subject: "object.v1.close_account", Idempotent: true}
)
