package dialect

import (
	"context"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// Call is what is known of a request on its way through the edge. The
// middlewares make it, handlers read it and may refine what is audited; it
// belongs to the request's goroutine.
type Call struct {
	RequestID string
	Source    string // the client's address
	BaseURL   string // scheme and host for absolute URLs
	Start     time.Time

	Dialect Dialect // nil until routed
	Route   Route   // Name is empty for paths that no route has
	Caller  core.Caller

	// What the audit record says beside the above.
	AccountID, KeyID, Bucket, Key string
	// Err is what the handler returned or the middlewares refused with.
	Err error
}

// dialectName names the dialect for logs and metrics.
func (c *Call) dialectName() string {
	if c.Dialect == nil {
		return none
	}
	return c.Dialect.Name()
}

// routeName names the route.
func (c *Call) routeName() string {
	if c.Route.Name == "" {
		return none
	}
	return c.Route.Name
}

type callKey struct{}

// CallOf returns the Call of a request; outside the middlewares an empty one.
func CallOf(r *http.Request) *Call {
	if c, ok := r.Context().Value(callKey{}).(*Call); ok {
		return c
	}
	return &Call{}
}

func withCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}
