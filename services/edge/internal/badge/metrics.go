package badge

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// origin is what a badge's state came from.
type origin string

// The origins.
const (
	fromMemory  origin = "hit"
	fromService origin = "miss" // linkchecker was asked
	fromBefore  origin = "old"  // it did not answer
	fromNowhere origin = "invalid"
)

// meter counts what is shown.
type meter struct {
	requests metric.Int64Counter
	by       [PNG + 1]telemetry.Values[origin] // by form
}

func newMeter(tel *telemetry.Telemetry, entries func() int) (*meter, error) {
	in := tel.Instruments("github.com/sluicehq/sluice/services/edge/badge")
	m := &meter{requests: in.Counter("sluice.edge.badge.requests", "{request}", "badges shown, by what their state came from")}
	for form, name := range map[Form]string{SVG: "svg", WebP: "webp", PNG: "png"} {
		m.by[form] = telemetry.NewValues("sluice.outcome", []origin{fromMemory, fromService, fromBefore, fromNowhere}, attribute.String("sluice.format", name))
		m.by[form].Start(m.requests)
	}
	known := in.Gauge("sluice.edge.badge.entries", "{entry}", "containers whose badge is in memory")
	in.Watch(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(known, int64(entries()))
		return nil
	}, known)
	return m, in.Err()
}

func (m *meter) shown(ctx context.Context, f Form, o origin) {
	m.requests.Add(ctx, 1, m.by[f].Of(o).Add...)
}
