package domain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func ptr[T any](v T) *T { return &v }

// idOf is the id of what is at a path of alice's.
func (e *env) idOf(path string) string {
	e.t.Helper()
	n, err := e.node(path)
	if err != nil {
		e.t.Fatalf("looking for %q: %v", path, err)
	}
	return n.NodeID
}

func (e *env) changeNode(ctx context.Context, r objectv1.ChangeNodeRequest) (objectv1.DriveNode, error) {
	r.Principal = alice
	return e.ChangeNode(ctx, r)
}

func (e *env) trashID(ctx context.Context, id string) error {
	_, err := e.TrashNode(ctx, objectv1.DriveNodeRequest{Principal: alice, NodeID: id})
	return err
}

func (e *env) restoreID(ctx context.Context, id string) error {
	_, err := e.RestoreNode(ctx, objectv1.DriveNodeRequest{Principal: alice, NodeID: id})
	return err
}

func (e *env) purgeID(ctx context.Context, id string) error {
	_, err := e.PurgeNode(ctx, objectv1.DriveNodeRequest{Principal: alice, NodeID: id})
	return err
}

// placing begins a write into a folder that is named by its id, and gives its end.
func (e *env) placing(folder, name string, conflict objectv1.Conflict) func(ctx context.Context) error {
	e.t.Helper()
	o := objectv1.FileOptions{FolderID: &folder, Conflict: conflict}
	ticket, err := e.fileTicket(name, "plain", o)
	if err != nil {
		e.t.Fatal(err)
	}
	r := e.fileCommit(name, "plain", ticket, o)
	return func(ctx context.Context) error {
		_, err := e.CommitPut(ctx, r)
		if fault.KindOf(err) == fault.Unavailable { // what a dead attempt left was of no use
			e.advance(time.Minute)
			if r.Ticket, err = e.fileTicket(name, "plain", o); err == nil {
				_, err = e.CommitPut(ctx, r)
			}
		}
		return err
	}
}

// copying copies a file into a folder, again and again under one version.
func (e *env) copying(id, folder string) func(ctx context.Context) error {
	r := objectv1.CopyFileRequest{Principal: alice, NodeID: id, FolderID: folder, VersionID: e.copyOf("", "", "", "").VersionID}
	return func(ctx context.Context) error {
		_, err := e.CopyFile(ctx, r)
		if fault.KindOf(err) == fault.Unavailable {
			e.advance(time.Minute)
			r.VersionID = e.copyOf("", "", "", "").VersionID
			_, err = e.CopyFile(ctx, r)
		}
		return err
	}
}

// nodeOp is an operation by ids in a folder like that of folderOp: it is done, or
// it is not.
type nodeOp struct {
	name  string
	begin func(e *env, at string) func(ctx context.Context) error
	done  error // what a repeat may say
	gone  []string
	come  []string // of which a repeat may give the next name
	start []string // of what is gone at the start already
}

