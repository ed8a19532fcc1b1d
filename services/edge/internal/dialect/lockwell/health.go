package lockwell

import (
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Healthz answers GET /healthz: the edge lives. Whether all that it needs does
// is the listener's /readyz.
func (h *Handler) Healthz(w http.ResponseWriter, _ *http.Request) error {
	return dialect.WriteJSON(w, http.StatusOK, wireHealth{Status: "ok"})
}

// GetOpenAPI answers GET /openapi.json with the committed document.
func (h *Handler) GetOpenAPI(w http.ResponseWriter, r *http.Request) error {
	head := w.Header()
	head.Set("ETag", h.docTag)
	head.Set("Cache-Control", "no-cache")
	if inm := r.Header.Get("If-None-Match"); inm == "*" || strings.Contains(inm, h.docTag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	head.Set("Content-Type", "application/json")
	head.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(h.openapi) // the client is gone; the access log says so
	return nil
}
