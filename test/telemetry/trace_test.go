package telemetry_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/sluicehq/sluice/test/harness"
)

const (
	server   = tracepb.Span_SPAN_KIND_SERVER
	client   = tracepb.Span_SPAN_KIND_CLIENT
	producer = tracepb.Span_SPAN_KIND_PRODUCER
	consumer = tracepb.Span_SPAN_KIND_CONSUMER
)

type attrs = map[string]string

// TestTraces follows two causes to their last effects, by OTLP over each of its
// transports. In the soak a genuine collector stands between.
func TestTraces(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(strings.SplitN(protocol, "/", 2)[0], func(t *testing.T) {
			t.Parallel()
			s := newSink(t)
			endpoint := s.grpcAddr
			if protocol != "grpc" {
				endpoint = s.httpAddr
			}
			if harness.Soak() {
				endpoint = collector(t, s, protocol)
			}
			top := topology()
			if protocol != "grpc" {
				top = harness.Embedded
			}
			w := harness.Start(t, harness.Options{Topology: top, Env: []string{
				"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "SLUICE_LOG_LEVEL=info",
				"OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_BLRP_SCHEDULE_DELAY=100", "OTEL_METRIC_EXPORT_INTERVAL=1000",
			}})
			c := harness.NewClient(t, w, "traced")
			t.Run("UploadWithWebhook", func(t *testing.T) { uploadTraced(t, s, c, top) })
			t.Run("ContainerWithChecks", func(t *testing.T) { containerTraced(t, s, c, top) })
			t.Run("Metrics", func(t *testing.T) { metricsArrive(t, s) })
		})
	}
}

// cause is the trace context of a request that a test sends.
type cause struct{ trace, span string }

func newCause(t *testing.T) cause {
	t.Helper()
	b := make([]byte, 24)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return cause{hex.EncodeToString(b[:16]), hex.EncodeToString(b[16:])}
}

func (c cause) header() string { return "00-" + c.trace + "-" + c.span + "-01" }

// uploadTraced: PUT → object's commit → outbox → event → webhook → the receiver.
func uploadTraced(t *testing.T, s *sink, c *harness.Client, top harness.Topology) {
	r := harness.NewReceiver(t, nil)
	c.Bucket(t, "traced")
	c.Do(t, http.MethodPut, "/api/v1/buckets/traced/notifications", map[string]any{"configs": []map[string]any{{"url": r.URL, "events": []string{"object-created"}}}}, nil).Want(t, http.StatusOK)
	why := newCause(t)
	c.Put(t, "traced", "a", randomBytes(t, 20<<10), http.Header{"Traceparent": {why.header()}})
	hooks := r.Wait(t, time.Minute, "the delivery", func(h []harness.Hook) bool { return len(h) > 0 })
	if p := hooks[0].Header.Get("Traceparent"); !strings.Contains(p, why.trace) {
		t.Errorf("the receiver was not told the trace: %q", p)
	}
	joined(t, s, why, top, 1,
		step{"edge", server, attrs{"http.request.method": "PUT", "http.route": "", "http.response.status_code": "201"}},
		step{"edge", client, attrs{"rpc.method": "", "rpc.system.name": "nats"}},
		step{"object", server, attrs{"rpc.method": ""}},
		step{"object", producer, attrs{"messaging.system": "nats", "messaging.destination.name": ""}},
		step{"webhook", consumer, attrs{"messaging.consumer.group.name": ""}},
		step{"webhook", client, attrs{"http.request.method": "POST", "http.response.status_code": "204"}},
	)
}

// containerTraced: POST → linkchecker's commit → outbox → check → each of the links' hosts.
func containerTraced(t *testing.T, s *sink, c *harness.Client, top harness.Topology) {
	away := hosts(t)
	l := c.Locknex(t)
	why := newCause(t)
	l.With("Traceparent", why.header()).Create(t, "traced", []string{away.URL + "/one", away.URL + "/two"})
	joined(t, s, why, top, 2,
		step{"edge", server, attrs{"http.request.method": "POST", "http.route": ""}},
		step{"edge", client, attrs{"rpc.method": ""}},
		step{"linkchecker", server, attrs{"rpc.method": ""}},
		step{"linkchecker", producer, attrs{"messaging.destination.name": ""}},
		step{"linkchecker", consumer, attrs{"messaging.consumer.group.name": "links-checks"}},
		step{"linkchecker", client, attrs{"http.request.method": ""}},
	)
}

// joined waits for so many effects at the end of the way, and then wants a whole
// trace, logs that belong to it, and as many processes as services.
func joined(t *testing.T, s *sink, why cause, top harness.Topology, effects int, steps ...step) {
	t.Helper()
	eventually(t, time.Minute, func() string {
		got := s.of(why.trace)
		if n := got.ways(why.span, steps...); n < effects {
			return fmt.Sprintf("%d of %d effects of the request came by %v:\n%v", n, effects, steps, got)
		}
		return strings.Join(got.faults(why.span), "\n") // a parent ends after its children
	})
	got := s.of(why.trace)
	names, processes := got.services()
	if top == harness.Processes && processes != len(names) || top == harness.Embedded && processes != 1 {
		t.Errorf("%v ran in %d processes", names, processes)
	}
	eventually(t, time.Minute, func() string {
		for _, l := range s.said(why.trace) {
			if p, ok := got[l.span]; ok && p.service == l.service && l.service == "edge" && l.body == "request" {
				return ""
			}
		}
		return fmt.Sprintf("no access line of the edge has this trace: %v", s.said(why.trace))
	})
	write(t, got)
}

// metricsArrive wants something of each kind from those that took part.
func metricsArrive(t *testing.T, s *sink) {
	want := []struct{ service, metric string }{
		{"edge", "http.server.request.duration"}, {"edge", "rpc.client.call.duration"}, {"object", "rpc.server.call.duration"}, {"object", "sluice.outbox.depth"},
		{"webhook", "messaging.process.duration"}, {"webhook", "sluice.webhook.deliveries"}, {"linkchecker", "sluice.linkchecker.checks"},
	}
	eventually(t, time.Minute, func() string {
		i := slices.IndexFunc(want, func(m struct{ service, metric string }) bool { return !s.measures(m.service, m.metric) })
		if i < 0 {
			return ""
		}
		return fmt.Sprintf("%+v has not come", want[i])
	})
}

var writing sync.Mutex

// write adds a trace to the file that SLUICE_TEST_TRACE names.
func write(t *testing.T, got tree) {
	t.Helper()
	path := os.Getenv("SLUICE_TEST_TRACE")
	if path == "" {
		return
	}
	writing.Lock()
	defer writing.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s\n%v\n", t.Name(), got); err != nil {
		t.Fatal(err)
	}
}
