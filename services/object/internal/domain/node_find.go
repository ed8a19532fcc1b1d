package domain

import (
	"context"
	"errors"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// sight is a node that was found by its id, as readers see it.
type sight struct {
	n    Node
	rev  int64
	path string // what lies in the trash has none
	h    Head   // of a file
}

// sight finds a node that is there for readers: object.node_not_found otherwise.
// What lies in the trash itself is found with trash alone, what lies deeper in it
// never. Guests' files are in nobody's drive.
func (s *Service) sight(ctx context.Context, id string, trash bool) (sight, error) {
	if !isNodeID(id) {
		return sight{}, objectv1.ErrNodeNotFound
	}
	n, rev, err := s.st.Nodes.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return sight{}, objectv1.ErrNodeNotFound
	}
	if err != nil {
		return sight{}, fmt.Errorf("reading a node: %w", err)
	}
	return s.sightOf(ctx, n, rev, trash)
}

// sightOf is sight of a node that was read already.
func (s *Service) sightOf(ctx context.Context, n Node, rev int64, trash bool) (sight, error) {
	g := sight{n: n, rev: rev}
	if n.State == NodeRemoving || n.Account == objectv1.GuestAccount || n.Parent == Trash && !trash {
		return g, objectv1.ErrNodeNotFound
	}
	var err error
	if n.Parent != Trash {
		if g.path, err = s.pathOf(ctx, n); err != nil {
			return g, err
		}
	}
	if n.Folder {
		return g, nil
	}
	if g.h, err = s.showing(ctx, n); err == nil && !g.h.Visible() {
		err = objectv1.ErrNodeNotFound
	}
	return g, err
}

// own finds a node of the principal's, and decides what it wants to do with it.
// What lies in the trash takes somebody who may do it with the whole drive.
func (s *Service) own(ctx context.Context, p authv1.Principal, id string, a objectv1.Action, trash bool) (Bucket, sight, error) {
	if p.AccountID == "" {
		return Bucket{}, sight{}, errNobody
	}
	g, err := s.sight(ctx, id, trash)
	if err == nil && g.n.Account != p.AccountID {
		err = objectv1.ErrNodeNotFound
	}
	if errors.Is(err, objectv1.ErrNodeNotFound) { // who may nothing at all is not told what there is
		_, _, refused := s.authorize(ctx, p, objectv1.DriveBucket, objectv1.ActionGetBucket, "")
		return Bucket{}, g, firstFault(refused, err)
	}
	if err != nil {
		return Bucket{}, g, err
	}
	b, _, err := s.authorize(ctx, p, objectv1.DriveBucket, a, g.path)
	return b, g, err
}

// folderNamed finds a folder of the account into which something should come, with
// its path; nil and "" are the root.
func (s *Service) folderNamed(ctx context.Context, account string, id *string) (Node, string, error) {
	if id == nil || *id == "" {
		return rootOf(account), "", nil
	}
	g, err := s.sight(ctx, *id, false)
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound) || err == nil && (g.n.Account != account || g.n.Folder && g.n.State != ""):
		return g.n, "", objectv1.ErrParentNotFound
	case err == nil && !g.n.Folder:
		return g.n, "", objectv1.ErrNotAFolder
	}
	return g.n, g.path, err
}

// keyOf is the path of a write, which grants are held against. It starts from a
// folder that is named by its id.
func (s *Service) keyOf(ctx context.Context, p authv1.Principal, bucket, key string, o *objectv1.FileOptions) (string, error) {
	if bucket != objectv1.DriveBucket || p.AccountID == "" || p.KeyID == "" || o == nil || o.FolderID == nil {
		return key, nil
	}
	_, base, err := s.folderNamed(ctx, p.AccountID, o.FolderID)
	return under(base, key), err
}

// FindNode finds a node by one of its names.
func (s *Service) FindNode(ctx context.Context, r objectv1.FindNodeRequest) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	if r.NodeID == "" && r.Short == "" && r.Number == 0 {
		if !r.Folder {
			return none, objectv1.ErrNodeNotFound
		}
		b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionGetObject, "")
		if err != nil {
			return none, err
		}
		root, _, err := s.st.Tallies.Root(ctx, b.Account)
		if err != nil {
			return none, fmt.Errorf("reading the sums of the drive: %w", err)
		}
		out := b.rootView()
		out.Tally = root.Tally.view()
		return out, nil
	}
	for range casAttempts {
		id, err := s.nodeNamed(ctx, r)
		if err != nil {
			return none, err
		}
		b, g, err := s.seen(ctx, r.Principal, r.Anybody, id, r.Trash)
		if err != nil {
			return none, err
		}
		n, err := s.driveNode(ctx, b, g, true)
		if !errors.Is(err, errAgain) {
			return n, err
		}
	}
	return none, errBusy
}

