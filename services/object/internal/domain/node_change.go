package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// checkSharing holds what a folder is to let others do against the rules.
func checkSharing(s objectv1.Sharing) error {
	if s.Visibility < objectv1.VisibilityPrivate || s.Visibility > objectv1.VisibilityPublic {
		return fault.ErrInvalid.Msgf("there is no visibility %d", s.Visibility)
	}
	if len(s.PasswordHash) > maxKeyHash {
		return fault.ErrInvalid.Msgf("the hash of a password is at most %d bytes", maxKeyHash)
	}
	return nil
}

// MakeSubfolder makes a folder in another one.
func (s *Service) MakeSubfolder(ctx context.Context, r objectv1.MakeSubfolderRequest) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	if err := firstFault(CheckNodeName(r.Name), checkSharing(r.Sharing)); err != nil {
		return none, err
	}
	if r.Principal.AccountID == "" {
		return none, errNobody
	}
	if err := s.open(ctx, r.Principal.AccountID); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		n, err := s.tryMakeSubfolder(ctx, r)
		if !errors.Is(err, errAgain) {
			return n, err
		}
	}
	return none, errBusy
}

func (s *Service) tryMakeSubfolder(ctx context.Context, r objectv1.MakeSubfolderRequest) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	above, base, err := s.folderNamed(ctx, r.Principal.AccountID, &r.ParentID)
	if err != nil {
		_, _, refused := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionGetBucket, "")
		return none, firstFault(refused, err)
	}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, under(base, r.Name))
	if err != nil {
		return none, err
	}
	if depth(base) >= maxDepth {
		return none, objectv1.ErrNodeName.Msgf("folders nest at most %d deep", maxDepth)
	}
	name := r.Name
	if r.Rename {
		if name, err = s.freeName(ctx, above.Account, above.ID, name); err != nil {
			return none, err
		}
	}
	n, made, err := s.makeFolder(ctx, above, name, r.Sharing)
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound):
		return none, errAgain // the folder above went
	case err != nil:
		return none, err
	case made:
		return s.driveNode(ctx, b, sight{n: n, path: under(base, name)}, false)
	case n.State == NodeRemoving:
		return none, firstFault(s.removeNode(ctx, n, Actor{Account: n.Account}), errAgain)
	case r.Rename:
		return none, errAgain
	}
	return none, objectv1.ErrNodeExists
}

// ChangeNode renames, moves and describes a node. Its place comes first, which may
// be refused; what is said of it cannot be any more.
func (s *Service) ChangeNode(ctx context.Context, r objectv1.ChangeNodeRequest) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	if err := checkChange(r); err != nil {
		return none, err
	}
	if err := s.admit(); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		err := s.tryChange(ctx, r)
		if errors.Is(err, errAgain) {
			continue
		}
		if err == nil {
			err = s.describe(ctx, r)
		}
		if err != nil {
			return none, err
		}
		return s.reread(ctx, r.NodeID, false)
	}
	return none, errBusy
}

// reread is a node behind a change of it.
func (s *Service) reread(ctx context.Context, id string, trash bool) (objectv1.DriveNode, error) {
	for range casAttempts {
		g, err := s.sight(ctx, id, trash)
		if err != nil {
			return objectv1.DriveNode{}, err
		}
		n, err := s.driveNode(ctx, driveOf(g.n.Account, g.n.Region), g, true)
		if !errors.Is(err, errAgain) {
			return n, err
		}
	}
	return objectv1.DriveNode{}, errBusy
}

// checkChange holds a change against what can be said without the node.
func checkChange(r objectv1.ChangeNodeRequest) error {
	if r.Name != nil {
		if err := CheckNodeName(*r.Name); err != nil {
			return err
		}
	}
	sharing := objectv1.Sharing{}
	if r.Visibility != nil {
		sharing.Visibility = *r.Visibility
	}
	if r.PasswordHash != nil {
		sharing.PasswordHash = *r.PasswordHash
	}
	if err := checkSharing(sharing); err != nil {
		return err
	}
	for _, text := range []*string{r.Keywords, r.Description} {
		if text != nil && (len(*text) > objectv1.MaxNodeText || !utf8.ValidString(*text) || strings.IndexByte(*text, 0) >= 0) {
			return fault.ErrInvalid.Msgf("keywords and descriptions are at most %d bytes of UTF-8 without NUL", objectv1.MaxNodeText)
		}
	}
	if r.ContentType != nil {
		if !utf8.ValidString(*r.ContentType) {
			return fault.ErrInvalid.Msgf("a content type is of UTF-8")
		}
		return checkMetadata(objectv1.Metadata{ContentType: *r.ContentType})
	}
	return nil
}

// checkKind refuses what a node of its kind does not have.
func checkKind(n Node, r objectv1.ChangeNodeRequest) error {
	if n.Folder && (r.ContentType != nil || r.Keywords != nil || r.Description != nil) {
		return fault.ErrInvalid.Msgf("folders have no content type, keywords or description")
	}
	if !n.Folder && (r.Visibility != nil || r.PasswordHash != nil) {
		return fault.ErrInvalid.Msgf("what a folder lets others do holds for the files in it; they have nothing of their own")
	}
	return nil
}

