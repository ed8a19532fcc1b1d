package edgetest

import (
	"context"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// ListPlik implements uploadv1.PlikService.
func (p *Plik) ListPlik(ctx context.Context, r uploadv1.ListPlikRequest) (uploadv1.ListPlikResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("ListPlik"); err != nil {
		return uploadv1.ListPlikResponse{}, err
	}
	if r.AccountID != r.Caller.Principal.AccountID && !r.Caller.Principal.Admin {
		return uploadv1.ListPlikResponse{}, uploadv1.ErrPlikForbidden
	}
	var all []uploadv1.PlikUpload
	for _, u := range p.matching(r.AccountID, r.TokenID) {
		out := u.to(uploadv1.PlikCaller{})
		out.Token = u.token
		if !r.BySize || out.Size > 0 {
			all = append(all, out)
		}
	}
	if r.BySize {
		return page(ctx, all, r.Page, func(u uploadv1.PlikUpload) paging.Position[int64] {
			return paging.Position[int64]{Value: u.Size, ID: u.ID}
		})
	}
	return page(ctx, all, r.Page, func(u uploadv1.PlikUpload) paging.Position[time.Time] {
		return paging.Position[time.Time]{Value: u.CreatedAt, ID: u.ID}
	})
}

func page[V paging.Value](ctx context.Context, all []uploadv1.PlikUpload, r paging.Request, at func(uploadv1.PlikUpload) paging.Position[V]) (uploadv1.ListPlikResponse, error) {
	uploads, place, err := paging.Slice(all, at).Page(ctx, r)
	return uploadv1.ListPlikResponse{Uploads: uploads, Place: place}, err
}

// matching lists the uploads of an account, or of all.
func (p *Plik) matching(accountID, tokenID string) []*plik {
	var out []*plik
	for _, u := range p.uploads {
		if !u.pending && (accountID == "" || u.AccountID == accountID) && (tokenID == "" || u.TokenID == tokenID) {
			out = append(out, u)
		}
	}
	return out
}

// GetPlikStats implements uploadv1.PlikService.
func (p *Plik) GetPlikStats(_ context.Context, r uploadv1.PlikStatsRequest) (uploadv1.PlikStats, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("GetPlikStats"); err != nil {
		return uploadv1.PlikStats{}, err
	}
	if r.AccountID != r.Caller.Principal.AccountID && !r.Caller.Principal.Admin {
		return uploadv1.PlikStats{}, uploadv1.ErrPlikForbidden
	}
	var out uploadv1.PlikStats
	for _, u := range p.matching(r.AccountID, r.TokenID) {
		size := u.to(uploadv1.PlikCaller{}).Size
		out.Uploads++
		out.TotalSize += size
		for _, f := range u.files {
			if f.Status == uploadv1.PlikUploaded {
				out.Files++
			}
		}
		if u.AccountID == objectv1.GuestAccount {
			out.AnonymousUploads++
			out.AnonymousTotalSize += size
		}
	}
	return out, nil
}
