package plik

import "net/http"

// GetConfig is to come.
func (h *Handler) GetConfig(http.ResponseWriter, *http.Request) error { return pending() }

// GetVersion is to come.
func (h *Handler) GetVersion(http.ResponseWriter, *http.Request) error { return pending() }

// GetQRCode is to come.
func (h *Handler) GetQRCode(http.ResponseWriter, *http.Request) error { return pending() }

// GetHealth is to come.
func (h *Handler) GetHealth(http.ResponseWriter, *http.Request) error { return pending() }

// GetClient is to come.
func (h *Handler) GetClient(http.ResponseWriter, *http.Request) error { return pending() }

// GetChangelog is to come.
func (h *Handler) GetChangelog(http.ResponseWriter, *http.Request) error { return pending() }

// EnterRoot is to come.
func (h *Handler) EnterRoot(http.ResponseWriter, *http.Request) error { return pending() }

// QuickUpload is to come.
func (h *Handler) QuickUpload(http.ResponseWriter, *http.Request) error { return pending() }

// CreateUpload is to come.
func (h *Handler) CreateUpload(http.ResponseWriter, *http.Request) error { return pending() }

// GetUpload is to come.
func (h *Handler) GetUpload(http.ResponseWriter, *http.Request) error { return pending() }

// RemoveUpload is to come.
func (h *Handler) RemoveUpload(http.ResponseWriter, *http.Request) error { return pending() }

// AddFile is to come.
func (h *Handler) AddFile(http.ResponseWriter, *http.Request) error { return pending() }

// PutFile is to come.
func (h *Handler) PutFile(http.ResponseWriter, *http.Request) error { return pending() }

// RemoveFile is to come.
func (h *Handler) RemoveFile(http.ResponseWriter, *http.Request) error { return pending() }

// GetFile is to come.
func (h *Handler) GetFile(http.ResponseWriter, *http.Request) error { return pending() }

// PutStream is to come.
func (h *Handler) PutStream(http.ResponseWriter, *http.Request) error { return pending() }

// GetStream is to come.
func (h *Handler) GetStream(http.ResponseWriter, *http.Request) error { return pending() }

// GetArchive is to come.
func (h *Handler) GetArchive(http.ResponseWriter, *http.Request) error { return pending() }
