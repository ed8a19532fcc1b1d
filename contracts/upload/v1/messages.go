package uploadv1

import (
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

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
	LeaseTill time.Time       `json:"leaseTill"` // renew, or end, before
}

// RenewRequest names an ingest by its ticket's version id. Bytes is what has to
// be reserved in all; it never shrinks.
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

// MaxListLimit is the longest page of List, and the default one.
const MaxListLimit = 1000

// ListRequest pages; After is the version id of the last one seen.
type ListRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"` // 1 to MaxListLimit; 0 means MaxListLimit
}

// ListResponse is a page.
type ListResponse struct {
	Ingests []Ingest `json:"ingests"`
	More    bool     `json:"more,omitempty"`
}

// Empty is an answer without content.
type Empty struct{}
