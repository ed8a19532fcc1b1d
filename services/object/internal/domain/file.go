package domain

import (
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

	claims bool  // it is a guest's file that becomes the account's
	like   *Node // of what it is a copy with all that is said of it

	node Node   // the file, once there is a place
	base string // path of the folder that names start from
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
	case account == objectv1.GuestAccount && o.FolderID != nil && *o.FolderID != "":
		return nil, objectv1.ErrParentNotFound
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
	at, _, err := s.folderNamed(ctx, b.Account, o.FolderID)
	if err != nil {
		return out, err
	}
	parent, err := s.folderFrom(ctx, at, names[:len(names)-1], false)
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
