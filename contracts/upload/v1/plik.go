package uploadv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// Limits of temporary uploads (plik-wire.md).
const (
	// PlikLease is how long a file that comes in, or a claim on one that goes out,
	// lives without a sign of life from its edge: a third of the minute that an
	// entry may stay "uploading" behind a crash.
	PlikLease = 15 * time.Second
	// MaxPlikName bounds a file's name, bytes (6.4).
	MaxPlikName = 1024
	// MaxPlikReference, MaxPlikType and MaxPlikComments bound what else clients say,
	// bytes.
	MaxPlikReference = 1024
	MaxPlikType      = 255
	MaxPlikComments  = 64 << 10
	// MaxPlikBatch is how many announced files one request carries, so that they
	// fit into a message; MaxPlikFilesPage how many an answer does.
	MaxPlikBatch     = 100
	MaxPlikFilesPage = 100
)

// PlikStatus is what became of a file of a temporary upload (plik-wire.md 12).
type PlikStatus string

// The states of a file.
const (
	PlikMissing   PlikStatus = "missing"   // announced, no data yet
	PlikUploading PlikStatus = "uploading" // being received, or a stream that waits or runs
	PlikUploaded  PlikStatus = "uploaded"  // readable
	PlikRemoved   PlikStatus = "removed"   // no longer readable, data still there
	PlikDeleted   PlikStatus = "deleted"   // data gone; the entry stays until its upload goes
)

// PlikUpload is a temporary upload: a number of files that share their options,
// and an end.
type PlikUpload struct {
	ID        string     `json:"id"`        // 16 of [a-zA-Z0-9]
	AccountID string     `json:"accountId"` // of its owner; objectv1.GuestAccount: nobody's
	TokenID   string     `json:"tokenId,omitempty"`
	TTL       int64      `json:"ttl"` // seconds; 0 or less: it never expires
	ExtendTTL bool       `json:"extendTtl,omitempty"`
	OneShot   bool       `json:"oneShot,omitempty"`
	Stream    bool       `json:"stream,omitempty"`
	Removable bool       `json:"removable,omitempty"`
	Protected bool       `json:"protected,omitempty"` // by login and password
	Comments  string     `json:"comments,omitempty"`
	SourceIP  string     `json:"sourceIp,omitempty"` // of who made it
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	Entries   int        `json:"entries"` // files, whatever became of them
	Size      int64      `json:"size"`    // bytes of those that are uploaded
	// Admin says that the caller may do everything with it (7.1); then Token is its
	// secret.
	Admin bool   `json:"admin,omitempty"`
	Token string `json:"token,omitempty"` // 32 of [a-zA-Z0-9]
}

// PlikFile is an entry of a temporary upload.
type PlikFile struct {
	ID        string     `json:"id"` // 16 of [a-zA-Z0-9]
	UploadID  string     `json:"uploadId"`
	Index     int        `json:"index"` // in the order of their making
	Name      string     `json:"name"`
	Status    PlikStatus `json:"status"`
	MD5       string     `json:"md5,omitempty"` // lower-case hex, when it is uploaded
	Type      string     `json:"type,omitempty"`
	Size      int64      `json:"size"` // as announced until it is uploaded
	Reference string     `json:"reference,omitempty"`
	CreatedAt time.Time  `json:"createdAt"`
}

// PlikCaller is who asks, and what the request presents beside.
type PlikCaller struct {
	Principal authv1.Principal `json:"principal"` // objectv1.GuestAccount: nobody
	// TokenID is of the upload token that the account came by; empty: by a session,
	// whose administrators are admins of every upload.
	TokenID string `json:"tokenId,omitempty"`
	// UploadToken is the upload's own secret, as presented.
	UploadToken string `json:"uploadToken,omitempty"`
	// Authorization is the header of that name as it came (6.5). Source counts the
	// wrong ones.
	Authorization string `json:"authorization,omitempty"`
	Source        string `json:"source,omitempty"`
}

// PlikAnnounced is a file that is to come.
type PlikAnnounced struct {
	Name      string `json:"name"`
	Type      string `json:"type,omitempty"`
	Size      int64  `json:"size,omitempty"`
	Reference string `json:"reference,omitempty"`
}

// CreatePlikRequest makes an upload. What it asks for is decided already: the
// edge knows the flags and the limits of the settings.
type CreatePlikRequest struct {
	Caller    PlikCaller `json:"caller"`
	TTL       int64      `json:"ttl"`
	ExtendTTL bool       `json:"extendTtl,omitempty"`
	OneShot   bool       `json:"oneShot,omitempty"`
	Stream    bool       `json:"stream,omitempty"`
	Removable bool       `json:"removable,omitempty"`
	Comments  string     `json:"comments,omitempty"`
	// Credential protects the upload: base64 of login:password; empty: nothing does.
	Credential string          `json:"credential,omitempty"`
	Files      []PlikAnnounced `json:"files,omitempty"` // MaxPlikBatch at most
	// More says that AnnouncePlik brings more files: until the last ones are there
	// the upload is to nobody. It is given up when they do not come.
	More bool `json:"more,omitempty"`
	// UserSize is what all of the account's uploads may have, bytes; 0 or less: no
	// bound. Announced are the announced bytes of all files, of later batches too.
	UserSize  int64 `json:"userSize,omitempty"`
	Announced int64 `json:"announced,omitempty"`
}

// PlikWithFiles is an upload and the first of its files.
type PlikWithFiles struct {
	Upload PlikUpload `json:"upload"`
	Files  []PlikFile `json:"files"`
}

// AnnouncePlikRequest brings more of the files that were announced at creation.
type AnnouncePlikRequest struct {
	Caller   PlikCaller      `json:"caller"`
	UploadID string          `json:"uploadId"`
	From     int             `json:"from"` // index of the first one; a repeat changes nothing
	Files    []PlikAnnounced `json:"files"`
	More     bool            `json:"more,omitempty"`
}

