package telemetry_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

func TestMain(m *testing.M) {
	// HTTP's idle connections to the dummy collector end with its server.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func open(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	if cfg.LogOutput == nil {
		cfg.LogOutput = io.Discard
	}
	tel, err := telemetry.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return tel
}

// lines decodes a JSON log.
func lines(t *testing.T, log *bytes.Buffer) []map[string]any {
	t.Helper()
	var out []map[string]any
	for sc := bufio.NewScanner(log); sc.Scan(); {
		var m map[string]any
		if err := json.Unmarshal(sc.Bytes(), &m); err != nil {
			t.Fatalf("%s: %v", sc.Bytes(), err)
		}
		out = append(out, m)
	}
	return out
}

func TestLog_CarriesTheIDsOfTheContext(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	tel := open(t, telemetry.Config{Service: "edge", LogFormat: "json", LogOutput: &log})
	ctx, span := tel.Tracer("x").Start(telemetry.WithRequestID(t.Context(), "req_1"), "op")
	tel.Log.With("a", 1).WithGroup("g").InfoContext(ctx, "hello", "took", 1500*time.Millisecond)
	tel.Log.Debug("not at this level")
	span.End()
	got := lines(t, &log)
	if len(got) != 1 {
		t.Fatalf("%d lines: %v", len(got), got)
	}
	g, _ := got[0]["g"].(map[string]any)
	if got[0]["service"] != "edge" || got[0]["a"] != 1.0 || g["took"] != "1.5s" || g["request_id"] != "req_1" ||
		g["trace_id"] != span.SpanContext().TraceID().String() {
		t.Errorf("line %v", got[0])
	}
}

// TestSpans_OneTraceInTheLogs follows a request from an edge through a call and
// an event to a webhook, each a service of its own.
func TestSpans_OneTraceInTheLogs(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	root := open(t, telemetry.Config{Service: "sluice", LogLevel: "debug", LogFormat: "json", LogOutput: &log})
	carried := map[string]string{}
	ctx := telemetry.WithRequestID(t.Context(), "req_7")
	services := []string{"edge", "object", "webhook"}
	for i, name := range services {
		tel, err := root.For(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		at := telemetry.Extract(context.Background(), carried)
		if i == 0 {
			at = ctx
		}
		at, span := tel.Tracer("x").Start(at, "work of "+name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("bucket", "b")))
		if got := telemetry.RequestID(at); got != "req_7" {
			t.Errorf("%s has request id %q", name, got)
		}
		carried = map[string]string{}
		telemetry.Inject(at, carried)
		span.SetStatus(codes.Error, "went wrong")
		span.End()
		if err := tel.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
	got := lines(t, &log)
	if len(got) != len(services) {
		t.Fatalf("%d spans: %v", len(got), got)
	}
	for i, l := range got {
		if l["msg"] != "span" || l["service"] != services[i] || l["trace_id"] != got[0]["trace_id"] || l["bucket"] != "b" || l["err"] != "went wrong" {
			t.Errorf("span %v", l)
		}
		if i > 0 && l["parent_id"] != got[i-1]["span_id"] {
			t.Errorf("%v is no child of %v", l, got[i-1])
		}
	}
}

func TestMetrics_OfAllServicesInOneRegistry(t *testing.T) {
	t.Parallel()
	root := open(t, telemetry.Config{Service: "sluice"})
	for _, name := range []string{"edge", "object"} {
		tel, err := root.For(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := tel.Meter("x").Int64Counter("sluice_things", metric.WithDescription("things"))
		if err != nil {
			t.Fatal(err)
		}
		c.Add(t.Context(), 3)
		t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	}
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(root.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).
		ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body := rec.Body.String()
	if rec.Code != http.StatusOK {
		t.Fatal(body)
	}
	for _, want := range []string{`sluice_things_total{service_name="edge"} 3`, `sluice_things_total{service_name="object"} 3`, "go_goroutine_count", "process_resident_memory_bytes"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

func TestContext_BelievesOnlyShortRequestIDs(t *testing.T) {
	t.Parallel()
	ctx := telemetry.Extract(t.Context(), map[string]string{telemetry.HeaderRequestID: strings.Repeat("x", 1000), "traceparent": "nonsense"})
	if telemetry.RequestID(ctx) != "" || trace.SpanContextFromContext(ctx).IsValid() {
		t.Error("believed nonsense")
	}
}

func TestNop_PassesTheTraceOn(t *testing.T) {
	t.Parallel()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	ctx := telemetry.Extract(t.Context(), map[string]string{"traceparent": parent})
	ctx, span := telemetry.Nop().Tracer("x").Start(ctx, "op")
	defer span.End()
	out := map[string]string{}
	telemetry.Inject(ctx, out)
	if out["traceparent"] != parent {
		t.Errorf("traceparent %q", out["traceparent"])
	}
}

func TestNew_RefusesUnknownLevelsAndFormats(t *testing.T) {
	t.Parallel()
	for _, cfg := range []telemetry.Config{{LogLevel: "loud"}, {LogFormat: "xml"}} {
		if _, err := telemetry.New(t.Context(), cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// collector counts the bytes that arrive per path.
type collector struct {
	mu   sync.Mutex
	hits map[string]int
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hits[r.URL.Path] += int(n)
}

// TestExport_OnlyWhenAsked is not parallel: the exporters read the environment
// of the process.
func TestExport_OnlyWhenAsked(t *testing.T) {
	col := &collector{hits: map[string]int{}}
	srv := httptest.NewServer(col)
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	send := func(environ ...string) map[string]int {
		col.mu.Lock()
		col.hits = map[string]int{}
		col.mu.Unlock()
		tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "x", LogOutput: io.Discard, Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := tel.For(t.Context(), "y")
		if err != nil {
			t.Fatal(err)
		}
		_, span := sub.Tracer("x").Start(t.Context(), "op")
		span.End()
		if err := errors.Join(sub.Shutdown(t.Context()), tel.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
		col.mu.Lock()
		defer col.mu.Unlock()
		return col.hits
	}
	endpoint := "OTEL_EXPORTER_OTLP_ENDPOINT=" + srv.URL
	if got := send(); len(got) != 0 {
		t.Errorf("exported unasked: %v", got)
	}
	if got := send(endpoint, "OTEL_SDK_DISABLED=true"); len(got) != 0 {
		t.Errorf("exported although disabled: %v", got)
	}
	if got := send(endpoint, "OTEL_METRICS_EXPORTER=none"); got["/v1/traces"] == 0 || got["/v1/metrics"] != 0 {
		t.Errorf("exported %v, want traces alone", got)
	}
	if got := send(endpoint); got["/v1/traces"] == 0 || got["/v1/metrics"] == 0 {
		t.Errorf("exported %v, want traces and metrics", got)
	}
}
