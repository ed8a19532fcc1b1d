package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// nullAlias names the null version of a key wherever a version id is taken.
const nullAlias = "null"

// DeleteObject removes an object, marks it deleted, or removes one version.
func (s *Service) DeleteObject(ctx context.Context, r objectv1.DeleteObjectRequest) (objectv1.DeleteObjectResponse, error) {
	none := objectv1.DeleteObjectResponse{}
	if err := objectv1.CheckKey(r.Key); err != nil {
		return none, err
	}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, deletion(r.VersionID), r.Key)
	if err != nil {
		return none, err
	}
	if err := s.admit(); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	if b.isDrive() {
		return none, s.removePath(ctx, b, r.Key, actorOf(r.Principal, r.Origin))
	}
	return s.remove(ctx, b, r.Key, r.VersionID, actorOf(r.Principal, r.Origin))
}

// deletion is the action of deleting an object, or one version of it.
func deletion(version string) objectv1.Action {
	if version == "" {
		return objectv1.ActionDeleteObject
	}
	return objectv1.ActionDeleteVersion
}

// remove does what a deletion asks for.
func (s *Service) remove(ctx context.Context, b Bucket, key, version string, who Actor) (objectv1.DeleteObjectResponse, error) {
	for range casAttempts {
		if b.HasVersions() { // for good
			return s.removeKept(ctx, b, key, version, who)
		}
		// While the head stays as it was before the bucket was read, the bucket's
		// versioning is that of the head's next change.
		h, rev, err := s.st.Heads.Get(ctx, b.ID, key)
		if err != nil {
			return objectv1.DeleteObjectResponse{}, fmt.Errorf("reading the head: %w", err)
		}
		b, _, err = s.st.Buckets.Get(ctx, b.ID)
		switch {
		case errors.Is(err, ErrNoDocument):
			return objectv1.DeleteObjectResponse{}, objectv1.ErrBucketNotFound
		case err != nil:
			return objectv1.DeleteObjectResponse{}, fmt.Errorf("reading the bucket: %w", err)
		case b.HasVersions():
			continue
		case h.Current == "" || version != "" && version != h.Current && version != nullAlias:
			return objectv1.DeleteObjectResponse{}, nil
		}
		if err := s.removeCurrent(ctx, b, h, rev, key, who); !errors.Is(err, ErrStale) {
			return objectv1.DeleteObjectResponse{}, err
		}
	}
	return objectv1.DeleteObjectResponse{}, errBusy
}

// removeKept is remove for a bucket whose keys may have several versions.
func (s *Service) removeKept(ctx context.Context, b Bucket, key, version string, who Actor) (objectv1.DeleteObjectResponse, error) {
	switch version {
	case "":
		return s.mark(ctx, b, key, who)
	case nullAlias:
		h, _, err := s.st.Heads.Get(ctx, b.ID, key)
		if err != nil {
			return objectv1.DeleteObjectResponse{}, fmt.Errorf("reading the head: %w", err)
		}
		if version = h.Null; version == "" {
			return objectv1.DeleteObjectResponse{}, nil
		}
	}
	return objectv1.DeleteObjectResponse{}, s.removeVersion(ctx, b, key, version, who)
}

// mark puts a delete marker on the object, if it shows one.
func (s *Service) mark(ctx context.Context, b Bucket, key string, who Actor) (objectv1.DeleteObjectResponse, error) {
	v, err := s.commit(ctx, draft{
		v:     Version{ID: s.newID(), Account: b.Account, Bucket: b.ID, Key: key, Live: b.ID, Marker: true},
		actor: who, onlyIfVisible: true,
	})
	if errors.Is(err, objectv1.ErrNotFound) {
		return objectv1.DeleteObjectResponse{}, nil // nothing to delete
	}
	if err != nil {
		return objectv1.DeleteObjectResponse{}, err
	}
	return objectv1.DeleteObjectResponse{DeleteMarker: true, VersionID: v.ID}, nil
}

// removeCurrent empties the head of an unversioned bucket's object, if it is
// still at rev: ErrStale. The event tells of it under the name shown.
func (s *Service) removeCurrent(ctx context.Context, b Bucket, h Head, rev int64, shown string, who Actor) error {
	h, err := s.leave(ctx, h)
	if err != nil {
		return err
	}
	next := Head{
		Bucket: b.ID, Key: h.Key, Seq: s.nextSeq(h.Seq),
		Discard: append(slices.Clone(h.Discard), Discard{Version: h.Current, Delta: -count(h.Visible())}),
	}
	gone := Version{ID: h.Current, Marker: h.Marker}
	e := s.removed(b, next, gone, who)
	e.Data.Key = shown
	if err := s.putHead(ctx, s.swept(next), rev, e); err != nil {
		return err
	}
	s.jobs.discard(b.Account, next)
	return nil
}

