package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/services/upload/internal/compose"
)

// BeginPart says where the bytes of a part belong, and refuses those that could
// not be kept anyway.
func (s *Multiparts) BeginPart(ctx context.Context, r uploadv1.BeginPartRequest) (uploadv1.PartTicket, error) {
	m, err := s.find(ctx, r.MultipartRequest, objectv1.ActionPutObject)
	if err == nil {
		err = m.takesParts()
	}
	if err != nil {
		return uploadv1.PartTicket{}, err
	}
	t := m.Ticket
	if t.MaxSize > 0 && r.Size > t.MaxSize {
		return uploadv1.PartTicket{}, objectv1.ErrTooLarge
	}
	if limit := r.Principal.Limits.StorageBytes; limit > 0 && r.Size > 0 {
		u, err := s.Objects.GetUsage(ctx, objectv1.GetUsageRequest{AccountID: t.AccountID})
		if err != nil {
			return uploadv1.PartTicket{}, fmt.Errorf("reading the account's usage: %w", err)
		}
		if r.Size > limit-u.Used-u.Reserved {
			return uploadv1.PartTicket{}, objectv1.ErrQuotaExceeded
		}
	}
	return uploadv1.PartTicket{
		KeyDomain: t.KeyDomain, Region: t.Region, MaxSize: t.MaxSize, ContentType: m.Meta.ContentType, ContentEncoding: m.Meta.ContentEncoding,
	}, nil
}

// takesParts says why an upload takes no parts, if it does not.
func (m Multipart) takesParts() error {
	switch m.Phase {
	case Assembling:
		return nil
	case Completing:
		return uploadv1.ErrCompleting.Msgf("the upload is being completed")
	}
	return uploadv1.ErrNoSuchUpload
}

// CommitPart stages the content, writes the part, and looks then whether the
// upload still takes parts. What it replaced is given back last, and only while
// no plan can have it: a plan that was made before is refused by Replaced.
func (s *Multiparts) CommitPart(ctx context.Context, r uploadv1.CommitPartRequest) (Part, error) {
	ctx, cancel := context.WithTimeout(ctx, partWithin)
	defer cancel()
	m, err := s.find(ctx, r.MultipartRequest, objectv1.ActionPutObject)
	if err != nil {
		return Part{}, err
	}
	if m.Phase != Assembling {
		// A repeat of a commit whose answer was lost may find the upload further on.
		if p, err := s.Store.Part(ctx, m.ID, r.Number); err == nil && p.ContentID == r.ContentID {
			return s.settlePart(ctx, m, p)
		}
		return Part{}, m.takesParts()
	}
	_, err = s.Objects.StageContent(ctx, objectv1.StageContentRequest{
		AccountID: m.Ticket.AccountID, VersionID: m.Ticket.VersionID, ContentID: r.ContentID, Manifest: r.Manifest,
	})
	if err != nil {
		return Part{}, fmt.Errorf("staging part %d: %w", r.Number, gone(err))
	}
	faultpoint.Hit("upload.part.staged")
	fresh := Part{
		Upload: m.ID, Number: r.Number, ContentID: r.ContentID, ETag: compose.PartETag(r.Digests["sha256"]), Size: r.Manifest.Size,
		Digests: r.Digests, Compressed: r.Compressed, At: s.now(),
	}
	p, err := s.Store.PutPart(ctx, m.ID, r.Number, func(old *Part, exists bool) {
		if exists && (old.ContentID == fresh.ContentID || slices.Contains(old.Old, fresh.ContentID) || slices.Contains(old.Past, fresh.ContentID)) {
			return
		}
		next := fresh
		if exists {
			next.Old, next.Past = append(slices.Clone(old.Old), old.ContentID), old.Past
		}
		*old = next
	})
	if err != nil {
		return Part{}, fmt.Errorf("recording part %d: %w", r.Number, err)
	}
	if p.ContentID != fresh.ContentID {
		// A repeat that came after its successor: it was the part once, and is not again.
		fresh.Old = []string{fresh.ContentID}
		return s.replaced(ctx, m, fresh)
	}
	if len(p.Old) > 0 {
		return s.replaced(ctx, m, p)
	}
	if m, err = s.reload(ctx, m.ID); err != nil {
		return Part{}, err
	}
	return s.settlePart(ctx, m, p)
}

