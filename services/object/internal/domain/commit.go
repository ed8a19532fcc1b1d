package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
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
	file       *filing  // in a drive: the file that it goes to
	// onlyIfVisible makes a marker a no-op when there is nothing to mark.
	onlyIfVisible bool
}

// CommitPut publishes a content as a version; see README.md, Commit.
func (s *Service) CommitPut(ctx context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	path, err := s.keyOf(ctx, r.Principal, r.Bucket, r.Key, r.File)
	if err != nil {
		return objectv1.Object{}, err
	}
	if err := s.checkCommit(r, path); err != nil {
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
	file, err := s.filingOf(b, r)
	if err != nil {
		return objectv1.Object{}, err
	}
	retention := r.Retention
	if retention == nil {
		retention = b.retention(s.now())
	}
	d := draft{
		manifest: r.Manifest, ticket: r.Ticket, conditions: r.Conditions, limit: r.Principal.Limits.StorageBytes,
		actor: actorOf(r.Principal, r.Origin), operation: operation(r), bucket: b, binding: r.Ticket.Idempotency, parts: r.Parts, file: file,
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
	if file != nil {
		d.v.ModTime = stored(file.o.ModTime)
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	v, err := s.commit(ctx, d)
	if err != nil {
		s.unplace(ctx, file)
		return objectv1.Object{}, err
	}
	if err := s.answered(ctx, d, v); err != nil {
		return objectv1.Object{}, err
	}
	if d.binding != nil {
		if err := s.answerStands(ctx, d.binding.ID, v.ID); err != nil {
			// Whoever finds the key decides by the version.
			s.d.Log.WarnContext(ctx, "an idempotency key is left undecided", "version", v.ID, "err", err)
		}
	}
	if d.parts == nil {
		return d.view(v, r.Manifest), nil
	}
	m, err := s.manifestOf(ctx, v)
	return d.view(v, m), err
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

func (s *Service) checkCommit(r objectv1.CommitPutRequest, path string) error {
	if err := objectv1.CheckKey(r.Key); err != nil {
		return err
	}
	if err := granted(r.Principal, r.Bucket, objectv1.ActionPutObject, path); err != nil {
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
		if len(h) > objectv1.MaxStoredHeader || strings.ContainsAny(h, "\r\n\x00") {
			return fault.ErrInvalid.Msgf("stored headers are one line of at most %d bytes", objectv1.MaxStoredHeader)
		}
	}
	user := 0
	for k, v := range m.User {
		user += len(k) + len(v)
	}
	if user > objectv1.MaxUserMetadata {
		return fault.ErrInvalid.Msgf("user metadata is at most %d bytes in all", objectv1.MaxUserMetadata)
	}
	return objectv1.CheckTags(m.Tags)
}

// commit brings a draft to the head, or to the version that an earlier attempt
// with the same id made.
func (s *Service) commit(ctx context.Context, d draft) (Version, error) {
	for n := range casAttempts {
		try := s.attempt
		if n == 0 && !d.ticket.Held && d.copy == nil && d.file == nil {
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
	if v.Account != d.v.Account || v.Bucket != d.v.Bucket || v.Key != d.v.Key && d.file == nil {
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
	if d.file != nil {
		if err := s.place(ctx, &d); err != nil {
			return Version{}, err
		}
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

// view is v as its owner sees it.
func (v Version) view(b Bucket, m blob.Manifest) objectv1.Object {
	return objectv1.Object{
		BucketID: b.ID, Bucket: b.Name, Key: v.Key, VersionID: v.ID, Versioned: b.HasVersions(), ETag: v.ETag,
		Size: v.Size, Metadata: v.Metadata, Digests: v.Digests, Compressed: v.Compressed, StorageClass: v.StorageClass,
		CreatedAt: v.CreatedAt, Manifest: m, Composite: v.Composite, Retention: v.Retention, LegalHold: v.LegalHold, ObjectLock: b.ObjectLock,
	}
}
