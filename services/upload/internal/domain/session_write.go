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
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// errFinished says that there is nothing to write any more.
var errFinished = errors.New("the session is finished")

// Acquire makes the caller the writer: with the next fence, from where on no
// earlier writer can change anything.
func (s *Sessions) Acquire(ctx context.Context, r uploadv1.AcquireSessionRequest) (Session, error) {
	seen, err := s.Get(ctx, r.Secret)
	if err != nil {
		return Session{}, err
	}
	finished, size := seen, seen.Size
	x, err := s.update(ctx, seen.Hash, "acquiring the session", func(x *Session, now time.Time) error {
		if x.Phase == Finished {
			finished = *x
			return errFinished
		}
		if err := x.free(now); err != nil {
			return err
		}
		size = x.Size
		if err := x.learn(r.Size); err != nil {
			return err
		}
		x.giveUpPending()
		x.Fence, x.LeaseTill = x.Fence+1, now.Add(uploadv1.SessionLeaseTime)
		return nil
	})
	if errors.Is(err, errFinished) {
		err = finished.learn(r.Size)
		finished.Fence, finished.LeaseTill = 0, time.Time{}
		return finished, err
	}
	if err != nil {
		return Session{}, err
	}
	s.tidy(ctx, x)
	if left := x.ahead(x.Offset); x.Phase == Writing && left != nil && *left > 0 {
		if err := s.reserveAhead(ctx, x, *left); err != nil {
			s.unacquire(ctx, x, size)
			return Session{}, err
		}
	}
	return x, nil
}

// free says that another writer has the session, if one has.
func (x *Session) free(now time.Time) error {
	if left := x.LeaseTill.Sub(now); left > 0 {
		return uploadv1.ErrSessionBusy.After(left)
	}
	return nil
}

// mayWrite says whether a fence is the latest one. Its lease may be over: as long
// as nobody else has come, nothing is lost.
func (x *Session) mayWrite(fence int64) error {
	switch {
	case x.Phase == Finished:
		return uploadv1.ErrSessionDone
	case fence != x.Fence || fence < 1:
		return uploadv1.ErrSessionBusy
	}
	return nil
}

// Release ends the writer's turn. What it left half done is given up, and its
// fence counts no more.
func (s *Sessions) Release(ctx context.Context, r uploadv1.ReleaseSessionRequest) error {
	s.dropAhead(ctx, r.Secret, r.Fence)
	x, err := s.update(ctx, hashOf(r.Secret), "releasing the session", func(x *Session, _ time.Time) error {
		if x.mayWrite(r.Fence) != nil || x.LeaseTill.IsZero() {
			return errNotMine
		}
		x.giveUpPending()
		x.Fence, x.LeaseTill = x.Fence+1, time.Time{}
		return nil
	})
	if errors.Is(err, errNotMine) || errors.Is(err, uploadv1.ErrSessionGone) {
		return nil
	}
	if err != nil {
		return err
	}
	s.tidy(ctx, x)
	return nil
}

// place says how much of what is there an Append takes the place of (0 or 1
// contents), and where the session ends with it.
func (s *Sessions) place(x *Session, r uploadv1.AppendSessionRequest) (replaced int, end int64, err error) {
	switch {
	case r.Offset == x.Offset:
	case x.Tail != nil && r.Offset == x.Offset-x.Tail.Manifest.Size:
		replaced = 1
	default:
		return 0, 0, uploadv1.ErrWrongOffset.Msgf("the session has %d bytes", x.Offset)
	}
	end = r.Offset
	for _, c := range r.Contents {
		end += c.Manifest.Size
	}
	switch {
	case end > x.Ticket.MaxSize:
		return 0, 0, objectv1.ErrTooLarge
	case x.Size >= 0 && end > x.Size:
		return 0, 0, objectv1.ErrTooLarge.Msgf("the total size was said to be %d bytes", x.Size)
	case end <= x.Offset:
		return 0, 0, uploadv1.ErrWrongOffset.Msgf("the session has %d bytes", x.Offset)
	case s.contents(x)-replaced+len(r.Contents) > uploadv1.MaxSessionContents:
		return 0, 0, objectv1.ErrTooLarge.Msgf("a session has at most %d contents", uploadv1.MaxSessionContents)
	}
	return replaced, end, nil
}

// has reports whether these contents are the session's: a repeat.
func (x *Session) has(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(x.Open, id) })
}

// announce notes contents as those that an Append is about to stage. What an
// Append before it announced and did not add is given up; from then on it cannot
// be added, and has to be brought under a new id.
func (x *Session) announce(ids []string) error {
	if slices.Equal(x.Pending, ids) {
		return nil // a repeat
	}
	for n, id := range ids {
		if slices.Contains(ids[:n], id) || slices.Contains(x.Open, id) || slices.Contains(x.Old, id) || slices.Contains(x.Past, id) {
			return fault.ErrInvalid.Msgf("content %.40q came before", id)
		}
	}
	if len(x.Old) > maxOld {
		return fault.ErrUnavailable.Msgf("contents that were given up cannot be cleaned away").After(time.Second)
	}
	old := slices.DeleteFunc(slices.Clone(x.Pending), func(id string) bool { return slices.Contains(ids, id) })
	x.Old, x.Pending = slices.Concat(x.Old, old), ids
	return nil
}

