package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// PlikLeased is a file that its caller has the lease of.
type PlikLeased struct {
	PlikView
	File  PlikFile
	Owner authv1.Principal // with System
	Fence string           // none of a file that was only read
}

// begins gives a file to whoever brings it.
func (s *Pliks) begins(f *PlikFile, relay string) {
	f.Status, f.Fence, f.LeaseTill = uploadv1.PlikUploading, newLetters(plikToken), s.now().Add(uploadv1.PlikLease)
	if f.Stream {
		f.Relay = relay
	}
	s.rearm(f)
}

// rearm sets when the sweep looks at a file that is under way: when the first of
// those who work on it is not heard of any more.
func (s *Pliks) rearm(f *PlikFile) {
	f.DueAt = f.LeaseTill
	if f.Claim != "" && (f.Status == uploadv1.PlikRemoved || f.ClaimTill.Before(f.DueAt)) {
		f.DueAt = f.ClaimTill
	}
	f.DueAt = f.DueAt.Add(s.o.Grace)
}

// Begin makes the caller the one that brings a file. It looks at the upload again
// behind its write: whoever ends the upload finds the file under way, or is seen
// here.
func (s *Pliks) Begin(ctx context.Context, r uploadv1.BeginPlikRequest) (PlikLeased, error) {
	v, err := s.enter(ctx, r.UploadID, r.Caller)
	if err != nil {
		return PlikLeased{}, err
	}
	if !v.Admin {
		return PlikLeased{}, uploadv1.ErrPlikForbidden.Msgf("you are not allowed to add file to this upload")
	}
	owner, err := s.owner(ctx, v.Plik, r)
	if err != nil {
		return PlikLeased{}, err
	}
	var f PlikFile
	if r.FileID == "" {
		f, err = s.beginNew(ctx, &v, r)
	} else {
		f, err = s.beginAnnounced(ctx, v.ID, r)
	}
	if err != nil {
		return PlikLeased{}, err
	}
	faultpoint.Hit("upload.plik.begun")
	u, err := s.find(ctx, v.ID)
	if err == nil {
		err = u.standing(s.now())
	}
	if err != nil {
		if derr := s.Store.DeletePlikFile(ctx, f.Upload, f.ID); derr != nil { // the sweep finds it
			s.Log.WarnContext(ctx, "a file of an upload that is gone stays for now", "upload_id", v.ID, "file_id", f.ID, "err", derr)
		}
		return PlikLeased{}, err
	}
	return PlikLeased{v, f, owner, f.Fence}, nil
}

