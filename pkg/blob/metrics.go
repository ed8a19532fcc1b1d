package blob

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics counts what moves. Bytes are plain unless a name says stored.
type metrics struct {
	in, out, stored           metric.Int64Counter
	deduped                   metric.Int64Counter
	segments                  metric.Int64Counter
	hits, misses              metric.Int64Counter
	damaged                   metric.Int64Counter
	retries, condemned, freed metric.Int64Counter
}

func newMetrics(m metric.Meter) (*metrics, error) {
	var out metrics
	for _, c := range []struct {
		to               *metric.Int64Counter
		name, unit, help string
	}{
		{&out.in, "sluice_blob_written", "By", "plain bytes written"},
		{&out.out, "sluice_blob_read", "By", "plain bytes read"},
		{&out.stored, "sluice_blob_stored", "By", "bytes stored after compression and sealing"},
		{&out.deduped, "sluice_blob_deduped", "By", "plain bytes that were there before"},
		{&out.segments, "sluice_blob_segments", "{segment}", "segments written, by outcome"},
		{&out.hits, "sluice_blob_cache_hits", "{chunk}", "chunks and records found in memory"},
		{&out.misses, "sluice_blob_cache_misses", "{chunk}", "chunks and records not found in memory"},
		{&out.damaged, "sluice_blob_damaged", "{chunk}", "chunks missing or altered"},
		{&out.retries, "sluice_blob_retries", "{segment}", "segments written once more"},
		{&out.condemned, "sluice_blob_condemned", "{segment}", "segments condemned by the collector"},
		{&out.freed, "sluice_blob_freed", "By", "stored bytes removed by the collector"},
	} {
		var err error
		if *c.to, err = m.Int64Counter(c.name, metric.WithUnit(c.unit), metric.WithDescription(c.help)); err != nil {
			return nil, fmt.Errorf("making metric %s: %w", c.name, err)
		}
	}
	return &out, nil
}

var (
	outcomeNew   = metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", "new")))
	outcomeKnown = metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", "known")))
)

func (m *metrics) wrote(ctx context.Context, r SegmentRef, known bool) {
	m.in.Add(ctx, r.Len)
	if known {
		m.deduped.Add(ctx, r.Len)
		m.segments.Add(ctx, 1, outcomeKnown)
		return
	}
	m.stored.Add(ctx, r.Stored)
	m.segments.Add(ctx, 1, outcomeNew)
}
