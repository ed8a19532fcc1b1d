package objectv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// DriveBucket is the name under which an account's tree of files appears beside
// its buckets. Its keys are paths of names joined by "/", without one in front;
// everything that takes a bucket and a key takes it, but for what tells versions
// apart. Unclean paths are ErrInvalidKey.
const DriveBucket = "drive"

// PlikBucket is the bucket of an account's temporary uploads. No account can name
// it: it is there only for a principal with System, and is made on first use.
const PlikBucket = ".plik"

// GuestAccount is the account of files that nobody has signed up for. Its files
// are in no folder, and expire.
const GuestAccount = "guests"

// Conflict says what a write does where its path has a file already.
type Conflict string

// The ways out of a conflict. A folder in the way is always ErrNodeExists.
const (
	ConflictReplace Conflict = "replace" // the file gets a new content and stays the same file
	ConflictRename  Conflict = "rename"  // a new file with the next free name: "a (2).txt"
)

// FileOptions is what a write into the drive says beside its path.
type FileOptions struct {
	Conflict Conflict `json:"conflict,omitempty"` // empty: ConflictReplace
	// Parents makes the folders of the path that are missing; without it a missing
	// one is ErrNodeNotFound.
	Parents bool `json:"parents,omitempty"`
	// FolderID makes the path one from this folder, "" is the root; nil: as if it
	// were "". A folder that is gone is ErrParentNotFound.
	FolderID *string `json:"folderId,omitempty"`
	// KeyHash of a new file: see File.
	KeyHash []byte `json:"keyHash,omitempty"`
	// ExpiresAt of a new file; nil: never.
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// ModTime of the content, as its owner's file system has it; nil: when it is
	// committed. Whole milliseconds.
	ModTime *time.Time `json:"modTime,omitempty"`
}

// File is what an object of the drive is beside its content.
type File struct {
	NodeID    string `json:"nodeId"` // for life, in lower-case letters and digits; unguessable
	AccountID string `json:"accountId"`
	Path      string `json:"path"`
	Name      string `json:"name"`
	Region    string `json:"region"` // for life
	// KeyHash is the keyed hash that a download key must have; empty: none is
	// needed. Object stores it and compares nothing.
	KeyHash   []byte     `json:"keyHash,omitempty"`
	CreatedAt time.Time  `json:"createdAt"`
	ModTime   time.Time  `json:"modTime"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	Downloads int64      `json:"downloads"`
	// Number and Short are as in DriveNode.
	Number int64  `json:"number,omitempty"`
	Short  string `json:"short,omitempty"`
}

// Node is a file or a folder of the drive.
type Node struct {
	NodeID    string    `json:"nodeId"` // "" is the root
	Path      string    `json:"path"`
	Name      string    `json:"name"`
	Folder    bool      `json:"folder,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	ModTime   time.Time `json:"modTime"`
	Object    *Object   `json:"object,omitempty"` // of a file, with its File; without a manifest in listings
}

// NodeRequest names a node by its path; "" is the root.
type NodeRequest struct {
	Principal authv1.Principal `json:"principal"`
	Path      string           `json:"path"`
}

// ListFolderRequest pages through a folder. After is the Next of the page before.
type ListFolderRequest struct {
	Principal authv1.Principal `json:"principal"`
	Path      string           `json:"path"`
	After     string           `json:"after,omitempty"`
	Limit     int              `json:"limit"` // 1–1000
}

// ListFolderResponse is a page, files and folders by name in byte order, folders
// as if their name ended in "/". It may be shorter than the limit.
type ListFolderResponse struct {
	Nodes []Node `json:"nodes"`
	Next  string `json:"next,omitempty"` // empty on the last page
}

// MakeFolderRequest names a folder to be; its parent must be there, or Parents.
type MakeFolderRequest struct {
	Principal authv1.Principal `json:"principal"`
	Path      string           `json:"path"`
	Parents   bool             `json:"parents,omitempty"`
}

// MoveNodeRequest gives a node another path.
type MoveNodeRequest struct {
	Principal authv1.Principal `json:"principal"`
	From      string           `json:"from"`
	To        string           `json:"to"`
	Replace   bool             `json:"replace,omitempty"` // what is at To, with all that is in it
	Origin    Origin           `json:"origin"`
}

// RemoveNodeRequest names a node by its path or, when that is empty, by its id.
// A folder goes with everything in it.
type RemoveNodeRequest struct {
	Principal authv1.Principal `json:"principal"`
	Path      string           `json:"path,omitempty"`
	NodeID    string           `json:"nodeId,omitempty"`
	Origin    Origin           `json:"origin"`
}

// StatFileRequest names a file of anybody by its id.
type StatFileRequest struct {
	NodeID string `json:"nodeId"`
}

// ListFilesRequest pages through all files of an account's drive. After is the
// Next of the page before.
type ListFilesRequest struct {
	Principal authv1.Principal `json:"principal"`
	After     string           `json:"after,omitempty"`
	Limit     int              `json:"limit"` // 1–1000
}

// ListFilesResponse is a page, newest first; without manifests. It may be shorter
// than the limit, and empty although more follows.
type ListFilesResponse struct {
	Files []Object `json:"files"`
	Next  string   `json:"next,omitempty"` // empty on the last page
}

// UpdateFileRequest changes what is not nil.
type UpdateFileRequest struct {
	Principal authv1.Principal `json:"principal"`
	NodeID    string           `json:"nodeId,omitempty"` // or Path
	Path      string           `json:"path,omitempty"`
	KeyHash   *[]byte          `json:"keyHash,omitempty"` // empty: no key any more
	ModTime   *time.Time       `json:"modTime,omitempty"`
}

// RegisterFileRequest names a guest's file that an account takes over.
type RegisterFileRequest struct {
	Principal authv1.Principal `json:"principal"`
	NodeID    string           `json:"nodeId"`
	Origin    Origin           `json:"origin"`
}

// CountDownloadsRequest adds to the counts of files, by node id; those that are
// gone are left out. It is not idempotent: a repeat counts again.
type CountDownloadsRequest struct {
	Downloads map[string]int64 `json:"downloads"` // 1000 at most
}

// CloseAccountRequest names an account that is to lose everything it stores.
type CloseAccountRequest struct {
	AccountID string `json:"accountId"`
}
