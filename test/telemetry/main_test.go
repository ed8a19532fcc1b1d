// Package telemetry_test holds what a system reports of itself to what is asked of
// it: /metrics to the catalog, dashboards, rules and alerts to /metrics, and spans,
// logs and metrics by OTLP to one joined trace.
package telemetry_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// topology is a process per service in the long runs, so that what one service says
// cannot stand in for what another does not.
func topology() harness.Topology {
	if harness.Full() {
		return harness.Processes
	}
	return harness.Embedded
}

// hosts answers for file hosts, receivers of webhooks and servers that files are
// fetched from: paths under /gone are not there, those under /broken fail.
func hosts(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/gone/", http.NotFound)
	mux.HandleFunc("/broken/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte("bytes of a file"))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// randomBytes cannot be compressed or deduplicated.
func randomBytes(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// eventually looks again and again until ok holds, and gives what ok said of why not.
func eventually(t testing.TB, within time.Duration, ok func() string) {
	t.Helper()
	why := ""
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		if why = ok(); why == "" {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Errorf("not within %v: %s", within, why)
}
