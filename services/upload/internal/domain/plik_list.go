package domain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// Get reads an upload for who names it.
func (s *Pliks) Get(ctx context.Context, r uploadv1.PlikRequest) (PlikView, error) {
	return s.enter(ctx, r.UploadID, r.Caller)
}

// File reads a file with its upload.
func (s *Pliks) File(ctx context.Context, r uploadv1.PlikFileRequest) (PlikLeased, error) {
	v, err := s.enter(ctx, r.UploadID, r.Caller)
	if err != nil {
		return PlikLeased{}, err
	}
	f, err := s.Store.PlikFile(ctx, v.ID, r.FileID)
	if errors.Is(err, ErrNoRecord) {
		return PlikLeased{}, plikFileNotFound(r.FileID)
	}
	if err != nil {
		return PlikLeased{}, fmt.Errorf("reading a file: %w", err)
	}
	return PlikLeased{PlikView: v, File: f, Owner: plikReader(f.Account)}, nil
}

// Files gives up to limit files of an upload from an index on.
func (s *Pliks) Files(ctx context.Context, r uploadv1.ListPlikFilesRequest, limit int) ([]PlikFile, error) {
	if err := s.mayList(ctx, r); err != nil {
		return nil, err
	}
	page, err := s.Store.PlikFiles(ctx, r.UploadID, r.From, limit)
	if err != nil {
		return nil, fmt.Errorf("listing files: %w", err)
	}
	return page, nil
}

func (s *Pliks) mayList(ctx context.Context, r uploadv1.ListPlikFilesRequest) error {
	if r.Listed {
		u, err := s.find(ctx, r.UploadID)
		if err != nil {
			return err
		}
		if u.State != PlikOpen {
			return plikNotFound(u.ID)
		}
		if r.Caller.Principal.AccountID == u.Account || r.Caller.Principal.Admin {
			return nil
		}
	}
	_, err := s.enter(ctx, r.UploadID, r.Caller)
	return err
}

// MaxAnswer is what a list of uploads or files may take in an answer, bytes: a
// message has 1 MiB at most.
const MaxAnswer = 900 << 10

// plikFixed is what an upload takes in an answer beside its texts, at most.
const plikFixed = 420

// List pages through uploads. A page is shorter than was asked for when the
// comments in it are long.
func (s *Pliks) List(ctx context.Context, r uploadv1.ListPlikRequest) ([]PlikView, paging.Place, error) {
	if r.AccountID != r.Caller.Principal.AccountID && !r.Caller.Principal.Admin {
		return nil, paging.Place{}, uploadv1.ErrPlikForbidden
	}
	weigh := func(u Plik) int {
		b, _ := json.Marshal(u.Comments) // text always can
		return len(b) + len(u.Account) + len(u.TokenID) + len(u.SourceIP) + plikFixed
	}
	f := PlikFilter{Account: r.AccountID, TokenID: r.TokenID, BySize: r.BySize}
	page, place, err := s.Store.PagePliks(ctx, f, r.Page, MaxAnswer, weigh)
	if err != nil {
		return nil, place, fmt.Errorf("listing uploads: %w", err)
	}
	out := make([]PlikView, len(page))
	for i, u := range page {
		token, err := s.Vault.Open(u.ID, u.Secret)
		if err != nil {
			return nil, place, fmt.Errorf("opening the secret of upload %s: %w", u.ID, err)
		}
		out[i] = PlikView{Plik: u, Token: token}
	}
	return out, place, nil
}

// Stats counts uploads.
func (s *Pliks) Stats(ctx context.Context, r uploadv1.PlikStatsRequest) (uploadv1.PlikStats, error) {
	var out uploadv1.PlikStats
	if r.AccountID != r.Caller.Principal.AccountID && !r.Caller.Principal.Admin {
		return out, uploadv1.ErrPlikForbidden
	}
	err := s.each(ctx, PlikFilter{Account: r.AccountID, TokenID: r.TokenID}, func(u Plik) {
		size := u.Size()
		out.Uploads++
		out.Files += int64(len(u.Sizes))
		out.TotalSize += size
		if u.Account == objectv1.GuestAccount {
			out.AnonymousUploads++
			out.AnonymousTotalSize += size
		}
	})
	return out, err
}
