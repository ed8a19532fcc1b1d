package lockr

import "github.com/sluicehq/sluice/services/edge/internal/dialect"

// Routes implements dialect.Dialect, in the order of lockr.md.
func (h *Handler) Routes() []dialect.Route {
	return []dialect.Route{
		dialect.R("Login", "POST /api/v1/login", h.Login, dialect.AuthNone, dialect.JSONBody, "exchange a password for an account token"),
		dialect.R("CreateAccount", "POST /api/v1/account", h.CreateAccount, dialect.AuthNone, dialect.JSONBody, "sign up; answers like a login"),
	}
}

// Owns implements dialect.Dialect.
func (h *Handler) Owns() []string {
	return []string{"/api/v1/login", "/api/v1/account", "/api/v1/upload", "/api/v1/files", "/api/v1/download"}
}
