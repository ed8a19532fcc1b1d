package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// FetchURLs says whether requests go to an address; *outbound.Client does.
type FetchURLs interface {
	CheckURL(ctx context.Context, rawURL string) error
}

// Fetch implements uploadv1.FetchService.
type Fetch struct {
	f    *domain.Fetches
	urls FetchURLs
}

var _ uploadv1.FetchService = (*Fetch)(nil)

// NewFetch makes the endpoint. What urls refuses is not taken; that it cannot find
// a host is the worker's business.
func NewFetch(f *domain.Fetches, urls FetchURLs) *Fetch { return &Fetch{f, urls} }

// AddFetch implements uploadv1.FetchService.
func (e *Fetch) AddFetch(ctx context.Context, r uploadv1.AddFetchRequest) (uploadv1.Fetch, error) {
	switch {
	case r.Principal.AccountID == "" || len(r.Principal.AccountID) > maxID:
		return uploadv1.Fetch{}, fault.ErrInvalid.Msgf("an account is needed")
	case len(r.FolderID) > maxID || strings.ContainsFunc(r.FolderID, notOfID):
		return uploadv1.Fetch{}, fault.ErrInvalid.Msgf("the folder has no id of this form")
	case r.Limit < 1 || r.Limit > uploadv1.MaxFetchLimit:
		return uploadv1.Fetch{}, fault.ErrInvalid.Msgf("the limit is from 1 to %d", uploadv1.MaxFetchLimit)
	}
	if err := e.checkURL(ctx, r.URL); err != nil {
		return uploadv1.Fetch{}, err
	}
	f, err := e.f.Add(ctx, r)
	return wireFetch(f), err
}

// checkURL takes what could be fetched.
func (e *Fetch) checkURL(ctx context.Context, u string) error {
	if u == "" || len(u) > uploadv1.MaxFetchURL || !utf8.ValidString(u) || strings.ContainsFunc(u, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return uploadv1.ErrBadFetchURL
	}
	if err := e.urls.CheckURL(ctx, u); errors.Is(err, outbound.ErrRefused) {
		return uploadv1.ErrBadFetchURL.Because(err)
	}
	return nil
}

// notOfID tells what no id of a node has.
func notOfID(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }

// GetFetch implements uploadv1.FetchService.
func (e *Fetch) GetFetch(ctx context.Context, r uploadv1.FetchRequest) (uploadv1.Fetch, error) {
	f, err := e.f.Get(ctx, r)
	return wireFetch(f), err
}

// ListFetches implements uploadv1.FetchService. The list is shorter where the
// answer would be too long for a message.
func (e *Fetch) ListFetches(ctx context.Context, r uploadv1.ListFetchesRequest) (uploadv1.ListFetchesResponse, error) {
	page, err := e.f.List(ctx, r.Principal.AccountID)
	if err != nil {
		return uploadv1.ListFetchesResponse{}, err
	}
	out, sum := uploadv1.ListFetchesResponse{Fetches: []uploadv1.Fetch{}}, 0
	for _, f := range page {
		one := wireFetch(f)
		b, _ := json.Marshal(one) // it always can
		if sum += len(b) + 1; sum > domain.MaxAnswer {
			break
		}
		out.Fetches = append(out.Fetches, one)
	}
	return out, nil
}

// CancelFetch implements uploadv1.FetchService.
func (e *Fetch) CancelFetch(ctx context.Context, r uploadv1.FetchRequest) (uploadv1.Fetch, error) {
	f, err := e.f.Cancel(ctx, r)
	return wireFetch(f), err
}

// RemoveFetches implements uploadv1.FetchService.
func (e *Fetch) RemoveFetches(ctx context.Context, r uploadv1.RemoveFetchesRequest) (uploadv1.RemoveFetchesResponse, error) {
	if r.AccountID == "" || len(r.AccountID) > maxID {
		return uploadv1.RemoveFetchesResponse{}, fault.ErrInvalid.Msgf("an account is needed")
	}
	more, err := e.f.RemoveAll(ctx, r.AccountID)
	return uploadv1.RemoveFetchesResponse{More: more}, err
}

// LeaseFetch implements uploadv1.FetchService.
func (e *Fetch) LeaseFetch(ctx context.Context, r uploadv1.FetchWorkRequest) (uploadv1.FetchLeased, error) {
	l, err := e.f.Lease(ctx, r.ID)
	if err != nil {
		return uploadv1.FetchLeased{}, err
	}
	return uploadv1.FetchLeased{Fetch: wireFetch(l.Fetch), Principal: l.Owner, Fence: l.Fence}, nil
}

// KeepFetch implements uploadv1.FetchService.
func (e *Fetch) KeepFetch(ctx context.Context, r uploadv1.KeepFetchRequest) (uploadv1.Fetch, error) {
	r.Received, r.Size = max(r.Received, 0), max(r.Size, -1)
	f, err := e.f.Keep(ctx, r)
	return wireFetch(f), err
}

// EndFetch implements uploadv1.FetchService.
func (e *Fetch) EndFetch(ctx context.Context, r uploadv1.EndFetchRequest) (uploadv1.Fetch, error) {
	switch {
	case len(r.NodeID) > maxID || strings.ContainsFunc(r.NodeID, notOfID):
		return uploadv1.Fetch{}, fault.ErrInvalid.Msgf("the file has no id of this form")
	case !r.Returned && (r.NodeID == "") == (r.Reason == ""), r.NodeID != "" && r.Again:
		return uploadv1.Fetch{}, fault.ErrInvalid.Msgf("an attempt ends with a file or with a reason")
	case len(r.Reason) > uploadv1.MaxFetchReason || !utf8.ValidString(r.Reason):
		return uploadv1.Fetch{}, fault.ErrInvalid.Msgf("the reason has %d bytes at most", uploadv1.MaxFetchReason)
	case r.Size < 0 && r.NodeID != "":
		return uploadv1.Fetch{}, fault.ErrInvalid.Msgf("a file has a size")
	}
	f, err := e.f.End(ctx, r)
	return wireFetch(f), err
}

func wireFetch(f domain.Fetch) uploadv1.Fetch {
	return uploadv1.Fetch{
		ID: f.ID, AccountID: f.Account, URL: f.URL, FolderID: f.FolderID, State: f.State, Attempts: f.Attempts, Received: f.Received, Size: f.Size,
		NodeID: f.NodeID, Reason: f.Reason, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
}
