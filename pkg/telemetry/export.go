package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/oklog/ulid/v2"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// export says which signals leave the process, and whether OTEL_TRACES_SAMPLER
// says which spans are recorded.
type export struct{ traces, metrics, logs, sampler bool }

func exportFrom(environ []string) export {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, "OTEL_") {
			env[k] = v
		}
	}
	asked := func(signal string) bool {
		if v := env["OTEL_"+signal+"_EXPORTER"]; v != "" {
			// Prometheus is answered under /metrics in any case.
			return v != "none" && v != "prometheus"
		}
		return env["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || env["OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"] != ""
	}
	if strings.EqualFold(env["OTEL_SDK_DISABLED"], "true") {
		return export{}
	}
	return export{traces: asked("TRACES"), metrics: asked("METRICS"), logs: asked("LOGS"), sampler: env["OTEL_TRACES_SAMPLER"] != ""}
}

// commonResource describes the process: what OTEL_RESOURCE_ATTRIBUTES says counts
// before what we say. Only the name is each service's own (OTEL_SERVICE_NAME does
// not count), since a process may hold several.
func commonResource(ctx context.Context, version string) (*resource.Resource, error) {
	res, err := resource.New(ctx,
		resource.WithAttributes(
			semconv.ServiceNamespace("sluice"), semconv.ServiceVersion(version), semconv.ServiceInstanceID(ulid.Make().String()),
		),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID(), resource.WithProcessRuntimeVersion(),
		resource.WithSchemaURL(semconv.SchemaURL),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("describing the process: %w", err)
	}
	return res, nil
}

// openExporters makes what sends the spans and logs of all services, and gives
// what ends it.
func (sh *shared) openExporters(ctx context.Context) (closers []func(context.Context) error, err error) {
	if sh.cfg.Spans != nil {
		sh.spans = append(sh.spans, sh.cfg.Spans)
	}
	if sh.export.traces {
		e, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("setting up the export of traces: %w", err)
		}
		p := sdktrace.NewBatchSpanProcessor(e)
		sh.spans = append(sh.spans, p)
		closers = append(closers, p.Shutdown)
	}
	if sh.export.logs {
		e, err := autoexport.NewLogExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("setting up the export of logs: %w", err)
		}
		sh.logs = sdklog.NewBatchProcessor(e)
		closers = append(closers, sh.logs.Shutdown)
	}
	return closers, nil
}

// newReader makes what sends the metrics of one service.
func newReader(ctx context.Context) (sdkmetric.Reader, error) {
	r, err := autoexport.NewMetricReader(ctx)
	if err != nil {
		return nil, fmt.Errorf("setting up the export of metrics: %w", err)
	}
	return r, nil
}

// addLogs gives t its logger: to the output and, where they are asked for, to OTLP.
func (sh *shared) addLogs(t *Telemetry, res *resource.Resource, name string) {
	h := sh.output
	if sh.logs != nil {
		lp := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(borrowedLogs{sh.logs}))
		t.closers = append(t.closers, lp.Shutdown)
		// The bridge takes the span of the context by itself.
		bridge := contextHandler{Handler: otelslog.NewHandler(scope, otelslog.WithLoggerProvider(lp)), bridged: true}
		h = slog.NewMultiHandler(h, leveled{bridge, h})
	}
	t.Log = slog.New(h).With(KeyService, name)
}

// leveled is a handler that is as talkative as another one.
type leveled struct {
	slog.Handler
	as slog.Handler
}

// Enabled implements slog.Handler.
func (h leveled) Enabled(ctx context.Context, l slog.Level) bool { return h.as.Enabled(ctx, l) }

// WithAttrs implements slog.Handler.
func (h leveled) WithAttrs(as []slog.Attr) slog.Handler {
	return leveled{h.Handler.WithAttrs(as), h.as}
}

// WithGroup implements slog.Handler.
func (h leveled) WithGroup(name string) slog.Handler { return leveled{h.Handler.WithGroup(name), h.as} }

// borrowed is a span processor that its provider must not shut down, because
// the other services of the process use it too. What it holds leaves when the
// process's own is shut down: waiting for that once per service would be too long
// where the collector is away.
type borrowed struct{ sdktrace.SpanProcessor }

// Shutdown implements sdktrace.SpanProcessor.
func (borrowed) Shutdown(context.Context) error { return nil }

// borrowedLogs is borrowed for logs.
type borrowedLogs struct{ sdklog.Processor }

// Shutdown implements sdklog.Processor.
func (borrowedLogs) Shutdown(context.Context) error { return nil }
