package outbound_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

const requests = "http_client_request_duration_seconds"

func TestDo_IsASpanOfItsCaller(t *testing.T) {
	t.Parallel()
	told := make(chan http.Header, 1)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { told <- r.Header })
	rec := telemetrytest.New(t, "webhook")
	c := outbound.New(local(outbound.Config{Tel: rec.Telemetry, Purpose: "webhook"}))
	defer c.Close()
	ctx, parent := rec.Tracer("test").Start(t.Context(), "attempt")
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/hook/secret?token=secret", nil)
	resp, err := c.Do(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	parent.End()
	span := rec.Span(http.MethodPost)
	if span == nil || span.SpanKind() != trace.SpanKindClient || span.Parent().SpanID() != parent.SpanContext().SpanID() {
		t.Fatalf("span %v", span)
	}
	for key, want := range map[string]string{
		"http.request.method": "POST", "http.response.status_code": "200", "server.address": "127.0.0.1", "url.scheme": "http", "sluice.purpose": "webhook",
		"url.full": "", "url.path": "", "url.query": "",
	} {
		if got := telemetrytest.Attribute(span, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if h := <-told; h.Get("Traceparent") != "" {
		t.Errorf("the other side is told of the trace: %v", h)
	}
}

// TestDo_MeasuresNoHosts goes to many addresses, which answer as they like.
func TestDo_MeasuresNoHosts(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "linkchecker")
	c := outbound.New(local(outbound.Config{Tel: rec.Telemetry, Purpose: "check"}))
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(status)
	})
	for _, status := range []string{"204", "404", "503", "799", "999"} {
		if _, err := do(t, c, s.URL+"/"+status); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := do(t, c, "http://10.1.2.3/"); err == nil {
		t.Fatal("reached")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, _ := http.NewRequestWithContext(ctx, "BREW", s.URL, nil)
	if _, err := c.Do(ctx, req); err == nil {
		t.Fatal("a cancelled exchange was made")
	}
	for label, want := range map[string][]string{
		"http_response_status_code": {"", "204", "404", "503"}, "error_type": {"", "404", "503", "canceled", "invalid"},
		"http_request_method": {"GET", "_OTHER"}, "sluice_purpose": {"check"},
	} {
		got := rec.Values(t, requests, label)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s is one of %q, want %q", label, got, want)
		}
	}
	failed := 0
	for _, span := range rec.Spans() {
		if span.Status().Code == codes.Error {
			failed++
		}
	}
	if n, _ := rec.Sum(t, requests, nil); n != 7 || failed != 4 {
		t.Errorf("%v exchanges, %d failed", n, failed)
	}
}
