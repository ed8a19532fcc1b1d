package lockwell

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// Handler speaks lockwell. It is safe for concurrent use.
type Handler struct {
	core    *core.Core
	now     func() time.Time
	openapi []byte
	docTag  string
	docs    map[string]docsFile // by name
}

// New makes the dialect; openapi is the committed document.
func New(c *core.Core, openapi []byte, now func() time.Time) *Handler {
	sum := sha256.Sum256(openapi)
	return &Handler{core: c, now: now, openapi: openapi, docTag: `"` + hex.EncodeToString(sum[:16]) + `"`, docs: readDocs()}
}

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "lockwell" }
