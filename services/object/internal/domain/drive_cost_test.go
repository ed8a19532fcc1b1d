package domain_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// countedNodes counts how often nodes are asked for, and how many are given.
type countedNodes struct {
	domain.Nodes
	calls, given *atomic.Int64
}

func (c countedNodes) Get(ctx context.Context, id string) (domain.Node, int64, error) {
	c.calls.Add(1)
	c.given.Add(1)
	return c.Nodes.Get(ctx, id)
}

func (c countedNodes) ByName(ctx context.Context, account, parent, name string) (domain.Node, int64, error) {
	c.calls.Add(1)
	c.given.Add(1)
	return c.Nodes.ByName(ctx, account, parent, name)
}

func (c countedNodes) Replace(ctx context.Context, n domain.Node, rev int64) error {
	c.calls.Add(1)
	return c.Nodes.Replace(ctx, n, rev)
}

func (c countedNodes) Insert(ctx context.Context, n domain.Node) error {
	c.calls.Add(1)
	return c.Nodes.Insert(ctx, n)
}

func (c countedNodes) Children(ctx context.Context, account, parent, from string, limit int) ([]domain.Node, error) {
	c.calls.Add(1)
	page, err := c.Nodes.Children(ctx, account, parent, from, limit)
	c.given.Add(int64(len(page)))
	return page, err
}

func (c countedNodes) OfKind(ctx context.Context, account, parent string, folders bool, from string, limit int) ([]domain.Node, error) {
	c.calls.Add(1)
	page, err := c.Nodes.OfKind(ctx, account, parent, folders, from, limit)
	c.given.Add(int64(len(page)))
	return page, err
}

// plantFolders puts folders straight into the store: n in one folder, and under
// each of the first of them some more, as many again in all.
func (e *env) plantFolders(above string, n int) {
	e.t.Helper()
	var wg sync.WaitGroup
	turns := make(chan struct{}, 64)
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			id := strings.ToLower(fmt.Sprintf("p%025d", i))
			id = strings.NewReplacer("0", "a", "1", "b", "8", "c", "9", "d").Replace(id)
			parent := above
			if i >= n/2 {
				parent = strings.NewReplacer("0", "a", "1", "b", "8", "c", "9", "d").Replace(fmt.Sprintf("p%025d", (i-n/2)/100))
			}
			name := fmt.Sprintf("n%07d", i)
			node := domain.Node{
				ID: id, Account: "alice", Parent: parent, Name: name, Sort: name + "/", Folder: true,
				Number: int64(1_000_000 + i), CreatedAt: time.Now(), ModifiedAt: time.Now(),
			}
			if err := e.st.Nodes.Insert(e.t.Context(), node); err != nil {
				e.t.Errorf("planting %s: %v", id, err)
			}
		})
	}
	wg.Wait()
}

// What is asked of the store for a page of a folder, or to move, throw away and
// restore it, does not depend on how much there is.
func TestDriveNodes_CostOfPages(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	sizes := []int{100, 2000}
	if full() {
		sizes = []int{100, 100_000}
	}
	var spent [2]map[string][2]int64
	for i, size := range sizes {
		var calls, given atomic.Int64
		e := newEnv(t, envOptions{wrap: func(st domain.Store) domain.Store {
			st.Nodes = countedNodes{st.Nodes, &calls, &given}
			return st
		}})
		e.folder("other")
		big := e.folder("big").NodeID
		e.plantFolders(big, size)
		other := e.idOf("other")
		costs := map[string][2]int64{}
		cost := func(what string, do func() error) {
			t.Helper()
			calls.Store(0)
			given.Store(0)
			if err := do(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			costs[what] = [2]int64{calls.Load(), given.Load()}
		}
		page := func(kind objectv1.NodeKind, after string, want int) func() error {
			return func() error {
				p, err := e.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: alice, FolderID: big, Kind: kind, After: after, Limit: 20})
				if err == nil && len(p.Nodes) != want {
					err = fmt.Errorf("%d nodes on the page, want %d", len(p.Nodes), want)
				}
				return err
			}
		}
		cost("the first page", page("", "", 20))
		cost("a page in the middle", page("", fmt.Sprintf("n%07d/", size/4), 20))
		cost("folders", page(objectv1.KindFolder, "n0000010/", 20))
		cost("files where there is none", page(objectv1.KindFile, "", 0))
		cost("move", func() error {
			_, err := e.changeNode(t.Context(), objectv1.ChangeNodeRequest{NodeID: big, ParentID: &other})
			return err
		})
		cost("rename", func() error {
			_, err := e.changeNode(t.Context(), objectv1.ChangeNodeRequest{NodeID: big, Name: ptr("new")})
			return err
		})
		cost("throw away", func() error { return e.trashID(t.Context(), big) })
		cost("a page of the trash", func() error {
			_, err := e.ListTrash(t.Context(), objectv1.ListTrashRequest{Principal: alice, Limit: 20})
			return err
		})
		cost("restore", func() error { return e.restoreID(t.Context(), big) })
		spent[i] = costs
	}
	for what, few := range spent[0] {
		many := spent[1][what]
		if many != few || many[0] > 40 || many[1] > 60 {
			t.Errorf("%s: %d calls for %d nodes in a folder of %d, %d for %d in one of %d", what, few[0], few[1], sizes[0], many[0], many[1], sizes[1])
		}
		t.Logf("%s: %d calls, %d nodes read", what, many[0], many[1])
	}
}
