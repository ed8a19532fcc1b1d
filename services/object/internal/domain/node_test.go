package domain_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// grove is a tree with its nodes.
type grove struct {
	*domain.Tree
	domain.Nodes
}

func newTree(t *testing.T) grove {
	t.Helper()
	e := newEnv(t, envOptions{idle: true})
	return grove{domain.NewTree(e.st.Nodes, time.Now), e.st.Nodes}
}

// plant puts a node into the tree, under its name as its id.
func (g grove) plant(t *testing.T, parent, name string, folder bool) domain.Node {
	t.Helper()
	n := domain.Node{ID: "id of " + parent + name, Account: "alice", Parent: parent, Name: name, Sort: name, Folder: folder}
	if folder {
		n.Sort += "/"
	}
	if err := g.Insert(t.Context(), n); err != nil {
		t.Fatalf("planting %q: %v", name, err)
	}
	return n
}

// paths gives the files that the root reaches.
func (g grove) paths(t *testing.T, parent, base string) []string {
	t.Helper()
	page, err := g.Children(t.Context(), "alice", parent, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range page {
		if n.Folder {
			out = append(out, g.paths(t, n.ID, base+n.Sort)...)
		} else {
			out = append(out, base+n.Sort)
		}
	}
	return out
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

func TestCheckNodeName(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", ".", "..", "a/b", "a\x00", "\xff", strings.Repeat("x", 256)} {
		wantErr(t, domain.CheckNodeName(bad), objectv1.ErrNodeName)
	}
}

func TestTree_Move(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	a, b := tree.plant(t, domain.Root, "a", true), tree.plant(t, domain.Root, "b", true)
	f := tree.plant(t, a.ID, "f.txt", false)
	f, err := tree.Move(t.Context(), "alice", f.ID, b.ID, "g.txt", false)
	if err != nil || f.Parent != b.ID {
		t.Fatalf("%+v, %v", f, err)
	}
	_, err = tree.Move(t.Context(), "bob", f.ID, domain.Root, "g.txt", false)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	_, err = tree.Move(t.Context(), "alice", a.ID, f.ID, "a", false)
	wantErr(t, err, objectv1.ErrNotAFolder)
	_, err = tree.Move(t.Context(), "alice", f.ID, domain.Root, "a/b", false)
	wantErr(t, err, objectv1.ErrNodeName)
	if _, err = tree.Move(t.Context(), "alice", b.ID, a.ID, "b", false); err != nil {
		t.Fatal(err)
	}
	for _, into := range []string{a.ID, b.ID} {
		_, err = tree.Move(t.Context(), "alice", a.ID, into, "a", false)
		wantErr(t, err, objectv1.ErrNodeCycle)
	}
	if got := tree.paths(t, domain.Root, ""); !slices.Equal(got, []string{"a/b/g.txt"}) {
		t.Fatalf("paths %q", got)
	}
	c := tree.plant(t, domain.Root, "c", true)
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
		f := tree.plant(t, domain.Root, fmt.Sprint("d", i), true)
		tree.plant(t, f.ID, "file", false)
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
	if got := tree.paths(t, domain.Root, ""); len(got) != 5 {
		t.Fatalf("the root reaches %q", got)
	}
}
