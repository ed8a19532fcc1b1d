package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// errMuch is the answer when a folder holds more than one call can remove.
var errMuch = fault.ErrUnavailable.Msgf("the folder holds so much that its removal still goes on; repeat the request").After(5 * time.Second)

// RemoveNode removes a file, or a folder with all that is in it.
func (s *Service) RemoveNode(ctx context.Context, r objectv1.RemoveNodeRequest) (objectv1.Empty, error) {
	none := objectv1.Empty{}
	if r.Path == "" && r.NodeID == "" {
		return none, objectv1.ErrInvalidKey.Msgf("the root stays")
	}
	if r.Principal.AccountID == "" {
		return none, errNobody
	}
	return none, s.removeFound(ctx, actorOf(r.Principal, r.Origin), func(ctx context.Context) (Node, error) { return s.removable(ctx, r) })
}

// removeFound removes what find finds, and finds it again where somebody else
// changed it meanwhile. A caller that leaves does not stop it.
func (s *Service) removeFound(ctx context.Context, by Actor, find func(ctx context.Context) (Node, error)) error {
	if err := s.admit(); err != nil {
		return err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		n, err := find(ctx)
		if err != nil {
			return err
		}
		err = s.removeNode(ctx, n, by)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil && ctx.Err() != nil {
			err = errMuch.Because(err)
		}
		return err
	}
	return errBusy
}

// removable finds what a removal names. What is half removed is found too.
func (s *Service) removable(ctx context.Context, r objectv1.RemoveNodeRequest) (Node, error) {
	account := r.Principal.AccountID
	var n Node
	var err error
	path := r.Path
	if path == "" {
		if n, _, err = s.tree.get(ctx, account, r.NodeID); err == nil {
			path, err = s.pathOf(ctx, n)
		}
	}
	if err == nil {
		_, _, err = s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionDeleteObject, path)
	}
	if err == nil && r.Path != "" {
		n, err = s.nodeFor(ctx, account, r.Path)
	}
	if err != nil || n.Folder || n.State == NodeRemoving {
		return n, err
	}
	h, err := s.showing(ctx, n)
	if err == nil && !h.Visible() {
		err = objectv1.ErrNodeNotFound
	}
	return n, err
}

// removeNode removes a node that was found at its place. When it is somewhere else
// by now that is errAgain; when it is gone, nothing is to be done.
func (s *Service) removeNode(ctx context.Context, n Node, who Actor) error {
	if n.Folder {
		return s.removeFolder(ctx, n, who)
	}
	rev, err := s.markRemoving(ctx, &n)
	if err != nil || rev == 0 {
		return err
	}
	return s.finishFile(ctx, n, rev, who)
}

// markRemoving decides a node's removal in its own document; from there on nothing
// comes into it. It gives the document's revision, 0 when it is gone. In the trash
// the sort key tells whether the node was out of it meanwhile.
func (s *Service) markRemoving(ctx context.Context, n *Node) (int64, error) {
	for range casAttempts {
		cur, rev, err := s.st.Nodes.Get(ctx, n.ID)
		switch {
		case errors.Is(err, ErrNoDocument):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("reading a node: %w", err)
		case cur.Parent != n.Parent || cur.Name != n.Name || cur.Sort != n.Sort:
			return 0, errAgain
		}
		if *n = cur; cur.State == NodeRemoving {
			return rev, nil
		}
		n.State, n.SweepAt, n.RecountAt = NodeRemoving, s.now().Add(repairAfter), s.now()
		err = s.st.Nodes.Replace(ctx, *n, rev)
		if err == nil {
			faultpoint.Hit("object.node.removing")
			return rev + 1, nil
		}
		if !errors.Is(err, ErrStale) {
			return 0, fmt.Errorf("marking a node: %w", err)
		}
	}
	return 0, errBusy
}

