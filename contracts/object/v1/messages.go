package objectv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Empty is an answer without content.
type Empty struct{}

// Versioning is the versioning state of a bucket (lockwell.md, Buckets).
type Versioning string

// The versioning states.
const (
	Unversioned Versioning = "Unversioned"
	Enabled     Versioning = "Enabled"
	Suspended   Versioning = "Suspended"
)

// DefaultRetention is what versions of an object-lock bucket get by default.
type DefaultRetention struct {
	Mode string `json:"mode" bson:"mode"` // GOVERNANCE or COMPLIANCE
	Days int    `json:"days" bson:"days"`
}

// Bucket is a bucket as its owner sees it.
type Bucket struct {
	ID               string            `json:"id"` // never shown on the wire of a dialect
	Name             string            `json:"name"`
	CreatedAt        time.Time         `json:"createdAt"`
	Versioning       Versioning        `json:"versioning"`
	ObjectLock       bool              `json:"objectLock"`
	DefaultRetention *DefaultRetention `json:"defaultRetention,omitempty"`
	Region           string            `json:"region"`
	ObjectCount      int64             `json:"objectCount"`
	Bytes            int64             `json:"bytes"`
}

// CreateBucketRequest asks for a bucket; Region empty means the default one.
type CreateBucketRequest struct {
	Principal        authv1.Principal  `json:"principal"`
	Name             string            `json:"name"`
	Versioning       bool              `json:"versioning,omitempty"`
	ObjectLock       bool              `json:"objectLock,omitempty"`
	DefaultRetention *DefaultRetention `json:"defaultRetention,omitempty"`
	Region           string            `json:"region,omitempty"`
}

// BucketRequest names a bucket of the principal's account.
type BucketRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
}

// ListBucketsRequest asks for the principal's buckets.
type ListBucketsRequest struct {
	Principal authv1.Principal `json:"principal"`
}

// ListBucketsResponse is sorted by name.
type ListBucketsResponse struct {
	Buckets []Bucket `json:"buckets"`
}

// SetVersioningRequest asks for Enabled or Suspended.
type SetVersioningRequest struct {
	Principal  authv1.Principal `json:"principal"`
	Bucket     string           `json:"bucket"`
	Versioning Versioning       `json:"versioning"`
}

// NotificationConfig is one webhook of a bucket (lockwell.md, Notifications).
type NotificationConfig struct {
	ID     string   `json:"id" bson:"id"`
	Target string   `json:"target" bson:"target"` // "webhook"
	URL    string   `json:"url" bson:"url"`
	Events []string `json:"events" bson:"events"` // EventObjectCreated, EventObjectRemoved
	Prefix string   `json:"prefix,omitempty" bson:"prefix,omitempty"`
	Suffix string   `json:"suffix,omitempty" bson:"suffix,omitempty"`
}

// The events that a config may subscribe to.
const (
	EventObjectCreated = "object-created"
	EventObjectRemoved = "object-removed"
)

// Notifications is all configs of a bucket, in the order they were set.
type Notifications struct {
	Configs []NotificationConfig `json:"configs"`
}

// SetNotificationsRequest replaces the configs; an empty ID is made.
type SetNotificationsRequest struct {
	Principal authv1.Principal     `json:"principal"`
	Bucket    string               `json:"bucket"`
	Configs   []NotificationConfig `json:"configs"`
}

