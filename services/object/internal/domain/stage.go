package domain

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// maxUnstage is how many contents a caller may drop at once.
const maxUnstage = 1000

// maxParts is how many contents may make up one object: as many as an upload
// session has.
const maxParts = 16_384

// stagedHold is the name under which an upload holds its parts.
func stagedHold(version string) string { return "s" + version }

// StageContent keeps a content as a part of an upload. Its bytes are reserved
// under a name of this attempt alone; the content's document, which is there once,
// says which attempt's reservation counts. That one goes into the upload's later.
func (s *Service) StageContent(ctx context.Context, r objectv1.StageContentRequest) (objectv1.StageContentResponse, error) {
	none := objectv1.StageContentResponse{}
	ctx, cancel := detach(ctx)
	defer cancel()
	v, err := s.upload(ctx, r.AccountID, r.VersionID)
	if err != nil {
		return none, err
	}
	if err := s.checkPart(v, r); err != nil {
		return none, err
	}
	for range casAttempts {
		c, err := s.st.Contents.Get(ctx, r.ContentID)
		switch {
		case err == nil && c.Staged == v.ID && c.Account == v.Account:
			s.jobs.merge(v, c.Reservation)
			return s.stagedBytes(ctx, v)
		case err == nil && c.Leaving == v.ID && c.Account == v.Account:
			return none, fault.ErrInvalid.Msgf("the content was dropped before")
		case err == nil:
			return none, fault.ErrInvalid.Msgf("the content id is taken")
		case !errors.Is(err, ErrNoDocument):
			return none, fmt.Errorf("looking for the content: %w", err)
		}
		if err := s.stage(ctx, v, r); err != nil && !errors.Is(err, errAgain) {
			return none, err
		}
	}
	return none, errBusy
}

// upload gives the version of a staged ticket, while parts may go into it or a
// commit that may still be refused is under way.
func (s *Service) upload(ctx context.Context, account, id string) (Version, error) {
	v, err := s.st.Versions.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) || err == nil && v.Account != account {
		return Version{}, objectv1.ErrUploadGone
	}
	if err != nil {
		return Version{}, fmt.Errorf("reading the upload: %w", err)
	}
	if !v.staged() || !v.underWay() {
		return Version{}, objectv1.ErrUploadGone
	}
	return v, nil
}

// underWay reports whether v may come to be visible, or to be held again.
func (v Version) underWay() bool {
	return v.State == VersionHeld || v.State == VersionPending || v.State == VersionAbandoned
}

func (s *Service) checkPart(v Version, r objectv1.StageContentRequest) error {
	id, err := ulid.ParseStrict(r.ContentID)
	switch {
	case err != nil || id.String() != r.ContentID:
		return fault.ErrInvalid.Msgf("%.40q is no content id", r.ContentID)
	case ulid.Time(id.Time()).After(s.now().Add(orphanAfter)):
		return fault.ErrInvalid.Msgf("the content id is of another time")
	case r.Manifest.Size < 0 || r.Manifest.Region != v.Upload.Region || r.Manifest.Domain != keyDomain(v.Account):
		return fault.ErrInvalid.Msgf("the content was not written for this upload")
	case r.Manifest.Size > v.Upload.MaxSize:
		return objectv1.ErrTooLarge
	case r.Ahead != nil:
		return checkAhead(v, *r.Ahead)
	}
	return nil
}

// stage reserves, inserts, and looks then whether the upload still is under way:
// whoever ends it either sees the content or is seen here. errAgain says that the
// content's document tells the rest.
func (s *Service) stage(ctx context.Context, v Version, r objectv1.StageContentRequest) error {
	began := s.now()
	c := Content{
		ID: r.ContentID, Manifest: r.Manifest, Holds: map[string]bool{stagedHold(v.ID): true}, SweepAt: began.Add(orphanAfter),
		Account: v.Account, Staged: v.ID, Reservation: r.ContentID + "_" + nonce(),
	}
	err := s.reservePart(ctx, v, c, r)
	if errors.Is(err, objectv1.ErrQuotaExceeded) {
		if _, gerr := s.st.Contents.Get(ctx, c.ID); gerr == nil {
			return errAgain // another attempt has it already
		}
	}
	if err != nil {
		return err
	}
	faultpoint.Hit("object.stage.reserved")
	if s.now().Sub(began) > commitLease/2 { // the sweep may take the reservation for an orphan
		s.unreserve(ctx, v, c.Reservation)
		return fault.ErrUnavailable.Msgf("it took too long; repeat the request")
	}
	err = s.st.Contents.Insert(ctx, c)
	if errors.Is(err, ErrTaken) {
		s.unreserve(ctx, v, c.Reservation)
		return errAgain
	}
	if err != nil {
		return fmt.Errorf("storing the content: %w", err)
	}
	faultpoint.Hit("object.stage.stored")
	_, err = s.upload(ctx, v.Account, v.ID)
	if errors.Is(err, objectv1.ErrUploadGone) {
		s.unreserve(ctx, v, c.Reservation)
		if rerr := s.st.Contents.Release(ctx, c.ID, stagedHold(v.ID)); rerr != nil {
			s.d.Log.WarnContext(ctx, "content left to the sweep", "content", c.ID, "err", rerr)
		}
	}
	if err != nil {
		return err
	}
	return errAgain
}

