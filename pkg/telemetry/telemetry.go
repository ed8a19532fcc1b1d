package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	runtimemetrics "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/attribute"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
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
	// variables decide about export: a signal is sent when its exporter or an OTLP
	// endpoint is named, and none is when OTEL_SDK_DISABLED is true. The exporters,
	// the sampler and the resource then read their own variables from the process's
	// environment.
	Environ []string
	// Spans, when not nil, gets the spans of all services whatever the variables
	// say; for tests.
	Spans sdktrace.SpanProcessor
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
	output  slog.Handler // of the log, without the service's name
	export  export
	spans   []sdktrace.SpanProcessor // of all services
	logs    sdklog.Processor         // the exporter of all services; nil without one
	sampler sdktrace.TracerProviderOption
	traced  bool // spans are recorded, by whatever sampler
	common  *resource.Resource
	within  time.Duration // flushWithin
	late    atomic.Bool   // a flush has run out of time: the collector does not answer
}

// New sets a process's telemetry up. Shutdown must be called to flush exporters.
func New(ctx context.Context, cfg Config) (*Telemetry, error) {
	if cfg.LogOutput == nil {
		cfg.LogOutput = os.Stderr
	}
	out, err := newHandler(cfg.LogOutput, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return nil, err
	}
	sh := &shared{cfg: cfg, output: out, export: exportFrom(cfg.Environ), within: flushWithin}
	if sh.common, err = commonResource(ctx, cfg.Version); err != nil {
		return nil, err
	}
	closers, err := sh.openExporters(ctx)
	if err != nil {
		return nil, err
	}
	sh.chooseSampler(ctx)
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t, err := sh.service(ctx, reg, cfg.Service, promexporter.WithProducer(runtimemetrics.NewProducer()))
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
func (sh *shared) chooseSampler(ctx context.Context) {
	sh.traced = sh.export.traces || sh.cfg.Spans != nil || sh.output.Enabled(ctx, slog.LevelDebug)
	switch {
	case !sh.traced:
		sh.sampler = sdktrace.WithSampler(sdktrace.NeverSample())
	case !sh.export.traces && !sh.export.sampler:
		sh.sampler = sdktrace.WithSampler(sdktrace.AlwaysSample())
	default: // the SDK's own, which follows OTEL_TRACES_SAMPLER
	}
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

func (sh *shared) service(ctx context.Context, reg *prometheus.Registry, name string, more ...promexporter.Option) (*Telemetry, error) {
	res, err := resource.Merge(sh.common, resource.NewSchemaless(semconv.ServiceName(name)))
	if err != nil {
		return nil, fmt.Errorf("describing %s: %w", name, err)
	}
	t := &Telemetry{Registry: reg, Propagator: propagator(), shared: sh}
	sh.addLogs(t, res, name)
	sh.addTraces(ctx, t, res)
	if err := sh.addMetrics(ctx, t, res, more); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	return t, nil
}

func (sh *shared) addTraces(ctx context.Context, t *Telemetry, res *resource.Resource) {
	opts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if sh.sampler != nil {
		opts = append(opts, sh.sampler)
	}
	for _, p := range sh.spans {
		opts = append(opts, sdktrace.WithSpanProcessor(borrowed{p}))
	}
	if t.Log.Enabled(ctx, slog.LevelDebug) {
		opts = append(opts, sdktrace.WithSpanProcessor(spanLogger{t.Log}))
	}
	tp := sdktrace.NewTracerProvider(opts...)
	t.tracers = tp
	t.closers = append(t.closers, tp.Shutdown)
}

func (sh *shared) addMetrics(ctx context.Context, t *Telemetry, res *resource.Resource, more []promexporter.Option) error {
	pe, err := promexporter.New(append([]promexporter.Option{
		promexporter.WithRegisterer(t.Registry), promexporter.WithoutTargetInfo(), promexporter.WithoutScopeInfo(),
		promexporter.WithResourceAsConstantLabels(attribute.NewAllowKeysFilter(semconv.ServiceNameKey)),
	}, more...)...)
	if err != nil {
		return fmt.Errorf("setting up metrics: %w", err)
	}
	opts := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(pe)}
	if !sh.traced {
		// No span is ever recorded that one could point to; the room for them is not small.
		opts = append(opts, sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter))
	}
	if sh.export.metrics {
		r, err := newReader(ctx)
		if err != nil {
			return err
		}
		opts = append(opts, sdkmetric.WithReader(r))
	}
	mp := sdkmetric.NewMeterProvider(opts...)
	t.meters = mp
	t.closers = append(t.closers, mp.Shutdown)
	return sh.tellBuild(t)
}

// tellBuild makes the metric that says what runs.
func (sh *shared) tellBuild(t *Telemetry) error {
	what := metric.WithAttributeSet(attribute.NewSet(semconv.ServiceVersion(sh.cfg.Version), semconv.ProcessRuntimeVersion(runtime.Version())))
	_, err := t.meters.Meter(scope).Int64ObservableGauge("sluice.build.info", metric.WithDescription("1; the attributes say what runs"),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, what)
			return nil
		}))
	if err != nil {
		return fmt.Errorf("setting up metrics: %w", err)
	}
	return nil
}

// scope names the meter and the logger of this package.
const scope = "github.com/sluicehq/sluice/pkg/telemetry"

// Tracer returns the tracer of an instrumented package; name is its import path
// or a short noun.
func (t *Telemetry) Tracer(name string) trace.Tracer { return t.tracers.Tracer(name) }

// Meter returns the meter of an instrumented package.
func (t *Telemetry) Meter(name string) metric.Meter { return t.meters.Meter(name) }

// TracerProvider returns what Tracer asks, for libraries that take a provider.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.tracers }

// MeterProvider returns what Meter asks, for libraries that take a provider.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// How long a collector that does not answer may hold up the end of a process: once,
// and then hardly at all for each further service of it.
const (
	flushWithin = 2 * time.Second
	flushLate   = 100 * time.Millisecond
)

// Shutdown flushes and closes the exporters, within ctx and two seconds; its error
// says that something may be lost, which is no reason for a process to fail. The
// spans and logs of what For gave leave with the process's own. The logger stays
// usable.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	within := flushWithin
	switch {
	case t.shared == nil:
	case t.shared.late.Load():
		within = flushLate
	default:
		within = t.shared.within
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	errs := make([]error, len(t.closers))
	var wg sync.WaitGroup
	for i, c := range t.closers {
		wg.Go(func() { errs[i] = c(ctx) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		if ctx.Err() != nil && t.shared != nil {
			t.shared.late.Store(true)
		}
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
