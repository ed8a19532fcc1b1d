package domain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	maxFilesPage = 1000
	// filesFetch is how many files are read, with what they show, at a time.
	filesFetch = 100
	// maxCounted is how many files' downloads are counted at once, and maxDownloads
	// how many of one.
	maxCounted   = 1000
	maxDownloads = 1 << 30
)

// statPath gives the file at a path.
func (s *Service) statPath(ctx context.Context, b Bucket, path string) (objectv1.Object, error) {
	for range casAttempts {
		n, h, err := s.fileAt(ctx, b.Account, path)
		if err != nil {
			return objectv1.Object{}, err
		}
		o, err := s.readFile(ctx, n, h, path, true)
		if !errors.Is(err, errAgain) {
			return o, err
		}
	}
	return objectv1.Object{}, errBusy
}

// removePath removes the file at a path; what is not there, or is a folder, is
// passed over.
func (s *Service) removePath(ctx context.Context, b Bucket, path string, who Actor) error {
	for range casAttempts {
		n, _, err := s.nodeAt(ctx, b.Account, path)
		if errors.Is(err, objectv1.ErrNodeNotFound) || errors.Is(err, objectv1.ErrNotAFolder) {
			return nil
		}
		if err != nil {
			return err
		}
		h, err := s.showing(ctx, n)
		if err != nil || !h.Visible() {
			return err
		}
		if err := s.removeNode(ctx, n, who); !errors.Is(err, errAgain) {
			return err
		}
	}
	return errBusy
}

// shownFile finds a file that readers see by its id.
func (s *Service) shownFile(ctx context.Context, id string) (Node, Head, int64, error) {
	for last := int64(0); ; {
		n, rev, err := s.st.Nodes.Get(ctx, id)
		if errors.Is(err, ErrNoDocument) || err == nil && (n.Folder || rev == last) {
			return n, Head{}, 0, objectv1.ErrNodeNotFound
		}
		if err != nil {
			return n, Head{}, 0, fmt.Errorf("reading a file: %w", err)
		}
		h, err := s.showing(ctx, n)
		if err != nil || h.Visible() {
			return n, h, rev, err
		}
		last = rev // it may have gone from a guest to an account in between
	}
}

// StatFile gives a file of anybody by its id.
func (s *Service) StatFile(ctx context.Context, r objectv1.StatFileRequest) (objectv1.Object, error) {
	if !isNodeID(r.NodeID) {
		return objectv1.Object{}, objectv1.ErrNodeNotFound
	}
	for range casAttempts {
		n, h, _, err := s.shownFile(ctx, r.NodeID)
		if err != nil {
			return objectv1.Object{}, err
		}
		path, err := s.pathOf(ctx, n)
		if err != nil {
			return objectv1.Object{}, err
		}
		o, err := s.readFile(ctx, n, h, path, true)
		if !errors.Is(err, errAgain) {
			return o, err
		}
	}
	return objectv1.Object{}, errBusy
}

// ListFiles gives a page of all files of a drive, newest first. The guests' are
// not one drive of anybody's.
func (s *Service) ListFiles(ctx context.Context, r objectv1.ListFilesRequest) (objectv1.ListFilesResponse, error) {
	out := objectv1.ListFilesResponse{Files: []objectv1.Object{}}
	if r.Principal.AccountID == objectv1.GuestAccount {
		return out, objectv1.ErrAccessDenied
	}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionListObjects, "")
	if err != nil {
		return out, err
	}
	if r.Limit < 1 || r.Limit > maxFilesPage {
		return out, fault.ErrInvalid.Msgf("limit is 1 to %d", maxFilesPage)
	}
	if _, err := ulid.ParseStrict(r.After); r.After != "" && err != nil {
		return out, fault.ErrInvalid.Msgf("after is the next of the page before")
	}
	return out, s.fillFiles(ctx, b, r, &out)
}

// fillFiles reads files until the page is full.
func (s *Service) fillFiles(ctx context.Context, b Bucket, r objectv1.ListFilesRequest, out *objectv1.ListFilesResponse) error {
	bytes, after, folders := 0, r.After, map[string]string{Root: ""}
	for steps := 0; ; {
		fetch := min(filesFetch, r.Limit-len(out.Files)+1)
		page, err := s.st.Nodes.Files(ctx, b.Account, after, fetch)
		if err != nil {
			return fmt.Errorf("listing files: %w", err)
		}
		views, err := s.listedFiles(ctx, page, folders)
		if err != nil {
			return err
		}
		for i, view := range views {
			// Folders in the trash may hold any number.
			if steps++; steps > s.cfg.ListSteps {
				out.Next = after
				return nil
			}
			if view == nil {
				after = page[i].Order
				continue
			}
			raw, err := json.Marshal(view)
			if err != nil {
				return fmt.Errorf("measuring an entry: %w", err)
			}
			bytes += len(raw) + 1
			if len(out.Files) == r.Limit || bytes > maxListBytes && len(out.Files) > 0 {
				out.Next = after
				return nil
			}
			out.Files = append(out.Files, *view)
			after = page[i].Order
		}
		if len(page) < fetch {
			return nil
		}
	}
}

