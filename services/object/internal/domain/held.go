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

// hold makes the ticket durable: a version in state held, which keeps the
// bucket from being deleted, and a reservation of its id.
func (s *Service) hold(
	ctx context.Context, t objectv1.Ticket, key string, r objectv1.BeginPutRequest, want int64,
) (objectv1.Ticket, error) {
	lease := max(HoldLease, time.Duration(r.LeaseSeconds)*time.Second)
	t.Held, t.Reserved, t.LeaseTill = true, want, s.now().Add(lease)
	// An upload's parts find its reservation by its id. Any other one's id may come
	// again, with an idempotency key, and then what is left of it is not the same.
	reservation := t.VersionID
	if !r.Staged {
		reservation += "_" + nonce()
	}
	v := Version{
		ID: t.VersionID, Account: t.AccountID, Bucket: t.BucketID, Key: key, Live: t.BucketID, State: VersionHeld,
		Reservation: reservation, SweepAt: t.LeaseTill, Size: want,
		Upload: &Upload{
			Limits: r.Principal.Limits, Region: t.Region, MaxSize: t.MaxSize, Reserved: want, LeaseTill: t.LeaseTill,
			Retention: r.Retention, LegalHold: r.LegalHold, Staged: r.Staged,
		},
	}
	if err := s.st.Versions.Insert(ctx, v); err != nil {
		return objectv1.Ticket{}, fmt.Errorf("recording the upload: %w", err)
	}
	err := s.reserve(ctx, v, v.Reservation, want, r.Principal.Limits.StorageBytes)
	if err == nil {
		_, err = s.activeBucket(ctx, t.BucketID)
	}
	if err != nil {
		return objectv1.Ticket{}, errors.Join(err, s.abandonHeld(ctx, v.ID, always))
	}
	return t, nil
}

