package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// errBusy is the answer when other writers of the same key were always faster.
var errBusy = fault.ErrUnavailable.Msgf("too many writers want this object at once; repeat the request shortly").After(time.Second)

// errBacklog is the answer when the events of one key pile up.
var errBacklog = fault.ErrUnavailable.Msgf("too many events of this object wait to be published; repeat the request shortly").After(time.Second)

// errAgain starts a commit over: what was found at its start is no longer true.
var errAgain = errors.New("the version changed hands")

// draft is a version on its way to the head.
type draft struct {
	v          Version // as it is to be inserted
	manifest   blob.Manifest
	ticket     objectv1.Ticket
	conditions objectv1.Conditions
	limit      int64 // of the account's bytes; 0: none
	actor      Actor
	operation  string // of the event
	bucket     Bucket // as it was when the commit was asked for
	binding    *objectv1.IdempotencyTicket
	parts      []string // staged contents instead of manifest
	copy       *copying // content of another version instead of manifest
	// onlyIfVisible makes a marker a no-op when there is nothing to mark.
	onlyIfVisible bool
}

// CommitPut publishes a content as a version; see README.md, Commit.
func (s *Service) CommitPut(ctx context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	if err := s.checkCommit(r); err != nil {
		return objectv1.Object{}, err
	}
	b, _, err := s.st.Buckets.Get(ctx, r.Ticket.BucketID)
	if errors.Is(err, ErrNoDocument) || err == nil && (b.Account != r.Principal.AccountID || b.Name != r.Bucket) {
		return objectv1.Object{}, objectv1.ErrBucketNotFound
	}
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("reading the bucket: %w", err)
	}
	if err := s.mayCommit(ctx, b, &r); err != nil {
		return objectv1.Object{}, err
	}
	retention := r.Retention
	if retention == nil {
		retention = b.retention(s.now())
	}
	d := draft{
		manifest: r.Manifest, ticket: r.Ticket, conditions: r.Conditions, limit: r.Principal.Limits.StorageBytes,
		actor: actorOf(r.Principal, r.Origin), operation: operation(r), bucket: b, binding: r.Ticket.Idempotency, parts: r.Parts,
		v: Version{
			ID: r.Ticket.VersionID, Account: b.Account, Bucket: b.ID, Key: r.Key, Live: b.ID, Size: r.Manifest.Size,
			ETag: r.ETag, Metadata: r.Metadata, Digests: r.Digests, Composite: r.Composite, Compressed: r.Compressed,
			StorageClass: "STANDARD", Retention: retention, LegalHold: r.LegalHold,
		},
	}
	if d.v.ETag == "" {
		d.v.ETag = ETag(r.Digests)
	}
	if d.binding != nil {
		d.v.Idempotency = d.binding.ID
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	v, err := s.commit(ctx, d)
	if err != nil {
		return objectv1.Object{}, err
	}
	if d.binding != nil {
		if err := s.answerStands(ctx, d.binding.ID, v.ID); err != nil {
			// Whoever finds the key decides by the version.
			s.d.Log.WarnContext(ctx, "an idempotency key is left undecided", "version", v.ID, "err", err)
		}
	}
	if d.parts == nil {
		return v.view(b, r.Manifest), nil
	}
	m, err := s.manifestOf(ctx, v)
	return v.view(b, m), err
}

// operation is what the event of a commit says.
func operation(r objectv1.CommitPutRequest) string {
	if r.Operation == "" {
		return objectv1.OperationPut
	}
	return r.Operation
}

func actorOf(p authv1.Principal, o objectv1.Origin) Actor {
	return Actor{Account: p.AccountID, Username: p.Username, KeyID: p.KeyID, Origin: o}
}

func (s *Service) checkCommit(r objectv1.CommitPutRequest) error {
	if err := CheckKey(r.Key); err != nil {
		return err
	}
	if err := granted(r.Principal, r.Bucket, objectv1.ActionPutObject, r.Key); err != nil {
		return err
	}
	switch {
	case r.Ticket.AccountID != r.Principal.AccountID:
		return objectv1.ErrBucketNotFound
	case r.Ticket.VersionID == "" || len(r.Digests[blob.SHA256]) != 32:
		return fault.ErrInvalid.Msgf("a commit needs a ticket and the sha256 of its content")
	case r.Manifest.Size < 0 || r.Manifest.Size > r.Ticket.MaxSize:
		return objectv1.ErrTooLarge
	}
	if err := checkMetadata(r.Metadata); err != nil {
		return err
	}
	if err := checkParts(r); err != nil {
		return err
	}
	return s.admit()
}