// ResolveNotificationRequest names a config, by BucketID, or by account and
// bucket name.
type ResolveNotificationRequest struct {
	BucketID  string `json:"bucketId,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	Bucket    string `json:"bucket,omitempty"`
	ConfigID  string `json:"configId"`
}

// NotificationTarget is a config with its secret, sealed under
// PurposeWebhookSecret with the config's ID as associated data.
type NotificationTarget struct {
	Config       NotificationConfig `json:"config"`
	AccountID    string             `json:"accountId"`
	BucketID     string             `json:"bucketId"`
	Bucket       string             `json:"bucket"`
	SealedSecret []byte             `json:"sealedSecret"`
}

// PurposeWebhookSecret is the keys purpose that seals signing secrets: object
// seals, webhook opens.
const PurposeWebhookSecret = "webhook-secret"

// Conditions on the current version, decided at commit (RFC 9110, 13.1).
type Conditions struct {
	IfNoneMatchAny bool     `json:"ifNoneMatchAny,omitempty"` // If-None-Match: *
	IfMatch        []string `json:"ifMatch,omitempty"`        // strong entity tags, quotes included; "*" means any
}

// Metadata is what a PUT stores beside the bytes.
type Metadata struct {
	ContentType        string            `json:"contentType,omitempty" bson:"contentType,omitempty"`
	CacheControl       string            `json:"cacheControl,omitempty" bson:"cacheControl,omitempty"`
	ContentDisposition string            `json:"contentDisposition,omitempty" bson:"contentDisposition,omitempty"`
	ContentEncoding    string            `json:"contentEncoding,omitempty" bson:"contentEncoding,omitempty"`
	User               map[string]string `json:"user,omitempty" bson:"user,omitempty"` // X-Lockwell-Meta-*, lower-case names
	Tags               map[string]string `json:"tags,omitempty" bson:"tags,omitempty"`
}

// Origin says where a change came from; it rides into its event.
type Origin struct {
	RequestID string `json:"requestId,omitempty" bson:"requestId,omitempty"`
	SourceIP  string `json:"sourceIp,omitempty" bson:"sourceIp,omitempty"`
	Dialect   string `json:"dialect,omitempty" bson:"dialect,omitempty"`
}

// BeginPutRequest announces a write. Size -1 means unknown.
type BeginPutRequest struct {
	Principal  authv1.Principal `json:"principal"`
	Bucket     string           `json:"bucket"`
	Key        string           `json:"key"`
	Size       int64            `json:"size"`
	Conditions Conditions       `json:"conditions"`
	Hold       bool             `json:"hold,omitempty"` // reserve quota and keep a lease: long or unknown bodies
	// Staged makes a held ticket whose content is staged in parts: nothing is
	// reserved before the first one, and Size is -1.
	Staged bool `json:"staged,omitempty"`
	// LeaseSeconds of a staged ticket; 0 means as any held one. MaxLease at most.
	LeaseSeconds int64 `json:"leaseSeconds,omitempty"`
	// Retention and LegalHold are what the commit will set. Whether it may is
	// decided here, so that whoever completes a held write need not have the scope.
	Retention   *Retention   `json:"retention,omitempty"`
	LegalHold   bool         `json:"legalHold,omitempty"`
	Idempotency *Idempotency `json:"idempotency,omitempty"`
	// File is for writes into the drive; nil replaces what is there and makes the
	// folders that are missing. Region is where a new file's content lives; empty:
	// the principal's, or the first one.
	File   *FileOptions `json:"file,omitempty"`
	Region string       `json:"region,omitempty"`
}

// MaxLease bounds the lease of a staged ticket.
const MaxLease = 30 * 24 * time.Hour

// Idempotency binds a write to a key of the client's, per account, bucket and
// object key, for IdempotencyLife (lockwell.md, Idempotency-Key).
type Idempotency struct {
	Key string `json:"key"` // 1–255 visible ASCII
	// Fingerprint of all that must be equal for a replay: digests, length,
	// content type, metadata.
	Fingerprint []byte `json:"fingerprint"`
}

// How long an idempotency key is bound, and how long an attempt that says
// nothing has it to itself.
const (
	IdempotencyLife  = 24 * time.Hour
	IdempotencyLease = 15 * time.Second
)

// IdempotencyTicket is an attempt's hold on an idempotency key.
type IdempotencyTicket struct {
	ID        string    `json:"id"`    // of the binding
	Owner     string    `json:"owner"` // this attempt
	LeaseTill time.Time `json:"leaseTill"`
}

// KeepIdempotencyRequest names an attempt.
type KeepIdempotencyRequest struct {
	AccountID string            `json:"accountId"`
	Ticket    IdempotencyTicket `json:"ticket"`
}

// Ticket lets its holder write one content and commit it as one version.
type Ticket struct {
	VersionID string    `json:"versionId"`
	BucketID  string    `json:"bucketId"`
	AccountID string    `json:"accountId"`
	KeyDomain string    `json:"keyDomain"`
	Region    string    `json:"region"`
	MaxSize   int64     `json:"maxSize"`            // the content may not be longer, bytes
	Reserved  int64     `json:"reserved,omitempty"` // bytes reserved so far; only held tickets
	Held      bool      `json:"held,omitempty"`     // the ticket came from a BeginPut with Hold
	LeaseTill time.Time `json:"leaseTill"`          // commit or renew before
	Staged    bool      `json:"staged,omitempty"`   // the content is staged in parts
	// Idempotency is set when the request had one and the write is to be done now.
	Idempotency *IdempotencyTicket `json:"idempotency,omitempty"`
	// Replayed is the first answer to a write that was done before: there is
	// nothing to write, and nothing else of the ticket holds.
	Replayed *Object `json:"replayed,omitempty"`
	// NodeID is the file that a write into the drive makes, or gives a new content:
	// with ConflictRename it is the one of the result.
	NodeID string `json:"nodeId,omitempty"`
}

// ReservationStep is by how much a body of unknown length grows its reservation, bytes.
const ReservationStep = 64 << 20

// RenewPutRequest keeps a held ticket alive; Bytes is what it needs reserved in all.
type RenewPutRequest struct {
	AccountID string `json:"accountId"`
	VersionID string `json:"versionId"`
	Bytes     int64  `json:"bytes"`
	// LeaseSeconds is how long a staged ticket lives from now on, at most MaxLease;
	// 0 is the usual lease. A longer one that it has stays.
	LeaseSeconds int64 `json:"leaseSeconds,omitempty"`
}

// ReserveAheadRequest says how many bytes are still to be staged under a ticket.
type ReserveAheadRequest struct {
	AccountID string `json:"accountId"`
	VersionID string `json:"versionId"`
	Bytes     int64  `json:"bytes"` // in all, whatever was reserved ahead before; 0 gives that back
}

// AheadLease is how long a reservation ahead lives after the last ReserveAhead or
// StageContent that named it.
const AheadLease = 2 * time.Minute

// CommitPutRequest publishes what was written under a ticket.
type CommitPutRequest struct {
	Principal  authv1.Principal          `json:"principal"`
	Ticket     Ticket                    `json:"ticket"`
	Bucket     string                    `json:"bucket"`
	Key        string                    `json:"key"`
	Manifest   blob.Manifest             `json:"manifest"`
	Digests    map[blob.Algorithm][]byte `json:"digests"`
	Compressed bool                      `json:"compressed,omitempty"`
	Metadata   Metadata                  `json:"metadata"`
	Conditions Conditions                `json:"conditions"`
	Origin     Origin                    `json:"origin"`
	Retention  *Retention                `json:"retention,omitempty"` // instead of the bucket's default
	LegalHold  bool                      `json:"legalHold,omitempty"`
	Operation  string                    `json:"operation,omitempty"` // of the event; empty: OperationPut
	// Parts are the staged contents that make up the object, in order, instead of
	// Manifest, for a staged ticket. Then ETag and Composite come with them.
	Parts     []string         `json:"parts,omitempty"`
	ETag      string           `json:"etag,omitempty"`      // quotes included; empty: from the sha256
	Composite []blob.Algorithm `json:"composite,omitempty"` // digests that are of the parts' digests
	File      *FileOptions     `json:"file,omitempty"`      // as in BeginPut
}

// The operations of events, in S3's words.
const (
	OperationPut      = "Put"
	OperationCopy     = "Copy"
	OperationComplete = "CompleteMultipartUpload"
	OperationDelete   = "Delete"
	OperationMarker   = "DeleteMarkerCreated"
)

// AbortPutRequest names a ticket.
type AbortPutRequest struct {
	AccountID   string             `json:"accountId"`
	VersionID   string             `json:"versionId"`
	Idempotency *IdempotencyTicket `json:"idempotency,omitempty"` // of the ticket
}

// StageContentRequest is one part of a staged ticket. The caller makes the
// ContentID by NewContentID, so that a repeat is known.
type StageContentRequest struct {
	AccountID string        `json:"accountId"`
	VersionID string        `json:"versionId"`
	ContentID string        `json:"contentId"`
	Manifest  blob.Manifest `json:"manifest"`
	// Replaces names a staged content of the ticket that is unstaged when this one
	// stands: the quota does not count it twice meanwhile.
	Replaces string `json:"replaces,omitempty"`
	// Ahead is how many bytes stay reserved ahead behind this content, in the same
	// step that reserves its own: more than there were only where the quota has
	// room. Nil leaves them alone.
	Ahead *int64 `json:"ahead,omitempty"`
}

// StageContentResponse says how much the ticket has reserved in all, bytes.
type StageContentResponse struct {
	Reserved int64 `json:"reserved"`
}

// UnstageContentsRequest names staged contents of a ticket, 1000 at most.
type UnstageContentsRequest struct {
	AccountID  string   `json:"accountId"`
	VersionID  string   `json:"versionId"`
	ContentIDs []string `json:"contentIds"`
}

// SourceConditions on the source of a copy (RFC 9110, 13.1), in the order of 13.2.2.
type SourceConditions struct {
	IfMatch           []string   `json:"ifMatch,omitempty"`     // strong entity tags, quotes included; "*" means any
	IfNoneMatch       []string   `json:"ifNoneMatch,omitempty"` // as IfMatch
	IfModifiedSince   *time.Time `json:"ifModifiedSince,omitempty"`
	IfUnmodifiedSince *time.Time `json:"ifUnmodifiedSince,omitempty"`
}

// CopyObjectRequest makes Key of Bucket from the source. Tags always come along.
type CopyObjectRequest struct {
	Principal        authv1.Principal `json:"principal"`
	Bucket           string           `json:"bucket"`
	Key              string           `json:"key"`
	SourceBucket     string           `json:"sourceBucket"`
	SourceKey        string           `json:"sourceKey"`
	SourceVersionID  string           `json:"sourceVersionId,omitempty"`
	SourceConditions SourceConditions `json:"sourceConditions"`
	Conditions       Conditions       `json:"conditions"`         // on the destination
	Metadata         *Metadata        `json:"metadata,omitempty"` // instead of the source's; its Tags are not looked at
	Origin           Origin           `json:"origin"`
	// VersionID of the copy, by NewVersionID, makes a repeat known.
	VersionID string `json:"versionId"`
}

// AbortPutResponse says whether the version had been committed before.
type AbortPutResponse struct {
	Committed bool `json:"committed"`
}

// Object is one version of an object.
type Object struct {
	BucketID     string                    `json:"bucketId"`
	Bucket       string                    `json:"bucket"`
	Key          string                    `json:"key"`
	VersionID    string                    `json:"versionId"`
	Versioned    bool                      `json:"versioned,omitempty"` // its bucket keeps versions
	ETag         string                    `json:"etag"`                // quotes included
	Size         int64                     `json:"size"`
	Metadata     Metadata                  `json:"metadata"`
	Digests      map[blob.Algorithm][]byte `json:"digests,omitempty"`
	Compressed   bool                      `json:"compressed,omitempty"`
	StorageClass string                    `json:"storageClass"`
	CreatedAt    time.Time                 `json:"createdAt"`
	Manifest     blob.Manifest             `json:"manifest"`
	Composite    []blob.Algorithm          `json:"composite,omitempty"` // digests that are of the parts' digests
	Retention    *Retention                `json:"retention,omitempty"`
	LegalHold    bool                      `json:"legalHold,omitempty"`
	ObjectLock   bool                      `json:"objectLock,omitempty"` // its bucket has it
	File         *File                     `json:"file,omitempty"`       // of an object of the drive
}

// Retention protects a version until a time: GOVERNANCE or COMPLIANCE, which
// is the stricter one. Neither can be bypassed.
type Retention struct {
	Mode  string    `json:"mode" bson:"mode"`
	Until time.Time `json:"until" bson:"until"`
}

// The modes of retention.
const (
	Governance = "GOVERNANCE"
	Compliance = "COMPLIANCE"
)

// VersionRequest names an object, or one version of it.
type VersionRequest = StatObjectRequest

// Tags of a version.
type Tags struct {
	VersionID string            `json:"versionId"`
	Tags      map[string]string `json:"tags"`
}

// SetTagsRequest replaces the tags of a version; nil or empty clears them.
type SetTagsRequest struct {
	Principal authv1.Principal  `json:"principal"`
	Bucket    string            `json:"bucket"`
	Key       string            `json:"key"`
	VersionID string            `json:"versionId,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// SetRetentionRequest protects a version.
type SetRetentionRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Key       string           `json:"key"`
	VersionID string           `json:"versionId,omitempty"`
	Retention Retention        `json:"retention"`
}

