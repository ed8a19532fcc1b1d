package plik

import "net/http"

// GetVersion is to come.
func (h *Handler) GetVersion(http.ResponseWriter, *http.Request) error { return pending() }

// GetClient is to come.
func (h *Handler) GetClient(http.ResponseWriter, *http.Request) error { return pending() }

// GetChangelog is to come.
func (h *Handler) GetChangelog(http.ResponseWriter, *http.Request) error { return pending() }
