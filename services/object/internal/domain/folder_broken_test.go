package domain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// knownNodes remembers which nodes there ever were.
type knownNodes struct {
	domain.Nodes
	ids *sync.Map
}

func (k knownNodes) Insert(ctx context.Context, n domain.Node) error {
	k.ids.Store(n.ID, true)
	return k.Nodes.Insert(ctx, n)
}

// newNodesEnv is an env whose operations can die, with the ids of all nodes.
func newNodesEnv(t testing.TB) (*env, *sync.Map) {
	ids := new(sync.Map)
	return newEnv(t, envOptions{idle: true, hasty: true, wrap: func(st domain.Store) domain.Store {
		st.Nodes = knownNodes{st.Nodes, ids}
		return crashing(st)
	}}), ids
}

// checkReached wants every node that stands to be in the tree, and nothing to be
// left to do for it.
func (e *env) checkReached(ids *sync.Map) {
	e.t.Helper()
	ids.Range(func(id, _ any) bool {
		n, _, err := e.st.Nodes.Get(e.t.Context(), id.(string))
		if errors.Is(err, domain.ErrNoDocument) {
			return true
		}
		until := time.Time{}
		if n.Trashed != nil {
			until = n.Trashed.PurgeAt
		}
		if err != nil || n.State != "" || !n.SweepAt.Equal(until) || (n.Trashed != nil) != (n.Parent == domain.Trash) {
			e.t.Errorf("node %+v, %v", n, err)
		}
		for up, depth := n, 0; up.Parent != domain.Root && up.Parent != domain.Trash; depth++ {
			if up, _, err = e.st.Nodes.Get(e.t.Context(), up.Parent); err != nil || depth > 100 {
				e.t.Errorf("node %+v is not reached: %v", n, err)
				break
			}
		}
		return true
	})
	e.checkDrive("alice")
	if m, _, err := e.st.Nodes.Moving(e.t.Context(), "alice"); err != nil || m != nil && !e.overtaken(*m) {
		e.t.Errorf("a move is left: %+v, %v", m, err)
	}
}

// overtaken reports whether the note of a move stands for nothing any more.
func (e *env) overtaken(m domain.Move) bool {
	_, rev, err := e.st.Nodes.Get(e.t.Context(), m.Node)
	return errors.Is(err, domain.ErrNoDocument) || err == nil && rev != m.Rev
}

// folderOp is an operation in a folder that has a file f, a file g, folders x with
// files and y, and an empty one d.
type folderOp struct {
	name   string
	run    func(ctx context.Context, e *env, at string) error
	done   error    // what a repeat may say
	gone   []string // of what was there
	come   []string
	middle [][2][]string // gone and come in between, as far as that is not nothing
}

var folderBase = []string{"d/", "f", "g", "x/", "x/1", "x/s/", "x/s/3", "y/", "y/4"}

func (e *env) base(at string) {
	e.t.Helper()
	for _, path := range folderBase {
		if dir, ok := strings.CutSuffix(path, "/"); ok {
			e.folder(at + "/" + dir)
		} else {
			e.touch(at + "/" + path)
		}
	}
}

func moveOp(name, from, to string, replace bool) folderOp {
	return folderOp{name: name, done: objectv1.ErrNodeNotFound, run: func(ctx context.Context, e *env, at string) error {
		_, err := e.move(ctx, at+"/"+from, at+"/"+to, replace)
		return err
	}}
}

func removeOp(name, path string) folderOp {
	return folderOp{name: name, done: objectv1.ErrNodeNotFound, run: func(ctx context.Context, e *env, at string) error {
		return e.removePath(ctx, at+"/"+path)
	}}
}

func (o folderOp) changes(gone []string, come ...string) folderOp {
	o.gone, o.come = gone, come
	return o
}

func (o folderOp) between(gone []string, come ...string) folderOp {
	o.middle = append(o.middle, [2][]string{gone, come})
	return o
}