// unreserve gives an attempt's reservation back, or leaves it to the sweep.
func (s *Service) unreserve(ctx context.Context, v Version, id string) {
	if err := s.st.Accounts.Unreserve(ctx, v.Account, id); err != nil {
		s.d.Log.WarnContext(ctx, "reservation left to the sweep", "version", v.ID, "err", err)
	}
}

// stagedBytes is what an upload has reserved in all.
func (s *Service) stagedBytes(ctx context.Context, v Version) (objectv1.StageContentResponse, error) {
	u, err := s.st.Accounts.Get(ctx, v.Account)
	if err != nil {
		return objectv1.StageContentResponse{}, fmt.Errorf("reading the account's usage: %w", err)
	}
	var out objectv1.StageContentResponse
	for id, r := range u.Reserved {
		if r.Version == v.ID && id != aheadName(v.ID) {
			out.Reserved += r.Bytes
		}
	}
	return out, nil
}

// UnstageContents drops parts of an upload that is held. What a commit under way
// might have taken stays until it is decided.
func (s *Service) UnstageContents(ctx context.Context, r objectv1.UnstageContentsRequest) (objectv1.Empty, error) {
	if len(r.ContentIDs) > maxUnstage {
		return objectv1.Empty{}, fault.ErrInvalid.Msgf("at most %d contents are dropped at once", maxUnstage)
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	v, err := s.upload(ctx, r.AccountID, r.VersionID)
	if errors.Is(err, objectv1.ErrUploadGone) || err == nil && v.State != VersionHeld {
		return objectv1.Empty{}, nil
	}
	if err != nil {
		return objectv1.Empty{}, err
	}
	return objectv1.Empty{}, together(len(r.ContentIDs), func(i int) error { return s.unstage(ctx, v, r.ContentIDs[i]) })
}

func (s *Service) unstage(ctx context.Context, v Version, id string) error {
	err := s.st.Contents.Leave(ctx, id, v.ID, s.now().Add(repairAfter))
	if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoDocument) {
		return fmt.Errorf("dropping a staged content: %w", err)
	}
	faultpoint.Hit("object.unstage.leaving")
	c, err := s.st.Contents.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) || err == nil && c.Leaving != v.ID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a staged content: %w", err)
	}
	return s.finishLeaving(ctx, c)
}

