package edgetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// trashKept is how long the fake's trash says that it keeps a node.
const trashKept = 30 * 24 * time.Hour

// folder of the fake, beside its path.
type folder struct {
	id          string
	number      int64
	at, updated time.Time
	sharing     objectv1.Sharing
}

// notes are what a file of the fake is beside objectv1.File.
type notes struct {
	keywords, description string
	updated               time.Time
}

var _ objectv1.DriveService = (*Object)(nil)

// number is the next one of a sequence, with o.mu held.
func (o *Object) number(kind objectv1.NodeKind) int64 {
	o.numbers[kind]++
	return o.numbers[kind]
}

// short is a new file's, with o.mu held.
func (o *Object) short() string { return fmt.Sprintf("Sh%06d", o.numbers[objectv1.KindFile]) }

// makeFolder makes a folder in one that is there, with o.mu held.
func (b *bucket) makeFolder(path string) *folder {
	f := &folder{number: b.o.number(objectv1.KindFolder), at: time.Now().UTC().Truncate(time.Millisecond)}
	f.id, f.updated = fmt.Sprintf("folder%010d", f.number), f.at
	b.folders[path] = f
	return f
}

// pathOf finds a folder by its id; "" is the root.
func (b *bucket) pathOf(folderID string) (string, bool) {
	if folderID == "" {
		return "", true
	}
	for path, f := range b.folders {
		if f.id == folderID {
			return path, true
		}
	}
	return "", false
}

// within puts a path into the folder that a write names.
func (b *bucket) within(path string, opts objectv1.FileOptions) (string, error) {
	if opts.FolderID == nil || *opts.FolderID == "" {
		return path, nil
	}
	dir, ok := b.pathOf(*opts.FolderID)
	if !ok {
		return "", objectv1.ErrParentNotFound
	}
	return join(dir, path), nil
}

func join(dir, name string) string { return strings.TrimPrefix(dir+"/"+name, "/") }

// driveNode gives what is at path, with o.mu held.
func (b *bucket) driveNode(path string) (objectv1.DriveNode, error) {
	n, err := b.node(path)
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	d := objectv1.DriveNode{Node: n, AccountID: strings.TrimSuffix(b.ID, "/"+objectv1.DriveBucket), UpdatedAt: n.CreatedAt}
	if parent := b.folders[dirOf(path)]; parent != nil {
		d.ParentID, d.ParentNumber = parent.id, parent.number
	}
	switch {
	case n.Object != nil:
		d.Number, d.Short = n.Object.File.Number, n.Object.File.Short
		if more := b.o.notes[n.NodeID]; more != nil {
			d.Keywords, d.Description, d.UpdatedAt = more.keywords, more.description, more.updated
		}
	case path != "":
		f := b.folders[path]
		d.Number, d.UpdatedAt, d.Sharing = f.number, f.updated, f.sharing
		d.Tally = b.tally(path)
	}
	return d, nil
}

func (b *bucket) tally(dir string) objectv1.Tally {
	var t objectv1.Tally
	for path := range b.versions {
		cur, ok := b.current(path)
		if !ok || !strings.HasPrefix(path, dir+"/") {
			continue
		}
		t.Bytes += cur.Size
		t.Downloads += cur.File.Downloads
		if dirOf(path) == dir {
			t.Files++
		}
	}
	for path := range b.folders {
		if path != dir && dirOf(path) == dir {
			t.Folders++
		}
	}
	return t
}

// paths lists everything in a drive but its root.
func (b *bucket) paths() []string {
	out := make([]string, 0, len(b.versions)+len(b.folders))
	for path := range b.versions {
		if _, ok := b.current(path); ok {
			out = append(out, path)
		}
	}
	for path := range b.folders {
		out = append(out, path)
	}
	return out
}

// locate finds a node by its id, with o.mu held.
func (b *bucket) locate(nodeID string) (string, bool) {
	for _, path := range b.paths() {
		if n, err := b.node(path); err == nil && n.NodeID == nodeID {
			return path, true
		}
	}
	return "", false
}

