package dialect_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/system"
)

// deaf is an audit trail that keeps nothing.
type deaf struct{}

func (deaf) Open() bool                  { return true }
func (deaf) Record(auditv1.Record) error { return nil }
func (deaf) Note(auditv1.Record)         {}

// BenchmarkRequest measures what the edge costs around a handler that does nothing,
// without the network: ids, metrics, a span that nobody records, routing.
func BenchmarkRequest(b *testing.B) {
	tel, err := telemetry.New(b.Context(), telemetry.Config{Service: "edge", LogLevel: "warn", LogOutput: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	stack, err := dialect.NewStack(dialect.Config{Tel: tel, Audit: deaf{}})
	if err != nil {
		b.Fatal(err)
	}
	sys := &system.Handler{Admin: true, Alone: true, Ready: func(context.Context) error { return nil }, Scrape: http.NotFoundHandler()}
	h := stack.Handler([]dialect.Dialect{sys}, sys)
	r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
