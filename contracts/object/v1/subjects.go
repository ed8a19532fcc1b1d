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
	GetUsage            = rpc.Method[GetUsageRequest, Usage]{Subject: "object.v1.get_usage", Idempotent: true}
	ListContents        = rpc.Method[ListContentsRequest, ListContentsResponse]{Subject: "object.v1.list_contents", Idempotent: true}
	CollectGarbage      = rpc.Method[CollectGarbageRequest, CollectGarbageResponse]{Subject: "object.v1.collect_garbage", Timeout: 30 * time.Minute}
)
