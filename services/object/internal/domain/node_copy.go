package domain

import (
	"context"
	"errors"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// CopyFile makes a file that shares the content of another one of the account.
func (s *Service) CopyFile(ctx context.Context, r objectv1.CopyFileRequest) (objectv1.DriveNode, error) {
	none := objectv1.DriveNode{}
	till, err := s.copyLease(r.VersionID)
	if err != nil {
		return none, err
	}
	if err := s.admit(); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	d, err := s.copyOf(ctx, r)
	if err != nil {
		if id, known := s.copied(ctx, r); known {
			return s.reread(ctx, id, false)
		}
		return none, err
	}
	d.ticket.LeaseTill = till
	v, err := s.commit(ctx, d)
	if err != nil {
		s.unplace(ctx, d.file)
		if errors.Is(err, objectv1.ErrNotFound) {
			err = objectv1.ErrNodeNotFound
		}
		return none, err
	}
	return s.reread(ctx, v.Key, false)
}

// copied finds the copy that r made when it was sent before: its source may be gone.
func (s *Service) copied(ctx context.Context, r objectv1.CopyFileRequest) (id string, known bool) {
	v, err := s.st.Versions.Get(ctx, r.VersionID)
	if err != nil || v.Account != r.Principal.AccountID || v.Bucket != driveID(v.Account) {
		return "", false
	}
	known, err = s.wasCommitted(ctx, v.ID)
	return v.Key, err == nil && known
}

// copyOf is the copy as a draft.
func (s *Service) copyOf(ctx context.Context, r objectv1.CopyFileRequest) (draft, error) {
	b, g, err := s.own(ctx, r.Principal, r.NodeID, objectv1.ActionGetObject, false)
	if err == nil && g.n.Folder {
		err = objectv1.ErrNodeNotFound
	}
	if err != nil {
		return draft{}, err
	}
	if g.n.Claim != nil {
		return draft{}, errBusy // its object is about to be another one
	}
	_, base, err := s.folderNamed(ctx, b.Account, &r.FolderID)
	if err != nil {
		return draft{}, err
	}
	if _, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, under(base, g.n.Name)); err != nil {
		return draft{}, err
	}
	if err := s.open(ctx, b.Account); err != nil {
		return draft{}, fmt.Errorf("copying a file: %w", err)
	}
	to := b
	to.Region = g.n.Region
	return draft{
		v:      Version{ID: r.VersionID, Account: b.Account, Bucket: b.ID, Key: g.n.ID, Live: b.ID},
		ticket: objectv1.Ticket{VersionID: r.VersionID, Region: g.n.Region},
		limit:  r.Principal.Limits.StorageBytes, actor: actorOf(r.Principal, r.Origin), operation: objectv1.OperationCopy, bucket: to,
		copy: &copying{from: b, to: to, keeps: true, node: g.n, r: objectv1.CopyObjectRequest{Principal: r.Principal}},
		file: &filing{
			account: b.Account, names: []string{g.n.Name}, id: newNodeID(), region: g.n.Region, version: r.VersionID, like: &g.n,
			o: objectv1.FileOptions{Conflict: objectv1.ConflictRename, FolderID: &r.FolderID},
		},
	}, nil
}
