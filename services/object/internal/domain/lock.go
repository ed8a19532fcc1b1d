package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// locked reports whether v may not be removed at that time.
func (v Version) locked(at time.Time) bool {
	return v.LegalHold || v.retained(at)
}

// retained reports whether retention protects v at that time.
func (v Version) retained(at time.Time) bool {
	return v.Retention != nil && v.Retention.Until.After(at)
}

// retention is what a version written at that time gets by the bucket's default.
func (b Bucket) retention(at time.Time) *objectv1.Retention {
	if b.DefaultRetention == nil {
		return nil
	}
	return &objectv1.Retention{Mode: b.DefaultRetention.Mode, Until: at.AddDate(0, 0, b.DefaultRetention.Days)}
}

// mayLock decides whether a write may set retention or a legal hold.
func (b Bucket) mayLock(p authv1.Principal, key string, retention *objectv1.Retention, hold bool) error {
	if retention == nil && !hold {
		return nil
	}
	switch {
	case b.isDrive():
		return objectv1.ErrNotInDrive
	case !b.ObjectLock:
		return objectv1.ErrLockNotEnabled
	}
	if retention != nil {
		if err := b.mayDo(p, objectv1.ActionPutObjectRetention, key); err != nil {
			return err
		}
	}
	if hold {
		return b.mayDo(p, objectv1.ActionPutObjectLegalHold, key)
	}
	return nil
}

// mayDo decides an action on a bucket that was found already.
func (b Bucket) mayDo(p authv1.Principal, a objectv1.Action, key string) error {
	if err := granted(p, b.Name, a, key); err != nil {
		return err
	}
	return b.permits(p, a, key)
}

// mayCommit decides what a commit asks of its bucket, and brings its retention
// into the form in which it is stored.
func (s *Service) mayCommit(ctx context.Context, b Bucket, r *objectv1.CommitPutRequest) error {
	if err := b.permits(r.Principal, objectv1.ActionPutObject, r.Key); err != nil {
		return err
	}
	decided, err := s.locksDecided(ctx, *r)
	if err == nil && !decided {
		err = b.mayLock(r.Principal, r.Key, r.Retention, r.LegalHold)
	}
	if err != nil || r.Retention == nil {
		return err
	}
	// The date lay in the future when the write began; an upload in parts, or a
	// repeat, may end behind it.
	began := s.now()
	if id, err := ulid.ParseStrict(r.Ticket.VersionID); err == nil {
		began = ulid.Time(id.Time()).UTC()
	}
	retention, err := r.Retention.Check(began)
	r.Retention = &retention
	return err
}

// locksDecided reports whether these locks were decided when the ticket was
// given: who completes an upload need not be who began it.
func (s *Service) locksDecided(ctx context.Context, r objectv1.CommitPutRequest) (bool, error) {
	if !r.Ticket.Held || r.Retention == nil && !r.LegalHold {
		return false, nil
	}
	v, err := s.st.Versions.Get(ctx, r.Ticket.VersionID)
	if errors.Is(err, ErrNoDocument) {
		return false, objectv1.ErrUploadGone
	}
	if err != nil {
		return false, fmt.Errorf("reading the upload: %w", err)
	}
	if v.State != VersionHeld { // a commit that was done is only repeated
		return true, nil
	}
	return v.Upload.LegalHold == r.LegalHold && sameRetention(v.Upload.Retention, r.Retention), nil
}

func sameRetention(a, b *objectv1.Retention) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Mode == b.Mode && a.Until.Equal(b.Until.Truncate(time.Millisecond))
}

// weakens reports whether next protects v less than it is protected at that
// time: it may only be extended and made stricter (lockwell.md, WORM).
func (v Version) weakens(next objectv1.Retention, at time.Time) bool {
	return v.retained(at) && (next.Until.Before(v.Retention.Until) ||
		v.Retention.Mode == objectv1.Compliance && next.Mode != objectv1.Compliance)
}

// GetRetention reads until when a version is, or was, protected.
func (s *Service) GetRetention(ctx context.Context, r objectv1.VersionRequest) (objectv1.Retention, error) {
	v, err := s.lockable(ctx, r)
	if err != nil {
		return objectv1.Retention{}, err
	}
	if v.Retention == nil {
		return objectv1.Retention{}, objectv1.ErrNoRetention
	}
	return *v.Retention, nil
}

