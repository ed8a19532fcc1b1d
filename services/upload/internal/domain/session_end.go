package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// Finish commits the object. From the first attempt on contents and digests are
// fixed, so whoever asks again, and however often, gets one object.
func (s *Sessions) Finish(ctx context.Context, r uploadv1.FinishSessionRequest) (objectv1.Object, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptWithin)
	defer cancel()
	var answer *objectv1.Object
	empty := objectv1.NewContentID()
	x, err := s.update(ctx, hashOf(r.Secret), "finishing the session", func(x *Session, _ time.Time) error {
		if x.Phase == Finished {
			answer = x.Answer
			return errors.Join(errFinished, x.learn(r.Size))
		}
		if err := x.mayWrite(r.Fence); err != nil {
			return err
		}
		if err := x.learn(r.Size); err != nil {
			return err
		}
		if x.Offset != x.Size {
			return uploadv1.ErrWrongOffset.Msgf("the session has %d bytes of %d", x.Offset, x.Size)
		}
		x.giveUpPending()
		if x.Phase == Writing {
			x.Phase, x.Digests, x.Compressed = Finishing, r.Digests, x.Compressed || r.Compressed
			if s.contents(x) == 0 {
				x.Open = []string{empty}
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, uploadv1.ErrSizeMismatch):
		return objectv1.Object{}, err
	case errors.Is(err, errFinished):
		return *answer, nil
	case err != nil:
		return objectv1.Object{}, err
	}
	if x.Offset == 0 {
		if err := s.stageEmpty(ctx, x); err != nil {
			return objectv1.Object{}, err
		}
	}
	faultpoint.Hit("upload.session.finishing")
	obj, err := s.commit(ctx, x)
	if errors.Is(err, objectv1.ErrUploadGone) {
		return objectv1.Object{}, s.lost(ctx, x, err)
	}
	if err != nil {
		return objectv1.Object{}, err // what is there stays, for the next one who asks
	}
	faultpoint.Hit("upload.session.committed")
	if err := s.finished(ctx, x.Hash, &obj); err != nil {
		// The object is there; whoever asks again writes it down.
		s.Log.WarnContext(ctx, "a finished session is not recorded yet", "session_id", x.ID, "err", err)
	}
	return obj, nil
}

// stageEmpty stages the one content of an object without bytes: a staged ticket is
// committed with contents. That the ticket is gone may mean that it was committed.
func (s *Sessions) stageEmpty(ctx context.Context, x Session) error {
	_, err := s.Objects.StageContent(ctx, objectv1.StageContentRequest{
		AccountID: x.Ticket.AccountID, VersionID: x.Ticket.VersionID, ContentID: x.Open[0],
		Manifest: blob.Manifest{Region: x.Ticket.Region, Domain: x.Ticket.KeyDomain},
	})
	if err != nil && !errors.Is(err, objectv1.ErrUploadGone) {
		return fmt.Errorf("staging an empty content: %w", err)
	}
	return nil
}

// commit makes the session's contents the version. When that is committed
// already it gives the same answer. The answer is given back for days, when the
// bytes may be elsewhere: it does not say where they are.
func (s *Sessions) commit(ctx context.Context, x Session) (objectv1.Object, error) {
	parts := make([]string, 0, s.contents(&x))
	for n := range x.Pages {
		page, err := s.Store.Page(ctx, x.ID, n)
		if err != nil {
			return objectv1.Object{}, fmt.Errorf("reading page %d of the contents: %w", n, err)
		}
		parts = append(parts, page...)
	}
	obj, err := s.Objects.CommitPut(ctx, objectv1.CommitPutRequest{
		Principal: x.Principal, Ticket: x.Ticket, Bucket: x.Bucket, Key: x.Key, Parts: append(parts, x.Open...), Digests: x.Digests,
		Compressed: x.Compressed, Metadata: x.Meta, Origin: x.Origin, Operation: objectv1.OperationPut, File: x.File,
	})
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("committing the contents: %w", err)
	}
	obj.Manifest.Segments, obj.Manifest.Indirect = nil, nil
	return obj, nil
}

// finished writes down that object has committed the session, in whatever phase
// it is. A nil answer is one that nobody can give any more.
func (s *Sessions) finished(ctx context.Context, hash string, obj *objectv1.Object) error {
	_, err := s.Store.UpdateSession(ctx, hash, func(x *Session) error {
		if x.Phase == Finished {
			return errNotMine
		}
		x.Phase, x.Answer, x.DueAt, x.Clean = Finished, obj, s.now(), false
		x.LeaseTill, x.Midstate, x.Tail = time.Time{}, nil, nil
		return nil
	})
	switch {
	case errors.Is(err, errNotMine), errors.Is(err, ErrNoRecord):
		return nil
	case err != nil:
		return fmt.Errorf("recording the end of the session: %w", err)
	}
	s.Meter.SessionEnded(Committed)
	s.want()
	return nil
}

// lost ends a session whose ticket object does not know any more.
func (s *Sessions) lost(ctx context.Context, x Session, cause error) error {
	_, err := s.Store.UpdateSession(ctx, x.Hash, func(x *Session) error {
		if x.Phase != Writing && x.Phase != Finishing {
			return errNotMine
		}
		s.giveUp(x, Abandoned)
		return nil
	})
	if err != nil && !errors.Is(err, errNotMine) && !errors.Is(err, ErrNoRecord) {
		s.Log.WarnContext(ctx, "a session without a ticket stays until it expires", "session_id", x.ID, "err", err)
	}
	return uploadv1.ErrSessionGone.Because(cause)
}

