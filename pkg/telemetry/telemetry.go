package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	runtimemetrics "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/attribute"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
)

// Config says what a process reports and how.
type Config struct {
	Service   string    // name of the service or, in the one binary, of the process
	Version   string    // build version
	LogLevel  string    // debug, info, warn, error; empty means info
	LogFormat string    // text or json; empty means text
	LogOutput io.Writer // nil means standard error
	// Environ is the environment ("KEY=value"), in which the standard OTEL_*
	// variables decide about export: it is on when an exporter or an OTLP
	// endpoint is named, and never when OTEL_SDK_DISABLED is true. The exporters
	// then read their own variables from the process's environment.
	Environ []string
}

// Telemetry is what one service reports through. Its fields are never nil and
// not to be changed; all methods are safe for concurrent use.
type Telemetry struct {
	Log        *slog.Logger                  // adds trace_id, span_id and request_id of the context
	Registry   *prometheus.Registry          // everything under /metrics
	Propagator propagation.TextMapPropagator // W3C trace context and baggage

	tracers trace.TracerProvider
	meters  metric.MeterProvider
	shared  *shared // nil for Nop
	closers []func(context.Context) error
}

// shared is what the services of one process have in common.
type shared struct {
	cfg     Config
	base    *slog.Logger // Log without the service's name
	export  export
	spans   sdktrace.SpanProcessor // the exporter of all services; nil without OTLP
	sampler sdktrace.TracerProviderOption
}

// New sets a process's telemetry up. Shutdown must be called to flush exporters.
func New(ctx context.Context, cfg Config) (*Telemetry, error) {
	if cfg.LogOutput == nil {
		cfg.LogOutput = os.Stderr
	}
	log, err := NewLogger(cfg.LogOutput, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return nil, err
	}
	sh := &shared{cfg: cfg, base: log, export: exportFrom(cfg.Environ)}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	var closers []func(context.Context) error
	if sh.export.traces {
		e, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("setting up the export of traces: %w", err)
		}
		sh.spans = sdktrace.NewBatchSpanProcessor(e)
		closers = append(closers, sh.spans.Shutdown)
	}
	sh.sampler = sh.chooseSampler(ctx)
	t, err := sh.service(ctx, reg, cfg.Service)
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, closers...)
	if err := runtimemetrics.Start(runtimemetrics.WithMeterProvider(t.meters)); err != nil {
		return nil, fmt.Errorf("measuring the runtime: %w", err)
	}
	return t, nil
}

// chooseSampler records spans only when somebody reads them: recording costs
// more than the rest of a small call. Ids are made and passed on all the same.
func (sh *shared) chooseSampler(ctx context.Context) sdktrace.TracerProviderOption {
	switch {
	case sh.base.Enabled(ctx, slog.LevelDebug):
		return sdktrace.WithSampler(sdktrace.AlwaysSample())
	case sh.export.traces:
		return nil // the SDK's default, which follows OTEL_TRACES_SAMPLER
	}
	return sdktrace.WithSampler(sdktrace.NeverSample())
}

// For returns the telemetry of one service in this process: its own name in
// logs, spans and metrics; the same registry, exporters and log output. Its
// Shutdown must come before that of t.
func (t *Telemetry) For(ctx context.Context, service string) (*Telemetry, error) {
	if t.shared == nil {
		return t, nil
	}
	return t.shared.service(ctx, t.Registry, service)
}

func (sh *shared) service(ctx context.Context, reg *prometheus.Registry, name string) (*Telemetry, error) {
	res := resource.NewSchemaless(
		attribute.String("service.name", name), attribute.String("service.version", sh.cfg.Version),
		attribute.String("service.namespace", "sluice"),
	)
	t := &Telemetry{
		Log: sh.base.With(KeyService, name), Registry: reg, Propagator: propagator(), shared: sh,
	}
	if err := sh.addTraces(ctx, t, res); err != nil {
		return nil, err
	}
	if err := sh.addMetrics(ctx, t, res); err != nil {
		return nil, err
	}
	return t, nil
}

func (sh *shared) addTraces(ctx context.Context, t *Telemetry, res *resource.Resource) error {
	opts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if sh.sampler != nil {
		opts = append(opts, sh.sampler)
	}
	if sh.spans != nil {
		opts = append(opts, sdktrace.WithSpanProcessor(borrowed{sh.spans}))
	}
	if t.Log.Enabled(ctx, slog.LevelDebug) {
		opts = append(opts, sdktrace.WithSpanProcessor(spanLogger{t.Log}))
	}
	tp := sdktrace.NewTracerProvider(opts...)
	t.tracers = tp
	t.closers = append(t.closers, tp.Shutdown)
	return nil
}

func (sh *shared) addMetrics(ctx context.Context, t *Telemetry, res *resource.Resource) error {
	pe, err := promexporter.New(promexporter.WithRegisterer(t.Registry), promexporter.WithoutTargetInfo(),
		promexporter.WithoutScopeInfo(),
		promexporter.WithResourceAsConstantLabels(attribute.NewAllowKeysFilter("service.name")))
	if err != nil {
		return fmt.Errorf("setting up metrics: %w", err)
	}
	opts := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(pe)}
	if sh.export.metrics {
		r, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return fmt.Errorf("setting up the export of metrics: %w", err)
		}
		opts = append(opts, sdkmetric.WithReader(r))
	}
	mp := sdkmetric.NewMeterProvider(opts...)
	t.meters = mp
	t.closers = append(t.closers, mp.Shutdown)
	return nil
}

// Tracer returns the tracer of an instrumented package; name is its import path
// or a short noun.
func (t *Telemetry) Tracer(name string) trace.Tracer { return t.tracers.Tracer(name) }

// Meter returns the meter of an instrumented package.
func (t *Telemetry) Meter(name string) metric.Meter { return t.meters.Meter(name) }

// TracerProvider returns what Tracer asks, for libraries that take a provider.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.tracers }

// MeterProvider returns what Meter asks, for libraries that take a provider.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// Shutdown flushes and closes the exporters, within ctx. The logger stays usable.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, c := range t.closers {
		errs = append(errs, c(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("flushing telemetry: %w", err)
	}
	return nil
}

// Nop returns telemetry that reports nowhere, for tests and tools. It passes
// trace contexts on and makes none of its own.
func Nop() *Telemetry {
	return &Telemetry{
		Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Propagator: propagator(),
		tracers: nooptrace.NewTracerProvider(), meters: noopmetric.NewMeterProvider(),
	}
}

// borrowed is a span processor that its provider must not shut down, because
// the other services of the process use it too.
type borrowed struct{ sdktrace.SpanProcessor }

// Shutdown implements sdktrace.SpanProcessor.
func (b borrowed) Shutdown(ctx context.Context) error { return b.ForceFlush(ctx) }

// export says which signals leave the process.
type export struct{ traces, metrics bool }

func exportFrom(environ []string) export {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, "OTEL_") {
			env[k] = v
		}
	}
	asked := func(exporter, endpoint string) bool {
		if v := env[exporter]; v != "" {
			return v != "none"
		}
		return env["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || env[endpoint] != ""
	}
	if strings.EqualFold(env["OTEL_SDK_DISABLED"], "true") {
		return export{}
	}
	return export{
		traces:  asked("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
		metrics: asked("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
	}
}
