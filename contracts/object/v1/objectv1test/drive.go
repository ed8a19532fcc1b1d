package objectv1test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// drive is a world with both sides of an account's drive.
type drive struct {
	world
	d objectv1.DriveService
}

// RunDrive runs the suite of objectv1.DriveService; open gives one with the Service
// whose drive it shows. It is called once per test, and may give the same each time.
func RunDrive(t *testing.T, open func(t *testing.T) (objectv1.Service, objectv1.DriveService)) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w drive)
	}{
		{"Find", driveFind},
		{"Children", driveChildren},
		{"Children_Pages", driveChildrenPages},
		{"Make", driveMake},
		{"Change_Place", driveChangePlace},
		{"Change_Words", driveChangeWords},
		{"FolderID", driveFolderID},
		{"Copy", driveCopy},
		{"Trash", driveTrash},
		{"Trash_Restored", driveRestored},
		{"Trash_Unseen", driveTrashUnseen},
		{"Trash_Purged", drivePurged},
		{"Names", driveNames},
		{"Tenants", driveTenants},
		{"Grants", driveGrants},
		{"Closed", driveClosed},
		{"Tally", driveTally},
		{"Search", driveSearch},
	} {
		t.Run("Drive_"+c.name, func(t *testing.T) {
			t.Parallel()
			account := "acc-" + rand.Text()
			svc, d := open(t)
			c.run(t, drive{world{svc, authv1.Principal{
				AccountID: account, Username: "u-" + account,
				Limits: authv1.Limits{StorageBytes: 1000, ObjectBytes: 500},
			}}, d})
		})
	}
}

func ptr[T any](v T) *T { return &v }

func (w drive) find(t *testing.T, id string) (objectv1.DriveNode, error) {
	t.Helper()
	return w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: w.who, NodeID: id})
}

func (w drive) found(t *testing.T, id string) objectv1.DriveNode {
	t.Helper()
	n, err := w.find(t, id)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w drive) make(t *testing.T, parent, name string) objectv1.DriveNode {
	t.Helper()
	n, err := w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, ParentID: parent, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// placed writes a file into a folder that is named by its id.
func (w drive) placed(t *testing.T, folder, name, body string) objectv1.DriveNode {
	t.Helper()
	o := w.file(t, name, body, objectv1.FileOptions{FolderID: &folder, Conflict: objectv1.ConflictRename})
	return w.found(t, o.File.NodeID)
}

func (w drive) change(t *testing.T, r objectv1.ChangeNodeRequest) (objectv1.DriveNode, error) {
	t.Helper()
	r.Principal = w.who
	return w.d.ChangeNode(t.Context(), r)
}

func (w drive) node(id string) objectv1.DriveNodeRequest {
	return objectv1.DriveNodeRequest{Principal: w.who, NodeID: id}
}

func (w drive) trash(t *testing.T, id string) objectv1.DriveNode {
	t.Helper()
	n, err := w.d.TrashNode(t.Context(), w.node(id))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// children gives the names in a folder, page by page, folders with a '/'.
func (w drive) children(t *testing.T, folder string, kind objectv1.NodeKind, limit int) []string {
	t.Helper()
	return names(t, func(after string) (objectv1.ListChildrenResponse, error) {
		return w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: w.who, FolderID: folder, Kind: kind, After: after, Limit: limit})
	})
}

func (w drive) inTrash(t *testing.T) []string {
	t.Helper()
	return names(t, func(after string) (objectv1.ListChildrenResponse, error) {
		return w.d.ListTrash(t.Context(), objectv1.ListTrashRequest{Principal: w.who, After: after, Limit: 2})
	})
}

func names(t *testing.T, page func(after string) (objectv1.ListChildrenResponse, error)) []string {
	t.Helper()
	out := []string{}
	for after, pages := "", 0; ; pages++ {
		p, err := page(after)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Nodes {
			name := n.Name
			if n.Folder {
				name += "/"
			}
			out = append(out, name)
		}
		if after = p.Next; after == "" {
			return out
		}
		if pages > 1000 {
			t.Fatal("the pages never end")
		}
	}
}

func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %q, want %q", what, got, want)
	}
}