// LegalHold of a version.
type LegalHold struct {
	VersionID string `json:"versionId"`
	On        bool   `json:"on"`
}

// SetLegalHoldRequest puts or lifts a legal hold.
type SetLegalHoldRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Key       string           `json:"key"`
	VersionID string           `json:"versionId,omitempty"`
	On        bool             `json:"on"`
}

// StatObjectRequest names an object, or one version of it.
type StatObjectRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Key       string           `json:"key"`
	VersionID string           `json:"versionId,omitempty"`
}

// DeleteObjectRequest names an object, or one version of it.
type DeleteObjectRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Key       string           `json:"key"`
	VersionID string           `json:"versionId,omitempty"`
	Origin    Origin           `json:"origin"`
}

// DeleteObjectResponse says what the deletion did.
type DeleteObjectResponse struct {
	DeleteMarker bool   `json:"deleteMarker,omitempty"` // a marker was put
	VersionID    string `json:"versionId,omitempty"`    // of the marker
}

// MaxDeleteObjects bounds DeleteObjects: the names of so many fit into one
// message, however long they are.
const MaxDeleteObjects = 200

// ObjectRef names an object, or one version of it.
type ObjectRef struct {
	Key       string `json:"key"`
	VersionID string `json:"versionId,omitempty"`
}

