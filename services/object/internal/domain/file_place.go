package domain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// fresh is the node of a new file.
func (s *Service) fresh(f *filing, id, parent string) Node {
	now := s.now()
	name := f.names[len(f.names)-1]
	n := Node{
		ID: id, Account: f.account, Parent: parent, Name: name, Sort: sortKey(name, false), CreatedAt: now, ModifiedAt: now,
		SweepAt: now.Add(commitLease), Files: f.account, Order: s.newID(), Region: f.region, KeyHash: f.o.KeyHash,
	}
	if t := stored(f.o.ExpiresAt); t != nil {
		n.ExpiresAt = *t
	}
	if f.sole() {
		n.Writer = f.version
	}
	if f.account == objectv1.GuestAccount {
		n.Parent = id
		return n
	}
	if f.like != nil {
		n.Keywords, n.Description = f.like.Keywords, f.like.Description
	}
	return n
}

// fits reports whether a node that shows no object is as this write would make it.
func (f *filing) fits(n Node) bool {
	if f.sole() || n.Writer != "" {
		return n.Writer == f.version
	}
	expires := time.Time{}
	if t := stored(f.o.ExpiresAt); t != nil {
		expires = *t
	}
	return bytes.Equal(n.KeyHash, f.o.KeyHash) && n.ExpiresAt.Equal(expires) && n.Region == f.region
}

// takes reports whether a version may go to n: nobody is about to remove it, and
// it shows an object or is this write's.
func (s *Service) takes(f *filing, n Node, h Head) bool {
	switch {
	case f.claims:
		return n.State == "" && n.Account == f.account && n.Claim != nil && n.Claim.Version == f.version && !n.Claim.Undone
	case n.State != "" || n.Folder || n.Claim != nil || n.Account != f.account || n.Parent == Trash || n.expired(s.now()):
		return false
	case f.sole():
		return n.Writer == f.version
	}
	return h.Visible() || f.fits(n)
}

// place finds the file to which the draft's version goes, or makes its node. A
// node keeps the name; the file is there for readers with its first version.
func (s *Service) place(ctx context.Context, d *draft) error {
	f := d.file
	find := s.placeAt
	switch {
	case f.claims:
		find = s.placeClaimed
	case f.sole():
		find = s.placeSole
	}
	for range casAttempts {
		n, err := find(ctx, d)
		if errors.Is(err, objectv1.ErrNodeNotFound) && (f.o.Parents || f.o.FolderID != nil && len(f.names) == 1) {
			err = s.pause(ctx) // a folder is being removed; it will be made again, or found to be gone
		}
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return err
		}
		if n.Region != f.region {
			return objectv1.ErrOtherRegion.Msgf("the file at this path came into another region meanwhile; begin again")
		}
		f.node, f.lost = n, false
		f.at = under(f.base, strings.Join(append(slices.Clone(f.names[:len(f.names)-1]), n.Name), "/"))
		d.v.Key = n.ID
		return nil
	}
	return errBusy
}

// placeClaimed takes the file that is being registered, while it is.
func (s *Service) placeClaimed(ctx context.Context, d *draft) (Node, error) {
	n, _, err := s.st.Nodes.Get(ctx, d.file.id)
	if errors.Is(err, ErrNoDocument) || err == nil && !s.takes(d.file, n, Head{}) {
		return n, objectv1.ErrNodeNotFound
	}
	if err != nil {
		return n, fmt.Errorf("reading a file: %w", err)
	}
	d.file.names = []string{n.Name}
	return n, nil
}

// placeFolder finds the folder of the path, and makes it with Parents. The one that
// the path begins with is found wherever it is by now.
func (s *Service) placeFolder(ctx context.Context, f *filing) (Node, error) {
	at, base, err := s.folderNamed(ctx, f.account, f.o.FolderID)
	if err != nil {
		return at, err
	}
	if f.base = base; f.o.Parents && len(f.names) > 1 && depth(base)+len(f.names) > maxDepth {
		return at, objectv1.ErrInvalidKey.Msgf("folders nest at most %d deep", maxDepth)
	}
	return s.folderFrom(ctx, at, f.names[:len(f.names)-1], f.o.Parents)
}

// placeAt takes what is at the path. Where nothing is, a draft that asks for
// something is refused before anything is made.
func (s *Service) placeAt(ctx context.Context, d *draft) (Node, error) {
	f := d.file
	parent, err := s.placeFolder(ctx, f)
	if err != nil {
		return Node{}, err
	}
	n, rev, err := s.child(ctx, f.account, parent.ID, f.names[len(f.names)-1])
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		if err := d.refused(Head{}); err != nil {
			return n, err
		}
		// An id that had an object once may still be in the hands of who removed it.
		id := f.id
		if _, hrev, err := s.st.Heads.Get(ctx, driveID(f.account), id); err != nil {
			return n, fmt.Errorf("reading the head: %w", err)
		} else if hrev != 0 {
			id = newNodeID()
		}
		return s.insertFile(ctx, f, s.fresh(f, id, parent.ID))
	}
	if err != nil {
		return n, err
	}
	if n.Folder {
		return n, objectv1.ErrNodeExists
	}
	h, err := s.showing(ctx, n)
	if err != nil || s.takes(f, n, h) {
		return n, err
	}
	return n, s.makeWay(ctx, n, rev, h)
}

