package plik

import (
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// headerUploadToken is the secret of an upload (plik-wire.md 3).
const headerUploadToken = "X-UploadToken"

// byOf is who asks for something about an upload.
func byOf(r *http.Request) core.PlikBy {
	c := dialect.CallOf(r)
	return core.PlikBy{Caller: c.Caller, UploadToken: r.Header.Get(headerUploadToken), Authorization: r.Header.Get("Authorization"), Source: c.Source}
}

func origin(r *http.Request) objectv1.Origin {
	c := dialect.CallOf(r)
	return objectv1.Origin{RequestID: c.RequestID, SourceIP: c.Source, Dialect: "plik"}
}

// about names the upload, and its file, in the audit trail.
func about(r *http.Request, uploadID, fileID string) {
	c := dialect.CallOf(r)
	c.Bucket, c.Key = objectv1.PlikBucket, uploadID
	if fileID != "" {
		c.Key += "/" + fileID
	}
}

// CreateUpload answers POST /upload.
func (h *Handler) CreateUpload(w http.ResponseWriter, r *http.Request) error {
	if err := h.mayUpload(r, callerOf(r)); err != nil {
		return err
	}
	raw, err := bodyOf(r)
	if err != nil {
		return err
	}
	wish, old, err := wishOf(raw)
	if err != nil {
		return err
	}
	u, err := h.core.CreatePlik(r.Context(), byOf(r), wish)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	about(r, u.Upload.ID, "")
	if u.Credential != "" {
		w.Header().Set("Authorization", "Basic "+u.Credential)
	}
	private(w)
	out := uploadToWire(u.Upload, u.Files)
	out.DownloadDomain = h.core.Plik.DownloadDomain
	if old {
		return answerJSON(w, oldUpload(out))
	}
	return answerJSON(w, out)
}

// GetUpload answers GET /upload/{uploadID}.
func (h *Handler) GetUpload(w http.ResponseWriter, r *http.Request) error {
	u, err := h.core.PlikWithFiles(r.Context(), byOf(r), r.PathValue("uploadID"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	about(r, u.Upload.ID, "")
	private(w)
	out := uploadToWire(u.Upload, u.Files)
	out.DownloadDomain = h.core.Plik.DownloadDomain
	return answerJSON(w, out)
}

// RemoveUpload answers DELETE /upload/{uploadID}.
func (h *Handler) RemoveUpload(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("uploadID")
	about(r, id, "")
	if err := h.core.RemovePlik(r.Context(), byOf(r), id); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return answerText(w, "ok")
}

// private keeps an answer with a secret in it out of caches.
func private(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }
