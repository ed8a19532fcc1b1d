package plik

import (
	"net/http"
	"strings"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// AddFile answers POST /file/{uploadID}.
func (h *Handler) AddFile(w http.ResponseWriter, r *http.Request) error {
	f, err := h.receive(r, byOf(r), r.PathValue("uploadID"), "", "")
	if err != nil {
		return err
	}
	return answerJSON(w, fileToWire(f))
}

// PutFile answers POST /file/{uploadID}/{fileID}/{filename}.
func (h *Handler) PutFile(w http.ResponseWriter, r *http.Request) error {
	f, err := h.receive(r, byOf(r), r.PathValue("uploadID"), r.PathValue("fileID"), r.PathValue("filename"))
	if err != nil {
		return err
	}
	return answerJSON(w, fileToWire(f))
}

// PutStream answers POST /stream/{uploadID}/{fileID}/{filename}.
func (h *Handler) PutStream(w http.ResponseWriter, r *http.Request) error { return h.PutFile(w, r) }

// receive takes the file of a form into an upload. What can be said before the
// body comes is said then.
func (h *Handler) receive(r *http.Request, by core.PlikBy, uploadID, fileID, name string) (uploadv1.PlikFile, error) {
	about(r, uploadID, fileID)
	u, err := h.core.AdmitPlik(r.Context(), by, uploadID, fileID, name)
	if err != nil {
		return uploadv1.PlikFile{}, err //nolint:wrapcheck // it says what was being done
	}
	formName, body, err := fileOf(r)
	if err != nil {
		return uploadv1.PlikFile{}, err
	}
	if fileID != "" && formName != name {
		return uploadv1.PlikFile{}, uploadv1.ErrPlikName
	}
	in := core.PlikPut{FileID: fileID, Name: formName, Body: body, Origin: origin(r)}
	if u.Stream {
		in.Interrupt, in.Gone = dialect.Patient(r)
	}
	f, err := h.core.PutPlik(r.Context(), by, u, in)
	if err == nil {
		about(r, uploadID, f.ID)
	}
	return f, err //nolint:wrapcheck // as above
}

// QuickUpload answers POST /. No parameter can be given.
func (h *Handler) QuickUpload(w http.ResponseWriter, r *http.Request) error {
	if err := h.mayUpload(r, callerOf(r)); err != nil {
		return err
	}
	by := byOf(r)
	u, err := h.core.CreatePlik(r.Context(), by, core.PlikWish{})
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	by.UploadToken = u.Upload.Token
	f, err := h.receive(r, by, u.Upload.ID, "", "")
	if err != nil {
		return err
	}
	base := strings.TrimRight(h.core.Plik.DownloadDomain, "/")
	if base == "" {
		base = dialect.CallOf(r).BaseURL + h.core.Plik.Path
	}
	private(w)
	return answerText(w, base+"/file/"+u.Upload.ID+"/"+f.ID+"/"+f.Name+"\n")
}

// RemoveFile answers DELETE /file/{uploadID}/{fileID}/{filename}.
func (h *Handler) RemoveFile(w http.ResponseWriter, r *http.Request) error {
	uploadID, fileID := r.PathValue("uploadID"), r.PathValue("fileID")
	about(r, uploadID, fileID)
	if err := h.core.RemovePlikFile(r.Context(), byOf(r), uploadID, fileID, r.PathValue("filename")); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return answerText(w, "ok")
}