// checkMetadata bounds what is stored beside the bytes.
func checkMetadata(m objectv1.Metadata) error {
	for _, h := range []string{m.ContentType, m.CacheControl, m.ContentDisposition, m.ContentEncoding} {
		if len(h) > maxHeaderValue || strings.ContainsAny(h, "\r\n\x00") {
			return fault.ErrInvalid.Msgf("stored headers are one line of at most %d bytes", maxHeaderValue)
		}
	}
	user := 0
	for k, v := range m.User {
		user += len(k) + len(v)
	}
	if user > maxUserMetadata {
		return fault.ErrInvalid.Msgf("user metadata is at most %d bytes in all", maxUserMetadata)
	}
	return checkTags(m.Tags)
}

// commit brings a draft to the head, or to the version that an earlier attempt
// with the same id made.
func (s *Service) commit(ctx context.Context, d draft) (Version, error) {
	for n := range casAttempts {
		try := s.attempt
		if n == 0 && !d.ticket.Held && d.copy == nil {
			try = s.first // nearly always it is the first one
		}
		v, err := try(ctx, d)
		if !errors.Is(err, errAgain) {
			return v, err
		}
	}
	return Version{}, errBusy
}

func (s *Service) attempt(ctx context.Context, d draft) (Version, error) {
	v, err := s.st.Versions.Get(ctx, d.v.ID)
	if errors.Is(err, ErrNoDocument) {
		return s.first(ctx, d)
	}
	if err != nil {
		return v, fmt.Errorf("reading the version: %w", err)
	}
	if v.Account != d.v.Account || v.Bucket != d.v.Bucket || v.Key != d.v.Key {
		return v, fault.ErrInvalid.Msgf("the ticket belongs to another object")
	}
	switch v.State {
	case VersionHeld:
		return s.fill(ctx, d, v)
	case VersionPending:
		if s.now().Sub(v.CreatedAt) < s.cfg.Patience {
			return v, s.pause(ctx) // most likely the other attempt is about to end well
		}
		return s.takeOver(ctx, d, v)
	case VersionCommitted, VersionRemoving, VersionRemoved:
		return v, nil
	case VersionDropping:
		if d.binding != nil && !d.ticket.Held {
			// What an attempt that lost the key left behind.
			if err := s.drop(ctx, v); err != nil {
				return v, err
			}
			return v, errAgain
		}
	}
	return v, objectv1.ErrUploadGone
}

// pause waits a moment before the commit is looked at again.
func (s *Service) pause(ctx context.Context) error {
	t := time.NewTimer(s.cfg.Patience / 50)
	defer t.Stop()
	select {
	case <-t.C:
		return errAgain
	case <-ctx.Done():
		return fmt.Errorf("waiting for another attempt of this commit: %w", ctx.Err())
	}
}

// first writes content, version and reservation side by side, each under a name
// of this attempt alone, and goes on to the head.
func (s *Service) first(ctx context.Context, d draft) (Version, error) {
	if d.ticket.Held {
		return Version{}, objectv1.ErrUploadGone
	}
	if !d.v.Marker && s.now().After(d.ticket.LeaseTill) {
		return s.late(ctx, d)
	}
	if err := s.early(ctx, d); err != nil {
		return Version{}, err
	}
	v := d.v
	v.Owner = nonce()
	v.Reservation = v.ID + "_" + v.Owner
	v.State, v.CreatedAt, v.SweepAt = VersionPending, s.now(), s.now().Add(commitLease)
	switch {
	case d.copy != nil:
		if err := s.share(ctx, d.copy, &v); err != nil {
			return v, err
		}
	case !v.Marker:
		v.Content = s.newID()
	}
	var inserted, reserved, stored error
	var wg sync.WaitGroup
	wg.Go(func() { inserted = s.st.Versions.Insert(ctx, v) })
	wg.Go(func() { reserved = s.reserve(ctx, v, v.Reservation, v.Size, d.limit) })
	if !v.Marker && d.copy == nil {
		wg.Go(func() { stored = s.store(ctx, v, d.manifest) })
	}
	wg.Wait()
	if errors.Is(inserted, ErrTaken) {
		s.undo(ctx, v)
		return v, errAgain
	}
	if err := errors.Join(inserted, reserved, stored); err != nil {
		s.lose(ctx, v)
		if inserted != nil {
			s.undo(ctx, v)
		}
		return v, firstFault(reserved, inserted, stored)
	}
	return s.publish(ctx, d, v, v.CreatedAt)
}

// late answers a commit whose ticket is over, which may have been done in time.
func (s *Service) late(ctx context.Context, d draft) (Version, error) {
	_, err := s.st.Versions.Get(ctx, d.v.ID)
	switch {
	case err == nil:
		return Version{}, errAgain
	case errors.Is(err, ErrNoDocument):
		return Version{}, objectv1.ErrUploadGone
	}
	return Version{}, fmt.Errorf("reading the version: %w", err)
}