// finishLeaving gives a leaving content's bytes back and removes it. Any number
// of processes may do it at once.
func (s *Service) finishLeaving(ctx context.Context, c Content) error {
	for range casAttempts {
		done, err := s.giveBack(ctx, c)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	faultpoint.Hit("object.unstage.given_back")
	if err := s.st.Contents.Release(ctx, c.ID, stagedHold(c.Leaving)); err != nil {
		return fmt.Errorf("releasing the content: %w", err)
	}
	return s.unmark(ctx, c.Account)
}

// giveBack takes a leaving content's bytes out of what is reserved, exactly once;
// false asks to try again. The epoch is read before the document, as in release.
func (s *Service) giveBack(ctx context.Context, c Content) (bool, error) {
	u, err := s.st.Accounts.Get(ctx, c.Account)
	if err != nil {
		return false, fmt.Errorf("reading the account's usage: %w", err)
	}
	if _, err := s.st.Contents.Get(ctx, c.ID); errors.Is(err, ErrNoDocument) {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("reading a staged content: %w", err)
	}
	_, own := u.Reserved[c.Reservation]
	_, held := u.Reserved[c.Leaving]
	if !own && !held {
		return true, nil // the upload is over, and what it had reserved is settled
	}
	err = s.st.Accounts.GiveBack(ctx, c.Account, u.Epoch, Return{
		Content: c.ID, Reservation: c.Reservation, Upload: c.Leaving, Own: own, Bytes: c.Manifest.Size,
	})
	switch {
	case errors.Is(err, ErrStale):
		return false, nil
	case err == nil || errors.Is(err, ErrRefused):
		return true, nil
	}
	return false, fmt.Errorf("giving quota back: %w", err)
}

// releaseStaged drops all that is staged under an upload that is over.
func (s *Service) releaseStaged(ctx context.Context, v Version) error {
	for {
		page, err := s.st.Contents.Staged(ctx, v.ID, sweepPage)
		if err != nil {
			return fmt.Errorf("finding staged contents: %w", err)
		}
		if len(page) == 0 {
			break
		}
		err = together(len(page), func(i int) error { return s.st.Contents.Release(ctx, page[i].ID, stagedHold(v.ID)) })
		if err != nil {
			return fmt.Errorf("releasing staged contents: %w", err)
		}
	}
	u, err := s.st.Accounts.Get(ctx, v.Account)
	if err != nil {
		return fmt.Errorf("reading the account's usage: %w", err)
	}
	for id, r := range u.Reserved {
		if r.Version != v.ID || id == v.Reservation {
			continue
		}
		if err := s.st.Accounts.Unreserve(ctx, v.Account, id); err != nil {
			return fmt.Errorf("giving a part's reservation back: %w", err)
		}
	}
	return nil
}

// assemble makes the content of a staged upload out of its parts.
func (s *Service) assemble(ctx context.Context, d draft, held Version) (draft, error) {
	h, _, err := s.st.Heads.Get(ctx, held.Bucket, d.v.Key)
	if err != nil {
		return d, fmt.Errorf("reading the head: %w", err)
	}
	if err := d.refused(h); err != nil {
		return d, err // early: composing is work
	}
	m, err := s.d.Composer.Compose(ctx, func(ctx context.Context, yield func(blob.Manifest) error) error {
		return s.eachPart(ctx, held, d.parts, func(c Content) error { return yield(c.Manifest) })
	})
	if err != nil {
		return d, fmt.Errorf("composing the parts: %w", err)
	}
	if m.Size > held.Upload.MaxSize {
		return d, objectv1.ErrTooLarge
	}
	if m.Region == "" {
		m.Region, m.Domain = held.Upload.Region, keyDomain(held.Account)
	}
	d.manifest, d.v.Size = m, m.Size
	return d, nil
}

// eachPart gives the parts of an upload in the order of ids, a few in memory at a
// time. One that is not staged under it is a mistake of the caller.
func (s *Service) eachPart(ctx context.Context, held Version, ids []string, each func(Content) error) error {
	for some := range slices.Chunk(ids, 4*readWidth) {
		page := make([]Content, len(some))
		err := together(len(some), func(i int) error {
			c, err := s.st.Contents.Get(ctx, some[i])
			if errors.Is(err, ErrNoDocument) || err == nil && (c.Staged != held.ID || c.Account != held.Account) {
				return fault.ErrInvalid.Msgf("content %.40q is not staged under this ticket", some[i])
			}
			page[i] = c
			return err
		})
		if err != nil {
			return fmt.Errorf("reading the parts: %w", err)
		}
		for _, c := range page {
			if err := each(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// stillStaged looks at the parts again, behind the document of the content that
// they make: from here on whoever drops one finds that document in its place, and
// so does the collector.
func (s *Service) stillStaged(ctx context.Context, held Version, ids []string) error {
	return s.eachPart(ctx, held, ids, func(Content) error { return nil })
}

// checkParts holds a commit against its ticket.
func checkParts(r objectv1.CommitPutRequest) error {
	if r.Ticket.Staged != (len(r.Parts) > 0) || r.Ticket.Staged && !r.Ticket.Held {
		return fault.ErrInvalid.Msgf("a staged ticket is committed with its parts, any other one without")
	}
	switch r.Operation {
	case "", objectv1.OperationPut, objectv1.OperationCopy, objectv1.OperationComplete:
	default:
		return fault.ErrInvalid.Msgf("%.40q is no operation of a commit", r.Operation)
	}
	if len(r.Parts) > maxParts {
		return fault.ErrInvalid.Msgf("an object has at most %d parts", maxParts)
	}
	seen := make(map[string]bool, len(r.Parts))
	for _, id := range r.Parts {
		if seen[id] {
			return fault.ErrInvalid.Msgf("part %.40q is there twice", id)
		}
		seen[id] = true
	}
	return nil
}

// idAfter gives a fresh id that sorts behind all of these: the collector reads
// contents by rising ids, and what is made of others must come after them.
func (s *Service) idAfter(ids []string) string {
	id := s.newID()
	if len(ids) == 0 {
		return id
	}
	last, err := ulid.ParseStrict(slices.Max(ids))
	if err != nil || id > last.String() {
		return id
	}
	return ulid.MustNew(last.Time()+1, rand.Reader).String()
}

// reopened is the upload that v was before its commit, which came to nothing.
func (v Version) reopened() Version {
	return Version{
		ID: v.ID, Account: v.Account, Bucket: v.Bucket, Key: v.Key, Live: v.Live, State: VersionHeld,
		Reservation: v.Reservation, SweepAt: v.Upload.LeaseTill, Upload: v.Upload,
	}
}
