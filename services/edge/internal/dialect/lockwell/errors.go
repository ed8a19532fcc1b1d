package lockwell

import (
	"net/http"
	"strconv"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// problem is the body of every error.
type problem struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Status    int    `json:"status"`
	RequestID string `json:"requestId"`
}

// statusClientGone is what the logs and the audit trail say of a request whose
// client left; nobody receives it.
const statusClientGone = 499

type answer struct {
	status int
	code   string
}

// byCode maps faults whose code says more than their kind.
var byCode = map[string]answer{
	objectv1.ErrInvalidBucketName.Code:   {http.StatusBadRequest, "invalid_bucket_name"},
	objectv1.ErrInvalidKey.Code:          {http.StatusBadRequest, "invalid_key"},
	objectv1.ErrBucketExists.Code:        {http.StatusConflict, "bucket_exists"},
	objectv1.ErrBucketNotEmpty.Code:      {http.StatusConflict, "bucket_not_empty"},
	objectv1.ErrObjectLocked.Code:        {http.StatusForbidden, "object_locked"},
	objectv1.ErrLockNotEnabled.Code:      {http.StatusBadRequest, "object_lock_not_enabled"},
	objectv1.ErrLockNeedsVersioning.Code: {http.StatusConflict, "object_lock_requires_versioning"},
	objectv1.ErrNoRetention.Code:         {http.StatusNotFound, "no_retention"},
	objectv1.ErrIdempotencyConflict.Code: {http.StatusConflict, "idempotency_conflict"},
	objectv1.ErrIdempotencyBusy.Code:     {http.StatusConflict, "idempotency_in_progress"},
	uploadv1.ErrInvalidPart.Code:         {http.StatusBadRequest, "invalid_part"},
	uploadv1.ErrInvalidPartOrder.Code:    {http.StatusBadRequest, "invalid_part_order"},
	uploadv1.ErrPartTooSmall.Code:        {http.StatusBadRequest, "part_too_small"},
	// The ticket ran out under the transfer: the same PUT may work again.
	objectv1.ErrUploadGone.Code:           {http.StatusServiceUnavailable, "unavailable"},
	uploadv1.ErrGone.Code:                 {http.StatusServiceUnavailable, "unavailable"},
	transfer.ErrBadDigest.Code:            {http.StatusBadRequest, "bad_digest"},
	transfer.ErrBadRange.Code:             {http.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable"},
	dialect.ErrMethodNotAllowed.Code:      {http.StatusMethodNotAllowed, "method_not_allowed"},
	dialect.ErrSlowBody.Code:              {http.StatusRequestTimeout, "request_timeout"},
	errIdempotencyNeedsChecksum.Code:      {http.StatusBadRequest, "idempotency_requires_checksum"},
	authv1.ErrThrottled.Code:              {http.StatusTooManyRequests, "rate_limited"},
	dialect.ErrAuditUnavailable.Code:      {http.StatusServiceUnavailable, "unavailable"},
	objectv1.ErrTargetNotImplemented.Code: {http.StatusNotImplemented, "not_implemented"},
}

// byKind maps the rest; a test holds it against fault.Kinds.
var byKind = map[fault.Kind]answer{
	fault.Invalid:         {http.StatusBadRequest, "invalid_request"},
	fault.Unauthenticated: {http.StatusUnauthorized, "unauthorized"},
	fault.Forbidden:       {http.StatusForbidden, "access_denied"},
	fault.NotFound:        {http.StatusNotFound, "not_found"},
	fault.Conflict:        {http.StatusConflict, "conflict"},
	fault.Precondition:    {http.StatusPreconditionFailed, "precondition_failed"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, "too_large"},
	fault.QuotaExceeded:   {http.StatusInsufficientStorage, "quota_exceeded"},
	fault.RateLimited:     {http.StatusTooManyRequests, "rate_limited"},
	fault.Unimplemented:   {http.StatusNotImplemented, "not_implemented"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "unavailable"},
	fault.Timeout:         {http.StatusServiceUnavailable, "unavailable"},
	fault.Canceled:        {statusClientGone, "canceled"},
	fault.Internal:        {http.StatusInternalServerError, "internal"},
}

func answerFor(f *fault.Error) answer {
	if a, ok := byCode[f.Code]; ok {
		return a
	}
	if a, ok := byKind[f.Kind]; ok {
		return a
	}
	return byKind[fault.Internal]
}

// tell gives what a caller may know of a fault.
func tell(f *fault.Error) (answer, string) {
	a := answerFor(f)
	if a.status == http.StatusInternalServerError {
		return a, fault.ErrInternal.Message
	}
	return a, f.Message
}

// keptOnError are the headers that an error keeps of what the handler set: the
// others describe an answer that does not come.
var keptOnError = map[string]bool{
	"X-Request-Id": true, "Strict-Transport-Security": true, "Allow": true, "Content-Range": true, "Connection": true,
}

// RenderError implements dialect.Dialect with application/problem+json.
func (h *Handler) RenderError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	a, message := tell(f)
	head := w.Header()
	for name := range head {
		if !keptOnError[name] {
			delete(head, name)
		}
	}
	p := problem{Code: a.code, Message: message, Status: a.status, RequestID: dialect.CallOf(r).RequestID}
	switch a.status {
	case http.StatusUnauthorized:
		challenge := `Bearer realm="lockwell"`
		if dialect.CallOf(r).Route.Name == routeMintToken {
			challenge = `Basic realm="lockwell", charset="UTF-8"`
		}
		head.Set("WWW-Authenticate", challenge)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		head.Set("Retry-After", retryAfter(f.RetryAfter))
	}
	if f.Code == objectv1.ErrDeleteMarker.Code {
		head.Set("X-Lockwell-Delete-Marker", "true")
	}
	head.Set("Cache-Control", "no-store")
	// The four fields always encode.
	_ = dialect.WriteJSONAs(w, a.status, "application/problem+json", p)
}

// retryAfter gives whole seconds, one at least.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
