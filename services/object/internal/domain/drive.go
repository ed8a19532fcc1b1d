package domain

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// driveID is the id of the bucket that keeps the objects of an account's files.
// Other buckets' ids have no '-'.
func driveID(account string) string { return "drive-" + account }

// newNodeID gives an id that nobody can guess: whoever knows a file's may read
// it, unless it has a key. 26 of [a-z2-7] are 130 bits.
func newNodeID() string { return strings.ToLower(rand.Text()) }

// plikID is the same for the bucket of an account's temporary uploads.
func plikID(account string) string { return "plik-" + account }

// system gives a bucket that every account has. It is made when it is first
// asked for, as b says.
func (s *Service) system(ctx context.Context, b Bucket) (Bucket, int64, error) {
	b.CreatedAt = s.now()
	for range casAttempts {
		found, rev, err := s.st.Buckets.Get(ctx, b.ID)
		if err == nil {
			return found, rev, nil
		}
		if !errors.Is(err, ErrNoDocument) {
			return b, 0, fmt.Errorf("finding the bucket: %w", err)
		}
		if err := s.st.Accounts.Create(ctx, b.Account); err != nil {
			return b, 0, fmt.Errorf("opening the account's usage: %w", err)
		}
		if err := s.open(ctx, b.Account); err != nil {
			return b, 0, err
		}
		err = s.st.Buckets.Insert(ctx, b)
		if err != nil && !errors.Is(err, ErrTaken) {
			return b, 0, fmt.Errorf("making the bucket: %w", err)
		}
	}
	return Bucket{}, 0, errBusy
}

// driveOf is the bucket of an account's drive as far as it is the same for each,
// with a region for what tells of its content.
func driveOf(account, region string) Bucket {
	return Bucket{
		ID: driveID(account), Account: account, Name: objectv1.DriveBucket, State: BucketActive, System: true,
		Versioning: objectv1.Unversioned, Region: region,
	}
}

// plikOf is the same for the bucket of an account's temporary uploads.
func plikOf(account, region string) Bucket {
	b := driveOf(account, region)
	b.ID, b.Name = plikID(account), objectv1.PlikBucket
	return b
}

// isDrive reports whether the keys that callers name in b are paths.
func (b Bucket) isDrive() bool { return b.System && b.Name == objectv1.DriveBucket }

// hidden reports whether the account cannot name b.
func (b Bucket) hidden() bool { return b.System && b.Name == objectv1.PlikBucket }

// SplitPath gives the names of a path of the drive. There is one way to write each
// path; any other is objectv1.ErrInvalidKey.
func SplitPath(path string) ([]string, error) {
	if err := objectv1.CheckKey(path); err != nil {
		return nil, err
	}
	names := strings.Split(path, "/")
	if len(names) > maxDepth {
		return nil, objectv1.ErrInvalidKey.Msgf("folders nest at most %d deep", maxDepth)
	}
	for _, name := range names {
		if CheckNodeName(name) != nil {
			return nil, objectv1.ErrInvalidKey.Msgf(
				"paths in the drive are names of 1-%d bytes joined by '/', without one at the ends, and not '.' or '..'", maxNodeName)
		}
	}
	return names, nil
}

// rootOf is the folder with which the tree of an account begins.
func rootOf(account string) Node { return Node{ID: Root, Account: account, Folder: true} }

// nodeAt finds what is at a path of an account's drive, "" is its root. A file
// may have no object yet, or have expired: see showing. Where the path leads
// through a file it is objectv1.ErrNotAFolder.
func (s *Service) nodeAt(ctx context.Context, account, path string) (Node, int64, error) {
	if path == "" {
		return rootOf(account), 0, nil
	}
	names, err := SplitPath(path)
	if err != nil {
		return Node{}, 0, err
	}
	n, rev := rootOf(account), int64(0)
	for _, name := range names {
		if !n.Folder {
			return n, 0, objectv1.ErrNotAFolder
		}
		if n, rev, err = s.child(ctx, account, n.ID, name); err != nil {
			return n, 0, err
		}
	}
	return n, rev, nil
}

// child finds a node by its name in a folder.
func (s *Service) child(ctx context.Context, account, parent, name string) (Node, int64, error) {
	n, rev, err := s.st.Nodes.ByName(ctx, account, parent, name)
	if errors.Is(err, ErrNoDocument) {
		return n, 0, objectv1.ErrNodeNotFound
	}
	if err != nil {
		return n, 0, fmt.Errorf("finding a node: %w", err)
	}
	return n, rev, nil
}

// linearNames is how many names are tried one by one before the steps grow.
const linearNames = 8

// freeName gives name, or one of those after it, that nothing in the folder has
// now. Where very many are taken it need not be the first that is free.
func (s *Service) freeName(ctx context.Context, account, folder, name string) (string, error) {
	taken := func(n int) (bool, error) {
		_, _, err := s.child(ctx, account, folder, nthName(name, n))
		if errors.Is(err, objectv1.ErrNodeNotFound) {
			return false, nil
		}
		return true, err
	}
	low, high := -1, 0 // low is taken, if it is a number at all
	for high < 1_000_000 {
		busy, err := taken(high)
		if err != nil {
			return "", err
		}
		if !busy {
			break
		}
		low, high = high, high+max(1, high/linearNames*linearNames)
	}
	for high-low > 1 {
		mid := low + (high-low)/2
		busy, err := taken(mid)
		if err != nil {
			return "", err
		}
		if busy {
			low = mid
		} else {
			high = mid
		}
	}
	return nthName(name, high), nil
}

