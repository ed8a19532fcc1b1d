package yetishare

import (
	"errors"
	"net/http"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The parameters of remote URLs.
const (
	paramURL    = "url"
	paramFetch  = "url_upload_id"
	fetchStates = "pending downloading complete failed cancelled" // the values of status
)

// wireFetch is a remote URL on its way to a file.
type wireFetch struct {
	ID       string    `json:"url_upload_id"`
	URL      string    `json:"url"`
	Status   string    `json:"status"`
	FolderID *string   `json:"folder_id"`
	Received string    `json:"downloaded_size"`
	Size     *string   `json:"total_size"`
	Percent  string    `json:"download_percent"`
	Created  string    `json:"date_added"`
	Updated  string    `json:"date_updated"`
	Notes    *string   `json:"notes"`
	FileID   *string   `json:"file_id"`
	File     *wireFile `json:"file"`
}

// stateOf words the state of a fetch.
func stateOf(s uploadv1.FetchState) string {
	words := strings.Fields(fetchStates)
	switch s {
	case uploadv1.FetchDownloading:
		return words[1]
	case uploadv1.FetchDone:
		return words[2]
	case uploadv1.FetchFailed:
		return words[3]
	case uploadv1.FetchCancelled:
		return words[4]
	}
	return words[0]
}

// fetchToWire shows a fetch; folder is the number of the folder that it goes into.
func fetchToWire(f uploadv1.Fetch, folder int64, file *wireFile) wireFetch {
	out := wireFetch{
		ID: decimal(f.ID), URL: f.URL, Status: stateOf(f.State), FolderID: idOrNull(folder), Received: decimal(f.Received), Percent: "0",
		Created: stamp(f.CreatedAt), Updated: stamp(f.UpdatedAt), Notes: textOrNull(f.Reason), File: file,
	}
	switch {
	case f.State == uploadv1.FetchDone:
		out.Percent = "100"
	case f.Size > 0:
		out.Percent = decimal(min(100*f.Received/f.Size, 100))
	}
	if f.Size >= 0 {
		out.Size = textOrNull(decimal(f.Size))
	}
	if file != nil {
		out.FileID = &file.ID
	}
	return out
}

// AddURLUpload answers /file/url_upload_add.
func (h *Handler) AddURLUpload(w http.ResponseWriter, r *http.Request) error {
	q, err := h.enter(r)
	if err != nil {
		return err
	}
	url, err := q.need(paramURL)
	if err != nil {
		return err
	}
	var dir objectv1.DriveNode
	if text := q.params[paramFolder]; text != "" {
		if dir, err = h.findFolder(r, q.by, text, errNoFolder); err != nil {
			return err
		}
	}
	f, err := h.core.AddFetch(r.Context(), q.by, url, dir.NodeID)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	c := dialect.CallOf(r)
	c.Bucket, c.Key = objectv1.DriveBucket, dir.Path
	return h.answer(w, envelope{Response: "Url added to the upload queue.", Data: fetchToWire(f, dir.Number, nil)})
}

// ShowURLUpload answers /file/url_upload_status.
func (h *Handler) ShowURLUpload(w http.ResponseWriter, r *http.Request) error {
	q, err := h.enter(r)
	if err != nil {
		return err
	}
	text, err := q.need(paramFetch)
	if err != nil {
		return err
	}
	id, ok := number(text)
	if !ok {
		return errNoFetch
	}
	f, err := h.core.Fetch(r.Context(), q.by, id)
	if err != nil {
		return ofFetch(err)
	}
	folder, err := h.node(q, f.FolderID)
	if err != nil {
		return err
	}
	file, err := h.node(q, f.NodeID)
	if err != nil {
		return err
	}
	var made *wireFile
	if file.Object != nil {
		made = new(fileToWire(baseOf(r), file))
	}
	return h.answer(w, envelope{Data: fetchToWire(f, folder.Number, made)})
}

// node gives a node of the caller's, or nothing where it is gone, or "" names it.
func (h *Handler) node(q *asked, nodeID string) (objectv1.DriveNode, error) {
	if nodeID == "" {
		return objectv1.DriveNode{}, nil
	}
	n, err := h.core.FindNode(q.Context(), objectv1.FindNodeRequest{Principal: q.by.Principal, NodeID: nodeID})
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		return objectv1.DriveNode{}, nil
	}
	return n, err //nolint:wrapcheck // it says what was being done
}
