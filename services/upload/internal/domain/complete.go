package domain

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/services/upload/internal/compose"
)

const (
	planTries   = 16 // how often a plan is made anew because parts were replaced meanwhile
	maxAttempts = 64 // to complete one upload at a time
	partsPage   = 1000
)

// errReplan says that the upload has changed since the plan was made.
var errReplan = errors.New("the upload has changed")

// Complete commits a list of parts. The list is fixed by a plan that the upload
// names from then on; the same list joins it, whoever asks, and any number of
// attempts at one plan come to one answer, because object knows the version.
func (s *Multiparts) Complete(ctx context.Context, r uploadv1.CompleteMultipartRequest) (objectv1.Object, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptWithin)
	defer cancel()
	list := listID(r.Parts)
	for range planTries {
		m, err := s.find(ctx, r.MultipartRequest, objectv1.ActionPutObject)
		if err != nil {
			return objectv1.Object{}, err
		}
		switch {
		case m.Phase == Completed && slices.Equal(m.List, list):
			return s.answer(ctx, m)
		case m.Phase == Completed || m.Phase == Aborting:
			return objectv1.Object{}, uploadv1.ErrNoSuchUpload
		case m.Phase == Completing && !slices.Equal(m.List, list):
			return objectv1.Object{}, uploadv1.ErrCompleting
		}
		try := Attempt{ID: objectv1.NewVersionID(), Since: s.now()}
		m, plan, err := s.join(ctx, m, r.Parts, list, try)
		if errors.Is(err, errReplan) {
			continue
		}
		if err != nil {
			return objectv1.Object{}, err
		}
		return s.commit(ctx, m, plan, r, try)
	}
	return objectv1.Object{}, fault.ErrUnavailable.Msgf("parts of the upload are being replaced all the time")
}

// listID names a list of parts.
func listID(parts []uploadv1.CompletedPart) []byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %q\n", p.Number, p.ETag) // hashes never fail
	}
	return h.Sum(nil)
}

// answer is that of a completed upload. One whose object was deleted before
// anybody wrote the answer down has none.
func (s *Multiparts) answer(ctx context.Context, m Multipart) (objectv1.Object, error) {
	plan, err := s.Store.Plan(ctx, m.Plan)
	if errors.Is(err, ErrNoRecord) || err == nil && plan.Answer == nil {
		return objectv1.Object{}, uploadv1.ErrNoSuchUpload
	}
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("reading the answer: %w", err)
	}
	return *plan.Answer, nil
}

// join adds an attempt to the upload, with the plan that is there or a new one.
func (s *Multiparts) join(ctx context.Context, m Multipart, parts []uploadv1.CompletedPart, list []byte, try Attempt) (Multipart, Plan, error) {
	seen := m
	var plan Plan
	var err error
	if seen.Phase == Completing {
		plan, err = s.Store.Plan(ctx, seen.Plan)
		if errors.Is(err, ErrNoRecord) {
			err = errReplan
		}
	} else {
		if plan, err = s.plan(ctx, seen.ID, parts); err == nil {
			plan.ID, plan.List = seen.ID+"/"+try.ID, list
			err = s.Store.InsertPlan(ctx, plan)
		}
	}
	if err != nil {
		return m, plan, err
	}
	m, err = s.Store.UpdateMultipart(ctx, seen.ID, func(m *Multipart) error {
		if m.Phase != seen.Phase || m.Plan != seen.Plan || m.Replaced != seen.Replaced {
			return errReplan
		}
		// What the dead ones did, this one finds out: their commit is this one's.
		m.Attempts = slices.DeleteFunc(slices.Clone(m.Attempts), func(a Attempt) bool { return a.dead(try.Since) })
		if len(m.Attempts) >= maxAttempts {
			return fault.ErrUnavailable.Msgf("the upload is being completed many times over")
		}
		m.Phase, m.List, m.Plan, m.Attempts = Completing, list, plan.ID, append(m.Attempts, try)
		m.DueAt = try.Since.Add(attemptLife + s.o.Grace)
		return nil
	})
	if err != nil && seen.Phase == Assembling {
		err = errors.Join(err, s.Store.DeletePlan(ctx, plan.ID))
	}
	if errors.Is(err, ErrNoRecord) {
		err = errReplan
	}
	return m, plan, err
}

func (a Attempt) same(b Attempt) bool { return a.ID == b.ID }

func (a Attempt) dead(now time.Time) bool { return a.Since.Add(attemptLife).Before(now) }

// plan checks a list, as lockwell.md orders it, and composes it.
func (s *Multiparts) plan(ctx context.Context, upload string, list []uploadv1.CompletedPart) (Plan, error) {
	if err := checkList(list); err != nil {
		return Plan{}, err
	}
	chosen, err := s.choose(ctx, upload, list)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Upload: upload, Contents: make([]string, len(chosen))}
	parts := make([]compose.Part, len(chosen))
	for n, c := range chosen {
		if n < len(chosen)-1 && c.Size < s.o.MinPart {
			return Plan{}, uploadv1.ErrPartTooSmall.Msgf("part %d has %d bytes; every part but the last must have at least %d", c.Number, c.Size, s.o.MinPart)
		}
		p.Contents[n], parts[n] = c.ContentID, compose.Part{Size: c.Size, Digests: c.Digests}
		p.Compressed = p.Compressed || c.Compressed
	}
	w := compose.Of(parts)
	p.ETag, p.Digests, p.Composite = w.ETag, w.Digests, w.Composite
	return p, nil
}

