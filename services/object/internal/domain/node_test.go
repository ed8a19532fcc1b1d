package domain_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func newTree(t *testing.T) *domain.Tree {
	t.Helper()
	e := newEnv(t, envOptions{idle: true})
	var n atomic.Int64
	return domain.NewTree(e.st.Nodes, func() string { return fmt.Sprint("n", n.Add(1)) }, time.Now)
}

func create(t *testing.T, tree *domain.Tree, parent, name string, folder bool) domain.Node {
	t.Helper()
	n, err := tree.Create(t.Context(), domain.Node{Account: "alice", Parent: parent, Name: name, Folder: folder}, false)
	if err != nil {
		t.Fatalf("creating %q: %v", name, err)
	}
	return n
}

func walk(t *testing.T, tree *domain.Tree, after string) []string {
	t.Helper()
	var paths []string
	err := tree.Walk(t.Context(), "alice", domain.Root, after, func(path string, _ domain.Node) bool {
		paths = append(paths, path)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestNextName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a": "a (2)", "a.txt": "a (2).txt", "a (2).txt": "a (3).txt", "a (9)": "a (10)", ".hidden": ".hidden (2)",
		"a (x).txt": "a (x) (2).txt", "a (1)": "a (1) (2)", "b.tar.gz": "b.tar (2).gz",
	} {
		if got := domain.NextName(name); got != want {
			t.Errorf("after %q comes %q, want %q", name, got, want)
		}
	}
	long := strings.Repeat("ü", 127)
	if got := domain.NextName(long); domain.CheckNodeName(got) != nil || got == long {
		t.Errorf("after a long name comes %q", got)
	}
}

func FuzzNextName(f *testing.F) {
	f.Add("a.txt")
	f.Add("." + strings.Repeat("x", 254))
	f.Add("a." + strings.Repeat("x", 253))
	f.Fuzz(func(t *testing.T, name string) {
		if domain.CheckNodeName(name) != nil {
			return
		}
		next := domain.NextName(name)
		if domain.CheckNodeName(next) != nil || next == name {
			t.Fatalf("after %q comes %q", name, next)
		}
	})
}

func TestTree_CreateRenameMove(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	a, b := create(t, tree, domain.Root, "a", true), create(t, tree, domain.Root, "b", true)
	f := create(t, tree, a.ID, "f.txt", false)
	_, err := tree.Create(t.Context(), domain.Node{Account: "alice", Parent: a.ID, Name: "f.txt"}, false)
	wantErr(t, err, objectv1.ErrNodeExists)
	g, err := tree.Create(t.Context(), domain.Node{Account: "alice", Parent: a.ID, Name: "f.txt", Folder: true}, true)
	if err != nil || g.Name != "f (2).txt" {
		t.Fatalf("%+v, %v", g, err)
	}
	_, err = tree.Create(t.Context(), domain.Node{Account: "alice", Parent: f.ID, Name: "x"}, false)
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = tree.Create(t.Context(), domain.Node{Account: "bob", Parent: a.ID, Name: "x"}, false)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	for _, bad := range []string{"", ".", "..", "a/b", "a\x00", "\xff", strings.Repeat("x", 256)} {
		_, err = tree.Create(t.Context(), domain.Node{Account: "alice", Parent: a.ID, Name: bad}, true)
		wantErr(t, err, objectv1.ErrNodeName)
	}
	if f, err = tree.Move(t.Context(), "alice", f.ID, b.ID, "g.txt", false); err != nil || f.Parent != b.ID {
		t.Fatalf("%+v, %v", f, err)
	}
	if _, err = tree.Move(t.Context(), "alice", b.ID, a.ID, "b", false); err != nil {
		t.Fatal(err)
	}
	for _, into := range []string{a.ID, b.ID} {
		_, err = tree.Move(t.Context(), "alice", a.ID, into, "a", false)
		wantErr(t, err, objectv1.ErrNodeCycle)
	}
	if got := walk(t, tree, ""); !slices.Equal(got, []string{"a/b/g.txt"}) {
		t.Fatalf("paths %q", got)
	}
	c := create(t, tree, domain.Root, "b", true)
	if c, err = tree.Move(t.Context(), "alice", c.ID, a.ID, "b", true); err != nil || c.Name != "b (2)" {
		t.Fatalf("%+v, %v", c, err)
	}
	_, err = tree.Move(t.Context(), "alice", c.ID, domain.Root, "a", false)
	wantErr(t, err, objectv1.ErrNodeExists)
}

// Folders that move into each other at the same time never lose the root.
func TestTree_RacingMovesMakeNoCycle(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	var folders []string
	for i := range 5 {
		f := create(t, tree, domain.Root, fmt.Sprint("d", i), true)
		create(t, tree, f.ID, "file", false)
		folders = append(folders, f.ID)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(w)))
			for range 25 {
				a, b := rnd.IntN(5), rnd.IntN(5)
				_, err := tree.Move(t.Context(), "alice", folders[a], folders[b], fmt.Sprint("d", a), false)
				if err != nil && !errors.Is(err, objectv1.ErrNodeCycle) && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("moving: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := walk(t, tree, ""); len(got) != 5 {
		t.Fatalf("the root reaches %q", got)
	}
}

// The walk is the order that a flat listing of the same paths has.
func TestTree_WalkIsTheByteOrderOfPaths(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	names := []string{"a", "a.b", "a-b", "a0", "b", "ü", "a b", "!", "~"}
	folders := map[string]string{"": domain.Root}
	dirs := []string{""}
	var flat []string
	for range 120 {
		dir := dirs[rnd.IntN(len(dirs))]
		name, folder := names[rnd.IntN(len(names))], rnd.IntN(3) == 0
		n, err := tree.Create(t.Context(), domain.Node{Account: "alice", Parent: folders[dir], Name: name, Folder: folder}, false)
		switch {
		case errors.Is(err, objectv1.ErrNodeExists):
		case err != nil:
			t.Fatal(err)
		case folder:
			path := dir + name + "/"
			folders[path] = n.ID
			dirs = append(dirs, path)
		default:
			flat = append(flat, dir+name)
		}
	}
	slices.Sort(flat)
	for _, after := range append([]string{"", "a", "a/", "a/a", "zzz", "a/a/!"}, flat[:min(20, len(flat))]...) {
		var want []string
		for _, p := range flat {
			if p > after {
				want = append(want, p)
			}
		}
		if d := cmp.Diff(want, walk(t, tree, after)); d != "" {
			t.Fatalf("after %q: %s", after, d)
		}
	}
}
