package dialect

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// none is the dialect and the route of what nobody knows.
const none = "none"

// Attributes of ours.
const (
	dialectKey attribute.Key = "sluice.dialect"
	routeKey   attribute.Key = "sluice.route"
	classKey   attribute.Key = "sluice.status_class"
)

// aborted is the class of answers that were never begun.
const aborted = "aborted"

// meter traces and counts requests. Nothing that a client sends is an attribute:
// methods that nobody knows are one, paths that no route has are none.
type meter struct {
	tracer    trace.Tracer
	duration  metric.Float64Histogram
	active    metric.Int64UpDownCounter
	bytes     metric.Int64Counter
	throttled metric.Int64Counter

	answers  telemetry.Cache[answerKey]
	requests telemetry.Cache[requestKey]
	moved    telemetry.Cache[movedKey]
	slowed   telemetry.Cache[string]
}

// requestKey is what requests under way are told apart by.
type requestKey struct{ method, scheme string }

// answerKey is what answers are.
type answerKey struct {
	requestKey

	dialect, route, path string
	status               int // 0: none
}

// movedKey is what bytes are.
type movedKey struct {
	dialect string
	in      bool
}

func newMeter(tel *telemetry.Telemetry) (*meter, error) {
	const scope = "github.com/sluicehq/sluice/services/edge/dialect"
	in := tel.Instruments(scope)
	m := &meter{
		tracer:    tel.Tracer(scope),
		duration:  in.Seconds("http.server.request.duration", "time to answer a request, its body included", telemetry.LongBuckets),
		active:    in.UpDown("http.server.active_requests", "{request}", "requests being answered"),
		bytes:     in.Counter("sluice.edge.transfer.bytes", "By", "bytes of bodies that came in and went out"),
		throttled: in.Counter("sluice.edge.throttled", "{request}", "requests refused because somebody asks too often"),
	}
	return m, in.Err()
}

// know has the counters of dialects be there before anything happens.
func (m *meter) know(ds []Dialect) {
	for _, d := range ds {
		telemetry.Zero(m.throttled, m.throttling(d.Name()).Add...)
		for _, in := range []bool{false, true} {
			telemetry.Zero(m.bytes, m.moving(movedKey{d.Name(), in}).Add...)
		}
	}
}

func (m *meter) throttling(dialect string) telemetry.Labels {
	return m.slowed.Of(dialect, func(name string) telemetry.Labels { return telemetry.NewLabels(dialectKey.String(name)) })
}

func (m *meter) moving(k movedKey) telemetry.Labels {
	return m.moved.Of(k, func(k movedKey) telemetry.Labels {
		way := semconv.NetworkIODirectionTransmit
		if k.in {
			way = semconv.NetworkIODirectionReceive
		}
		return telemetry.NewLabels(way, dialectKey.String(k.dialect))
	})
}

// move counts bytes of a body as they come in or go out.
func (m *meter) move(ctx context.Context, c *Call, in bool, n int) {
	if n > 0 {
		m.bytes.Add(ctx, int64(n), m.moving(movedKey{c.dialectName(), in}).Add...)
	}
}

// begin opens a request's span and counts it as under way.
func (m *meter) begin(r *http.Request, c *Call) (context.Context, trace.Span, requestKey) {
	k := requestKey{method: telemetry.Method(r.Method), scheme: "http"}
	if strings.HasPrefix(c.BaseURL, "https:") {
		k.scheme = "https"
	}
	ctx, span := m.tracer.Start(r.Context(), spanName(k.method, ""), trace.WithSpanKind(trace.SpanKindServer))
	m.active.Add(ctx, 1, m.running(k).Add...)
	return ctx, span, k
}

func (m *meter) running(k requestKey) telemetry.Labels {
	return m.requests.Of(k, func(k requestKey) telemetry.Labels {
		return telemetry.NewLabels(semconv.HTTPRequestMethodKey.String(k.method), semconv.URLScheme(k.scheme))
	})
}

// spanName is the method and the route, as the semantic conventions want it.
func spanName(method, path string) string {
	if method == telemetry.Other {
		method = "HTTP"
	}
	if path == "" {
		return method
	}
	return method + " " + path
}

// end counts the answer and closes the span.
func (m *meter) end(ctx context.Context, c *Call, k requestKey, status int, took time.Duration, span trace.Span) {
	m.active.Add(ctx, -1, m.running(k).Add...)
	a := answerKey{requestKey: k, dialect: c.dialectName(), route: c.routeName(), path: c.Route.Path, status: telemetry.Status(status)}
	m.duration.Record(ctx, took.Seconds(), m.answers.Of(a, labelsOf).Record...)
	if fault.KindOf(c.Err) == fault.RateLimited {
		m.throttled.Add(ctx, 1, m.throttling(a.dialect).Add...)
	}
	if span.IsRecording() {
		span.SetName(spanName(k.method, a.path))
		span.SetAttributes(a.attributes()...)
		span.SetAttributes(attribute.String("sluice.request_id", c.RequestID))
		if a.failed() != "" {
			span.SetStatus(codes.Error, fault.CodeOf(c.Err))
		}
	}
	span.End()
}

func labelsOf(a answerKey) telemetry.Labels { return telemetry.NewLabels(a.attributes()...) }

func (a answerKey) attributes() []attribute.KeyValue {
	out := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(a.method), semconv.URLScheme(a.scheme),
		dialectKey.String(a.dialect), routeKey.String(a.route), classKey.String(a.class()),
	}
	if a.path != "" {
		out = append(out, semconv.HTTPRoute(a.path))
	}
	if a.status != 0 {
		out = append(out, semconv.HTTPResponseStatusCode(a.status))
	}
	if failed := a.failed(); failed != "" {
		out = append(out, semconv.ErrorTypeKey.String(failed))
	}
	return out
}

// class is the status by its first digit.
func (a answerKey) class() string {
	if a.status == 0 {
		return aborted
	}
	return string(rune('0'+a.status/100)) + "xx"
}

// failed is how an answer failed, by our doing; empty where it did not.
func (a answerKey) failed() string {
	if a.status == 0 {
		return aborted
	}
	return telemetry.FailedStatus(a.status, http.StatusInternalServerError)
}
