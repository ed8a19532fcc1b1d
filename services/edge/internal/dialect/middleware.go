package dialect

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"go.opentelemetry.io/otel/propagation"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	headerRequestID = "X-Request-Id"
	maxRequestID    = 64
)

// Auditor keeps the audit trail; internal/audit has the real one.
type Auditor interface {
	// Open reports whether changes may go on: false while records of them
	// cannot be written.
	Open() bool
	// Record returns when the record is durable.
	Record(rec auditv1.Record) error
	// Note keeps the record within a moment; a crash may lose it.
	Note(rec auditv1.Record)
}

// Config is what the middlewares need. Tel and Audit are required.
type Config struct {
	Tel            *telemetry.Telemetry
	Audit          Auditor
	Pace           Pace
	PublicURL      string         // without a slash at the end; empty: from the request
	TrustedProxies []netip.Prefix // whose forwarded headers count
	HSTS           bool
}

// Stack is the fixed list of middlewares around the mux of the dialects.
type Stack struct {
	cfg   Config
	audit Auditor
	log   *slog.Logger
	meter *meter
}

// NewStack prepares the middlewares.
func NewStack(cfg Config) (*Stack, error) {
	m, err := newMeter(cfg.Tel)
	if err != nil {
		return nil, err
	}
	return &Stack{cfg: cfg, audit: cfg.Audit, log: cfg.Tel.Log, meter: m}, nil
}

// Handler is the whole edge for one listener, from the outside in: identify,
// observe, keep paths exact, route. fallback answers what ServeMux cannot route.
func (s *Stack) Handler(ds []Dialect, fallback Dialect) http.Handler {
	s.meter.know(ds)
	return s.identify(s.observe(unroutable(s.noRoute(fallback), exactPaths(s.Mux(ds)))))
}

// unroutable keeps from ServeMux what it answers in its own words: CONNECT and
// requests for "*".
func unroutable(refuse, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect || !strings.HasPrefix(r.URL.Path, "/") {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxTraceState is what of a client's tracestate is passed on at all: as much as W3C
// Trace Context (3.3.1.5) wants carried. It goes into every call and event.
const maxTraceState = 512

// traceOf is the trace that a client says its request belongs to, and nothing else:
// baggage of strangers would go into every event too.
func traceOf(r *http.Request) propagation.MapCarrier {
	c := propagation.MapCarrier{"traceparent": r.Header.Get("Traceparent")}
	if state := strings.Join(r.Header.Values("Tracestate"), ","); len(state) <= maxTraceState {
		c["tracestate"] = state
	}
	return c
}

// identify gives the request its ids and its Call.
func (s *Stack) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &Call{Start: time.Now(), RequestID: requestID(r)}
		trusted := s.peerTrusted(r)
		c.Source, c.BaseURL = s.source(r, trusted), s.baseURL(r, trusted)
		w.Header().Set(headerRequestID, c.RequestID)
		if s.cfg.HSTS {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		ctx := propagation.TraceContext{}.Extract(r.Context(), traceOf(r))
		ctx = telemetry.WithRequestID(withCall(ctx, c), c.RequestID)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// requestID takes over a sane id of the client's and makes one otherwise.
func requestID(r *http.Request) string {
	id := r.Header.Get(headerRequestID)
	if id == "" || len(id) > maxRequestID {
		return "req_" + ulid.Make().String()
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return "req_" + ulid.Make().String()
		}
	}
	return id
}

// observe traces, counts, logs and audits, sets the pace of both directions,
// and turns a panic into an internal error.
//
//nolint:contextcheck // the meter's span is of the request's context
func (s *Stack) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := CallOf(r)
		ctx, span, kind := s.meter.begin(r, c)
		r = r.WithContext(ctx)

		ctl := http.NewResponseController(w)
		_ = ctl.SetWriteDeadline(time.Time{}) // of the request before
		res := &response{ResponseWriter: w, ctl: ctl, pace: s.cfg.Pace, moved: func(n int) { s.meter.move(ctx, c, false, n) }}
		audited := false
		res.before = func(status int) func(http.ResponseWriter) {
			if c.Route.quiet || !mustWait(c, status) {
				return nil
			}
			audited = true
			return s.auditFirst(r, c, status)
		}
		if r.Body != nil && r.Body != http.NoBody {
			in := newBody(r.Body, ctl, s.cfg.Pace)
			in.came = func(n int) { s.meter.move(ctx, c, true, n) }
			defer in.leave()
			r.Body = in
		}
		aborted := true
		defer func() {
			if p := recover(); p != nil && !errors.Is(asError(p), http.ErrAbortHandler) {
				s.log.ErrorContext(ctx, "a handler panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
				c.Err = fault.ErrInternal
				if res.status == 0 && c.Dialect != nil {
					c.Dialect.RenderError(res, r, fault.ErrInternal)
					aborted = false
				}
			} else if p == nil {
				aborted = false
			}
			if !audited && !c.Route.quiet {
				s.audit.Note(record(r, c, res.status))
			}
			took := time.Since(c.Start)
			s.meter.end(ctx, c, kind, res.status, took, span)
			s.finish(r, c, res, took)
			if aborted {
				panic(http.ErrAbortHandler) // the client must see that the answer is not whole
			}
		}()
		next.ServeHTTP(res, r)
	})
}