func (s *Service) removed(b Bucket, h Head, v Version, who Actor) Event {
	e := removedEvent(b, h, v, who, "Delete")
	e.Data.Time = s.now()
	return e
}

// putHead writes a head and turns a full outbox into its fault.
func (s *Service) putHead(ctx context.Context, h Head, rev int64, e Event) error {
	err := s.st.Heads.Put(ctx, h, rev, e)
	switch {
	case err == nil || errors.Is(err, ErrStale):
		return err
	case errors.Is(err, ErrRefused):
		return errBacklog
	}
	return fmt.Errorf("moving the head: %w", err)
}

// removeVersion removes one version for good. Its own document decides, so that
// retention and legal hold are decided at the same place; the head follows, and
// whoever meets the version in between finishes the removal.
func (s *Service) removeVersion(ctx context.Context, b Bucket, key, id string, who Actor) error {
	found, err := s.st.Versions.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) || err == nil && (found.Bucket != b.ID || found.Key != key) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the version: %w", err)
	}
	if found.State == VersionPending || found.State == VersionAbandoned {
		h, _, err := s.st.Heads.Get(ctx, b.ID, key)
		if err != nil {
			return fmt.Errorf("reading the head: %w", err)
		}
		if h.Current != id {
			return nil // not there yet
		}
		if err := s.ripen(ctx, h); err != nil {
			return err
		}
	}
	now := s.now()
	v, err := s.st.Versions.Update(ctx, id, func(v *Version) error {
		switch {
		case v.State != VersionCommitted:
			return ErrRefused
		case v.locked(now) && b.State != BucketClosed:
			return objectv1.ErrObjectLocked
		}
		v.State, v.Removal, v.SweepAt = VersionRemoving, &who, now.Add(repairAfter)
		return nil
	})
	switch {
	case errors.Is(err, ErrNoDocument):
		return nil
	case errors.Is(err, objectv1.ErrObjectLocked):
		return err
	case errors.Is(err, ErrRefused):
		v, err = s.st.Versions.Get(ctx, id)
		if errors.Is(err, ErrNoDocument) || err == nil && v.State != VersionRemoving {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("removing the version: %w", err)
	}
	faultpoint.Hit("object.remove.decided")
	return s.unhead(ctx, v)
}

// unhead makes the head forget a version that is being removed, tells of it,
// and leaves the cleaning to the background. Idempotent: a head that already
// discards the version is left alone.
func (s *Service) unhead(ctx context.Context, v Version) error {
	for range casAttempts {
		cur, err := s.st.Versions.Get(ctx, v.ID)
		if errors.Is(err, ErrNoDocument) || err == nil && cur.State != VersionRemoving {
			return nil // somebody else came to the end
		}
		if err != nil {
			return fmt.Errorf("reading the version: %w", err)
		}
		h, rev, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
		if err != nil {
			return fmt.Errorf("reading the head: %w", err)
		}
		if h.discards(v.ID) {
			s.jobs.discard(v.Account, h)
			return nil
		}
		b, _, err := s.st.Buckets.Get(ctx, v.Bucket)
		if err != nil {
			return fmt.Errorf("reading the bucket: %w", err)
		}
		next, err := s.without(ctx, h, v)
		if err != nil {
			return err
		}
		who := Actor{Account: v.Account}
		if v.Removal != nil {
			who = *v.Removal
		}
		err = s.putHead(ctx, next, rev, s.removed(b, next, v, who))
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return err
		}
		s.jobs.discard(v.Account, next)
		return nil
	}
	return errBusy
}

// without is the head after v was taken away: when v was current the newest
// committed version follows it.
func (s *Service) without(ctx context.Context, h Head, v Version) (Head, error) {
	next := h
	next.Bucket, next.Key = v.Bucket, v.Key
	next.Seq = s.nextSeq(h.Seq)
	delta := int64(0)
	if h.Current == v.ID {
		next = Head{Bucket: v.Bucket, Key: v.Key, Seq: next.Seq, Null: h.Null}
		gone := func(id string) bool { return id == v.ID || h.discards(id) }
		newest, err := s.st.Versions.Newest(ctx, v.Bucket, v.Key, gone)
		if err == nil {
			next.show(newest)
			next.Delta = newest.Delta
		} else if !errors.Is(err, ErrNoDocument) {
			return h, fmt.Errorf("finding the version before: %w", err)
		}
		delta = count(next.Visible()) - count(h.Visible())
	}
	if next.Null == v.ID {
		next.Null = ""
	}
	next.Discard = append(slices.Clone(h.Discard), Discard{Version: v.ID, Delta: delta})
	return s.swept(next), nil
}
