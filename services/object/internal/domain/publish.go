package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// forget takes an attempt's content away, or leaves it to the sweep.
func (s *Service) forget(ctx context.Context, v Version) {
	if err := s.letGo(ctx, v); err != nil {
		s.d.Log.WarnContext(ctx, "content left to the sweep", "content", v.Content, "err", err)
	}
}

// fence raises the revision of the head, so that a writer that read it before
// cannot change it, and reports whether v is current.
func (s *Service) fence(ctx context.Context, v Version) (bool, error) {
	for range casAttempts {
		h, rev, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
		if err != nil {
			return false, fmt.Errorf("reading the head: %w", err)
		}
		if h.Current == v.ID {
			return true, nil
		}
		h.Seq = s.nextSeq(h.Seq)
		err = s.st.Heads.Put(ctx, s.swept(h), rev)
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, ErrStale) {
			return false, fmt.Errorf("fencing the head: %w", err)
		}
	}
	return false, errBusy
}

// swept sets when the sweep has to look at h.
func (s *Service) swept(h Head) Head {
	switch {
	case len(h.Discard) > 0:
		h.SweepAt = s.now().Add(repairAfter)
	case h.Current == "":
		h.SweepAt = s.now().Add(emptyHeadLife)
	default:
		h.SweepAt = time.Time{}
	}
	return h
}

// publish moves the head to v, which is pending and ours since started. The order of reads is
// what makes it safe: the bucket after the version was written, and after the
// head, so that its versioning is that of the head's next change; the version
// after the head.
func (s *Service) publish(ctx context.Context, d draft, v Version, started time.Time) (Version, error) {
	// The sweeps take a content or a reservation without a version for an orphan
	// only when it is older than this; so none of them can have missed v.
	if s.now().Sub(started) > commitLease/2 {
		s.lose(ctx, v)
		return v, fault.ErrUnavailable.Msgf("the commit took too long; repeat the request")
	}
	faultpoint.Hit("object.commit.written")
	for n := range casAttempts {
		moved, err := s.prepare(ctx, d, v, n == 0)
		if err != nil {
			s.lose(ctx, v)
			return v, err
		}
		v = moved
		done, err := s.tryPublish(ctx, d, v)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return v, err
		}
		return done, nil
	}
	s.lose(ctx, v)
	return v, errBusy
}

// prepare writes down what the commit will answer, which in a drive depends on
// the place that the version has by now.
func (s *Service) prepare(ctx context.Context, d draft, v Version, first bool) (Version, error) {
	moves := d.file != nil && (d.file.lost || d.file.node.ID != v.Key)
	if moves {
		var err error
		if v, err = s.inPlace(ctx, d, v); err != nil {
			return v, err
		}
	}
	if !first && !moves {
		return v, nil
	}
	return v, s.answer(ctx, d, v)
}

func (s *Service) tryPublish(ctx context.Context, d draft, v Version) (Version, error) {
	h, rev, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
	if err != nil {
		return v, fmt.Errorf("reading the head: %w", err)
	}
	if h.Current == v.ID {
		return s.alreadyThere(ctx, h, v)
	}
	b, err := s.activeBucket(ctx, v.Bucket)
	if err == nil && (b.ObjectLock || d.ticket.Held) {
		err = s.open(ctx, v.Account) // what reserves something now asks there
	}
	if err != nil {
		s.lose(ctx, v)
		return v, err
	}
	mine, err := s.st.Versions.Get(ctx, v.ID)
	if errors.Is(err, ErrNoDocument) || err == nil && (mine.State != VersionPending || mine.Owner != v.Owner) {
		return v, errAgain
	}
	if err != nil {
		return v, fmt.Errorf("reading the version again: %w", err)
	}
	if d.file != nil {
		if err := s.holdsPlace(ctx, d, v, h); err != nil {
			return v, err
		}
		b.Region = d.file.region
	}
	if err := d.refused(h); err != nil {
		s.lose(ctx, v)
		return v, err
	}
	if h, err = s.leave(ctx, h); err != nil {
		return v, err
	}
	next := s.advance(b, h, v)
	err = s.st.Heads.Put(ctx, next, rev, createdEvent(b, next, v, d))
	switch {
	case errors.Is(err, ErrStale):
		return v, err
	case errors.Is(err, ErrRefused):
		s.lose(ctx, v)
		return v, errBacklog
	case err != nil:
		return v, fmt.Errorf("moving the head: %w", err)
	}
	faultpoint.Hit("object.commit.head_moved")
	s.jobs.settle(v, next.Order, next.Delta)
	s.jobs.discard(v.Account, next)
	return v, nil
}

