package lockr

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// wireError is the body of every error.
type wireError struct {
	Error string `json:"error"`
	Code  string `json:"code"`
}

// statusChecksum is tus' answer to a chunk with another checksum.
const statusChecksum = 460

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
	transfer.ErrBadRange.Code:        http.StatusRequestedRangeNotSatisfiable,
	uploadv1.ErrSessionGone.Code:     http.StatusGone,
	transfer.ErrChecksum.Code:        statusChecksum,
	errTusType.Code:                  http.StatusUnsupportedMediaType,
	// The ticket ran out under the transfer: the same upload may work again.
	objectv1.ErrUploadGone.Code: http.StatusServiceUnavailable,
	uploadv1.ErrGone.Code:       http.StatusServiceUnavailable,
}

// codes are those that do not follow from the fault's.
var codes = map[string]string{
	dialect.ErrNoRoute.Code:       "not_found",
	dialect.ErrSlowBody.Code:      "slow_body",
	objectv1.ErrNodeNotFound.Code: "not_found",
	objectv1.ErrUploadGone.Code:   "unavailable",
	uploadv1.ErrGone.Code:         "unavailable",
}

// keptOnError are the headers that an error keeps of what the handler set: the
// others describe an answer that does not come.
var keptOnError = map[string]bool{
	"X-Request-Id": true, "Strict-Transport-Security": true, "Allow": true, "Content-Range": true, "Connection": true,
	"Access-Control-Allow-Origin": true, "Access-Control-Expose-Headers": true, headerTusResumable: true, "Tus-Version": true,
}

// RenderError implements dialect.Dialect with {"error","code"}.
func (h *Handler) RenderError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	status, ok := byCode[f.Code]
	if !ok {
		if status, ok = byKind[f.Kind]; !ok {
			status = http.StatusInternalServerError
		}
	}
	head := w.Header()
	for name := range head {
		if !keptOnError[name] {
			delete(head, name)
		}
	}
	body := wireError{Error: f.Message, Code: dialect.CodeOf(f, codes)}
	switch status {
	case http.StatusInternalServerError:
		body = wireError{Error: fault.ErrInternal.Message, Code: fault.ErrInternal.Code}
	case http.StatusUnauthorized:
		challenge(head, r)
		if errors.Is(err, core.ErrSessionEnded) {
			http.SetCookie(w, core.EndedCookie(secure(r)))
		}
	}
	if f.RetryAfter > 0 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		head.Set("Retry-After", strconv.FormatInt(max(1, int64((f.RetryAfter+time.Second-1)/time.Second)), 10))
	}
	head.Set("Cache-Control", "no-store")
	_ = dialect.WriteJSON(w, status, body) // two strings always encode
}

// challenge says how to authenticate. A page's script gets no Basic challenge,
// for which browsers would open a dialog of their own.
func challenge(head http.Header, r *http.Request) {
	head.Set("WWW-Authenticate", `Bearer realm="lockr"`)
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode == "" || mode == "navigate" {
		head.Add("WWW-Authenticate", `Basic realm="lockr", charset="UTF-8"`)
	}
}
