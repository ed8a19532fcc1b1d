package domain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func (e *env) find(id string) (objectv1.DriveNode, error) {
	return e.FindNode(e.t.Context(), objectv1.FindNodeRequest{Principal: alice, NodeID: id})
}

// Nodes that are older than numbers get them when they are met, once.
func TestDriveNodes_OlderThanNumbers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	o := e.touch("a/f")
	e.touch("a/g")
	for _, path := range []string{"a", "a/f", "a/g"} {
		for { // the worker that counts writes to them, too
			n, rev, err := e.st.Nodes.Get(t.Context(), e.idOf(path))
			if err != nil {
				t.Fatal(err)
			}
			n.Number, n.Short = 0, ""
			if err = e.st.Nodes.Replace(t.Context(), n, rev); err == nil {
				break
			} else if !errors.Is(err, docstore.ErrStale) {
				t.Fatal(err)
			}
		}
	}
	var numbers, shorts, parents sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n, err := e.find(o.File.NodeID)
			if err != nil {
				t.Error(err)
				return
			}
			numbers.Store(n.Number, true)
			shorts.Store(n.Short, true)
			parents.Store(n.ParentNumber, true)
		})
	}
	wg.Wait()
	for what, m := range map[string]*sync.Map{"numbers": &numbers, "shorts": &shorts, "numbers of the folder": &parents} {
		count := 0
		m.Range(func(v, _ any) bool {
			if count++; v == "" || v == int64(0) {
				t.Errorf("%s: %v", what, v)
			}
			return true
		})
		if count != 1 {
			t.Errorf("%d %s", count, what)
		}
	}
	page, err := e.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: alice, FolderID: e.idOf("a"), Limit: 10})
	if err != nil || len(page.Nodes) != 2 || page.Nodes[1].Number == 0 || page.Nodes[1].Short == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, n := range page.Nodes {
		got, err := e.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: alice, Number: n.Number})
		if err != nil || got.NodeID != n.NodeID {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// Several processes never give out a number twice.
func TestDriveNodes_NumbersOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "object.db")
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for p := range 3 {
		e := newEnv(t, envOptions{path: path})
		for w := range 2 {
			wg.Go(func() {
				for i := range 50 {
					n, err := e.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: alice, Name: fmt.Sprint(p, w, i)})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if seen[n.Number] || n.Number <= 0 {
						t.Errorf("number %d comes twice", n.Number)
					}
					seen[n.Number] = true
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if len(seen) != 300 {
		t.Errorf("%d numbers", len(seen))
	}
}

// Names, ids and words that are no UTF-8 come to nobody over the wire; the domain
// refuses them all the same.
func TestDriveNodes_NoUTF8(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	ctx := t.Context()
	d, f := e.folder("d").NodeID, e.touch("f").File.NodeID
	for _, bad := range []string{"\xff", "\xed\xa0\x80", "a\xc3"} {
		_, err := e.MakeSubfolder(ctx, objectv1.MakeSubfolderRequest{Principal: alice, Name: bad})
		wantErr(t, err, objectv1.ErrNodeName)
		_, err = e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: f, Name: &bad, ParentID: &d})
		wantErr(t, err, objectv1.ErrNodeName)
		_, err = e.MakeSubfolder(ctx, objectv1.MakeSubfolderRequest{Principal: alice, ParentID: bad, Name: "x"})
		wantErr(t, err, objectv1.ErrParentNotFound)
		_, err = e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: f, ParentID: &bad})
		wantErr(t, err, objectv1.ErrParentNotFound)
		for _, r := range []objectv1.FindNodeRequest{{NodeID: bad}, {Short: bad}} {
			r.Principal = alice
			_, err = e.FindNode(ctx, r)
			wantErr(t, err, objectv1.ErrNodeNotFound)
		}
		wantErr(t, e.trashID(ctx, bad), objectv1.ErrNodeNotFound)
		for what, err := range map[string]error{
			"keywords":     second(e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: f, Keywords: &bad})),
			"description":  second(e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: f, Description: &bad})),
			"content type": second(e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: f, ContentType: &bad})),
			"children":     second(e.ListChildren(ctx, objectv1.ListChildrenRequest{Principal: alice, After: bad, Limit: 1})),
			"trash":        second(e.ListTrash(ctx, objectv1.ListTrashRequest{Principal: alice, After: bad, Limit: 1})),
			"query":        second(e.SearchNodes(ctx, objectv1.SearchNodesRequest{Query: bad, Limit: 1})),
			"search":       second(e.SearchNodes(ctx, objectv1.SearchNodesRequest{Query: "x", After: ":/" + bad, Limit: 1})),
		} {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s %q: %v", what, bad, err)
			}
		}
	}
	e.wantTree("d/", "f")
}

