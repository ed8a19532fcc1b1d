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
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// maxKeyHash bounds what is stored of a download key, bytes.
const maxKeyHash = 64

// filing is where a draft's version goes in a drive. It is one attempt's.
type filing struct {
	account string
	names   []string // of the path that was asked for
	id      string   // of the file, if it is a new one
	region  string   // where the content is
	version string
	o       objectv1.FileOptions

	claims bool // it is a guest's file that becomes the account's

	node Node   // the file, once there is a place
	at   string // its path
	made bool   // the node was made for this version
	lost bool   // the node cannot be had any more
}

// sole reports whether the version makes a file of its own, whatever is at its path.
func (f *filing) sole() bool {
	return f.o.Conflict == objectv1.ConflictRename || f.account == objectv1.GuestAccount
}

func (f *filing) path() string { return strings.Join(f.names, "/") }

// checkFile holds what is said of a file against the rules.
func (s *Service) checkFile(account, path string, o objectv1.FileOptions) ([]string, error) {
	names, err := SplitPath(path)
	if err != nil {
		return nil, err
	}
	switch {
	case account == objectv1.GuestAccount && len(names) > 1:
		return nil, objectv1.ErrInvalidKey.Msgf("guests' files are in no folder")
	case o.Conflict != "" && o.Conflict != objectv1.ConflictReplace && o.Conflict != objectv1.ConflictRename:
		return nil, fault.ErrInvalid.Msgf("there is no conflict %.40q", o.Conflict)
	case len(o.KeyHash) > maxKeyHash:
		return nil, fault.ErrInvalid.Msgf("the hash of a key is at most %d bytes", maxKeyHash)
	case o.ExpiresAt != nil && (o.ExpiresAt.IsZero() || o.ExpiresAt.Year() > 9000):
		return nil, fault.ErrInvalid.Msgf("a file expires before the year 9000")
	}
	return names, checkModTime(o.ModTime)
}

// checkModTime refuses times that documents or JSON cannot keep.
func checkModTime(t *time.Time) error {
	if t != nil && (t.Year() < 0 || t.Year() > 9999) {
		return fault.ErrInvalid.Msgf("a modification time is of the years 0 to 9999")
	}
	return nil
}

// stored is a time as documents keep it.
func stored(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	out := t.UTC().Truncate(time.Millisecond)
	return &out
}

// target is where a ticket's version is to go.
type target struct {
	key    string // of its head
	node   string // the file, in a drive
	region string
}

// target finds where the write that r begins will go: in a drive the file that is
// at its path, or a new one.
func (s *Service) target(ctx context.Context, b Bucket, r objectv1.BeginPutRequest) (target, error) {
	if !b.isDrive() {
		return target{key: r.Key, region: b.Region}, nil
	}
	o := optionsOf(r.File)
	names, err := s.checkFile(b.Account, r.Key, o)
	if err != nil {
		return target{}, err
	}
	region, err := s.fileRegion(r)
	if err != nil {
		return target{}, err
	}
	fresh := newNodeID()
	out := target{key: fresh, node: fresh, region: region}
	if b.Account == objectv1.GuestAccount {
		return out, nil
	}
	parent, err := s.folderAt(ctx, b.Account, names[:len(names)-1], false)
	if errors.Is(err, objectv1.ErrNodeNotFound) && o.Parents {
		return out, nil
	}
	if err != nil || o.Conflict == objectv1.ConflictRename {
		return out, err
	}
	n, _, err := s.child(ctx, b.Account, parent.ID, names[len(names)-1])
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound):
		return out, nil
	case err != nil:
		return out, err
	case n.Folder:
		return out, objectv1.ErrNodeExists
	case n.State != "" || n.expired(s.now()):
		return out, nil
	}
	return target{key: n.ID, node: n.ID, region: n.Region}, nil
}

// optionsOf is what a write says of its file.
func optionsOf(o *objectv1.FileOptions) objectv1.FileOptions {
	if o == nil {
		return objectv1.FileOptions{Parents: true} // whoever knows keys only, and no folders
	}
	return *o
}

// fileRegion is where the content of a new file lives. A region that is named must
// be there; the account's own may have gone out of the settings.
func (s *Service) fileRegion(r objectv1.BeginPutRequest) (string, error) {
	if r.Region != "" {
		if !slices.Contains(s.cfg.Regions, r.Region) {
			return "", objectv1.ErrUnknownRegion.Msgf("there is no region %.40q; there are: %s", r.Region, strings.Join(s.cfg.Regions, ", "))
		}
		return r.Region, nil
	}
	if slices.Contains(s.cfg.Regions, r.Principal.Region) {
		return r.Principal.Region, nil
	}
	return s.cfg.Regions[0], nil
}

// filingOf is where a commit's version goes; nil in an ordinary bucket.
func (s *Service) filingOf(b Bucket, r objectv1.CommitPutRequest) (*filing, error) {
	if !b.isDrive() {
		return nil, nil
	}
	o := optionsOf(r.File)
	names, err := s.checkFile(b.Account, r.Key, o)
	if err != nil {
		return nil, err
	}
	if !isNodeID(r.Ticket.NodeID) {
		return nil, fault.ErrInvalid.Msgf("the ticket names no file")
	}
	return &filing{
		account: b.Account, names: names, id: r.Ticket.NodeID, region: r.Ticket.Region, version: r.Ticket.VersionID, o: o,
	}, nil
}

// isNodeID reports whether id has the form of what newNodeID gives.
func isNodeID(id string) bool {
	return len(id) == 26 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

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
	case n.State != "" || n.Folder || n.Claim != nil || n.Account != f.account || n.expired(s.now()):
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
		if errors.Is(err, objectv1.ErrNodeNotFound) && f.o.Parents {
			err = s.pause(ctx) // a folder is being removed; it will be made again
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
		f.at = strings.Join(append(slices.Clone(f.names[:len(f.names)-1]), n.Name), "/")
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

// placeAt takes what is at the path. Where nothing is, a draft that asks for
// something is refused before anything is made.
func (s *Service) placeAt(ctx context.Context, d *draft) (Node, error) {
	f := d.file
	parent, err := s.folderAt(ctx, f.account, f.names[:len(f.names)-1], f.o.Parents)
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
	parent, err := s.folderAt(ctx, f.account, f.names[:len(f.names)-1], f.o.Parents)
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

// view is the draft's version v as its owner sees it.
func (d draft) view(v Version, m blob.Manifest) objectv1.Object {
	if d.file == nil {
		return v.view(d.bucket, m)
	}
	n := d.file.node
	if n.ID != v.Key { // an earlier attempt's, and gone by now
		n = Node{ID: v.Key, Account: v.Account, Name: d.file.names[len(d.file.names)-1], Region: d.file.region, CreatedAt: v.CreatedAt}
		return n.fileOf(d.bucket, d.file.path(), v, m)
	}
	return n.fileOf(d.bucket, d.file.at, v, m)
}

// answered gives d the file of the version that its commit is answered with,
// which an attempt before may have made.
func (s *Service) answered(ctx context.Context, d draft, v Version) error {
	if d.file == nil || d.file.node.ID == v.Key {
		return nil
	}
	n, _, err := s.st.Nodes.Get(ctx, v.Key)
	if err == nil {
		if d.file.at, err = s.pathOf(ctx, n); err == nil {
			d.file.node = n
		}
	}
	if err != nil && !errors.Is(err, ErrNoDocument) && !errors.Is(err, objectv1.ErrNodeNotFound) {
		return fmt.Errorf("finding the file: %w", err)
	}
	return nil
}
