// Package uploadv1 is the contract of the upload service: what is on its way in,
// from the first byte until it is committed, given up or abandoned.
package uploadv1

import (
	"context"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// Service is upload. It keeps one record per ingest and a lease in it; the sweep
// ends what nobody renews, by object's AbortPut, which never harms a version
// that was committed.
type Service interface {
	// Begin opens an ingest: it takes a held ticket from object and records it.
	// Codes: those of objectv1 BeginPut.
	Begin(ctx context.Context, r BeginRequest) (Ingest, error)
	// Renew extends the lease and grows the reservation. Idempotent. Codes:
	// upload.gone, and those of objectv1 RenewPut.
	Renew(ctx context.Context, r RenewRequest) (Ingest, error)
	// End forgets an ingest that was committed, or aborts it. Idempotent; an
	// unknown one is no error.
	End(ctx context.Context, r EndRequest) (EndResponse, error)
	// List pages through the ingests in flight, oldest lease first; for operators.
	List(ctx context.Context, r ListRequest) (ListResponse, error)
}

// BeginRequest is what object needs to know.
type BeginRequest struct {
	Put objectv1.BeginPutRequest `json:"put"`
}

// Ingest is an upload in flight.
type Ingest struct {
	Ticket    objectv1.Ticket `json:"ticket"`
	Bucket    string          `json:"bucket,omitempty"`
	Key       string          `json:"key,omitempty"`
	StartedAt time.Time       `json:"startedAt"`
	LeaseTill time.Time       `json:"leaseTill"`
}

// RenewRequest names an ingest by its ticket's version id.
type RenewRequest struct {
	AccountID string `json:"accountId"`
	VersionID string `json:"versionId"`
	Bytes     int64  `json:"bytes"`
}

// EndRequest names an ingest; Committed says that object has answered its commit.
type EndRequest struct {
	AccountID string `json:"accountId"`
	VersionID string `json:"versionId"`
	Committed bool   `json:"committed"`
}

// EndResponse is empty.
type EndResponse struct{}

// ListRequest pages; After is the version id of the last one seen.
type ListRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// ListResponse is a page.
type ListResponse struct {
	Ingests []Ingest `json:"ingests"`
	More    bool     `json:"more,omitempty"`
}

// The calls of upload.
var (
	Begin = rpc.Method[BeginRequest, Ingest]{Subject: "upload.v1.begin"}
	Renew = rpc.Method[RenewRequest, Ingest]{Subject: "upload.v1.renew", Idempotent: true}
	End   = rpc.Method[EndRequest, EndResponse]{Subject: "upload.v1.end", Idempotent: true}
	List  = rpc.Method[ListRequest, ListResponse]{Subject: "upload.v1.list", Idempotent: true}
)

// ErrGone says that an ingest expired or was aborted.
var ErrGone = fault.New(fault.NotFound, "upload.gone", "the upload expired or was aborted")