// DeleteObjectsRequest names up to MaxDeleteObjects objects of a bucket.
type DeleteObjectsRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Objects   []ObjectRef      `json:"objects"`
	Origin    Origin           `json:"origin"`
}

// DeleteResult is what became of one object: a fault, or what its deletion did.
type DeleteResult struct {
	DeleteObjectResponse
	Fault *Fault `json:"fault,omitempty"`
}

// Fault is a fault of one item inside an answer.
type Fault struct {
	Kind    fault.Kind `json:"kind"`
	Code    string     `json:"code"`
	Message string     `json:"message"`
}

// Err gives the fault back as an error.
func (f Fault) Err() error { return &fault.Error{Kind: f.Kind, Code: f.Code, Message: f.Message} }

// DeleteObjectsResponse has one result for each object, in the request's order.
type DeleteObjectsResponse struct {
	Results []DeleteResult `json:"results"`
}

// ListVersionsRequest is a page of versions, behind KeyMarker, or behind
// VersionIDMarker of that key.
type ListVersionsRequest struct {
	Principal       authv1.Principal `json:"principal"`
	Bucket          string           `json:"bucket"`
	Prefix          string           `json:"prefix,omitempty"`
	KeyMarker       string           `json:"keyMarker,omitempty"`
	VersionIDMarker string           `json:"versionIdMarker,omitempty"` // needs KeyMarker
	MaxKeys         int              `json:"maxKeys"`                   // 1–1000
}