func nodeOps() []nodeOp {
	x := []string{"x/", "x/1", "x/s/", "x/s/3"}
	change := func(from string, r func(e *env, at string) objectv1.ChangeNodeRequest) func(*env, string) func(context.Context) error {
		return func(e *env, at string) func(context.Context) error {
			q := r(e, at)
			q.NodeID = e.idOf(at + "/" + from)
			return func(ctx context.Context) error {
				_, err := e.changeNode(ctx, q)
				return err
			}
		}
	}
	trashed := func(path string, do func(e *env, ctx context.Context, id string) error) func(*env, string) func(context.Context) error {
		return func(e *env, at string) func(context.Context) error {
			id := e.idOf(at + "/" + path)
			if err := e.trashID(e.t.Context(), id); err != nil {
				e.t.Fatal(err)
			}
			return func(ctx context.Context) error { return do(e, ctx, id) }
		}
	}
	plain := func(path string, do func(e *env, ctx context.Context, id string) error) func(*env, string) func(context.Context) error {
		return func(e *env, at string) func(context.Context) error {
			id := e.idOf(at + "/" + path)
			return func(ctx context.Context) error { return do(e, ctx, id) }
		}
	}
	into := func(name, folder string) func(*env, string) objectv1.ChangeNodeRequest {
		return func(e *env, at string) objectv1.ChangeNodeRequest {
			return objectv1.ChangeNodeRequest{Name: &name, ParentID: ptr(e.idOf(at + "/" + folder)), Rename: true}
		}
	}
	return []nodeOp{
		{name: "trash a file", begin: plain("f", (*env).trashID), gone: []string{"f"}},
		{name: "trash a folder", begin: plain("x", (*env).trashID), gone: x},
		{name: "restore a file", begin: trashed("f", (*env).restoreID), done: objectv1.ErrNodeNotFound, start: []string{"f"}},
		{name: "restore a folder", begin: trashed("x", (*env).restoreID), done: objectv1.ErrNodeNotFound, start: x},
		{name: "purge a file", begin: trashed("f", (*env).purgeID), done: objectv1.ErrNodeNotFound, start: []string{"f"}, gone: []string{"f"}},
		{name: "purge a folder", begin: trashed("x", (*env).purgeID), done: objectv1.ErrNodeNotFound, start: x, gone: x},
		{name: "change a file", begin: change("f", into("h", "d")), gone: []string{"f"}, come: []string{"d/h"}},
		{name: "change a file to a name that is taken", begin: change("f", into("4", "y")), gone: []string{"f"}, come: []string{"y/4 (2)"}},
		{name: "change a folder", begin: change("x", into("z", "d")), gone: x, come: []string{"d/z/", "d/z/1", "d/z/s/", "d/z/s/3"}},
		{name: "describe a file", begin: change("f", func(*env, string) objectv1.ChangeNodeRequest {
			return objectv1.ChangeNodeRequest{Keywords: ptr("words"), ContentType: ptr("image/png")}
		})},
		{name: "copy a file", begin: func(e *env, at string) func(context.Context) error {
			return e.copying(e.idOf(at+"/f"), e.idOf(at+"/d"))
		}, come: []string{"d/f"}},
		{name: "place a file", begin: func(e *env, at string) func(context.Context) error {
			return e.placing(e.idOf(at+"/d"), "new", objectv1.ConflictRename)
		}, come: []string{"d/new"}},
		{name: "place a file over another", begin: func(e *env, at string) func(context.Context) error {
			return e.placing(e.idOf(at+"/x"), "1", objectv1.ConflictReplace)
		}},
		{name: "make a folder", begin: func(e *env, at string) func(context.Context) error {
			id := e.idOf(at + "/d")
			return func(ctx context.Context) error {
				_, err := e.MakeSubfolder(ctx, objectv1.MakeSubfolderRequest{Principal: alice, ParentID: id, Name: "new"})
				return err
			}
		}, done: objectv1.ErrNodeExists, come: []string{"d/new/"}},
	}
}

// numberless takes the numbers of names that were taken away.
func numberless(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = strings.Replace(p, " (2)", "", 1)
	}
	slices.Sort(out)
	return out
}

