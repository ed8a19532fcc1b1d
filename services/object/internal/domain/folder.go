package domain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

const (
	maxFolderPage = 1000
	// folderFetch is how many nodes of a folder are read, with what they show, at a time.
	folderFetch = 100
)

// StatNode finds a file or a folder of the drive.
func (s *Service) StatNode(ctx context.Context, r objectv1.NodeRequest) (objectv1.Node, error) {
	none := objectv1.Node{}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionGetObject, r.Path)
	if err != nil {
		return none, err
	}
	for range casAttempts {
		n, err := s.nodeFor(ctx, b.Account, r.Path)
		if err != nil {
			return none, err
		}
		got, err := s.look(ctx, b, n, r.Path, true)
		if !errors.Is(err, errAgain) {
			return got, err
		}
	}
	return none, errBusy
}

// nodeFor is nodeAt for those who look for what is there: behind a file nothing is.
func (s *Service) nodeFor(ctx context.Context, account, path string) (Node, error) {
	n, _, err := s.nodeAt(ctx, account, path)
	if errors.Is(err, objectv1.ErrNotAFolder) {
		err = objectv1.ErrNodeNotFound
	}
	return n, err
}

// look is a node as its owner sees it: object.node_not_found when it is a file
// that readers do not see, errAgain when a writer came between.
func (s *Service) look(ctx context.Context, b Bucket, n Node, path string, manifest bool) (objectv1.Node, error) {
	if n.Folder {
		return n.folderView(b, path), nil
	}
	h, err := s.showing(ctx, n)
	if err != nil {
		return objectv1.Node{}, err
	}
	if !h.Visible() {
		return objectv1.Node{}, objectv1.ErrNodeNotFound
	}
	o, err := s.readFile(ctx, n, h, path, manifest)
	if err != nil {
		return objectv1.Node{}, err
	}
	return objectv1.Node{
		NodeID: n.ID, Path: path, Name: n.Name, CreatedAt: n.CreatedAt, ModTime: o.File.ModTime, Object: &o,
	}, nil
}

// folderView is a folder as its owner sees it.
func (n Node) folderView(b Bucket, path string) objectv1.Node {
	if n.ID == Root {
		return objectv1.Node{Folder: true, CreatedAt: b.CreatedAt, ModTime: b.CreatedAt}
	}
	return objectv1.Node{NodeID: n.ID, Path: path, Name: n.Name, Folder: true, CreatedAt: n.CreatedAt, ModTime: n.ModifiedAt}
}

// under is the path of a name in a folder.
func under(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

// depth is how many names a path has.
func depth(path string) int {
	if path == "" {
		return 0
	}
	return strings.Count(path, "/") + 1
}

// ListFolder gives a page of what a folder holds.
func (s *Service) ListFolder(ctx context.Context, r objectv1.ListFolderRequest) (objectv1.ListFolderResponse, error) {
	out := objectv1.ListFolderResponse{Nodes: []objectv1.Node{}}
	prefix := r.Path
	if prefix != "" {
		prefix += "/"
	}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionListObjects, prefix)
	if err != nil {
		return out, err
	}
	if r.Limit < 1 || r.Limit > maxFolderPage {
		return out, fault.ErrInvalid.Msgf("limit is 1 to %d", maxFolderPage)
	}
	if len(r.After) > maxNodeName+1 || !utf8.ValidString(r.After) || strings.IndexByte(r.After, 0) >= 0 {
		return out, fault.ErrInvalid.Msgf("after is the next of the page before")
	}
	folder, _, err := s.nodeAt(ctx, b.Account, r.Path)
	if err != nil {
		return out, err
	}
	if !folder.Folder {
		_, err := s.look(ctx, b, folder, r.Path, false)
		return out, firstFault(err, objectv1.ErrNotAFolder)
	}
	return out, s.fillFolder(ctx, b, folder, r, &out)
}

// fillFolder reads a folder until the page is full.
func (s *Service) fillFolder(ctx context.Context, b Bucket, folder Node, r objectv1.ListFolderRequest, out *objectv1.ListFolderResponse) error {
	p := folderPage{out: out, limit: r.Limit}
	for after := r.After; ; {
		from := ""
		if after != "" {
			from = after + "\x00" // the next sort key there can be
		}
		fetch := min(folderFetch, r.Limit-len(out.Nodes)+1)
		page, err := s.st.Nodes.Children(ctx, b.Account, folder.ID, from, fetch)
		if err != nil {
			return fmt.Errorf("listing a folder: %w", err)
		}
		views := make([]*objectv1.Node, len(page))
		err = together(len(page), func(i int) (err error) {
			views[i], err = s.listedNode(ctx, b, page[i], under(r.Path, page[i].Name))
			return err
		})
		if err != nil {
			return err
		}
		for i, view := range views {
			full, err := p.add(view)
			if err != nil {
				return err
			}
			if full {
				out.Next = after
				return nil
			}
			after = page[i].Sort
		}
		if len(page) < fetch {
			return nil
		}
	}
}

// folderPage is a page that is being filled.
type folderPage struct {
	out   *objectv1.ListFolderResponse
	limit int
	bytes int
}

// add takes an entry into the page, nil is none, or reports that it is full.
func (p *folderPage) add(view *objectv1.Node) (full bool, err error) {
	if len(p.out.Nodes) == p.limit {
		return true, nil
	}
	if view == nil {
		return false, nil
	}
	raw, err := json.Marshal(view)
	if err != nil {
		return false, fmt.Errorf("measuring an entry: %w", err)
	}
	if p.bytes += len(raw) + 1; p.bytes > maxListBytes && len(p.out.Nodes) > 0 {
		return true, nil
	}
	p.out.Nodes = append(p.out.Nodes, *view)
	return false, nil
}

