package objectv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// Visibility says who finds a folder (yetishare.md, is_public).
type Visibility int

// The visibilities.
const (
	VisibilityPrivate  Visibility = 0 // its owner alone
	VisibilityUnlisted Visibility = 1 // whoever has its URL
	VisibilityPublic   Visibility = 2 // the site's search, too, with the files in it
)

// Sharing is what a folder lets others do.
type Sharing struct {
	Visibility Visibility `json:"visibility,omitempty"`
	// PasswordHash is the keyed hash of what others must know; empty: nothing is
	// asked for. Object stores it and compares nothing.
	PasswordHash []byte `json:"passwordHash,omitempty"`
}

// Tally counts what a folder holds. Files and Folders are those in it, Bytes and
// Downloads those of all files below it. It follows within seconds.
type Tally struct {
	Files     int64 `json:"files"`
	Folders   int64 `json:"folders"`
	Bytes     int64 `json:"bytes"`
	Downloads int64 `json:"downloads"`
}

// Trashed says when a node came into the trash and where it was.
type Trashed struct {
	At       time.Time `json:"at"`
	PurgedAt time.Time `json:"purgedAt"` // when it goes for good
	ParentID string    `json:"parentId"` // "" was the root; it may be gone
	Name     string    `json:"name"`
}

// DriveNode is a file or folder of the drive as those see it who name things by
// ids. Numbers come from a sequence per kind, and stay.
type DriveNode struct {
	Node
	AccountID    string    `json:"accountId"`
	Number       int64     `json:"number"`                 // 0 is the root
	Short        string    `json:"short,omitempty"`        // of a file: 8 of [A-Za-z0-9], a digit and an upper-case letter among them
	ParentID     string    `json:"parentId"`               // "" is the root
	ParentNumber int64     `json:"parentNumber,omitempty"` // 0 is the root
	UpdatedAt    time.Time `json:"updatedAt"`              // the node; CreatedAt when nobody changed it
	Keywords     string    `json:"keywords,omitempty"`     // of a file
	Description  string    `json:"description,omitempty"`  // of a file
	Sharing      Sharing   `json:"sharing"`                // of a folder
	Tally        Tally     `json:"tally"`                  // of a folder
	// Trashed is of what lies in the trash itself; what lies in a trashed folder is
	// not found at all.
	Trashed *Trashed `json:"trashed,omitempty"`
}

// FindNodeRequest names a node by one of NodeID, Short (files), and Number with
// Folder; all empty with Folder: the root.
type FindNodeRequest struct {
	Principal authv1.Principal `json:"principal"`
	// Anybody asks for whosoever node it is. Whether the caller may see it is the
	// caller's to decide then.
	Anybody bool   `json:"anybody,omitempty"`
	NodeID  string `json:"nodeId,omitempty"`
	Short   string `json:"short,omitempty"`
	Number  int64  `json:"number,omitempty"`
	Folder  bool   `json:"folder,omitempty"` // the kind that Number is of
	Trash   bool   `json:"trash,omitempty"`  // also what lies in the trash itself
}

// ListChildrenRequest pages through a folder. After is the Next of the page before.
type ListChildrenRequest struct {
	Principal authv1.Principal `json:"principal"`
	FolderID  string           `json:"folderId"`          // "" is the root
	Kind      NodeKind         `json:"kind,omitempty"`    // empty: both
	Anybody   bool             `json:"anybody,omitempty"` // as in FindNodeRequest
	After     string           `json:"after,omitempty"`
	Limit     int              `json:"limit"` // 1–1000
}

// NodeKind tells files and folders apart.
type NodeKind string

// The kinds.
const (
	KindFile   NodeKind = "file"
	KindFolder NodeKind = "folder"
)

// ListChildrenResponse is a page, in the order of ListFolder. It may be shorter
// than the limit, and empty although more follows.
type ListChildrenResponse struct {
	Nodes []DriveNode `json:"nodes"`
	Next  string      `json:"next,omitempty"` // empty on the last page
}

// MakeSubfolderRequest names a folder to be. With Rename a name that is taken
// gives way to the next free one.
type MakeSubfolderRequest struct {
	Principal authv1.Principal `json:"principal"`
	ParentID  string           `json:"parentId"`
	Name      string           `json:"name"`
	Rename    bool             `json:"rename,omitempty"`
	Sharing   Sharing          `json:"sharing"`
}

// ChangeNodeRequest changes what is not nil. A refused one changes nothing.
type ChangeNodeRequest struct {
	Principal authv1.Principal `json:"principal"`
	NodeID    string           `json:"nodeId"`
	Name      *string          `json:"name,omitempty"`
	ParentID  *string          `json:"parentId,omitempty"`
	// Rename gives the next free name where the name is taken.
	Rename       bool        `json:"rename,omitempty"`
	Visibility   *Visibility `json:"visibility,omitempty"`   // of a folder
	PasswordHash *[]byte     `json:"passwordHash,omitempty"` // of a folder; empty: none
	ContentType  *string     `json:"contentType,omitempty"`  // of a file
	Keywords     *string     `json:"keywords,omitempty"`     // of a file, at most MaxNodeText bytes
	Description  *string     `json:"description,omitempty"`  // of a file, at most MaxNodeText bytes
	Origin       Origin      `json:"origin"`
}

// MaxNodeText bounds keywords and descriptions, bytes.
const MaxNodeText = 4 << 10

// CopyFileRequest asks for a file that shares the content of another one of the
// account. A name that is taken gives way to the next free one.
type CopyFileRequest struct {
	Principal authv1.Principal `json:"principal"`
	NodeID    string           `json:"nodeId"`
	FolderID  string           `json:"folderId"`
	Origin    Origin           `json:"origin"`
	// VersionID of the copy, by NewVersionID, makes a repeat known.
	VersionID string `json:"versionId"`
}

// DriveNodeRequest names a node of one's own by its id.
type DriveNodeRequest struct {
	Principal authv1.Principal `json:"principal"`
	NodeID    string           `json:"nodeId"`
	Origin    Origin           `json:"origin"`
}

// ListTrashRequest pages through what lies in the trash, newest first.
type ListTrashRequest struct {
	Principal authv1.Principal `json:"principal"`
	After     string           `json:"after,omitempty"`
	Limit     int              `json:"limit"` // 1–1000
}

// SearchNodesRequest looks for public folders, and for files in them, whose names
// hold every word of the query, each as the beginning of a word.
type SearchNodesRequest struct {
	Query string `json:"query"` // 1–200 bytes
	After string `json:"after,omitempty"`
	Limit int    `json:"limit"` // 1–100
}