// removeFolder removes a folder with all that is in it. The folder is marked
// before anybody looks into it, and goes when nothing is found in it any more;
// whoever puts something there looks at the folder behind that. Any number may do
// it at once, and go on with what others left.
func (s *Service) removeFolder(ctx context.Context, n Node, who Actor) error {
	for range casAttempts {
		rev, err := s.markRemoving(ctx, &n)
		if err != nil || rev == 0 {
			return err
		}
		if err := s.emptyFolder(ctx, n, who); err != nil {
			return err
		}
		faultpoint.Hit("object.folder.emptied")
		err = s.deleteNode(ctx, n, rev)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return fmt.Errorf("removing a folder: %w", err)
		}
		return nil
	}
	return errBusy
}

// emptyFolder removes what is in a folder, until there is nothing.
func (s *Service) emptyFolder(ctx context.Context, n Node, who Actor) error {
	for {
		page, err := s.st.Nodes.Children(ctx, n.Account, n.ID, "", folderFetch)
		if err != nil {
			return fmt.Errorf("looking into a folder: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		if err := s.removeAll(ctx, page, who); err != nil {
			return err
		}
	}
}

// removeAll removes some of what a folder holds: files side by side, folders one
// after the other, so that a deep tree does not make ever more of them at once.
func (s *Service) removeAll(ctx context.Context, page []Node, who Actor) error {
	if err := s.admit(); err != nil {
		return err // the events of what was removed go out first
	}
	err := together(len(page), func(i int) error {
		if page[i].Folder {
			return nil
		}
		return moved(s.removeNode(ctx, page[i], who))
	})
	for _, n := range page {
		if err == nil && n.Folder {
			err = moved(s.removeFolder(ctx, n, who))
		}
	}
	return err
}

// moved takes it for success that a node went to another folder meanwhile.
func moved(err error) error {
	if errors.Is(err, errAgain) {
		return nil
	}
	return err
}

// sweepFolder looks at a folder that was made or moved a while ago, or whose
// removal broke off.
func (s *Service) sweepFolder(ctx context.Context, n Node, rev int64) error {
	if n.State != "" || n.Trashed != nil && !n.Trashed.PurgeAt.After(s.now()) {
		return s.removeSome(ctx, n)
	}
	home, err := s.housed(ctx, n, rev)
	if err != nil || !home {
		return err
	}
	n.SweepAt = n.nextSweep()
	if err := s.st.Nodes.Replace(ctx, n, rev); err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("noting that a folder was looked at: %w", err)
	}
	return nil
}

// housed reports whether the folder stands that a node is in. When it is being
// removed the node waits for that. When it is gone, whoever brought the node there
// died before it looked behind: a folder without anything in it goes, and anything
// else comes into the root, so that nothing is lost.
func (s *Service) housed(ctx context.Context, n Node, rev int64) (bool, error) {
	if n.Parent == Root || n.Parent == n.ID || n.Parent == Trash {
		return true, nil
	}
	above, _, err := s.st.Nodes.Get(ctx, n.Parent)
	switch {
	case err == nil && above.State == "":
		return true, nil
	case err == nil:
		n.SweepAt = s.now().Add(repairAfter)
		err = s.st.Nodes.Replace(ctx, n, rev)
	case errors.Is(err, ErrNoDocument):
		err = s.bringHome(ctx, n, rev)
	}
	if err != nil && !errors.Is(err, ErrStale) {
		return false, fmt.Errorf("looking after a node without a folder: %w", err)
	}
	return false, nil
}

// bringHome puts a node whose folder is gone into the root.
func (s *Service) bringHome(ctx context.Context, n Node, rev int64) error {
	if n.Folder {
		page, err := s.st.Nodes.Children(ctx, n.Account, n.ID, "", 1)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return moved(s.removeFolder(ctx, n, Actor{Account: n.Account}))
		}
	}
	n.Parent = Root
	n.recount(s.now())
	n.SweepAt = n.nextSweep()
	return s.tree.naming(&n, true, func() error { return s.st.Nodes.Replace(ctx, n, rev) })
}
