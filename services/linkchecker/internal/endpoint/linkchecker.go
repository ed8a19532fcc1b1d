// Package endpoint is linkchecker as its contract has it: it checks the shape of
// requests and hands them to the domain.
package endpoint

import (
	"context"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// The longest texts of requests that are looked at, bytes.
const (
	maxID     = 256
	maxSource = 256
	maxPass   = 1024
)

// Links implements linksv1.Service.
type Links struct{ d *domain.Service }

var _ linksv1.Service = (*Links)(nil)

// New makes the endpoint.
func New(d *domain.Service) *Links { return &Links{d} }

// CreateContainer implements linksv1.Service.
func (l *Links) CreateContainer(ctx context.Context, r linksv1.CreateRequest) (linksv1.Written, error) {
	if err := someone(r.Principal); err != nil {
		return linksv1.Written{}, err
	}
	if err := checkQuota(r.Quota); err != nil {
		return linksv1.Written{}, err
	}
	if i := r.Idempotency; i != nil && (i.Key == "" || len(i.Key) > linksv1.MaxIdempotencyKey || len(i.Fingerprint) == 0 || len(i.Fingerprint) > maxID) {
		return linksv1.Written{}, fault.ErrInvalid.Msgf("an idempotency key has 1 to %d bytes, and a fingerprint beside it", linksv1.MaxIdempotencyKey)
	}
	return l.d.Create(ctx, r)
}

// AddLinks implements linksv1.Service.
func (l *Links) AddLinks(ctx context.Context, r linksv1.AddLinksRequest) (linksv1.Written, error) {
	if err := someone(r.Principal); err != nil {
		return linksv1.Written{}, err
	}
	if r.Edit == "" || len(r.Edit) > maxID || r.From < 0 {
		return linksv1.Written{}, fault.ErrInvalid.Msgf("edit is that of the answer before, from is not negative")
	}
	return l.d.AddLinks(ctx, r)
}

// GetContainer implements linksv1.Service.
func (l *Links) GetContainer(ctx context.Context, r linksv1.ContainerRequest) (linksv1.Container, error) {
	return l.d.Get(ctx, r)
}

// ListContainers implements linksv1.Service.
func (l *Links) ListContainers(ctx context.Context, r linksv1.ListRequest) (linksv1.ListResponse, error) {
	if err := someone(r.Principal); err != nil {
		return linksv1.ListResponse{}, err
	}
	switch r.Status {
	case "", linksv1.Online, linksv1.Offline, linksv1.Partial, linksv1.Unknown:
	default:
		return linksv1.ListResponse{}, fault.ErrInvalid.Msgf("status is online, partial, offline or unknown")
	}
	if len(r.Group) > 4*linksv1.MaxGroup {
		return linksv1.ListResponse{}, fault.ErrInvalid.Msgf("a group has %d characters at most", linksv1.MaxGroup)
	}
	return l.d.List(ctx, r)
}

// UpdateContainer implements linksv1.Service.
func (l *Links) UpdateContainer(ctx context.Context, r linksv1.UpdateRequest) (linksv1.Written, error) {
	if err := someone(r.Principal); err != nil {
		return linksv1.Written{}, err
	}
	if err := checkQuota(r.Quota); err != nil {
		return linksv1.Written{}, err
	}
	if len(r.Links) == 0 && (r.More || r.Links != nil) {
		return linksv1.Written{}, linksv1.ErrTooManyLinks
	}
	return l.d.Update(ctx, r)
}

// DeleteContainer implements linksv1.Service.
func (l *Links) DeleteContainer(ctx context.Context, r linksv1.ContainerRequest) (linksv1.Empty, error) {
	if err := someone(r.Principal); err != nil {
		return linksv1.Empty{}, err
	}
	return linksv1.Empty{}, l.d.Delete(ctx, r)
}

// Unlock implements linksv1.Service.
func (l *Links) Unlock(ctx context.Context, r linksv1.UnlockRequest) (linksv1.Unlocked, error) {
	r.Source = r.Source[:min(len(r.Source), maxSource)]
	return l.d.Unlock(ctx, r)
}

// ListLinks implements linksv1.Service.
func (l *Links) ListLinks(ctx context.Context, r linksv1.ListLinksRequest) (linksv1.ListLinksResponse, error) {
	if len(r.Pass) > maxPass {
		r.Pass = "" // it is none
	}
	return l.d.ListLinks(ctx, r)
}

// Recheck implements linksv1.Service.
func (l *Links) Recheck(ctx context.Context, r linksv1.RecheckRequest) (linksv1.Empty, error) {
	if r.Within < 0 {
		return linksv1.Empty{}, fault.ErrInvalid.Msgf("within is not negative")
	}
	return linksv1.Empty{}, l.d.Recheck(ctx, r)
}

// ImportContainer implements linksv1.Service.
func (l *Links) ImportContainer(ctx context.Context, r linksv1.ImportRequest) (linksv1.Written, error) {
	if err := someone(authv1.Principal{AccountID: r.AccountID}); err != nil {
		return linksv1.Written{}, err
	}
	return l.d.Import(ctx, r)
}

// someone wants an account.
func someone(p authv1.Principal) error {
	if p.AccountID == "" || len(p.AccountID) > maxID {
		return fault.ErrInvalid.Msgf("accountId has 1 to %d bytes", maxID)
	}
	return nil
}

func checkQuota(q linksv1.Quota) error {
	if q.ContainersPerDay < 0 || q.Links < 0 {
		return fault.ErrInvalid.Msgf("a quota is not negative")
	}
	return nil
}
