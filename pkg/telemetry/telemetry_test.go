package telemetry_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
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

// collector keeps what arrives, by path.
type collector struct {
	mu   sync.Mutex
	hits map[string]string
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hits[r.URL.Path] += string(b)
}

func newCollector(t *testing.T) (*collector, string) {
	t.Helper()
	col := &collector{hits: map[string]string{}}
	srv := httptest.NewServer(col)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		srv.Close()
	})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	return col, "OTEL_EXPORTER_OTLP_ENDPOINT=" + srv.URL
}

// report has a service of a process tell something of each kind, and gives what
// came to the collector and the trace that it tells of.
func (c *collector) report(t *testing.T, environ ...string) (hits map[string]string, span trace.SpanContext) {
	t.Helper()
	c.mu.Lock()
	c.hits = map[string]string{}
	c.mu.Unlock()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "x", Version: "1.2.3", LogOutput: io.Discard, Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	tel.FlushWithin(time.Minute) // the collector is of this process, and a busy machine's
	sub, err := tel.For(t.Context(), "y")
	if err != nil {
		t.Fatal(err)
	}
	ctx, sp := sub.Tracer("x").Start(telemetry.WithRequestID(t.Context(), "req_9"), "op")
	sub.Log.With("bound", "before").InfoContext(ctx, "something happened", "took", time.Second)
	sub.Log.DebugContext(ctx, "nobody wants to hear this")
	sp.End()
	if err := errors.Join(sub.Shutdown(t.Context()), tel.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits, sp.SpanContext()
}

// TestExport_OnlyWhenAsked is not parallel: the exporters read the environment
// of the process.
func TestExport_OnlyWhenAsked(t *testing.T) {
	col, endpoint := newCollector(t)
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{nil, ""},
		{[]string{endpoint, "OTEL_SDK_DISABLED=true"}, ""},
		{[]string{endpoint, "OTEL_METRICS_EXPORTER=none"}, "logs traces"},
		{[]string{endpoint, "OTEL_METRICS_EXPORTER=prometheus", "OTEL_LOGS_EXPORTER=none"}, "traces"}, // which there is anyway
		{[]string{endpoint}, "logs metrics traces"},
		{[]string{"OTEL_LOGS_EXPORTER=otlp"}, "logs"},
	} {
		hits, _ := col.report(t, c.environ...)
		got := strings.ReplaceAll(strings.Join(slices.Sorted(maps.Keys(hits)), " "), "/v1/", "")
		if got != c.want {
			t.Errorf("%v exports %q, want %q", c.environ, got, c.want)
		}
	}
}

// TestExport_SaysWhoAndWhere is not parallel, as above.
func TestExport_SaysWhoAndWhere(t *testing.T) {
	col, endpoint := newCollector(t)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.instance.id=one,service.namespace=mine")
	t.Setenv("OTEL_SERVICE_NAME", "nobody")
	hits, span := col.report(t, endpoint)
	for path, body := range hits {
		for _, want := range []string{"deployment.environment.name", "service.instance.id", "one", "mine", "1.2.3", "host.name"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not say %s", path, want)
			}
		}
		if strings.Contains(body, "nobody") {
			t.Errorf("%s is said by OTEL_SERVICE_NAME, not by the service", path)
		}
	}
	logs, id := hits["/v1/logs"], span.TraceID()
	for _, want := range []string{"something happened", "req_9", "bound", "before", string(id[:])} {
		if !strings.Contains(logs, want) {
			t.Errorf("no %q in the logs %q", want, logs)
		}
	}
	if strings.Contains(logs, "nobody wants") || strings.Contains(logs, id.String()) {
		t.Errorf("the logs have what is below the level, or the trace twice: %q", logs)
	}
}

// TestSampler_IsTheVariables is not parallel, as above.
func TestSampler_IsTheVariables(t *testing.T) {
	col, endpoint := newCollector(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	if hits, span := col.report(t, endpoint, "OTEL_TRACES_SAMPLER=always_off"); hits["/v1/traces"] != "" || !span.IsValid() || span.IsSampled() {
		t.Errorf("always_off records %v", span)
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "1")
	if hits, span := col.report(t, endpoint, "OTEL_TRACES_SAMPLER=traceidratio"); hits["/v1/traces"] == "" || !span.IsSampled() {
		t.Errorf("a ratio of 1 does not record %v", span)
	}
}
