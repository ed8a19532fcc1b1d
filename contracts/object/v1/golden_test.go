package objectv1_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/goldentest"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// messages are one filled value per message that crosses a boundary. Inside v1
// their JSON may only gain optional fields.
func messages() map[string]any {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	who := authv1.Principal{
		AccountID: "acc_1", Username: "alice", KeyID: "LWAKAAAAAAAAAAAAAAAA",
		Grant:  authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}, Buckets: []string{"photos"}, Prefixes: []string{"2026/"}},
		Limits: authv1.Limits{StorageBytes: 100e9, ObjectBytes: 100e9},
	}
	retention := &objectv1.DefaultRetention{Mode: "GOVERNANCE", Days: 30}
	bucket := objectv1.Bucket{
		ID: "bkt_1", Name: "photos", CreatedAt: at, Versioning: objectv1.Enabled, ObjectLock: true, DefaultRetention: retention,
		Region: "us-central1", ObjectCount: 2, Bytes: 3,
	}
	config := objectv1.NotificationConfig{
		ID: "cfg_1", Target: "webhook", URL: "https://hooks.example/x", Events: []string{objectv1.EventObjectCreated}, Prefix: "in/", Suffix: ".jpg",
	}
	segment := blob.SegmentRef{ID: "5e9", Len: 11, Domain: "account-acc_1", Store: "sluice-us-central1-0", Token: "NUID", Chunks: 1, Stored: 12}
	manifest := blob.Manifest{
		Size: 11, Region: "us-central1", Domain: "account-acc_1", Segments: []blob.SegmentRef{segment}, Indirect: []blob.SegmentRef{segment}, Stored: 12,
	}
	digests := map[blob.Algorithm][]byte{blob.SHA256: []byte("0123456789abcdef0123456789abcdef"), blob.CRC64NVME: []byte("01234567")}
	metadata := objectv1.Metadata{
		ContentType: "image/jpeg", CacheControl: "no-store", ContentDisposition: "inline", ContentEncoding: "identity",
		User: map[string]string{"mood": "fine"}, Tags: map[string]string{"year": "2026"},
	}
	conditions := objectv1.Conditions{IfNoneMatchAny: true, IfMatch: []string{`"x"`}}
	origin := objectv1.Origin{RequestID: "req_1", SourceIP: "192.0.2.1", Dialect: "lockwell"}
	ticket := objectv1.Ticket{
		VersionID: "ver_1", BucketID: "bkt_1", AccountID: "acc_1", KeyDomain: "account-acc_1", Region: "us-central1",
		MaxSize: 11, Reserved: 11, Held: true, LeaseTill: at,
	}
	return map[string]any{
		"empty":                        objectv1.Empty{},
		"bucket":                       bucket,
		"create_bucket_request":        objectv1.CreateBucketRequest{Principal: who, Name: "photos", Versioning: true, ObjectLock: true, DefaultRetention: retention, Region: "us-central1"},
		"bucket_request":               objectv1.BucketRequest{Principal: who, Bucket: "photos"},
		"list_buckets_request":         objectv1.ListBucketsRequest{Principal: who},
		"list_buckets_response":        objectv1.ListBucketsResponse{Buckets: []objectv1.Bucket{bucket}},
		"notifications":                objectv1.Notifications{Configs: []objectv1.NotificationConfig{config}},
		"set_notifications_request":    objectv1.SetNotificationsRequest{Principal: who, Bucket: "photos", Configs: []objectv1.NotificationConfig{config}},
		"resolve_notification_request": objectv1.ResolveNotificationRequest{BucketID: "bkt_1", AccountID: "acc_1", Bucket: "photos", ConfigID: "cfg_1"},
		"notification_target":          objectv1.NotificationTarget{Config: config, AccountID: "acc_1", BucketID: "bkt_1", Bucket: "photos", SealedSecret: []byte("sealed")},
		"begin_put_request":            objectv1.BeginPutRequest{Principal: who, Bucket: "photos", Key: "a/b", Size: 11, Conditions: conditions, Hold: true},
		"ticket":                       ticket,
		"renew_put_request":            objectv1.RenewPutRequest{AccountID: "acc_1", VersionID: "ver_1", Bytes: 11},
		"commit_put_request":           objectv1.CommitPutRequest{Principal: who, Ticket: ticket, Bucket: "photos", Key: "a/b", Manifest: manifest, Digests: digests, Compressed: true, Metadata: metadata, Conditions: conditions, Origin: origin},
		"abort_put_request":            objectv1.AbortPutRequest{AccountID: "acc_1", VersionID: "ver_1"},
		"abort_put_response":           objectv1.AbortPutResponse{Committed: true},
		"object":                       objectv1.Object{BucketID: "bkt_1", Bucket: "photos", Key: "a/b", VersionID: "ver_1", Versioned: true, ETag: `"x"`, Size: 11, Metadata: metadata, Digests: digests, Compressed: true, StorageClass: "STANDARD", CreatedAt: at, Manifest: manifest},
		"stat_object_request":          objectv1.StatObjectRequest{Principal: who, Bucket: "photos", Key: "a/b", VersionID: "ver_1"},
		"delete_object_request":        objectv1.DeleteObjectRequest{Principal: who, Bucket: "photos", Key: "a/b", VersionID: "ver_1", Origin: origin},
		"delete_object_response":       objectv1.DeleteObjectResponse{DeleteMarker: true, VersionID: "ver_2"},
		"list_objects_request":         objectv1.ListObjectsRequest{Principal: who, Bucket: "photos", Prefix: "a/", Delimiter: "/", StartAfter: "a/a", Token: "t", MaxKeys: 10},
		"list_objects_response":        objectv1.ListObjectsResponse{Objects: []objectv1.ListedObject{{Key: "a/b", Size: 11, ETag: `"x"`, LastModified: at, VersionID: "ver_1", StorageClass: "STANDARD", ContentType: "image/jpeg"}}, CommonPrefixes: []string{"a/c/"}, NextToken: "t"},
		"get_usage_request":            objectv1.GetUsageRequest{AccountID: "acc_1"},
		"usage":                        objectv1.Usage{Used: 3, Reserved: 4},
		"list_contents_request":        objectv1.ListContentsRequest{After: "c", Limit: 10},
		"list_contents_response":       objectv1.ListContentsResponse{Manifests: []blob.Manifest{manifest}, Next: "c"},
		"collect_garbage_request":      objectv1.CollectGarbageRequest{},
		"collect_garbage_response":     objectv1.CollectGarbageResponse{Contents: 1, Segments: 2, Condemned: 3, Purged: 4, FreedBytes: 5},
		"object_event":                 objectv1.ObjectEvent{AccountID: "acc_1", Username: "alice", KeyID: "LWAKAAAAAAAAAAAAAAAA", BucketID: "bkt_1", Bucket: "photos", Region: "us-central1", Key: "a/b", VersionID: "ver_1", Size: 11, ETag: `"x"`, ContentType: "image/jpeg", Operation: "Put", Sequencer: 7, DeleteMarker: true, Configs: []string{"cfg_1"}, Origin: origin, Time: at},
	}
}

