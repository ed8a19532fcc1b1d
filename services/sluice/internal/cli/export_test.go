package cli

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
)

// What tests look at inside.
var (
	NewSpan = newSpan
)

// Span is the piece of time that a query looks at.
type Span = span

// Has reports whether a record of that time belongs to the span.
func (s span) Has(t time.Time) bool { return s.has(t) }

// Behind reports whether the span is over for messages of that time.
func (s span) Behind(t time.Time) bool { return s.behind(t) }

// QueryAudit runs a query for the records of one account.
func QueryAudit(ctx context.Context, nc *nats.Conn, sp Span, limit int, accountID string) ([]auditv1.Record, error) {
	f := auditFilter{accountID: accountID}
	return queryAudit(ctx, nc, sp, limit, f.takes)
}
