package plik

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The handlers of routes_account.go that are to come; each goes when its own file
// has it.

func pending() error { return dialect.ErrNoRoute }

// ListMyUploads is to come.
func (h *Handler) ListMyUploads(http.ResponseWriter, *http.Request) error { return pending() }

// ListUploads is to come.
func (h *Handler) ListUploads(http.ResponseWriter, *http.Request) error { return pending() }
