package objectv1test

import (
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// inDrive writes a file into the drive, with the folders of its path.
func (w world) inDrive(t *testing.T, path, body string) objectv1.Object {
	t.Helper()
	file := &objectv1.FileOptions{Parents: true}
	ticket, err := w.BeginPut(t.Context(), objectv1.BeginPutRequest{
		Principal: w.who, Bucket: objectv1.DriveBucket, Key: path, Size: int64(len(body)), File: file,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := w.commit(objectv1.DriveBucket, path, body, ticket)
	r.File = file
	o, err := w.CommitPut(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (w world) node(t *testing.T, path string) (objectv1.Node, error) {
	t.Helper()
	return w.StatNode(t.Context(), objectv1.NodeRequest{Principal: w.who, Path: path})
}

// paths gives all that is under a folder, folders with a '/', page by page.
func (w world) paths(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	r := objectv1.ListFolderRequest{Principal: w.who, Path: folder, Limit: 2}
	for {
		page, err := w.ListFolder(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Nodes {
			if n.Folder {
				out = append(append(out, n.Path+"/"), w.paths(t, n.Path)...)
			} else {
				out = append(out, n.Path)
			}
		}
		if r.After = page.Next; r.After == "" {
			return out
		}
	}
}

func (w world) wantPaths(t *testing.T, want ...string) {
	t.Helper()
	if got := w.paths(t, ""); !slices.Equal(got, want) {
		t.Fatalf("the drive holds %q, want %q", got, want)
	}
}

func folders(t *testing.T, w world) {
	root, err := w.node(t, "")
	if err != nil || !root.Folder || root.NodeID != "" {
		t.Fatalf("root %+v, %v", root, err)
	}
	_, err = w.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: w.who, Path: "a/b"})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	n, err := w.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: w.who, Path: "a/b", Parents: true})
	if err != nil || n.Path != "a/b" || n.Name != "b" || !n.Folder || n.NodeID == "" {
		t.Fatalf("%+v, %v", n, err)
	}
	_, err = w.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: w.who, Path: "a/b", Parents: true})
	wantErr(t, err, objectv1.ErrNodeExists)
	o := w.inDrive(t, "a/f", "body")
	w.inDrive(t, "a.b", "body")
	w.inDrive(t, "a0", "body")
	w.wantPaths(t, "a.b", "a/", "a/b/", "a/f", "a0")
	got, err := w.node(t, "a/f")
	if err != nil || got.Folder || got.Object.ETag != o.ETag || got.Object.Manifest.Size != 4 || got.NodeID != o.File.NodeID || got.Object.File.Path != "a/f" {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = w.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: w.who, Path: "a/f/x", Parents: true})
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = w.ListFolder(t.Context(), objectv1.ListFolderRequest{Principal: w.who, Path: "a/f", Limit: 1})
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = w.ListFolder(t.Context(), objectv1.ListFolderRequest{Principal: w.who, Path: "none", Limit: 1})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	for _, limit := range []int{0, -1, 1001} {
		_, err = w.ListFolder(t.Context(), objectv1.ListFolderRequest{Principal: w.who, Limit: limit})
		wantInvalid(t, err)
	}
	for _, path := range []string{"/", "a//b", "..", "a/.", "a\x00", strings.Repeat("x", 256)} {
		_, err = w.node(t, path)
		wantErr(t, err, objectv1.ErrInvalidKey)
		_, err = w.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: w.who, Path: path})
		wantErr(t, err, objectv1.ErrInvalidKey)
	}
	other := w
	other.who.AccountID += "-other"
	other.wantPaths(t)
}

