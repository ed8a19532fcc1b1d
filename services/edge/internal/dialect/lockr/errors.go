package lockr

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// wireError is the body of every error.
type wireError struct {
	Error string `json:"error"`
	Code  string `json:"code"`
}

// statusClientGone is what the logs say of a request whose client left.
const statusClientGone = 499

// byKind gives the status of a fault. lockr shows an exceeded quota as 403.
var byKind = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Precondition: http.StatusPreconditionFailed,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.QuotaExceeded: http.StatusForbidden, fault.RateLimited: http.StatusTooManyRequests,
	fault.Unimplemented: http.StatusNotImplemented, fault.Unavailable: http.StatusServiceUnavailable, fault.Timeout: http.StatusServiceUnavailable,
	fault.Canceled: statusClientGone, fault.Internal: http.StatusInternalServerError,
}

// byCode gives the status of faults whose code says more than their kind.
var byCode = map[string]int{
	dialect.ErrMethodNotAllowed.Code: http.StatusMethodNotAllowed,
	dialect.ErrSlowBody.Code:         http.StatusRequestTimeout,
}

// RenderError implements dialect.Dialect with {"error","code"}.
func (h *Handler) RenderError(w http.ResponseWriter, _ *http.Request, err error) {
	f := fault.From(err)
	status, ok := byCode[f.Code]
	if !ok {
		if status, ok = byKind[f.Kind]; !ok {
			status = http.StatusInternalServerError
		}
	}
	body := wireError{Error: f.Message, Code: codeOf(f)}
	switch status {
	case http.StatusInternalServerError:
		body = wireError{Error: fault.ErrInternal.Message, Code: fault.ErrInternal.Code}
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="lockr"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.FormatInt(max(1, int64((f.RetryAfter+time.Second-1)/time.Second)), 10))
	}
	w.Header().Set("Cache-Control", "no-store")
	_ = dialect.WriteJSON(w, status, body) // two strings always encode
}

// codeOf is the fault's code without the service that declared it.
func codeOf(f *fault.Error) string {
	switch f.Kind {
	case fault.Unauthenticated:
		return "unauthorized"
	case fault.RateLimited:
		return "rate_limited"
	case fault.QuotaExceeded:
		return "quota_exceeded"
	case fault.Unavailable, fault.Timeout:
		return "unavailable"
	}
	if f.Code == dialect.ErrNoRoute.Code {
		return "not_found"
	}
	_, code, ok := strings.Cut(f.Code, ".")
	if !ok {
		return f.Code
	}
	return code
}
