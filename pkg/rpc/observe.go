package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/go-kit/kit/endpoint"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// scope names the tracer and the meter of this package.
const scope = "github.com/sluicehq/sluice/pkg/rpc"

// observer holds the instruments of one side and builds its middlewares.
type observer struct {
	log      *slog.Logger
	tracer   trace.Tracer
	duration metric.Float64Histogram
	active   metric.Int64UpDownCounter
	refused  metric.Int64Counter // nil on the client's side
}

// newObserver makes the instruments of the server's side or the client's.
func newObserver(tel *telemetry.Telemetry, kind trace.SpanKind) (*observer, error) {
	if tel == nil {
		tel = telemetry.Nop()
	}
	in := tel.Instruments(scope)
	o := &observer{log: tel.Log, tracer: tel.Tracer(scope)}
	if kind == trace.SpanKindServer {
		o.duration = in.Seconds("rpc.server.call.duration", "time to answer a call", telemetry.ShortBuckets)
		o.active = in.UpDown("sluice.rpc.server.active", "{call}", "calls being answered")
		o.refused = in.Counter("sluice.rpc.refused", "{call}", "calls turned away for lack of room")
	} else {
		o.duration = in.Seconds("rpc.client.call.duration", "time until a call was answered, repetitions included", telemetry.ShortBuckets)
		o.active = in.UpDown("sluice.rpc.client.active", "{call}", "calls that wait for their answer")
	}
	return o, in.Err()
}

// serve puts the server's middlewares around a handler.
func (o *observer) serve(method string, limit time.Duration, handler endpoint.Endpoint) endpoint.Endpoint {
	telemetry.Zero(o.refused, of(method))
	return endpoint.Chain(
		o.trace(method, trace.SpanKindServer),
		o.measure(method),
		o.report(method),
		deadline(func(any) time.Duration { return limit }),
		recoverer,
	)(handler)
}

func of(method string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(semconv.RPCMethod(method)))
}

func system() attribute.KeyValue { return semconv.RPCSystemNameKey.String("nats") }

// trace opens a span named after the method.
func (o *observer) trace(method string, kind trace.SpanKind) endpoint.Middleware {
	start := []trace.SpanStartOption{
		trace.WithSpanKind(kind),
		trace.WithAttributes(system(), semconv.RPCMethod(method)),
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			ctx, span := o.tracer.Start(ctx, method, start...)
			defer span.End()
			resp, err := next(ctx, request)
			if err != nil && span.IsRecording() {
				f := fault.From(err)
				span.SetAttributes(semconv.ErrorTypeKey.String(string(f.Kind)), attribute.String("sluice.fault.code", f.Code))
				if kind == trace.SpanKindClient || ours(f.Kind) {
					span.SetStatus(codes.Error, f.Code)
				}
			}
			return resp, err
		}
	}
}

// ours reports whether a fault is the server's own: a caller that asks for what is
// not there is answered well.
func ours(k fault.Kind) bool {
	switch k {
	case fault.Internal, fault.Unavailable, fault.Timeout, fault.Unimplemented:
		return true
	}
	return false
}

// measure counts and times calls by method and fault kind.
func (o *observer) measure(method string) endpoint.Middleware {
	ended := telemetry.NewValues(string(semconv.ErrorTypeKey), append(fault.Kinds(), ""), system(), semconv.RPCMethod(method))
	running := telemetry.NewLabels(semconv.RPCMethod(method))
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			began := time.Now()
			o.active.Add(ctx, 1, running.Add...)
			resp, err := next(ctx, request)
			o.active.Add(ctx, -1, running.Add...)
			o.duration.Record(ctx, time.Since(began).Seconds(), ended.Of(fault.KindOf(err)).Record...)
			return resp, err
		}
	}
}

// report makes every error a fault and writes the access line. It is the one
// place where the text of an internal error is logged.
func (o *observer) report(method string) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			began := time.Now()
			resp, err := next(ctx, request)
			level := slog.LevelDebug
			var f *fault.Error
			if err != nil {
				f = fault.From(err)
				if f.Kind == fault.Internal {
					level = slog.LevelError
				}
			}
			if !o.log.Enabled(ctx, level) {
				return resp, orNil(f)
			}
			attrs := []slog.Attr{slog.String(telemetry.KeyMethod, method), slog.Duration(telemetry.KeyDuration, time.Since(began))}
			if f != nil {
				attrs = append(attrs, slog.String(telemetry.KeyCode, f.Code))
				var p *panicError
				if errors.As(err, &p) {
					attrs = append(attrs, slog.String("stack", p.stack))
				}
				attrs = append(attrs, slog.String(telemetry.KeyErr, err.Error()))
			}
			o.log.LogAttrs(ctx, level, "rpc call", attrs...)
			return resp, orNil(f)
		}
	}
}

// orNil keeps a nil fault from becoming a non-nil error.
func orNil(f *fault.Error) error {
	if f == nil {
		return nil
	}
	return f
}

// deadline gives calls whose context has no deadline the one that limit tells.
func deadline(limit func(request any) time.Duration) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if _, ok := ctx.Deadline(); ok {
				return next(ctx, request)
			}
			ctx, cancel := context.WithTimeout(ctx, limit(request))
			defer cancel()
			return next(ctx, request)
		}
	}
}

// panicError is what a handler panicked with, and where.
type panicError struct {
	value any
	stack string
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recoverer turns a panic into an internal fault: one bad call must not end the process.
func recoverer(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (resp any, err error) {
		defer func() {
			if v := recover(); v != nil {
				resp, err = nil, fault.ErrInternal.Because(&panicError{value: v, stack: string(debug.Stack())})
			}
		}()
		return next(ctx, request)
	}
}
