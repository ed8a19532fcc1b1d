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

func (w drive) restore(t *testing.T, id string) (objectv1.DriveNode, error) {
	t.Helper()
	return w.d.RestoreNode(t.Context(), w.node(id))
}

func driveTrash(t *testing.T, w drive) {
	a := w.make(t, "", "a")
	f, g := w.placed(t, a.NodeID, "f", "body"), w.placed(t, "", "g", "body")
	n := w.trash(t, f.NodeID)
	if n.Trashed == nil || n.Name != "f" || n.Trashed.Name != "f" || n.Trashed.ParentID != a.NodeID || !n.Trashed.PurgedAt.After(n.Trashed.At) ||
		time.Since(n.Trashed.At) > time.Minute || n.Number != f.Number || n.Short != f.Short || n.Path != "" || n.ParentID != "" || n.Object.Size != 4 {
		t.Fatalf("%+v, trashed %+v", n, n.Trashed)
	}
	if again := w.trash(t, f.NodeID); !again.Trashed.At.Equal(n.Trashed.At) || again.Trashed.Name != "f" {
		t.Fatalf("once more: %+v", again.Trashed)
	}
	w.wantPaths(t, "a/", "g")
	w.inDrive(t, "a/f", "another")
	w.trash(t, a.NodeID)
	if got := w.trash(t, g.NodeID); got.Trashed.ParentID != "" {
		t.Fatalf("%+v", got.Trashed)
	}
	w.wantPaths(t)
	got := w.inTrash(t)
	slices.Sort(got) // they came within a millisecond
	want(t, "trash", got, []string{"a/", "f", "g"})
	if used := w.used(t).Used; used != 15 {
		t.Fatalf("used %d", used)
	}
	found, err := w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: w.who, Number: f.Number, Trash: true})
	if err != nil || found.NodeID != f.NodeID || found.Trashed == nil || found.Object.Manifest.Size != 4 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, id := range []string{"", "none", "root", "trash", strings.Repeat("a", 26)} {
		_, err := w.d.TrashNode(t.Context(), w.node(id))
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = w.restore(t, id)
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = w.d.PurgeNode(t.Context(), w.node(id))
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
	for _, r := range []objectv1.ListTrashRequest{{Limit: 0}, {Limit: 1001}, {Limit: 1, After: strings.Repeat("x", 1000)}} {
		r.Principal = w.who
		_, err := w.d.ListTrash(t.Context(), r)
		wantInvalid(t, err)
	}
}

func driveRestored(t *testing.T, w drive) {
	a := w.make(t, "", "a")
	in := w.make(t, a.NodeID, "in")
	f := w.placed(t, in.NodeID, "f", "body")
	w.trash(t, in.NodeID)
	_, err := w.restore(t, f.NodeID) // it does not lie there itself
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = w.restore(t, a.NodeID)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	n, err := w.restore(t, in.NodeID)
	if err != nil || n.Path != "a/in" || n.Trashed != nil || n.Number != in.Number {
		t.Fatalf("%+v, %v", n, err)
	}
	w.wantPaths(t, "a/", "a/in/", "a/in/f")
	// Its name is taken meanwhile.
	w.trash(t, f.NodeID)
	w.inDrive(t, "a/in/f", "another")
	if n, err = w.restore(t, f.NodeID); err != nil || n.Path != "a/in/f (2)" || n.Short != f.Short || n.Object.ETag != f.Object.ETag {
		t.Fatalf("%+v, %v", n, err)
	}
	page, err := w.ListFiles(t.Context(), objectv1.ListFilesRequest{Principal: w.who, Limit: 10})
	if err != nil || len(page.Files) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	// The folder moved, and lies in the trash.
	w.trash(t, f.NodeID)
	if _, err := w.change(t, objectv1.ChangeNodeRequest{NodeID: in.NodeID, Name: ptr("moved"), ParentID: ptr("")}); err != nil {
		t.Fatal(err)
	}
	if n, err = w.restore(t, f.NodeID); err != nil || n.Path != "moved/f (2)" {
		t.Fatalf("%+v, %v", n, err)
	}
	w.trash(t, f.NodeID)
	w.trash(t, in.NodeID)
	if n, err = w.restore(t, f.NodeID); err != nil || n.Path != "f (2)" {
		t.Fatalf("%+v, %v", n, err)
	}
	// The folder is gone.
	w.trash(t, f.NodeID)
	if _, err := w.d.PurgeNode(t.Context(), w.node(in.NodeID)); err != nil {
		t.Fatal(err)
	}
	if n, err = w.restore(t, f.NodeID); err != nil || n.Path != "f (2)" {
		t.Fatalf("%+v, %v", n, err)
	}
	want(t, "trash", w.inTrash(t), []string{})
	w.wantPaths(t, "a/", "f (2)")
}