func folderOps() []folderOp {
	x := []string{"x/", "x/1", "x/s/", "x/s/3"}
	return []folderOp{
		{name: "make", done: objectv1.ErrNodeExists, come: []string{"d/a/", "d/a/b/", "d/a/b/c/"}, run: func(ctx context.Context, e *env, at string) error {
			_, err := e.MakeFolder(ctx, objectv1.MakeFolderRequest{Principal: alice, Path: at + "/d/a/b/c", Parents: true})
			return err
		}, middle: [][2][]string{{nil, {"d/a/"}}, {nil, {"d/a/", "d/a/b/"}}}},
		moveOp("rename a file", "f", "h", false).changes([]string{"f"}, "h"),
		moveOp("move a file", "f", "d/f", false).changes([]string{"f"}, "d/f"),
		moveOp("rename a folder", "x", "z", false).changes(x, "z/", "z/1", "z/s/", "z/s/3"),
		moveOp("move a folder", "x", "d/x", false).changes(x, "d/x/", "d/x/1", "d/x/s/", "d/x/s/3"),
		moveOp("replace a file", "f", "g", true).changes([]string{"f"}).between([]string{"g"}),
		moveOp("replace a folder", "f", "y", true).changes([]string{"f", "y/", "y/4"}, "y").
			between([]string{"y/4"}).between([]string{"y/", "y/4"}),
		removeOp("remove a file", "f").changes([]string{"f"}),
		removeOp("remove a folder", "x").changes(x).
			between([]string{"x/1"}).between([]string{"x/1", "x/s/3"}).between([]string{"x/1", "x/s/", "x/s/3"}),
	}
}

// paths is what is in the folder of an operation behind it.
func pathsAfter(gone, come []string) []string {
	out := slices.DeleteFunc(slices.Clone(folderBase), func(p string) bool { return slices.Contains(gone, p) })
	out = append(out, come...)
	slices.Sort(out)
	return out
}

func (e *env) inFolder(at string) []string {
	e.t.Helper()
	var out []string
	for _, path := range e.tree(at) {
		out = append(out, strings.TrimPrefix(path, at+"/"))
	}
	slices.Sort(out)
	return out
}

// stride is how far apart the writes are at which something happens: all of them
// take their time.
func stride() int {
	if full() {
		return 1
	}
	return 9
}

