package upload

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// meter implements domain.Meter, domain.MultipartMeter, domain.SessionMeter,
// domain.PlikMeter and domain.FetchMeter.
type meter struct {
	began, ended         metric.Int64Counter // of ingests
	multiBegan, multiEnd metric.Int64Counter
	sessBegan, sessEnd   metric.Int64Counter
	plikMade, plikFiles  metric.Int64Counter
	fetches              metric.Int64Counter
	gauge                metric.Registration
}

// countWithin bounds the counting for a scrape.
const countWithin = time.Second

// counts are what the gauges ask for.
type counts struct {
	ingests, multiparts, sessions, leases, fetches func(context.Context) (int64, error)
}

func newMeter(m metric.Meter, c counts) (*meter, error) {
	began, err1 := m.Int64Counter("sluice_upload_begun", metric.WithDescription("ingests opened"))
	ended, err2 := m.Int64Counter("sluice_upload_ended", metric.WithDescription("ingests ended, by outcome"))
	flight, err3 := m.Int64ObservableGauge("sluice_upload_in_flight", metric.WithDescription("ingests in flight, of all copies of the service"))
	multiBegan, err4 := m.Int64Counter("sluice_upload_multipart_begun", metric.WithDescription("multipart uploads opened"))
	multiEnd, err5 := m.Int64Counter("sluice_upload_multipart_ended", metric.WithDescription("multipart uploads ended, by outcome"))
	open, err6 := m.Int64ObservableGauge("sluice_upload_multipart_open", metric.WithDescription("multipart uploads not completed, of all copies of the service"))
	sessBegan, err7 := m.Int64Counter("sluice_upload_session_begun", metric.WithDescription("resumable sessions opened"))
	sessEnd, err8 := m.Int64Counter("sluice_upload_session_ended", metric.WithDescription("resumable sessions ended, by outcome"))
	writing, err9 := m.Int64ObservableGauge("sluice_upload_session_open", metric.WithDescription("resumable sessions not finished, of all copies of the service"))
	plikMade, err10 := m.Int64Counter("sluice_upload_plik_made", metric.WithDescription("temporary uploads made"))
	plikFiles, err11 := m.Int64Counter("sluice_upload_plik_files", metric.WithDescription("files of temporary uploads that came in or did not, by outcome"))
	leases, err12 := m.Int64ObservableGauge("sluice_upload_plik_leases", metric.WithDescription("files of temporary uploads that come in or are taken out, of all copies of the service"))
	fetches, err13 := m.Int64Counter("sluice_upload_fetches", metric.WithDescription("attempts to fetch remote URLs that ended, by outcome"))
	fetching, err14 := m.Int64ObservableGauge("sluice_upload_fetch_open", metric.WithDescription("fetches of remote URLs that have not ended, of all copies of the service"))
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12, err13, err14); err != nil {
		return nil, err
	}
	reg, err := m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, countWithin)
		defer cancel()
		var errs []error
		for gauge, count := range map[metric.Int64Observable]func(context.Context) (int64, error){
			flight: c.ingests, open: c.multiparts, writing: c.sessions, leases: c.leases, fetching: c.fetches,
		} {
			n, err := count(ctx)
			if err == nil {
				o.ObserveInt64(gauge, n)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}, flight, open, writing, leases, fetching)
	return &meter{began, ended, multiBegan, multiEnd, sessBegan, sessEnd, plikMade, plikFiles, fetches, reg}, err
}

// Began implements domain.Meter.
func (m *meter) Began() { m.began.Add(context.Background(), 1) }

// Ended implements domain.Meter.
func (m *meter) Ended(o domain.Outcome) {
	m.ended.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", string(o))))
}

// MultipartBegan implements domain.MultipartMeter.
func (m *meter) MultipartBegan() { m.multiBegan.Add(context.Background(), 1) }

// MultipartEnded implements domain.MultipartMeter.
func (m *meter) MultipartEnded(o domain.Outcome) {
	m.multiEnd.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", string(o))))
}

// SessionBegan implements domain.SessionMeter.
func (m *meter) SessionBegan() { m.sessBegan.Add(context.Background(), 1) }

// SessionEnded implements domain.SessionMeter.
func (m *meter) SessionEnded(o domain.Outcome) {
	m.sessEnd.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", string(o))))
}

// PlikMade implements domain.PlikMeter.
func (m *meter) PlikMade() { m.plikMade.Add(context.Background(), 1) }

// PlikFileEnded implements domain.PlikMeter.
func (m *meter) PlikFileEnded(o domain.PlikOutcome) {
	m.plikFiles.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", string(o))))
}

// FetchEnded implements domain.FetchMeter.
func (m *meter) FetchEnded(o domain.FetchOutcome) {
	m.fetches.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", string(o))))
}

func (m *meter) close() error { return m.gauge.Unregister() }
