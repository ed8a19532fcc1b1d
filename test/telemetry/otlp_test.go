package telemetry_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// span is one span as a trace store would have it.
type span struct {
	trace, id, parent string
	name, service     string
	pid               string // of the process that made it
	kind              tracepb.Span_SpanKind
	attrs             map[string]string
	start, end        uint64
	linked            []string // traces that it links to
}

// logLine is one record of a log.
type logLine struct {
	service, body, trace, span string
}

// sink takes what a system sends by OTLP, over gRPC and over HTTP.
type sink struct {
	grpcAddr, httpAddr string

	mu      sync.Mutex
	spans   []span
	logs    []logLine
	metrics map[string]map[string]bool // names by service
}

// newSink listens until the test's end.
func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{metrics: map[string]map[string]bool{}}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(srv, traceSink{s: s})
	colmetrics.RegisterMetricsServiceServer(srv, metricSink{s: s})
	collogs.RegisterLogsServiceServer(srv, logSink{s: s})
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }() // ends by Stop
	t.Cleanup(func() { srv.Stop(); <-done })
	s.grpcAddr = ln.Addr().String()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		take(w, r, &coltrace.ExportTraceServiceRequest{}, &coltrace.ExportTraceServiceResponse{}, s.addSpans)
	})
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, r *http.Request) {
		take(w, r, &colmetrics.ExportMetricsServiceRequest{}, &colmetrics.ExportMetricsServiceResponse{}, s.addMetrics)
	})
	mux.HandleFunc("POST /v1/logs", func(w http.ResponseWriter, r *http.Request) {
		take(w, r, &collogs.ExportLogsServiceRequest{}, &collogs.ExportLogsServiceResponse{}, s.addLogs)
	})
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	s.httpAddr = strings.TrimPrefix(web.URL, "http://")
	return s
}

// take answers one export over HTTP.
func take[Req, Resp proto.Message](w http.ResponseWriter, r *http.Request, req Req, resp Resp, add func(Req)) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err == nil {
		err = proto.Unmarshal(b, req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	add(req)
	out, err := proto.Marshal(resp)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(out)
}

type traceSink struct {
	coltrace.UnimplementedTraceServiceServer
	s *sink
}

// Export implements coltrace.TraceServiceServer.
func (t traceSink) Export(_ context.Context, r *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	t.s.addSpans(r)
	return &coltrace.ExportTraceServiceResponse{}, nil
}

type metricSink struct {
	colmetrics.UnimplementedMetricsServiceServer
	s *sink
}

// Export implements colmetrics.MetricsServiceServer.
func (m metricSink) Export(_ context.Context, r *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	m.s.addMetrics(r)
	return &colmetrics.ExportMetricsServiceResponse{}, nil
}

type logSink struct {
	collogs.UnimplementedLogsServiceServer
	s *sink
}

// Export implements collogs.LogsServiceServer.
func (l logSink) Export(_ context.Context, r *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	l.s.addLogs(r)
	return &collogs.ExportLogsServiceResponse{}, nil
}

func (s *sink) addSpans(r *coltrace.ExportTraceServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range r.GetResourceSpans() {
		of := attributes(rs.GetResource().GetAttributes())
		for _, ss := range rs.GetScopeSpans() {
			for _, p := range ss.GetSpans() {
				one := span{
					trace: hex.EncodeToString(p.GetTraceId()), id: hex.EncodeToString(p.GetSpanId()), parent: hex.EncodeToString(p.GetParentSpanId()),
					name: p.GetName(), kind: p.GetKind(), attrs: attributes(p.GetAttributes()), start: p.GetStartTimeUnixNano(), end: p.GetEndTimeUnixNano(),
					service: of["service.name"], pid: of["process.pid"],
				}
				for _, l := range p.GetLinks() {
					one.linked = append(one.linked, hex.EncodeToString(l.GetTraceId()))
				}
				s.spans = append(s.spans, one)
			}
		}
	}
}

func (s *sink) addLogs(r *collogs.ExportLogsServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rl := range r.GetResourceLogs() {
		service := serviceOf(rl.GetResource())
		for _, sl := range rl.GetScopeLogs() {
			for _, l := range sl.GetLogRecords() {
				s.logs = append(s.logs, logLine{service, l.GetBody().GetStringValue(), hex.EncodeToString(l.GetTraceId()), hex.EncodeToString(l.GetSpanId())})
			}
		}
	}
}

func (s *sink) addMetrics(r *colmetrics.ExportMetricsServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rm := range r.GetResourceMetrics() {
		service := serviceOf(rm.GetResource())
		if s.metrics[service] == nil {
			s.metrics[service] = map[string]bool{}
		}
		for _, sm := range rm.GetScopeMetrics() {
			for _, m := range sm.GetMetrics() {
				s.metrics[service][m.GetName()] = true
			}
		}
	}
}

func serviceOf(r *resource.Resource) string { return attributes(r.GetAttributes())["service.name"] }

func attributes(kvs []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range kvs {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[kv.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			out[kv.GetKey()] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			out[kv.GetKey()] = fmt.Sprint(v.BoolValue)
		}
	}
	return out
}

// of gives the spans of a trace that have come so far.
func (s *sink) of(trace string) tree {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := tree{}
	for _, p := range s.spans {
		if p.trace == trace {
			out[p.id] = p
		}
	}
	return out
}

// said gives the lines of logs of a trace.
func (s *sink) said(trace string) []logLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []logLine
	for _, l := range s.logs {
		if l.trace == trace {
			out = append(out, l)
		}
	}
	return out
}

// measures reports whether a service has sent a metric.
func (s *sink) measures(service, metric string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.metrics[service][metric]
}
