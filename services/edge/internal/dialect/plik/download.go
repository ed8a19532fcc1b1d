package plik

import (
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// What a download may do in a browser: nothing, but for media that show
// themselves (plik-wire.md 8.2).
const (
	policyFile    = "default-src 'none'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
	policyArchive = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)

// GetFile answers GET and HEAD /file/{uploadID}/{fileID}/{filename}.
func (h *Handler) GetFile(w http.ResponseWriter, r *http.Request) error {
	uploadID, fileID := r.PathValue("uploadID"), r.PathValue("fileID")
	about(r, uploadID, fileID)
	by := byOf(r)
	f, err := h.core.OpenPlik(r.Context(), by, uploadID, fileID, r.PathValue("filename"), r.Host)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	guard(w, policyFile)
	disposition(w, r, f.File.Name)
	if f.Upload.OneShot || f.Upload.Stream {
		uncached(w)
	}
	return h.core.SendPlik(w, r, by, f) //nolint:wrapcheck // as above
}

// GetStream answers GET and HEAD /stream/{uploadID}/{fileID}/{filename}.
func (h *Handler) GetStream(w http.ResponseWriter, r *http.Request) error { return h.GetFile(w, r) }

// GetArchive answers GET and HEAD /archive/{uploadID}/{filename}.
func (h *Handler) GetArchive(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("filename")
	by := byOf(r)
	u, err := h.core.OpenPlikArchive(r.Context(), by, r.PathValue("uploadID"), name, r.Host)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	about(r, u.ID, "")
	guard(w, policyArchive)
	disposition(w, r, name)
	if u.OneShot {
		uncached(w)
	}
	w.Header().Set("Content-Type", "application/zip")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return h.core.SendPlikArchive(r.Context(), w, by, u) //nolint:wrapcheck // as above
}

// guard sets the headers that are on every download.
func guard(w http.ResponseWriter, policy string) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-XSS-Protection", "1; mode=block")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", policy)
}

// disposition names the file; with ?dl= it is to be kept.
func disposition(w http.ResponseWriter, r *http.Request, name string) {
	value := core.Disposition("attachment", name)
	if r.URL.Query().Get("dl") == "" {
		value = strings.TrimPrefix(value, "attachment; ")
	}
	w.Header().Set("Content-Disposition", value)
}

// uncached is for what is there once.
func uncached(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "0")
}
