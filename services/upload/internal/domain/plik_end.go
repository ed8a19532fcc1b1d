package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// giveUp ends a file, whatever it is: nobody reads or brings it from then on. It
// is Removed as long as its data may be there; wipe goes on with it.
func (s *Pliks) giveUp(f *PlikFile) {
	now := s.now()
	f.DueAt, f.Relay, f.Claim = now.Add(s.o.Retry), "", ""
	switch {
	case f.Status == uploadv1.PlikMissing, f.Stream:
		f.Status, f.DueAt = uploadv1.PlikDeleted, time.Time{}
	case f.Status == uploadv1.PlikUploading:
		f.Status, f.LateAt = uploadv1.PlikRemoved, now.Add(plikLate)
	default:
		f.Status = uploadv1.PlikRemoved
	}
}

// wipe deletes the data of a removed file of an upload that stays, and says so.
func (s *Pliks) wipe(ctx context.Context, f PlikFile) (PlikFile, error) {
	if f.Status != uploadv1.PlikRemoved {
		return f, nil
	}
	if err := s.discount(ctx, f); err != nil {
		return f, err
	}
	faultpoint.Hit("upload.plik.discounted")
	return s.wipeData(ctx, f)
}

// wipeData is wipe, where nobody counts any more.
func (s *Pliks) wipeData(ctx context.Context, f PlikFile) (PlikFile, error) {
	if f.Status != uploadv1.PlikRemoved {
		return f, nil
	}
	if err := s.erase(ctx, f); err != nil {
		return f, err
	}
	faultpoint.Hit("upload.plik.erased")
	wiped, err := s.Store.UpdatePlikFile(ctx, f.Upload, f.ID, func(f *PlikFile) error {
		if f.Status != uploadv1.PlikRemoved {
			return errNotMine
		}
		f.Status, f.DueAt = uploadv1.PlikDeleted, f.LateAt
		return nil
	})
	if errors.Is(err, errNotMine) || errors.Is(err, ErrNoRecord) {
		return f, nil
	}
	return wiped, err
}

// wipeOrWait wipes now, or leaves it to the sweep.
func (s *Pliks) wipeOrWait(ctx context.Context, f PlikFile) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	if _, err := s.wipe(ctx, f); err != nil {
		s.Log.WarnContext(ctx, "the data of a removed file waits for the sweep", "upload_id", f.Upload, "file_id", f.ID, "err", err)
	}
}

// erase deletes a file's object, if there is one.
func (s *Pliks) erase(ctx context.Context, f PlikFile) error {
	_, err := s.Objects.DeleteObject(ctx, objectv1.DeleteObjectRequest{
		Principal: plikReader(f.Account), Bucket: objectv1.PlikBucket, Key: PlikKey(f.Upload, f.ID),
	})
	for _, gone := range []error{objectv1.ErrNotFound, objectv1.ErrBucketNotFound, objectv1.ErrAccountClosed} {
		if errors.Is(err, gone) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("deleting the data of a file: %w", err)
	}
	return nil
}

// count adds a file's size to its upload: upload.plik_lost when that is no more.
func (s *Pliks) count(ctx context.Context, f PlikFile, size int64) error {
	_, err := s.Store.UpdatePlik(ctx, f.Upload, func(u *Plik) error {
		if u.State != PlikOpen {
			return uploadv1.ErrPlikLost
		}
		if u.Sizes == nil {
			u.Sizes = map[string]int64{}
		}
		u.Sizes[f.ID] = size
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return uploadv1.ErrPlikLost
	}
	return err
}

// discount takes it away again, however often it is asked to.
func (s *Pliks) discount(ctx context.Context, f PlikFile) error {
	_, err := s.Store.UpdatePlik(ctx, f.Upload, func(u *Plik) error {
		if _, ok := u.Sizes[f.ID]; !ok {
			return errNotMine
		}
		delete(u.Sizes, f.ID)
		return nil
	})
	if errors.Is(err, errNotMine) || errors.Is(err, ErrNoRecord) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("taking a file's size away: %w", err)
	}
	return nil
}

// Remove ends an upload. From its write on the upload is unknown; the rest is the
// sweep's, which is woken.
func (s *Pliks) Remove(ctx context.Context, r uploadv1.PlikRequest) error {
	v, err := s.enter(ctx, r.UploadID, r.Caller)
	if err != nil {
		return err
	}
	if !v.Admin && !v.Removable {
		return uploadv1.ErrPlikForbidden.Msgf("you are not allowed to remove this upload")
	}
	_, err = s.remove(ctx, v.ID)
	return err
}

func (s *Pliks) remove(ctx context.Context, id string) (Plik, error) {
	u, err := s.Store.UpdatePlik(ctx, id, func(u *Plik) error {
		if u.State != PlikOpen {
			return plikNotFound(id)
		}
		u.leave(s.now())
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return u, plikNotFound(id)
	}
	if err != nil {
		return u, err
	}
	faultpoint.Hit("upload.plik.removed")
	s.want()
	return u, nil
}

// removeAtOnce is how many uploads one call removes.
const removeAtOnce = 500

// RemoveAll removes uploads of an account, and says whether others are left.
func (s *Pliks) RemoveAll(ctx context.Context, f PlikFilter) (removed int64, more bool, err error) {
	page, next, err := s.Store.ScanPliks(ctx, f, "", removeAtOnce)
	if err != nil {
		return 0, false, fmt.Errorf("looking for uploads: %w", err)
	}
	done := make([]int64, len(page))
	err = plikEach(len(page), func(i int) error {
		_, err := s.remove(ctx, page[i].ID)
		switch {
		case err == nil:
			done[i] = 1
		case !errors.Is(err, uploadv1.ErrPlikNotFound):
			return fmt.Errorf("removing upload %s: %w", page[i].ID, err)
		}
		return nil
	})
	for _, n := range done {
		removed += n
	}
	return removed, next != "", err
}

// RemoveFile deletes a file's data; its entry stays. Whoever brings it, or takes
// it out, hears of it.
func (s *Pliks) RemoveFile(ctx context.Context, r uploadv1.PlikFileRequest) error {
	v, err := s.enter(ctx, r.UploadID, r.Caller)
	if err != nil {
		return err
	}
	if !v.Admin && !v.Removable {
		return uploadv1.ErrPlikForbidden.Msgf("you are not allowed to remove files from this upload")
	}
	f, err := s.Store.UpdatePlikFile(ctx, v.ID, r.FileID, func(f *PlikFile) error {
		if f.Status == uploadv1.PlikDeleted {
			return errNotMine
		}
		s.giveUp(f)
		return nil
	})
	switch {
	case errors.Is(err, errNotMine):
		return nil
	case errors.Is(err, ErrNoRecord):
		return plikFileNotFound(r.FileID)
	case err != nil:
		return err
	}
	faultpoint.Hit("upload.plik.file_removed")
	s.wipeOrWait(ctx, f)
	return nil
}