// What lies in the trash is shown by nothing but the trash.
func driveTrashUnseen(t *testing.T, w drive) {
	a := w.make(t, "", "a")
	in := w.make(t, a.NodeID, "in")
	direct, below := w.placed(t, "", "direct", "body"), w.placed(t, in.NodeID, "below", "body")
	w.trash(t, direct.NodeID)
	w.trash(t, a.NodeID)
	for _, n := range []objectv1.DriveNode{direct, below} {
		_, err := w.statFile(t, n.NodeID)
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = w.find(t, n.NodeID)
		wantErr(t, err, objectv1.ErrNodeNotFound)
		for _, r := range []objectv1.FindNodeRequest{{Short: n.Short}, {Number: n.Number}, {NodeID: n.NodeID}} {
			r.Anybody = true
			_, err = w.d.FindNode(t.Context(), r)
			wantErr(t, err, objectv1.ErrNodeNotFound)
		}
		_, err = w.world.node(t, n.Path)
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = w.stat(t, objectv1.DriveBucket, n.Path, "")
		wantErr(t, err, objectv1.ErrNotFound)
		_, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: n.NodeID, Name: ptr("x")})
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = w.RemoveNode(t.Context(), objectv1.RemoveNodeRequest{Principal: w.who, NodeID: n.NodeID})
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = w.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: w.who, NodeID: n.NodeID, KeyHash: ptr([]byte("x"))})
		wantErr(t, err, objectv1.ErrNodeNotFound)
		w.delete(t, objectv1.DriveBucket, n.Path, "")
	}
	_, err := w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: w.who, NodeID: below.NodeID, Trash: true})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = w.d.TrashNode(t.Context(), w.node(below.NodeID))
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = w.d.PurgeNode(t.Context(), w.node(below.NodeID))
	wantErr(t, err, objectv1.ErrNodeNotFound)
	for _, id := range []string{a.NodeID, in.NodeID} {
		_, err = w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: w.who, FolderID: id, Limit: 1})
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, ParentID: id, Name: "x"})
		wantErr(t, err, objectv1.ErrParentNotFound)
		other := w.make(t, "", "other "+id)
		_, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: other.NodeID, ParentID: &id})
		wantErr(t, err, objectv1.ErrParentNotFound)
		w.trash(t, other.NodeID)
	}
	files, err := w.ListFiles(t.Context(), objectv1.ListFilesRequest{Principal: w.who, Limit: 10})
	if err != nil || len(files.Files) != 0 {
		t.Fatalf("%+v, %v", files, err)
	}
	page, err := w.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: w.who, Bucket: objectv1.DriveBucket, MaxKeys: 10})
	if err != nil || len(page.Objects) != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	// Whoever comes by path makes something new.
	o := w.inDrive(t, "a/in/below", "new")
	if o.File.NodeID == below.NodeID {
		t.Fatal("a write went into the trash")
	}
	if n, err := w.restore(t, a.NodeID); err != nil || n.Path != "a (2)" || w.found(t, below.NodeID).Path != "a (2)/in/below" {
		t.Fatalf("%+v, %v", n, err)
	}
}

func drivePurged(t *testing.T, w drive) {
	a := w.make(t, "", "a")
	f := w.placed(t, a.NodeID, "f", "body")
	kept := w.placed(t, "", "kept", "body")
	for _, id := range []string{a.NodeID, f.NodeID, kept.NodeID} { // nothing lies there
		_, err := w.d.PurgeNode(t.Context(), w.node(id))
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
	w.trash(t, a.NodeID)
	if _, err := w.d.PurgeNode(t.Context(), w.node(a.NodeID)); err != nil {
		t.Fatal(err)
	}
	_, err := w.d.PurgeNode(t.Context(), w.node(a.NodeID))
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: w.who, NodeID: a.NodeID, Trash: true})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = w.restore(t, a.NodeID)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	w.trash(t, kept.NodeID)
	if _, err := w.d.PurgeNode(t.Context(), w.node(kept.NodeID)); err != nil {
		t.Fatal(err)
	}
	if used := w.used(t).Used; used != 0 {
		t.Fatalf("used %d", used)
	}
	want(t, "trash", w.inTrash(t), []string{})
}