func TestMessages_Golden(t *testing.T) {
	t.Parallel()
	all := messages()
	versions, writes, files, folders, drive := versionMessages(all), writeMessages(all), fileMessages(all), folderMessages(all), driveMessages(all)
	maps.Copy(all, versions)
	maps.Copy(all, writes)
	maps.Copy(all, files)
	maps.Copy(all, folders)
	maps.Copy(all, drive)
	goldentest.Messages(t, all)
}

// TestSubjects holds the calls to their root, which no stream captures.
func TestSubjects(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		objectv1.CreateBucket.Subject, objectv1.GetBucket.Subject, objectv1.ListBuckets.Subject, objectv1.DeleteBucket.Subject,
		objectv1.GetNotifications.Subject, objectv1.SetNotifications.Subject, objectv1.ResolveNotification.Subject,
		objectv1.BeginPut.Subject, objectv1.RenewPut.Subject, objectv1.CommitPut.Subject, objectv1.AbortPut.Subject,
		objectv1.StatObject.Subject, objectv1.DeleteObject.Subject, objectv1.ListObjects.Subject, objectv1.GetUsage.Subject,
		objectv1.SetVersioning.Subject, objectv1.GetPolicy.Subject, objectv1.SetPolicy.Subject, objectv1.Authorize.Subject, objectv1.KeepIdempotency.Subject, objectv1.ReserveAhead.Subject, objectv1.StageContent.Subject, objectv1.UnstageContents.Subject, objectv1.CopyObject.Subject, objectv1.DeleteObjects.Subject, objectv1.GetTags.Subject, objectv1.SetTags.Subject, objectv1.GetRetention.Subject, objectv1.SetRetention.Subject, objectv1.GetLegalHold.Subject, objectv1.SetLegalHold.Subject, objectv1.ListVersions.Subject,
		objectv1.StatFile.Subject, objectv1.ListFiles.Subject, objectv1.UpdateFile.Subject, objectv1.RegisterFile.Subject, objectv1.CountDownloads.Subject,
		objectv1.StatNode.Subject, objectv1.ListFolder.Subject, objectv1.MakeFolder.Subject, objectv1.MoveNode.Subject, objectv1.RemoveNode.Subject, objectv1.CloseAccount.Subject,
		objectv1.FindNode.Subject, objectv1.ListChildren.Subject, objectv1.MakeSubfolder.Subject, objectv1.ChangeNode.Subject, objectv1.CopyFile.Subject,
		objectv1.TrashNode.Subject, objectv1.RestoreNode.Subject, objectv1.ListTrash.Subject, objectv1.PurgeNode.Subject, objectv1.SearchNodes.Subject,
		objectv1.ListContents.Subject, objectv1.CollectGarbage.Subject,
	} {
		if !strings.HasPrefix(s, "object.v1.") {
			t.Errorf("subject %q", s)
		}
	}
	for _, e := range []string{objectv1.ObjectCreated.Type, objectv1.ObjectRemoved.Type} {
		if !strings.HasPrefix(e, "evt.object.v1.object.") {
			t.Errorf("event %q", e)
		}
	}
}