// By ids nobody nests folders deeper than by paths.
func TestDriveNodes_Deep(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	ctx := t.Context()
	deep := strings.TrimSuffix(strings.Repeat("d/", 99), "/")
	id := e.folder(deep).NodeID
	n, err := e.MakeSubfolder(ctx, objectv1.MakeSubfolderRequest{Principal: alice, ParentID: id, Name: "d"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.MakeSubfolder(ctx, objectv1.MakeSubfolderRequest{Principal: alice, ParentID: n.NodeID, Name: "d"})
	wantErr(t, err, objectv1.ErrNodeName)
	_, err = e.tryWrite(fileWrite{path: "a/b/f", body: "x", o: objectv1.FileOptions{FolderID: &id, Parents: true}})
	wantErr(t, err, objectv1.ErrInvalidKey)
	if err := e.placing(n.NodeID, "f", objectv1.ConflictRename)(ctx); err != nil {
		t.Error(err)
	}
	if err := e.trashID(ctx, e.idOf("d")); err != nil {
		t.Fatal(err)
	}
	_, err = e.find(n.NodeID)
	wantErr(t, err, objectv1.ErrNodeNotFound)
}

// What lies in the trash goes when its time is over, with its bytes; not before.
func TestTrash_Sweep(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	f, g := e.touch("f"), e.touch("d/s/g")
	e.touch("kept")
	d := e.idOf("d")
	for _, id := range []string{f.File.NodeID, d} {
		if err := e.trashID(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	e.settle()
	e.advance(29 * 24 * time.Hour)
	e.settle()
	page, err := e.ListTrash(t.Context(), objectv1.ListTrashRequest{Principal: alice, Limit: 10})
	if err != nil || len(page.Nodes) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	e.wantUsage(f.Size+g.Size+int64(len("body of kept")), 0)
	e.advance(24 * time.Hour)
	e.settle()
	if page, err = e.ListTrash(t.Context(), objectv1.ListTrashRequest{Principal: alice, Limit: 10}); err != nil || len(page.Nodes) != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	e.wantTree("kept")
	e.wantUsage(int64(len("body of kept")), 0)
	for _, id := range []string{f.File.NodeID, g.File.NodeID, d} {
		if _, _, err := e.st.Nodes.Get(t.Context(), id); !errors.Is(err, domain.ErrNoDocument) {
			t.Errorf("node %s: %v", id, err)
		}
	}
	if got := e.removedKeys(); !slices.Contains(got, "f") || !slices.Contains(got, "d/s/g") {
		t.Errorf("the removals are told of as %q", got)
	}
}

// What is taken out of the trash at the end of its time, and thrown away again, just
// as the sweep begins to remove it, has all its time before it.
func TestTrash_ThrownAwayAgain(t *testing.T) {
	t.Parallel()
	e, _ := newNodesEnv(t)
	e.touch("f")
	e.touch("d/g")
	e.settle()
	for _, path := range []string{"f", "d"} {
		id := e.idOf(path)
		if err := e.trashID(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		e.advance(31 * 24 * time.Hour)
		met := false
		err := e.Sweep(meanwhile(t.Context(), 1, func() {
			met = true
			if err := errors.Join(e.restoreID(t.Context(), id), e.trashID(t.Context(), id)); err != nil {
				t.Error(err)
			}
		}))
		if err != nil || !met {
			t.Fatalf("%s: %t, %v", path, met, err)
		}
		if err := e.restoreID(t.Context(), id); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		e.settle()
	}
	e.wantTree("d/", "d/g", "f")
}

// A file that expires does so in the trash, too; what comes back from there may.
func TestTrash_Expires(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	at := time.Now().Add(2 * time.Hour)
	write := func(path string) string {
		o, err := e.tryWrite(fileWrite{path: path, body: "four", o: objectv1.FileOptions{ExpiresAt: &at}})
		if err != nil {
			t.Fatal(err)
		}
		return o.File.NodeID
	}
	stays, comes := write("stays"), write("comes")
	for _, id := range []string{stays, comes} {
		if err := e.trashID(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.restoreID(t.Context(), comes); err != nil {
		t.Fatal(err)
	}
	e.settle()
	e.wantTree("comes")
	e.advance(2 * time.Hour)
	e.settle()
	wantErr(t, e.restoreID(t.Context(), stays), objectv1.ErrNodeNotFound)
	e.wantTree()
	e.wantUsage(0, 0)
}

// The end of an account takes its trash.
func TestTrash_AccountClosed(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	f := e.touch("d/f").File.NodeID
	g := e.touch("g").File.NodeID
	d := e.idOf("d")
	for _, id := range []string{d, g} {
		if err := e.trashID(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.CloseAccount(t.Context(), objectv1.CloseAccountRequest{AccountID: "alice"}); err != nil {
		t.Fatal(err)
	}
	e.settle()
	for _, id := range []string{d, f, g} {
		if _, _, err := e.st.Nodes.Get(t.Context(), id); !errors.Is(err, domain.ErrNoDocument) {
			t.Errorf("node %s: %v", id, err)
		}
	}
	if n := e.contents(); n != 0 {
		t.Errorf("%d contents are left", n)
	}
}

// removedKeys are those of the removals that wait to be told of.
func (e *env) removedKeys() []string {
	e.t.Helper()
	pending, err := e.db.PendingOutbox(e.t.Context(), 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	var keys []string
	for _, p := range pending {
		for _, msg := range p.Messages {
			var event objectv1.ObjectEvent
			if err := json.Unmarshal(msg.Data, &event); err != nil {
				e.t.Fatal(err)
			}
			if strings.HasSuffix(msg.Subject, "removed") {
				keys = append(keys, event.Key)
			}
		}
	}
	return keys
}

// Whatever comes as a place of a page, a query or a name of a node is understood or
// refused.
func FuzzDriveNodes_Outside(f *testing.F) {
	f.Add("", "a", "A1b2C3d4")
	f.Add(":/", "a b", "\xff")
	f.Add(":/a\x00", "ü-1", strings.Repeat("a", 26))
	f.Add("AAAAAAA:/x", "\u0130", "trash")
	e := newEnv(f, envOptions{})
	for _, v := range []objectv1.Visibility{objectv1.VisibilityPublic, objectv1.VisibilityUnlisted} {
		_, err := e.MakeSubfolder(f.Context(), objectv1.MakeSubfolderRequest{Principal: alice, Name: fmt.Sprint("a ", v), Sharing: objectv1.Sharing{Visibility: v}})
		if err != nil {
			f.Fatal(err)
		}
	}
	e.touch("a 2/a b.txt")
	f.Fuzz(func(t *testing.T, after, query, name string) {
		for what, err := range map[string]error{
			"children": second(e.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: alice, After: after, Limit: 2})),
			"trash":    second(e.ListTrash(t.Context(), objectv1.ListTrashRequest{Principal: alice, After: after, Limit: 2})),
			"search":   second(e.SearchNodes(t.Context(), objectv1.SearchNodesRequest{Query: query, After: after, Limit: 2})),
			"id":       second(e.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: alice, NodeID: name, Trash: true})),
			"short":    second(e.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: alice, Short: name})),
			"folder":   second(e.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: alice, ParentID: name + "-", Name: query})),
		} {
			switch fault.KindOf(err) {
			case "", fault.Invalid, fault.NotFound:
			default:
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