// PlikRequest names an upload.
type PlikRequest struct {
	Caller   PlikCaller `json:"caller"`
	UploadID string     `json:"uploadId"`
}

// ListPlikFilesRequest pages through an upload's files by index.
type ListPlikFilesRequest struct {
	Caller   PlikCaller `json:"caller"`
	UploadID string     `json:"uploadId"`
	From     int        `json:"from"`
	// Listed says that the upload came from ListPlik, or that the caller has just
	// been let in: nothing is checked or extended but that the account may see it.
	Listed bool `json:"listed,omitempty"`
}

// ListPlikFilesResponse is a page of MaxPlikFilesPage at most, fewer when names are
// long; Next is the From of the next one, 0 when nothing follows.
type ListPlikFilesResponse struct {
	Files []PlikFile `json:"files"`
	Next  int        `json:"next,omitempty"`
}

// PlikFileRequest names a file.
type PlikFileRequest struct {
	Caller   PlikCaller `json:"caller"`
	UploadID string     `json:"uploadId"`
	FileID   string     `json:"fileId"`
}

// PlikFileResponse is a file with its upload, and where its bytes are.
type PlikFileResponse struct {
	Upload PlikUpload `json:"upload"`
	File   PlikFile   `json:"file"`
	Object PlikObject `json:"object"`
}

// PlikObject is the object of a file's content, in objectv1.PlikBucket.
type PlikObject struct {
	Owner authv1.Principal `json:"owner"` // with System
	Key   string           `json:"key"`
}

// BeginPlikRequest is a body that is about to come. FileID empty makes an entry of
// this name.
type BeginPlikRequest struct {
	Caller   PlikCaller `json:"caller"`
	UploadID string     `json:"uploadId"`
	FileID   string     `json:"fileId,omitempty"`
	Name     string     `json:"name"`
	// MaxEntries bounds the upload's entries, whatever became of them (7.2).
	MaxEntries int `json:"maxEntries"`
	// Relay is the subject on which the edge hands a stream's bytes on; only of a
	// stream.
	Relay string `json:"relay,omitempty"`
	// GuestLimits are those of what nobody owns.
	GuestLimits authv1.Limits `json:"guestLimits"`
}

// PlikLeased is the right to bring a file's content, or to take it out once.
type PlikLeased struct {
	PlikFileResponse
	Fence string `json:"fence"` // in every later request about it
	// Relay is where a stream's bytes are to be asked for; only of a claim.
	Relay string `json:"relay,omitempty"`
}

// KeepPlikRequest is a sign of life: PlikLease from now.
type KeepPlikRequest struct {
	UploadID string `json:"uploadId"`
	FileID   string `json:"fileId"`
	Fence    string `json:"fence"`
}

// FinishPlikRequest says what came in: of a stored file behind the commit of its
// object, of a stream when its reader has all of it.
type FinishPlikRequest struct {
	UploadID  string `json:"uploadId"`
	FileID    string `json:"fileId"`
	Fence     string `json:"fence"`
	VersionID string `json:"versionId,omitempty"` // of the object; empty of a stream
	Size      int64  `json:"size"`
	MD5       string `json:"md5"` // lower-case hex
	Type      string `json:"type,omitempty"`
	// UserSize is as in CreatePlikRequest; above it the file is deleted again.
	UserSize int64 `json:"userSize,omitempty"`
}

// EndPlikRequest gives a lease back before its time: a body that broke off, a
// one-shot file that was sent. The file is deleted, and its bytes.
type EndPlikRequest struct {
	UploadID string `json:"uploadId"`
	FileID   string `json:"fileId"`
	Fence    string `json:"fence"`
}

// ListPlikRequest pages through uploads: those of an account, or with an
// administrator as caller all.
type ListPlikRequest struct {
	Caller    PlikCaller     `json:"caller"`
	AccountID string         `json:"accountId,omitempty"`
	TokenID   string         `json:"tokenId,omitempty"` // made by this upload token
	BySize    bool           `json:"bySize,omitempty"`  // else by time of creation; those without bytes are left out
	Page      paging.Request `json:"page"`
}

// ListPlikResponse is a page, with the uploads' secrets. It is shorter than asked
// for, and Place.After is set, when comments are long.
type ListPlikResponse struct {
	Uploads []PlikUpload `json:"uploads"`
	Place   paging.Place `json:"place"`
}

// RemovePliksRequest removes all uploads of an account, or those that one of its
// upload tokens made. The edge asks for the account's own.
type RemovePliksRequest struct {
	AccountID string `json:"accountId"`
	TokenID   string `json:"tokenId,omitempty"`
}

// RemovePliksResponse says how many there were. More asks for a repeat.
type RemovePliksResponse struct {
	Removed int64 `json:"removed"`
	More    bool  `json:"more,omitempty"`
}

// PlikStatsRequest counts an account's uploads, or with an administrator as caller
// and no account all.
type PlikStatsRequest struct {
	Caller    PlikCaller `json:"caller"`
	AccountID string     `json:"accountId,omitempty"`
	TokenID   string     `json:"tokenId,omitempty"`
}

// PlikStats counts uploads that are not removed, and in them files that are
// uploaded (plik-wire.md 4.6). The anonymous ones are among all.
type PlikStats struct {
	Uploads            int64 `json:"uploads"`
	Files              int64 `json:"files"`
	TotalSize          int64 `json:"totalSize"`
	AnonymousUploads   int64 `json:"anonymousUploads,omitempty"`
	AnonymousTotalSize int64 `json:"anonymousTotalSize,omitempty"`
}