func (s *Sessions) giveUp(x *Session, o Outcome) {
	x.Phase, x.Outcome, x.Clean, x.DueAt = Ceasing, o, false, s.now().Add(s.o.Retry)
}

// Cancel gives a session up. Once its document says Ceasing that is certain,
// unless object had committed it before.
func (s *Sessions) Cancel(ctx context.Context, secret string) error {
	hash, before, again := hashOf(secret), Writing, false
	x, err := s.Store.UpdateSession(ctx, hash, func(x *Session) error {
		before, again = x.Phase, x.Phase == Ceasing && x.Outcome == Aborted
		if err := x.there(s.now()); err != nil {
			return err
		}
		if x.Phase == Finished {
			return uploadv1.ErrSessionDone
		}
		s.giveUp(x, Aborted)
		return nil
	})
	switch {
	case errors.Is(err, ErrNoRecord):
		return uploadv1.ErrSessionGone
	case errors.Is(err, uploadv1.ErrSessionGone) && again:
		return nil
	case err != nil:
		return fmt.Errorf("recording the cancellation: %w", err)
	}
	committed, err := s.abort(ctx, x)
	switch {
	case committed && err == nil:
		return uploadv1.ErrSessionDone
	case err != nil && before == Finishing:
		return err // it may have been committed
	case err != nil:
		s.Log.WarnContext(ctx, "a cancelled session waits for the sweep", "session_id", x.ID, "err", err)
	}
	return nil
}

// abort aborts the version, which gives back all that is staged, and leaves the
// documents to the sweep. It reports whether the version had been committed;
// then the session is Finished.
func (s *Sessions) abort(ctx context.Context, x Session) (committed bool, err error) {
	r, err := s.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: x.Ticket.AccountID, VersionID: x.Ticket.VersionID})
	if err != nil {
		return false, fmt.Errorf("aborting the version: %w", err)
	}
	if r.Committed {
		obj, err := s.commit(ctx, x) // which repeats its answer
		switch {
		case err == nil:
			return true, s.finished(ctx, x.Hash, &obj)
		case refused(err):
			return true, s.finished(ctx, x.Hash, nil)
		}
		return true, err
	}
	ended := false
	_, err = s.Store.UpdateSession(ctx, x.Hash, func(x *Session) error {
		ended = x.Phase == Ceasing && !x.Clean
		if !ended {
			return errNotMine
		}
		x.Clean, x.DueAt = true, s.now().Add(linger)
		return nil
	})
	if err != nil && !errors.Is(err, errNotMine) && !errors.Is(err, ErrNoRecord) {
		return false, fmt.Errorf("recording the end of the session: %w", err)
	}
	if ended && err == nil {
		s.Meter.SessionEnded(x.Outcome)
	}
	return false, nil
}

// Sweep ends sessions that expired, and goes on with others where a kill, an
// absent object service or their end left them: it returns how many it dealt
// with, and the errors of those that stay for the next one.
func (s *Sessions) Sweep(ctx context.Context) (int, error) {
	return eachDue(ctx, func() ([]Session, error) { return s.Store.DueSessions(ctx, s.now(), sweepPage) }, func(x Session) error {
		if err := s.tend(ctx, x.Hash); err != nil {
			return fmt.Errorf("session %s: %w", x.ID, err)
		}
		return nil
	})
}

// tend claims a due session and does what its phase is waiting for.
func (s *Sessions) tend(ctx context.Context, hash string) error {
	now := s.now()
	x, err := s.Store.UpdateSession(ctx, hash, func(x *Session) error {
		if x.DueAt.After(now) {
			return errNotMine // somebody else has it
		}
		if x.Phase == Writing || x.Phase == Finishing {
			s.giveUp(x, Abandoned)
		}
		x.DueAt = now.Add(s.o.Retry)
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return errNotMine
	}
	if err != nil {
		return err
	}
	switch {
	case x.Clean:
		return s.remove(ctx, x)
	case x.Phase == Finished:
		return s.clean(ctx, x)
	}
	_, err = s.abort(ctx, x)
	return err
}

// clean gives back what a finished session did not use, and the pages.
func (s *Sessions) clean(ctx context.Context, x Session) error {
	if _, err := s.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: x.Ticket.AccountID, VersionID: x.Ticket.VersionID}); err != nil {
		return fmt.Errorf("dropping the ticket: %w", err)
	}
	if err := s.Store.DeletePages(ctx, x.ID); err != nil {
		return fmt.Errorf("removing the pages: %w", err)
	}
	_, err := s.Store.UpdateSession(ctx, x.Hash, func(x *Session) error {
		x.Clean, x.DueAt = true, x.Expires.Add(s.o.Grace)
		x.Pages, x.Open, x.Pending, x.Old, x.Past = 0, nil, nil, nil, nil
		if soon := s.now().Add(linger); x.DueAt.Before(soon) {
			x.DueAt = soon
		}
		return nil
	})
	return err
}

// remove forgets an ended session, its own document last.
func (s *Sessions) remove(ctx context.Context, x Session) error {
	if err := s.Store.DeletePages(ctx, x.ID); err != nil {
		return fmt.Errorf("removing the pages: %w", err)
	}
	if err := s.Store.DeleteSession(ctx, x.Hash); err != nil {
		return fmt.Errorf("removing the session: %w", err)
	}
	return nil
}
