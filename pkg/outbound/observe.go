package outbound

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// scope names the tracer and the meter of this package.
const scope = "github.com/sluicehq/sluice/pkg/outbound"

// observer makes a span and a measurement of each exchange. Metrics never name the
// host, which a user chose; spans do, but not the rest of the URL, which may hold a
// secret. Nothing of a trace is told to the other side.
type observer struct {
	tracer   trace.Tracer
	purpose  string
	duration metric.Float64Histogram
	labels   telemetry.Cache[exchangeKey]
}

// exchangeKey is what exchanges are told apart by.
type exchangeKey struct {
	method string
	status int
	failed string
}

func newObserver(tel *telemetry.Telemetry, purpose string) *observer {
	if tel == nil {
		tel = telemetry.Nop()
	}
	in := tel.Instruments(scope)
	o := &observer{
		tracer: tel.Tracer(scope), purpose: purpose,
		duration: in.Seconds("http.client.request.duration", "time until an address that a user gave answered, redirects included", telemetry.LongBuckets),
	}
	if err := in.Err(); err != nil {
		tel.Log.Error("outbound requests are not measured", telemetry.KeyErr, err)
	}
	return o
}

// begin starts the clock of an exchange; end stops it when there is an answer, or
// none.
func (o *observer) begin(ctx context.Context, req *http.Request) (_ context.Context, end func(*http.Response, error)) {
	began, method := time.Now(), telemetry.Method(req.Method)
	ctx, span := o.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(semconv.HTTPRequestMethodKey.String(method), attribute.String("sluice.purpose", o.purpose)))
	if span.IsRecording() && req.URL != nil {
		span.SetAttributes(semconv.URLScheme(req.URL.Scheme), semconv.ServerAddress(req.URL.Hostname()))
		if port, err := strconv.Atoi(req.URL.Port()); err == nil {
			span.SetAttributes(semconv.ServerPort(port))
		}
	}
	return ctx, func(resp *http.Response, err error) {
		k := exchangeKey{method: method}
		if err != nil {
			k.failed = string(fault.KindOf(err))
		} else {
			k.status = telemetry.Status(resp.StatusCode)
			k.failed = telemetry.FailedStatus(k.status, http.StatusBadRequest)
		}
		o.duration.Record(ctx, time.Since(began).Seconds(), o.labels.Of(k, o.labelsOf).Record...)
		if k.status != 0 {
			span.SetAttributes(semconv.HTTPResponseStatusCode(k.status))
		}
		if k.failed != "" {
			span.SetAttributes(semconv.ErrorTypeKey.String(k.failed))
			span.SetStatus(codes.Error, fault.CodeOf(err))
		}
		span.End()
	}
}

func (o *observer) labelsOf(k exchangeKey) telemetry.Labels {
	kvs := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(k.method), attribute.String("sluice.purpose", o.purpose), semconv.ErrorTypeKey.String(k.failed),
	}
	if k.status != 0 {
		kvs = append(kvs, semconv.HTTPResponseStatusCode(k.status))
	}
	return telemetry.NewLabels(kvs...)
}