func driveFind(t *testing.T, w drive) {
	root, err := w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: w.who, Folder: true})
	if err != nil || !root.Folder || root.NodeID != "" || root.Number != 0 || root.Path != "" || root.AccountID != w.who.AccountID || root.UpdatedAt.IsZero() {
		t.Fatalf("root %+v, %v", root, err)
	}
	o := w.inDrive(t, "a/b/f.txt", "body")
	f := w.found(t, o.File.NodeID)
	b := w.found(t, f.ParentID)
	a := w.found(t, b.ParentID)
	switch {
	case f.Folder || f.Path != "a/b/f.txt" || f.Name != "f.txt" || f.Number <= 0 || f.ParentNumber != b.Number || f.AccountID != w.who.AccountID:
		t.Fatalf("file %+v", f)
	case f.Object == nil || f.Object.Manifest.Size != 4 || f.Object.Key != f.Path || f.Object.File.Number != f.Number || f.Object.File.Short != f.Short:
		t.Fatalf("file's object %+v", f.Object)
	case o.File.Number != f.Number || o.File.Short != f.Short:
		t.Fatalf("the commit says %+v, later it is %+v", o.File, f)
	case len(f.Short) != 8 || !strings.ContainsAny(f.Short, "0123456789") || strings.ToLower(f.Short) == f.Short:
		t.Fatalf("short %q", f.Short)
	case !b.Folder || b.Path != "a/b" || b.Number <= 0 || b.Short != "" || b.ParentNumber != a.Number || b.Object != nil:
		t.Fatalf("folder %+v", b)
	case a.ParentID != "" || a.ParentNumber != 0 || a.Number == b.Number || !a.UpdatedAt.Equal(a.CreatedAt):
		t.Fatalf("folder %+v", a)
	}
	for what, r := range map[string]objectv1.FindNodeRequest{
		"short": {Short: f.Short}, "number": {Number: f.Number}, "id": {NodeID: f.NodeID},
	} {
		for _, anybody := range []bool{false, true} {
			r.Principal, r.Anybody = w.who, anybody
			got, err := w.d.FindNode(t.Context(), r)
			if err != nil || got.NodeID != f.NodeID || got.Object.Manifest.Size != 4 {
				t.Errorf("by its %s: %+v, %v", what, got, err)
			}
		}
	}
	got, err := w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: w.who, Folder: true, Number: b.Number})
	if err != nil || got.NodeID != b.NodeID {
		t.Errorf("a folder by its number: %+v, %v", got, err)
	}
	for _, r := range []objectv1.FindNodeRequest{
		{}, {NodeID: "none"}, {NodeID: "root"}, {NodeID: "trash", Trash: true}, {NodeID: "\x00"}, {NodeID: strings.Repeat("a", 26)}, {NodeID: strings.Repeat("ü", 9000)},
		{Short: "none"}, {Short: "A0000000"}, {Short: strings.Repeat("x", 9000)}, {Number: -1}, {Number: 1 << 62}, {Number: -1, Folder: true}, {Number: 1 << 62, Folder: true},
	} {
		r.Principal = w.who
		_, err := w.d.FindNode(t.Context(), r)
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
}

