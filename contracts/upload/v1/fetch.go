package uploadv1

import (
	"context"
	"errors"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// FetchState is how far a fetch is.
type FetchState string

// The states of a fetch. The last three are for good.
const (
	FetchQueued      FetchState = "queued"
	FetchDownloading FetchState = "downloading"
	FetchDone        FetchState = "done"
	FetchFailed      FetchState = "failed"
	FetchCancelled   FetchState = "cancelled"
)

// Fetch is a URL that is to become, or became, a file of an account's drive. Those
// that came to an end are kept for FetchKept, the latest MaxFetchesListed of an
// account at most.
type Fetch struct {
	ID        int64      `json:"id"` // from a sequence of all accounts
	AccountID string     `json:"accountId"`
	URL       string     `json:"url"`
	FolderID  string     `json:"folderId"` // "" is the root
	State     FetchState `json:"state"`
	Attempts  int        `json:"attempts"`
	Received  int64      `json:"received"` // bytes
	Size      int64      `json:"size"`     // bytes; -1 while it is not known
	NodeID    string     `json:"nodeId,omitempty"`
	Reason    string     `json:"reason,omitempty"` // why it failed, for its owner
	CreatedAt time.Time  `json:"createdAt"`
	UpdatedAt time.Time  `json:"updatedAt"`
}

// The bounds of fetches.
const (
	MaxFetchURL      = 2048 // bytes
	MaxFetchAttempts = 5
	MaxFetchReason   = 500  // bytes
	MaxFetchLimit    = 1000 // fetches of an account under way
	FetchKept        = 7 * 24 * time.Hour
	// FetchLease is how long a worker is believed to be there after KeepFetch.
	FetchLease = 30 * time.Second
)

// FetchSubject is where the work waits in stream FETCHES; a message is a
// FetchWork as JSON.
const FetchSubject = "fetch.run"

// FetchWork names a fetch that is due, and whose it is: workers share themselves
// among accounts.
type FetchWork struct {
	ID        int64  `json:"id"`
	AccountID string `json:"accountId,omitempty"`
}

// AddFetchRequest asks for a fetch. Limit is how many of the account may be under
// way.
type AddFetchRequest struct {
	Principal authv1.Principal `json:"principal"`
	URL       string           `json:"url"`
	FolderID  string           `json:"folderId"`
	Limit     int              `json:"limit"`
}

// FetchRequest names a fetch of one's own.
type FetchRequest struct {
	Principal authv1.Principal `json:"principal"`
	ID        int64            `json:"id"`
}

// ListFetchesRequest names the account.
type ListFetchesRequest struct {
	Principal authv1.Principal `json:"principal"`
}

// MaxFetchesListed is how many of an account ListFetches gives at most, and how many
// that ended are kept.
const MaxFetchesListed = 200

// ListFetchesResponse is the fetches of an account, newest first,
// MaxFetchesListed at most; fewer when their URLs would make the answer too long.
type ListFetchesResponse struct {
	Fetches []Fetch `json:"fetches"`
}

// RemoveFetchesRequest names an account that is being closed.
type RemoveFetchesRequest struct {
	AccountID string `json:"accountId"`
}

// RemoveFetchesResponse says that there are others: it asks for a repeat.
type RemoveFetchesResponse struct {
	More bool `json:"more,omitempty"`
}

// FetchWorkRequest names a fetch; of workers.
type FetchWorkRequest struct {
	ID int64 `json:"id"`
}

// FetchLeased is a fetch that a worker has for itself, on behalf of its account.
type FetchLeased struct {
	Fetch     Fetch            `json:"fetch"`
	Principal authv1.Principal `json:"principal"` // with the limits that the account has now
	Fence     int64            `json:"fence"`
}

// KeepFetchRequest says that a worker goes on.
type KeepFetchRequest struct {
	ID       int64 `json:"id"`
	Fence    int64 `json:"fence"`
	Received int64 `json:"received"`
	Size     int64 `json:"size"`
}

// EndFetchRequest says how a worker's attempt ended.
type EndFetchRequest struct {
	ID    int64 `json:"id"`
	Fence int64 `json:"fence"`
	// NodeID of the file, or Reason and whether another attempt may help.
	NodeID string `json:"nodeId,omitempty"`
	Size   int64  `json:"size"`
	Reason string `json:"reason,omitempty"`
	Again  bool   `json:"again,omitempty"`
	// WaitSeconds is how long the next attempt waits at least, with Again; an hour
	// at most counts.
	WaitSeconds int64 `json:"waitSeconds,omitempty"`
	// Returned gives the fetch back untried, since the worker stops: the attempt
	// does not count, and the fetch is queued at once. Nothing else is looked at.
	Returned bool `json:"returned,omitempty"`
}

// FetchService is upload for remote URLs. What is added is done once it was
// answered: a kill of anything delays it.
type FetchService interface {
	// AddFetch puts a fetch into the queue. A name is not looked up yet: a host that
	// is not public fails the fetch later. Codes: upload.bad_fetch_url,
	// upload.too_many_fetches, invalid_request (folder, limit).
	AddFetch(ctx context.Context, r AddFetchRequest) (Fetch, error)
	// GetFetch reads one. Codes: upload.fetch_not_found, also for another account's.
	GetFetch(ctx context.Context, r FetchRequest) (Fetch, error)
	// ListFetches gives those of an account.
	ListFetches(ctx context.Context, r ListFetchesRequest) (ListFetchesResponse, error)
	// CancelFetch ends one that has not ended. Idempotent. Codes: upload.fetch_not_found.
	CancelFetch(ctx context.Context, r FetchRequest) (Fetch, error)
	// RemoveFetches ends and forgets those of an account that is being closed: nothing
	// is kept of their URLs. Idempotent. Codes: invalid_request.
	RemoveFetches(ctx context.Context, r RemoveFetchesRequest) (RemoveFetchesResponse, error)

	// LeaseFetch gives a worker a fetch that nobody has, which begins an attempt.
	// Codes: upload.fetch_not_found, upload.fetch_over (it has ended, or ends now,
	// since its account is gone), upload.fetch_taken (or it is not due yet).
	LeaseFetch(ctx context.Context, r FetchWorkRequest) (FetchLeased, error)
	// KeepFetch extends the lease. Codes: upload.fetch_not_found, upload.fetch_over
	// (it was cancelled, too), upload.fetch_taken (the lease went to another worker,
	// or lapsed).
	KeepFetch(ctx context.Context, r KeepFetchRequest) (Fetch, error)
	// EndFetch ends a worker's attempt. With Again it is queued once more, later each
	// time, MaxFetchAttempts times in all. Repeatable. One that was cancelled
	// meanwhile stays so, as the answer shows: what came in is the worker's to remove.
	// Codes: upload.fetch_not_found, upload.fetch_taken, invalid_request.
	EndFetch(ctx context.Context, r EndFetchRequest) (Fetch, error)
}

// The errors of fetches.
var (
	ErrBadFetchURL    = fault.New(fault.Invalid, "upload.bad_fetch_url", "the URL cannot be fetched: http and https URLs of public hosts can")
	ErrTooManyFetches = fault.New(fault.QuotaExceeded, "upload.too_many_fetches", "too many fetches are under way; wait for one to end")
	ErrFetchNotFound  = fault.New(fault.NotFound, "upload.fetch_not_found", "there is no such fetch")
	ErrFetchOver      = fault.New(fault.Conflict, "upload.fetch_over", "the fetch has ended")
	ErrFetchTaken     = fault.New(fault.Conflict, "upload.fetch_taken", "another worker has the fetch")
)

// The calls of FetchService.
var (
	AddFetch      = rpc.Method[AddFetchRequest, Fetch]{Subject: "upload.v1.add_fetch"}
	GetFetch      = rpc.Method[FetchRequest, Fetch]{Subject: "upload.v1.get_fetch", Idempotent: true}
	ListFetches   = rpc.Method[ListFetchesRequest, ListFetchesResponse]{Subject: "upload.v1.list_fetches", Idempotent: true}
	CancelFetch   = rpc.Method[FetchRequest, Fetch]{Subject: "upload.v1.cancel_fetch", Idempotent: true}
	RemoveFetches = rpc.Method[RemoveFetchesRequest, RemoveFetchesResponse]{Subject: "upload.v1.remove_fetches", Timeout: time.Minute, Idempotent: true}
	LeaseFetch    = rpc.Method[FetchWorkRequest, FetchLeased]{Subject: "upload.v1.lease_fetch"}
	KeepFetch     = rpc.Method[KeepFetchRequest, Fetch]{Subject: "upload.v1.keep_fetch", Idempotent: true}
	EndFetch      = rpc.Method[EndFetchRequest, Fetch]{Subject: "upload.v1.end_fetch", Idempotent: true}
)

// NewFetchClient gives the FetchService that calls upload over c. Its methods add
// the faults of pkg/rpc to those of the contract.
func NewFetchClient(c *rpc.Client) FetchService { return fetchClient{c} }

type fetchClient struct{ rpc *rpc.Client }

func (c fetchClient) AddFetch(ctx context.Context, r AddFetchRequest) (Fetch, error) {
	return rpc.Call(ctx, c.rpc, AddFetch, r)
}

func (c fetchClient) GetFetch(ctx context.Context, r FetchRequest) (Fetch, error) {
	return rpc.Call(ctx, c.rpc, GetFetch, r)
}

func (c fetchClient) ListFetches(ctx context.Context, r ListFetchesRequest) (ListFetchesResponse, error) {
	return rpc.Call(ctx, c.rpc, ListFetches, r)
}

func (c fetchClient) CancelFetch(ctx context.Context, r FetchRequest) (Fetch, error) {
	return rpc.Call(ctx, c.rpc, CancelFetch, r)
}

func (c fetchClient) RemoveFetches(ctx context.Context, r RemoveFetchesRequest) (RemoveFetchesResponse, error) {
	return rpc.Call(ctx, c.rpc, RemoveFetches, r)
}

func (c fetchClient) LeaseFetch(ctx context.Context, r FetchWorkRequest) (FetchLeased, error) {
	return rpc.Call(ctx, c.rpc, LeaseFetch, r)
}

func (c fetchClient) KeepFetch(ctx context.Context, r KeepFetchRequest) (Fetch, error) {
	return rpc.Call(ctx, c.rpc, KeepFetch, r)
}

func (c fetchClient) EndFetch(ctx context.Context, r EndFetchRequest) (Fetch, error) {
	return rpc.Call(ctx, c.rpc, EndFetch, r)
}

// RegisterFetch serves svc on s.
func RegisterFetch(s *rpc.Server, svc FetchService) error {
	return errors.Join(
		rpc.Handle(s, AddFetch, svc.AddFetch),
		rpc.Handle(s, GetFetch, svc.GetFetch),
		rpc.Handle(s, ListFetches, svc.ListFetches),
		rpc.Handle(s, CancelFetch, svc.CancelFetch),
		rpc.Handle(s, RemoveFetches, svc.RemoveFetches),
		rpc.Handle(s, LeaseFetch, svc.LeaseFetch),
		rpc.Handle(s, KeepFetch, svc.KeepFetch),
		rpc.Handle(s, EndFetch, svc.EndFetch),
	)
}
