package objectv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/blob"
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
}

// ReservationStep is by how much a body of unknown length grows its reservation, bytes.
const ReservationStep = 64 << 20

// RenewPutRequest keeps a held ticket alive; Bytes is what it needs reserved in all.
type RenewPutRequest struct {
	AccountID string `json:"accountId"`
	VersionID string `json:"versionId"`
	Bytes     int64  `json:"bytes"`
}

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
}

// AbortPutRequest names a ticket.
type AbortPutRequest struct {
	AccountID string `json:"accountId"`
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

// ListObjectsRequest is a page of a listing. MaxKeys counts objects plus common prefixes.
type ListObjectsRequest struct {
	Principal  authv1.Principal `json:"principal"`
	Bucket     string           `json:"bucket"`
	Prefix     string           `json:"prefix,omitempty"`
	Delimiter  string           `json:"delimiter,omitempty"`
	StartAfter string           `json:"startAfter,omitempty"`
	Token      string           `json:"token,omitempty"` // NextToken of the page before
	MaxKeys    int              `json:"maxKeys"`         // 1–1000
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