func driveChildren(t *testing.T, w drive) {
	a := w.make(t, "", "a")
	for _, name := range []string{"f", "d.x", "d0", "ü"} {
		w.placed(t, a.NodeID, name, "1")
	}
	w.make(t, a.NodeID, "d")
	w.make(t, a.NodeID, "z")
	all := []string{"d.x", "d/", "d0", "f", "z/", "ü"}
	for _, limit := range []int{1, 2, 5, 6, 7, 1000} {
		want(t, "everything", w.children(t, a.NodeID, "", limit), all)
		want(t, "files", w.children(t, a.NodeID, objectv1.KindFile, limit), []string{"d.x", "d0", "f", "ü"})
		want(t, "folders", w.children(t, a.NodeID, objectv1.KindFolder, limit), []string{"d/", "z/"})
	}
	want(t, "the root", w.children(t, "", "", 10), []string{"a/"})
	page, err := w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: w.who, FolderID: a.NodeID, Limit: 2})
	if err != nil || len(page.Nodes) != 2 || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	if f := page.Nodes[0]; f.Path != "a/d.x" || f.Number == 0 || f.Short == "" || f.ParentID != a.NodeID || f.ParentNumber != a.Number || f.Object == nil ||
		f.Object.Size != 1 || len(f.Object.Manifest.Segments) != 0 || f.Object.Manifest.Size != 0 {
		t.Fatalf("listed %+v", f)
	}
	for _, r := range []objectv1.ListChildrenRequest{
		{Limit: 0}, {Limit: -1}, {Limit: 1001}, {Limit: 1, Kind: "door"}, {Limit: 1, After: "a\x00"}, {Limit: 1, After: strings.Repeat("x", 1000)},
	} {
		r.Principal = w.who
		_, err := w.d.ListChildren(t.Context(), r)
		wantInvalid(t, err)
	}
	_, err = w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: w.who, FolderID: page.Nodes[0].NodeID, Limit: 1})
	wantErr(t, err, objectv1.ErrNotAFolder)
	for _, id := range []string{"none", "root", "trash", strings.Repeat("a", 26), "\x00"} {
		_, err = w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: w.who, FolderID: id, Limit: 1})
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
}

// Pages stay whole while what was on them comes and goes.
func driveChildrenPages(t *testing.T, w drive) {
	a := w.make(t, "", "a")
	b, c := w.make(t, a.NodeID, "b"), w.make(t, a.NodeID, "c")
	w.make(t, a.NodeID, "d")
	r := objectv1.ListChildrenRequest{Principal: w.who, FolderID: a.NodeID, Limit: 1}
	page, err := w.d.ListChildren(t.Context(), r)
	if err != nil || len(page.Nodes) != 1 || page.Nodes[0].NodeID != b.NodeID {
		t.Fatalf("%+v, %v", page, err)
	}
	w.trash(t, b.NodeID)
	if _, err := w.change(t, objectv1.ChangeNodeRequest{NodeID: c.NodeID, Name: ptr("a0")}); err != nil {
		t.Fatal(err)
	}
	r.After, r.Limit = page.Next, 10
	if page, err = w.d.ListChildren(t.Context(), r); err != nil || len(page.Nodes) != 1 || page.Nodes[0].Name != "d" || page.Next != "" {
		t.Fatalf("%+v, %v", page, err)
	}
}

func driveMake(t *testing.T, w drive) {
	sharing := objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted, PasswordHash: []byte("hash")}
	n, err := w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, Name: "a", Sharing: sharing})
	if err != nil || n.Path != "a" || n.Number == 0 || n.Sharing.Visibility != sharing.Visibility || string(n.Sharing.PasswordHash) != "hash" || n.ParentID != "" {
		t.Fatalf("%+v, %v", n, err)
	}
	if got := w.found(t, n.NodeID); got.Sharing.Visibility != sharing.Visibility || string(got.Sharing.PasswordHash) != "hash" || got.Number != n.Number {
		t.Fatalf("%+v", got)
	}
	in := w.make(t, n.NodeID, "a")
	if in.Path != "a/a" || in.ParentID != n.NodeID || in.ParentNumber != n.Number || in.Sharing.Visibility != objectv1.VisibilityPrivate {
		t.Fatalf("%+v", in)
	}
	_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, Name: "a"})
	wantErr(t, err, objectv1.ErrNodeExists)
	for _, name := range []string{"a (2)", "a (3)"} {
		n, err := w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, Name: "a", Rename: true})
		if err != nil || n.Name != name {
			t.Fatalf("%+v, %v", n, err)
		}
	}
	f := w.placed(t, "", "f", "body")
	_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, Name: "f"})
	wantErr(t, err, objectv1.ErrNodeExists)
	_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, ParentID: f.NodeID, Name: "x"})
	wantErr(t, err, objectv1.ErrNotAFolder)
	for _, id := range []string{"none", "root", "trash", strings.Repeat("a", 26), "\x00"} {
		_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, ParentID: id, Name: "x"})
		wantErr(t, err, objectv1.ErrParentNotFound)
	}
	for _, s := range []objectv1.Sharing{{Visibility: 3}, {Visibility: -1}, {PasswordHash: make([]byte, 65)}} {
		_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, Name: "x", Sharing: s})
		wantInvalid(t, err)
	}
	want(t, "the root", w.children(t, "", "", 10), []string{"a (2)/", "a (3)/", "a/", "f"})
}