// beginAnnounced takes an entry that nobody has brought yet. The order of checks
// is that of plik-wire.md 7.2.
func (s *Pliks) beginAnnounced(ctx context.Context, upload string, r uploadv1.BeginPlikRequest) (PlikFile, error) {
	f, err := s.Store.UpdatePlikFile(ctx, upload, r.FileID, func(f *PlikFile) error {
		switch {
		case f.Name != r.Name:
			return uploadv1.ErrPlikName.Msgf("invalid file name")
		case f.Status != uploadv1.PlikMissing:
			return uploadv1.ErrPlikStatus.Msgf("invalid file status %s, expected missing", f.Status)
		}
		s.begins(f, r.Relay)
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return f, plikFileNotFound(r.FileID)
	}
	return f, err
}

// beginNew makes an entry: it counts it first, so that there are never more than
// the bound says. A crash between leaves one that is counted and not there.
func (s *Pliks) beginNew(ctx context.Context, v *PlikView, r uploadv1.BeginPlikRequest) (PlikFile, error) {
	u, err := s.Store.UpdatePlik(ctx, v.ID, func(u *Plik) error {
		if err := u.standing(s.now()); err != nil {
			return err
		}
		if u.Entries >= r.MaxEntries {
			return uploadv1.ErrPlikTooMany.Msgf("maximum number file per upload reached, limit is %d", r.MaxEntries)
		}
		u.Entries++
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return PlikFile{}, plikNotFound(v.ID)
	}
	if err != nil {
		return PlikFile{}, err
	}
	faultpoint.Hit("upload.plik.counted")
	v.Entries = u.Entries
	f := v.file(u.Entries - 1)
	f.Name, f.CreatedAt = r.Name, s.now()
	s.begins(&f, r.Relay)
	if err := s.Store.InsertPlikFile(ctx, f); err != nil {
		return f, fmt.Errorf("recording a file: %w", err)
	}
	return f, nil
}

// owner is the principal under which the bytes are written.
func (s *Pliks) owner(ctx context.Context, u Plik, r uploadv1.BeginPlikRequest) (authv1.Principal, error) {
	p := r.Caller.Principal
	switch u.Account {
	case objectv1.GuestAccount:
		return authv1.Principal{AccountID: u.Account, Limits: r.GuestLimits, System: true}, nil
	case p.AccountID:
		return authv1.Principal{AccountID: p.AccountID, Username: p.Username, Limits: p.Limits, Region: p.Region, System: true}, nil
	}
	a, err := s.Accounts.GetAccount(ctx, authv1.GetAccountRequest{ID: u.Account})
	if errors.Is(err, authv1.ErrAccountNotFound) {
		return p, plikNotFound(u.ID).Because(err)
	}
	if err != nil {
		return p, fmt.Errorf("reading the owner of an upload: %w", err)
	}
	return authv1.Principal{AccountID: a.ID, Username: a.Username, Limits: a.Limits, Region: a.Region, System: true}, nil
}

// Claim takes a file out for one reader. Of many at once one has the lease, and
// nobody ever has it again.
func (s *Pliks) Claim(ctx context.Context, r uploadv1.PlikFileRequest) (PlikLeased, error) {
	v, err := s.enter(ctx, r.UploadID, r.Caller)
	if err != nil {
		return PlikLeased{}, err
	}
	if !v.OneShot && !v.Stream {
		return PlikLeased{}, fault.ErrInvalid.Msgf("the files of this upload can be read any number of times")
	}
	f, err := s.Store.UpdatePlikFile(ctx, v.ID, r.FileID, func(f *PlikFile) error {
		if f.Stream && (f.Status != uploadv1.PlikUploading || f.Claim != "") || !f.Stream && f.Status != uploadv1.PlikUploaded {
			return uploadv1.ErrPlikNotAvailable.Msgf("file %s (%s) is not available : %s", f.Name, f.ID, f.Status)
		}
		if !f.Stream {
			f.Status = uploadv1.PlikRemoved
		}
		f.Claim, f.ClaimTill = newLetters(plikToken), s.now().Add(uploadv1.PlikLease)
		s.rearm(f)
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return PlikLeased{}, plikFileNotFound(r.FileID)
	}
	if err != nil {
		return PlikLeased{}, err
	}
	faultpoint.Hit("upload.plik.claimed")
	if !f.Stream {
		if err := s.discount(ctx, f); err != nil { // once more when its data goes
			s.Log.WarnContext(ctx, "a file that was taken out is still counted", "upload_id", f.Upload, "file_id", f.ID, "err", err)
		}
	}
	return PlikLeased{v, f, plikReader(f.Account), f.Claim}, nil
}

// plikReader is whom bytes are read and deleted as.
func plikReader(account string) authv1.Principal {
	return authv1.Principal{AccountID: account, System: true}
}

// takenOut reports whether fence is of who takes f out now.
func (f *PlikFile) takenOut(fence string) bool {
	return f.Claim == fence && (f.Status == uploadv1.PlikRemoved || f.Stream && f.Status == uploadv1.PlikUploading)
}

// Keep extends a lease. One that has run out and was not noticed yet goes on.
func (s *Pliks) Keep(ctx context.Context, r uploadv1.KeepPlikRequest) error {
	_, err := s.Store.UpdatePlikFile(ctx, r.UploadID, r.FileID, func(f *PlikFile) error {
		till := s.now().Add(uploadv1.PlikLease)
		switch {
		case f.Fence == r.Fence && f.Status == uploadv1.PlikUploading:
			f.LeaseTill = till
		case f.takenOut(r.Fence):
			f.ClaimTill = till
		default:
			return uploadv1.ErrPlikLost
		}
		s.rearm(f)
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return uploadv1.ErrPlikLost
	}
	return err
}

// Finish makes a file readable. Its size is counted first: so the sum of many that
// finish at once is never too small, and what is counted and not finished is
// discounted when the file ends.
func (s *Pliks) Finish(ctx context.Context, r uploadv1.FinishPlikRequest) (PlikFile, error) {
	f, err := s.Store.PlikFile(ctx, r.UploadID, r.FileID)
	switch {
	case errors.Is(err, ErrNoRecord), err == nil && f.Fence != r.Fence:
		return f, uploadv1.ErrPlikLost
	case err != nil:
		return f, fmt.Errorf("reading a file: %w", err)
	case f.Done:
		return f, nil
	case f.Over > 0:
		return f, plikTooMuch(f.Over)
	case f.Stream:
		return s.finished(ctx, f, r)
	case f.Status != uploadv1.PlikUploading:
		return f, s.lost(ctx, f)
	}
	err = s.count(ctx, f, r.Size)
	if errors.Is(err, uploadv1.ErrPlikLost) {
		if _, err := s.end(ctx, f, f.Fence, PlikBroken); err != nil {
			s.Log.WarnContext(ctx, "a file of an upload that is gone waits for the sweep", "upload_id", f.Upload, "file_id", f.ID, "err", err)
		}
		return f, s.lost(ctx, f)
	}
	if err != nil {
		return f, err
	}
	faultpoint.Hit("upload.plik.sized")
	if err := s.room(ctx, f, r.UserSize); err != nil {
		return f, err
	}
	return s.finished(ctx, f, r)
}

// room holds what the account has, with f, against its bound. Of several that are
// too much together all may go: none may stay.
func (s *Pliks) room(ctx context.Context, f PlikFile, most int64) error {
	if most <= 0 {
		return nil
	}
	stored, err := s.stored(ctx, f.Account)
	if err != nil || stored <= most {
		return err
	}
	f, err = s.Store.UpdatePlikFile(ctx, f.Upload, f.ID, func(now *PlikFile) error {
		if now.Fence != f.Fence || now.Status != uploadv1.PlikUploading {
			return errNotMine
		}
		now.Over = most
		s.giveUp(now)
		return nil
	})
	switch {
	case errors.Is(err, errNotMine), errors.Is(err, ErrNoRecord):
		return uploadv1.ErrPlikLost // the sweep, or whoever removed it, discounts it
	case err != nil:
		return err
	}
	s.Meter.PlikFileEnded(PlikRefused)
	s.wipeOrWait(ctx, f)
	return plikTooMuch(most)
}

// finished is the write that makes a file what it is to be.
func (s *Pliks) finished(ctx context.Context, f PlikFile, r uploadv1.FinishPlikRequest) (PlikFile, error) {
	again := false
	f, err := s.Store.UpdatePlikFile(ctx, f.Upload, f.ID, func(f *PlikFile) error {
		again = f.Done && f.Fence == r.Fence
		// A reader that has all of a stream may say so before the one who brings it.
		read := f.Read && f.Status == uploadv1.PlikDeleted
		switch {
		case again:
			return errNotMine
		case f.Fence != r.Fence || f.Status != uploadv1.PlikUploading && !read:
			return uploadv1.ErrPlikLost
		}
		f.Status, f.Done = uploadv1.PlikUploaded, true
		f.Size, f.MD5, f.Type = r.Size, r.MD5, r.Type
		f.LeaseTill, f.DueAt, f.Relay = time.Time{}, time.Time{}, ""
		if f.Stream {
			f.Status = uploadv1.PlikDeleted
		}
		return nil
	})
	switch {
	case again:
		return s.Store.PlikFile(ctx, r.UploadID, r.FileID)
	case errors.Is(err, ErrNoRecord):
		return f, uploadv1.ErrPlikLost
	case errors.Is(err, uploadv1.ErrPlikLost):
		if f, ferr := s.Store.PlikFile(ctx, r.UploadID, r.FileID); ferr == nil && !f.Stream {
			return f, s.lost(ctx, f)
		}
		return f, err
	case err != nil:
		return f, err
	}
	o := PlikStored
	if f.Stream {
		o = PlikStreamed
	}
	s.Meter.PlikFileEnded(o)
	return f, nil
}

// lost deletes what an edge has brought for a file that was given up meanwhile,
// now and not only when the sweep comes.
func (s *Pliks) lost(ctx context.Context, f PlikFile) error {
	err := s.discount(ctx, f)
	if err == nil {
		err = s.erase(ctx, f)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "bytes that came too late wait for the sweep", "upload_id", f.Upload, "file_id", f.ID, "err", err)
	}
	return uploadv1.ErrPlikLost
}

// End gives a lease back. What it ends is certain with its first write.
func (s *Pliks) End(ctx context.Context, r uploadv1.EndPlikRequest) error {
	f, err := s.Store.PlikFile(ctx, r.UploadID, r.FileID)
	if errors.Is(err, ErrNoRecord) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a file: %w", err)
	}
	f, err = s.end(ctx, f, r.Fence, PlikBroken)
	if err != nil || f.Status != uploadv1.PlikRemoved {
		return err
	}
	s.wipeOrWait(ctx, f)
	return nil
}

// end gives a file up that somebody has a lease of. It answers what the file is
// then; one that others have ended is left alone.
func (s *Pliks) end(ctx context.Context, f PlikFile, fence string, o PlikOutcome) (PlikFile, error) {
	ended := false
	f, err := s.Store.UpdatePlikFile(ctx, f.Upload, f.ID, func(f *PlikFile) error {
		ended = false
		switch {
		case f.Fence == fence && f.Status == uploadv1.PlikUploading:
			ended = true
		case f.takenOut(fence):
			f.Read = f.Stream
		default:
			return errNotMine
		}
		s.giveUp(f)
		return nil
	})
	if errors.Is(err, errNotMine) || errors.Is(err, ErrNoRecord) {
		return PlikFile{}, nil
	}
	if err == nil && ended {
		s.Meter.PlikFileEnded(o)
	}
	return f, err
}
