package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// CreateBucket makes a bucket.
func (s *Service) CreateBucket(ctx context.Context, r objectv1.CreateBucketRequest) (objectv1.Bucket, error) {
	if err := granted(r.Principal, r.Name, objectv1.ActionCreateBucket, ""); err != nil {
		return objectv1.Bucket{}, err
	}
	if err := CheckBucketName(r.Name); err != nil {
		return objectv1.Bucket{}, err
	}
	if r.Name == objectv1.DriveBucket {
		return objectv1.Bucket{}, objectv1.ErrBucketExists.Msgf("the name %s is kept for the account's files", objectv1.DriveBucket)
	}
	if r.Region == "" {
		r.Region = s.cfg.Regions[0]
	}
	if !slices.Contains(s.cfg.Regions, r.Region) {
		return objectv1.Bucket{}, fault.ErrInvalid.Msgf("there is no region %.40q", r.Region)
	}
	if err := checkDefaultRetention(r); err != nil {
		return objectv1.Bucket{}, err
	}
	b := Bucket{
		ID: s.newID(), Account: r.Principal.AccountID, Name: r.Name, State: BucketActive, CreatedAt: s.now(),
		Versioning: objectv1.Unversioned, ObjectLock: r.ObjectLock, DefaultRetention: r.DefaultRetention, Region: r.Region,
	}
	if r.Versioning || r.ObjectLock {
		b.Versioning = objectv1.Enabled
	}
	if err := s.st.Accounts.Create(ctx, b.Account); err != nil {
		return objectv1.Bucket{}, fmt.Errorf("opening the account's usage: %w", err)
	}
	if err := s.open(ctx, b.Account); err != nil {
		return objectv1.Bucket{}, err
	}
	switch err := s.st.Buckets.Insert(ctx, b); {
	case errors.Is(err, ErrTaken):
		return objectv1.Bucket{}, objectv1.ErrBucketExists
	case err != nil:
		return objectv1.Bucket{}, fmt.Errorf("creating the bucket: %w", err)
	}
	// Whoever closes the account either finds the bucket or is seen here.
	return b.view(Count{}), s.open(ctx, b.Account)
}

func checkDefaultRetention(r objectv1.CreateBucketRequest) error {
	d := r.DefaultRetention
	switch {
	case d == nil:
		return nil
	case !r.ObjectLock:
		return fault.ErrInvalid.Msgf("defaultRetention needs objectLock")
	case d.Mode != objectv1.Governance && d.Mode != objectv1.Compliance:
		return fault.ErrInvalid.Msgf("defaultRetention.mode is GOVERNANCE or COMPLIANCE")
	case d.Days < 1 || d.Days > objectv1.MaxRetentionDays:
		return fault.ErrInvalid.Msgf("defaultRetention.days is 1 to %d", objectv1.MaxRetentionDays)
	}
	return nil
}

// view is b as its owner sees it.
func (b Bucket) view(c Count) objectv1.Bucket {
	return objectv1.Bucket{
		ID: b.ID, Name: b.Name, CreatedAt: b.CreatedAt, Versioning: b.Versioning, ObjectLock: b.ObjectLock,
		DefaultRetention: b.DefaultRetention, Region: b.Region, ObjectCount: c.Objects, Bytes: c.Bytes,
	}
}

// GetBucket reads a bucket with its counts.
func (s *Service) GetBucket(ctx context.Context, r objectv1.BucketRequest) (objectv1.Bucket, error) {
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionGetBucket, "")
	if err != nil {
		return objectv1.Bucket{}, err
	}
	u, err := s.usage(ctx, b.Account)
	if err != nil {
		return objectv1.Bucket{}, err
	}
	return b.view(u.Buckets[b.ID]), nil
}

// ListBuckets gives the buckets of the account that the principal may look at.
func (s *Service) ListBuckets(ctx context.Context, r objectv1.ListBucketsRequest) (objectv1.ListBucketsResponse, error) {
	out := objectv1.ListBucketsResponse{Buckets: []objectv1.Bucket{}}
	if r.Principal.AccountID == "" {
		return out, errNobody
	}
	if !hasScope(r.Principal, authv1.ScopeRead, authv1.ScopeAdmin) {
		return out, objectv1.ErrAccessDenied
	}
	all, err := s.st.Buckets.List(ctx, r.Principal.AccountID)
	if err != nil {
		return out, fmt.Errorf("listing buckets: %w", err)
	}
	u, err := s.usage(ctx, r.Principal.AccountID)
	if err != nil {
		return out, err
	}
	for _, b := range all {
		if !b.hidden() && seesBucket(r.Principal, b.Name) && b.permits(r.Principal, objectv1.ActionGetBucket, "") == nil {
			out.Buckets = append(out.Buckets, b.view(u.Buckets[b.ID]))
		}
	}
	return out, nil
}