// SetRetention protects a version, longer or more strictly than before.
func (s *Service) SetRetention(ctx context.Context, r objectv1.SetRetentionRequest) (objectv1.Retention, error) {
	b, err := s.lockBucket(ctx, r.Principal, r.Bucket, r.Key, objectv1.ActionPutObjectRetention)
	if err != nil {
		return objectv1.Retention{}, err
	}
	now := s.now()
	next, err := r.Retention.Check(now)
	if err != nil {
		return objectv1.Retention{}, err
	}
	v, err := s.change(ctx, b, r.Key, r.VersionID, func(v *Version) error {
		if v.weakens(next, now) {
			return objectv1.ErrObjectLocked.Msgf("retention may be extended and made stricter, not shortened or weakened")
		}
		v.Retention = &next
		return nil
	})
	if err == nil {
		err = s.open(ctx, b.Account)
	}
	if err != nil {
		return objectv1.Retention{}, err
	}
	return *v.Retention, nil
}

// GetLegalHold reads whether a legal hold protects a version.
func (s *Service) GetLegalHold(ctx context.Context, r objectv1.VersionRequest) (objectv1.LegalHold, error) {
	v, err := s.lockable(ctx, r)
	return objectv1.LegalHold{VersionID: v.ID, On: v.LegalHold}, err
}

// SetLegalHold puts or lifts a legal hold.
func (s *Service) SetLegalHold(ctx context.Context, r objectv1.SetLegalHoldRequest) (objectv1.LegalHold, error) {
	b, err := s.lockBucket(ctx, r.Principal, r.Bucket, r.Key, objectv1.ActionPutObjectLegalHold)
	if err != nil {
		return objectv1.LegalHold{}, err
	}
	v, err := s.change(ctx, b, r.Key, r.VersionID, func(v *Version) error {
		v.LegalHold = r.On
		return nil
	})
	if err == nil {
		err = s.open(ctx, b.Account)
	}
	return objectv1.LegalHold{VersionID: v.ID, On: v.LegalHold}, err
}

// lockBucket authorises an action and wants the bucket to have object lock.
func (s *Service) lockBucket(ctx context.Context, p authv1.Principal, bucket, key string, a objectv1.Action) (Bucket, error) {
	if err := objectv1.CheckKey(key); err != nil {
		return Bucket{}, err
	}
	b, _, err := s.authorize(ctx, p, bucket, a, key)
	switch {
	case err != nil:
	case b.isDrive():
		err = objectv1.ErrNotInDrive
	case !b.ObjectLock:
		err = objectv1.ErrLockNotEnabled
	}
	return b, err
}

// lockable finds a version whose locks are to be read.
func (s *Service) lockable(ctx context.Context, r objectv1.VersionRequest) (Version, error) {
	b, err := s.lockBucket(ctx, r.Principal, r.Bucket, r.Key, objectv1.ActionGetObject)
	if err != nil {
		return Version{}, err
	}
	return s.found(ctx, b, r.Key, r.VersionID)
}

// found is find until no writer comes between.
func (s *Service) found(ctx context.Context, b Bucket, key, id string) (Version, error) {
	for range casAttempts {
		v, err := s.find(ctx, b, key, id)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return Version{}, err
		}
		return v, nil
	}
	return Version{}, errBusy
}

// change alters what a version says beside its content. Its own document decides,
// as it does about the version's removal: whichever is first wins, the other sees it.
func (s *Service) change(ctx context.Context, b Bucket, key, id string, alter func(v *Version) error) (Version, error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	for range casAttempts {
		v, err := s.find(ctx, b, key, id)
		if err == nil && v.State != VersionCommitted {
			err = s.ripenKey(ctx, b, key, v.ID)
		}
		if err == nil {
			v, err = s.st.Versions.Update(ctx, v.ID, func(v *Version) error {
				if v.State != VersionCommitted {
					return ErrRefused
				}
				return alter(v)
			})
		}
		switch {
		case err == nil:
			return v, nil
		case errors.Is(err, errAgain) || errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument):
			continue
		case fault.KindOf(err) != fault.Internal:
			return Version{}, err
		}
		return Version{}, fmt.Errorf("changing the version: %w", err)
	}
	return Version{}, errBusy
}

// ripenKey makes v committed if the head of its key names it: errAgain if not.
func (s *Service) ripenKey(ctx context.Context, b Bucket, key, id string) error {
	h, _, err := s.st.Heads.Get(ctx, b.ID, key)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	if h.Current != id {
		return errAgain
	}
	return s.ripen(ctx, h)
}

// ripen makes the current version committed in its own document too, as far as
// it is not on its way out.
func (s *Service) ripen(ctx context.Context, h Head) error {
	err := s.st.Versions.Commit(ctx, h.Current, h.Order, h.Delta, false)
	if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoDocument) {
		return fmt.Errorf("committing the version: %w", err)
	}
	return nil
}