// listedNode is a node of a listing, nil when readers do not see it.
func (s *Service) listedNode(ctx context.Context, b Bucket, n Node, path string) (*objectv1.Node, error) {
	for range casAttempts {
		view, err := s.look(ctx, b, n, path, false)
		switch {
		case err == nil:
			return &view, nil
		case errors.Is(err, objectv1.ErrNodeNotFound):
			return nil, nil
		case !errors.Is(err, errAgain):
			return nil, err
		}
	}
	return nil, errBusy
}

// MakeFolder makes a folder, and with Parents those above it that are missing.
func (s *Service) MakeFolder(ctx context.Context, r objectv1.MakeFolderRequest) (objectv1.Node, error) {
	none := objectv1.Node{}
	names, err := SplitPath(r.Path)
	if err != nil {
		return none, err
	}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, r.Path)
	if err != nil {
		return none, err
	}
	if err := s.open(ctx, b.Account); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		n, err := s.tryMakeFolder(ctx, b.Account, names, r.Parents)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return none, err
		}
		return n.folderView(b, r.Path), nil
	}
	return none, errBusy
}

// tryMakeFolder makes the folder that names lead to; errAgain says that something
// in its way was taken away.
func (s *Service) tryMakeFolder(ctx context.Context, account string, names []string, parents bool) (Node, error) {
	above, err := s.folderAt(ctx, account, names[:len(names)-1], parents)
	if err != nil {
		return Node{}, err
	}
	n, made, err := s.makeFolder(ctx, above, names[len(names)-1], objectv1.Sharing{})
	switch {
	case err != nil || made:
		return n, err
	case n.State == NodeRemoving:
		return n, firstFault(s.removeNode(ctx, n, Actor{Account: account}), errAgain)
	}
	return n, objectv1.ErrNodeExists
}

// folderAt finds the folder that these names lead to from the root; with make it
// makes what is missing. It is object.not_a_folder when a file is in the way. A
// folder that is being removed counts as gone.
func (s *Service) folderAt(ctx context.Context, account string, names []string, make bool) (Node, error) {
	return s.folderFrom(ctx, rootOf(account), names, make)
}

// folderFrom is folderAt from another folder on.
func (s *Service) folderFrom(ctx context.Context, at Node, names []string, make bool) (Node, error) {
	for _, name := range names {
		next, _, err := s.child(ctx, at.Account, at.ID, name)
		if make {
			next, err = s.folderOr(ctx, at, name, next, err)
		}
		switch {
		case err != nil:
			return at, err
		case !next.Folder:
			return at, objectv1.ErrNotAFolder
		case next.State != "":
			return at, objectv1.ErrNodeNotFound
		}
		at = next
	}
	return at, nil
}

// folderOr gives a folder that was looked for, or makes it.
func (s *Service) folderOr(ctx context.Context, above Node, name string, found Node, err error) (Node, error) {
	for range casAttempts {
		switch {
		case errors.Is(err, objectv1.ErrNodeNotFound):
			found, _, err = s.makeFolder(ctx, above, name, objectv1.Sharing{})
		case err == nil && found.Folder && found.State != "":
			if err := s.removeFolder(ctx, found, Actor{Account: found.Account}); err != nil {
				return found, err
			}
			found, _, err = s.child(ctx, above.Account, above.ID, name)
			continue
		}
		return found, err
	}
	return found, errBusy
}

// makeFolder makes a folder, or gives the node that has its name. It comes with
// a time for the sweep, which looks whether the folder that it is in still stands.
func (s *Service) makeFolder(ctx context.Context, above Node, name string, sharing objectv1.Sharing) (n Node, made bool, err error) {
	for range casAttempts {
		now := s.now()
		n = Node{
			ID: newNodeID(), Account: above.Account, Parent: above.ID, Name: name, Sort: sortKey(name, true), Folder: true,
			CreatedAt: now, ModifiedAt: now, SweepAt: now.Add(repairAfter), Visibility: sharing.Visibility, PasswordHash: sharing.PasswordHash,
		}
		n.recount(now)
		if err := s.number(ctx, &n); err != nil {
			return n, false, err
		}
		err = s.insertInto(ctx, n)
		if !errors.Is(err, errAgain) {
			return n, err == nil, err
		}
		found, _, err := s.child(ctx, above.Account, above.ID, name)
		if !errors.Is(err, objectv1.ErrNodeNotFound) {
			return found, false, err
		}
		if err := s.tree.folder(ctx, above.Account, above.ID); err != nil {
			return n, false, err
		}
	}
	return n, false, errBusy
}

// insertInto inserts a node and looks then whether its folder still takes it:
// whoever removes a folder marks it first, and so either finds the node or is seen
// here. errAgain says that the name is taken, or that the folder went.
func (s *Service) insertInto(ctx context.Context, n Node) error {
	err := s.st.Nodes.Insert(ctx, n)
	if errors.Is(err, ErrTaken) {
		return errAgain
	}
	if err != nil {
		return fmt.Errorf("inserting a node: %w", err)
	}
	if n.Parent == n.ID {
		return nil
	}
	faultpoint.Hit("object.node.inserted")
	err = s.tree.folder(ctx, n.Account, n.Parent)
	if !errors.Is(err, objectv1.ErrNodeNotFound) {
		return err
	}
	if err := s.removeNode(ctx, n, Actor{Account: n.Account}); err != nil {
		return err
	}
	return errAgain
}
