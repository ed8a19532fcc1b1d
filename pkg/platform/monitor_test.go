package platform_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

// slow is a service that starts and stops when it may.
type slow struct{ may, mayStop chan struct{} }

func (s slow) Start(context.Context) error   { <-s.may; return nil }
func (s slow) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (s slow) Stop(context.Context) error    { <-s.mayStop; return nil }

func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// TestMonitor_TellsTheStateOfTheGroup follows a process from its start to its end.
func TestMonitor_TellsTheStateOfTheGroup(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "object")
	group := lifecycle.NewGroup(lifecycle.Options{})
	var away atomic.Bool
	m := platform.NewMonitor("127.0.0.1:0", rec.Telemetry, group, func() error {
		if away.Load() {
			return errors.New("away")
		}
		return nil
	})
	one := slow{make(chan struct{}), make(chan struct{})}
	listening := make(chan struct{})
	group.Add("monitor", m)
	group.Add("told", told{listening})
	group.Add("slow", one)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- group.Run(ctx) }()
	<-listening
	base := "http://" + m.Addr()
	want := func(path string, status int, text string) {
		t.Helper()
		if got, body := ask(t, http.MethodGet, base+path); got != status || !strings.Contains(body, text) {
			t.Errorf("%s answers %d %.200q, want %d %q", path, got, body, status, text)
		}
	}
	want("/healthz", 200, "ok")
	want("/readyz", 503, "starting")
	close(one.may)
	<-group.Ready()
	want("/readyz", 200, "ready")
	want("/metrics", 200, "sluice_build_info")
	want("/", 404, "")
	if status, _ := ask(t, http.MethodPost, base+"/metrics"); status != 405 {
		t.Errorf("POST answers %d", status)
	}
	away.Store(true)
	want("/readyz", 503, "unavailable")
	cancel()
	<-group.Stopping()
	want("/readyz", 503, "stopping")
	want("/healthz", 200, "ok")
	close(one.mayStop) // the monitor, which started first, stops behind it
	if err := <-ended; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// told is a service that starts when those before it have.
type told struct{ started chan struct{} }

func (s told) Start(context.Context) error   { close(s.started); return nil }
func (s told) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (s told) Stop(context.Context) error    { return nil }