func asError(p any) error {
	if err, ok := p.(error); ok {
		return err
	}
	return fmt.Errorf("%v", p)
}

// mustWait says which answers wait for their audit record: those to changes,
// and denials.
func mustWait(c *Call, status int) bool {
	return (c.Route.Name != "" && c.Route.Mutates()) || denied(c, status)
}

// denied tells refusals by their status, and those of dialects that answer with 200
// whatever they say by their fault.
func denied(c *Call, status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return true
	}
	kind := fault.KindOf(c.Err)
	return kind == fault.Unauthenticated || kind == fault.Forbidden
}

// auditFirst writes the record before the answer. Without it a success turns
// into an error: the change may have happened, but nobody may rely on it.
func (s *Stack) auditFirst(r *http.Request, c *Call, status int) func(http.ResponseWriter) {
	err := s.audit.Record(record(r, c, status))
	if err == nil || status >= http.StatusBadRequest {
		return nil
	}
	s.log.ErrorContext(r.Context(), "a change was not audited", slog.String(telemetry.KeyRoute, c.Route.Name), slog.Any(telemetry.KeyErr, err))
	c.Err = ErrAuditUnavailable.Because(err)
	return func(w http.ResponseWriter) { c.Dialect.RenderError(w, r, c.Err) }
}

// finish writes the access line.
func (s *Stack) finish(r *http.Request, c *Call, res *response, took time.Duration) {
	ctx, level := r.Context(), slog.LevelInfo
	if c.Route.quiet {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String(telemetry.KeyMethod, r.Method), slog.String(telemetry.KeyDialect, c.dialectName()), slog.String(telemetry.KeyRoute, c.routeName()),
		slog.Int(telemetry.KeyStatus, res.status), slog.Int64(telemetry.KeyBytes, res.bytes),
		slog.Duration(telemetry.KeyDuration, took), slog.String(telemetry.KeyAddr, c.Source),
	}
	if c.AccountID != "" {
		attrs = append(attrs, slog.String(telemetry.KeyAccountID, c.AccountID))
	}
	if c.Err != nil {
		attrs = append(attrs, slog.String(telemetry.KeyCode, fault.CodeOf(c.Err)))
		if k := fault.KindOf(c.Err); k == fault.Internal || k == fault.Unavailable {
			level = slog.LevelError
			attrs = append(attrs, slog.String(telemetry.KeyErr, c.Err.Error()))
		}
	}
	s.log.LogAttrs(ctx, level, "request", attrs...)
}

// baseURL is the public URL of the settings, or what the request came by.
func (s *Stack) baseURL(r *http.Request, trusted bool) string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	u := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	if trusted {
		if p := r.Header.Get("X-Forwarded-Proto"); p == "http" || p == "https" {
			u.Scheme = p
		}
		if h := r.Header.Get("X-Forwarded-Host"); h != "" && !strings.ContainsAny(h, " ,/\\@?#") {
			u.Host = h
		}
	}
	return u.String()
}

func (s *Stack) peerTrusted(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && s.trusts(ap.Addr())
}

func (s *Stack) trusts(a netip.Addr) bool {
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// source is the client's address: the peer's or, behind trusted proxies, the
// last one in X-Forwarded-For that is no proxy of ours.
func (s *Stack) source(r *http.Request, trusted bool) string {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	from := ap.Addr().Unmap()
	if !trusted {
		return from.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		from = a.Unmap()
		if !s.trusts(from) {
			break
		}
	}
	return from.String()
}
