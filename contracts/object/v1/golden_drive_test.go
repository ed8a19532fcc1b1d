package objectv1_test

import (
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// driveMessages are the messages of DriveService, and those older ones with what
// they gained. m is what messages has so far.
func driveMessages(m map[string]any) map[string]any {
	who := m["bucket_request"].(objectv1.BucketRequest).Principal
	origin := m["delete_object_request"].(objectv1.DeleteObjectRequest).Origin
	at := m["bucket"].(objectv1.Bucket).CreatedAt
	o := m["object"].(objectv1.Object)
	const file, folder, version = "abcdefghijklmnopqrstuvwx23", "abcdefghijklmnopqrstuvwx24", "01JGKZ0000000000000000000A"
	o.Bucket, o.Key = objectv1.DriveBucket, "docs/a.txt"
	o.File = &objectv1.File{
		NodeID: file, AccountID: "acc_1", Path: "docs/a.txt", Name: "a.txt", Region: "us-central1", CreatedAt: at, ModTime: at, Number: 12, Short: "aB3dE6gH",
	}
	f := objectv1.DriveNode{
		Node:      objectv1.Node{NodeID: file, Path: o.Key, Name: "a.txt", CreatedAt: at, ModTime: at, Object: &o},
		AccountID: "acc_1", Number: 12, Short: "aB3dE6gH", ParentID: folder, ParentNumber: 7, UpdatedAt: at.Add(time.Hour), Keywords: "some words", Description: "a text",
	}
	hash := []byte("hash")
	d := objectv1.DriveNode{
		Node:      objectv1.Node{NodeID: folder, Path: "docs", Name: "docs", Folder: true, CreatedAt: at, ModTime: at},
		AccountID: "acc_1", Number: 7, UpdatedAt: at, Sharing: objectv1.Sharing{Visibility: objectv1.VisibilityPublic, PasswordHash: hash},
		Tally: objectv1.Tally{Files: 1, Folders: 2, Bytes: 3, Downloads: 4},
	}
	trashed := d
	trashed.Path, trashed.Trashed = "", &objectv1.Trashed{At: at, PurgedAt: at.AddDate(0, 0, 30), ParentID: folder, Name: "docs"}
	root := objectv1.DriveNode{Node: objectv1.Node{Folder: true, CreatedAt: at, ModTime: at}, AccountID: "acc_1", UpdatedAt: at}
	name, parent, words, contentType, visibility, none := "b.txt", folder, "words", "image/png", objectv1.VisibilityPrivate, []byte{}
	options := &objectv1.FileOptions{Conflict: objectv1.ConflictRename, FolderID: &parent}
	begin := m["begin_put_request"].(objectv1.BeginPutRequest)
	begin.Bucket, begin.Key, begin.File = objectv1.DriveBucket, "a.txt", options
	return map[string]any{
		"drive_node_file":            f,
		"drive_node_folder":          d,
		"drive_node_trashed":         trashed,
		"drive_node_root":            root,
		"drive_node_request":         objectv1.DriveNodeRequest{Principal: who, NodeID: file, Origin: origin},
		"find_node_request":          objectv1.FindNodeRequest{Principal: who, NodeID: file},
		"find_node_request_short":    objectv1.FindNodeRequest{Anybody: true, Short: "aB3dE6gH"},
		"find_node_request_number":   objectv1.FindNodeRequest{Principal: who, Number: 7, Folder: true, Trash: true},
		"list_children_request":      objectv1.ListChildrenRequest{Principal: who, FolderID: folder, Kind: objectv1.KindFile, Anybody: true, After: "a.txt", Limit: 10},
		"list_children_response":     objectv1.ListChildrenResponse{Nodes: []objectv1.DriveNode{d, f}, Next: "a.txt"},
		"list_children_last":         objectv1.ListChildrenResponse{Nodes: []objectv1.DriveNode{}},
		"make_subfolder_request":     objectv1.MakeSubfolderRequest{Principal: who, ParentID: folder, Name: "new", Rename: true, Sharing: d.Sharing},
		"change_node_request":        objectv1.ChangeNodeRequest{Principal: who, NodeID: file, Name: &name, ParentID: &parent, Rename: true, ContentType: &contentType, Keywords: &words, Description: &words, Origin: origin},
		"change_node_request_folder": objectv1.ChangeNodeRequest{Principal: who, NodeID: folder, Visibility: &visibility, PasswordHash: &none, Origin: origin},
		"copy_file_request":          objectv1.CopyFileRequest{Principal: who, NodeID: file, FolderID: folder, Origin: origin, VersionID: version},
		"list_trash_request":         objectv1.ListTrashRequest{Principal: who, After: "7ffffe", Limit: 10},
		"search_nodes_request":       objectv1.SearchNodesRequest{Query: "some words", After: "x:/a", Limit: 10},
		"begin_put_request_folder":   begin,
	}
}
