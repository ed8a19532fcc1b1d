package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Abort gives an upload up. Once its document says Aborting that is certain,
// unless object had committed it before.
func (s *Multiparts) Abort(ctx context.Context, r uploadv1.MultipartRequest) error {
	m, err := s.find(ctx, r, objectv1.ActionPutObject)
	if err != nil {
		return err
	}
	before := m.Phase
	m, err = s.Store.UpdateMultipart(ctx, m.ID, func(m *Multipart) error {
		before = m.Phase
		if m.Phase != Assembling && m.Phase != Completing {
			return errNotMine
		}
		s.giveUp(m, Aborted)
		return nil
	})
	switch {
	case errors.Is(err, errNotMine) && before == Aborting:
		return nil
	case errors.Is(err, errNotMine), errors.Is(err, ErrNoRecord):
		return uploadv1.ErrNoSuchUpload
	case err != nil:
		return fmt.Errorf("recording the abort: %w", err)
	}
	committed, err := s.abort(ctx, m)
	switch {
	case committed && err == nil:
		return uploadv1.ErrNoSuchUpload
	case err != nil && before == Completing:
		return err // it may have been completed
	case err != nil:
		s.Log.WarnContext(ctx, "an aborted upload waits for the sweep", "upload_id", m.ID, "err", err)
	}
	return nil
}

func (s *Multiparts) giveUp(m *Multipart, o Outcome) {
	m.Phase, m.Outcome, m.Clean, m.DueAt = Aborting, o, false, s.now().Add(s.o.Retry)
}

// abort aborts the version, which gives back all that is staged, and leaves the
// documents to the sweep. It reports whether the version had been committed;
// then the upload is Completed.
func (s *Multiparts) abort(ctx context.Context, m Multipart) (committed bool, err error) {
	r, err := s.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: m.Ticket.AccountID, VersionID: m.Ticket.VersionID})
	if err != nil {
		return false, fmt.Errorf("aborting the version: %w", err)
	}
	if r.Committed {
		obj, err := s.look(ctx, m)
		if err != nil {
			return true, err
		}
		return true, s.completed(ctx, m.ID, m.Plan, obj)
	}
	ended := false
	_, err = s.Store.UpdateMultipart(ctx, m.ID, func(m *Multipart) error {
		ended = m.Phase == Aborting && !m.Clean
		if !ended {
			return errNotMine
		}
		m.Clean, m.DueAt = true, s.now().Add(linger)
		return nil
	})
	if err != nil && !errors.Is(err, errNotMine) && !errors.Is(err, ErrNoRecord) {
		return false, fmt.Errorf("recording the abort: %w", err)
	}
	if ended && err == nil {
		s.Meter.MultipartEnded(m.Outcome)
	}
	return false, nil
}

// look finds out whether the version is committed; nil says that it is not
// there, or not any more.
func (s *Multiparts) look(ctx context.Context, m Multipart) (*objectv1.Object, error) {
	obj, err := s.Objects.StatObject(ctx, objectv1.StatObjectRequest{Principal: m.account(), Bucket: m.Bucket, Key: m.Key, VersionID: m.Ticket.VersionID})
	switch {
	case err == nil:
		return &obj, nil
	case fault.KindOf(err) == fault.NotFound:
		return nil, nil //nolint:nilnil // documented
	}
	return nil, fmt.Errorf("looking for the version: %w", err)
}

// Sweep goes on with uploads where a kill, an absent object service or their end
// left them: it returns how many it dealt with, and the errors of those that
// stay for the next one.
func (s *Multiparts) Sweep(ctx context.Context) (int, error) {
	return eachDue(ctx, func() ([]Multipart, error) { return s.Store.DueMultiparts(ctx, s.now(), sweepPage) }, func(m Multipart) error {
		if err := s.tend(ctx, m.ID); err != nil {
			return fmt.Errorf("multipart upload %s: %w", m.ID, err)
		}
		return nil
	})
}

