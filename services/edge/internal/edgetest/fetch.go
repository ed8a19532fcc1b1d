package edgetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// Fetches is a fake of upload's fetches in memory. Nobody works on them: a test
// says with Set what came of one. Fail makes a method of that name return the
// error.
type Fetches struct {
	uploadv1.FetchService

	mu   sync.Mutex
	all  []uploadv1.Fetch
	fail map[string]error
}

// NewFetches makes an empty fake.
func NewFetches() *Fetches { return &Fetches{fail: map[string]error{}} }

// SetFail makes a method fail, or work again with nil.
func (f *Fetches) SetFail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[method] = err
}

// Set changes what is known of a fetch.
func (f *Fetches) Set(id int64, change func(*uploadv1.Fetch)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.all {
		if f.all[i].ID == id {
			change(&f.all[i])
			f.all[i].UpdatedAt = time.Now().UTC()
		}
	}
}

// AddFetch implements uploadv1.FetchService.
func (f *Fetches) AddFetch(_ context.Context, r uploadv1.AddFetchRequest) (uploadv1.Fetch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fail["AddFetch"]; err != nil {
		return uploadv1.Fetch{}, err
	}
	if len(r.URL) > uploadv1.MaxFetchURL || !strings.HasPrefix(r.URL, "http://") && !strings.HasPrefix(r.URL, "https://") || strings.Contains(r.URL, "private") {
		return uploadv1.Fetch{}, uploadv1.ErrBadFetchURL
	}
	under := 0
	for _, x := range f.all {
		if x.AccountID == r.Principal.AccountID && (x.State == uploadv1.FetchQueued || x.State == uploadv1.FetchDownloading) {
			under++
		}
	}
	if under >= r.Limit {
		return uploadv1.Fetch{}, uploadv1.ErrTooManyFetches
	}
	now := time.Now().UTC()
	x := uploadv1.Fetch{
		ID: int64(len(f.all) + 1), AccountID: r.Principal.AccountID, URL: r.URL, FolderID: r.FolderID,
		State: uploadv1.FetchQueued, Size: -1, CreatedAt: now, UpdatedAt: now,
	}
	f.all = append(f.all, x)
	return x, nil
}

// GetFetch implements uploadv1.FetchService.
func (f *Fetches) GetFetch(_ context.Context, r uploadv1.FetchRequest) (uploadv1.Fetch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fail["GetFetch"]; err != nil {
		return uploadv1.Fetch{}, err
	}
	for _, x := range f.all {
		if x.ID == r.ID && x.AccountID == r.Principal.AccountID {
			return x, nil
		}
	}
	return uploadv1.Fetch{}, uploadv1.ErrFetchNotFound
}

// ListFetches implements uploadv1.FetchService.
func (f *Fetches) ListFetches(_ context.Context, r uploadv1.ListFetchesRequest) (uploadv1.ListFetchesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fail["ListFetches"]; err != nil {
		return uploadv1.ListFetchesResponse{}, err
	}
	var out uploadv1.ListFetchesResponse
	for _, x := range slices.Backward(f.all) {
		if x.AccountID == r.Principal.AccountID {
			out.Fetches = append(out.Fetches, x)
		}
	}
	return out, nil
}

// RemoveFetches implements uploadv1.FetchService.
func (f *Fetches) RemoveFetches(_ context.Context, r uploadv1.RemoveFetchesRequest) (uploadv1.RemoveFetchesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.all {
		if f.all[i].AccountID == r.AccountID {
			f.all[i] = uploadv1.Fetch{} // its number is not given again
		}
	}
	return uploadv1.RemoveFetchesResponse{}, f.fail["RemoveFetches"]
}

// CancelFetch implements uploadv1.FetchService.
func (f *Fetches) CancelFetch(_ context.Context, r uploadv1.FetchRequest) (uploadv1.Fetch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fail["CancelFetch"]; err != nil {
		return uploadv1.Fetch{}, err
	}
	for i, x := range f.all {
		if x.ID != r.ID || x.AccountID != r.Principal.AccountID {
			continue
		}
		if x.State == uploadv1.FetchQueued || x.State == uploadv1.FetchDownloading {
			f.all[i].State = uploadv1.FetchCancelled
		}
		return f.all[i], nil
	}
	return uploadv1.Fetch{}, uploadv1.ErrFetchNotFound
}
