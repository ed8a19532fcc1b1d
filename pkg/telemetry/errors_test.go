package telemetry_test

import (
	"bytes"
	"errors"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// TestTakeErrors_SaysThemSeldom is not parallel: there is one such place in a process.
func TestTakeErrors_SaysThemSeldom(t *testing.T) {
	var log bytes.Buffer
	before := otel.GetErrorHandler()
	defer otel.SetErrorHandler(before)
	open(t, telemetry.Config{Service: "edge", LogFormat: "json", LogOutput: &log}).TakeErrors()
	for range 100 {
		otel.Handle(errors.New("the collector is away"))
	}
	got := lines(t, &log)
	if len(got) != 1 || got[0]["level"] != "WARN" || got[0]["err"] != "the collector is away" || got[0]["service"] != "edge" {
		t.Errorf("%d lines: %v", len(got), got)
	}
}
