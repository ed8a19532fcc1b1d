package dialect

import (
	"strings"

	"github.com/sluicehq/sluice/pkg/fault"
)

// The errors of the edge itself. Each dialect maps them, like those of the
// services, to its own status and body.
var (
	ErrNoRoute          = fault.New(fault.NotFound, "edge.no_route", "there is nothing at this path")
	ErrMethodNotAllowed = fault.New(fault.Invalid, "edge.method_not_allowed", "this path does not take the method; the Allow header lists what it takes")
	ErrBadJSON          = fault.New(fault.Invalid, "edge.bad_json", "the body is not the JSON that this route takes")
	ErrBodyTooLarge     = fault.New(fault.TooLarge, "edge.body_too_large", "the body is larger than 1 MiB")
	ErrIncompleteBody   = fault.New(fault.Invalid, "edge.incomplete_body", "the body ended before its announced length; nothing was stored")
	ErrSlowBody         = fault.New(fault.Timeout, "edge.slow_body", "the body came too slowly; nothing was stored")
	ErrBadQuery         = fault.New(fault.Invalid, "edge.bad_query", "the query string is malformed")
	ErrAuditUnavailable = fault.New(fault.Unavailable, "edge.audit_unavailable", "changes are refused while the audit trail cannot be written; repeat the request shortly")
)

// CodeOf is the code that a dialect with snake_case codes shows for a fault: that
// of codes, which a dialect names for itself, one of the kind where the kind says
// it all, else the fault's without the service that declared it.
func CodeOf(f *fault.Error, codes map[string]string) string {
	if code, ok := codes[f.Code]; ok {
		return code
	}
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
	_, code, ok := strings.Cut(f.Code, ".")
	if !ok {
		return f.Code
	}
	return code
}