// RenewPut extends a held ticket. Where the quota does not give all that is
// asked for it gives what is left, as long as that is more than before. What a
// staged ticket has reserved are its parts.
func (s *Service) RenewPut(ctx context.Context, r objectv1.RenewPutRequest) (objectv1.Ticket, error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	v, err := s.st.Versions.Get(ctx, r.VersionID)
	if errors.Is(err, ErrNoDocument) || err == nil && (v.Account != r.AccountID || v.State != VersionHeld) {
		return objectv1.Ticket{}, objectv1.ErrUploadGone
	}
	if err != nil {
		return objectv1.Ticket{}, fmt.Errorf("reading the upload: %w", err)
	}
	if r.Bytes > v.Upload.MaxSize {
		return objectv1.Ticket{}, objectv1.ErrTooLarge
	}
	if err := checkLease(r.LeaseSeconds, v.staged()); err != nil {
		return objectv1.Ticket{}, err
	}
	reserved := v.Upload.Reserved
	if !v.staged() {
		if reserved, err = s.grow(ctx, v, r.Bytes); err != nil {
			return objectv1.Ticket{}, err
		}
	}
	reservation := v.Reservation
	v, err = s.st.Versions.Update(ctx, v.ID, func(v *Version) error {
		if v.State != VersionHeld || v.Reservation != reservation {
			return ErrRefused
		}
		till := s.now().Add(max(HoldLease, time.Duration(r.LeaseSeconds)*time.Second))
		if v.staged() && v.Upload.LeaseTill.After(till) {
			till = v.Upload.LeaseTill
		}
		v.SweepAt, v.Upload.LeaseTill, v.Upload.Reserved, v.Size = till, till, reserved, reserved
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return objectv1.Ticket{}, objectv1.ErrUploadGone
	}
	if err != nil {
		return objectv1.Ticket{}, fmt.Errorf("renewing the upload: %w", err)
	}
	return v.ticket(), nil
}

// ticket is the ticket of a held version.
func (v Version) ticket() objectv1.Ticket {
	t := objectv1.Ticket{
		VersionID: v.ID, BucketID: v.Bucket, AccountID: v.Account, KeyDomain: keyDomain(v.Account), Region: v.Upload.Region,
		MaxSize: v.Upload.MaxSize, Reserved: v.Upload.Reserved, Held: true, LeaseTill: v.Upload.LeaseTill,
		Staged: v.Upload.Staged,
	}
	if v.Bucket == driveID(v.Account) {
		t.NodeID = v.Key
	}
	return t
}

// grow raises the reservation of a held version towards want and answers what
// it has now. The usage document is what counts; the version only repeats it.
func (s *Service) grow(ctx context.Context, v Version, want int64) (int64, error) {
	limit := v.Upload.Limits.StorageBytes
	for range casAttempts {
		u, err := s.st.Accounts.Get(ctx, v.Account)
		if err != nil {
			return 0, fmt.Errorf("reading the account's usage: %w", err)
		}
		res, ok := u.Reserved[v.Reservation]
		if !ok {
			return 0, objectv1.ErrUploadGone
		}
		if want <= res.Bytes {
			return res.Bytes, nil
		}
		grant := want
		if limit > 0 {
			grant = min(want, res.Bytes+limit-u.Total)
		}
		if grant <= res.Bytes {
			return 0, objectv1.ErrQuotaExceeded
		}
		next := Reservation{Version: v.ID, Bytes: grant, Lease: s.now().Add(HoldLease)}
		err = s.st.Accounts.Resize(ctx, v.Account, v.Reservation, res.Bytes, next, limit)
		if errors.Is(err, ErrRefused) {
			continue // somebody took or gave quota in between
		}
		if err != nil {
			return 0, fmt.Errorf("growing the reservation: %w", err)
		}
		return grant, nil
	}
	return 0, objectv1.ErrQuotaExceeded
}

// fill turns a held version into a pending one with its content. Either its
// reservation is brought to the true size first, or what is staged is reserved.
func (s *Service) fill(ctx context.Context, d draft, held Version) (Version, error) {
	if held.staged() != (len(d.parts) > 0) {
		return held, fault.ErrInvalid.Msgf("the ticket is of another kind of write")
	}
	var err error
	if d.file != nil {
		if err := s.place(ctx, &d); err != nil {
			return held, err
		}
	}
	if held.staged() {
		d, err = s.assemble(ctx, d, held)
	} else {
		err = s.trueUp(ctx, held, d.v.Size, d.limit)
	}
	if err != nil {
		return held, err
	}
	now := s.now()
	content, owner := s.idAfter(d.parts), nonce()
	with := d.v
	with.Content = content
	if err := s.store(ctx, with, d.manifest); err != nil {
		return held, fmt.Errorf("storing the content: %w", err)
	}
	faultpoint.Hit("object.fill.stored")
	if err := s.stillStaged(ctx, held, d.parts); err != nil {
		s.forget(ctx, with)
		return held, err
	}
	v, err := s.st.Versions.Update(ctx, held.ID, func(v *Version) error {
		if v.State != VersionHeld || v.Reservation != held.Reservation {
			return ErrRefused
		}
		reservation, upload := v.Reservation, v.Upload
		*v = d.v
		if upload.Staged {
			v.Upload = upload
		}
		v.State, v.Owner, v.Content, v.Reservation = VersionPending, owner, content, reservation
		v.CreatedAt, v.SweepAt = now, now.Add(commitLease)
		return nil
	})
	if err != nil {
		s.forget(ctx, with)
		if errors.Is(err, ErrRefused) {
			return held, errAgain
		}
		if errors.Is(err, ErrNoDocument) {
			return held, objectv1.ErrUploadGone
		}
		return held, fmt.Errorf("recording the version: %w", err)
	}
	v.ID = held.ID
	return s.publish(ctx, d, v, v.CreatedAt)
}

// trueUp brings the reservation of a held version to size.
func (s *Service) trueUp(ctx context.Context, v Version, size, limit int64) error {
	for range casAttempts {
		u, err := s.st.Accounts.Get(ctx, v.Account)
		if err != nil {
			return fmt.Errorf("reading the account's usage: %w", err)
		}
		res, ok := u.Reserved[v.Reservation]
		if !ok {
			return objectv1.ErrUploadGone
		}
		if res.Bytes == size {
			return nil
		}
		if limit > 0 && size > res.Bytes && u.Total-res.Bytes+size > limit {
			return objectv1.ErrQuotaExceeded
		}
		next := Reservation{Version: v.ID, Bytes: size, Lease: s.now().Add(HoldLease)}
		err = s.st.Accounts.Resize(ctx, v.Account, v.Reservation, res.Bytes, next, limit)
		if err == nil || !errors.Is(err, ErrRefused) {
			return err
		}
	}
	return errBusy
}
