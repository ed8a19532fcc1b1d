// Package system is what operators and probes ask beside the dialects.
package system

import (
	"context"
	"net/http"
	"net/http/pprof"
	runtimepprof "runtime/pprof"
	"strconv"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Handler answers the probes and, with Admin, the pages for operators. Its
// errors are plain text.
type Handler struct {
	// Ready says what is missing; nil when every service answers.
	Ready func(ctx context.Context) error
	// Admin adds /metrics and /-/routes.
	Admin bool
	// Alone says that there is nothing else on the listener.
	Alone   bool
	Scrape  http.Handler
	Dialect func() []dialect.Dialect // for /-/routes
}

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "system" }

// Owns implements dialect.Dialect: the root of its own listener.
func (h *Handler) Owns() []string {
	if h.Alone {
		return []string{""}
	}
	return nil
}

// Authenticate implements dialect.Dialect: nothing here asks for a credential.
func (h *Handler) Authenticate(*http.Request, dialect.Auth) (core.Caller, error) {
	return core.Caller{}, nil
}

// RenderError implements dialect.Dialect.
func (h *Handler) RenderError(w http.ResponseWriter, _ *http.Request, err error) {
	f := fault.From(err)
	status := http.StatusInternalServerError
	switch {
	case f.Code == dialect.ErrMethodNotAllowed.Code:
		status = http.StatusMethodNotAllowed
	case f.Kind == fault.NotFound:
		status = http.StatusNotFound
	case f.Kind == fault.Unavailable:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	text := f.Message + "\n"
	if f.Kind == fault.Internal {
		text = fault.ErrInternal.Message + "\n"
	}
	write(w, status, text)
}

// Healthz answers as long as the process lives.
func (h *Handler) Healthz(w http.ResponseWriter, _ *http.Request) error {
	write(w, http.StatusOK, "ok\n")
	return nil
}

// Readyz answers 200 only when every service answers.
func (h *Handler) Readyz(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	if err := h.Ready(r.Context()); err != nil {
		return err
	}
	write(w, http.StatusOK, "ready\n")
	return nil
}

// Metrics answers scrapers.
func (h *Handler) Metrics(w http.ResponseWriter, r *http.Request) error {
	if proxied(r) {
		return dialect.ErrNoRoute
	}
	h.Scrape.ServeHTTP(w, r)
	return nil
}

// ListRoutes prints the tables of all dialects.
func (h *Handler) ListRoutes(w http.ResponseWriter, r *http.Request) error {
	if proxied(r) {
		return dialect.ErrNoRoute
	}
	text, err := dialect.Text(h.Dialect(), r.URL.Query().Get("filter"))
	if err != nil {
		return err //nolint:wrapcheck // it names the route
	}
	write(w, http.StatusOK, text)
	return nil
}

// Profile answers `go tool pprof`: the CPU for "profile" (?seconds=N), else a
// named profile of the runtime (heap, goroutine, mutex, …).
func (h *Handler) Profile(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("profile")
	switch {
	case proxied(r) || name != "profile" && runtimepprof.Lookup(name) == nil:
		return dialect.ErrNoRoute
	case name == "profile":
		pprof.Profile(w, r)
	default:
		pprof.Handler(name).ServeHTTP(w, r)
	}
	return nil
}

// proxied reports whether a proxy on this host passed the request on: the
// loopback listener may be public through it, these pages are not.
func proxied(r *http.Request) bool {
	return r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
}

func write(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) //nolint:gosec // plain text under nosniff; an error means that the prober is gone
}
