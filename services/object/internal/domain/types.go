package domain

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// BucketState says whether writes may enter a bucket.
type BucketState string

// The states of a bucket. Deleting goes back to Active when something is found in it.
const (
	BucketActive   BucketState = "active"
	BucketDeleting BucketState = "deleting"
	// BucketClosed is a bucket of a closed account, until the sweep has emptied it.
	BucketClosed BucketState = "closed"
)

// Bucket is the document of a bucket. Its name is unique in its account; its id
// is never used again.
type Bucket struct {
	ID               string                     `bson:"-"`
	Account          string                     `bson:"account"`
	Name             string                     `bson:"name"`
	State            BucketState                `bson:"state"`
	System           bool                       `bson:"system,omitempty"` // made for every account; it stays and is unversioned. Keys of a drive are node ids
	CreatedAt        time.Time                  `bson:"createdAt"`
	Versioning       objectv1.Versioning        `bson:"versioning"`
	ObjectLock       bool                       `bson:"objectLock,omitempty"`
	DefaultRetention *objectv1.DefaultRetention `bson:"defaultRetention,omitempty"`
	Region           string                     `bson:"region"`
	Configs          []Config                   `bson:"configs,omitempty"`
	Policy           []objectv1.Statement       `bson:"policy,omitempty"`
	SweepAt          time.Time                  `bson:"sweepAt,omitempty"` // set while Deleting
}

// HasVersions reports whether a key may have versions beside the current one.
func (b Bucket) HasVersions() bool { return b.Versioning != objectv1.Unversioned }

// WritesNull reports whether what is written is the key's null version, which
// takes the place of the one before.
func (b Bucket) WritesNull() bool { return b.Versioning != objectv1.Enabled }

// Config is a notification config with its sealed signing secret.
type Config struct {
	objectv1.NotificationConfig `bson:",inline"`
	SealedSecret                []byte `bson:"sealedSecret"`
}

// Head is the one truth about a key: which version is current. Everything that
// makes an object appear, change or vanish is a compare-and-set of its head.
type Head struct {
	Bucket string `bson:"bucket"`
	Key    string `bson:"key"`
	// ListBucket equals Bucket while the current version is visible, else it is
	// absent: the index over it holds exactly what listings show.
	ListBucket string `bson:"listBucket,omitempty"`
	// Seq grows with every change of the key, for as long as the bucket lives,
	// also over the removal of an empty head: it follows the clock.
	Seq     int64  `bson:"seq"`
	Current string `bson:"current,omitempty"` // version id; "" when there is none
	Order   int64  `bson:"order,omitempty"`   // Seq at which Current came
	Delta   int64  `bson:"delta,omitempty"`   // what its coming added to the count of visible objects
	Marker  bool   `bson:"marker,omitempty"`  // Current is a delete marker
	// Null is the version that was written while the bucket was not Enabled, if
	// the key has one. There is one at most, current or not.
	Null string `bson:"null,omitempty"`

	Size         int64     `bson:"size,omitempty"`
	ETag         string    `bson:"etag,omitempty"`
	LastModified time.Time `bson:"lastModified,omitempty"`
	ContentType  string    `bson:"contentType,omitempty"`
	StorageClass string    `bson:"storageClass,omitempty"`
	Compressed   bool      `bson:"compressed,omitempty"`

	Discard []Discard `bson:"discard,omitempty"` // removed versions that still have to be cleaned away
	SweepAt time.Time `bson:"sweepAt,omitempty"` // when the sweep has to look, while there is something to do
}

// Visible reports whether the key shows an object.
func (h Head) Visible() bool { return h.Current != "" && !h.Marker }

// Discard is a version that a change of its head removed.
type Discard struct {
	Version string `bson:"version"`
	Delta   int64  `bson:"delta,omitempty"` // what the removal adds to the count of visible objects
}

// VersionState is where a version is on its way.
//
//	         BeginPut(hold)                 CommitPut
//	(none) ─────────────► held ───────────────────────┐
//	   │                   │ lease over, abort        ▼
//	   └── CommitPut ──────┼────────────────────► pending ──head moved──► committed
//	                       ▼                          │ ▲ head has it         │ removed, overwritten
//	                   dropping ◄── abandoned ◄───────┘ │                     ▼
//	                       │            └───────────────┘                 removing
//	                       ▼                                                  ▼
//	                    (none)                                    removed ─► (none)
//
// An upload in parts goes back from pending, or from abandoned, to held: its
// commit may be asked for again.
//
// A version that the head names is committed whatever its state says: the state
// follows later, at the latest before the head moves on.
type VersionState string

// The states of a version.
const (
	VersionHeld      VersionState = "held"      // an upload under a lease; no content yet
	VersionPending   VersionState = "pending"   // written, on its way to the head
	VersionAbandoned VersionState = "abandoned" // the sweep doubts it; the head decides
	VersionDropping  VersionState = "dropping"  // never was visible; being cleaned away
	VersionCommitted VersionState = "committed"
	VersionRemoving  VersionState = "removing" // removed for good; being cleaned away
	VersionRemoved   VersionState = "removed"  // kept for the answer to a repeated commit
)

