package yetishare

import (
	"mime"
	"net/http"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Bounds of what names a file or describes it, bytes.
const (
	maxShort = 32
	maxType  = 255
)

// theFile enters a request about a file of the caller's and finds it, by file_id or
// by short_url (field-facts.md, 1).
func (h *Handler) theFile(r *http.Request) (*asked, objectv1.DriveNode, error) {
	q, err := h.enter(r, paramFile, paramShort)
	if err != nil {
		return nil, objectv1.DriveNode{}, err
	}
	find := objectv1.FindNodeRequest{Principal: q.by.Principal}
	var ok bool
	if text := q.params[paramFile]; text != "" {
		find.Number, ok = number(text)
	} else {
		find.Short = q.params[paramShort]
		ok = len(find.Short) <= maxShort && isAlphanumeric(find.Short)
	}
	if !ok {
		return nil, objectv1.DriveNode{}, errNoFile
	}
	n, err := h.core.FindNode(r.Context(), find)
	if err != nil {
		return nil, objectv1.DriveNode{}, ofFile(err)
	}
	if n.Object == nil || n.Object.File == nil {
		return nil, objectv1.DriveNode{}, errNoFile
	}
	about(r, n)
	return q, n, nil
}

func isAlphanumeric(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// about names the node in the audit trail.
func about(r *http.Request, n objectv1.DriveNode) {
	c := dialect.CallOf(r)
	c.Bucket, c.Key = objectv1.DriveBucket, n.Path
}

func origin(r *http.Request) objectv1.Origin {
	c := dialect.CallOf(r)
	return objectv1.Origin{RequestID: c.RequestID, SourceIP: c.Source, Dialect: "yetishare"}
}

// FileInfo answers /file/info.
func (h *Handler) FileInfo(w http.ResponseWriter, r *http.Request) error {
	_, n, err := h.theFile(r)
	if err != nil {
		return err
	}
	return h.answer(w, envelope{Data: fileToWire(baseOf(r), n)})
}

// wireDownload is the data of /file/download.
type wireDownload struct {
	FileID      string `json:"file_id"`
	Filename    string `json:"filename"`
	DownloadURL string `json:"download_url"`
}

// DownloadFile answers /file/download.
func (h *Handler) DownloadFile(w http.ResponseWriter, r *http.Request) error {
	_, n, err := h.theFile(r)
	if err != nil {
		return err
	}
	if n.Short == "" {
		return errNoURL
	}
	return h.answer(w, envelope{Data: wireDownload{
		FileID: decimal(n.Number), Filename: n.Name, DownloadURL: baseOf(r) + "/" + n.Short + "?download_token=" + h.core.DownloadToken(n.NodeID),
	}})
}

// EditFile answers /file/edit. What is blank stays as it is.
func (h *Handler) EditFile(w http.ResponseWriter, r *http.Request) error {
	q, n, err := h.theFile(r)
	if err != nil {
		return err
	}
	change := objectv1.ChangeNodeRequest{Principal: q.by.Principal, NodeID: n.NodeID, Rename: true, Origin: origin(r)}
	if name := q.params["filename"]; name != "" {
		if change.Name, err = nameFor("filename", name); err != nil {
			return err
		}
	}
	if kind := q.params["fileType"]; kind != "" {
		if _, _, err := mime.ParseMediaType(kind); err != nil || len(kind) > maxType || !strings.Contains(kind, "/") {
			return bad("fileType", "is no media type, such as application/octet-stream")
		}
		change.ContentType = &kind
	}
	if text := q.params[paramFolder]; text != "" {
		if change.ParentID, err = h.folderNamed(q, text, errNoFolder); err != nil {
			return err
		}
	}
	if change.Name != nil || change.ContentType != nil || change.ParentID != nil {
		if n, err = h.core.ChangeNode(r.Context(), change); err != nil {
			return ofFile(into(errNoFolder, err))
		}
	}
	return h.answer(w, envelope{Response: "File successfully updated.", Data: fileToWire(baseOf(r), n)})
}

// nameFor cleans the name that a parameter gives.
func nameFor(param, text string) (*string, error) {
	name, ok := core.CleanNodeName(text)
	if !ok {
		return nil, bad(param, "has nothing in it that a name can have")
	}
	return &name, nil
}

// folderNamed gives the node id of the caller's folder of that number; "" is the
// root. none is the sentence where there is none.
func (h *Handler) folderNamed(q *asked, text string, none *fault.Error) (*string, error) {
	if text == "" {
		return new(""), nil
	}
	n, err := h.findFolder(q.Request, q.by, text, none)
	if err != nil {
		return nil, err
	}
	return &n.NodeID, nil
}

// DeleteFile answers /file/delete.
func (h *Handler) DeleteFile(w http.ResponseWriter, r *http.Request) error {
	q, n, err := h.theFile(r)
	if err != nil {
		return err
	}
	gone, err := h.core.TrashNode(r.Context(), objectv1.DriveNodeRequest{Principal: q.by.Principal, NodeID: n.NodeID, Origin: origin(r)})
	if err != nil {
		return ofFile(err)
	}
	n.Trashed = gone.Trashed // the file where it was, and that it is no longer
	if n.Trashed == nil {
		n.Trashed = &objectv1.Trashed{Name: n.Name}
	}
	return h.answer(w, envelope{Response: "File successfully set as deleted.", Data: fileToWire(baseOf(r), n)})
}

// target gives the folder that a parameter names to come into: it must be there,
// and empty is the root.
func (h *Handler) target(q *asked, param string) (*string, error) {
	if !q.has(param) {
		return nil, missing(param)
	}
	return h.folderNamed(q, q.params[param], noTarget(param))
}

func noTarget(param string) *fault.Error {
	return errNoTarget.Msgf("Could not find the destination folder id defined by %s.", param)
}

// MoveFile answers /file/move.
func (h *Handler) MoveFile(w http.ResponseWriter, r *http.Request) error {
	q, n, err := h.theFile(r)
	if err != nil {
		return err
	}
	to, err := h.target(q, paramNewParent)
	if err != nil {
		return err
	}
	n, err = h.core.ChangeNode(r.Context(), objectv1.ChangeNodeRequest{Principal: q.by.Principal, NodeID: n.NodeID, ParentID: to, Rename: true, Origin: origin(r)})
	if err != nil {
		return ofFile(into(noTarget(paramNewParent), err))
	}
	return h.answer(w, envelope{Response: "File successfully moved.", Data: fileToWire(baseOf(r), n)})
}

// CopyFile answers /file/copy.
func (h *Handler) CopyFile(w http.ResponseWriter, r *http.Request) error {
	q, n, err := h.theFile(r)
	if err != nil {
		return err
	}
	to, err := h.target(q, paramCopyTo)
	if err != nil {
		return err
	}
	made, err := h.core.CopyFile(r.Context(), objectv1.CopyFileRequest{Principal: q.by.Principal, NodeID: n.NodeID, FolderID: *to, Origin: origin(r)})
	if err != nil {
		return ofFile(into(noTarget(paramCopyTo), err))
	}
	base := baseOf(r)
	return h.answer(w, envelope{Response: "File successfully copyied.", OriginalFile: &wireData{fileToWire(base, n)}, NewFile: &wireData{fileToWire(base, made)}})
}
