// Package telemetrytest gives tests telemetry that keeps spans and metrics in
// memory, and asks it as a dashboard would.
package telemetrytest

import (
	"context"
	"io"
	"maps"
	"slices"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Recorder is telemetry of a process whose spans and metrics can be looked at. It is
// safe for concurrent use.
type Recorder struct {
	*telemetry.Telemetry

	spans *tracetest.SpanRecorder
}

// New makes a Recorder of a service that ends with the test.
func New(t testing.TB, service string) *Recorder {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: service, LogOutput: io.Discard, Spans: spans})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	return &Recorder{Telemetry: tel, spans: spans}
}

// Of gives the telemetry of another service of the same process.
func (r *Recorder) Of(t testing.TB, service string) *telemetry.Telemetry {
	t.Helper()
	tel, err := r.For(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	return tel
}

// Spans gives the spans that ended, in that order.
func (r *Recorder) Spans() []sdktrace.ReadOnlySpan { return r.spans.Ended() }

// Span gives the first span of a name that ended; nil while there is none.
func (r *Recorder) Span(name string) sdktrace.ReadOnlySpan {
	for _, s := range r.Spans() {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

// Attribute gives a span's attribute as text; "" when it has none of the key.
func Attribute(s sdktrace.ReadOnlySpan, key string) string {
	for _, kv := range s.Attributes() {
		if kv.Key == attribute.Key(key) {
			return kv.Value.String()
		}
	}
	return ""
}

// Point is one series of a metric: a counter's or gauge's value, or how often a
// histogram was measured.
type Point struct {
	Labels map[string]string
	Value  float64
	Traces []string // of a histogram's exemplars
}

// Points gives the series of a metric by its name in Prometheus; service_name is
// left out of their labels.
func (r *Recorder) Points(t testing.TB, name string) []Point {
	t.Helper()
	families, err := r.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []Point
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			out = append(out, pointOf(m))
		}
	}
	return out
}

func pointOf(m *dto.Metric) Point {
	p := Point{
		Labels: map[string]string{},
		Value:  m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()),
	}
	for _, l := range m.GetLabel() {
		if l.GetName() != "service_name" {
			p.Labels[l.GetName()] = l.GetValue()
		}
	}
	for _, b := range m.GetHistogram().GetBucket() {
		for _, l := range b.GetExemplar().GetLabel() {
			if l.GetName() == "trace_id" {
				p.Traces = append(p.Traces, l.GetValue())
			}
		}
	}
	return p
}

// Sum adds up the series of a metric that have these labels; false: there are none.
func (r *Recorder) Sum(t testing.TB, name string, labels map[string]string) (sum float64, there bool) {
	t.Helper()
	for _, p := range r.Points(t, name) {
		fits := true
		for k, v := range labels {
			fits = fits && p.Labels[k] == v
		}
		if fits {
			sum, there = sum+p.Value, true
		}
	}
	return sum, there
}

// Values gives the values that a label of a metric has, sorted.
func (r *Recorder) Values(t testing.TB, name, label string) []string {
	t.Helper()
	seen := map[string]bool{}
	for _, p := range r.Points(t, name) {
		seen[p.Labels[label]] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