// Version is the document of one version of an object, or of a delete marker.
type Version struct {
	ID      string       `bson:"-"`
	Account string       `bson:"account"`
	Bucket  string       `bson:"bucket"`
	Key     string       `bson:"key"`
	Live    string       `bson:"live,omitempty"` // equals Bucket until removed
	State   VersionState `bson:"state"`
	Owner   string       `bson:"owner,omitempty"` // the attempt that may move the head to it
	Order   int64        `bson:"order,omitempty"` // Head.Seq at its commit
	Delta   int64        `bson:"delta,omitempty"` // Head.Delta of its commit
	Settled bool         `bson:"settled,omitempty"`
	SweepAt time.Time    `bson:"sweepAt,omitempty"` // when the sweep has to look, while there is something to do

	Marker      bool   `bson:"marker,omitempty"`
	Content     string `bson:"content,omitempty"`
	Reservation string `bson:"reservation"`
	Size        int64  `bson:"size"`

	ETag         string                    `bson:"etag,omitempty"`
	Metadata     objectv1.Metadata         `bson:"metadata"`
	Digests      map[blob.Algorithm][]byte `bson:"digests,omitempty"`
	Composite    []blob.Algorithm          `bson:"composite,omitempty"` // those that are of the parts' digests
	Compressed   bool                      `bson:"compressed,omitempty"`
	StorageClass string                    `bson:"storageClass,omitempty"`
	CreatedAt    time.Time                 `bson:"createdAt,omitempty"`
	Retention    *objectv1.Retention       `bson:"retention,omitempty"`
	LegalHold    bool                      `bson:"legalHold,omitempty"`

	// Hold is the name under which a copy holds the content; "" is the common one.
	Hold string `bson:"hold,omitempty"`
	// ModTime of a file's content, if its owner says one.
	ModTime *time.Time `bson:"modTime,omitempty"`
	// Idempotency is the binding that has the answer to this version's write.
	Idempotency string `bson:"idempotency,omitempty"`

	// Upload is there while held; a staged one stays for as long as its version,
	// since a refused commit goes back to it.
	Upload  *Upload `bson:"upload,omitempty"`
	Removal *Actor  `bson:"removal,omitempty"` // who removed it, while removing
}

// Upload is what a held version remembers of its BeginPut.
type Upload struct {
	Limits    authv1.Limits `bson:"limits"`
	Region    string        `bson:"region"`
	MaxSize   int64         `bson:"maxSize"`
	Reserved  int64         `bson:"reserved"`
	LeaseTill time.Time     `bson:"leaseTill"`
	Staged    bool          `bson:"staged,omitempty"` // its content is staged in parts; they are what is reserved
	// The locks that whoever began it was allowed to set.
	Retention *objectv1.Retention `bson:"retention,omitempty"`
	LegalHold bool                `bson:"legalHold,omitempty"`
}

// staged reports whether v is, or was, an upload whose content is staged in parts.
func (v Version) staged() bool { return v.Upload != nil && v.Upload.Staged }

// Actor is who did something, for the event that tells of it.
type Actor struct {
	Account  string          `bson:"account"`
	Username string          `bson:"username,omitempty"`
	KeyID    string          `bson:"keyId,omitempty"`
	Origin   objectv1.Origin `bson:"origin"`
}

// Content is a manifest and who holds it. The manifest never changes; without
// holds the document goes.
type Content struct {
	ID       string          `bson:"-"`
	Manifest blob.Manifest   `bson:"manifest"`
	Holds    map[string]bool `bson:"holds"`
	// SweepAt is when the sweep has to look at the holds, while there is one that
	// may be of a version, or of an upload, that never came or is gone.
	SweepAt time.Time `bson:"sweepAt,omitempty"`

	// Of a part of an upload:

	Account     string `bson:"account,omitempty"`
	Staged      string `bson:"staged,omitempty"`      // the version that it is staged under
	Leaving     string `bson:"leaving,omitempty"`     // the version that it was staged under, while it is being dropped
	Reservation string `bson:"reservation,omitempty"` // under which it was counted first, before it went into the upload's
}

// Binding is what an idempotency key stands for: one version, and the answer to
// its write. The answer stands in it before the head can name the version; from
// then on the version's document decides, until Done says so for good.
type Binding struct {
	ID          string    `bson:"-"`
	Account     string    `bson:"account"`
	Fingerprint []byte    `bson:"fingerprint"`
	Version     string    `bson:"version"`
	Owner       string    `bson:"owner"` // the attempt that may write the answer
	LeaseTill   time.Time `bson:"leaseTill"`
	Answer      []byte    `bson:"answer,omitempty"` // JSON of an objectv1.Object
	Done        bool      `bson:"done,omitempty"`
	SweepAt     time.Time `bson:"sweepAt"` // when the key is free again
}

// Usage is the document of what an account stores, logical bytes.
type Usage struct {
	Account  string                 `bson:"account"`
	Used     int64                  `bson:"used"`  // settled versions
	Total    int64                  `bson:"total"` // Used and all reservations
	Reserved map[string]Reservation `bson:"res,omitempty"`
	// Released holds the versions, and with a "c" before them the staged contents,
	// whose bytes were given back and whose documents may still stand, so that giving back happens once. Taking ids
	// out of it raises Epoch.
	Released map[string]bool  `bson:"rel,omitempty"`
	Epoch    int64            `bson:"epoch,omitempty"`
	Buckets  map[string]Count `bson:"buckets,omitempty"`
	Open     time.Time        `bson:"open,omitempty"` // last reservation, until the sweep found nothing left to do
	Closing  Closing          `bson:"closing,omitempty"`
}

// Closing is how far the closing of an account came; zero while it is open.
type Closing struct {
	// State is accountClosed for good, or the name of an attempt that decides
	// whether it may be closed.
	State string    `bson:"state,omitempty"`
	Since time.Time `bson:"since,omitempty"` // when State came
	At    time.Time `bson:"at,omitempty"`    // when the sweep has to look
}

// Reservation is quota taken for a version that is not settled yet.
type Reservation struct {
	Version string    `bson:"version"`
	Bytes   int64     `bson:"bytes"`
	Lease   time.Time `bson:"lease"`
}

// Count is what a bucket holds: visible objects, and bytes of all versions.
type Count struct {
	Objects int64 `bson:"n"`
	Bytes   int64 `bson:"b"`
}
