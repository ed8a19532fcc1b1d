package dialect

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// maxAudited bounds what a record says of bucket and key, in bytes: a request
// for a path that is no key may be longer than any key.
const maxAudited = 1024

// answer runs h for a request and renders its error: the only place that does.
func (s *Stack) answer(d Dialect, rt Route, h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := CallOf(r)
		c.Dialect, c.Route = d, rt
		c.Bucket, c.Key = r.PathValue("bucket"), r.PathValue("key")
		err := h(w, r)
		if err == nil {
			return
		}
		c.Err = err
		if res, ok := w.(*response); ok && res.status != 0 {
			// Half an answer is out; only a cut connection says that it is not whole.
			panic(http.ErrAbortHandler)
		}
		d.RenderError(w, r, err)
	})
}

// record is what the audit trail keeps of a request.
func record(r *http.Request, c *Call, status int) auditv1.Record {
	rec := auditv1.Record{
		Time: c.Start.UTC(), RequestID: c.RequestID, AccountID: c.AccountID, KeyID: c.KeyID,
		Action: c.Route.Name, Bucket: auditText(c.Bucket), Key: auditText(c.Key),
		Result: "ok", Code: fault.CodeOf(c.Err), Status: status, Source: c.Source,
	}
	if sc := trace.SpanContextFromContext(r.Context()); sc.HasTraceID() {
		rec.TraceID = sc.TraceID().String()
	}
	if c.Dialect != nil {
		rec.Dialect = c.Dialect.Name()
	}
	if rec.Action == "" {
		rec.Action = "NoRoute"
	}
	switch {
	case denied(c, status):
		rec.Result = "denied"
	case c.Err != nil || status >= http.StatusBadRequest || status == 0:
		rec.Result = "failed"
	}
	return rec
}

func auditText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxAudited {
		s = strings.ToValidUTF8(s[:maxAudited], "")
	}
	return s
}