// listedFiles gives files as they stand in a listing, nil for those that readers
// do not see. folders has the paths of folders that were met before, nowhere of
// those that have none.
func (s *Service) listedFiles(ctx context.Context, page []Node, folders map[string]string) ([]*objectv1.Object, error) {
	const nowhere = "\x00" // in the trash, or being removed
	paths := make([]string, len(page))
	for i, n := range page {
		if _, known := folders[n.Parent]; !known {
			path, err := s.pathOf(ctx, n)
			switch {
			case errors.Is(err, objectv1.ErrNodeNotFound):
				folders[n.Parent] = nowhere
			case err != nil:
				return nil, err
			default:
				folders[n.Parent] = path[:len(path)-len(n.Name)]
			}
		}
		if folders[n.Parent] != nowhere {
			paths[i] = folders[n.Parent] + n.Name
		}
	}
	views := make([]*objectv1.Object, len(page))
	return views, together(len(page), func(i int) (err error) {
		if paths[i] != "" {
			views[i], err = s.listedFile(ctx, page[i], paths[i])
		}
		return err
	})
}

func (s *Service) listedFile(ctx context.Context, n Node, path string) (*objectv1.Object, error) {
	for range casAttempts {
		h, err := s.showing(ctx, n)
		if err != nil || !h.Visible() {
			return nil, err
		}
		o, err := s.readFile(ctx, n, h, path, false)
		if err == nil {
			return &o, nil
		}
		if !errors.Is(err, errAgain) {
			return nil, err
		}
	}
	return nil, errBusy
}

// UpdateFile changes the key that a file asks for, or when it was modified.
func (s *Service) UpdateFile(ctx context.Context, r objectv1.UpdateFileRequest) (objectv1.Object, error) {
	none := objectv1.Object{}
	if r.KeyHash != nil && len(*r.KeyHash) > maxKeyHash {
		return none, fault.ErrInvalid.Msgf("the hash of a key is at most %d bytes", maxKeyHash)
	}
	if err := checkModTime(r.ModTime); err != nil {
		return none, err
	}
	if r.Principal.AccountID == "" {
		return none, errNobody
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		n, path, err := s.ownFile(ctx, r)
		if err != nil {
			return none, err
		}
		o, err := s.updateFile(ctx, n, path, r)
		if !errors.Is(err, errAgain) {
			return o, err
		}
	}
	return none, errBusy
}

// ownFile finds the file that an update names, if the principal may change it.
func (s *Service) ownFile(ctx context.Context, r objectv1.UpdateFileRequest) (Node, string, error) {
	if r.NodeID == "" {
		if _, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, r.Path); err != nil {
			return Node{}, "", err
		}
		n, _, err := s.fileAt(ctx, r.Principal.AccountID, r.Path)
		if errors.Is(err, objectv1.ErrNotFound) {
			err = objectv1.ErrNodeNotFound
		}
		return n, r.Path, err
	}
	n, _, _, err := s.shownFile(ctx, r.NodeID)
	if err == nil && n.Account != r.Principal.AccountID {
		err = objectv1.ErrNodeNotFound
	}
	if err != nil {
		return n, "", err
	}
	path, err := s.pathOf(ctx, n)
	if err != nil {
		return n, "", err
	}
	_, _, err = s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, path)
	return n, path, err
}

// updateFile changes what r names: errAgain when somebody else came between.
func (s *Service) updateFile(ctx context.Context, n Node, path string, r objectv1.UpdateFileRequest) (objectv1.Object, error) {
	none := objectv1.Object{}
	n, h, rev, err := s.shownFile(ctx, n.ID)
	if err != nil {
		return none, err
	}
	if n.Claim != nil { // its object is about to be another one
		return none, s.pause(ctx)
	}
	if r.KeyHash != nil {
		n.KeyHash = *r.KeyHash
		err := s.st.Nodes.Replace(ctx, n, rev)
		if errors.Is(err, ErrStale) {
			return none, errAgain
		}
		if err != nil {
			return none, fmt.Errorf("changing a file's key: %w", err)
		}
	}
	if r.ModTime != nil {
		_, err := s.st.Versions.Update(ctx, h.Current, func(v *Version) error {
			if v.Key != n.ID || v.State == VersionRemoving || v.State == VersionRemoved {
				return ErrRefused
			}
			v.ModTime = stored(r.ModTime)
			return nil
		})
		if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
			return none, errAgain
		}
		if err != nil {
			return none, fmt.Errorf("changing a file's modification time: %w", err)
		}
	}
	return s.readFile(ctx, n, h, path, true)
}

// CountDownloads adds to files' counts; those that are gone are left out.
func (s *Service) CountDownloads(ctx context.Context, r objectv1.CountDownloadsRequest) (objectv1.Empty, error) {
	if len(r.Downloads) > maxCounted {
		return objectv1.Empty{}, fault.ErrInvalid.Msgf("downloads of at most %d files are counted at once", maxCounted)
	}
	ids := make([]string, 0, len(r.Downloads))
	for id, n := range r.Downloads {
		if !isNodeID(id) || n < 0 || n > maxDownloads {
			return objectv1.Empty{}, fault.ErrInvalid.Msgf("%d downloads of %.40q cannot be counted", n, id)
		}
		ids = append(ids, id)
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	return objectv1.Empty{}, together(len(ids), func(i int) error {
		err := s.st.Nodes.Downloaded(ctx, ids[i], r.Downloads[ids[i]], s.now())
		if err != nil && !errors.Is(err, ErrNoDocument) {
			return fmt.Errorf("counting downloads: %w", err)
		}
		return nil
	})
}
