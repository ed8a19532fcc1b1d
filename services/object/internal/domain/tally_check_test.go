package domain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// tallied lets everything that was asked for be counted.
func (e *env) tallied() {
	e.t.Helper()
	if e.idle {
		e.advance(3 * time.Minute)
		if err := e.Sweep(e.t.Context()); err != nil {
			e.t.Fatal(err)
		}
	} else {
		e.usage()
	}
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	if err := e.Recount(ctx); err != nil {
		due, _ := e.st.Nodes.Recounts(e.t.Context(), e.now(), 10)
		e.t.Fatalf("%v; still to be counted are %+v", err, due)
	}
}

// tally is what a folder of alice's is said to hold, "" is the root.
func (e *env) tally(id string) objectv1.Tally {
	e.t.Helper()
	n, err := e.FindNode(e.t.Context(), objectv1.FindNodeRequest{Principal: alice, NodeID: id, Folder: id == "", Trash: true})
	if err != nil {
		e.t.Fatal(err)
	}
	return n.Tally
}

func (e *env) wantTally(id string, files, folders, bytes, downloads int64) {
	e.t.Helper()
	want := objectv1.Tally{Files: files, Folders: folders, Bytes: bytes, Downloads: downloads}
	if got := e.tally(id); got != want {
		e.t.Fatalf("the tally is %+v, want %+v", got, want)
	}
}

// allNodes reads the documents of all drives.
func (e *env) allNodes() map[string]domain.Node {
	e.t.Helper()
	all := map[string]domain.Node{}
	for after := ""; ; {
		page, err := e.st.Nodes.All(e.t.Context(), after, 500)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, n := range page {
			all[n.ID], after = n.Node, n.ID
		}
		if len(page) < 500 {
			return all
		}
	}
}

// walked counts what folders hold by looking at everything.
type walked struct {
	e        *env
	nodes    map[string]domain.Node
	children map[string][]domain.Node // by account and folder
	visible  map[string]domain.Head
}

func (e *env) walk() walked {
	e.t.Helper()
	w := walked{e: e, nodes: e.allNodes(), children: map[string][]domain.Node{}, visible: map[string]domain.Head{}}
	for id, n := range w.nodes {
		at := n.Account + "/" + n.Parent
		w.children[at] = append(w.children[at], n)
		h, _, err := e.st.Heads.Get(e.t.Context(), "drive-"+n.Account, id)
		if err != nil {
			e.t.Fatal(err)
		}
		if !n.Folder && h.Visible() && (n.ExpiresAt.IsZero() || n.ExpiresAt.After(e.now())) {
			w.visible[id] = h
		}
	}
	return w
}

func (w walked) count(account, folder string) domain.Sum {
	var sum domain.Sum
	for _, n := range w.children[account+"/"+folder] {
		h, visible := w.visible[n.ID]
		switch {
		case n.State == domain.NodeRemoving:
		case n.Folder:
			deep := w.count(account, n.ID)
			sum.Folders++
			sum.Bytes += deep.Bytes
			sum.Downloads += deep.Downloads
		case visible:
			sum.Files++
			sum.Bytes += h.Size
			sum.Downloads += n.Downloads
		}
	}
	return sum
}

// words is by which words everybody finds a node.
func (w walked) words(n domain.Node) []string {
	above := n
	if !n.Folder {
		if _, visible := w.visible[n.ID]; !visible {
			return nil
		}
		above = w.nodes[n.Parent]
		if len(above.PasswordHash) > 0 {
			return nil
		}
	}
	if above.State != "" || above.Visibility != objectv1.VisibilityPublic || n.Parent == domain.Trash || n.State != "" {
		return nil
	}
	words := domain.SearchWords(n.Name)
	slices.Sort(words)
	return words
}

