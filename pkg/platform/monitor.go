package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Bounds of the monitor's listener.
const (
	monitorHeader = 5 * time.Second
	monitorScrape = 30 * time.Second // writing an answer
)

// Monitor answers what operators' systems ask of a process: /metrics, /healthz (it
// lives) and /readyz (all its services run, and what they need is there). It is the
// first service of a group, so that it answers while the others start and stop.
type Monitor struct {
	addr  string
	tel   *telemetry.Telemetry
	group *lifecycle.Group
	check func() error
	ln    net.Listener
	srv   *http.Server
}

var _ lifecycle.Service = (*Monitor)(nil)

// NewMonitor makes the monitor of group that listens on addr. check, which may be
// nil, is asked while the group is ready, and must not block.
func NewMonitor(addr string, tel *telemetry.Telemetry, group *lifecycle.Group, check func() error) *Monitor {
	return &Monitor{addr: addr, tel: tel, group: group, check: check}
}

// Start implements lifecycle.Service.
func (m *Monitor) Start(ctx context.Context) (err error) {
	if m.ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", m.addr); err != nil {
		return fmt.Errorf("listening on monitor_addr %s: %w", m.addr, err)
	}
	m.srv = &http.Server{
		Handler: m, ReadHeaderTimeout: monitorHeader, WriteTimeout: monitorScrape, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(m.tel.Log.Handler(), slog.LevelDebug),
	}
	m.tel.Log.InfoContext(ctx, "monitoring", slog.String(telemetry.KeyAddr, m.ln.Addr().String()))
	return nil
}

// Addr is where it listens, once started.
func (m *Monitor) Addr() string { return m.ln.Addr().String() }

// Run implements lifecycle.Service.
func (m *Monitor) Run(context.Context) error {
	if err := m.srv.Serve(m.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answering on monitor_addr: %w", err)
	}
	return nil
}

// Stop implements lifecycle.Service.
func (m *Monitor) Stop(ctx context.Context) error {
	if err := m.srv.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("ending the monitor: %w", err), m.srv.Close())
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the method is not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Path {
	case "/metrics":
		m.tel.Handler().ServeHTTP(w, r)
	case "/healthz":
		_, _ = w.Write([]byte("ok\n"))
	case "/readyz":
		m.readyz(w)
	default:
		http.NotFound(w, r)
	}
}

func (m *Monitor) readyz(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	state := m.group.State()
	switch {
	case state != lifecycle.Ready:
		http.Error(w, state.String(), http.StatusServiceUnavailable)
	case m.check != nil && m.check() != nil:
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	default:
		_, _ = w.Write([]byte("ready\n"))
	}
}
