package domain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// tryFile writes a file of alice's, with the folders of its path.
func (e *env) tryFile(ctx context.Context, path, body string) (objectv1.Object, error) {
	file := &objectv1.FileOptions{Parents: true}
	ticket, err := e.BeginPut(ctx, objectv1.BeginPutRequest{Principal: alice, Bucket: drive, Key: path, Size: int64(len(body)), File: file})
	if err != nil {
		return objectv1.Object{}, err
	}
	r := commitOf(alice, drive, path, body, ticket)
	r.File = file
	return e.CommitPut(ctx, r)
}

func (e *env) touch(path string) objectv1.Object {
	e.t.Helper()
	o, err := e.tryFile(e.t.Context(), path, "body of "+path)
	if err != nil {
		e.t.Fatalf("writing %q: %v", path, err)
	}
	return o
}

func (e *env) tryFolder(path string, parents bool) (objectv1.Node, error) {
	return e.MakeFolder(e.t.Context(), objectv1.MakeFolderRequest{Principal: alice, Path: path, Parents: parents})
}

func (e *env) folder(path string) objectv1.Node {
	e.t.Helper()
	n, err := e.tryFolder(path, true)
	if err != nil {
		e.t.Fatalf("making %q: %v", path, err)
	}
	return n
}

func (e *env) node(path string) (objectv1.Node, error) {
	return e.StatNode(e.t.Context(), objectv1.NodeRequest{Principal: alice, Path: path})
}

func (e *env) move(ctx context.Context, from, to string, replace bool) (objectv1.Node, error) {
	return e.MoveNode(ctx, objectv1.MoveNodeRequest{Principal: alice, From: from, To: to, Replace: replace})
}

func (e *env) removePath(ctx context.Context, path string) error {
	_, err := e.RemoveNode(ctx, objectv1.RemoveNodeRequest{Principal: alice, Path: path})
	return err
}

// tree gives all paths under a folder, those of folders with a '/', page by page.
func (e *env) tree(path string) []string {
	e.t.Helper()
	var out []string
	r := objectv1.ListFolderRequest{Principal: alice, Path: path, Limit: 3}
	for {
		p, err := e.ListFolder(e.t.Context(), r)
		if err != nil {
			e.t.Fatalf("listing %q: %v", path, err)
		}
		for _, n := range p.Nodes {
			if !n.Folder {
				out = append(out, n.Path)
				continue
			}
			out = append(append(out, n.Path+"/"), e.tree(n.Path)...)
		}
		if r.After = p.Next; r.After == "" {
			return out
		}
	}
}

func (e *env) wantTree(want ...string) {
	e.t.Helper()
	if got := e.tree(""); !slices.Equal(got, want) {
		e.t.Fatalf("the drive holds %q, want %q", got, want)
	}
	var files []string
	for _, path := range want {
		if !strings.HasSuffix(path, "/") {
			files = append(files, path)
		}
	}
	if got := e.keys(drive); !slices.Equal(got, files) {
		e.t.Fatalf("the bucket lists %q, want %q", got, files)
	}
}

