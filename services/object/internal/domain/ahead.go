package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// aheadSuffix ends the name of what an upload has reserved for bytes that have
// not come. It is no part of what is staged, and lives only as long as its lease.
const aheadSuffix = "_ahead"

func aheadName(version string) string { return version + aheadSuffix }

// ReserveAhead reserves what an upload will stage. Before it refuses, it takes
// back what the background or a dead writer has not given back yet.
func (s *Service) ReserveAhead(ctx context.Context, r objectv1.ReserveAheadRequest) (objectv1.Empty, error) {
	none := objectv1.Empty{}
	ctx, cancel := detach(ctx)
	defer cancel()
	v, err := s.upload(ctx, r.AccountID, r.VersionID)
	if err != nil {
		return none, err
	}
	if err := checkAhead(v, r.Bytes); err != nil {
		return none, err
	}
	if r.Bytes == 0 {
		if err := s.st.Accounts.Unreserve(ctx, v.Account, aheadName(v.ID)); err != nil {
			return none, fmt.Errorf("giving the reservation ahead back: %w", err)
		}
		return none, nil
	}
	err = s.reserveAhead(ctx, v, r.Bytes)
	if errors.Is(err, objectv1.ErrQuotaExceeded) {
		s.catchUp(ctx, v.Account)
		err = s.reserveAhead(ctx, v, r.Bytes)
	}
	if err != nil {
		return none, err
	}
	_, err = s.upload(ctx, v.Account, v.ID)
	if errors.Is(err, objectv1.ErrUploadGone) { // whoever ended it may have come before the reservation
		s.unreserve(ctx, v, aheadName(v.ID))
	}
	return none, err
}

// catchUp has given back what an account need not have reserved any more. What
// fails is the sweep's.
func (s *Service) catchUp(ctx context.Context, account string) {
	u, err := s.st.Accounts.Get(ctx, account)
	if err == nil {
		err = s.lapse(ctx, u)
	}
	s.report(err)
	s.jobs.wait(ctx, account)
}

func checkAhead(v Version, bytes int64) error {
	switch {
	case bytes < 0:
		return fault.ErrInvalid.Msgf("%d bytes cannot be reserved", bytes)
	case bytes > v.Upload.MaxSize:
		return objectv1.ErrTooLarge
	}
	return nil
}

func (s *Service) reserveAhead(ctx context.Context, v Version, bytes int64) error {
	limit, name := v.Upload.Limits.StorageBytes, aheadName(v.ID)
	for range casAttempts {
		u, err := s.st.Accounts.Get(ctx, v.Account)
		if err != nil {
			return fmt.Errorf("reading the account's usage: %w", err)
		}
		if err := u.Closing.refusal(); err != nil {
			return err
		}
		old, there := u.Reserved[name]
		if more := bytes - old.Bytes; limit > 0 && more > 0 && more > limit-u.Total {
			return objectv1.ErrQuotaExceeded
		}
		next := s.ahead(v, bytes)
		if there {
			err = s.st.Accounts.Resize(ctx, v.Account, name, old.Bytes, next, limit)
		} else {
			err = s.st.Accounts.Reserve(ctx, v.Account, name, next, limit)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrRefused) {
			return fmt.Errorf("reserving quota ahead: %w", err)
		}
	}
	return errBusy
}

func (s *Service) ahead(v Version, bytes int64) Reservation {
	return Reservation{Version: v.ID, Bytes: bytes, Lease: s.now().Add(objectv1.AheadLease)}
}

// reservePart reserves a content's bytes under the name of its attempt. In place
// of another content the account may have as much more as goes then: with that
// it has no more.
func (s *Service) reservePart(ctx context.Context, v Version, c Content, r objectv1.StageContentRequest) error {
	limit := v.Upload.Limits.StorageBytes
	if r.Ahead == nil || limit <= 0 {
		err := s.reserve(ctx, v, c.Reservation, c.Manifest.Size, limit)
		if !errors.Is(err, objectv1.ErrQuotaExceeded) || r.Replaces == "" {
			return err
		}
		if more := s.replaced(ctx, v, r.Replaces); more > 0 {
			err = s.reserve(ctx, v, c.Reservation, c.Manifest.Size, limit+more)
		}
		return err
	}
	return s.reserveBeside(ctx, v, c, *r.Ahead, limit+s.replaced(ctx, v, r.Replaces))
}

// replaced is the size of a content of the upload that another one replaces.
func (s *Service) replaced(ctx context.Context, v Version, id string) int64 {
	if id == "" {
		return 0
	}
	old, err := s.st.Contents.Get(ctx, id)
	if err != nil || old.Staged != v.ID || old.Account != v.Account {
		return 0 // then it is counted twice for a while, which may refuse, and does no harm
	}
	return old.Manifest.Size
}

// reserveBeside takes a content's bytes out of what its upload has reserved
// ahead, in one write, so that nobody else gets them in between; ahead is what is
// to be left there.
func (s *Service) reserveBeside(ctx context.Context, v Version, c Content, ahead, limit int64) error {
	name := aheadName(v.ID)
	for range casAttempts {
		u, err := s.st.Accounts.Get(ctx, v.Account)
		if err != nil {
			return fmt.Errorf("reading the account's usage: %w", err)
		}
		if err := u.Closing.refusal(); err != nil {
			return err
		}
		old, want := u.Reserved[name].Bytes, ahead
		most := old - c.Manifest.Size + max(limit-u.Total, 0)
		if most < 0 {
			return objectv1.ErrQuotaExceeded
		}
		if want > most { // no room for more ahead than there was
			want = min(old, most)
		}
		err = s.st.Accounts.ReserveBeside(ctx, v.Account, c.Reservation,
			Reservation{Version: v.ID, Bytes: c.Manifest.Size, Lease: s.now().Add(commitLease)}, name, old, s.ahead(v, want), limit)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrRefused) {
			return fmt.Errorf("reserving quota: %w", err)
		}
	}
	return errBusy
}

// lapse gives back what an account's uploads reserved ahead and did not renew.
func (s *Service) lapse(ctx context.Context, u Usage) error {
	for id, r := range u.Reserved {
		if !strings.HasSuffix(id, aheadSuffix) || r.Lease.After(s.now()) {
			continue
		}
		if err := s.st.Accounts.Lapse(ctx, u.Account, id, r); err != nil {
			return fmt.Errorf("giving a reservation ahead back: %w", err)
		}
	}
	return nil
}