// SetVersioning turns versioning on, or suspends it. What is written under way is
// written as before or as after; what was answered before counts as it was.
func (s *Service) SetVersioning(ctx context.Context, r objectv1.SetVersioningRequest) (objectv1.Bucket, error) {
	for range casAttempts {
		b, rev, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionPutVersioning, "")
		switch {
		case err != nil:
			return objectv1.Bucket{}, err
		case r.Versioning != objectv1.Enabled && r.Versioning != objectv1.Suspended:
			return objectv1.Bucket{}, fault.ErrInvalid.Msgf("versioning is %s or %s", objectv1.Enabled, objectv1.Suspended)
		case b.ObjectLock && r.Versioning != objectv1.Enabled:
			return objectv1.Bucket{}, objectv1.ErrLockNeedsVersioning
		}
		if b.Versioning != r.Versioning {
			b.Versioning = r.Versioning
			err = s.st.Buckets.Replace(ctx, b, rev)
		}
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return objectv1.Bucket{}, fmt.Errorf("storing the versioning: %w", err)
		}
		u, err := s.usage(ctx, b.Account)
		return b.view(u.Buckets[b.ID]), err
	}
	return objectv1.Bucket{}, fault.ErrUnavailable.After(time.Second)
}

// DeleteBucket removes a bucket that holds nothing.
func (s *Service) DeleteBucket(ctx context.Context, r objectv1.BucketRequest) error {
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionDeleteBucket, "")
	if err != nil {
		return err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	// A first look disturbs nobody: while the bucket is deleting, writes wait.
	if err := s.emptyOut(ctx, b); err != nil {
		return err
	}
	return s.deleteBucket(ctx, b.ID)
}

// deleteBucket closes the bucket to writers, looks again, and removes it or
// opens it. Whoever changed the document in between makes it start again.
func (s *Service) deleteBucket(ctx context.Context, id string) error {
	for range casAttempts {
		b, rev, err := s.st.Buckets.Get(ctx, id)
		if errors.Is(err, ErrNoDocument) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the bucket: %w", err)
		}
		if b.State == BucketClosed {
			return objectv1.ErrAccountClosed
		}
		b.State, b.SweepAt = BucketDeleting, s.now().Add(repairAfter)
		err = s.st.Buckets.Replace(ctx, b, rev)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return fmt.Errorf("closing the bucket: %w", err)
		}
		rev++
		found := s.emptyOut(ctx, b)
		if found != nil {
			b.State, b.SweepAt = BucketActive, time.Time{}
			err = s.st.Buckets.Replace(ctx, b, rev)
		} else if err = s.forgetBucket(ctx, b); err == nil {
			err = s.st.Buckets.Delete(ctx, id, rev)
		}
		if errors.Is(err, ErrStale) {
			continue
		}
		if found != nil {
			return found
		}
		return err
	}
	return fault.ErrUnavailable.After(time.Second)
}

// forgetBucket removes what an emptied bucket leaves: empty heads and counts of
// zero. It comes before the bucket goes, so that a crash leaves nothing unowned.
func (s *Service) forgetBucket(ctx context.Context, b Bucket) error {
	for more := true; more; {
		var err error
		if more, err = s.st.Heads.Forget(ctx, b.ID, 500); err != nil {
			return fmt.Errorf("removing heads of the deleted bucket: %w", err)
		}
	}
	if err := s.st.Accounts.DropBucket(ctx, b.Account, b.ID); err != nil {
		return fmt.Errorf("removing the counts of the deleted bucket: %w", err)
	}
	return nil
}

// emptyOut cleans away what is removed already and answers
// object.bucket_not_empty as soon as something else is met.
func (s *Service) emptyOut(ctx context.Context, b Bucket) error {
	for {
		live, err := s.st.Versions.Live(ctx, b.ID, 100)
		if err != nil {
			return fmt.Errorf("looking into the bucket: %w", err)
		}
		if len(live) == 0 {
			return nil
		}
		for _, v := range live {
			gone, err := s.cleanIfGone(ctx, v)
			if err != nil {
				return err
			}
			if !gone {
				return s.stillThere(ctx, b, v)
			}
		}
	}
}

// stillThere is the verdict over a version that was found, unless it has moved on
// since it was read: then the bucket is looked through again.
func (s *Service) stillThere(ctx context.Context, b Bucket, v Version) error {
	cur, err := s.st.Versions.Get(ctx, v.ID)
	if err != nil && !errors.Is(err, ErrNoDocument) {
		return fmt.Errorf("reading a version again: %w", err)
	}
	if err == nil && cur.State == v.State {
		return objectv1.ErrBucketNotEmpty
	}
	return s.emptyOut(ctx, b)
}

// cleanIfGone cleans v away if nobody can see it or make it visible any more.
func (s *Service) cleanIfGone(ctx context.Context, v Version) (bool, error) {
	switch v.State {
	case VersionDropping:
		return true, s.drop(ctx, v)
	case VersionRemoving:
		return true, s.finishRemoval(ctx, v)
	case VersionHeld, VersionPending, VersionAbandoned:
		if v.SweepAt.After(s.now()) {
			return false, nil
		}
		if err := s.sweepVersion(ctx, v); err != nil {
			return false, err
		}
		_, err := s.st.Versions.Get(ctx, v.ID)
		if errors.Is(err, ErrNoDocument) {
			return true, nil
		}
		return false, err
	}
	h, _, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
	if err != nil {
		return false, fmt.Errorf("reading the head: %w", err)
	}
	if !h.discards(v.ID) {
		return false, nil
	}
	return true, s.cleanDiscards(ctx, h)
}

// discards reports whether the version waits in h to be cleaned away.
func (h Head) discards(version string) bool {
	return slices.ContainsFunc(h.Discard, func(d Discard) bool { return d.Version == version })
}
