package dialect_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/contracts/metrics"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// recorded makes a World whose telemetry can be looked at.
func recorded(t *testing.T) (*edgetest.World, *telemetrytest.Recorder) {
	t.Helper()
	rec := telemetrytest.New(t, "edge")
	return edgetest.New(t, func(_ *edge.Config, d *edge.Deps) { d.Tel = rec.Telemetry }), rec
}

// raw sends a request as it stands and returns when its connection is closed: an
// answer may be whole before the server has counted it, which it has by then.
func raw(t *testing.T, w *edgetest.World, request string) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, request); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c)
}

// hostile is what strangers send; n makes all of it other names.
func hostile(n int) []string {
	secret := fmt.Sprintf("zq%dsecret", n)
	var out []string
	for _, method := range []string{"GET", "PUT", "DELETE", "PROPFIND", "BREW" + secret, "get", "X" + strings.Repeat("Y", n), "CONNECT", "TRACE"} {
		for _, path := range []string{"/", "/" + secret, "/api/v1/buckets/" + secret + "/objects/" + secret, "/s/" + secret + ".svg", "/file/" + secret + "/x", "/%ff%00" + secret, "/f/../" + secret, "*"} {
			out = append(out, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s.example\r\nConnection: close\r\nX-Forwarded-Proto: %s\r\nUser-Agent: %s\r\nX-Request-Id: %s\r\nContent-Length: 0\r\n\r\n",
				method, path, secret, secret, secret, secret))
		}
	}
	return append(out, "\x16\x03\x01"+secret+"\r\n\r\n", "GET /"+secret+" HTTP/9.9\r\n\r\n")
}

// TestMetrics_NothingOfAStranger sends the same hostile requests with other names:
// no metric gets a series by that, and none has a value that a client chose.
func TestMetrics_NothingOfAStranger(t *testing.T) {
	t.Parallel()
	w, rec := recorded(t)
	count := func() (n int) {
		families, err := rec.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				n++
				for _, l := range m.GetLabel() {
					if v := strings.ToLower(l.GetValue()); strings.Contains(v, "secret") || strings.Contains(v, "example") || len(v) > 128 {
						t.Errorf("%s: label %s is %q", f.GetName(), l.GetName(), v)
					}
				}
			}
		}
		return n
	}
	for _, r := range hostile(1) {
		raw(t, w, r)
	}
	before := count()
	for _, n := range []int{2, 33, 400} {
		for _, r := range hostile(n) {
			raw(t, w, r)
		}
	}
	if after := count(); after != before {
		t.Errorf("other names make %d series more", after-before)
	}
	inCatalog(t, rec)
	for _, name := range rec.Values(t, "http_server_request_duration_seconds", "http_route") {
		if strings.Contains(name, "zq") {
			t.Errorf("a route is %q", name)
		}
	}
}

// inCatalog wants of every value that the catalog lists it.
func inCatalog(t *testing.T, rec *telemetrytest.Recorder) {
	t.Helper()
	for _, m := range metrics.All() {
		for _, p := range rec.Points(t, m.Prometheus()) {
			for _, a := range m.Attributes {
				v, there := p.Labels[metrics.Label(a.Key)]
				if len(a.Values) > 0 && there && !slices.Contains(a.Values, v) || !there && a.When == "" {
					t.Errorf("%s: %s is %q (there: %v), not of %v", m.Name, a.Key, v, there, a.Values)
				}
			}
			if extra := len(p.Labels) - len(m.Attributes); extra > 0 {
				t.Errorf("%s has %d labels that the catalog does not name: %v", m.Name, extra, p.Labels)
			}
		}
	}
}

