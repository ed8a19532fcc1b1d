package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

const (
	// oldCursor names the cursor of the search for nodes that were never counted.
	oldCursor = "tallies"
	// noMoreOld is where it stands in the end, behind all ids.
	noMoreOld = "~"
	shardPage = 200
)

// recount asks for the sums of the node's folder to be brought in line with it.
func (n *Node) recount(now time.Time) {
	n.RecountAt = now
	if n.hasFolder() && !slices.Contains(n.Counted, n.Parent) {
		n.Counted = append(slices.Clone(n.Counted), n.Parent)
	}
}

// hasFolder reports whether the node is in a folder, or in the root.
func (n Node) hasFolder() bool { return n.Parent != Trash && n.Parent != n.ID }

// markFile asks for the folders above a file to follow a version of it that has
// come to its head.
func (s *Service) markFile(ctx context.Context, v Version) error {
	if v.Account == objectv1.GuestAccount || v.Bucket != driveID(v.Account) {
		return nil
	}
	for range casAttempts {
		n, rev, err := s.st.Nodes.Get(ctx, v.Key)
		if errors.Is(err, ErrNoDocument) || err == nil && (n.Account != v.Account || n.Claim != nil || n.State == NodeRemoving) {
			return nil // whoever ends the claim marks the node, too
		}
		if err != nil {
			return fmt.Errorf("reading a file: %w", err)
		}
		n.recount(s.now())
		err = s.st.Nodes.Replace(ctx, n, rev)
		if err == nil || !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}

// deleteNode removes a node's document, and before it all that the node adds to
// sums and index: ErrStale.
func (s *Service) deleteNode(ctx context.Context, n Node, rev int64) error {
	c := counted{Found: Found{n, rev}}
	for _, id := range n.Counted {
		f := &countedFolder{account: n.Account, id: id, entries: map[int]map[string]Entry{
			shardOf(n.ID): {n.ID: c.in(id, s.now())},
		}}
		if err := s.sumFolder(ctx, f); err != nil {
			return fmt.Errorf("taking a node out of the sums: %w", err)
		}
	}
	if n.Folder || n.Indexed { // a shard may be there although its sum never came to the folder
		g := Grave{ID: n.ID, Base: baseOf(n.Account, n.ID), LookAt: s.now().Add(goneKept)}
		if err := s.st.Tallies.Bury(ctx, g); err != nil {
			return fmt.Errorf("noting that a node goes: %w", err)
		}
		if err := s.leaveNothing(ctx, g); err != nil {
			return err
		}
	}
	return s.st.Nodes.Delete(ctx, n.ID, rev)
}

// leaveNothing removes the shards and the words of a node.
func (s *Service) leaveNothing(ctx context.Context, g Grave) error {
	if err := s.dropShards(ctx, g.Base); err != nil {
		return err
	}
	return s.dropWords(ctx, g.ID)
}

// dropShards removes all shards whose ids begin with base.
func (s *Service) dropShards(ctx context.Context, base string) error {
	for {
		ids, err := s.st.Tallies.Shards(ctx, base, shardPage)
		if err != nil {
			return fmt.Errorf("looking for shards: %w", err)
		}
		err = together(len(ids), func(i int) error {
			if err := s.st.Tallies.DropShard(ctx, ids[i]); err != nil {
				return fmt.Errorf("removing a shard: %w", err)
			}
			return nil
		})
		if err != nil || len(ids) < shardPage {
			return err
		}
	}
}

// sweepGraves removes what workers wrote for nodes that were just going.
func (s *Service) sweepGraves(ctx context.Context) error {
	due := func(limit int) ([]Grave, error) { return s.st.Tallies.Graves(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(g Grave) string { return g.ID }, func(g Grave) error {
		_, _, err := s.st.Nodes.Get(ctx, g.ID)
		if err == nil { // its deletion was too late, and begins again
			err = s.st.Tallies.Forget(ctx, g.ID)
		} else if errors.Is(err, ErrNoDocument) {
			if err = s.leaveNothing(ctx, g); err == nil {
				err = s.st.Tallies.Forget(ctx, g.ID)
			}
		}
		if err != nil {
			return fmt.Errorf("sweeping what is left of node %s: %w", g.ID, err)
		}
		return nil
	})
}

// sweepShards forgets children that went long ago.
func (s *Service) sweepShards(ctx context.Context) error {
	due := func(limit int) ([]Shard, error) { return s.st.Tallies.Lookable(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(d Shard) string { return d.ID }, func(d Shard) error {
		now := s.now()
		if _, _, err := s.st.Tallies.UpdateShard(ctx, d.ID, func(d *Shard) bool { return d.forget(now) }); err != nil {
			return fmt.Errorf("sweeping shard %s: %w", d.ID, err)
		}
		return nil
	})
}

// markOld asks for the sums of nodes that are older than sums. It goes over all
// nodes once, and after a crash on from where it was.
func (s *Service) markOld(ctx context.Context) error {
	at, err := s.st.Cursors.Get(ctx, oldCursor)
	if err != nil {
		return fmt.Errorf("reading the cursor of the sums: %w", err)
	}
	for at != noMoreOld && ctx.Err() == nil {
		page, err := s.st.Nodes.All(ctx, at, sweepPage)
		if err != nil {
			return fmt.Errorf("looking for nodes without sums: %w", err)
		}
		if err := together(len(page), func(i int) error { return s.markUncounted(ctx, page[i]) }); err != nil {
			return err
		}
		at = noMoreOld
		if len(page) > 0 {
			at = page[len(page)-1].ID
		}
		if err := s.st.Cursors.Set(ctx, oldCursor, at); err != nil {
			return fmt.Errorf("moving the cursor of the sums: %w", err)
		}
	}
	return ctx.Err()
}

// markUncounted marks a node that was never counted. Whoever changes it meanwhile
// marks it as well, except for who counts a download: then it is looked at again.
func (s *Service) markUncounted(ctx context.Context, f Found) error {
	for range casAttempts {
		c, err := s.weigh(ctx, f)
		if err != nil || c.noted() {
			return err
		}
		c.recount(s.now())
		err = s.st.Nodes.Replace(ctx, c.Node, c.Rev)
		if !errors.Is(err, ErrStale) {
			return err
		}
		f.Node, f.Rev, err = s.st.Nodes.Get(ctx, f.ID)
		if errors.Is(err, ErrNoDocument) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a node again: %w", err)
		}
	}
	return errBusy
}