// nodeNamed is the id of the node that r names.
func (s *Service) nodeNamed(ctx context.Context, r objectv1.FindNodeRequest) (string, error) {
	var n Node
	var err error
	switch {
	case r.NodeID != "":
		return r.NodeID, nil
	case r.Short != "":
		if !isShort(r.Short) {
			return "", objectv1.ErrNodeNotFound
		}
		n, _, err = s.st.Nodes.ByShort(ctx, r.Short)
	default:
		n, _, err = s.st.Nodes.ByNumber(ctx, r.Folder, r.Number)
	}
	if errors.Is(err, ErrNoDocument) {
		return "", objectv1.ErrNodeNotFound
	}
	if err != nil {
		return "", fmt.Errorf("finding a node: %w", err)
	}
	return n.ID, nil
}

// seen finds a node for who reads it: its owner, or anybody.
func (s *Service) seen(ctx context.Context, p authv1.Principal, anybody bool, id string, trash bool) (Bucket, sight, error) {
	if !anybody {
		return s.own(ctx, p, id, objectv1.ActionGetObject, trash)
	}
	g, err := s.sight(ctx, id, trash)
	return driveOf(g.n.Account, g.n.Region), g, err
}

// rootView is the root as its owner sees it.
func (b Bucket) rootView() objectv1.DriveNode {
	return objectv1.DriveNode{Node: rootOf(b.Account).folderView(b, ""), AccountID: b.Account, UpdatedAt: b.CreatedAt}
}

// driveNode is a node as those see it who name things by ids; errAgain says that a
// writer came between.
func (s *Service) driveNode(ctx context.Context, b Bucket, g sight, manifest bool) (objectv1.DriveNode, error) {
	parent := int64(0)
	if g.n.Parent != Root && g.n.Parent != Trash {
		up, _, err := s.st.Nodes.Get(ctx, g.n.Parent)
		if errors.Is(err, ErrNoDocument) {
			return objectv1.DriveNode{}, errAgain
		}
		if err != nil {
			return objectv1.DriveNode{}, fmt.Errorf("reading a folder: %w", err)
		}
		if up, err = s.numbered(ctx, up); err != nil {
			return objectv1.DriveNode{}, err
		}
		parent = up.Number
	}
	return s.driveNodeIn(ctx, b, g, parent, manifest)
}

// driveNodeIn is driveNode in a folder whose number is known.
func (s *Service) driveNodeIn(ctx context.Context, b Bucket, g sight, parent int64, manifest bool) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	n, err := s.numbered(ctx, g.n)
	if err != nil {
		return none, err
	}
	out := objectv1.DriveNode{
		AccountID: n.Account, Number: n.Number, Short: n.Short, ParentNumber: parent, UpdatedAt: n.ModifiedAt,
		Keywords: n.Keywords, Description: n.Description, Sharing: objectv1.Sharing{Visibility: n.Visibility, PasswordHash: n.PasswordHash},
	}
	if n.Parent != Root && n.Parent != Trash {
		out.ParentID = n.Parent
	}
	if t := n.Trashed; t != nil {
		out.Trashed = &objectv1.Trashed{At: t.At, PurgedAt: t.PurgeAt, ParentID: t.Parent, Name: t.Name}
		if t.Parent == Root {
			out.Trashed.ParentID = ""
		}
	}
	if n.Folder {
		out.Node = n.folderView(b, g.path)
		out.Name, out.Tally = n.title(), n.Tally.view()
		return out, nil
	}
	o, err := s.readFile(ctx, n, g.h, g.path, manifest)
	if err != nil {
		return none, err
	}
	out.Node = objectv1.Node{
		NodeID: n.ID, Path: g.path, Name: n.title(), CreatedAt: n.CreatedAt, ModTime: o.File.ModTime, Object: &o,
	}
	return out, nil
}
