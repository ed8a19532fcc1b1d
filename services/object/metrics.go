package object

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// meter measures the sweeps: what everything falls back on.
type meter struct {
	repaired metric.Int64Counter
	duration metric.Float64Histogram
	ended    telemetry.Values[fault.Kind]
}

func newMeter(tel *telemetry.Telemetry) (*meter, error) {
	in := tel.Instruments(Name)
	m := &meter{
		repaired: in.Counter("sluice.object.sweep.repaired", "{document}", "documents that a sweep went on with: what was due, or what a crash left"),
		duration: in.Seconds("sluice.object.sweep.duration", "time of one sweep", telemetry.LongBuckets),
		ended:    telemetry.NewValues("error.type", append(fault.Kinds(), "")),
	}
	telemetry.Zero(m.repaired)
	return m, in.Err()
}

// swept tells of a document that a sweep went on with.
func (m *meter) swept() { m.repaired.Add(context.Background(), 1) }

// ran tells of a sweep that began at a time.
func (m *meter) ran(ctx context.Context, began time.Time, err error) {
	var kind fault.Kind
	if err != nil {
		kind = fault.KindOf(err)
	}
	m.duration.Record(ctx, time.Since(began).Seconds(), m.ended.Of(kind).Record...)
}
