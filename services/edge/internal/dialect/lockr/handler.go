package lockr

import (
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// Handler speaks lockr. It is safe for concurrent use.
type Handler struct{ core *core.Core }

// New makes the dialect.
func New(c *core.Core) *Handler { return &Handler{core: c} }

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "lockr" }