func driveChangePlace(t *testing.T, w drive) {
	a, b := w.make(t, "", "a"), w.make(t, "", "b")
	in := w.make(t, a.NodeID, "in")
	f := w.placed(t, in.NodeID, "f", "body")
	g := w.placed(t, "", "g", "body")
	move := func(id, parent, name string, rename bool) (objectv1.DriveNode, error) {
		r := objectv1.ChangeNodeRequest{NodeID: id, ParentID: &parent, Rename: rename}
		if name != "" {
			r.Name = &name
		}
		return w.change(t, r)
	}
	n, err := move(f.NodeID, b.NodeID, "", false)
	if err != nil || n.Path != "b/f" || n.ParentID != b.NodeID || n.Number != f.Number || n.Short != f.Short || n.Object.VersionID != f.Object.VersionID {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = move(in.NodeID, b.NodeID, "out", false); err != nil || n.Path != "b/out" || n.Number != in.Number {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = move(b.NodeID, a.NodeID, "", false); err != nil || n.Path != "a/b" || w.found(t, f.NodeID).Path != "a/b/f" {
		t.Fatalf("%+v, %v", n, err)
	}
	for _, into := range []string{a.NodeID, b.NodeID, in.NodeID} {
		for _, rename := range []bool{false, true} {
			_, err = move(a.NodeID, into, "", rename)
			wantErr(t, err, objectv1.ErrNodeCycle)
		}
	}
	_, err = move(g.NodeID, b.NodeID, "f", false)
	wantErr(t, err, objectv1.ErrNodeExists)
	_, err = move(g.NodeID, f.NodeID, "", false)
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = move(g.NodeID, strings.Repeat("a", 26), "", false)
	wantErr(t, err, objectv1.ErrParentNotFound)
	_, err = move(strings.Repeat("a", 26), "", "", false)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = move("", a.NodeID, "x", false)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	if n, err = move(g.NodeID, b.NodeID, "f", true); err != nil || n.Path != "a/b/f (2)" {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = move(in.NodeID, "", "a", true); err != nil || n.Path != "a (2)" {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = move(in.NodeID, "", "a (2)", false); err != nil || n.Path != "a (2)" {
		t.Fatalf("onto itself: %+v, %v", n, err)
	}
	if n, err = move(in.NodeID, "", "a", true); err != nil || n.Path == "a" {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = move(b.NodeID, "", "", false); err != nil || n.Path != "b" || n.ParentID != "" || !n.UpdatedAt.After(n.CreatedAt.Add(-1)) {
		t.Fatalf("%+v, %v", n, err)
	}
	w.wantPaths(t, slices.Sorted(slices.Values(w.paths(t, "")))...)
	want(t, "b", w.children(t, b.NodeID, "", 10), []string{"f", "f (2)"})
}

func driveChangeWords(t *testing.T, w drive) {
	d, f := w.make(t, "", "d"), w.placed(t, "", "f", "body")
	long := strings.Repeat("ü", objectv1.MaxNodeText/2)
	n, err := w.change(t, objectv1.ChangeNodeRequest{
		NodeID: f.NodeID, Name: ptr("g"), ParentID: &d.NodeID, Keywords: &long, Description: ptr(`<b>"it's"</b>`), ContentType: ptr("image/png"),
	})
	if err != nil || n.Path != "d/g" || n.Keywords != long || n.Description != `<b>"it's"</b>` || n.Object.Metadata.ContentType != "image/png" || n.Object.Size != 4 {
		t.Fatalf("%+v, %v", n, err)
	}
	o, err := w.stat(t, objectv1.DriveBucket, "d/g", "")
	if err != nil || o.Metadata.ContentType != "image/png" || o.VersionID != f.Object.VersionID {
		t.Fatalf("%+v, %v", o, err)
	}
	page, err := w.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: w.who, Bucket: objectv1.DriveBucket, MaxKeys: 10})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].ContentType != "image/png" {
		t.Fatalf("%+v, %v", page, err)
	}
	if n, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, Keywords: ptr("")}); err != nil || n.Keywords != "" || n.Description == "" {
		t.Fatalf("%+v, %v", n, err)
	}
	n, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: d.NodeID, Visibility: ptr(objectv1.VisibilityPublic), PasswordHash: ptr([]byte("hash"))})
	if err != nil || n.Sharing.Visibility != objectv1.VisibilityPublic || string(n.Sharing.PasswordHash) != "hash" {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: d.NodeID, PasswordHash: ptr([]byte{})}); err != nil || len(n.Sharing.PasswordHash) != 0 || n.Sharing.Visibility != objectv1.VisibilityPublic {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: d.NodeID}); err != nil || n.Path != "d" {
		t.Fatalf("nothing: %+v, %v", n, err)
	}
	for _, r := range []objectv1.ChangeNodeRequest{
		{NodeID: f.NodeID, Keywords: ptr(long + "x")}, {NodeID: f.NodeID, Description: ptr(long + "x")}, {NodeID: f.NodeID, Description: ptr("a\x00")},
		{NodeID: f.NodeID, ContentType: ptr("a\r\nb")}, {NodeID: f.NodeID, Visibility: ptr(objectv1.VisibilityPublic)},
		{NodeID: f.NodeID, PasswordHash: ptr([]byte("x"))}, {NodeID: d.NodeID, Keywords: ptr("x")}, {NodeID: d.NodeID, Description: ptr("x")}, {NodeID: d.NodeID, ContentType: ptr("x")},
		{NodeID: d.NodeID, Visibility: ptr(objectv1.Visibility(3))}, {NodeID: d.NodeID, Visibility: ptr(objectv1.Visibility(-1))}, {NodeID: d.NodeID, PasswordHash: ptr(make([]byte, 65))},
	} {
		r.Name = ptr("renamed")
		_, err := w.change(t, r)
		wantInvalid(t, err)
	}
	w.wantPaths(t, "d/", "d/g")
	_, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, Name: ptr("a/b"), Keywords: ptr("new")})
	wantErr(t, err, objectv1.ErrNodeName)
	w.inDrive(t, "d/taken", "body")
	_, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, Name: ptr("taken"), Keywords: ptr("new")})
	wantErr(t, err, objectv1.ErrNodeExists)
	if n := w.found(t, f.NodeID); n.Keywords != "" || n.Name != "g" {
		t.Fatalf("a refused change changed %+v", n)
	}
}