// An operation by ids dies at each of its writes: what is found then is what was
// before or behind it, and it comes to an end when it is repeated or swept.
func TestDriveNodes_BrokenOff(t *testing.T) {
	t.Parallel()
	e, ids := newNodesEnv(t)
	for i, op := range nodeOps() {
		for k := i % stride(); ; k += stride() {
			n, after, sweep := 1+k/2, k%2 == 1, (k/2+i)%2 == 0
			at := fmt.Sprintf("op%d-%d", i, k)
			e.base(at)
			do := op.begin(e, at)
			ctx, _ := crashAt(t.Context(), n, after)
			died := do(ctx)
			if died != nil && !errors.Is(died, errCrash) {
				t.Fatalf("%s: %v", op.name, died)
			}
			if sweep {
				e.advance(2 * time.Minute)
				if err := e.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			before, behind := pathsAfter(op.start, nil), pathsAfter(op.gone, op.come)
			if got := numberless(e.inFolder(at)); !slices.Equal(got, numberless(before)) && !slices.Equal(got, numberless(behind)) {
				t.Fatalf("%s died at write %d, after it: %t, swept: %t; there are %q", op.name, n, after, sweep, got)
			}
			if err := do(t.Context()); err != nil && !errors.Is(err, op.done) {
				t.Fatalf("%s died at write %d, after it: %t, swept: %t; the repeat: %v", op.name, n, after, sweep, err)
			}
			if got := numberless(e.inFolder(at)); !slices.Equal(got, numberless(behind)) {
				t.Fatalf("%s died at write %d, after it: %t, swept: %t; behind the repeat are %q, want %q", op.name, n, after, sweep, got, behind)
			}
			if died == nil {
				break
			}
			if k > 120 {
				t.Fatalf("%s never comes through", op.name)
			}
		}
	}
	e.settle()
	e.checkReached(ids)
}

// Two operations, at least one of them by ids, of which one is done whole in front
// of each write of the other: nothing is lost, and nothing hangs in the air.
func TestDriveNodes_Meetings(t *testing.T) {
	t.Parallel()
	type op func(e *env, at string) func(ctx context.Context) error
	byID := func(path string, do func(e *env, ctx context.Context, id string) error) op {
		return func(e *env, at string) func(context.Context) error {
			id := e.idOf(at + "/" + path)
			return func(ctx context.Context) error { return do(e, ctx, id) }
		}
	}
	trash := func(path string) op { return byID(path, (*env).trashID) }
	trashed := func(path string, do func(e *env, ctx context.Context, id string) error) op {
		return func(e *env, at string) func(context.Context) error {
			id := e.idOf(at + "/" + path)
			if err := e.trashID(e.t.Context(), id); err != nil {
				e.t.Fatal(err)
			}
			return func(ctx context.Context) error { return do(e, ctx, id) }
		}
	}
	restore := func(path string) op { return trashed(path, (*env).restoreID) }
	purge := func(path string) op {
		return func(e *env, at string) func(context.Context) error {
			page, err := e.ListTrash(e.t.Context(), objectv1.ListTrashRequest{Principal: alice, Limit: 1})
			if err != nil || len(page.Nodes) != 1 || page.Nodes[0].Name != path {
				e.t.Fatalf("%+v, %v", page, err)
			}
			return func(ctx context.Context) error { return e.purgeID(ctx, page.Nodes[0].NodeID) }
		}
	}
	change := func(from, folder, name string, rename bool) op {
		return func(e *env, at string) func(context.Context) error {
			r := objectv1.ChangeNodeRequest{NodeID: e.idOf(at + "/" + from), ParentID: ptr(e.idOf(at + "/" + folder)), Name: &name, Rename: rename}
			return func(ctx context.Context) error {
				_, err := e.changeNode(ctx, r)
				return err
			}
		}
	}
	copied := func(from, folder string) op {
		return func(e *env, at string) func(context.Context) error {
			return e.copying(e.idOf(at+"/"+from), e.idOf(at+"/"+folder))
		}
	}
	place := func(folder, name string, c objectv1.Conflict) op {
		return func(e *env, at string) func(context.Context) error { return e.placing(e.idOf(at+"/"+folder), name, c) }
	}
	remove := func(path string) op {
		return func(e *env, at string) func(context.Context) error {
			return func(ctx context.Context) error { return e.removePath(ctx, at+"/"+path) }
		}
	}
	put := func(path string) op {
		return func(e *env, at string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := e.tryFile(ctx, at+"/"+path, "body")
				return err
			}
		}
	}
	e, ids := newNodesEnv(t)
	for i, m := range []struct {
		name        string
		long, other op
		files       int // that are there in the end, in the tree or in the trash; 0: it depends
	}{
		{"a folder is thrown away, a file comes by id", place("d", "new", objectv1.ConflictRename), trash("d"), 0},
		{"a folder goes, a file comes by id", place("d", "new", objectv1.ConflictRename), remove("d"), 0},
		{"a folder goes, a file is placed over one", place("x", "1", objectv1.ConflictReplace), remove("x"), 0},
		{"a folder moves, a file comes by id", place("d", "new", objectv1.ConflictReplace), change("d", "y", "d", false), 6},
		{"a file is thrown away and written", put("f"), trash("f"), 0},
		{"a file is written and thrown away", trash("f"), put("f"), 0},
		{"a folder is thrown away and moves", trash("x"), change("x", "y", "x", false), 5},
		{"a folder moves and is thrown away", change("x", "y", "x", false), trash("x"), 5},
		{"a folder moves into one that is thrown away", change("x", "y", "x", false), trash("y"), 5},
		{"a folder moves into one that goes", change("x", "d", "x", false), remove("d"), 0},
		{"a file moves into one that goes", change("f", "d", "f", false), remove("d"), 0},
		{"a file moves out of one that is thrown away", change("x/s/3", "d", "saved", false), trash("x"), 5},
		{"a folder is thrown away twice", trash("x"), trash("x"), 5},
		{"a folder is thrown away and goes", trash("x"), remove("x"), 0},
		{"a folder goes and is thrown away", remove("x"), trash("x"), 0},
		{"a file goes and is thrown away", remove("f"), trash("f"), 0},
		{"a folder comes back, its name is taken", restore("x"), put("x"), 6},
		{"a file comes back, its name is taken", restore("f"), put("f"), 6},
		{"a folder comes back into one that goes", restore("x/s"), remove("x"), 0},
		{"a file comes back into one that goes", restore("x/1"), remove("x"), 0},
		{"a file comes back into one that is thrown away", restore("x/1"), trash("x"), 5},
		{"a folder comes back and is purged", restore("x"), purge("x"), 0},
		{"a file comes back and is purged", restore("f"), purge("f"), 0},
		{"two folders into each other", change("x", "y", "x", false), change("y", "x", "y", false), 5},
		{"one into another that comes back", restore("x"), change("y", "d", "y", true), 5},
		{"two to one name", change("f", "d", "h", false), change("g", "d", "h", false), 5},
		{"two to one name, with the next", change("x", "d", "h", true), change("y", "d", "h", true), 5},
		{"a copy, and its source goes", copied("f", "d"), remove("f"), 0},
		{"a copy, and its source is thrown away", copied("f", "d"), trash("f"), 0},
		{"a copy, and its folder goes", copied("f", "d"), remove("d"), 0},
		{"a copy, and its folder moves", copied("f", "d"), change("d", "y", "d", false), 6},
	} {
		for n := 1; ; n += stride() {
			at := fmt.Sprintf("m%d-%d", i, n)
			e.base(at)
			long := m.long(e, at)
			other := m.other(e, at)
			met := false
			var second error
			first := long(meanwhile(t.Context(), n, func() {
				met = true
				second = other(t.Context())
			}))
			for who, err := range map[string]error{"the long one": first, "the other": second} {
				switch fault.KindOf(err) {
				case "", fault.NotFound, fault.Conflict, fault.Unavailable:
				default:
					t.Fatalf("%s, at write %d: %s says %v", m.name, n, who, err)
				}
			}
			if got := e.standing(at); m.files != 0 && first == nil && met && second == nil && got != m.files {
				t.Fatalf("%s, at write %d: there are %d files, want %d", m.name, n, got, m.files)
			}
			e.clear(at)
			if !met {
				break
			}
		}
	}
	e.settle()
	e.checkReached(ids)
}

