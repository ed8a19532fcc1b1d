package objectv1_test

import (
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// versionMessages are the messages about versioning, locks, tags and policies,
// and those older ones with what they gained. m is what messages has so far.
func versionMessages(m map[string]any) map[string]any {
	who := m["bucket_request"].(objectv1.BucketRequest).Principal
	origin := m["delete_object_request"].(objectv1.DeleteObjectRequest).Origin
	at := m["bucket"].(objectv1.Bucket).CreatedAt
	retention := objectv1.Retention{Mode: objectv1.Compliance, Until: at.AddDate(1, 0, 0)}
	statement := objectv1.Statement{
		Effect: objectv1.Deny, Actions: []objectv1.Action{objectv1.ActionGetObject, "write"},
		Prefixes: []string{"secret/"}, AccessKeyIDs: []string{"LWAKAAAAAAAAAAAAAAAA"},
	}
	policy := objectv1.Policy{Statements: []objectv1.Statement{statement}}
	tags := map[string]string{"year": "2026"}
	locked := m["object"].(objectv1.Object)
	locked.Composite, locked.Retention, locked.LegalHold, locked.ObjectLock = []blob.Algorithm{blob.SHA256}, &retention, true, true
	listed := m["list_objects_response"].(objectv1.ListObjectsResponse).Objects[0]
	listed.Details = &objectv1.Details{Digests: locked.Digests, Composite: locked.Composite, Compressed: true, Retention: &retention, LegalHold: true}
	version := objectv1.ListedVersion{
		Key: "a/b", VersionID: "ver_1", Latest: true, DeleteMarker: true, Size: 11, ETag: `"x"`, LastModified: at, StorageClass: "STANDARD",
	}
	return map[string]any{
		"set_versioning_request":      objectv1.SetVersioningRequest{Principal: who, Bucket: "photos", Versioning: objectv1.Suspended},
		"policy":                      policy,
		"set_policy_request":          objectv1.SetPolicyRequest{Principal: who, Bucket: "photos", Policy: policy},
		"authorize_request":           objectv1.AuthorizeRequest{Principal: who, Bucket: "photos", Key: "a/b", Action: objectv1.ActionPutObject},
		"authorize_response":          objectv1.AuthorizeResponse{BucketID: "bkt_1", Region: "us-central1", ObjectLock: true},
		"object_locked":               locked,
		"retention":                   retention,
		"set_retention_request":       objectv1.SetRetentionRequest{Principal: who, Bucket: "photos", Key: "a/b", VersionID: "ver_1", Retention: retention},
		"legal_hold":                  objectv1.LegalHold{VersionID: "ver_1", On: true},
		"set_legal_hold_request":      objectv1.SetLegalHoldRequest{Principal: who, Bucket: "photos", Key: "a/b", VersionID: "ver_1", On: true},
		"tags":                        objectv1.Tags{VersionID: "ver_1", Tags: tags},
		"set_tags_request":            objectv1.SetTagsRequest{Principal: who, Bucket: "photos", Key: "a/b", VersionID: "ver_1", Tags: tags},
		"delete_objects_request":      objectv1.DeleteObjectsRequest{Principal: who, Bucket: "photos", Objects: []objectv1.ObjectRef{{Key: "a/b", VersionID: "ver_1"}}, Origin: origin},
		"delete_objects_response":     objectv1.DeleteObjectsResponse{Results: []objectv1.DeleteResult{{DeleteObjectResponse: objectv1.DeleteObjectResponse{DeleteMarker: true, VersionID: "ver_2"}}, {Fault: &objectv1.Fault{Kind: fault.Forbidden, Code: "object.object_locked", Message: "no"}}}},
		"list_versions_request":       objectv1.ListVersionsRequest{Principal: who, Bucket: "photos", Prefix: "a/", KeyMarker: "a/a", VersionIDMarker: "ver_0", MaxKeys: 10},
		"list_versions_response":      objectv1.ListVersionsResponse{Versions: []objectv1.ListedVersion{version}, Truncated: true, NextKeyMarker: "a/b", NextVersionIDMarker: "ver_1"},
		"list_objects_request_full":   objectv1.ListObjectsRequest{Principal: who, Bucket: "photos", MaxKeys: 10, Full: true},
		"list_objects_response_full":  objectv1.ListObjectsResponse{Objects: []objectv1.ListedObject{listed}, CommonPrefixes: []string{}},
		"commit_put_request_locking":  lockingCommit(m, retention),
		"begin_put_request_locking":   objectv1.BeginPutRequest{Principal: who, Bucket: "photos", Key: "a/b", Size: 11, Retention: &retention, LegalHold: true},
		"set_tags_request_clear":      objectv1.SetTagsRequest{Principal: who, Bucket: "photos", Key: "a/b"},
		"policy_none":                 objectv1.Policy{Statements: []objectv1.Statement{}},
		"list_versions_response_last": objectv1.ListVersionsResponse{Versions: []objectv1.ListedVersion{}},
	}
}

func lockingCommit(m map[string]any, retention objectv1.Retention) objectv1.CommitPutRequest {
	r := m["commit_put_request"].(objectv1.CommitPutRequest)
	r.Retention, r.LegalHold, r.Operation = &retention, true, objectv1.OperationPut
	return r
}

// writeMessages are the messages about idempotency keys, staged contents and copies.
func writeMessages(m map[string]any) map[string]any {
	who := m["bucket_request"].(objectv1.BucketRequest).Principal
	commit := m["commit_put_request"].(objectv1.CommitPutRequest)
	object := m["object"].(objectv1.Object)
	at := object.CreatedAt
	idempotency := objectv1.IdempotencyTicket{ID: "idm_1", Owner: "n", LeaseTill: at.Add(time.Second)}
	staged, replayed := commit.Ticket, objectv1.Ticket{LeaseTill: at, Replayed: &object}
	staged.Staged, staged.Idempotency = true, &idempotency
	composed, ahead := commit, int64(7)
	composed.Ticket, composed.Operation = staged, objectv1.OperationComplete
	composed.Parts, composed.ETag, composed.Composite = []string{"cnt_1", "cnt_2"}, `"x-2"`, []blob.Algorithm{blob.SHA256}
	return map[string]any{
		"begin_put_request_idempotent": objectv1.BeginPutRequest{Principal: who, Bucket: "photos", Key: "a/b", Size: 11, Idempotency: &objectv1.Idempotency{Key: "k", Fingerprint: []byte("print")}},
		"begin_put_request_staged":     objectv1.BeginPutRequest{Principal: who, Bucket: "photos", Key: "a/b", Size: -1, Hold: true, Staged: true, LeaseSeconds: 3600},
		"ticket_staged":                staged,
		"ticket_replayed":              replayed,
		"idempotency_ticket":           idempotency,
		"keep_idempotency_request":     objectv1.KeepIdempotencyRequest{AccountID: "acc_1", Ticket: idempotency},
		"abort_put_request_idempotent": objectv1.AbortPutRequest{AccountID: "acc_1", VersionID: "ver_1", Idempotency: &idempotency},
		"commit_put_request_staged":    composed,
		"stage_content_request":        objectv1.StageContentRequest{AccountID: "acc_1", VersionID: "ver_1", ContentID: "cnt_1", Manifest: commit.Manifest},
		"stage_content_request_ahead":  objectv1.StageContentRequest{AccountID: "acc_1", VersionID: "ver_1", ContentID: "cnt_2", Manifest: commit.Manifest, Replaces: "cnt_1", Ahead: &ahead},
		"reserve_ahead_request":        objectv1.ReserveAheadRequest{AccountID: "acc_1", VersionID: "ver_1", Bytes: 11},
		"renew_put_request_staged":     objectv1.RenewPutRequest{AccountID: "acc_1", VersionID: "ver_1", LeaseSeconds: 691200},
		"stage_content_response":       objectv1.StageContentResponse{Reserved: 11},
		"unstage_contents_request":     objectv1.UnstageContentsRequest{AccountID: "acc_1", VersionID: "ver_1", ContentIDs: []string{"cnt_1"}},
		"copy_object_request": objectv1.CopyObjectRequest{
			Principal: who, Bucket: "photos", Key: "a/c", SourceBucket: "photos", SourceKey: "a/b", SourceVersionID: "ver_1",
			SourceConditions: objectv1.SourceConditions{IfMatch: []string{`"x"`}, IfNoneMatch: []string{"*"}, IfModifiedSince: &at, IfUnmodifiedSince: &at},
			Conditions:       commit.Conditions, Metadata: &commit.Metadata, Origin: commit.Origin, VersionID: "ver_2",
		},
	}
}
