package telemetry_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// TestCollector_TakesItsConfiguration holds what deploy gives to a collector to a
// genuine one.
func TestCollector_TakesItsConfiguration(t *testing.T) {
	t.Parallel()
	if !harness.Soak() {
		t.Skip("SLUICE_SOAK is not set; to build a collector takes minutes")
	}
	out, err := exec.CommandContext(t.Context(), collectorBinary(t), "validate", "--config", "../../deploy/compose/collector.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// collector starts a genuine OpenTelemetry collector, built from test/otelcol, that
// passes on to s what it gets, and gives its address for the protocol.
func collector(t *testing.T, s *sink, protocol string) string {
	t.Helper()
	bin := collectorBinary(t)
	grpcAddr, httpAddr, health := free(t), free(t), free(t)
	config := filepath.Join(t.TempDir(), "otelcol.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
receivers: {otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}}
processors: {batch: {timeout: 100ms}}
exporters: {otlp_grpc: {endpoint: %q, tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: basic, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}}
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}
    metrics: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}
    logs: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}
`, grpcAddr, httpAddr, s.grpcAddr, port(t, health)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, "--config", config)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	logs, err := os.Create(filepath.Join(t.TempDir(), "otelcol.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = logs, logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait(); _ = logs.Close() }) // the test's context is over by then
	eventually(t, time.Minute, func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+health+"/metrics", nil)
		if err != nil {
			return err.Error()
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b, _ := os.ReadFile(logs.Name())
			return fmt.Sprintf("%v\n%s", err, b)
		}
		_ = resp.Body.Close()
		return ""
	})
	if protocol == "grpc" {
		return grpcAddr
	}
	return httpAddr
}

// collectorBinary builds the collector.
func collectorBinary(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin", "tools", "otelcol")
	build := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(root, "test/otelcol"), "build", "-ldflags", "-s -w", "-o", bin, ".") // a module outside go.work
	build.Env = append(build.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the collector: %v\n%s", err, out)
	}
	return bin
}

// free gives an address that nothing listens on.
func free(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func port(t *testing.T, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