// An operation dies at each of its writes. What is found then is what was before,
// behind it, or a step between; when it is repeated, or swept, it comes to an end.
func TestFolders_BrokenOff(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	e, ids := newNodesEnv(t)
	for i, op := range folderOps() {
		for k := i % stride(); ; k += stride() {
			n, after, sweep := 1+k/2, k%2 == 1, (k/2+i)%2 == 0
			at := fmt.Sprintf("op%d-%d", i, k)
			e.base(at)
			ctx, _ := crashAt(t.Context(), n, after)
			died := op.run(ctx, e, at)
			if died != nil && !errors.Is(died, errCrash) {
				t.Fatalf("%s: %v", op.name, died)
			}
			if sweep {
				e.advance(2 * time.Minute)
				if err := e.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := e.inFolder(at); !op.allowed(got) {
				t.Fatalf("%s died at write %d, after it: %t, swept: %t; there are %q", op.name, n, after, sweep, got)
			}
			if err := op.run(t.Context(), e, at); err != nil && !errors.Is(err, op.done) {
				t.Fatalf("%s died at write %d, after it: %t, swept: %t; the repeat: %v", op.name, n, after, sweep, err)
			}
			if got, want := e.inFolder(at), pathsAfter(op.gone, op.come); !slices.Equal(got, want) {
				t.Fatalf("%s died at write %d, after it: %t, swept: %t; behind the repeat are %q, want %q", op.name, n, after, sweep, got, want)
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

func (o folderOp) allowed(got []string) bool {
	if slices.Equal(got, pathsAfter(nil, nil)) || slices.Equal(got, pathsAfter(o.gone, o.come)) {
		return true
	}
	return slices.ContainsFunc(o.middle, func(m [2][]string) bool { return slices.Equal(got, pathsAfter(m[0], m[1])) })
}

// meeting is two operations, one of which is done whole in front of each write of
// the other.
type meeting struct {
	name   string
	long   func(ctx context.Context, e *env, at string) error
	other  func(ctx context.Context, e *env, at string) error
	stands string // when both say yes and other came before all writes of long
	either string // a path that stands when other said yes, whenever it came
}

// Whatever comes into a folder while it is removed is removed with it, or stands,
// and never hangs in the air.
func TestFolders_Meetings(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	put := func(path string) func(context.Context, *env, string) error {
		return func(ctx context.Context, e *env, at string) error {
			_, err := e.tryFile(ctx, at+"/"+path, "body")
			return err
		}
	}
	folder := func(path string, parents bool) func(context.Context, *env, string) error {
		return func(ctx context.Context, e *env, at string) error {
			_, err := e.MakeFolder(ctx, objectv1.MakeFolderRequest{Principal: alice, Path: at + "/" + path, Parents: parents})
			return err
		}
	}
	move := func(from, to string, replace bool) func(context.Context, *env, string) error {
		return moveOp("", from, to, replace).run
	}
	remove := func(path string) func(context.Context, *env, string) error { return removeOp("", path).run }
	e, ids := newNodesEnv(t)
	for i, m := range []meeting{
		{name: "a file comes", long: put("d/new"), other: remove("d"), stands: "d/new"},
		{name: "a file comes with a folder", long: put("d/s/new"), other: remove("d"), stands: "d/s/new"},
		{name: "a file is replaced", long: put("x/1"), other: remove("x"), stands: "x/1"},
		{name: "a folder comes", long: folder("d/new", false), other: remove("d")},
		{name: "folders come", long: folder("d/a/b", true), other: remove("d"), stands: "d/a/b"},
		{name: "a file moves in", long: move("f", "d/f", false), other: remove("d")},
		{name: "a folder moves in", long: move("x", "d/x", false), other: remove("d")},
		{name: "a file moves in the way", long: move("f", "h", false), other: move("g", "h", false), either: "h"},
		{name: "a file comes in the way", long: move("f", "h", true), other: put("h"), stands: "h"},
		{name: "a folder goes where a file goes", long: move("f", "y", true), other: put("y/new")},
		{name: "two folders into each other", long: move("x", "y/x", false), other: move("y", "x/y", false)},
		{name: "a folder goes, a file comes", long: remove("x"), other: put("x/new")},
		{name: "a folder goes, folders come", long: remove("x"), other: folder("x/s/t", true)},
		{name: "a folder goes, a file moves in", long: remove("x"), other: move("f", "x/s/f", false)},
		{name: "a folder goes, a file moves out", long: remove("x"), other: move("x/s/3", "saved", false), either: "saved"},
		{name: "a folder goes, a folder moves out", long: remove("x"), other: move("x/s", "saved", false), either: "saved/3"},
		{name: "a folder goes twice", long: remove("x"), other: remove("x")},
		{name: "a file goes, and is replaced", long: remove("f"), other: put("f")},
		{name: "a file goes, and moves", long: remove("f"), other: move("f", "saved", false)},
	} {
		for n := 1; ; n += stride() {
			at := fmt.Sprintf("m%d-%d", i, n)
			e.base(at)
			met := false
			var second error
			ctx := meanwhile(t.Context(), n, func() {
				met = true
				second = m.other(t.Context(), e, at)
			})
			first := m.long(ctx, e, at)
			for who, err := range map[string]error{"the long one": first, "the other": second} {
				switch fault.KindOf(err) {
				case "", fault.NotFound, fault.Conflict, fault.Unavailable:
				default:
					t.Fatalf("%s, at write %d: %s says %v", m.name, n, who, err)
				}
			}
			if n == 1 && m.stands != "" && first == nil && second == nil {
				if _, err := e.node(at + "/" + m.stands); err != nil {
					t.Fatalf("%s: what was answered is not there: %v", m.name, err)
				}
			}
			if met && second == nil && m.either != "" {
				if _, err := e.node(at + "/" + m.either); err != nil {
					t.Fatalf("%s, at write %d: what was answered is not there: %v", m.name, n, err)
				}
			}
			if !met || lastMeeting(ctx, stride()) {
				break
			}
		}
	}
	e.settle()
	e.checkReached(ids)
}

// Who carries a move out late, which others found refused, meets another revision:
// otherwise two folders could come into each other.
func TestFolders_LateVerdict(t *testing.T) {
	t.Parallel()
	e, ids := newNodesEnv(t)
	e.base("at")
	met := false
	_, err := e.move(meanwhile(t.Context(), 2, func() { // the note stands
		met = true
		e.touch("at/y/x")
		if _, err := e.move(t.Context(), "at/d", "at/x/d", false); err != nil { // ends the move, which the file is in the way of
			t.Error(err)
		}
		if err := e.removePath(t.Context(), "at/y/x"); err != nil {
			t.Error(err)
		}
		if _, err := e.move(t.Context(), "at/y", "at/x/y", false); err != nil {
			t.Error(err)
		}
	}), "at/x", "at/y/x", false)
	if !met {
		t.Fatal("nobody came between")
	}
	if kind := fault.KindOf(err); kind != fault.NotFound && kind != fault.Conflict {
		t.Errorf("it is answered with %v", err)
	}
	want := []string{"f", "g", "x/", "x/1", "x/d/", "x/s/", "x/s/3", "x/y/", "x/y/4"}
	if got := e.inFolder("at"); !slices.Equal(got, want) {
		t.Fatalf("there are %q", got)
	}
	e.settle()
	e.checkReached(ids)
}
