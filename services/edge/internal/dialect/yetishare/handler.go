package yetishare

import (
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The values of _status.
const (
	statusSuccess = "success"
	statusError   = "error"
)

// Handler speaks yetishare. It is safe for concurrent use.
type Handler struct{ core *core.Core }

// New makes the dialect.
func New(c *core.Core) *Handler { return &Handler{core: c} }

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "yetishare" }

// envelope is every answer but errors, in the document's order.
type envelope struct {
	Response     string    `json:"response,omitempty"`
	Data         any       `json:"data,omitempty"`
	OriginalFile *wireData `json:"original_file,omitempty"`
	NewFile      *wireData `json:"new_file,omitempty"`
	Status       string    `json:"_status"`
	Datetime     string    `json:"_datetime"`
}

type wireData struct {
	Data any `json:"data"`
}

// answer completes an envelope and sends it.
func (h *Handler) answer(w http.ResponseWriter, e envelope) error {
	e.Status, e.Datetime = statusSuccess, h.now()
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, http.StatusOK, e)
}

// now is the server's clock as _datetime has it.
func (h *Handler) now() string { return h.core.Now().UTC().Format(time.DateTime) }

func baseOf(r *http.Request) string { return strings.TrimRight(dialect.CallOf(r).BaseURL, "/") }
