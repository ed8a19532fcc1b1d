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

// RegisterFile makes a guest's file the account's. Its node moves first, with a
// claim, and so decides between two accounts; then the account's drive gets an
// object that shares the content; then the guests' goes, and the claim. What
// breaks off in between is finished or undone by the sweep; readers find the file
// all the time.
func (s *Service) RegisterFile(ctx context.Context, r objectv1.RegisterFileRequest) (objectv1.Object, error) {
	none := objectv1.Object{}
	switch {
	case r.Principal.AccountID == "":
		return none, errNobody
	case r.Principal.AccountID == objectv1.GuestAccount:
		return none, fault.ErrInvalid.Msgf("a file is registered with an account")
	case !isNodeID(r.NodeID):
		return none, objectv1.ErrNodeNotFound
	}
	if err := s.admit(); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		err := s.tryRegister(ctx, r)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return none, err
		}
		return s.StatFile(ctx, objectv1.StatFileRequest{NodeID: r.NodeID})
	}
	return none, errBusy
}

func (s *Service) tryRegister(ctx context.Context, r objectv1.RegisterFileRequest) error {
	n, h, rev, err := s.shownFile(ctx, r.NodeID)
	if err != nil {
		return err
	}
	if n.Account != r.Principal.AccountID && n.Account != objectv1.GuestAccount {
		return objectv1.ErrFileTaken
	}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionPutObject, n.Name)
	if err != nil {
		return err
	}
	switch {
	case n.Account == objectv1.GuestAccount:
		if n.State != "" {
			return objectv1.ErrNodeNotFound
		}
		if n, err = s.claim(ctx, n, h, rev, r); err != nil {
			return err
		}
	case n.Claim == nil:
		return nil // it is the account's
	case n.Claim.Undone:
		return s.pause(ctx)
	}
	if err := s.takeOverFile(ctx, b, n, r); err != nil {
		if uerr := s.unclaim(ctx, n.ID); uerr != nil {
			return errors.Join(err, uerr)
		}
		if n, _, gerr := s.st.Nodes.Get(ctx, n.ID); gerr == nil && n.Account == b.Account && n.Claim == nil {
			return errAgain // another attempt of the account's came through
		}
		return err
	}
	return s.endClaim(ctx, n.ID)
}

// claim gives the node to the account: errAgain when somebody else came between.
func (s *Service) claim(ctx context.Context, n Node, h Head, rev int64, r objectv1.RegisterFileRequest) (Node, error) {
	account, limits := r.Principal.AccountID, r.Principal.Limits
	room, err := s.room(ctx, r.Principal)
	switch {
	case err != nil:
		return n, err
	case limits.ObjectBytes > 0 && h.Size > limits.ObjectBytes:
		return n, objectv1.ErrTooLarge
	case h.Size > room:
		return n, objectv1.ErrQuotaExceeded
	}
	name, err := s.freeName(ctx, account, Root, n.Name)
	if err != nil {
		return n, err
	}
	n.Claim = &Claim{Version: s.newID(), Name: n.Name, ExpiresAt: n.ExpiresAt}
	n.Account, n.Files, n.Parent, n.Name, n.Sort = account, account, Root, name, sortKey(name, false)
	n.ExpiresAt, n.Writer, n.ModifiedAt, n.SweepAt = time.Time{}, "", s.now(), s.now().Add(repairAfter)
	if n.Number == 0 {
		if err := s.number(ctx, &n); err != nil {
			return n, err
		}
	}
	err = s.st.Nodes.Replace(ctx, n, rev)
	if errors.Is(err, ErrStale) || errors.Is(err, ErrTaken) {
		return n, errAgain
	}
	if err != nil {
		return n, fmt.Errorf("claiming a file: %w", err)
	}
	faultpoint.Hit("object.register.claimed")
	return n, nil
}

// takeOverFile makes the object of a claimed file in the account's drive. The
// claim names its version, so that any number of attempts make one.
func (s *Service) takeOverFile(ctx context.Context, b Bucket, n Node, r objectv1.RegisterFileRequest) error {
	b.Region = n.Region
	guests := driveOf(objectv1.GuestAccount, n.Region)
	_, err := s.commit(ctx, draft{
		v:      Version{ID: n.Claim.Version, Account: b.Account, Bucket: b.ID, Key: n.ID, Live: b.ID},
		ticket: objectv1.Ticket{VersionID: n.Claim.Version, LeaseTill: s.now().Add(TicketLife), Region: n.Region},
		limit:  r.Principal.Limits.StorageBytes, actor: actorOf(r.Principal, r.Origin), operation: objectv1.OperationCopy, bucket: b,
		copy: &copying{from: guests, to: b, keeps: true, node: n, r: objectv1.CopyObjectRequest{Principal: r.Principal}},
		file: &filing{account: b.Account, names: []string{n.Name}, id: n.ID, region: n.Region, version: n.Claim.Version, claims: true},
	})
	faultpoint.Hit("object.register.copied")
	return err
}

// endClaim ends the registration of a file whose object is in the account's drive.
func (s *Service) endClaim(ctx context.Context, id string) error {
	for range casAttempts {
		n, rev, err := s.st.Nodes.Get(ctx, id)
		if errors.Is(err, ErrNoDocument) || err == nil && n.Claim == nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a file: %w", err)
		}
		if n.State != "" {
			return nil // its removal ends both
		}
		if err := s.emptyHead(ctx, n, objectv1.GuestAccount, n.Claim.Name, Actor{Account: objectv1.GuestAccount}); err != nil {
			return err
		}
		faultpoint.Hit("object.register.emptied")
		n.Claim, n.SweepAt = nil, time.Time{}
		n.recount(s.now())
		err = s.st.Nodes.Replace(ctx, n, rev)
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}

// unclaim gives a claimed file back to the guests, unless its object has come to
// the account's drive. An attempt may be about to bring it there: so the claim is
// undone first, and the head's revision is raised then.
func (s *Service) unclaim(ctx context.Context, id string) error {
	for range casAttempts {
		n, rev, err := s.st.Nodes.Get(ctx, id)
		if errors.Is(err, ErrNoDocument) || err == nil && (n.Claim == nil || n.State != "") {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a file: %w", err)
		}
		if !n.Claim.Undone {
			n.Claim.Undone = true
			err := s.st.Nodes.Replace(ctx, n, rev)
			if errors.Is(err, ErrStale) {
				continue
			}
			if err != nil {
				return fmt.Errorf("undoing a claim: %w", err)
			}
			rev++
		}
		faultpoint.Hit("object.register.undone")
		visible, err := s.fenceFile(ctx, n)
		if err != nil {
			return err
		}
		if visible {
			return s.endClaim(ctx, id)
		}
		n.Account, n.Files, n.Parent = objectv1.GuestAccount, objectv1.GuestAccount, n.ID
		n.Name, n.Sort = n.Claim.Name, sortKey(n.Claim.Name, false)
		n.ExpiresAt, n.SweepAt, n.Claim = n.Claim.ExpiresAt, n.Claim.ExpiresAt, nil
		err = s.st.Nodes.Replace(ctx, n, rev)
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}
