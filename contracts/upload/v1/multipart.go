package uploadv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// Limits of a multipart upload (lockwell.md, Multipart).
const (
	UploadIDPrefix = "mpu_" // and 26 characters of base32
	MaxPartNumber  = 10000
	MaxPartsPage   = 1000
)

// Multipart is a multipart upload that is not complete.
type Multipart struct {
	UploadID    string    `json:"uploadId"`
	Bucket      string    `json:"bucket"`
	Key         string    `json:"key"`
	InitiatedAt time.Time `json:"initiatedAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

// CreateMultipartRequest says what the object will be, beside its bytes.
type CreateMultipartRequest struct {
	Principal authv1.Principal    `json:"principal"`
	Bucket    string              `json:"bucket"`
	Key       string              `json:"key"`
	Metadata  objectv1.Metadata   `json:"metadata"`
	Retention *objectv1.Retention `json:"retention,omitempty"`
	LegalHold bool                `json:"legalHold,omitempty"`
}

// MultipartRequest names an upload. An upload of another bucket or key is unknown.
type MultipartRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Key       string           `json:"key"`
	UploadID  string           `json:"uploadId"`
}

// BeginPartRequest announces a part. Size -1 means unknown.
type BeginPartRequest struct {
	MultipartRequest
	Number int   `json:"number"` // 1–MaxPartNumber
	Size   int64 `json:"size"`
}

// PartTicket lets its holder write the content of one part.
type PartTicket struct {
	KeyDomain       string `json:"keyDomain"`
	Region          string `json:"region"`
	MaxSize         int64  `json:"maxSize"`         // bytes
	ContentType     string `json:"contentType"`     // of the object, to decide about compression
	ContentEncoding string `json:"contentEncoding"` // as above
}

// CommitPartRequest keeps what was written as a part, in place of an earlier one
// of the same number.
type CommitPartRequest struct {
	MultipartRequest
	Number     int                       `json:"number"`
	ContentID  string                    `json:"contentId"` // by objectv1.NewContentID; the same again is a repeat
	Manifest   blob.Manifest             `json:"manifest"`
	Digests    map[blob.Algorithm][]byte `json:"digests"`
	Compressed bool                      `json:"compressed,omitempty"`
}

// Part is one part of an upload.
type Part struct {
	Number  int                       `json:"number"`
	ETag    string                    `json:"etag"` // quotes included
	Size    int64                     `json:"size"`
	Digests map[blob.Algorithm][]byte `json:"digests,omitempty"`
	At      time.Time                 `json:"at"`
}

// ListPartsRequest pages through an upload's parts by number.
type ListPartsRequest struct {
	MultipartRequest
	After int `json:"after,omitempty"` // the last number of the page before
	Limit int `json:"limit"`           // 1–MaxPartsPage
}

// ListPartsResponse is a page, in the order of the numbers.
type ListPartsResponse struct {
	Parts []Part `json:"parts"`
	More  bool   `json:"more,omitempty"`
}

// CompletedPart is a part as the client saw it.
type CompletedPart struct {
	Number int    `json:"n"`
	ETag   string `json:"e"` // quotes included
}

// CompleteMultipartRequest names the parts that make up the object, ascending.
type CompleteMultipartRequest struct {
	MultipartRequest
	Parts      []CompletedPart     `json:"parts"`
	Conditions objectv1.Conditions `json:"conditions"`
	Origin     objectv1.Origin     `json:"origin"`
}

// ListMultipartsRequest pages through the open uploads of a bucket by key, the
// oldest first within a key, behind AfterKey and AfterUploadID.
type ListMultipartsRequest struct {
	Principal     authv1.Principal `json:"principal"`
	Bucket        string           `json:"bucket"`
	Prefix        string           `json:"prefix,omitempty"`
	AfterKey      string           `json:"afterKey,omitempty"`
	AfterUploadID string           `json:"afterUploadId,omitempty"`
	Limit         int              `json:"limit"` // 1–1000
}

// ListMultipartsResponse is a page.
type ListMultipartsResponse struct {
	Uploads []Multipart `json:"uploads"`
	More    bool        `json:"more,omitempty"`
}
