package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// Sweep ends files whose edge is not heard of any more, deletes what was removed,
// and takes uploads away that were removed, that expired, or that were never made
// to the end. It returns how many documents it dealt with, and the errors of those
// that stay for the next one.
func (s *Pliks) Sweep(ctx context.Context) (int, error) {
	files, err1 := eachDue(ctx, func() ([]PlikFile, error) { return s.Store.DuePlikFiles(ctx, s.now(), sweepPage) }, func(f PlikFile) error {
		if err := s.tendFile(ctx, f); err != nil {
			return fmt.Errorf("file %s of upload %s: %w", f.ID, f.Upload, err)
		}
		return nil
	})
	uploads, err2 := eachDue(ctx, func() ([]Plik, error) { return s.Store.DuePliks(ctx, s.now(), sweepPage) }, func(u Plik) error {
		if err := s.tendUpload(ctx, u.ID); err != nil {
			return fmt.Errorf("upload %s: %w", u.ID, err)
		}
		return nil
	})
	return files + uploads, errors.Join(err1, err2)
}

// tendFile claims a due file and does what it waits for.
func (s *Pliks) tendFile(ctx context.Context, seen PlikFile) error {
	late, lapsed := false, false
	f, err := s.Store.UpdatePlikFile(ctx, seen.Upload, seen.ID, func(f *PlikFile) error {
		now := s.now()
		if f.DueAt.IsZero() || f.DueAt.After(now) {
			return errNotMine // somebody else has it, or it goes on
		}
		late, lapsed = f.Status == uploadv1.PlikDeleted, f.Status == uploadv1.PlikUploading
		switch {
		case late:
			f.DueAt = now.Add(s.o.Retry)
		case lapsed, f.Status == uploadv1.PlikRemoved:
			s.giveUp(f)
		default: // nothing is to be done to it
			f.DueAt = time.Time{}
		}
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return errNotMine
	}
	if err != nil {
		return err
	}
	if lapsed {
		s.Meter.PlikFileEnded(PlikAbandoned)
	}
	if late {
		f, err = s.wipeLate(ctx, f)
	} else {
		f, err = s.wipe(ctx, f)
	}
	if err != nil {
		return err
	}
	return s.forgetOrphan(ctx, f)
}

// wipeLate deletes once more what an edge may have brought behind the first time.
func (s *Pliks) wipeLate(ctx context.Context, f PlikFile) (PlikFile, error) {
	if err := s.discount(ctx, f); err != nil {
		return f, err
	}
	if err := s.erase(ctx, f); err != nil {
		return f, err
	}
	return s.Store.UpdatePlikFile(ctx, f.Upload, f.ID, func(f *PlikFile) error {
		f.LateAt, f.DueAt = time.Time{}, time.Time{}
		return nil
	})
}

// forgetOrphan removes a file that has ended and whose upload is gone: one that
// was cut off when the upload went, or begun just then by a service that was killed.
func (s *Pliks) forgetOrphan(ctx context.Context, f PlikFile) error {
	if f.Status != uploadv1.PlikDeleted || !f.LateAt.IsZero() {
		return nil
	}
	_, err := s.Store.Plik(ctx, f.Upload)
	if errors.Is(err, ErrNoRecord) {
		return s.Store.DeletePlikFile(ctx, f.Upload, f.ID)
	}
	return err
}

// tendUpload claims a due upload and takes it a step nearer to its end.
func (s *Pliks) tendUpload(ctx context.Context, id string) error {
	u, err := s.Store.UpdatePlik(ctx, id, func(u *Plik) error {
		now := s.now()
		if u.DueAt.IsZero() || u.DueAt.After(now) {
			return errNotMine
		}
		switch {
		case u.State == PlikMaking:
			u.State = PlikRemoved
		case u.State == PlikOpen && !u.expired(now):
			u.DueAt = u.ExpiresAt
			return nil
		case u.State == PlikOpen:
			u.State = PlikExpired
		}
		u.DueAt = now.Add(s.o.Retry)
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return errNotMine
	}
	if err != nil || u.State == PlikOpen {
		return err
	}
	if err := s.purge(ctx, u.ID); err != nil {
		return err
	}
	if told := u.ExpiresAt.Add(plikEpitaph); u.State == PlikExpired && told.After(s.now()) {
		_, err = s.Store.UpdatePlik(ctx, id, func(u *Plik) error {
			u.DueAt = told
			return nil
		})
		if errors.Is(err, ErrNoRecord) {
			return nil
		}
		return err
	}
	return s.Store.DeletePlik(ctx, id)
}

// purge ends the files of an upload and forgets them.
func (s *Pliks) purge(ctx context.Context, upload string) error {
	for from := 0; ; {
		page, err := s.Store.PlikFiles(ctx, upload, from, sweepPage)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := plikEach(len(page), func(i int) error { return s.purgeFile(ctx, page[i]) }); err != nil {
			return err
		}
		from = page[len(page)-1].Index + 1
	}
}

// purgeFile ends one file and forgets it. One of which something may still come
// stays until its own time, whatever becomes of its upload.
func (s *Pliks) purgeFile(ctx context.Context, f PlikFile) error {
	cut := false
	f, err := s.Store.UpdatePlikFile(ctx, f.Upload, f.ID, func(f *PlikFile) error {
		cut = f.Status == uploadv1.PlikUploading
		if f.Status != uploadv1.PlikDeleted {
			s.giveUp(f)
		}
		return nil
	})
	if errors.Is(err, ErrNoRecord) {
		return nil
	}
	if err == nil {
		f, err = s.wipeData(ctx, f)
	}
	if err != nil {
		return err
	}
	if cut {
		s.Meter.PlikFileEnded(PlikBroken)
	}
	if !f.LateAt.IsZero() {
		return nil
	}
	return s.Store.DeletePlikFile(ctx, f.Upload, f.ID)
}
