package plik

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The handlers of routes_account.go that are to come; each goes when its own file
// has it.

func pending() error { return dialect.ErrNoRoute }

// GoogleLogin is to come.
func (h *Handler) GoogleLogin(http.ResponseWriter, *http.Request) error { return pending() }

// GoogleCallback is to come.
func (h *Handler) GoogleCallback(http.ResponseWriter, *http.Request) error { return pending() }

// OVHLogin is to come.
func (h *Handler) OVHLogin(http.ResponseWriter, *http.Request) error { return pending() }

// OVHCallback is to come.
func (h *Handler) OVHCallback(http.ResponseWriter, *http.Request) error { return pending() }

// OIDCLogin is to come.
func (h *Handler) OIDCLogin(http.ResponseWriter, *http.Request) error { return pending() }

// OIDCCallback is to come.
func (h *Handler) OIDCCallback(http.ResponseWriter, *http.Request) error { return pending() }

// LocalLogin is to come.
func (h *Handler) LocalLogin(http.ResponseWriter, *http.Request) error { return pending() }

// Logout is to come.
func (h *Handler) Logout(http.ResponseWriter, *http.Request) error { return pending() }

// GetMe is to come.
func (h *Handler) GetMe(http.ResponseWriter, *http.Request) error { return pending() }

// DeleteMe is to come.
func (h *Handler) DeleteMe(http.ResponseWriter, *http.Request) error { return pending() }

// ListTokens is to come.
func (h *Handler) ListTokens(http.ResponseWriter, *http.Request) error { return pending() }

// CreateToken is to come.
func (h *Handler) CreateToken(http.ResponseWriter, *http.Request) error { return pending() }

// RevokeToken is to come.
func (h *Handler) RevokeToken(http.ResponseWriter, *http.Request) error { return pending() }

// ListMyUploads is to come.
func (h *Handler) ListMyUploads(http.ResponseWriter, *http.Request) error { return pending() }

// RemoveMyUploads is to come.
func (h *Handler) RemoveMyUploads(http.ResponseWriter, *http.Request) error { return pending() }

// GetMyStats is to come.
func (h *Handler) GetMyStats(http.ResponseWriter, *http.Request) error { return pending() }

// CreateUser is to come.
func (h *Handler) CreateUser(http.ResponseWriter, *http.Request) error { return pending() }

// GetUser is to come.
func (h *Handler) GetUser(http.ResponseWriter, *http.Request) error { return pending() }

// UpdateUser is to come.
func (h *Handler) UpdateUser(http.ResponseWriter, *http.Request) error { return pending() }

// DeleteUser is to come.
func (h *Handler) DeleteUser(http.ResponseWriter, *http.Request) error { return pending() }

// GetStats is to come.
func (h *Handler) GetStats(http.ResponseWriter, *http.Request) error { return pending() }

// ListUsers is to come.
func (h *Handler) ListUsers(http.ResponseWriter, *http.Request) error { return pending() }

// ListUploads is to come.
func (h *Handler) ListUploads(http.ResponseWriter, *http.Request) error { return pending() }