// early decides the conditions once before anything is written: most losers of a
// race end here. The version itself may be what refuses a repeated commit.
func (s *Service) early(ctx context.Context, d draft) error {
	if !d.onlyIfVisible && !d.conditions.IfNoneMatchAny && len(d.conditions.IfMatch) == 0 {
		return nil
	}
	h, _, err := s.st.Heads.Get(ctx, d.v.Bucket, d.v.Key)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	refused := d.refused(h)
	if refused == nil || d.v.Marker {
		return refused
	}
	_, err = s.st.Versions.Get(ctx, d.v.ID)
	switch {
	case err == nil:
		return errAgain
	case errors.Is(err, ErrNoDocument):
		return refused
	}
	return fmt.Errorf("reading the version: %w", err)
}

// firstFault gives the first error that is there.
func firstFault(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// store writes the content document of a version, held by it.
func (s *Service) store(ctx context.Context, v Version, m blob.Manifest) error {
	return s.st.Contents.Insert(ctx, Content{ID: v.Content, Manifest: m, Holds: map[string]bool{v.hold(): true}})
}

// hold is the name under which a version holds its content.
func (v Version) hold() string {
	if v.Hold != "" {
		return v.Hold
	}
	return "v" + v.ID
}

// fill turns a held version into a pending one with its content. Either its
// reservation is brought to the true size first, or what is staged is reserved.
func (s *Service) fill(ctx context.Context, d draft, held Version) (Version, error) {
	if held.staged() != (len(d.parts) > 0) {
		return held, fault.ErrInvalid.Msgf("the ticket is of another kind of write")
	}
	var err error
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

// forget takes an attempt's content away, or leaves it to the sweep.
func (s *Service) forget(ctx context.Context, v Version) {
	if err := s.letGo(ctx, v); err != nil {
		s.d.Log.WarnContext(ctx, "content left to the sweep", "content", v.Content, "err", err)
	}
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

// takeOver makes a pending version of an earlier attempt ours: that attempt may
// be dead, or may still run. Once the head's revision has moved on it can no
// longer bring the version there.
func (s *Service) takeOver(ctx context.Context, d draft, found Version) (Version, error) {
	owner := nonce()
	v, err := s.st.Versions.Update(ctx, found.ID, func(v *Version) error {
		if v.State != VersionPending || v.Owner != found.Owner {
			return ErrRefused
		}
		v.Owner, v.SweepAt = owner, s.now().Add(commitLease)
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return found, errAgain
	}
	if err != nil {
		return found, fmt.Errorf("taking the version over: %w", err)
	}
	current, err := s.fence(ctx, v)
	if err != nil {
		return v, err
	}
	if current {
		return v, nil
	}
	if err := s.complete(ctx, v); err != nil {
		s.lose(ctx, v)
		return v, err
	}
	return s.publish(ctx, d, v, s.now())
}

// complete makes sure that the attempt which left v had come as far as its
// content and its reservation.
func (s *Service) complete(ctx context.Context, v Version) error {
	broken := fault.ErrUnavailable.Msgf("an earlier attempt of this commit broke off; repeat the request")
	if !v.Marker {
		if _, err := s.st.Contents.Get(ctx, v.Content); err != nil {
			return broken.Because(err)
		}
	}
	u, err := s.st.Accounts.Get(ctx, v.Account)
	if err != nil {
		return broken.Because(err)
	}
	if _, ok := u.Reserved[v.Reservation]; !ok {
		return broken
	}
	return nil
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
	if err := s.answer(ctx, d, v); err != nil {
		s.lose(ctx, v)
		return v, err
	}
	for range casAttempts {
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

func (s *Service) tryPublish(ctx context.Context, d draft, v Version) (Version, error) {
	h, rev, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
	if err != nil {
		return v, fmt.Errorf("reading the head: %w", err)
	}
	if h.Current == v.ID {
		return s.alreadyThere(ctx, h, v)
	}
	b, err := s.activeBucket(ctx, v.Bucket)
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

// view is v as its owner sees it.
func (v Version) view(b Bucket, m blob.Manifest) objectv1.Object {
	return objectv1.Object{
		BucketID: b.ID, Bucket: b.Name, Key: v.Key, VersionID: v.ID, Versioned: b.HasVersions(), ETag: v.ETag,
		Size: v.Size, Metadata: v.Metadata, Digests: v.Digests, Compressed: v.Compressed, StorageClass: v.StorageClass,
		CreatedAt: v.CreatedAt, Manifest: m, Composite: v.Composite, Retention: v.Retention, LegalHold: v.LegalHold, ObjectLock: b.ObjectLock,
	}
}
