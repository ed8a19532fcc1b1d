package domain

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dustin/go-humanize"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// plikWidth is how many files are made, or ended, at a time.
const plikWidth = 8

// ErrTaken says that a store has a record of this id already.
var ErrTaken = errors.New("there is such a record already")

// PlikMade is an upload that was just made, with the files that were announced.
type PlikMade struct {
	PlikView
	Files []PlikFile
}

// Create makes an upload. One with files is to nobody until they stand, so that a
// crash leaves nothing but what the sweep takes away.
func (s *Pliks) Create(ctx context.Context, r uploadv1.CreatePlikRequest) (PlikMade, error) {
	account := r.Caller.Principal.AccountID
	if r.UserSize > 0 {
		stored, err := s.stored(ctx, account)
		if err != nil {
			return PlikMade{}, err
		}
		if stored+r.Announced > r.UserSize {
			return PlikMade{}, plikTooMuch(r.UserSize)
		}
	}
	now := s.now()
	u := Plik{
		ID: newLetters(plikID), Account: account, TokenID: r.Caller.TokenID, TTL: r.TTL, ExtendTTL: r.ExtendTTL, OneShot: r.OneShot, Stream: r.Stream,
		Removable: r.Removable, Comments: r.Comments, SourceIP: r.Caller.Source, CreatedAt: now, ExpiresAt: plikEnd(now, r.TTL), Entries: len(r.Files),
		State: PlikMaking, DueAt: now.Add(plikMaking),
	}
	v := PlikView{Plik: u, Admin: true, Token: newLetters(plikToken)}
	var err error
	if v.Secret, err = s.Vault.Seal(u.ID, v.Token); err != nil {
		return PlikMade{}, fmt.Errorf("sealing the secret of an upload: %w", err)
	}
	if r.Credential != "" {
		v.Credential = s.Vault.Code(u.ID, r.Credential)
	}
	if len(r.Files) == 0 && !r.More {
		v.open()
	}
	if err := s.Store.InsertPlik(ctx, v.Plik); err != nil {
		return PlikMade{}, fmt.Errorf("recording an upload: %w", err)
	}
	files, err := s.announce(ctx, v, 0, r.Files)
	if err != nil {
		return PlikMade{}, err
	}
	faultpoint.Hit("upload.plik.announced")
	if v.State == PlikMaking && !r.More {
		if v.Plik, err = s.opened(ctx, u.ID, len(r.Files), false); err != nil {
			return PlikMade{}, err
		}
	}
	s.Meter.PlikMade()
	return PlikMade{v, files}, nil
}

// Announce adds a batch to an upload that is being made. The entries of an index
// are always the same, so a repeat finds those that are there.
func (s *Pliks) Announce(ctx context.Context, r uploadv1.AnnouncePlikRequest) (PlikMade, error) {
	u, err := s.find(ctx, r.UploadID)
	if err != nil {
		return PlikMade{}, err
	}
	v, err := s.view(u, r.Caller)
	if err != nil {
		return PlikMade{}, err
	}
	end := r.From + len(r.Files)
	switch {
	case !v.Admin || u.State != PlikMaking && u.State != PlikOpen:
		return PlikMade{}, plikNotFound(u.ID)
	case r.From > u.Entries || u.State == PlikOpen && end > u.Entries:
		return PlikMade{}, fault.ErrInvalid.Msgf("the upload has %d files announced", u.Entries)
	}
	files, err := s.announce(ctx, v, r.From, r.Files)
	if err != nil {
		return PlikMade{}, err
	}
	if v.Plik, err = s.opened(ctx, u.ID, end, r.More); err != nil {
		return PlikMade{}, err
	}
	return PlikMade{v, files}, nil
}

// announce makes the entries from an index on, or finds them.
func (s *Pliks) announce(ctx context.Context, v PlikView, from int, announced []uploadv1.PlikAnnounced) ([]PlikFile, error) {
	now, files := s.now(), make([]PlikFile, len(announced))
	err := plikEach(len(announced), func(i int) error {
		a, index := announced[i], from+i
		f := v.file(index)
		f.Name, f.Type, f.Size, f.Reference, f.CreatedAt = a.Name, a.Type, a.Size, a.Reference, now
		err := s.Store.InsertPlikFile(ctx, f)
		if errors.Is(err, ErrTaken) {
			f, err = s.Store.PlikFile(ctx, f.Upload, f.ID)
		}
		files[i] = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("announcing files: %w", err)
	}
	return files, nil
}

// file is the entry of an index, as nobody has used it yet.
func (v PlikView) file(index int) PlikFile {
	return PlikFile{
		Upload: v.ID, ID: plikFileID(v.Token, index), Account: v.Account, Index: index, Status: uploadv1.PlikMissing, Stream: v.Stream,
	}
}

// opened notes how many entries there are, and lets the upload be found when they
// are all.
func (s *Pliks) opened(ctx context.Context, id string, entries int, more bool) (Plik, error) {
	u, err := s.Store.UpdatePlik(ctx, id, func(u *Plik) error {
		switch {
		case u.State == PlikOpen:
			return errNotMine // a repeat
		case u.State != PlikMaking:
			return plikNotFound(id)
		}
		if u.Entries = max(u.Entries, entries); more {
			u.DueAt = s.now().Add(plikMaking)
			return nil
		}
		u.open()
		return nil
	})
	switch {
	case errors.Is(err, errNotMine):
		return s.find(ctx, id)
	case errors.Is(err, ErrNoRecord):
		return u, plikNotFound(id)
	case err != nil:
		return u, fmt.Errorf("opening an upload: %w", err)
	}
	return u, nil
}

// plikEach does n things, a few at a time, and gives the first error of each.
func plikEach(n int, do func(i int) error) error {
	var wg sync.WaitGroup
	errs, slots := make([]error, n), make(chan struct{}, plikWidth)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(i)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// plikScan is how many uploads are looked at at once.
const plikScan = 500

// each goes through the Open uploads of a filter.
func (s *Pliks) each(ctx context.Context, f PlikFilter, do func(Plik)) error {
	for after := ""; ; {
		page, next, err := s.Store.ScanPliks(ctx, f, after, plikScan)
		if err != nil {
			return fmt.Errorf("going through uploads: %w", err)
		}
		for _, u := range page {
			do(u)
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// stored is what all uploads of an account have, bytes.
func (s *Pliks) stored(ctx context.Context, account string) (int64, error) {
	var n int64
	err := s.each(ctx, PlikFilter{Account: account}, func(u Plik) { n += u.Size() })
	return n, err
}

func plikTooMuch(limit int64) error {
	return uploadv1.ErrPlikUserSize.Msgf("maximum user upload size reached. (%s)", humanize.Bytes(uint64(max(limit, 0)))) //nolint:gosec // it is not negative
}
