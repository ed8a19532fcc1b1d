package plik

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Authenticate implements dialect.Dialect.
func (h *Handler) Authenticate(r *http.Request, _ dialect.Auth) (core.Caller, error) {
	if err := takes(r); err != nil {
		return core.Caller{}, err
	}
	return h.core.Guest(), nil
}
