package rpc_test

import (
	"io"
	"testing"

	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// BenchmarkEndpoint measures what the server's middlewares cost around a handler
// that does nothing, without NATS: metrics, a span that nobody records, the log line.
func BenchmarkEndpoint(b *testing.B) {
	tel, err := telemetry.New(b.Context(), telemetry.Config{Service: "demo", LogOutput: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	ep, err := rpc.Endpoint(tel, echo, echoes)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rpc.Invoke(b.Context(), ep, echo, text{"x"}); err != nil {
			b.Fatal(err)
		}
	}
}