// add makes the announced contents the session's, and page a page if it was
// written.
func (s *Sessions) add(x *Session, r uploadv1.AppendSessionRequest, page int) error {
	replaced, end, err := s.place(x, r)
	if err != nil {
		return err
	}
	kept := len(x.Open) - replaced
	x.Old = slices.Concat(x.Old, x.Open[kept:])
	x.Open = slices.Concat(x.Open[:kept], x.Pending)
	x.Pending, x.Tail = nil, nil
	for _, c := range r.Contents {
		x.Compressed = x.Compressed || c.Compressed
	}
	if last := r.Contents[len(r.Contents)-1]; last.Manifest.Size < uploadv1.SessionUnit {
		x.Tail = &last
	}
	x.Offset, x.Midstate = end, r.Midstate
	if page == x.Pages && kept >= s.o.Page {
		x.Open, x.Pages = x.Open[s.o.Page:], x.Pages+1
	}
	return nil
}

// Append notes which contents are to come, stages them, and makes them the
// session's. So whatever breaks off between is known by name to who writes next,
// and its space comes back.
func (s *Sessions) Append(ctx context.Context, r uploadv1.AppendSessionRequest) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, partWithin)
	defer cancel()
	ids := make([]string, len(r.Contents))
	for n, c := range r.Contents {
		ids[n] = c.ContentID
	}
	hash, known, at, tail := hashOf(r.Secret), false, 0, ""
	x, err := s.update(ctx, hash, "announcing contents", func(x *Session, now time.Time) error {
		if err := x.mayWrite(r.Fence); err != nil {
			return err
		}
		x.LeaseTill = now.Add(uploadv1.SessionLeaseTime)
		if known = x.has(ids); known {
			return nil
		}
		replaced, _, err := s.place(x, r)
		if err != nil {
			return err
		}
		if at, tail = s.contents(x)-replaced, ""; replaced > 0 {
			tail = x.Tail.ContentID
		}
		return x.announce(ids)
	})
	if err != nil {
		return Session{}, err
	}
	s.tidy(ctx, x)
	if known {
		return x, nil
	}
	page := -1
	if len(x.Open) > s.o.Page {
		// These do not change any more: whoever writes the page writes the same.
		page = x.Pages
		if err := s.Store.PutPage(ctx, x.ID, page, x.Open[:s.o.Page]); err != nil {
			return Session{}, fmt.Errorf("writing a page of contents: %w", err)
		}
	}
	if err := s.stage(ctx, x, r, tail); err != nil {
		return Session{}, err
	}
	faultpoint.Hit("upload.session.staged")
	var stray []string
	added, err := s.update(ctx, hash, "recording contents", func(x *Session, now time.Time) error {
		stray = s.stray(x, ids, at)
		if err := x.mayWrite(r.Fence); err != nil {
			return err
		}
		x.LeaseTill = now.Add(uploadv1.SessionLeaseTime)
		if x.has(ids) {
			return nil
		}
		if !slices.Equal(x.Pending, ids) {
			return fault.ErrUnavailable.Msgf("the contents were given up meanwhile")
		}
		return s.add(x, r, page)
	})
	if err != nil {
		// Those who gave them up may have come before they were staged.
		if uerr := s.unstage(ctx, x, stray); uerr != nil {
			s.Log.WarnContext(ctx, "late contents stay staged until their session ends", "session_id", x.ID, "err", uerr)
		}
		return Session{}, err
	}
	s.tidy(ctx, added)
	return added, nil
}

// stray are those of ids that can never become the session's: they were given up,
// or are not where they were announced for, which is at. Of a place that has gone
// into a page meanwhile nobody knows.
func (s *Sessions) stray(x *Session, ids []string, at int) []string {
	paged := at < x.Pages*s.o.Page
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		given := slices.Contains(x.Old, id) || slices.Contains(x.Past, id)
		return !given && (paged || slices.Contains(x.Open, id) || slices.Contains(x.Pending, id))
	})
}

// stage stages contents one after the other, in place of a tail or behind all.
// When one is refused all are given up,
// so that their space comes back at once; without an answer they stay announced
// for a repeat.
func (s *Sessions) stage(ctx context.Context, x Session, r uploadv1.AppendSessionRequest, tail string) error {
	end := r.Offset
	for n, c := range r.Contents {
		end += c.Manifest.Size
		_, err := s.Objects.StageContent(ctx, objectv1.StageContentRequest{
			AccountID: x.Ticket.AccountID, VersionID: x.Ticket.VersionID, ContentID: c.ContentID, Manifest: c.Manifest, Replaces: tail,
			Ahead: x.ahead(end),
		})
		if err == nil {
			continue
		}
		err = fmt.Errorf("staging content %d: %w", n, err)
		if errors.Is(err, objectv1.ErrUploadGone) {
			return s.lost(ctx, x, err)
		}
		if refused(err) {
			s.giveBack(ctx, x)
		}
		return err
	}
	return nil
}

// giveBack gives up the contents that x has announced, unless a repeat was
// luckier.
func (s *Sessions) giveBack(ctx context.Context, x Session) {
	now, err := s.update(ctx, x.Hash, "giving contents up", func(now *Session, _ time.Time) error {
		if now.Fence != x.Fence || !slices.Equal(now.Pending, x.Pending) {
			return errNotMine
		}
		now.giveUpPending()
		return nil
	})
	switch {
	case err == nil:
		s.tidy(ctx, now)
	case !errors.Is(err, errNotMine):
		s.Log.WarnContext(ctx, "refused contents stay announced", "session_id", x.ID, "err", err)
	}
}
