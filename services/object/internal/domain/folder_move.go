package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// MoveNode gives a file or a folder another path. With Replace what is there goes
// first: a move that breaks off behind that has moved nothing.
func (s *Service) MoveNode(ctx context.Context, r objectv1.MoveNodeRequest) (objectv1.Node, error) {
	none := objectv1.Node{}
	from, err := SplitPath(r.From)
	if err != nil {
		return none, err
	}
	to, err := SplitPath(r.To)
	if err != nil {
		return none, err
	}
	if _, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionDeleteObject, r.From); err != nil {
		return none, err
	}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, r.To)
	if err != nil {
		return none, err
	}
	if err := firstFault(s.open(ctx, b.Account), s.admit()); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		n, err := s.tryMove(ctx, moving{b: b, from: from, to: to, r: r})
		if err == nil {
			n, err := s.look(ctx, b, n, r.To, true)
			if !errors.Is(err, errAgain) {
				return n, err
			}
			return s.StatNode(ctx, objectv1.NodeRequest{Principal: r.Principal, Path: r.To})
		}
		if !errors.Is(err, errAgain) {
			return none, err
		}
	}
	return none, errBusy
}

// moving is a move as it was asked for.
type moving struct {
	b        Bucket
	from, to []string
	r        objectv1.MoveNodeRequest
}

// tryMove does a move, or says by errAgain that a writer came between.
func (s *Service) tryMove(ctx context.Context, m moving) (Node, error) {
	n, err := s.movable(ctx, m)
	if err != nil || m.r.From == m.r.To {
		return n, err
	}
	above, err := s.folderAt(ctx, m.b.Account, m.to[:len(m.to)-1], false)
	if err != nil {
		return n, err
	}
	if n.Folder {
		if err := s.tree.outside(ctx, m.b.Account, above.ID, n.ID); err != nil {
			return n, err
		}
	}
	name := m.to[len(m.to)-1]
	there, rev, err := s.child(ctx, m.b.Account, above.ID, name)
	switch {
	case err == nil:
		if err := s.clearWay(ctx, m, there, rev); err != nil {
			return n, err
		}
	case !errors.Is(err, objectv1.ErrNodeNotFound):
		return n, err
	}
	n, err = s.move(ctx, n, above, name)
	if m.r.Replace && errors.Is(err, objectv1.ErrNodeExists) {
		err = errAgain // something came to the name just now
	}
	return n, err
}

// movable finds what is to be moved.
func (s *Service) movable(ctx context.Context, m moving) (Node, error) {
	n, err := s.nodeFor(ctx, m.b.Account, m.r.From)
	if err != nil {
		return n, err
	}
	if n.State == NodeRemoving {
		return n, objectv1.ErrNodeNotFound
	}
	if n.Folder {
		return n, nil
	}
	h, err := s.showing(ctx, n)
	if err == nil && !h.Visible() {
		err = objectv1.ErrNodeNotFound
	}
	return n, err
}

// clearWay removes what is where something is moved to, if that is asked for. What
// is on its way out, or keeps the name although no write goes on with it, goes in
// any case.
func (s *Service) clearWay(ctx context.Context, m moving, there Node, rev int64) error {
	who := actorOf(m.r.Principal, m.r.Origin)
	if there.State == NodeRemoving {
		return s.removeNode(ctx, there, Actor{Account: there.Account})
	}
	if !there.Folder {
		h, err := s.showing(ctx, there)
		if err != nil {
			return err
		}
		if !h.Visible() {
			return s.makeWay(ctx, there, rev, h)
		}
	}
	switch {
	case !m.r.Replace:
		return objectv1.ErrNodeExists
	case strings.HasPrefix(m.r.From, m.r.To+"/"):
		return objectv1.ErrNodeCycle.Msgf("what is moved lies in what it would replace")
	}
	return s.removeNode(ctx, there, who)
}

// move carries a move out, and looks then whether the folder still takes the node:
// whoever removes it marks it first, and so either finds the node or is seen here.
// Then the node goes back.
func (s *Service) move(ctx context.Context, n, above Node, name string) (Node, error) {
	to, err := s.tree.MoveSeen(ctx, n, above.ID, name)
	if err != nil || above.ID == n.Parent {
		return to, err
	}
	err = s.tree.folder(ctx, n.Account, above.ID)
	if !errors.Is(err, objectv1.ErrNodeNotFound) {
		return to, err
	}
	if _, berr := s.tree.Move(ctx, n.Account, n.ID, n.Parent, n.Name, true); berr != nil && !errors.Is(berr, objectv1.ErrNodeNotFound) {
		return to, fmt.Errorf("moving a node back: %w", berr)
	}
	return to, err
}