func driveFolderID(t *testing.T, w drive) {
	a := w.make(t, "", "a")
	n := w.placed(t, a.NodeID, "f", "body")
	if n.Path != "a/f" {
		t.Fatalf("%+v", n)
	}
	if n = w.placed(t, a.NodeID, "f", "body"); n.Path != "a/f (2)" {
		t.Fatalf("%+v", n)
	}
	if n = w.placed(t, "", "f", "body"); n.Path != "f" {
		t.Fatalf("%+v", n)
	}
	o := w.file(t, "x/y", "body", objectv1.FileOptions{FolderID: &a.NodeID, Parents: true})
	if o.Key != "a/x/y" || o.File.Path != "a/x/y" {
		t.Fatalf("%+v", o.File)
	}
	if again := w.file(t, "x/y", "other", objectv1.FileOptions{FolderID: &a.NodeID}); again.File.NodeID != o.File.NodeID {
		t.Fatalf("%+v", again.File)
	}
	// The folder moves, and goes, while the bytes come.
	begin := func(r objectv1.FileOptions) objectv1.CommitPutRequest {
		t.Helper()
		ticket, err := w.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: w.who, Bucket: objectv1.DriveBucket, Key: "late", Size: 4, File: &r})
		if err != nil {
			t.Fatal(err)
		}
		c := w.commit(objectv1.DriveBucket, "late", "body", ticket)
		c.File = &r
		return c
	}
	for _, conflict := range []objectv1.Conflict{objectv1.ConflictReplace, objectv1.ConflictRename} {
		options := objectv1.FileOptions{FolderID: &a.NodeID, Conflict: conflict}
		c := begin(options)
		if _, err := w.change(t, objectv1.ChangeNodeRequest{NodeID: a.NodeID, Name: ptr("b " + string(conflict))}); err != nil {
			t.Fatal(err)
		}
		got, err := w.CommitPut(t.Context(), c)
		if err != nil || !strings.HasPrefix(got.Key, "b "+string(conflict)+"/late") {
			t.Fatalf("%+v, %v", got.File, err)
		}
		c = begin(options)
		w.trash(t, a.NodeID)
		_, err = w.CommitPut(t.Context(), c)
		wantErr(t, err, objectv1.ErrParentNotFound)
		_, err = w.tryFile(t, "x", "body", options, objectv1.Conditions{})
		wantErr(t, err, objectv1.ErrParentNotFound)
		if _, err := w.d.RestoreNode(t.Context(), w.node(a.NodeID)); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"none", "root", "trash", strings.Repeat("a", 26), "\x00"} {
		_, err := w.tryFile(t, "x", "body", objectv1.FileOptions{FolderID: &id, Parents: true}, objectv1.Conditions{})
		wantErr(t, err, objectv1.ErrParentNotFound)
	}
	_, err := w.tryFile(t, "x", "body", objectv1.FileOptions{FolderID: &n.NodeID}, objectv1.Conditions{})
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = w.guests().tryFile(t, "x", "body", objectv1.FileOptions{FolderID: &a.NodeID}, objectv1.Conditions{})
	wantErr(t, err, objectv1.ErrParentNotFound)
}