// drives gives those that a request may look into, with o.mu held.
func (o *Object) drives(accountID string, anybody bool) []*bucket {
	if !anybody {
		return []*bucket{o.driveOf(accountID)}
	}
	var out []*bucket
	for _, b := range o.buckets {
		if b.folders != nil {
			out = append(out, b)
		}
	}
	return out
}

// FindNode implements objectv1.DriveService.
func (o *Object) FindNode(_ context.Context, r objectv1.FindNodeRequest) (objectv1.DriveNode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.note("FindNode"); err != nil {
		return objectv1.DriveNode{}, err
	}
	if r.NodeID == "" && r.Short == "" && r.Number == 0 && r.Folder {
		return o.driveOf(r.Principal.AccountID).driveNode("")
	}
	named := func(n objectv1.DriveNode) bool {
		return r.NodeID != "" && n.NodeID == r.NodeID || r.Short != "" && n.Short == r.Short || r.Number != 0 && n.Number == r.Number && n.Folder == r.Folder
	}
	for _, b := range o.drives(r.Principal.AccountID, r.Anybody) {
		for _, path := range b.paths() {
			if n, err := b.driveNode(path); err == nil && named(n) {
				return n, nil
			}
		}
		for _, t := range b.trash {
			if r.Trash && named(t.node) {
				return t.node, nil
			}
		}
	}
	return objectv1.DriveNode{}, objectv1.ErrNodeNotFound
}

// ListChildren implements objectv1.DriveService.
func (o *Object) ListChildren(_ context.Context, r objectv1.ListChildrenRequest) (objectv1.ListChildrenResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.note("ListChildren"); err != nil {
		return objectv1.ListChildrenResponse{}, err
	}
	for _, b := range o.drives(r.Principal.AccountID, r.Anybody && r.FolderID != "") {
		dir, ok := b.pathOf(r.FolderID)
		if !ok {
			if _, file := b.locate(r.FolderID); file {
				return objectv1.ListChildrenResponse{}, objectv1.ErrNotAFolder
			}
			continue
		}
		var nodes []objectv1.DriveNode
		for _, path := range b.children(dir) {
			n, err := b.driveNode(path)
			if err != nil || r.Kind != "" && (r.Kind == objectv1.KindFolder) != n.Folder {
				continue
			}
			nodes = append(nodes, withoutManifest(n))
		}
		slices.SortFunc(nodes, func(x, y objectv1.DriveNode) int { return cmp.Compare(sortName(x.Node), sortName(y.Node)) })
		return nodePage(nodes, r.After, r.Limit)
	}
	return objectv1.ListChildrenResponse{}, objectv1.ErrNodeNotFound
}

// sortName puts folders where ListFolder has them.
func sortName(n objectv1.Node) string {
	if n.Folder {
		return n.Name + "/"
	}
	return n.Name
}

// withoutManifest is a node as listings have it.
func withoutManifest(n objectv1.DriveNode) objectv1.DriveNode {
	if n.Object != nil {
		o := *n.Object
		o.Manifest.Segments = nil
		n.Object = &o
	}
	return n
}

// nodePage cuts a page out of nodes; the cursor is a position.
func nodePage(nodes []objectv1.DriveNode, after string, limit int) (objectv1.ListChildrenResponse, error) {
	at := 0
	if after != "" {
		var err error
		if at, err = strconv.Atoi(after); err != nil || at < 0 {
			return objectv1.ListChildrenResponse{}, fault.ErrInvalid.Msgf("the cursor is none of ours")
		}
	}
	if limit < 1 || limit > 1000 {
		return objectv1.ListChildrenResponse{}, fault.ErrInvalid.Msgf("limit is 1 to 1000")
	}
	out := objectv1.ListChildrenResponse{Nodes: nodes[min(at, len(nodes)):]}
	if len(out.Nodes) > limit {
		out.Nodes, out.Next = out.Nodes[:limit], strconv.Itoa(at+limit)
	}
	return out, nil
}
