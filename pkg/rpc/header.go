package rpc

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// The headers of a call. NATS compares them byte by byte, so they are read and
// written as map keys, never canonicalised. A fault's code and message stand in
// micro's own error headers.
const (
	headerTimeout    = "Sluice-Timeout" // microseconds that the caller still waits
	headerKind       = "Sluice-Fault-Kind"
	headerRetryAfter = "Sluice-Retry-After" // milliseconds
)

// Bounds on what is read from a header. A caller that waits longer than
// maxTimeout is cut; texts are cut where they are written and where they are read.
const (
	maxTimeout    = time.Hour
	maxRetryAfter = 24 * time.Hour
	maxCode       = 128
	maxMessage    = 2048
	maxRequestID  = 128
)

// requestHeader makes the headers of a call under ctx.
func requestHeader(ctx context.Context) nats.Header {
	carrier := map[string]string{}
	telemetry.Inject(ctx, carrier)
	if id, ok := carrier[telemetry.HeaderRequestID]; ok {
		carrier[telemetry.HeaderRequestID] = escape(id, maxRequestID)
	}
	h := make(nats.Header, len(carrier)+1)
	for k, v := range carrier {
		h[k] = []string{v}
	}
	if d, ok := ctx.Deadline(); ok {
		us := max(time.Until(d).Microseconds(), 1)
		h[headerTimeout] = []string{strconv.FormatInt(us, 10)}
	}
	return h
}

// requestContext gives ctx the trace and the request id of a call's headers.
func requestContext(ctx context.Context, h map[string][]string) context.Context {
	carrier := make(map[string]string, len(h))
	for k, v := range h {
		if len(v) > 0 {
			carrier[k] = v[0]
		}
	}
	if id, ok := carrier[telemetry.HeaderRequestID]; ok {
		carrier[telemetry.HeaderRequestID] = unescape(id, maxRequestID)
	}
	return telemetry.Extract(ctx, carrier)
}

// timeoutOf reads how long the caller still waits; otherwise is for callers that
// do not say, or say nonsense.
func timeoutOf(h map[string][]string, otherwise time.Duration) time.Duration {
	us, err := strconv.ParseInt(first(h, headerTimeout), 10, 64)
	if err != nil || us <= 0 {
		return otherwise
	}
	if us > maxTimeout.Microseconds() {
		return maxTimeout
	}
	return time.Duration(us) * time.Microsecond
}

// faultHeader makes the headers of an answer that is a fault.
func faultHeader(f *fault.Error) nats.Header {
	h := nats.Header{
		headerKind:            {escape(string(f.Kind), maxCode)},
		micro.ErrorCodeHeader: {escape(f.Code, maxCode)},
		micro.ErrorHeader:     {escape(f.Message, maxMessage)},
	}
	if f.RetryAfter > 0 {
		ms := max(min(f.RetryAfter, maxRetryAfter).Milliseconds(), 1)
		h[headerRetryAfter] = []string{strconv.FormatInt(ms, 10)}
	}
	return h
}

// faultOf reads the fault of an answer; nil when it is none. A fault that does
// not make sense is internal: an error is never taken for success.
func faultOf(h map[string][]string) *fault.Error {
	_, kinded := h[headerKind]
	_, coded := h[micro.ErrorCodeHeader]
	if !kinded && !coded {
		return nil
	}
	f := fault.New(
		fault.Kind(unescape(first(h, headerKind), maxCode)),
		unescape(first(h, micro.ErrorCodeHeader), maxCode),
		unescape(first(h, micro.ErrorHeader), maxMessage),
	)
	if !slices.Contains(fault.Kinds(), f.Kind) {
		f.Kind = fault.Internal
	}
	if f.Code == "" {
		f.Code = fault.ErrInternal.Code
	}
	if ms, err := strconv.ParseInt(first(h, headerRetryAfter), 10, 64); err == nil && ms > 0 {
		f.RetryAfter = min(time.Duration(min(ms, maxRetryAfter.Milliseconds()))*time.Millisecond, maxRetryAfter)
	}
	return f
}

func first(h map[string][]string, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

const hexDigits = "0123456789ABCDEF"

// escape makes s fit for a header value: valid UTF-8 of at most limit bytes, in
// which control characters, '%', and spaces at the ends (which header parsers
// trim) are percent-encoded.
func escape(s string, limit int) string {
	s = cut(strings.ToValidUTF8(s, "\uFFFD"), limit)
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		edge := i == 0 || i == len(s)-1
		if c < ' ' || c == 0x7f || c == '%' || c == ' ' && edge {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// unescape reads what escape wrote; what is not an escape is taken as it is.
func unescape(s string, limit int) string {
	if strings.IndexByte(s, '%') >= 0 {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			if s[i] == '%' && i+2 < len(s) {
				if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
					b.WriteByte(byte(n))
					i += 2
					continue
				}
			}
			b.WriteByte(s[i])
		}
		s = b.String()
	}
	return cut(strings.ToValidUTF8(s, "\uFFFD"), limit)
}

// cut shortens s to limit bytes without splitting a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