// tryChange decides a change and carries out the part of it that may be refused;
// errAgain says that a writer came between.
func (s *Service) tryChange(ctx context.Context, r objectv1.ChangeNodeRequest) error {
	_, g, err := s.own(ctx, r.Principal, r.NodeID, objectv1.ActionPutObject, false)
	if err == nil {
		err = checkKind(g.n, r)
	}
	if err != nil || r.Name == nil && r.ParentID == nil {
		return err
	}
	n, name := g.n, g.n.Name
	if r.Name != nil {
		name = *r.Name
	}
	above, base := Node{ID: n.Parent, Account: n.Account, Folder: true}, strings.TrimSuffix(strings.TrimSuffix(g.path, n.Name), "/")
	if r.ParentID != nil {
		if above, base, err = s.folderNamed(ctx, n.Account, r.ParentID); err != nil {
			return err
		}
	}
	if above.ID == n.Parent && name == n.Name {
		return nil
	}
	if _, _, err = s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionDeleteObject, g.path); err != nil {
		return err
	}
	if _, _, err = s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, under(base, name)); err != nil {
		return err
	}
	return s.relocate(ctx, n, above, name, r.Rename)
}

// relocate moves a node to another place, and with rename to the next free name
// there.
func (s *Service) relocate(ctx context.Context, n, above Node, name string, rename bool) error {
	if n.State != "" || n.Claim != nil {
		return s.pause(ctx) // it is about to be one thing or the other
	}
	if n.Folder {
		if err := s.tree.outside(ctx, n.Account, above.ID, n.ID); err != nil {
			return gone(err)
		}
	}
	there, rev, err := s.child(ctx, n.Account, above.ID, name)
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound):
	case err != nil:
		return err
	case there.ID == n.ID, rename && n.Parent == above.ID && comesAfter(n.Name, name):
		return nil // it has given way already
	case rename:
		if name, err = s.freeName(ctx, n.Account, above.ID, name); err != nil {
			return err
		}
	default:
		if err := s.clearWay(ctx, moving{}, there, rev); err != nil {
			return err
		}
	}
	_, err = s.move(ctx, n, above, name)
	if rename && errors.Is(err, objectv1.ErrNodeExists) {
		err = errAgain // somebody was faster
	}
	return gone(err)
}

// gone makes a look at everything anew of what was not found: it was there before.
func gone(err error) error {
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		return errAgain
	}
	return err
}

// describe changes what is said of a node.
func (s *Service) describe(ctx context.Context, r objectv1.ChangeNodeRequest) error {
	if r.ContentType != nil {
		if err := s.retype(ctx, r.NodeID, *r.ContentType); err != nil {
			return err
		}
	}
	if r.Visibility == nil && r.PasswordHash == nil && r.ContentType == nil && r.Keywords == nil && r.Description == nil {
		return nil
	}
	for range casAttempts {
		n, rev, err := s.st.Nodes.Get(ctx, r.NodeID)
		if errors.Is(err, ErrNoDocument) || err == nil && n.State == NodeRemoving {
			return objectv1.ErrNodeNotFound
		}
		if err != nil {
			return fmt.Errorf("reading a node: %w", err)
		}
		n.ModifiedAt = s.now()
		was := n
		if r.Visibility != nil {
			n.Visibility = *r.Visibility
		}
		if r.PasswordHash != nil {
			n.PasswordHash = *r.PasswordHash
		}
		n.follow(was)
		if r.Keywords != nil {
			n.Keywords = *r.Keywords
		}
		if r.Description != nil {
			n.Description = *r.Description
		}
		err = s.st.Nodes.Replace(ctx, n, rev)
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}

// retype gives what a file shows another content type: its version first, then
// the head, which listings read.
func (s *Service) retype(ctx context.Context, id, contentType string) error {
	for range casAttempts {
		n, h, _, err := s.shownFile(ctx, id)
		if err != nil {
			return err
		}
		if n.Claim != nil { // its object is about to be another one
			if err := s.pause(ctx); !errors.Is(err, errAgain) {
				return err
			}
			continue
		}
		_, err = s.st.Versions.Update(ctx, h.Current, func(v *Version) error {
			if v.Key != n.ID || v.State == VersionRemoving || v.State == VersionRemoved {
				return ErrRefused
			}
			v.Metadata.ContentType = contentType
			return nil
		})
		if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
			continue
		}
		if err != nil {
			return fmt.Errorf("changing a file's content type: %w", err)
		}
		err = s.retypeHead(ctx, h)
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}

// retypeHead brings the head of a file in line with its version, which is read
// behind it: somebody else may have given it another type. ErrStale when it shows
// another one by now.
func (s *Service) retypeHead(ctx context.Context, seen Head) error {
	h, rev, err := s.st.Heads.Get(ctx, seen.Bucket, seen.Key)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	if h.Current != seen.Current {
		return ErrStale
	}
	v, err := s.st.Versions.Get(ctx, h.Current)
	if errors.Is(err, ErrNoDocument) {
		return ErrStale
	}
	if err != nil {
		return fmt.Errorf("reading the version: %w", err)
	}
	if h.ContentType == v.Metadata.ContentType {
		return nil
	}
	h.ContentType, h.Seq = v.Metadata.ContentType, s.nextSeq(h.Seq)
	return s.st.Heads.Put(ctx, h, rev)
}
