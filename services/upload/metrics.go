package upload

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// meter implements domain.Meter.
type meter struct {
	began, ended metric.Int64Counter
	gauge        metric.Registration
}

// countWithin bounds the counting of ingests for a scrape.
const countWithin = time.Second

func newMeter(m metric.Meter, count func(context.Context) (int64, error)) (*meter, error) {
	began, err1 := m.Int64Counter("sluice_upload_begun", metric.WithDescription("ingests opened"))
	ended, err2 := m.Int64Counter("sluice_upload_ended", metric.WithDescription("ingests ended, by outcome"))
	flight, err3 := m.Int64ObservableGauge("sluice_upload_in_flight", metric.WithDescription("ingests in flight, of all copies of the service"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	reg, err := m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, countWithin)
		defer cancel()
		n, err := count(ctx)
		if err != nil {
			return err
		}
		o.ObserveInt64(flight, n)
		return nil
	}, flight)
	return &meter{began, ended, reg}, err
}

// Began implements domain.Meter.
func (m *meter) Began() { m.began.Add(context.Background(), 1) }

// Ended implements domain.Meter.
func (m *meter) Ended(o domain.Outcome) {
	m.ended.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", string(o))))
}

func (m *meter) close() error { return m.gauge.Unregister() }