// alreadyThere answers an attempt that finds its version at the head: brought
// there by another attempt, perhaps after this one's document was dropped.
func (s *Service) alreadyThere(ctx context.Context, h Head, v Version) (Version, error) {
	cur, err := s.st.Versions.Get(ctx, v.ID)
	if errors.Is(err, ErrNoDocument) {
		return v, errAgain
	}
	if err != nil {
		return v, fmt.Errorf("reading the version again: %w", err)
	}
	if cur.Reservation != v.Reservation {
		s.undo(ctx, v)
	}
	s.jobs.settle(cur, h.Order, h.Delta)
	return cur, nil
}

// refused decides the draft's conditions against the head.
func (d draft) refused(h Head) error {
	if d.onlyIfVisible && !h.Visible() {
		return objectv1.ErrNotFound
	}
	return check(d.conditions, h)
}

// maxDiscards is how many removed versions may wait in a head; a writer that
// finds more cleans them itself, so that the document stays small.
const maxDiscards = 32

// leave prepares a head for its current version to go: whoever moves a head
// first makes its old current version committed.
func (s *Service) leave(ctx context.Context, h Head) (Head, error) {
	if h.Current != "" {
		err := s.st.Versions.Commit(ctx, h.Current, h.Order, h.Delta, false)
		if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoDocument) {
			return h, fmt.Errorf("committing the old current version: %w", err)
		}
	}
	if len(h.Discard) < maxDiscards {
		return h, nil
	}
	for _, d := range h.Discard {
		if err := s.cleanRemoved(ctx, d.Version, d.Delta); err != nil {
			return h, err
		}
	}
	h.Discard = nil
	return h, nil
}

// advance is the head after v has come to it.
func (s *Service) advance(b Bucket, h Head, v Version) Head {
	next := Head{
		Bucket: v.Bucket, Key: v.Key, Seq: s.nextSeq(h.Seq), Null: h.Null, Discard: slices.Clone(h.Discard),
	}
	next.show(v)
	next.Order = next.Seq
	next.Delta = count(next.Visible()) - count(h.Visible())
	if b.WritesNull() {
		next.Null = v.ID
		if h.Null != "" {
			next.Discard = append(next.Discard, Discard{Version: h.Null})
		}
	}
	return s.swept(next)
}

// show makes v the current version.
func (h *Head) show(v Version) {
	h.Current, h.Marker, h.Order = v.ID, v.Marker, v.Order
	h.ListBucket = ""
	if h.Visible() {
		h.ListBucket = h.Bucket
	}
	h.Size, h.ETag, h.LastModified = v.Size, v.ETag, v.CreatedAt
	h.ContentType, h.StorageClass, h.Compressed = v.Metadata.ContentType, v.StorageClass, v.Compressed
}

func count(visible bool) int64 {
	if visible {
		return 1
	}
	return 0
}

// lose takes an own pending version out of the race, at once; the rest of the
// cleaning is left to the background. Only its owner may do this without a fence.
func (s *Service) lose(ctx context.Context, v Version) {
	lost, err := s.st.Versions.Update(ctx, v.ID, func(cur *Version) error {
		if cur.State != VersionPending || cur.Owner != v.Owner {
			return ErrRefused
		}
		s.giveUp(cur)
		return nil
	})
	if err == nil {
		s.givenUp(ctx, v, lost)
	} else if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoDocument) {
		s.d.Log.WarnContext(ctx, "version left to the sweep", "version", v.ID, "err", err)
	}
}

// giveUp ends the commit of a version that is out of the race: parts wait to be
// committed again, anything else goes.
func (s *Service) giveUp(v *Version) {
	if v.staged() {
		*v = v.reopened()
		return
	}
	v.State, v.SweepAt = VersionDropping, s.now().Add(repairAfter)
}

// givenUp cleans up behind giveUp; was is the version before.
func (s *Service) givenUp(ctx context.Context, was, now Version) {
	if now.State == VersionHeld {
		s.forget(ctx, was)
		return
	}
	s.jobs.drop(now)
}

// undo removes what an attempt wrote under its own names when the version
// itself is another attempt's.
func (s *Service) undo(ctx context.Context, v Version) {
	err := s.st.Accounts.Unreserve(ctx, v.Account, v.Reservation)
	if !v.Marker {
		err = errors.Join(err, s.st.Contents.Release(ctx, v.Content, v.hold()))
	}
	if err != nil {
		s.d.Log.WarnContext(ctx, "attempt left to the sweep", "version", v.ID, "err", err)
	}
}
