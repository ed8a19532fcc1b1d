package locknex

import (
	"net/http"
	"strconv"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// wireError is the body of every error but OAuth's.
type wireError struct {
	Success bool   `json:"success"`
	Error   string `json:"error"`
	Code    string `json:"code"`
}

// statusClientGone is what the logs say of a request whose client left.
const statusClientGone = 499

// byKind gives the status of a fault.
var byKind = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Precondition: http.StatusPreconditionFailed,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.QuotaExceeded: http.StatusTooManyRequests, fault.RateLimited: http.StatusTooManyRequests,
	fault.Unimplemented: http.StatusNotImplemented, fault.Unavailable: http.StatusServiceUnavailable, fault.Timeout: http.StatusServiceUnavailable,
	fault.Canceled: statusClientGone, fault.Internal: http.StatusInternalServerError,
}

// byCode gives the status of faults whose code says more than their kind.
var byCode = map[string]int{
	dialect.ErrMethodNotAllowed.Code: http.StatusMethodNotAllowed,
	dialect.ErrSlowBody.Code:         http.StatusRequestTimeout,
}

// codes are those that do not follow from the fault's.
var codes = map[string]string{
	dialect.ErrNoRoute.Code:                "not_found",
	dialect.ErrSlowBody.Code:               "slow_body",
	linksv1.ErrQuota.Code:                  "quota_exceeded",
	webhookv1.ErrSubscriptionNotFound.Code: "webhook_not_found",
	webhookv1.ErrTooManySubscriptions.Code: "too_many_webhooks",
}

// keptOnError are the headers that an error keeps of what the handler set: the
// others describe an answer that does not come.
var keptOnError = map[string]bool{
	"X-Request-Id": true, "Strict-Transport-Security": true, "Allow": true, "Connection": true, headerLimit: true, headerRemaining: true, headerReset: true,
}

// errorOf gives the status and the body of an error.
func errorOf(err error) (status int, body wireError) {
	f := fault.From(err)
	status, ok := byCode[f.Code]
	if !ok {
		if status, ok = byKind[f.Kind]; !ok {
			status = http.StatusInternalServerError
		}
	}
	if status == http.StatusInternalServerError {
		return status, wireError{Error: fault.ErrInternal.Message, Code: fault.ErrInternal.Code}
	}
	return status, wireError{Error: f.Message, Code: dialect.CodeOf(f, codes)}
}

// RenderError implements dialect.Dialect with {"success","error","code"}.
func (h *Handler) RenderError(w http.ResponseWriter, r *http.Request, err error) {
	status, body := errorOf(err)
	head := w.Header()
	for name := range head {
		if !keptOnError[name] {
			delete(head, name)
		}
	}
	if head.Get(headerLimit) == "" {
		h.showRefused(head, r, status)
	}
	if after := fault.From(err).RetryAfter; after > 0 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		head.Set("Retry-After", strconv.FormatInt(max(1, int64((after+time.Second-1)/time.Second)), 10))
	}
	head.Set("Cache-Control", "no-store")
	if dialect.CallOf(r).Route.Name == routeToken {
		renderOAuth(w, r, status, body)
		return
	}
	if status == http.StatusUnauthorized {
		head.Set("WWW-Authenticate", `Bearer realm="locknex"`)
	}
	_ = dialect.WriteJSON(w, status, body) // two strings always encode
}

// showRefused counts what was refused before its row did: a credential that does
// not hold, a path that nothing is at.
func (h *Handler) showRefused(head http.Header, r *http.Request, status int) {
	source := dialect.CallOf(r).Source
	var s core.Standing
	if status == http.StatusUnauthorized || status == http.StatusTooManyRequests {
		s, _ = h.core.Rates.Refused(source) // the answer is an error already
	} else {
		s, _ = h.core.Rates.Address(source, 1) // as above
	}
	show(head, s)
}