func TestFolders_MakeListStat(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	root, err := e.node("")
	if err != nil || !root.Folder || root.NodeID != "" || root.Path != "" || root.CreatedAt.IsZero() {
		t.Fatalf("root %+v, %v", root, err)
	}
	e.wantTree()
	_, err = e.tryFolder("a/b", false)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	b := e.folder("a/b")
	if b.Path != "a/b" || b.Name != "b" || !b.Folder || b.NodeID == "" || b.ModTime.IsZero() {
		t.Fatalf("folder %+v", b)
	}
	for _, parents := range []bool{false, true} {
		_, err = e.tryFolder("a/b", parents)
		wantErr(t, err, objectv1.ErrNodeExists)
	}
	o := e.touch("a/b/f.txt")
	_, err = e.tryFolder("a/b/f.txt", true)
	wantErr(t, err, objectv1.ErrNodeExists)
	_, err = e.tryFolder("a/b/f.txt/c", true)
	wantErr(t, err, objectv1.ErrNotAFolder)
	for _, path := range []string{"a/b/f.txt/c", "a/x", "x/y/z"} {
		_, err = e.node(path)
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
	n, err := e.node("a/b/f.txt")
	if err != nil || n.Folder || n.NodeID != o.File.NodeID || n.Object.ETag != o.ETag || n.Object.Manifest.Size != o.Size || n.Object.Key != "a/b/f.txt" {
		t.Fatalf("file %+v, %v", n, err)
	}
	_, err = e.ListFolder(t.Context(), objectv1.ListFolderRequest{Principal: alice, Path: "a/b/f.txt", Limit: 1})
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = e.ListFolder(t.Context(), objectv1.ListFolderRequest{Principal: alice, Path: "a/c", Limit: 1})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	for _, path := range []string{"a.b", "a-b", "a0", "ü"} {
		e.touch(path)
	}
	e.wantTree("a-b", "a.b", "a/", "a/b/", "a/b/f.txt", "a0", "ü")
	page, err := e.ListFolder(t.Context(), objectv1.ListFolderRequest{Principal: alice, Path: "a/b", Limit: 10})
	if err != nil || len(page.Nodes) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	got := page.Nodes[0].Object
	if got == nil || got.Metadata.ContentType != "text/plain" || len(got.Digests) != 2 || got.Size != o.Size || len(got.Manifest.Segments) != 0 ||
		got.Manifest.Size != 0 || !page.Nodes[0].ModTime.Equal(got.CreatedAt) {
		t.Fatalf("listed %+v", page.Nodes[0])
	}
}

func TestFolders_HostileRequests(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	deep := strings.TrimSuffix(strings.Repeat("d/", 101), "/")
	for _, path := range []string{
		"/", "a/", "/a", "a//b", ".", "..", "a/../b", "a\x00", "\xff", strings.Repeat("x", 256), "a/" + strings.Repeat("ü", 128),
		deep, strings.Repeat("abc/", 256) + "x",
	} {
		_, err := e.tryFolder(path, true)
		wantErr(t, err, objectv1.ErrInvalidKey)
		_, err = e.node(path)
		wantErr(t, err, objectv1.ErrInvalidKey)
		wantErr(t, e.removePath(t.Context(), path), objectv1.ErrInvalidKey)
		_, err = e.move(t.Context(), path, "x", false)
		wantErr(t, err, objectv1.ErrInvalidKey)
		_, err = e.move(t.Context(), "x", path, false)
		wantErr(t, err, objectv1.ErrInvalidKey)
		_, err = e.ListFolder(t.Context(), objectv1.ListFolderRequest{Principal: alice, Path: path, Limit: 1})
		wantErr(t, err, objectv1.ErrInvalidKey)
	}
	wantErr(t, e.removePath(t.Context(), ""), objectv1.ErrInvalidKey)
	_, err := e.tryFolder("", true)
	wantErr(t, err, objectv1.ErrInvalidKey)
	for _, r := range []objectv1.ListFolderRequest{{Limit: 0}, {Limit: 1001}, {Limit: 1, After: "\xff"}, {Limit: 1, After: "a\x00"}, {Limit: 1, After: strings.Repeat("x", 257)}} {
		r.Principal = alice
		if _, err := e.ListFolder(t.Context(), r); fault.KindOf(err) != fault.Invalid {
			t.Errorf("listing %+v: %v", r, err)
		}
	}
	for _, id := range []string{"", "x", domain.Root, strings.Repeat("a", 26), "\x00", strings.Repeat("ü", 3000)} {
		_, err := e.RemoveNode(t.Context(), objectv1.RemoveNodeRequest{Principal: alice, NodeID: id})
		if k := fault.KindOf(err); k != fault.NotFound && k != fault.Invalid {
			t.Errorf("removing node %.40q: %v", id, err)
		}
	}
	// What is awkward, but allowed.
	for _, name := range []string{
		strings.Repeat("x", 255), strings.Repeat("ü", 127), "...", " ", "-rf", "con", "a\nb", "a\tb", `a\b`, "<script>", "%2e%2e", "\u202egpj", "🙂",
		"a (2)", "\u00e9", "e\u0301",
	} {
		e.folder(name)
		e.touch(name + "/" + name)
	}
}

func TestFolders_Deep(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	e := newEnv(t, envOptions{})
	path := strings.TrimSuffix(strings.Repeat("d/", 100), "/")
	e.folder(path[:len(path)-2])
	file := e.touch(path)
	if got := e.keys(drive); !slices.Equal(got, []string{path}) {
		t.Fatalf("listed %q", got)
	}
	if n, err := e.node(path); err != nil || n.Path != path {
		t.Fatalf("%+v, %v", n, err)
	}
	e.folder("x")
	_, err := e.move(t.Context(), "x", path[:len(path)-2]+"/y", false)
	if err != nil {
		t.Fatal(err)
	}
	// A folder that moves takes along what then is too deep to be made there.
	e.folder("e/e/e")
	if _, err := e.move(t.Context(), "d", "e/e/e/d", false); err != nil {
		t.Fatal(err)
	}
	if got := e.keys(drive); !slices.Equal(got, []string{"e/e/e/" + path}) {
		t.Fatalf("listed %q", got)
	}
	if o, err := e.statFile(file.File.NodeID); err != nil || o.Key != "e/e/e/"+path {
		t.Fatalf("%q, %v", o.Key, err)
	}
	_, err = e.node("e/e/e/" + path)
	wantErr(t, err, objectv1.ErrInvalidKey)
	if err := e.removePath(t.Context(), "e"); err != nil {
		t.Fatal(err)
	}
	e.wantTree()
	e.settle()
	e.wantUsage(0, 0)
}

func TestMove(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	o := e.touch("a/b/f")
	e.folder("c")
	moves := func(from, to string, replace bool) objectv1.Node {
		t.Helper()
		n, err := e.move(t.Context(), from, to, replace)
		if err != nil {
			t.Fatalf("%q to %q: %v", from, to, err)
		}
		if n.Path != to {
			t.Fatalf("moved to %+v", n)
		}
		return n
	}
	refuses := func(from, to string, replace bool, want error) {
		t.Helper()
		_, err := e.move(t.Context(), from, to, replace)
		wantErr(t, err, want)
	}
	if n := moves("a/b/f", "c/g", false); n.NodeID != o.File.NodeID || n.Object.VersionID != o.VersionID || n.Object.Manifest.Size != o.Size {
		t.Fatalf("%+v", n)
	}
	moves("c/g", "c/G", false) // only the case
	moves("c/G", "c/G", false) // onto itself
	moves("c", "a/b/c", false)
	moves("a/b/c", "a/b/c", true)
	e.wantTree("a/", "a/b/", "a/b/c/", "a/b/c/G")
	for _, replace := range []bool{false, true} {
		refuses("a", "a/b/x", replace, objectv1.ErrNodeCycle)
		refuses("a", "a/b", replace, objectv1.ErrNodeCycle)
		refuses("a/b/none", "x", replace, objectv1.ErrNodeNotFound)
		refuses("a/b/c/G/x", "x", replace, objectv1.ErrNodeNotFound)
		refuses("a/b/c/G", "none/x", replace, objectv1.ErrNodeNotFound)
		refuses("a/b", "a/b/c/G/x", replace, objectv1.ErrNotAFolder)
	}
	refuses("a/b", "a", true, objectv1.ErrNodeCycle)
	refuses("a/b", "a", false, objectv1.ErrNodeExists)
	e.touch("f")
	e.touch("d/x/y")
	refuses("f", "d", false, objectv1.ErrNodeExists)
	refuses("d", "f", false, objectv1.ErrNodeExists)
	e.wantTree("a/", "a/b/", "a/b/c/", "a/b/c/G", "d/", "d/x/", "d/x/y", "f")
	moves("f", "d/x/y", true)
	moves("d/x/y", "a/b", true)
	e.wantTree("a/", "a/b", "d/", "d/x/")
	moves("d", "a/b", true)
	e.wantTree("a/", "a/b/", "a/b/x/")
	e.settle()
	e.wantUsage(0, 0)
}

func TestRemove(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for i := range 5 {
		for j := range 4 {
			e.touch(fmt.Sprintf("a/d%d/f%d", i, j))
		}
	}
	o := e.touch("b")
	empty := e.folder("e/e/e")
	wantErr(t, e.removePath(t.Context(), "a/none"), objectv1.ErrNodeNotFound)
	wantErr(t, e.removePath(t.Context(), "b/none"), objectv1.ErrNodeNotFound)
	if err := e.removePath(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, e.removePath(t.Context(), "a"), objectv1.ErrNodeNotFound)
	e.wantTree("b", "e/", "e/e/", "e/e/e/")
	for _, id := range []string{o.File.NodeID, empty.NodeID} {
		r := objectv1.RemoveNodeRequest{Principal: owner("bob"), NodeID: id}
		_, err := e.RemoveNode(t.Context(), r)
		wantErr(t, err, objectv1.ErrNodeNotFound)
		r.Principal = alice
		if _, err := e.RemoveNode(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		_, err = e.RemoveNode(t.Context(), r)
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
	e.wantTree("e/", "e/e/")
	e.settle()
	e.wantUsage(0, 0)
	if n := e.contents(); n != 0 {
		t.Fatalf("%d contents are left", n)
	}
	if got := e.created("a/d0/f0"); len(got) != 1 {
		t.Errorf("events %+v", got)
	}
}

func TestDrive_Grants(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.touch("docs/a")
	e.touch("other/a")
	key := alice
	key.KeyID = "LWAKAAAAAAAAAAAAAAAA"
	key.Grant = authv1.Grant{
		Scopes: []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete, authv1.ScopeAdmin}, Buckets: []string{drive}, Prefixes: []string{"docs/"},
	}
	ctx := t.Context()
	denied := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, objectv1.ErrAccessDenied) {
			t.Errorf("%s: %v", what, err)
		}
	}
	allowed := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := e.StatNode(ctx, objectv1.NodeRequest{Principal: key, Path: "docs/a"})
	allowed("stat", err)
	_, err = e.StatNode(ctx, objectv1.NodeRequest{Principal: key, Path: "other/a"})
	denied("stat", err)
	_, err = e.ListFolder(ctx, objectv1.ListFolderRequest{Principal: key, Path: "docs", Limit: 1})
	allowed("list", err)
	_, err = e.ListFolder(ctx, objectv1.ListFolderRequest{Principal: key, Limit: 1})
	denied("list", err)
	_, err = e.MakeFolder(ctx, objectv1.MakeFolderRequest{Principal: key, Path: "docs/b"})
	allowed("make", err)
	_, err = e.MakeFolder(ctx, objectv1.MakeFolderRequest{Principal: key, Path: "b"})
	denied("make", err)
	_, err = e.MoveNode(ctx, objectv1.MoveNodeRequest{Principal: key, From: "docs/a", To: "a"})
	denied("move out", err)
	_, err = e.MoveNode(ctx, objectv1.MoveNodeRequest{Principal: key, From: "other/a", To: "docs/c"})
	denied("move in", err)
	_, err = e.MoveNode(ctx, objectv1.MoveNodeRequest{Principal: key, From: "docs", To: "docs/c"})
	denied("move the folder", err)
	n, err := e.MoveNode(ctx, objectv1.MoveNodeRequest{Principal: key, From: "docs/a", To: "docs/c"})
	allowed("move", err)
	_, err = e.RemoveNode(ctx, objectv1.RemoveNodeRequest{Principal: key, NodeID: n.NodeID})
	allowed("remove by id", err)
	other, err := e.node("other/a")
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.RemoveNode(ctx, objectv1.RemoveNodeRequest{Principal: key, NodeID: other.NodeID})
	denied("remove by id", err)
	_, err = e.StatNode(ctx, objectv1.NodeRequest{})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("nobody: %v", err)
	}
	_, err = e.RemoveNode(ctx, objectv1.RemoveNodeRequest{NodeID: n.NodeID})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("nobody: %v", err)
	}
}