func checkList(list []uploadv1.CompletedPart) error {
	if len(list) == 0 {
		return uploadv1.ErrInvalidPart.Msgf("the list names no part")
	}
	for n, p := range list {
		if n > 0 && p.Number <= list[n-1].Number {
			return uploadv1.ErrInvalidPartOrder
		}
	}
	if first, last := list[0].Number, list[len(list)-1].Number; first < 1 || last > uploadv1.MaxPartNumber {
		return uploadv1.ErrInvalidPart.Msgf("part numbers are 1 to %d", uploadv1.MaxPartNumber)
	}
	return nil
}

// choose finds the parts of an ascending list.
func (s *Multiparts) choose(ctx context.Context, upload string, list []uploadv1.CompletedPart) ([]Part, error) {
	chosen := make([]Part, 0, len(list))
	for after, more := list[0].Number-1, true; more && len(chosen) < len(list); {
		var page []Part
		var err error
		if page, more, err = s.Store.Parts(ctx, upload, after, partsPage); err != nil {
			return nil, fmt.Errorf("reading the parts: %w", err)
		}
		for _, p := range page {
			after = p.Number
			if len(chosen) < len(list) && list[len(chosen)].Number == p.Number && list[len(chosen)].ETag == p.ETag {
				chosen = append(chosen, p)
			}
		}
	}
	if len(chosen) < len(list) {
		return nil, uploadv1.ErrInvalidPart.Msgf("part %d was not uploaded, or has another entity tag", list[len(chosen)].Number)
	}
	return chosen, nil
}

// commit asks object to make the plan the version.
func (s *Multiparts) commit(ctx context.Context, m Multipart, p Plan, r uploadv1.CompleteMultipartRequest, try Attempt) (objectv1.Object, error) {
	faultpoint.Hit("upload.complete.planned")
	obj, err := s.Objects.CommitPut(ctx, objectv1.CommitPutRequest{
		Principal: r.Principal, Ticket: m.Ticket, Bucket: m.Bucket, Key: m.Key, Parts: p.Contents, ETag: p.ETag, Digests: p.Digests,
		Composite: p.Composite, Compressed: p.Compressed, Metadata: m.Meta, Conditions: r.Conditions, Origin: r.Origin,
		Retention: m.Retain, LegalHold: m.Hold, Operation: objectv1.OperationComplete,
	})
	if err == nil {
		faultpoint.Hit("upload.complete.committed")
		if err := s.completed(ctx, m.ID, p.ID, &obj); err != nil {
			// The object is there; whoever asks again, or the sweep, writes it down.
			s.Log.WarnContext(ctx, "a completed upload is not recorded yet", "upload_id", m.ID, "err", err)
		}
		faultpoint.Hit("upload.complete.recorded")
		return obj, nil
	}
	err = fmt.Errorf("committing the parts: %w", gone(err))
	if !refused(err) {
		return objectv1.Object{}, err // it may have happened: the attempt stays
	}
	if uerr := s.leave(ctx, m.ID, try); uerr != nil {
		s.Log.WarnContext(ctx, "a refused attempt to complete stays until the sweep", "upload_id", m.ID, "err", uerr)
	}
	return objectv1.Object{}, err
}

// refused reports whether an error says that the commit did not happen.
func refused(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Timeout, fault.Canceled, fault.Internal, fault.RateLimited:
		return false
	}
	return true
}

// leave takes an attempt back; with the last one the upload takes parts again.
func (s *Multiparts) leave(ctx context.Context, id string, try Attempt) error {
	plan := ""
	_, err := s.Store.UpdateMultipart(ctx, id, func(m *Multipart) error {
		plan = ""
		if m.Phase != Completing || !slices.ContainsFunc(m.Attempts, try.same) {
			return errNotMine
		}
		m.Attempts = slices.DeleteFunc(slices.Clone(m.Attempts), try.same)
		if len(m.Attempts) == 0 {
			plan = m.Plan
			s.reopen(m)
		}
		return nil
	})
	if errors.Is(err, errNotMine) || errors.Is(err, ErrNoRecord) {
		return nil
	}
	if err == nil && plan != "" {
		err = s.Store.DeletePlan(ctx, plan)
	}
	return err
}

// reopen lets an upload take parts again, after its plan turned out not to have
// been committed.
func (s *Multiparts) reopen(m *Multipart) {
	m.Phase, m.List, m.Plan, m.Attempts, m.DueAt = Assembling, nil, "", nil, m.Expires.Add(s.o.Grace)
}

// completed writes down that object has committed a plan: the answer first. A
// nil answer is one that nobody can give any more.
func (s *Multiparts) completed(ctx context.Context, id, plan string, obj *objectv1.Object) error {
	var p Plan
	if obj != nil {
		var err error
		if p, err = s.Store.AnswerPlan(ctx, plan, *obj); err != nil {
			return fmt.Errorf("recording the answer: %w", err)
		}
	}
	_, err := s.Store.UpdateMultipart(ctx, id, func(m *Multipart) error {
		if m.Phase == Completed {
			return errNotMine
		}
		m.Phase, m.Plan, m.Attempts, m.DueAt, m.Clean = Completed, plan, nil, s.now(), false
		if p.List != nil {
			m.List = p.List
		}
		return nil
	})
	switch {
	case errors.Is(err, errNotMine), errors.Is(err, ErrNoRecord):
		return nil
	case err != nil:
		return fmt.Errorf("recording the completion: %w", err)
	}
	s.Meter.MultipartEnded(Committed)
	s.want()
	return nil
}