// TestRequest_IsASpanInItsCallersTrace sends a trace along, and reads span, metrics
// and exemplar of the answer.
func TestRequest_IsASpanInItsCallersTrace(t *testing.T) {
	t.Parallel()
	w, rec := recorded(t)
	const traceID, spanID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	w.Want(t, http.StatusCreated, "POST", "/api/v1/buckets", `{"name":"box"}`, http.Header{"Traceparent": {"00-" + traceID + "-" + spanID + "-01"}})
	const name = "POST /api/v1/buckets"
	eventually(t, "the span ends", func() bool { return rec.Span(name) != nil })
	span := rec.Span(name)
	if span.SpanContext().TraceID().String() != traceID || span.Parent().SpanID().String() != spanID || span.SpanKind() != trace.SpanKindServer {
		t.Errorf("span %v of %v", span.SpanContext(), span.Parent())
	}
	for key, want := range map[string]string{
		"http.request.method": "POST", "http.route": "/api/v1/buckets", "http.response.status_code": "201", "url.scheme": "http",
		"sluice.dialect": "lockwell", "sluice.route": "CreateBucket", "sluice.status_class": "2xx", "error.type": "",
	} {
		if got := telemetrytest.Attribute(span, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, kv := range span.Attributes() {
		if strings.Contains(kv.Value.String(), w.Token) || kv.Key == "url.path" || kv.Key == "url.query" {
			t.Errorf("the span tells %s", kv.Key)
		}
	}
	labels := map[string]string{"http_request_method": "POST", "sluice_route": "CreateBucket", "http_response_status_code": "201", "sluice_status_class": "2xx"}
	if n, _ := rec.Sum(t, "http_server_request_duration_seconds", labels); n != 1 {
		t.Errorf("counted %v times", n)
	}
	for _, p := range rec.Points(t, "http_server_request_duration_seconds") {
		if p.Labels["sluice_route"] == "CreateBucket" && !slices.Contains(p.Traces, traceID) {
			t.Errorf("the exemplar is of %v", p.Traces)
		}
	}
	for way, least := range map[string]float64{"receive": 14, "transmit": 1} {
		if n, _ := rec.Sum(t, "sluice_edge_transfer_bytes_total", map[string]string{"network_io_direction": way, "sluice_dialect": "lockwell"}); n < least {
			t.Errorf("%v bytes %s", n, way)
		}
	}
	if n, ok := rec.Sum(t, "http_server_active_requests", nil); n != 0 || !ok {
		t.Errorf("%v requests are under way", n)
	}
}

// TestRequest_CutOffIsAborted leaves before the answer begins.
func TestRequest_CutOffIsAborted(t *testing.T) {
	t.Parallel()
	w, rec := recorded(t)
	w.Want(t, http.StatusCreated, "POST", "/api/v1/buckets", `{"name":"box"}`, nil)
	c, _ := dial(t, w, "PUT", object, "Content-Length: 1000000\r\n")
	_, _ = c.Write(make([]byte, 1000))
	eventually(t, "it is under way", func() bool {
		n, _ := rec.Sum(t, "http_server_active_requests", map[string]string{"http_request_method": "PUT"})
		return n == 1
	})
	_ = c.Close()
	eventually(t, "it is over", func() bool {
		n, _ := rec.Sum(t, "http_server_request_duration_seconds", map[string]string{"http_request_method": "PUT", "sluice_route": "PutObject"})
		return n == 1
	})
	inCatalog(t, rec)
}

// TestRequest_PassesLittleStateOn sends a tracestate that may go on, and one that
// would fill every call and event.
func TestRequest_PassesLittleStateOn(t *testing.T) {
	t.Parallel()
	w, rec := recorded(t)
	long := make([]string, 30)
	for i := range long {
		long[i] = fmt.Sprintf("k%d=%s", i, strings.Repeat("v", 200))
	}
	for id, c := range map[string]struct {
		state []string
		want  int
	}{
		"1af7651916cd43dd8448eb211c80319c": {[]string{"vendor=one", "other=two"}, 2},
		"2af7651916cd43dd8448eb211c80319c": {long, 0},
	} {
		w.Want(t, http.StatusOK, "GET", "/api/v1/buckets", "", http.Header{"Traceparent": {"00-" + id + "-b7ad6b7169203331-01"}, "Tracestate": c.state})
		eventually(t, fmt.Sprintf("the span has %d states", c.want), func() bool {
			for _, s := range rec.Spans() {
				if s.SpanContext().TraceID().String() == id && s.SpanKind() == trace.SpanKindServer {
					return s.SpanContext().TraceState().Len() == c.want
				}
			}
			return false
		})
	}
}