// ListedVersion is a version or a delete marker.
type ListedVersion struct {
	Key          string    `json:"key"`
	VersionID    string    `json:"versionId"`
	Latest       bool      `json:"latest,omitempty"`
	DeleteMarker bool      `json:"deleteMarker,omitempty"`
	Size         int64     `json:"size,omitempty"`
	ETag         string    `json:"etag,omitempty"` // empty for a marker
	LastModified time.Time `json:"lastModified"`
	StorageClass string    `json:"storageClass,omitempty"`
}

// ListVersionsResponse is a page; the markers of the next one are empty on the last.
type ListVersionsResponse struct {
	Versions            []ListedVersion `json:"versions"`
	Truncated           bool            `json:"truncated,omitempty"`
	NextKeyMarker       string          `json:"nextKeyMarker,omitempty"`
	NextVersionIDMarker string          `json:"nextVersionIdMarker,omitempty"`
}

// ListObjectsRequest is a page of a listing. MaxKeys counts objects plus common prefixes.
type ListObjectsRequest struct {
	Principal  authv1.Principal `json:"principal"`
	Bucket     string           `json:"bucket"`
	Prefix     string           `json:"prefix,omitempty"`
	Delimiter  string           `json:"delimiter,omitempty"`
	StartAfter string           `json:"startAfter,omitempty"`
	Token      string           `json:"token,omitempty"` // NextToken of the page before
	MaxKeys    int              `json:"maxKeys"`         // 1–1000
	Full       bool             `json:"full,omitempty"`  // also ListedObject.Details
}

