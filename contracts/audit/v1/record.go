// Package auditv1 is the contract of the audit trail: one record per request,
// denials included (lockwell.md, Audit), in a stream of its own.
package auditv1

import "time"

// Record is one request and what became of it.
type Record struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"requestId"`
	TraceID   string    `json:"traceId,omitempty"`
	AccountID string    `json:"accountId,omitempty"` // empty: nobody was authenticated
	KeyID     string    `json:"keyId,omitempty"`
	Dialect   string    `json:"dialect"`
	Action    string    `json:"action"` // the route's name, e.g. "PutObject"
	Bucket    string    `json:"bucket,omitempty"`
	Key       string    `json:"key,omitempty"`
	Result    string    `json:"result"`         // ok, denied, failed
	Code      string    `json:"code,omitempty"` // of the error
	Status    int       `json:"status"`         // HTTP
	Source    string    `json:"source"`         // the client's address
}

// Batch is the payload of one message of the stream: records that were
// acknowledged together.
type Batch struct {
	Records []Record `json:"records"`
}

// Subjects of the stream.
const (
	Stream    = "AUDIT"
	Subjects  = "audit.>"
	SubjectV1 = "audit.v1.records"
)