// tend claims a due upload and does what its phase is waiting for.
func (s *Multiparts) tend(ctx context.Context, id string) error {
	now := s.now()
	m, err := s.Store.UpdateMultipart(ctx, id, func(m *Multipart) error {
		if m.DueAt.After(now) {
			return errNotMine // somebody else has it, or it went on
		}
		if m.Phase == Assembling {
			s.giveUp(m, Abandoned)
		}
		m.DueAt = now.Add(s.o.Retry)
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return errNotMine
	}
	if err != nil {
		return err
	}
	switch {
	case m.Phase == Completing:
		return s.revive(ctx, m, now)
	case m.Phase == Aborting && !m.Clean:
		_, err := s.abort(ctx, m)
		return err
	case m.Phase == Completed && !m.Clean:
		return s.clean(ctx, m)
	}
	return s.remove(ctx, m)
}

// revive decides about an upload whose attempts to complete said nothing any
// more: it is completed if the version is there. It is not completed late, over
// what its client has written since.
func (s *Multiparts) revive(ctx context.Context, m Multipart, now time.Time) error {
	if slices.ContainsFunc(m.Attempts, func(a Attempt) bool { return !a.dead(now) }) {
		return nil
	}
	obj, err := s.look(ctx, m)
	if err != nil {
		return err
	}
	if obj != nil {
		return s.completed(ctx, m.ID, m.Plan, obj)
	}
	plan := m.Plan
	_, err = s.Store.UpdateMultipart(ctx, m.ID, func(now *Multipart) error {
		if now.Phase != Completing || now.Plan != plan || len(now.Attempts) != len(m.Attempts) {
			return errNotMine
		}
		s.reopen(now)
		return nil
	})
	if err != nil {
		return err
	}
	return s.Store.DeletePlan(ctx, plan)
}

// clean gives back what a completed upload did not use, and the part documents.
func (s *Multiparts) clean(ctx context.Context, m Multipart) error {
	if err := s.drop(ctx, m); err != nil {
		return err
	}
	// What was staged without a document goes with the ticket.
	if _, err := s.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: m.Ticket.AccountID, VersionID: m.Ticket.VersionID}); err != nil {
		return fmt.Errorf("dropping the ticket: %w", err)
	}
	_, err := s.Store.UpdateMultipart(ctx, m.ID, func(m *Multipart) error {
		m.Clean, m.DueAt = true, m.Expires.Add(s.o.Grace)
		if soon := s.now().Add(linger); m.DueAt.Before(soon) {
			m.DueAt = soon
		}
		return nil
	})
	return err
}

// drop gives all staged contents of the part documents back, and removes these.
// Contents that the commit took are object's, which passes them over.
func (s *Multiparts) drop(ctx context.Context, m Multipart) error {
	for {
		page, more, err := s.Store.Parts(ctx, m.ID, 0, partsPage)
		if err != nil {
			return fmt.Errorf("reading the parts: %w", err)
		}
		var contents []string
		for _, p := range page {
			contents = append(append(contents, p.ContentID), p.Old...)
		}
		if err := s.unstage(ctx, m, contents); err != nil {
			return err
		}
		for _, p := range page {
			if err := s.Store.DeletePart(ctx, m.ID, p.Number); err != nil {
				return fmt.Errorf("removing a part: %w", err)
			}
		}
		if !more {
			return nil
		}
	}
}

// remove forgets an ended upload, its own document last.
func (s *Multiparts) remove(ctx context.Context, m Multipart) error {
	if err := s.drop(ctx, m); err != nil {
		return err
	}
	if err := s.Store.DeletePlans(ctx, m.ID); err != nil {
		return fmt.Errorf("removing plans: %w", err)
	}
	if err := s.Store.DeleteMultipart(ctx, m.ID); err != nil {
		return fmt.Errorf("removing the upload: %w", err)
	}
	return nil
}
