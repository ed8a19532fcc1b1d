package domain

import (
	"context"
	"errors"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// finishFile brings the removal of a file to its end, which its node has decided.
// Its object goes, which raises the head's revision in any case, so that a write
// that had seen the node before cannot bring another one; then the node goes.
func (s *Service) finishFile(ctx context.Context, n Node, rev int64, who Actor) error {
	path, _, err := s.pathIn(ctx, n)
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		path, err = n.title(), nil // its folder went before it
	}
	if err != nil {
		return err
	}
	if err := s.emptyHead(ctx, n, n.Account, path, who); err != nil {
		return err
	}
	if n.Claim != nil {
		if err := s.emptyHead(ctx, n, objectv1.GuestAccount, n.Claim.Name, Actor{Account: objectv1.GuestAccount}); err != nil {
			return err
		}
	}
	faultpoint.Hit("object.file.emptied")
	for range casAttempts {
		err := s.deleteNode(ctx, n, rev)
		if !errors.Is(err, ErrStale) {
			return err
		}
		// Somebody counted a download, or finished this.
		if n, rev, err = s.st.Nodes.Get(ctx, n.ID); errors.Is(err, ErrNoDocument) || err == nil && n.State != NodeRemoving {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a file again: %w", err)
		}
	}
	return errBusy
}

// emptyHead removes what a file shows in an account's drive. The head's revision
// is raised in any case.
func (s *Service) emptyHead(ctx context.Context, n Node, account, path string, who Actor) error {
	b := driveOf(account, n.Region)
	for range casAttempts {
		h, rev, err := s.st.Heads.Get(ctx, b.ID, n.ID)
		if err != nil {
			return fmt.Errorf("reading the head: %w", err)
		}
		if h.Current != "" {
			err = s.removeCurrent(ctx, b, h, rev, path, who)
		} else {
			h.Seq = s.nextSeq(h.Seq)
			err = s.st.Heads.Put(ctx, s.swept(h), rev)
		}
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}

// buryNode takes a node away that shows no object and that nobody's write goes on
// with. A write may be about to bring one: so the node is doubted first, the
// head's revision is raised then, and what the head shows after that decides.
// When somebody else came between, nothing is done.
func (s *Service) buryNode(ctx context.Context, n Node, rev int64) error {
	n.State, n.SweepAt = NodeDoubted, s.now().Add(repairAfter)
	err := s.st.Nodes.Replace(ctx, n, rev)
	if errors.Is(err, ErrStale) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("doubting a file: %w", err)
	}
	faultpoint.Hit("object.file.doubted")
	visible, err := s.fenceFile(ctx, n)
	if err != nil {
		return err
	}
	if visible {
		n.State, n.SweepAt = "", n.nextSweep()
		err = s.st.Nodes.Replace(ctx, n, rev+1)
	} else {
		err = s.deleteNode(ctx, n, rev+1)
	}
	if err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("taking a name back: %w", err)
	}
	return nil
}

// fenceFile raises the revision of a head that shows nothing, or reports that it
// shows something.
func (s *Service) fenceFile(ctx context.Context, n Node) (visible bool, err error) {
	for range casAttempts {
		h, rev, err := s.st.Heads.Get(ctx, driveID(n.Account), n.ID)
		if err != nil {
			return false, fmt.Errorf("reading the head: %w", err)
		}
		if h.Visible() {
			return true, nil
		}
		h.Seq = s.nextSeq(h.Seq)
		err = s.st.Heads.Put(ctx, s.swept(h), rev)
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, ErrStale) {
			return false, fmt.Errorf("fencing the head: %w", err)
		}
	}
	return false, errBusy
}

// sweepNodes looks at the nodes whose time has come: names that are kept for
// nobody, files that expired, removals and registrations that broke off.
func (s *Service) sweepNodes(ctx context.Context) error {
	due := func(limit int) ([]Node, error) { return s.st.Nodes.Due(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(n Node) string { return n.ID }, func(n Node) error {
		if err := s.sweepNode(ctx, n.ID); err != nil {
			return fmt.Errorf("sweeping node %s: %w", n.ID, err)
		}
		return nil
	})
}

func (s *Service) sweepNode(ctx context.Context, id string) error {
	n, rev, err := s.st.Nodes.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) || err == nil && (n.SweepAt.IsZero() || n.SweepAt.After(s.now())) {
		return nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("reading a node: %w", err)
	case n.Folder:
		return s.sweepFolder(ctx, n, rev)
	case n.State == NodeRemoving:
		return s.finishFile(ctx, n, rev, Actor{Account: n.Account})
	case n.Claim != nil:
		return s.unclaim(ctx, n.ID)
	case n.expired(s.now()), n.Trashed != nil && !n.Trashed.PurgeAt.After(s.now()):
		return moved(s.removeNode(ctx, n, Actor{Account: n.Account}))
	}
	h, err := s.showing(ctx, n)
	if err != nil {
		return err
	}
	if n.State == NodeDoubted || !h.Visible() {
		return s.buryNode(ctx, n, rev)
	}
	if home, err := s.housed(ctx, n, rev); err != nil || !home {
		return err
	}
	n.SweepAt = n.nextSweep()
	err = s.st.Nodes.Replace(ctx, n, rev)
	if errors.Is(err, ErrStale) {
		return nil // the next sweep
	}
	return err
}
