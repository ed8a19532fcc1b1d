package objectv1_test

import (
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// folderMessages are the messages about folders of the drive, and about the end of
// an account. m is what messages has so far.
func folderMessages(m map[string]any) map[string]any {
	who := m["bucket_request"].(objectv1.BucketRequest).Principal
	origin := m["delete_object_request"].(objectv1.DeleteObjectRequest).Origin
	at := m["bucket"].(objectv1.Bucket).CreatedAt
	o := m["object"].(objectv1.Object)
	expires := at.AddDate(0, 1, 0)
	o.Bucket, o.Key = objectv1.DriveBucket, "docs/a.txt"
	o.File = &objectv1.File{
		NodeID: "abcdefghijklmnopqrstuvwx23", AccountID: "acc_1", Path: "docs/a.txt", Name: "a.txt", Region: "us-central1",
		KeyHash: []byte("hash"), CreatedAt: at, ModTime: at.Add(-time.Hour), ExpiresAt: &expires, Downloads: 7,
	}
	file := objectv1.Node{NodeID: o.File.NodeID, Path: o.Key, Name: "a.txt", CreatedAt: at, ModTime: o.File.ModTime, Object: &o}
	folder := objectv1.Node{NodeID: "abcdefghijklmnopqrstuvwx24", Path: "docs", Name: "docs", Folder: true, CreatedAt: at, ModTime: at}
	return map[string]any{
		"node_request":              objectv1.NodeRequest{Principal: who, Path: "docs/a.txt"},
		"node_file":                 file,
		"node_folder":               folder,
		"node_root":                 objectv1.Node{Folder: true, CreatedAt: at, ModTime: at},
		"list_folder_request":       objectv1.ListFolderRequest{Principal: who, Path: "docs", After: "a.txt", Limit: 10},
		"list_folder_response":      objectv1.ListFolderResponse{Nodes: []objectv1.Node{folder, file}, Next: "docs/"},
		"list_folder_response_last": objectv1.ListFolderResponse{Nodes: []objectv1.Node{}},
		"make_folder_request":       objectv1.MakeFolderRequest{Principal: who, Path: "docs/new", Parents: true},
		"move_node_request":         objectv1.MoveNodeRequest{Principal: who, From: "docs/a.txt", To: "b.txt", Replace: true, Origin: origin},
		"remove_node_request":       objectv1.RemoveNodeRequest{Principal: who, Path: "docs", Origin: origin},
		"remove_node_request_id":    objectv1.RemoveNodeRequest{Principal: who, NodeID: o.File.NodeID, Origin: origin},
		"close_account_request":     objectv1.CloseAccountRequest{AccountID: "acc_1"},
	}
}