// ListedObject is an entry of a listing.
type ListedObject struct {
	Key          string    `json:"key"`
	Size         int64     `json:"size"`
	ETag         string    `json:"etag"`
	LastModified time.Time `json:"lastModified"`
	VersionID    string    `json:"versionId"`
	StorageClass string    `json:"storageClass"`
	ContentType  string    `json:"contentType,omitempty"`
	Details      *Details  `json:"details,omitempty"` // in a Full listing
}

// Details is what a Full listing says of an object beyond the rest.
type Details struct {
	Digests    map[blob.Algorithm][]byte `json:"digests,omitempty"`
	Composite  []blob.Algorithm          `json:"composite,omitempty"`
	Compressed bool                      `json:"compressed,omitempty"`
	Retention  *Retention                `json:"retention,omitempty"`
	LegalHold  bool                      `json:"legalHold,omitempty"`
}

// ListObjectsResponse is a page.
type ListObjectsResponse struct {
	Objects        []ListedObject `json:"objects"`
	CommonPrefixes []string       `json:"commonPrefixes"`
	NextToken      string         `json:"nextToken,omitempty"` // empty on the last page
}

// GetUsageRequest names an account.
type GetUsageRequest struct {
	AccountID string `json:"accountId"`
}

// Usage of an account, logical bytes.
type Usage struct {
	Used     int64 `json:"used"`
	Reserved int64 `json:"reserved"`
}

// ListContentsRequest pages through contents by id.
type ListContentsRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// ListContentsResponse is a page; Next is empty on the last one.
type ListContentsResponse struct {
	Manifests []blob.Manifest `json:"manifests"`
	Next      string          `json:"next,omitempty"`
}

// CollectGarbageRequest asks for a run of the collector.
type CollectGarbageRequest struct{}

// CollectGarbageResponse says what the run did.
type CollectGarbageResponse struct {
	Contents   int64 `json:"contents"`   // manifests read
	Segments   int64 `json:"segments"`   // segments met
	Condemned  int64 `json:"condemned"`  // segments that nothing refers to, found by this run
	Purged     int64 `json:"purged"`     // segments removed that were condemned some time ago
	FreedBytes int64 `json:"freedBytes"` // as stored
}
