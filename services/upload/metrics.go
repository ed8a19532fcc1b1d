package upload

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/pkg/telemetry"
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

	outcomes telemetry.Values[domain.Outcome]
	pliks    telemetry.Values[domain.PlikOutcome]
	attempts telemetry.Values[domain.FetchOutcome]
	gauge    metric.Registration
}

// countWithin bounds the counting for a scrape.
const countWithin = time.Second

// outcomeKey is the attribute that says how something ended.
const outcomeKey = "sluice.outcome"

// counts are what the gauges ask for.
type counts struct {
	ingests, multiparts, sessions, leases, fetches func(context.Context) (int64, error)
}

func newMeter(tel *telemetry.Telemetry, c counts) (*meter, error) {
	in := tel.Instruments(Name)
	m := &meter{
		began:      in.Counter("sluice.upload.ingests.begun", "{ingest}", "ingests opened"),
		ended:      in.Counter("sluice.upload.ingests.ended", "{ingest}", "ingests ended"),
		multiBegan: in.Counter("sluice.upload.multiparts.begun", "{upload}", "multipart uploads opened"),
		multiEnd:   in.Counter("sluice.upload.multiparts.ended", "{upload}", "multipart uploads ended"),
		sessBegan:  in.Counter("sluice.upload.sessions.begun", "{session}", "resumable sessions opened"),
		sessEnd:    in.Counter("sluice.upload.sessions.ended", "{session}", "resumable sessions ended"),
		plikMade:   in.Counter("sluice.upload.pliks.made", "{upload}", "temporary uploads made"),
		plikFiles:  in.Counter("sluice.upload.plik_files.ended", "{file}", "files of temporary uploads that came in or did not"),
		fetches:    in.Counter("sluice.upload.fetches.ended", "{fetch}", "attempts to fetch remote URLs that ended"),
		outcomes:   telemetry.NewValues(outcomeKey, []domain.Outcome{domain.Committed, domain.Aborted, domain.Abandoned}),
		pliks: telemetry.NewValues(outcomeKey, []domain.PlikOutcome{
			domain.PlikStored, domain.PlikStreamed, domain.PlikBroken, domain.PlikRefused, domain.PlikAbandoned,
		}),
		attempts: telemetry.NewValues(outcomeKey, []domain.FetchOutcome{
			domain.FetchDone, domain.FetchFailed, domain.FetchCancelled, domain.FetchAgain, domain.FetchReturned, domain.FetchAbandoned,
		}),
	}
	for _, c := range []metric.Int64Counter{m.began, m.multiBegan, m.sessBegan, m.plikMade} {
		telemetry.Zero(c)
	}
	m.outcomes.Start(m.ended, m.multiEnd, m.sessEnd)
	m.pliks.Start(m.plikFiles)
	m.attempts.Start(m.fetches)
	m.gauge = watch(in, c)
	return m, in.Err()
}

// watch has what is open counted whenever metrics are read.
func watch(in *telemetry.Instruments, c counts) metric.Registration {
	gauges := map[metric.Int64Observable]func(context.Context) (int64, error){
		in.Gauge("sluice.upload.ingests.open", "{ingest}", "ingests in flight, of all copies of the service"):                                           c.ingests,
		in.Gauge("sluice.upload.multiparts.open", "{upload}", "multipart uploads not completed, of all copies of the service"):                          c.multiparts,
		in.Gauge("sluice.upload.sessions.open", "{session}", "resumable sessions not finished, of all copies of the service"):                           c.sessions,
		in.Gauge("sluice.upload.plik_files.leased", "{file}", "files of temporary uploads that come in or are taken out, of all copies of the service"): c.leases,
		in.Gauge("sluice.upload.fetches.open", "{fetch}", "fetches of remote URLs that have not ended, of all copies of the service"):                   c.fetches,
	}
	of := make([]metric.Observable, 0, len(gauges))
	for g := range gauges {
		of = append(of, g)
	}
	return in.Watch(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, countWithin)
		defer cancel()
		var errs []error
		for gauge, count := range gauges {
			n, err := count(ctx)
			if err == nil {
				o.ObserveInt64(gauge, n)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}, of...)
}

// Began implements domain.Meter.
func (m *meter) Began() { m.began.Add(context.Background(), 1) }

// Ended implements domain.Meter.
func (m *meter) Ended(o domain.Outcome) {
	m.ended.Add(context.Background(), 1, m.outcomes.Of(o).Add...)
}

// MultipartBegan implements domain.MultipartMeter.
func (m *meter) MultipartBegan() { m.multiBegan.Add(context.Background(), 1) }

// MultipartEnded implements domain.MultipartMeter.
func (m *meter) MultipartEnded(o domain.Outcome) {
	m.multiEnd.Add(context.Background(), 1, m.outcomes.Of(o).Add...)
}

// SessionBegan implements domain.SessionMeter.
func (m *meter) SessionBegan() { m.sessBegan.Add(context.Background(), 1) }

// SessionEnded implements domain.SessionMeter.
func (m *meter) SessionEnded(o domain.Outcome) {
	m.sessEnd.Add(context.Background(), 1, m.outcomes.Of(o).Add...)
}

// PlikMade implements domain.PlikMeter.
func (m *meter) PlikMade() { m.plikMade.Add(context.Background(), 1) }

// PlikFileEnded implements domain.PlikMeter.
func (m *meter) PlikFileEnded(o domain.PlikOutcome) {
	m.plikFiles.Add(context.Background(), 1, m.pliks.Of(o).Add...)
}

// FetchEnded implements domain.FetchMeter.
func (m *meter) FetchEnded(o domain.FetchOutcome) {
	m.fetches.Add(context.Background(), 1, m.attempts.Of(o).Add...)
}

func (m *meter) close() error { return m.gauge.Unregister() }
