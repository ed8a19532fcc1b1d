package webdav

import (
	"net/http"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Handler speaks WebDAV. It is safe for concurrent use.
type Handler struct {
	core  *core.Core
	locks *lockTable
}

// New makes the dialect; now is what locks end by.
func New(c *core.Core, now func() time.Time) *Handler {
	return &Handler{core: c, locks: newLockTable(now)}
}

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "webdav" }

// Authenticate implements dialect.Dialect. A browser's cookie is no credential
// here: no page of ours speaks WebDAV (W-2).
func (h *Handler) Authenticate(r *http.Request, class dialect.Auth) (core.Caller, error) {
	if class == dialect.AuthNone {
		return core.Caller{}, nil
	}
	if len(r.Header.Values("Authorization")) == 0 {
		return core.Caller{}, authv1.ErrBadToken
	}
	caller, _, err := h.core.FromRequest(r, dialect.CallOf(r).Source)
	return caller, err //nolint:wrapcheck // it says what was being done
}
