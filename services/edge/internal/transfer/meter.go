package transfer

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Meter counts the contents that come in and go out now. A nil one counts none. It
// is safe for concurrent use.
type Meter struct {
	active    metric.Int64UpDownCounter
	receiving telemetry.Labels
	sending   telemetry.Labels
}

// NewMeter makes the instruments.
func NewMeter(tel *telemetry.Telemetry) (*Meter, error) {
	in := tel.Instruments("github.com/sluicehq/sluice/services/edge/transfer")
	m := &Meter{
		active:    in.UpDown("sluice.edge.transfers.active", "{transfer}", "contents that come in or go out now"),
		receiving: telemetry.NewLabels(semconv.NetworkIODirectionReceive),
		sending:   telemetry.NewLabels(semconv.NetworkIODirectionTransmit),
	}
	telemetry.Zero(m.active, m.receiving.Add...)
	telemetry.Zero(m.active, m.sending.Add...)
	return m, in.Err()
}

// receives counts a content that comes in, until end.
func (m *Meter) receives(ctx context.Context) (end func()) {
	if m == nil {
		return func() {}
	}
	m.active.Add(ctx, 1, m.receiving.Add...)
	return func() { m.active.Add(ctx, -1, m.receiving.Add...) }
}

// sends counts a content that goes out, until end.
func (m *Meter) sends(ctx context.Context) (end func()) {
	if m == nil {
		return func() {}
	}
	m.active.Add(ctx, 1, m.sending.Add...)
	return func() { m.active.Add(ctx, -1, m.sending.Add...) }
}

// Counted is other Blobs whose transfers are counted.
type Counted struct {
	Blobs

	Meter *Meter
}

// NewWriter implements Blobs.
func (c Counted) NewWriter(ctx context.Context, o blob.WriteOptions) (Writer, error) {
	w, err := c.Blobs.NewWriter(ctx, o)
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the other's
	}
	return &countedWriter{Writer: w, end: sync.OnceFunc(c.Meter.receives(ctx))}, nil
}

// Reader implements Blobs.
func (c Counted) Reader(ctx context.Context, m blob.Manifest, off, n int64) (Reader, error) {
	r, err := c.Blobs.Reader(ctx, m, off, n)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return &countedReader{Reader: r, end: sync.OnceFunc(c.Meter.sends(ctx))}, nil
}

type countedWriter struct {
	Writer

	end func()
}

// Finish implements Writer.
func (w *countedWriter) Finish(ctx context.Context) (blob.Content, error) {
	defer w.end()
	return w.Writer.Finish(ctx) //nolint:wrapcheck // as above
}

// Abort implements Writer.
func (w *countedWriter) Abort() {
	w.Writer.Abort()
	w.end()
}

type countedReader struct {
	Reader

	end func()
}

// Close implements Reader.
func (r *countedReader) Close() error {
	defer r.end()
	return r.Reader.Close() //nolint:wrapcheck // as above
}
