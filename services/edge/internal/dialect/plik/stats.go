package plik

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// GetMyStats answers GET /me/stats.
func (h *Handler) GetMyStats(w http.ResponseWriter, r *http.Request) error {
	n, err := h.core.CountPliks(r.Context(), callerOf(r), core.PlikQuery{Token: r.URL.Query().Get("token")})
	if err != nil {
		return tokenError(err)
	}
	return answerPrivate(w, struct {
		Uploads   int64 `json:"uploads"`
		Files     int64 `json:"files"`
		TotalSize int64 `json:"totalSize"`
	}{n.Uploads, n.Files, n.TotalSize})
}

// GetStats answers GET /stats.
func (h *Handler) GetStats(w http.ResponseWriter, r *http.Request) error {
	n, err := h.core.CountPliks(r.Context(), callerOf(r), core.PlikQuery{All: true})
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return answerPrivate(w, struct {
		Users              int64 `json:"users"`
		Uploads            int64 `json:"uploads"`
		AnonymousUploads   int64 `json:"anonymousUploads"`
		Files              int64 `json:"files"`
		TotalSize          int64 `json:"totalSize"`
		AnonymousTotalSize int64 `json:"anonymousTotalSize"`
	}{n.Users, n.Uploads, n.AnonymousUploads, n.Files, n.TotalSize, n.AnonymousTotalSize})
}