// standing counts the files that are in the drive, and in the trash.
func (e *env) standing(at string) int {
	e.t.Helper()
	files := 0
	count := func(paths []string) {
		for _, p := range paths {
			if !strings.HasSuffix(p, "/") {
				files++
			}
		}
	}
	count(e.tree(at))
	page, err := e.st.Nodes.Children(e.t.Context(), "alice", "trash", "", 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, n := range page {
		if !n.Folder {
			files++
			continue
		}
		files += e.filesIn(n.ID)
	}
	return files
}

func (e *env) filesIn(folder string) int {
	e.t.Helper()
	page, err := e.st.Nodes.Children(e.t.Context(), "alice", folder, "", 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	files := 0
	for _, n := range page {
		if n.Folder {
			files += e.filesIn(n.ID)
		} else {
			files++
		}
	}
	return files
}

// clear removes a folder and all that lies in the trash.
func (e *env) clear(at string) {
	e.t.Helper()
	if err := e.removePath(e.t.Context(), at); err != nil {
		e.t.Fatal(err)
	}
	page, err := e.ListTrash(e.t.Context(), objectv1.ListTrashRequest{Principal: alice, Limit: 1000})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, n := range page.Nodes {
		if err := e.purgeID(e.t.Context(), n.NodeID); err != nil {
			e.t.Fatal(err)
		}
	}
}

// Who carries a move out late, which others found refused, meets another revision:
// otherwise two folders could come into each other.
func TestDriveNodes_LateVerdict(t *testing.T) {
	t.Parallel()
	e, ids := newNodesEnv(t)
	e.base("at")
	x, y, d := e.idOf("at/x"), e.idOf("at/y"), e.idOf("at/d")
	into := func(ctx context.Context, id, folder string) error {
		_, err := e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: id, ParentID: &folder})
		return err
	}
	met := false
	err := into(meanwhile(t.Context(), 2, func() { // the note stands
		met = true
		e.touch("at/y/x")
		if err := into(t.Context(), d, x); err != nil { // ends the move, which the file is in the way of
			t.Error(err)
		}
		if err := e.removePath(t.Context(), "at/y/x"); err != nil {
			t.Error(err)
		}
		if err := into(t.Context(), y, x); err != nil {
			t.Error(err)
		}
	}), x, y)
	if !met {
		t.Fatal("nobody came between")
	}
	wantErr(t, err, objectv1.ErrNodeCycle)
	want := []string{"f", "g", "x/", "x/1", "x/d/", "x/s/", "x/s/3", "x/y/", "x/y/4"}
	if got := e.inFolder("at"); !slices.Equal(got, want) {
		t.Fatalf("there are %q", got)
	}
	e.settle()
	e.checkReached(ids)
}
