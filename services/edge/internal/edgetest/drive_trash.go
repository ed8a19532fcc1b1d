package edgetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// trashed is a node of the fake that lies in the trash, with what was below it by
// its path from there.
type trashed struct {
	node     objectv1.DriveNode
	versions map[string][]version
	folders  map[string]*folder
}

// TrashNode implements objectv1.DriveService.
func (o *Object) TrashNode(_ context.Context, r objectv1.DriveNodeRequest) (objectv1.DriveNode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("TrashNode", r.Principal, objectv1.ActionDeleteObject, "")
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	if t := b.trash[r.NodeID]; t != nil {
		return t.node, nil
	}
	path, ok := b.locate(r.NodeID)
	if !ok {
		return objectv1.DriveNode{}, objectv1.ErrNodeNotFound
	}
	n, err := b.driveNode(path)
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	at := time.Now().UTC().Truncate(time.Millisecond)
	n.Trashed = &objectv1.Trashed{At: at, PurgedAt: at.Add(trashKept), ParentID: n.ParentID, Name: n.Name}
	t := &trashed{node: n, versions: map[string][]version{}, folders: map[string]*folder{}}
	for p, vs := range b.versions {
		if rest, below := strings.CutPrefix(p+"/", path+"/"); below {
			t.versions[strings.TrimSuffix(rest, "/")] = vs
			delete(b.versions, p)
		}
	}
	for p, f := range b.folders {
		if rest, below := strings.CutPrefix(p+"/", path+"/"); below {
			t.folders[strings.TrimSuffix(rest, "/")] = f
			delete(b.folders, p)
		}
	}
	b.trash[r.NodeID] = t
	return n, nil
}

// RestoreNode implements objectv1.DriveService.
func (o *Object) RestoreNode(_ context.Context, r objectv1.DriveNodeRequest) (objectv1.DriveNode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("RestoreNode", r.Principal, objectv1.ActionPutObject, "")
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	t := b.trash[r.NodeID]
	if t == nil {
		return objectv1.DriveNode{}, objectv1.ErrNodeNotFound
	}
	dir, _ := b.pathOf(t.node.Trashed.ParentID) // the root where it is gone
	path, err := b.freeFor(join(dir, t.node.Trashed.Name), "", true)
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	delete(b.trash, r.NodeID)
	for rest, f := range t.folders {
		b.folders[strings.TrimSuffix(path+"/"+rest, "/")] = f
	}
	for rest, vs := range t.versions {
		p := strings.TrimSuffix(path+"/"+rest, "/")
		cur := vs[0].Object
		f := *cur.File
		f.Path, f.Name = p, baseOf(p)
		cur.Key, cur.File = p, &f
		b.versions[p] = []version{{Object: cur}}
	}
	return b.driveNode(path)
}

// ListTrash implements objectv1.DriveService.
func (o *Object) ListTrash(_ context.Context, r objectv1.ListTrashRequest) (objectv1.ListChildrenResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("ListTrash", r.Principal, objectv1.ActionListObjects, "")
	if err != nil {
		return objectv1.ListChildrenResponse{}, err
	}
	var nodes []objectv1.DriveNode
	for _, t := range b.trash {
		nodes = append(nodes, withoutManifest(t.node))
	}
	slices.SortFunc(nodes, func(x, y objectv1.DriveNode) int {
		return cmp.Or(y.Trashed.At.Compare(x.Trashed.At), cmp.Compare(x.NodeID, y.NodeID))
	})
	return nodePage(nodes, r.After, r.Limit)
}

// PurgeNode implements objectv1.DriveService.
func (o *Object) PurgeNode(_ context.Context, r objectv1.DriveNodeRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("PurgeNode", r.Principal, objectv1.ActionDeleteObject, "")
	if err != nil {
		return objectv1.Empty{}, err
	}
	if b.trash[r.NodeID] == nil {
		return objectv1.Empty{}, objectv1.ErrNodeNotFound
	}
	delete(b.trash, r.NodeID)
	return objectv1.Empty{}, nil
}

// SearchNodes implements objectv1.DriveService.
func (o *Object) SearchNodes(_ context.Context, r objectv1.SearchNodesRequest) (objectv1.ListChildrenResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.note("SearchNodes"); err != nil {
		return objectv1.ListChildrenResponse{}, err
	}
	if r.Query == "" || len(r.Query) > 200 || r.Limit < 1 || r.Limit > 100 {
		return objectv1.ListChildrenResponse{}, fault.ErrInvalid.Msgf("a query has 1 to 200 bytes, a page 1 to 100 nodes")
	}
	var nodes []objectv1.DriveNode
	for _, b := range o.drives("", true) {
		for _, path := range b.paths() {
			shared := path
			if !b.folder(path) {
				shared = dirOf(path)
			}
			f := b.folders[shared]
			if f == nil || f.sharing.Visibility != objectv1.VisibilityPublic {
				continue
			}
			if n, err := b.driveNode(path); err == nil && matches(n.Name, r.Query) {
				nodes = append(nodes, withoutManifest(n))
			}
		}
	}
	slices.SortFunc(nodes, func(x, y objectv1.DriveNode) int { return cmp.Compare(x.NodeID, y.NodeID) })
	return nodePage(nodes, r.After, r.Limit)
}

// matches reports whether every word of the query begins a word of the name.
func matches(name, query string) bool {
	words := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !isWord(c) })
	}
	has := words(name)
	for _, w := range words(query) {
		if !slices.ContainsFunc(has, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return true
}

func isWord(c rune) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c > 0x7f }
