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
	inflight metric.Int64UpDownCounter
	refused  metric.Int64Counter
}

// newObserver makes the instruments of side, "server" or "client".
func newObserver(tel *telemetry.Telemetry, side string) (*observer, error) {
	if tel == nil {
		tel = telemetry.Nop()
	}
	m := tel.Meter(scope)
	duration, err1 := m.Float64Histogram("sluice.rpc."+side+".duration", metric.WithUnit("s"),
		metric.WithDescription("time from the call to its answer"),
		metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	inflight, err2 := m.Int64UpDownCounter("sluice.rpc."+side+".inflight", metric.WithDescription("calls that are not answered yet"))
	refused, err3 := m.Int64Counter("sluice.rpc."+side+".refused", metric.WithDescription("calls that were turned away for lack of room"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("making rpc metrics: %w", err)
	}
	return &observer{log: tel.Log, tracer: tel.Tracer(scope), duration: duration, inflight: inflight, refused: refused}, nil
}

// serve puts the server's middlewares around a handler.
func (o *observer) serve(method string, limit time.Duration, handler endpoint.Endpoint) endpoint.Endpoint {
	return endpoint.Chain(
		o.trace(method, trace.SpanKindServer),
		o.measure(method),
		o.report(method),
		deadline(func(any) time.Duration { return limit }),
		recoverer,
	)(handler)
}

func (o *observer) refuse(ctx context.Context, method string) {
	o.refused.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("rpc.method", method))))
}

// trace opens a span named after the method.
func (o *observer) trace(method string, kind trace.SpanKind) endpoint.Middleware {
	start := []trace.SpanStartOption{
		trace.WithSpanKind(kind),
		trace.WithAttributes(attribute.String("rpc.system", "nats"), attribute.String("rpc.method", method)),
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			ctx, span := o.tracer.Start(ctx, method, start...)
			defer span.End()
			resp, err := next(ctx, request)
			if err != nil {
				f := fault.From(err)
				span.SetAttributes(attribute.String("fault.code", f.Code))
				span.SetStatus(codes.Error, f.Code)
			}
			return resp, err
		}
	}
}

// measure counts and times calls by method and fault kind.
func (o *observer) measure(method string) endpoint.Middleware {
	sets := make(map[fault.Kind]metric.MeasurementOption, len(fault.Kinds())+1)
	name := attribute.String("rpc.method", method)
	for _, k := range append(fault.Kinds(), "") {
		outcome := "ok"
		if k != "" {
			outcome = string(k)
		}
		sets[k] = metric.WithAttributeSet(attribute.NewSet(name, attribute.String("outcome", outcome)))
	}
	running := metric.WithAttributeSet(attribute.NewSet(name))
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			began := time.Now()
			o.inflight.Add(ctx, 1, running)
			resp, err := next(ctx, request)
			o.inflight.Add(ctx, -1, running)
			set, ok := sets[fault.KindOf(err)]
			if !ok {
				set = sets[fault.Internal]
			}
			o.duration.Record(ctx, time.Since(began).Seconds(), set)
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
