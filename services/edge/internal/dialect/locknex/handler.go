package locknex

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Handler speaks locknex. It is safe for concurrent use.
type Handler struct{ core *core.Core }

// New makes the dialect.
func New(c *core.Core) *Handler { return &Handler{core: c} }

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "locknex" }

// answer is WriteJSON of what nobody shall keep.
func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, http.StatusOK, v)
}
