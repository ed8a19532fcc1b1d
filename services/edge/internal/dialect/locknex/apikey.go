package locknex

import (
	"net/http"
)

// RegenerateAPIKey answers POST /account/api-key/regenerate.
func (h *Handler) RegenerateAPIKey(w http.ResponseWriter, r *http.Request) error {
	t, err := h.core.RotateAPIKey(r.Context(), callerOf(r))
	if err != nil {
		return err
	}
	return answer(w, struct {
		Success bool   `json:"success"`
		APIKey  string `json:"apiKey"`
	}{true, t.Token})
}
