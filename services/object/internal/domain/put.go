package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// BeginPut gives a ticket for one version.
func (s *Service) BeginPut(ctx context.Context, r objectv1.BeginPutRequest) (objectv1.Ticket, error) {
	if err := objectv1.CheckKey(r.Key); err != nil {
		return objectv1.Ticket{}, err
	}
	path, err := s.keyOf(ctx, r.Principal, r.Bucket, r.Key, r.File)
	if err != nil {
		return objectv1.Ticket{}, err
	}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionPutObject, path)
	if err != nil {
		return objectv1.Ticket{}, err
	}
	if err := b.mayLock(r.Principal, r.Key, r.Retention, r.LegalHold); err != nil {
		return objectv1.Ticket{}, err
	}
	if r.Retention != nil {
		retention, err := r.Retention.Check(s.now())
		if err != nil {
			return objectv1.Ticket{}, err
		}
		r.Retention = &retention
	}
	if err := checkStaging(r); err != nil {
		return objectv1.Ticket{}, err
	}
	if err := s.admit(); err != nil {
		return objectv1.Ticket{}, err
	}
	to, err := s.target(ctx, b, r)
	if err != nil {
		return objectv1.Ticket{}, err
	}
	if r.Idempotency == nil {
		return s.begin(ctx, b, to, r, s.newID())
	}
	got, err := s.bind(ctx, b, r)
	if err != nil {
		return objectv1.Ticket{}, err
	}
	if got.replay != nil {
		return objectv1.Ticket{Replayed: got.replay}, nil
	}
	t, err := s.begin(ctx, b, to, r, got.version)
	if err != nil {
		return objectv1.Ticket{}, errors.Join(err, s.unbegin(ctx, b, got))
	}
	t.Idempotency = got.ticket
	return t, nil
}

// unbegin frees the idempotency key of a write that was refused at its start.
func (s *Service) unbegin(ctx context.Context, b Bucket, got bound) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	_, err := s.unbind(ctx, b.Account, got.version, *got.ticket)
	return err
}

// checkStaging holds what a staged ticket is asked for against the rules.
func checkStaging(r objectv1.BeginPutRequest) error {
	if r.Staged && (!r.Hold || r.Size != -1) {
		return fault.ErrInvalid.Msgf("a staged ticket is held and of unknown size")
	}
	return checkLease(r.LeaseSeconds, r.Staged)
}

func checkLease(seconds int64, staged bool) error {
	if seconds < 0 || seconds > int64(objectv1.MaxLease/time.Second) || seconds > 0 && !staged {
		return fault.ErrInvalid.Msgf("a staged ticket's lease is at most %s", objectv1.MaxLease)
	}
	return nil
}