// replaced tells the upload that a part has changed, which it takes only while
// it is Assembling, and gives the old contents back then.
func (s *Multiparts) replaced(ctx context.Context, m Multipart, p Part) (Part, error) {
	_, err := s.Store.UpdateMultipart(ctx, m.ID, func(m *Multipart) error {
		if m.Phase != Assembling {
			return errNotMine
		}
		m.Replaced++
		return nil
	})
	switch {
	case errors.Is(err, errNotMine), errors.Is(err, ErrNoRecord):
		now, err := s.reload(ctx, m.ID)
		if err != nil {
			return Part{}, err
		}
		return s.settlePart(ctx, now, p)
	case err != nil:
		return Part{}, fmt.Errorf("recording that part %d was replaced: %w", p.Number, err)
	}
	if err := s.unstage(ctx, m, p.Old); err != nil {
		s.Log.WarnContext(ctx, "the content of a replaced part stays until its upload ends", "upload_id", m.ID, "part", p.Number, "err", err)
		return p, nil
	}
	if err := s.Store.TrimPart(ctx, m.ID, p.Number, p.Old); err != nil {
		s.Log.WarnContext(ctx, "a replaced part stays noted until its upload ends", "upload_id", m.ID, "part", p.Number, "err", err)
	}
	return p, nil
}

// settlePart decides what becomes of a part that is written, by the phase that
// its upload had afterwards.
func (s *Multiparts) settlePart(ctx context.Context, m Multipart, p Part) (Part, error) {
	if m.Phase == Assembling {
		return p, nil
	}
	if m.Plan != "" {
		plan, err := s.Store.Plan(ctx, m.Plan)
		if err != nil && !errors.Is(err, ErrNoRecord) {
			return Part{}, fmt.Errorf("reading the plan: %w", err)
		}
		if err == nil && slices.Contains(plan.Contents, p.ContentID) {
			return p, nil
		}
	}
	if m.Phase == Completing {
		// The upload may take parts again, and then this is one of them. Otherwise
		// it goes with the others.
		return Part{}, m.takesParts()
	}
	// Nothing leads back from here. What fails now is done when the upload's
	// documents are removed.
	if m.Ticket.VersionID != "" {
		if err := s.unstage(ctx, m, append(slices.Clone(p.Old), p.ContentID)); err != nil {
			s.Log.WarnContext(ctx, "a late part stays until its upload is removed", "upload_id", m.ID, "part", p.Number, "err", err)
			return Part{}, uploadv1.ErrNoSuchUpload
		}
	}
	if err := s.Store.DeletePart(ctx, p.Upload, p.Number); err != nil {
		s.Log.WarnContext(ctx, "a late part stays until its upload is removed", "upload_id", m.ID, "part", p.Number, "err", err)
	}
	return Part{}, uploadv1.ErrNoSuchUpload
}

// maxUnstage is how many contents go into one call.
const maxUnstage = 1000

func (s *Multiparts) unstage(ctx context.Context, m Multipart, contents []string) error {
	for ids := range slices.Chunk(contents, maxUnstage) {
		_, err := s.Objects.UnstageContents(ctx, objectv1.UnstageContentsRequest{AccountID: m.Ticket.AccountID, VersionID: m.Ticket.VersionID, ContentIDs: ids})
		if err != nil {
			return fmt.Errorf("giving staged contents back: %w", err)
		}
	}
	return nil
}

// ListParts pages through the parts.
func (s *Multiparts) ListParts(ctx context.Context, r uploadv1.ListPartsRequest) ([]Part, bool, error) {
	m, err := s.find(ctx, r.MultipartRequest, objectv1.ActionPutObject)
	if err != nil {
		return nil, false, err
	}
	if m.Phase != Assembling && m.Phase != Completing {
		return nil, false, uploadv1.ErrNoSuchUpload
	}
	parts, more, err := s.Store.Parts(ctx, m.ID, r.After, r.Limit)
	if err != nil {
		return nil, false, fmt.Errorf("listing parts: %w", err)
	}
	return parts, more, nil
}

// gone says of an upload whose ticket is gone that it is gone.
func gone(err error) error {
	if fault.CodeOf(err) == objectv1.ErrUploadGone.Code {
		return uploadv1.ErrNoSuchUpload.Because(err)
	}
	return err
}