// makeWay ends what keeps a name although it is no file any more, or is none yet
// and comes to nothing: errAgain asks to look again. What seems to be under way
// is waited for.
func (s *Service) makeWay(ctx context.Context, n Node, rev int64, h Head) error {
	var err error
	switch {
	case n.State == NodeRemoving || n.expired(s.now()):
		err = s.removeNode(ctx, n, Actor{Account: n.Account})
	case n.Claim != nil || h.Visible() || n.State == "" && s.now().Sub(n.CreatedAt) < s.cfg.Patience:
		return s.pause(ctx)
	default:
		err = s.buryNode(ctx, n, rev)
	}
	if err != nil {
		return err
	}
	return errAgain
}

// placeSole makes a file under the id that was promised, with the next free name.
func (s *Service) placeSole(ctx context.Context, d *draft) (Node, error) {
	f := d.file
	n, rev, err := s.st.Nodes.Get(ctx, f.id)
	if err == nil {
		switch {
		case n.Account != f.account || n.Writer != f.version:
			return n, fault.ErrInvalid.Msgf("the ticket belongs to another file")
		case n.State != "" || n.expired(s.now()):
			return n, s.makeWay(ctx, n, rev, Head{})
		}
		return n, nil
	}
	if !errors.Is(err, ErrNoDocument) {
		return n, fmt.Errorf("reading a node: %w", err)
	}
	if err := d.refused(Head{}); err != nil {
		return n, err
	}
	if f.account == objectv1.GuestAccount {
		return s.insertFile(ctx, f, s.fresh(f, f.id, f.id))
	}
	parent, err := s.placeFolder(ctx, f)
	if err != nil {
		return n, err
	}
	n = s.fresh(f, f.id, parent.ID)
	for range casAttempts {
		if n.Name, err = s.freeName(ctx, f.account, parent.ID, n.Name); err != nil {
			return n, err
		}
		n.Sort = sortKey(n.Name, false)
		made, err := s.insertFile(ctx, f, n)
		if !errors.Is(err, errAgain) {
			return made, err
		}
		if _, _, err := s.st.Nodes.Get(ctx, f.id); !errors.Is(err, ErrNoDocument) {
			return n, errAgain // another attempt made it
		}
	}
	return n, errBusy
}

// insertFile inserts a file's node, and looks then whether its folder still takes
// it: whoever removes the folder either finds the node or is seen here. errAgain
// says that its id or its name is taken.
func (s *Service) insertFile(ctx context.Context, f *filing, n Node) (Node, error) {
	if n.Parent != n.ID {
		if err := s.number(ctx, &n); err != nil {
			return n, err
		}
	}
	err := s.st.Nodes.Insert(ctx, n)
	if errors.Is(err, ErrTaken) {
		return n, errAgain
	}
	if err != nil {
		return n, fmt.Errorf("making a file: %w", err)
	}
	f.made = true
	if n.Parent == n.ID {
		return n, nil
	}
	if err := s.tree.folder(ctx, n.Account, n.Parent); err != nil {
		return n, errors.Join(err, s.buryNode(ctx, n, 1))
	}
	return n, nil
}

// inPlace brings a pending version of ours back to a place when the one that it
// had is lost, or was found by an attempt before.
func (s *Service) inPlace(ctx context.Context, d draft, v Version) (Version, error) {
	f := d.file
	if f.node.ID == v.Key && !f.lost {
		return v, nil
	}
	f.node = Node{}
	if !f.lost {
		n, _, err := s.st.Nodes.Get(ctx, v.Key)
		if err != nil && !errors.Is(err, ErrNoDocument) {
			return v, fmt.Errorf("reading the file: %w", err)
		}
		if err == nil && n.Account == f.account {
			if f.at, err = s.pathOf(ctx, n); err == nil {
				f.node = n
				return v, nil // whether it takes the version is decided behind the head
			}
		}
	}
	if err := s.place(ctx, &d); err != nil {
		return v, err
	}
	if f.node.ID == v.Key {
		return v, nil
	}
	moved, err := s.st.Versions.Update(ctx, v.ID, func(cur *Version) error {
		if cur.State != VersionPending || cur.Owner != v.Owner {
			return ErrRefused
		}
		cur.Key = f.node.ID
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return v, errAgain
	}
	if err != nil {
		return v, fmt.Errorf("giving the version another place: %w", err)
	}
	return moved, nil
}

// holdsPlace reads the file's node behind its head: whoever removes it marks the
// node first and moves the head then. A place that is lost is ErrStale.
func (s *Service) holdsPlace(ctx context.Context, d draft, v Version, h Head) error {
	n, _, err := s.st.Nodes.Get(ctx, v.Key)
	if err != nil && !errors.Is(err, ErrNoDocument) {
		return fmt.Errorf("reading the file: %w", err)
	}
	if err == nil && s.takes(d.file, n, h) {
		d.file.node = n
		return nil
	}
	d.file.lost = true
	return ErrStale
}

// unplace takes a node away that was made for a version which came to nothing.
func (s *Service) unplace(ctx context.Context, f *filing) {
	if f == nil || f.claims || !f.made && !f.sole() {
		return
	}
	id := f.node.ID
	if f.sole() {
		id = f.id // an attempt before may have made it
	}
	n, rev, err := s.st.Nodes.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return
	}
	if err == nil {
		var h Head
		if h, err = s.showing(ctx, n); err == nil && !h.Visible() && n.State == "" && (f.made || n.Writer == f.version) {
			err = s.buryNode(ctx, n, rev)
		}
	}
	if err != nil {
		s.d.Log.WarnContext(ctx, "a name is left to the sweep", "node", n.ID, "err", err)
	}
}