// checkTallies wants nothing to wait for the worker, every folder of an account to
// be said to hold what it holds, every node to be found by what it is to be found
// by, and nothing to be kept for nodes that are gone, but for those with a grave.
func (e *env) checkTallies(account string) {
	e.t.Helper()
	ctx, w := e.t.Context(), e.walk()
	if due, err := e.st.Nodes.Recounts(ctx, e.now(), 10); err != nil || len(due) > 0 {
		e.t.Errorf("%d nodes still wait: %+v, %v", len(due), due, err)
	}
	root, _, err := e.st.Tallies.Root(ctx, account)
	if want := w.count(account, domain.Root); err != nil || root.Tally != want {
		e.t.Errorf("the root holds %+v, counted are %+v, %v", root.Tally, want, err)
	}
	for id, n := range w.nodes {
		if n.Folder && n.State != domain.NodeRemoving {
			if want := w.count(n.Account, id); n.Tally != want {
				e.t.Errorf("folder %s (%s) holds %+v, counted are %+v", id, n.Name, n.Tally, want)
			}
		}
	}
	graves, err := e.st.Tallies.Graves(ctx, e.now().Add(24*time.Hour), 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, g := range graves { // until then a worker that died may have left something
		if _, ok := w.nodes[g.ID]; !ok {
			w.nodes[g.ID] = domain.Node{ID: g.ID, State: domain.NodeRemoving}
		}
	}
	shards, err := e.st.Tallies.Shards(ctx, "", 10_000)
	if err != nil || len(shards) == 10_000 {
		e.t.Fatalf("%d shards, %v", len(shards), err)
	}
	for _, id := range shards {
		folder := strings.Split(id, "/")[1]
		if _, ok := w.nodes[folder]; !ok && folder != domain.Root {
			e.t.Errorf("shard %s is of a folder that is gone", id)
		}
	}
	e.checkWords(w)
}

// checkWords looks at the whole index.
func (e *env) checkWords(w walked) {
	e.t.Helper()
	have := map[string][]string{}
	entries, err := e.st.Words.Scan(e.t.Context(), "", domain.Word{}, 10_000)
	if err != nil || len(entries) == 10_000 {
		e.t.Fatalf("%d words, %v", len(entries), err)
	}
	for _, entry := range entries {
		have[entry.Node] = append(have[entry.Node], entry.Text)
		if _, ok := w.nodes[entry.Node]; !ok {
			e.t.Errorf("word %q is of a node that is gone", entry.Text)
		}
	}
	for id, n := range w.nodes {
		// What a worker that died left of a name before shows nothing, and goes when
		// the node is looked at again.
		for _, word := range w.words(n) {
			if !slices.Contains(have[id], word) {
				e.t.Errorf("node %s is not found by %q of %q", id, word, n.Name)
			}
		}
	}
}

// graves lets what was kept for workers under way go, and wants nothing of it left.
func (e *env) checkGraves() {
	e.t.Helper()
	e.advance(11 * time.Minute)
	if err := errors.Join(e.Sweep(e.t.Context()), e.Recount(e.t.Context())); err != nil {
		e.t.Fatal(err)
	}
	graves, err := e.st.Tallies.Graves(e.t.Context(), e.now().Add(24*time.Hour), 10)
	if err != nil || len(graves) > 0 {
		e.t.Errorf("graves %+v, %v", graves, err)
	}
	look, err := e.st.Tallies.Lookable(e.t.Context(), e.now().Add(24*time.Hour), 10)
	if err != nil || len(look) > 0 {
		e.t.Errorf("shards that remember what is gone: %+v, %v", look, err)
	}
}

func (e *env) countDownloads(id string, n int64) error {
	_, err := e.CountDownloads(e.t.Context(), objectv1.CountDownloadsRequest{Downloads: map[string]int64{id: n}})
	return err
}

// share changes who finds a folder of alice's.
func (e *env) share(id string, v objectv1.Visibility, password string) {
	e.t.Helper()
	hash := []byte(password)
	if _, err := e.changeNode(e.t.Context(), objectv1.ChangeNodeRequest{NodeID: id, Visibility: &v, PasswordHash: &hash}); err != nil {
		e.t.Fatal(err)
	}
}

// search gives the names that a query finds, page by page.
func (e *env) search(query string, limit int) []string {
	e.t.Helper()
	names := []string{}
	r := objectv1.SearchNodesRequest{Query: query, Limit: limit}
	for pages := 0; ; pages++ {
		p, err := e.SearchNodes(e.t.Context(), r)
		if err != nil || len(p.Nodes) > limit || pages > 10_000 {
			e.t.Fatalf("searching %q, page %d: %d nodes, %v", query, pages, len(p.Nodes), err)
		}
		for _, n := range p.Nodes {
			names = append(names, n.Name)
		}
		if r.After = p.Next; r.After == "" {
			break
		}
	}
	slices.Sort(names)
	return names
}

func (e *env) wantFound(query string, want ...string) {
	e.t.Helper()
	slices.Sort(want)
	for _, limit := range []int{1, 3, 100} {
		if got := e.search(query, limit); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			e.t.Fatalf("%q finds %q, %d at a time, want %q", query, got, limit, want)
		}
	}
}
