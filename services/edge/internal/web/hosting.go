package web

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	// pageOfNodes is how many files and folders stand on one page.
	pageOfNodes = 100
	// maxShort bounds what is looked up as a file's short name, bytes.
	maxShort = 32
)

// nodeView is a file or folder as the pages show it.
type nodeView struct {
	objectv1.DriveNode
	URL  string // for others; of a file that has none ""
	Page string // the same without the host
	Type string // of a file, a media type
	Size int64  // of a file
}

// Title is what a node is called, or was before it came into the trash.
func (n nodeView) Title() string {
	if n.Trashed != nil {
		return n.Trashed.Name
	}
	return n.Name
}

// Downloads of a file.
func (n nodeView) Downloads() int64 {
	if n.Object == nil || n.Object.File == nil {
		return 0
	}
	return n.Object.File.Downloads
}

// Extension is the end of the name, "" if it has none.
func (n nodeView) Extension() string { return strings.TrimPrefix(path.Ext(n.Title()), ".") }

// Protected reports whether others must know a password.
func (n nodeView) Protected() bool { return len(n.Sharing.PasswordHash) > 0 }

// Shared says who may see a folder, in a word.
func (n nodeView) Shared() string {
	switch n.Sharing.Visibility {
	case objectv1.VisibilityPublic:
		return "public"
	case objectv1.VisibilityUnlisted:
		return "unlisted"
	}
	return "private"
}

// Changed is when a node was changed last; the zero time: never.
func (n nodeView) Changed() time.Time {
	if !n.UpdatedAt.After(n.CreatedAt) {
		return time.Time{}
	}
	return n.UpdatedAt
}

func nodeViewOf(base string, n objectv1.DriveNode) nodeView {
	v := nodeView{DriveNode: n}
	switch {
	case n.Folder && n.NodeID != "":
		v.Page = folderPath(n)
	case n.Short != "":
		v.Page = "/" + n.Short
	}
	if v.Page != "" {
		v.URL = strings.TrimRight(base, "/") + v.Page
	}
	if n.Object != nil {
		v.Type, v.Size = n.Object.Metadata.ContentType, n.Object.Size
	}
	return v
}

// folderPath is the page of a folder. Only its number counts there.
func folderPath(n objectv1.DriveNode) string {
	return "/folder/" + strconv.FormatInt(n.Number, 10) + "/" + url.PathEscape(strings.ReplaceAll(n.Name, " ", "_"))
}

// numberOf reads a node's number as it is printed; 0: it is none.
func numberOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != text {
		return 0
	}
	return n
}

// ownedBy reports whether the request is of the node's owner.
func ownedBy(r *http.Request, n objectv1.DriveNode) bool {
	by := dialect.CallOf(r).Caller
	return loggedIn(by) && by.Principal.AccountID == n.AccountID
}

// about names a node in the audit trail.
func about(r *http.Request, n objectv1.DriveNode) {
	c := dialect.CallOf(r)
	c.Bucket, c.Key = objectv1.DriveBucket, n.Path
}

// sharedFile finds the file that a short URL names. A path that names none is
// dialect.ErrNoRoute.
func (h *Handler) sharedFile(r *http.Request) (objectv1.DriveNode, error) {
	short := r.PathValue("short")
	if len(short) > maxShort || !shortForm.MatchString(short) || strings.Contains(r.PathValue("name"), "/") {
		return objectv1.DriveNode{}, dialect.ErrNoRoute
	}
	n, err := h.core.FindNode(r.Context(), objectv1.FindNodeRequest{Anybody: true, Short: short})
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound):
		return objectv1.DriveNode{}, dialect.ErrNoRoute.Because(err)
	case err != nil:
		return objectv1.DriveNode{}, err //nolint:wrapcheck // it says what was being done
	case n.Object == nil || n.Object.File == nil:
		return objectv1.DriveNode{}, dialect.ErrNoRoute
	}
	about(r, n)
	return n, nil
}

// listing is a page of a folder: its folders first.
type listing struct {
	Nodes []objectv1.DriveNode
	Next  string // empty on the last page
}

// The cursors of a listing say which kind they are of.
const (
	afterFolders = "d."
	afterFiles   = "f."
)

// listNodes reads a page of a folder by its id. What is no cursor of ours is
// invalid_request.
func (h *Handler) listNodes(r *http.Request, by core.Caller, folderID string, anybody bool, after string) (listing, error) {
	ask := objectv1.ListChildrenRequest{Principal: by.Principal, FolderID: folderID, Anybody: anybody, Limit: pageOfNodes}
	var out listing
	cursor, files := strings.CutPrefix(after, afterFiles)
	if !files {
		ask.Kind, ask.After = objectv1.KindFolder, strings.TrimPrefix(after, afterFolders)
		l, err := h.core.ListChildren(r.Context(), ask)
		if err != nil {
			return out, err //nolint:wrapcheck // it says what was being done
		}
		out.Nodes = l.Nodes
		if l.Next != "" {
			out.Next = afterFolders + l.Next
			return out, nil
		}
		if ask.Limit -= len(l.Nodes); ask.Limit <= 0 {
			out.Next = afterFiles
			return out, nil
		}
		cursor = ""
	}
	ask.Kind, ask.After = objectv1.KindFile, cursor
	l, err := h.core.ListChildren(r.Context(), ask)
	if err != nil {
		return out, err //nolint:wrapcheck // as above
	}
	out.Nodes = append(out.Nodes, l.Nodes...)
	if l.Next != "" {
		out.Next = afterFiles + l.Next
	}
	return out, nil
}

// hostingFrame is the frame of the pages of files and folders, in the reader's
// language.
func (h *Handler) hostingFrame(r *http.Request, title string, scripts ...string) frame {
	f := h.containerFrame(r, "", scripts...)
	f.Title = title
	return f
}

// inWords says what the answer depends on, where a page has two languages.
type inWords struct{}

func (inWords) adjust(head http.Header) { head.Set("Vary", "Accept-Language, Cookie") }
