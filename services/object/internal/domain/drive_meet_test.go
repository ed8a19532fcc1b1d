package domain_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Two operations, at least one of them by ids, of which one is done whole in front
// of each write of the other: nothing is lost, and nothing hangs in the air.
func TestDriveNodes_Meetings(t *testing.T) {
	t.Parallel()
	oneByOne(t)
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
	folder := func(above, name string, rename bool) op {
		return func(e *env, at string) func(context.Context) error {
			r := objectv1.MakeSubfolderRequest{Principal: alice, ParentID: e.idOf(at + "/" + above), Name: name, Rename: rename}
			return func(ctx context.Context) error {
				_, err := e.MakeSubfolder(ctx, r)
				return err
			}
		}
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
		{"a folder goes, a folder comes by id", folder("d", "new", false), remove("d"), 0},
		{"a folder is thrown away, a folder comes by id", folder("d", "new", false), trash("d"), 5},
		{"a folder goes with those that come by id", remove("d"), folder("d", "new", true), 0},
		{"two folders of one name come", folder("d", "new", true), folder("d", "new", true), 5},
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
			ctx := meanwhile(t.Context(), n, func() {
				met = true
				second = other(t.Context())
			})
			first := long(ctx)
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
			if !met || lastMeeting(ctx, stride()) {
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
