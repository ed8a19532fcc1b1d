package objectv1_test

import (
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// fileMessages are the messages about files of the drive, and those older ones
// with what they gained. m is what messages has so far.
func fileMessages(m map[string]any) map[string]any {
	who := m["bucket_request"].(objectv1.BucketRequest).Principal
	who.Region = "eu-west1"
	commit := m["commit_put_request"].(objectv1.CommitPutRequest)
	object := m["object"].(objectv1.Object)
	at := object.CreatedAt
	expires := at.Add(time.Hour)
	key, none := []byte("0123456789abcdef0123456789abcdef"), []byte{}
	const node = "abcdefghijklmnopqrstuvwx27"
	options := &objectv1.FileOptions{Conflict: objectv1.ConflictRename, Parents: true, KeyHash: key, ExpiresAt: &expires, ModTime: &at}
	commit.Principal, commit.Bucket, commit.Key, commit.File = who, objectv1.DriveBucket, "a/b.jpg", options
	commit.Ticket.BucketID, commit.Ticket.NodeID = "drive-acc_1", node
	object.BucketID, object.Bucket, object.Key, object.Versioned = "drive-acc_1", objectv1.DriveBucket, "a/b.jpg", false
	object.File = &objectv1.File{
		NodeID: node, AccountID: "acc_1", Path: "a/b.jpg", Name: "b.jpg", Region: "eu-west1", KeyHash: key,
		CreatedAt: at, ModTime: at, ExpiresAt: &expires, Downloads: 7,
	}
	return map[string]any{
		"begin_put_request_file":      objectv1.BeginPutRequest{Principal: who, Bucket: objectv1.DriveBucket, Key: "a/b.jpg", Size: 11, File: options, Region: "eu-west1"},
		"ticket_file":                 commit.Ticket,
		"commit_put_request_file":     commit,
		"object_file":                 object,
		"stat_file_request":           objectv1.StatFileRequest{NodeID: node},
		"list_files_request":          objectv1.ListFilesRequest{Principal: who, After: "01JGKZ", Limit: 10},
		"list_files_response":         objectv1.ListFilesResponse{Files: []objectv1.Object{object}, Next: "01JGKY"},
		"list_files_response_last":    objectv1.ListFilesResponse{Files: []objectv1.Object{}},
		"update_file_request":         objectv1.UpdateFileRequest{Principal: who, NodeID: node, KeyHash: &key, ModTime: &at},
		"update_file_request_unkeyed": objectv1.UpdateFileRequest{Principal: who, Path: "a/b.jpg", KeyHash: &none},
		"register_file_request":       objectv1.RegisterFileRequest{Principal: who, NodeID: node, Origin: commit.Origin},
		"count_downloads_request":     objectv1.CountDownloadsRequest{Downloads: map[string]int64{node: 3}},
	}
}
