package domain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// trashSort is what a node sorts by in the trash: what came last is first.
func trashSort(at time.Time, id string) string {
	return fmt.Sprintf("%016x%s", math.MaxInt64-at.UnixMilli(), id)
}

// TrashNode puts a node into the trash with all that is in it. That is one write of
// the node alone: from there on nothing below it has a path.
func (s *Service) TrashNode(ctx context.Context, r objectv1.DriveNodeRequest) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		_, g, err := s.own(ctx, r.Principal, r.NodeID, objectv1.ActionDeleteObject, true)
		if err != nil {
			return none, err
		}
		if g.n.Parent != Trash {
			err = s.tryTrash(ctx, g.n, g.rev)
		}
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return none, err
		}
		return s.reread(ctx, r.NodeID, true)
	}
	return none, errBusy
}

// tryTrash does it: errAgain says that a writer came between. No note of a move is
// needed: what goes out of the tree makes no cycle, and a move of this folder that
// is under way meets another revision.
func (s *Service) tryTrash(ctx context.Context, n Node, rev int64) error {
	if n.State != "" || n.Claim != nil {
		return s.pause(ctx) // it is about to be one thing or the other
	}
	now := s.now()
	n.Trashed = &Trashed{At: now, PurgeAt: now.Add(s.cfg.TrashKeep), Parent: n.Parent, Name: n.Name}
	n.Parent, n.Name, n.Sort, n.Files = Trash, n.ID, trashSort(now, n.ID), ""
	n.ModifiedAt, n.SweepAt = now, n.nextSweep()
	n.recount(now)
	err := s.st.Nodes.Replace(ctx, n, rev)
	if errors.Is(err, ErrStale) {
		return errAgain
	}
	if err != nil {
		return fmt.Errorf("putting a node into the trash: %w", err)
	}
	return nil
}

// RestoreNode takes a node out of the trash.
func (s *Service) RestoreNode(ctx context.Context, r objectv1.DriveNodeRequest) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	if err := s.admit(); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		_, g, err := s.own(ctx, r.Principal, r.NodeID, objectv1.ActionPutObject, true)
		if err == nil && g.n.Parent != Trash {
			err = objectv1.ErrNodeNotFound
		}
		if err == nil {
			err = s.tryRestore(ctx, g.n)
		}
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return none, err
		}
		return s.reread(ctx, r.NodeID, false)
	}
	return none, errBusy
}

// tryRestore brings a node back to where it was, or into the root: errAgain says
// that a writer came between.
func (s *Service) tryRestore(ctx context.Context, n Node) error {
	if n.State != "" || n.Claim != nil {
		return s.pause(ctx)
	}
	above := rootOf(n.Account)
	if n.Trashed.Parent != Root {
		found, _, err := s.folderNamed(ctx, n.Account, &n.Trashed.Parent)
		switch {
		case err == nil:
			above = found
		case !errors.Is(err, objectv1.ErrParentNotFound):
			return err
		}
	}
	name, err := s.freeName(ctx, n.Account, above.ID, n.Trashed.Name)
	if err != nil {
		return err
	}
	_, err = s.tree.Restore(ctx, n.Account, n.ID, above.ID, name)
	switch {
	case errors.Is(err, objectv1.ErrNodeExists):
		return errAgain // somebody was faster
	case err != nil:
		return gone(err) // the node, or the folder
	}
	// Whoever removes the folder marks it first, and so either finds the node or is
	// seen here.
	err = s.tree.folder(ctx, n.Account, above.ID)
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		_, err = s.tree.Move(ctx, n.Account, n.ID, Root, n.Trashed.Name, true)
	}
	return err
}

// PurgeNode removes what lies in the trash for good.
func (s *Service) PurgeNode(ctx context.Context, r objectv1.DriveNodeRequest) (objectv1.Empty, error) {
	return objectv1.Empty{}, s.removeFound(ctx, actorOf(r.Principal, r.Origin), func(ctx context.Context) (Node, error) { return s.purgeable(ctx, r) })
}

// purgeable finds what is to be purged; what is half removed is found too.
func (s *Service) purgeable(ctx context.Context, r objectv1.DriveNodeRequest) (Node, error) {
	if _, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionDeleteObject, ""); err != nil {
		return Node{}, err
	}
	if !isNodeID(r.NodeID) {
		return Node{}, objectv1.ErrNodeNotFound
	}
	n, _, err := s.tree.get(ctx, r.Principal.AccountID, r.NodeID)
	if err == nil && n.Parent != Trash {
		err = objectv1.ErrNodeNotFound
	}
	return n, err
}

// removeSome removes a folder as far as it comes: the sweep has other things to do,
// and comes back to it.
func (s *Service) removeSome(ctx context.Context, n Node) error {
	ctx, cancel := context.WithTimeout(ctx, purgeTurn)
	defer cancel()
	return moved(s.removeFolder(ctx, n, Actor{Account: n.Account}))
}
