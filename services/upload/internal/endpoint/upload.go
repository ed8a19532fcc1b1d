// Package endpoint is the upload service as its contract has it: it checks the
// shape of requests and translates between the contract and the domain.
package endpoint

import (
	"context"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// maxID bounds the ids in requests, bytes.
const maxID = 256

// Upload implements uploadv1.Service.
type Upload struct {
	d *domain.Service
	m *domain.Multiparts
	s *domain.Sessions
}

var _ uploadv1.Service = (*Upload)(nil)

// New makes the endpoint.
func New(d *domain.Service, m *domain.Multiparts, s *domain.Sessions) *Upload {
	return &Upload{d, m, s}
}

// Begin implements uploadv1.Service.
func (u *Upload) Begin(ctx context.Context, r uploadv1.BeginRequest) (uploadv1.Ingest, error) {
	if r.Put.Principal.AccountID == "" {
		return uploadv1.Ingest{}, fault.ErrInvalid.Msgf("put.principal.accountId is missing")
	}
	i, err := u.d.Begin(ctx, r)
	if err != nil {
		return uploadv1.Ingest{}, err
	}
	return wire(i), nil
}

// Renew implements uploadv1.Service.
func (u *Upload) Renew(ctx context.Context, r uploadv1.RenewRequest) (uploadv1.Ingest, error) {
	if err := checkIDs(r.AccountID, r.VersionID); err != nil {
		return uploadv1.Ingest{}, err
	}
	if r.Bytes < 0 {
		return uploadv1.Ingest{}, fault.ErrInvalid.Msgf("bytes is negative")
	}
	i, err := u.d.Renew(ctx, r)
	if err != nil {
		return uploadv1.Ingest{}, err
	}
	return wire(i), nil
}

// End implements uploadv1.Service.
func (u *Upload) End(ctx context.Context, r uploadv1.EndRequest) (uploadv1.EndResponse, error) {
	if err := checkIDs(r.AccountID, r.VersionID); err != nil {
		return uploadv1.EndResponse{}, err
	}
	return uploadv1.EndResponse{}, u.d.End(ctx, r)
}

// List implements uploadv1.Service.
func (u *Upload) List(ctx context.Context, r uploadv1.ListRequest) (uploadv1.ListResponse, error) {
	if r.Limit < 0 || r.Limit > uploadv1.MaxListLimit || len(r.After) > maxID {
		return uploadv1.ListResponse{}, fault.ErrInvalid.Msgf("limit is from 1 to %d, after a version id", uploadv1.MaxListLimit)
	}
	if r.Limit == 0 {
		r.Limit = uploadv1.MaxListLimit
	}
	page, more, err := u.d.List(ctx, r.After, r.Limit)
	if err != nil {
		return uploadv1.ListResponse{}, err
	}
	out := uploadv1.ListResponse{Ingests: make([]uploadv1.Ingest, len(page)), More: more}
	for n, i := range page {
		out.Ingests[n] = wire(i)
	}
	return out, nil
}

func checkIDs(account, version string) error {
	if account == "" || version == "" || len(account) > maxID || len(version) > maxID {
		return fault.ErrInvalid.Msgf("accountId and versionId have 1 to %d bytes", maxID)
	}
	return nil
}

func wire(i domain.Ingest) uploadv1.Ingest {
	return uploadv1.Ingest{Ticket: i.Ticket, Bucket: i.Bucket, Key: i.Key, StartedAt: i.StartedAt, LeaseTill: i.LeaseTill}
}
