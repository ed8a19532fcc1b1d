package system

import "github.com/sluicehq/sluice/services/edge/internal/dialect"

// Routes implements dialect.Dialect.
func (h *Handler) Routes() []dialect.Route {
	rows := []dialect.Route{
		dialect.R("Healthz", "GET /healthz", h.Healthz, dialect.AuthNone, dialect.NoBody, "the process lives").Quiet(),
		dialect.R("Readyz", "GET /readyz", h.Readyz, dialect.AuthNone, dialect.NoBody, "every service answers").Quiet(),
	}
	if h.Admin {
		rows = append(rows,
			dialect.R("Metrics", "GET /metrics", h.Metrics, dialect.AuthNone, dialect.NoBody, "Prometheus metrics; loopback or admin address only").Quiet(),
			dialect.R("ListRoutes", "GET /-/routes", h.ListRoutes, dialect.AuthNone, dialect.NoBody, "these tables; loopback or admin address only").Quiet(),
			dialect.R("Profile", "GET /-/pprof/{profile}", h.Profile, dialect.AuthNone, dialect.NoBody, "Go profiles of this process (profile is CPU); loopback or admin address only").Quiet(),
		)
	}
	return rows
}
