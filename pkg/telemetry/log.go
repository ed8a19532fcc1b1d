package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger returns a logger that writes to w and adds trace_id, span_id and
// request_id of the context to each line. Level is debug, info, warn or error;
// format is text or json; empty means info and text.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	h, err := newHandler(w, level, format)
	if err != nil {
		return nil, err
	}
	return slog.New(h), nil
}

func newHandler(w io.Writer, level, format string) (slog.Handler, error) {
	var l slog.Level
	if level != "" {
		if err := l.UnmarshalText([]byte(level)); err != nil {
			return nil, fmt.Errorf("log level %q: it is one of debug, info, warn, error", level)
		}
	}
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: replaceAttr}
	switch strings.ToLower(format) {
	case "", "text":
		return contextHandler{Handler: slog.NewTextHandler(w, o)}, nil
	case "json":
		return contextHandler{Handler: slog.NewJSONHandler(w, o)}, nil
	}
	return nil, fmt.Errorf("log format %q: it is text or json", format)
}

// replaceAttr writes durations readably in JSON too, where slog would give
// nanoseconds without a unit.
func replaceAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// contextHandler adds the ids of the context to the records of another handler.
type contextHandler struct {
	slog.Handler
	bridged bool // to OpenTelemetry, which adds those of the span
}

// Handle implements slog.Handler.
func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if ctx != nil {
		if sc := trace.SpanContextFromContext(ctx); sc.IsValid() && !h.bridged {
			r.AddAttrs(slog.String(KeyTraceID, sc.TraceID().String()), slog.String(KeySpanID, sc.SpanID().String()))
		}
		if id := RequestID(ctx); id != "" {
			r.AddAttrs(slog.String(KeyRequestID, id))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h contextHandler) WithAttrs(as []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(as), h.bridged}
}

// WithGroup implements slog.Handler.
func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name), h.bridged}
}