func driveCopy(t *testing.T, w drive) {
	a, f := w.make(t, "", "a"), w.placed(t, "", "f.txt", "body")
	if _, err := w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, Keywords: ptr("some words")}); err != nil {
		t.Fatal(err)
	}
	copyTo := func(id, folder, version string) (objectv1.DriveNode, error) {
		return w.d.CopyFile(t.Context(), objectv1.CopyFileRequest{Principal: w.who, NodeID: id, FolderID: folder, VersionID: version})
	}
	version := objectv1.NewVersionID()
	n, err := copyTo(f.NodeID, a.NodeID, version)
	if err != nil || n.Path != "a/f.txt" || n.NodeID == f.NodeID || n.Number == f.Number || n.Short == f.Short || n.Object.ETag != f.Object.ETag ||
		n.Keywords != "some words" || n.Object.Manifest.Size != 4 || n.ParentID != a.NodeID || n.Object.VersionID != version {
		t.Fatalf("%+v, %v", n, err)
	}
	if again, err := copyTo(f.NodeID, a.NodeID, version); err != nil || again.NodeID != n.NodeID {
		t.Fatalf("repeated: %+v, %v", again, err)
	}
	if n, err = copyTo(f.NodeID, "", objectv1.NewVersionID()); err != nil || n.Path != "f (2).txt" {
		t.Fatalf("%+v, %v", n, err)
	}
	if used := w.used(t).Used; used != 12 {
		t.Fatalf("used %d", used)
	}
	_, err = copyTo(f.NodeID, "none", objectv1.NewVersionID())
	wantErr(t, err, objectv1.ErrParentNotFound)
	_, err = copyTo(f.NodeID, n.NodeID, objectv1.NewVersionID())
	wantErr(t, err, objectv1.ErrNotAFolder)
	for _, id := range []string{"", "none", a.NodeID, strings.Repeat("a", 26)} {
		_, err = copyTo(id, "", objectv1.NewVersionID())
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
	for _, version := range []string{"", "x", strings.Repeat("7", 26)} {
		_, err = copyTo(f.NodeID, "", version)
		wantInvalid(t, err)
	}
	w.who.Limits.StorageBytes = 14
	_, err = copyTo(f.NodeID, "", objectv1.NewVersionID())
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	w.trash(t, f.NodeID)
	_, err = copyTo(f.NodeID, "", objectv1.NewVersionID())
	wantErr(t, err, objectv1.ErrNodeNotFound)
	if again, err := copyTo(f.NodeID, a.NodeID, version); err != nil || again.Path != "a/f.txt" {
		t.Fatalf("repeated without its source: %+v, %v", again, err)
	}
	want(t, "everything", w.paths(t, ""), []string{"a/", "a/f.txt", "f (2).txt"})
}