func moves(t *testing.T, w world) {
	o := w.inDrive(t, "a/b/f", "body")
	w.inDrive(t, "c", "other")
	move := func(from, to string, replace bool) (objectv1.Node, error) {
		return w.MoveNode(t.Context(), objectv1.MoveNodeRequest{Principal: w.who, From: from, To: to, Replace: replace})
	}
	n, err := move("a/b", "d", false)
	if err != nil || n.Path != "d" || !n.Folder {
		t.Fatalf("%+v, %v", n, err)
	}
	_, err = move("a", "a/b", false)
	wantErr(t, err, objectv1.ErrNodeCycle)
	_, err = move("none", "x", false)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = move("c", "none/x", false)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = move("c", "d/f/x", false)
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = move("c", "d/f", false)
	wantErr(t, err, objectv1.ErrNodeExists)
	_, err = move("c", "a//b", false)
	wantErr(t, err, objectv1.ErrInvalidKey)
	n, err = move("d/f", "c", true)
	if err != nil || n.NodeID != o.File.NodeID || n.Object.Size != 4 {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = move("c", "c", false); err != nil || n.NodeID != o.File.NodeID {
		t.Fatalf("onto itself: %+v, %v", n, err)
	}
	w.wantPaths(t, "a/", "c", "d/")
}

func removals(t *testing.T, w world) {
	remove := func(r objectv1.RemoveNodeRequest) error {
		r.Principal = w.who
		_, err := w.RemoveNode(t.Context(), r)
		return err
	}
	o := w.inDrive(t, "a/b/f", "body")
	w.inDrive(t, "a/g", "body")
	w.inDrive(t, "c", "body")
	wantErr(t, remove(objectv1.RemoveNodeRequest{}), objectv1.ErrInvalidKey)
	wantErr(t, remove(objectv1.RemoveNodeRequest{Path: "none"}), objectv1.ErrNodeNotFound)
	wantErr(t, remove(objectv1.RemoveNodeRequest{NodeID: "none"}), objectv1.ErrNodeNotFound)
	if err := remove(objectv1.RemoveNodeRequest{NodeID: o.File.NodeID}); err != nil {
		t.Fatal(err)
	}
	w.wantPaths(t, "a/", "a/b/", "a/g", "c")
	if err := remove(objectv1.RemoveNodeRequest{Path: "a"}); err != nil {
		t.Fatal(err)
	}
	wantErr(t, remove(objectv1.RemoveNodeRequest{Path: "a"}), objectv1.ErrNodeNotFound)
	w.wantPaths(t, "c")
	u, err := w.GetUsage(t.Context(), objectv1.GetUsageRequest{AccountID: w.who.AccountID})
	if err != nil || u.Used != 4 {
		t.Fatalf("usage %+v, %v", u, err)
	}
}

func driveAsBucket(t *testing.T, w world) {
	o := w.inDrive(t, "a/b", "body")
	w.inDrive(t, "c", "body")
	page, err := w.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: w.who, Bucket: objectv1.DriveBucket, Delimiter: "/", MaxKeys: 10})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "c" || !slices.Equal(page.CommonPrefixes, []string{"a/"}) {
		t.Fatalf("%+v, %v", page, err)
	}
	copied, err := w.CopyObject(t.Context(), objectv1.CopyObjectRequest{
		Principal: w.who, SourceBucket: objectv1.DriveBucket, SourceKey: "a/b", Bucket: objectv1.DriveBucket, Key: "x/y", VersionID: objectv1.NewVersionID(),
	})
	if err != nil || copied.ETag != o.ETag || copied.Key != "x/y" || copied.File == nil || copied.File.NodeID == o.File.NodeID {
		t.Fatalf("%+v, %v", copied, err)
	}
	out, err := w.DeleteObjects(t.Context(), objectv1.DeleteObjectsRequest{
		Principal: w.who, Bucket: objectv1.DriveBucket, Objects: []objectv1.ObjectRef{{Key: "a/b"}, {Key: "c", VersionID: "null"}, {Key: "x"}},
	})
	if err != nil || out.Results[0].Fault != nil || out.Results[1].Fault == nil || out.Results[1].Fault.Code != objectv1.ErrNotInDrive.Code || out.Results[2].Fault != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	w.wantPaths(t, "a/", "c", "x/", "x/y")
	_, err = w.ListVersions(t.Context(), objectv1.ListVersionsRequest{Principal: w.who, Bucket: objectv1.DriveBucket, MaxKeys: 1})
	wantErr(t, err, objectv1.ErrNotInDrive)
	_, err = w.DeleteBucket(t.Context(), w.bucketRequest(objectv1.DriveBucket))
	wantErr(t, err, objectv1.ErrNotInDrive)
	_, err = w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}, Prefixes: []string{"x/"}}).node(t, "c")
	wantErr(t, err, objectv1.ErrAccessDenied)
}

func closing(t *testing.T, w world) {
	_, err := w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: w.who, Name: "vault", ObjectLock: true})
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, "vault", "k", "body")
	w.inDrive(t, "a/b", "body")
	hold := objectv1.SetLegalHoldRequest{Principal: w.who, Bucket: "vault", Key: "k", On: true}
	if _, err := w.SetLegalHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	r := objectv1.CloseAccountRequest{AccountID: w.who.AccountID}
	_, err = w.CloseAccount(t.Context(), r)
	wantErr(t, err, objectv1.ErrObjectLocked)
	w.put(t, "vault", "still", "open")
	hold.On = false
	if _, err := w.SetLegalHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.CloseAccount(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.begin(t, "vault", "k", 1)
	wantErr(t, err, objectv1.ErrAccountClosed)
	_, err = w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: w.who, Name: "another"})
	wantErr(t, err, objectv1.ErrAccountClosed)
	_, err = w.SetRetention(t.Context(), objectv1.SetRetentionRequest{
		Principal: w.who, Bucket: "vault", Key: "k", Retention: objectv1.Retention{Mode: objectv1.Governance, Until: time.Now().Add(time.Hour)},
	})
	wantErr(t, err, objectv1.ErrAccountClosed)
	_, err = w.CloseAccount(t.Context(), objectv1.CloseAccountRequest{})
	wantInvalid(t, err)
}

func wantInvalid(t *testing.T, err error) {
	t.Helper()
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("got %v, want one of kind %s", err, fault.Invalid)
	}
}
