package blob_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

// TestMetrics_OfWritesReadsAndStores writes the same content twice, reads it twice,
// and has the stores measured.
func TestMetrics_OfWritesReadsAndStores(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "object")
	w := newWorld(t, func(c *blob.Config) { c.Tel = rec.Telemetry })
	if sum, ok := rec.Sum(t, "sluice_blob_damaged_total", nil); sum != 0 || !ok {
		t.Errorf("damaged begins with %v (%v)", sum, ok)
	}
	ctx, request := rec.Tracer("test").Start(t.Context(), "PUT")
	data := bytes.Repeat([]byte("a content that is not quite small "), 4096)
	var c blob.Content
	for range 2 {
		var err error
		if c, err = write(ctx, w.Store, blob.WriteOptions{Domain: "acc"}, data); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		r, err := w.Reader(ctx, c.Manifest, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.WriteTo(io.Discard); err != nil || n != int64(len(data)) {
			t.Fatal(n, err)
		}
		_ = r.Close()
	}
	request.End()
	size := float64(len(data))
	for name, want := range map[string]float64{
		"sluice_blob_written_bytes_total": 2 * size, "sluice_blob_deduped_bytes_total": size, "sluice_blob_read_bytes_total": 2 * size,
		"sluice_blob_segments_total": 2, "sluice_blob_retries_total": 0, "sluice_blob_freed_bytes_total": 0,
	} {
		if sum, ok := rec.Sum(t, name, nil); sum != want || !ok {
			t.Errorf("%s is %v, want %v", name, sum, want)
		}
	}
	for _, outcome := range []string{"hit", "miss"} {
		if sum, _ := rec.Sum(t, "sluice_blob_cache_requests_total", map[string]string{"sluice_outcome": outcome}); sum == 0 {
			t.Errorf("the cache has no %s", outcome)
		}
	}
	for _, name := range []string{"blob write", "blob read"} {
		span := rec.Span(name)
		if span == nil || span.Parent().SpanID() != request.SpanContext().SpanID() || telemetrytest.Attribute(span, "sluice.blob.bytes") == "0" {
			t.Errorf("span %v", span)
		}
	}
	watching, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Watch(watching) }()
	deadline, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for held := 0.0; held == 0; held, _ = rec.Sum(t, "sluice_blob_store_bytes", nil) {
		select {
		case <-deadline:
			t.Fatal("the stores are not measured")
		case <-tick.C:
		}
	}
	if limit, _ := rec.Sum(t, "sluice_blob_store_limit_bytes", nil); limit < size {
		t.Errorf("the limit is %v", limit)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestReader_ClosedFromElsewhere closes a reader while it is read, as it may be.
func TestReader_ClosedFromElsewhere(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "edge")
	w := newWorld(t, func(c *blob.Config) { c.Tel = rec.Telemetry })
	ctx, request := rec.Tracer("test").Start(t.Context(), "GET")
	c, err := write(ctx, w.Store, blob.WriteOptions{Domain: "acc"}, bytes.Repeat([]byte("content "), 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Reader(ctx, c.Manifest, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	began, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p := make([]byte, 1<<10)
		_, _ = r.Read(p)
		close(began)
		for {
			if _, err := r.Read(p); err != nil {
				return
			}
		}
	}()
	<-began
	_ = r.Close()
	<-ended
	request.End()
	span := rec.Span("blob read")
	if span == nil || telemetrytest.Attribute(span, "sluice.blob.bytes") == "0" || span.Status().Code == codes.Error {
		t.Errorf("the span of a transfer that was cut: %v", span)
	}
}

// TestReader_FailsInItsSpan reads what is gone.
func TestReader_FailsInItsSpan(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "edge")
	w := newWorld(t, func(c *blob.Config) { c.Tel = rec.Telemetry })
	ctx, request := rec.Tracer("test").Start(t.Context(), "GET")
	defer request.End()
	gone := blob.Manifest{Size: 10, Region: "nowhere", Domain: "acc", Segments: []blob.SegmentRef{{Len: 10, Stored: 10}}}
	if _, err := w.Reader(ctx, gone, 0, -1); err == nil {
		t.Fatal("there is something")
	}
	if span := rec.Span("blob read"); span == nil || span.Status().Code != codes.Error {
		t.Errorf("the span of a reading that failed: %v", span)
	}
}
