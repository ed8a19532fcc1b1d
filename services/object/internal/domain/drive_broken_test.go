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
	oneByOne(t)
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