// nthName is name, or the n-th one after it.
func nthName(name string, n int) string {
	if n == 0 {
		return name
	}
	return nameAfter(name, n)
}

// pathOf is where a node is. The folders above it may move meanwhile: then it is
// a path that one of them had. In the trash there is none.
func (s *Service) pathOf(ctx context.Context, n Node) (string, error) {
	path, trashed, err := s.pathIn(ctx, n)
	if trashed {
		err = objectv1.ErrNodeNotFound
	}
	return path, err
}

// pathIn is pathOf that also goes up to the trash: then it is the path from there,
// with the names that things had.
func (s *Service) pathIn(ctx context.Context, n Node) (path string, trashed bool, err error) {
	path = n.title()
	for range 10 * maxDepth { // folders that were moved may nest deeper than what can be made
		if n.Parent == Root || n.Parent == n.ID || n.Parent == Trash {
			return path, n.Parent == Trash, nil
		}
		up, _, err := s.st.Nodes.Get(ctx, n.Parent)
		if errors.Is(err, ErrNoDocument) {
			return "", false, objectv1.ErrNodeNotFound
		}
		if err != nil {
			return "", false, fmt.Errorf("reading a folder: %w", err)
		}
		n, path = up, up.title()+"/"+path
	}
	return path, false, nil
}

// title is the node's name, in the trash the one that it had.
func (n Node) title() string {
	if n.Trashed != nil {
		return n.Trashed.Name
	}
	return n.Name
}

// expired reports whether a file is there no more.
func (n Node) expired(now time.Time) bool { return !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now) }

// showing gives the head of a file's object. It is not visible when the file is
// not there for readers.
func (s *Service) showing(ctx context.Context, n Node) (Head, error) {
	if n.Folder || n.expired(s.now()) {
		return Head{}, nil
	}
	accounts := []string{n.Account}
	if n.Claim != nil { // the guests' goes behind the account's
		accounts = append(accounts, objectv1.GuestAccount, n.Account)
	}
	var h Head
	var err error
	for _, account := range accounts {
		if h, _, err = s.st.Heads.Get(ctx, driveID(account), n.ID); err != nil {
			return h, fmt.Errorf("reading the head: %w", err)
		}
		if h.Visible() {
			break
		}
	}
	return h, nil
}

// fileAt finds the file that readers see at a path. Anything else there is
// objectv1.ErrNotFound.
func (s *Service) fileAt(ctx context.Context, account, path string) (Node, Head, error) {
	n, _, err := s.nodeAt(ctx, account, path)
	if errors.Is(err, objectv1.ErrNodeNotFound) || errors.Is(err, objectv1.ErrNotAFolder) {
		return n, Head{}, objectv1.ErrNotFound
	}
	if err != nil {
		return n, Head{}, err
	}
	h, err := s.showing(ctx, n)
	if err == nil && !h.Visible() {
		err = objectv1.ErrNotFound
	}
	return n, h, err
}

// fileOf is a file as its owner sees it, at path; m is its manifest, if it is asked for.
func (n Node) fileOf(b Bucket, path string, v Version, m blob.Manifest) objectv1.Object {
	o := v.view(b, m)
	o.Key = path
	o.File = &objectv1.File{
		NodeID: n.ID, AccountID: n.Account, Path: path, Name: n.title(), Region: n.Region, KeyHash: n.KeyHash,
		CreatedAt: n.CreatedAt, ModTime: v.modTime(), Downloads: n.Downloads, Number: n.Number, Short: n.Short,
	}
	if !n.ExpiresAt.IsZero() {
		o.File.ExpiresAt = &n.ExpiresAt
	}
	return o
}

// modTime is when the content changed, as its owner says or as it was committed.
func (v Version) modTime() time.Time {
	if v.ModTime != nil {
		return *v.ModTime
	}
	return v.CreatedAt
}

// readFile gives the object of a file that shows h; without a manifest unless it
// is asked for. errAgain says that a writer came between.
func (s *Service) readFile(ctx context.Context, n Node, h Head, path string, manifest bool) (objectv1.Object, error) {
	v, err := s.st.Versions.Get(ctx, h.Current)
	if errors.Is(err, ErrNoDocument) {
		return objectv1.Object{}, errAgain
	}
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("reading the version: %w", err)
	}
	if v.Bucket != h.Bucket || v.Key != n.ID || v.State == VersionRemoving || v.State == VersionRemoved {
		return objectv1.Object{}, errAgain
	}
	b := driveOf(n.Account, n.Region)
	if !manifest {
		return n.fileOf(b, path, v, blob.Manifest{}), nil
	}
	c, err := s.st.Contents.Get(ctx, v.Content)
	if errors.Is(err, ErrNoDocument) {
		return objectv1.Object{}, errAgain
	}
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("reading the content: %w", err)
	}
	return n.fileOf(b, path, v, c.Manifest), nil
}