// begin decides whether the write may start, and gives its ticket.
func (s *Service) begin(
	ctx context.Context, b Bucket, to target, r objectv1.BeginPutRequest, version string,
) (objectv1.Ticket, error) {
	limits := r.Principal.Limits
	if limits.ObjectBytes > 0 && r.Size > limits.ObjectBytes {
		return objectv1.Ticket{}, objectv1.ErrTooLarge
	}
	h, _, err := s.st.Heads.Get(ctx, b.ID, to.key)
	if err != nil {
		return objectv1.Ticket{}, fmt.Errorf("reading the head: %w", err)
	}
	if err := check(r.Conditions, h); err != nil {
		return objectv1.Ticket{}, err
	}
	room, err := s.room(ctx, r.Principal)
	if err != nil {
		return objectv1.Ticket{}, err
	}
	if r.Size > room || room <= 0 && r.Size < 0 {
		return objectv1.Ticket{}, objectv1.ErrQuotaExceeded
	}
	t := objectv1.Ticket{
		VersionID: version, BucketID: b.ID, AccountID: b.Account, KeyDomain: keyDomain(b.Account), Region: to.region,
		MaxSize: maxSize(limits, r.Size), LeaseTill: s.now().Add(TicketLife),
		Staged: r.Staged, NodeID: to.node,
	}
	if !r.Hold {
		return t, nil
	}
	want := r.Size
	if r.Staged {
		want = 0
	} else if want < 0 {
		want = min(objectv1.ReservationStep, room, t.MaxSize)
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	return s.hold(ctx, t, to.key, r, want)
}

// keyDomain is the key domain of an account: its contents share keys and
// duplicates with nobody else's.
func keyDomain(account string) string { return "account-" + account }

// always is later than every lease.
var always = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// noLimit stands for a plan without one.
const noLimit = int64(1) << 62

// maxSize is what the content may have at most: the announced size, or the
// plan's limit for one object.
func maxSize(l authv1.Limits, size int64) int64 {
	switch {
	case size >= 0:
		return size
	case l.ObjectBytes > 0:
		return l.ObjectBytes
	}
	return noLimit
}

// room is how many bytes the account may still take.
func (s *Service) room(ctx context.Context, p authv1.Principal) (int64, error) {
	total, closing, err := s.st.Accounts.Standing(ctx, p.AccountID)
	if err != nil {
		return 0, fmt.Errorf("reading the account's usage: %w", err)
	}
	if err := closing.refusal(); err != nil {
		return 0, err
	}
	if p.Limits.StorageBytes <= 0 {
		return noLimit, nil
	}
	return p.Limits.StorageBytes - total, nil
}

// reserve takes quota for a version under the name id.
func (s *Service) reserve(ctx context.Context, v Version, id string, bytes, limit int64) error {
	for range reserveAttempts {
		err := s.st.Accounts.Reserve(ctx, v.Account, id, Reservation{Version: v.ID, Bytes: bytes, Lease: s.now().Add(commitLease)}, limit)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrRefused) {
			return fmt.Errorf("reserving quota: %w", err)
		}
		total, closing, err := s.st.Accounts.Standing(ctx, v.Account)
		if err != nil {
			return fmt.Errorf("reading the account's usage: %w", err)
		}
		if err := closing.refusal(); err != nil {
			return err
		}
		if limit > 0 && bytes > limit-total {
			return objectv1.ErrQuotaExceeded
		}
	}
	return objectv1.ErrQuotaExceeded
}

// reserveAttempts bounds the retries when what refused a reservation is gone by
// the time that it is asked for.
const reserveAttempts = 5

// AbortPut drops what waits under a ticket. A version that is visible, or was,
// stays as it is.
func (s *Service) AbortPut(ctx context.Context, r objectv1.AbortPutRequest) (objectv1.AbortPutResponse, error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	var out objectv1.AbortPutResponse
	var err error
	if r.Idempotency != nil {
		out.Committed, err = s.unbind(ctx, r.AccountID, r.VersionID, *r.Idempotency)
	} else {
		out.Committed, err = s.abort(ctx, r.AccountID, r.VersionID)
	}
	return out, err
}

// abort gives a version up and reports whether that came too late.
func (s *Service) abort(ctx context.Context, account, id string) (committed bool, err error) {
	for range casAttempts {
		v, err := s.st.Versions.Get(ctx, id)
		if errors.Is(err, ErrNoDocument) || err == nil && v.Account != account {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading the version: %w", err)
		}
		switch v.State {
		case VersionHeld:
			err = s.abandonHeld(ctx, v.ID, always)
		case VersionPending, VersionAbandoned:
			err = s.abandon(ctx, v, always)
		case VersionDropping:
			return false, s.dropSoon(ctx, v)
		default:
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, errBusy
}

// abandonHeld gives a held version up, if its lease ended by then. It never was
// near a head, so its own document decides.
func (s *Service) abandonHeld(ctx context.Context, id string, by time.Time) error {
	v, err := s.st.Versions.Update(ctx, id, func(v *Version) error {
		if v.State != VersionHeld || v.SweepAt.After(by) {
			return ErrRefused
		}
		v.State, v.SweepAt = VersionDropping, s.now().Add(repairAfter)
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("giving the upload up: %w", err)
	}
	return s.dropSoon(ctx, v)
}

// dropSoon cleans a version away that never was visible; one that may have many
// parts in the background.
func (s *Service) dropSoon(ctx context.Context, v Version) error {
	if v.staged() {
		s.jobs.drop(v)
		return nil
	}
	return s.drop(ctx, v)
}