func driveNames(t *testing.T, w drive) {
	d := w.make(t, "", "d")
	f := w.placed(t, "", "f", "1")
	for _, name := range []string{"", ".", "..", "a/b", "/", "a\x00", strings.Repeat("x", 256), strings.Repeat("ü", 128)} {
		_, err := w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, Name: name})
		wantErr(t, err, objectv1.ErrNodeName)
		_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, ParentID: d.NodeID, Name: name, Rename: true})
		wantErr(t, err, objectv1.ErrNodeName)
		for _, id := range []string{d.NodeID, f.NodeID} {
			_, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: id, Name: &name, Rename: true})
			wantErr(t, err, objectv1.ErrNodeName)
		}
	}
	for _, name := range []string{
		`"quoted" 'twice'`, "<img src=x onerror=alert(1)>", "&amp;", "a\nb", "a\r\nb", "a\tb", `a\b`, "...", " ", "-rf", "con", "%2e%2e", "\u202egpj", "🙂",
		strings.Repeat("x", 255), strings.Repeat("ü", 127), strings.Repeat("🙂", 63), "e\u0301", "\u00e9", "trash", "root", "a.", ".a", "(2)", "a (2)",
	} {
		n, err := w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, ParentID: d.NodeID, Name: name})
		if err != nil || n.Name != name || n.Path != "d/"+name || w.found(t, n.NodeID).Name != name {
			t.Fatalf("%q became %+v, %v", name, n, err)
		}
		c, err := w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, Name: &name})
		if err != nil || c.Name != name || c.Path != name {
			t.Fatalf("%q: %+v, %v", name, c, err)
		}
		if c, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, ParentID: &d.NodeID, Rename: true}); err != nil || c.Name == name || len(c.Name) > 255 {
			t.Fatalf("%q: %+v, %v", name, c, err)
		}
		if tr := w.trash(t, n.NodeID); tr.Name != name || tr.Trashed.Name != name {
			t.Fatalf("%q: %+v", name, tr)
		}
		if r, err := w.restore(t, n.NodeID); err != nil || r.Name != name {
			t.Fatalf("%q: %+v, %v", name, r, err)
		}
		if c, err = w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, ParentID: ptr("")}); err != nil {
			t.Fatalf("%q: %+v, %v", name, c, err)
		}
	}
}

// Of another account's nodes there is none, whatever is asked of them.
func driveTenants(t *testing.T, w drive) {
	a, f := w.make(t, "", "a"), w.placed(t, "", "f", "body")
	gone := w.placed(t, "", "gone", "body")
	w.trash(t, gone.NodeID)
	other := w
	other.who.AccountID += "-other"
	mine := other.make(t, "", "mine")
	file := other.placed(t, "", "file", "body")
	for _, n := range []objectv1.DriveNode{a, f, gone} {
		for _, r := range []objectv1.FindNodeRequest{{NodeID: n.NodeID, Trash: true}, {Number: n.Number, Folder: n.Folder}} {
			r.Principal = other.who
			if r.Number == 0 && r.NodeID == "" {
				continue
			}
			_, err := w.d.FindNode(t.Context(), r)
			wantErr(t, err, objectv1.ErrNodeNotFound)
		}
		_, err := other.change(t, objectv1.ChangeNodeRequest{NodeID: n.NodeID, Name: ptr("stolen"), ParentID: &mine.NodeID})
		wantErr(t, err, objectv1.ErrNodeNotFound)
		for _, do := range []func() error{
			func() error { _, err := w.d.TrashNode(t.Context(), other.drive(n)); return err },
			func() error { _, err := w.d.RestoreNode(t.Context(), other.drive(n)); return err },
			func() error { _, err := w.d.PurgeNode(t.Context(), other.drive(n)); return err },
			func() error {
				_, err := w.d.CopyFile(t.Context(), objectv1.CopyFileRequest{Principal: other.who, NodeID: n.NodeID, VersionID: objectv1.NewVersionID()})
				return err
			},
		} {
			wantErr(t, do(), objectv1.ErrNodeNotFound)
		}
	}
	_, err := w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: other.who, Short: f.Short})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: other.who, FolderID: a.NodeID, Limit: 1})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: other.who, ParentID: a.NodeID, Name: "x"})
	wantErr(t, err, objectv1.ErrParentNotFound)
	_, err = other.change(t, objectv1.ChangeNodeRequest{NodeID: file.NodeID, ParentID: &a.NodeID})
	wantErr(t, err, objectv1.ErrParentNotFound)
	_, err = w.d.CopyFile(t.Context(), objectv1.CopyFileRequest{Principal: other.who, NodeID: file.NodeID, FolderID: a.NodeID, VersionID: objectv1.NewVersionID()})
	wantErr(t, err, objectv1.ErrParentNotFound)
	_, err = other.tryFile(t, "x", "body", objectv1.FileOptions{FolderID: &a.NodeID}, objectv1.Conditions{})
	wantErr(t, err, objectv1.ErrParentNotFound)
	want(t, "the other's trash", other.inTrash(t), []string{})
	want(t, "the other's root", other.children(t, "", "", 10), []string{"file", "mine/"})
	want(t, "one's own root", w.children(t, "", "", 10), []string{"a/", "f"})
	want(t, "one's own folder", w.children(t, a.NodeID, "", 10), []string{})
	got, err := w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: other.who, Anybody: true, NodeID: f.NodeID})
	if err != nil || got.AccountID != w.who.AccountID {
		t.Fatalf("%+v, %v", got, err)
	}
	page, err := w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Anybody: true, FolderID: mine.NodeID, Limit: 1})
	if err != nil || len(page.Nodes) != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	_, err = w.d.FindNode(t.Context(), objectv1.FindNodeRequest{NodeID: f.NodeID})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Fatalf("nobody: %v", err)
	}
	// Guests' files are in no drive.
	guest := w.guests().file(t, "guest", "body", objectv1.FileOptions{ExpiresAt: ptr(time.Now().Add(time.Hour))})
	_, err = w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Anybody: true, NodeID: guest.File.NodeID})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	o, err := w.RegisterFile(t.Context(), objectv1.RegisterFileRequest{Principal: w.who, NodeID: guest.File.NodeID})
	if err != nil || o.File.Number == 0 || o.File.Short == "" || w.found(t, o.File.NodeID).Short != o.File.Short {
		t.Fatalf("%+v, %v", o.File, err)
	}
}

