package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

func TestHandler_GivesExemplarsToWhomAsks(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "edge")
	in := rec.Instruments("x")
	took := in.Seconds("x.duration", "time of x", telemetry.LongBuckets)
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	ctx, span := rec.Tracer("x").Start(t.Context(), "op")
	took.Record(ctx, .003)
	span.End()
	scrape := func(accept string) string {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", accept)
		rec.Handler().ServeHTTP(w, r)
		return w.Body.String()
	}
	open := scrape("application/openmetrics-text;version=1.0.0")
	want := regexp.MustCompile(`(?m)^x_duration_seconds_bucket\{service_name="edge",le="0\.005"\} 1 # \{.*trace_id="` + span.SpanContext().TraceID().String())
	if !want.MatchString(open) || !strings.HasSuffix(open, "# EOF\n") {
		t.Errorf("no exemplar of the span in\n%s", open)
	}
	if plain := scrape("text/plain"); strings.Contains(plain, "trace_id") || !strings.Contains(plain, "x_duration_seconds_bucket") {
		t.Errorf("who asks for plain text gets\n%s", plain)
	}
}

// TestLabels_AllocateNothing pins what hot paths rely on.
func TestLabels_AllocateNothing(t *testing.T) {
	rec := telemetrytest.New(t, "edge")
	in := rec.Instruments("x")
	count, took := in.Counter("x.count", "{x}", "xs"), in.Seconds("x.took", "time", telemetry.ShortBuckets)
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	type key struct {
		method string
		status int
	}
	var cache telemetry.Cache[key]
	outcomes := telemetry.NewValues("outcome", []string{"a", "b"}, attribute.String("x", "y"))
	ctx := context.Background()
	if n := testing.AllocsPerRun(200, func() {
		l := cache.Of(key{"GET", 200}, func(k key) telemetry.Labels {
			return telemetry.NewLabels(attribute.String("method", k.method), attribute.Int("status", k.status))
		})
		count.Add(ctx, 1, l.Add...)
		count.Add(ctx, 1, outcomes.Of("a").Add...)
		took.Record(ctx, .1, l.Record...)
	}); n > 0 {
		t.Errorf("three measurements cost %v allocations", n)
	}
}

func TestValues_KnowNoOthers(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "edge")
	in := rec.Instruments("x")
	count := in.Counter("x.count", "{x}", "xs")
	of := telemetry.NewValues("outcome", []string{"a", "b", ""})
	of.Start(count)
	for _, v := range []string{"a", "b\"}", "<script>", "", strings.Repeat("c", 1<<20)} {
		count.Add(t.Context(), 1, of.Of(v).Add...)
	}
	if got := rec.Values(t, "x_count_total", "outcome"); !slices.Equal(got, []string{"", telemetry.Other, "a", "b"}) {
		t.Errorf("values %q", got)
	}
	if sum, _ := rec.Sum(t, "x_count_total", map[string]string{"outcome": telemetry.Other}); sum != 3 {
		t.Errorf("%v others", sum)
	}
}

func TestCache_StaysBounded(t *testing.T) {
	t.Parallel()
	var cache telemetry.Cache[int]
	made := 0
	for range 2 {
		for i := range 10_000 {
			cache.Of(i, func(i int) telemetry.Labels { made++; return telemetry.NewLabels(attribute.Int("i", i)) })
		}
	}
	if made <= 10_000 || made >= 20_000 {
		t.Errorf("made %d times", made)
	}
}

func TestMethod_UnknownOnesAreOne(t *testing.T) {
	t.Parallel()
	for _, m := range []string{"GET", "PROPFIND", "UNLOCK"} {
		if telemetry.Method(m) != m {
			t.Errorf("%s is %s", m, telemetry.Method(m))
		}
	}
	for _, m := range []string{"", "get", "BREW", "GET ", strings.Repeat("A", 4096)} {
		if telemetry.Method(m) != telemetry.Other {
			t.Errorf("%.10q is %.10q", m, telemetry.Method(m))
		}
	}
	if telemetry.Status(600) != 0 || telemetry.Status(-1) != 0 || telemetry.Status(404) != 404 {
		t.Error("statuses that are none")
	}
}

func TestCause_PointsButDoesNotJoin(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "linkchecker")
	ctx, span := rec.Tracer("x").Start(t.Context(), "check")
	header := telemetry.CauseOf(ctx)
	if got := telemetry.Cause(header); got.SpanID() != span.SpanContext().SpanID() || !got.IsSampled() {
		t.Errorf("cause %v, want %v", got, span.SpanContext())
	}
	if trace.SpanContextFromContext(telemetry.Extract(t.Context(), header)).IsValid() {
		t.Error("the message is part of the trace")
	}
	if telemetry.CauseOf(t.Context()) != nil || telemetry.Cause(map[string]string{telemetry.HeaderCause: "nonsense"}).IsValid() {
		t.Error("there is a cause without one")
	}
}