func (w drive) drive(n objectv1.DriveNode) objectv1.DriveNodeRequest { return w.node(n.NodeID) }

// An access key does by ids what it may do by paths.
func driveGrants(t *testing.T, w drive) {
	docs, other := w.make(t, "", "docs"), w.make(t, "", "other")
	f, g := w.placed(t, docs.NodeID, "f", "body"), w.placed(t, other.NodeID, "g", "body")
	key := w
	key.world = w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete}, Prefixes: []string{"docs/"}})
	denied := func(what string, err error) {
		t.Helper()
		if fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := key.find(t, f.NodeID); err != nil {
		t.Error(err)
	}
	if _, err := key.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, Name: ptr("f2")}); err != nil {
		t.Error(err)
	}
	if _, err := key.tryFile(t, "new", "body", objectv1.FileOptions{FolderID: &docs.NodeID}, objectv1.Conditions{}); err != nil {
		t.Error(err)
	}
	_, err := key.tryFile(t, "docs/new", "body", objectv1.FileOptions{FolderID: &other.NodeID}, objectv1.Conditions{})
	denied("placing", err)
	_, err = key.find(t, g.NodeID)
	denied("finding", err)
	_, err = key.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: key.who, Folder: true})
	denied("finding the root", err)
	_, err = key.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: key.who, FolderID: other.NodeID, Limit: 1})
	denied("listing", err)
	_, err = key.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: key.who, Limit: 1})
	denied("listing the root", err)
	_, err = key.d.ListTrash(t.Context(), objectv1.ListTrashRequest{Principal: key.who, Limit: 1})
	denied("listing the trash", err)
	_, err = key.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: key.who, Name: "x"})
	denied("making", err)
	_, err = key.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, ParentID: &other.NodeID})
	denied("moving out", err)
	_, err = key.change(t, objectv1.ChangeNodeRequest{NodeID: g.NodeID, ParentID: &docs.NodeID})
	denied("moving in", err)
	_, err = key.d.CopyFile(t.Context(), objectv1.CopyFileRequest{Principal: key.who, NodeID: g.NodeID, FolderID: docs.NodeID, VersionID: objectv1.NewVersionID()})
	denied("copying in", err)
	_, err = key.d.CopyFile(t.Context(), objectv1.CopyFileRequest{Principal: key.who, NodeID: f.NodeID, FolderID: other.NodeID, VersionID: objectv1.NewVersionID()})
	denied("copying out", err)
	_, err = key.d.TrashNode(t.Context(), key.node(g.NodeID))
	denied("trashing", err)
	w.trash(t, g.NodeID)
	_, err = key.d.RestoreNode(t.Context(), key.node(g.NodeID))
	denied("restoring", err)
	_, err = key.d.PurgeNode(t.Context(), key.node(g.NodeID))
	denied("purging", err)
	reader := w
	reader.world = w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}})
	if _, err := reader.find(t, f.NodeID); err != nil {
		t.Error(err)
	}
	_, err = reader.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, Keywords: ptr("x")})
	denied("describing", err)
}

func driveClosed(t *testing.T, w drive) {
	f := w.placed(t, "", "f", "body")
	w.trash(t, w.placed(t, "", "gone", "body").NodeID)
	if _, err := w.CloseAccount(t.Context(), objectv1.CloseAccountRequest{AccountID: w.who.AccountID}); err != nil {
		t.Fatal(err)
	}
	_, err := w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: w.who, Name: "x"})
	wantErr(t, err, objectv1.ErrAccountClosed)
	_, err = w.d.CopyFile(t.Context(), objectv1.CopyFileRequest{Principal: w.who, NodeID: f.NodeID, VersionID: objectv1.NewVersionID()})
	wantErr(t, err, objectv1.ErrAccountClosed)
}
