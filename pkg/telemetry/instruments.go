package telemetry

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Other is the value of an attribute for what has no name of its own, as the
// semantic conventions have it.
const Other = "_OTHER"

// Buckets of histograms, seconds.
var (
	// ShortBuckets are for what takes micro- to milliseconds.
	ShortBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	// LongBuckets are for what waits for others.
	LongBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
)

// Instruments makes a package's instruments and gathers what goes wrong, to be
// asked by Err once. What it gives is never nil.
type Instruments struct {
	m    metric.Meter
	errs []error
}

// Instruments makes instruments of the meter of that name.
func (t *Telemetry) Instruments(name string) *Instruments { return NewInstruments(t.Meter(name)) }

// NewInstruments makes instruments of a meter.
func NewInstruments(m metric.Meter) *Instruments { return &Instruments{m: m} }

// Err gives what went wrong, nil for nothing.
func (in *Instruments) Err() error {
	if err := errors.Join(in.errs...); err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	return nil
}

func (in *Instruments) note(err error) {
	if err != nil {
		in.errs = append(in.errs, err)
	}
}

// Counter makes one that only grows.
func (in *Instruments) Counter(name, unit, help string) metric.Int64Counter {
	c, err := in.m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(help))
	in.note(err)
	return c
}

// UpDown makes a counter of what is there now.
func (in *Instruments) UpDown(name, unit, help string) metric.Int64UpDownCounter {
	c, err := in.m.Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	in.note(err)
	return c
}

// Seconds makes a histogram of times.
func (in *Instruments) Seconds(name, help string, buckets []float64) metric.Float64Histogram {
	h, err := in.m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(help), metric.WithExplicitBucketBoundaries(buckets...))
	in.note(err)
	return h
}

// Sizes makes a histogram of whole numbers.
func (in *Instruments) Sizes(name, unit, help string, buckets []float64) metric.Int64Histogram {
	h, err := in.m.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(help), metric.WithExplicitBucketBoundaries(buckets...))
	in.note(err)
	return h
}

// Gauge makes one that is asked by what Watch registers.
func (in *Instruments) Gauge(name, unit, help string) metric.Int64ObservableGauge {
	g, err := in.m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(help))
	in.note(err)
	return g
}

// GaugeSeconds makes a gauge of a time.
func (in *Instruments) GaugeSeconds(name, help string) metric.Float64ObservableGauge {
	g, err := in.m.Float64ObservableGauge(name, metric.WithUnit("s"), metric.WithDescription(help))
	in.note(err)
	return g
}

// Total makes a counter that is asked by what Watch registers.
func (in *Instruments) Total(name, unit, help string) metric.Int64ObservableCounter {
	c, err := in.m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	in.note(err)
	return c
}

// Watch has ask called whenever metrics are read, until the registration, which may
// be nil, is ended. ask must not block.
func (in *Instruments) Watch(ask func(ctx context.Context, o metric.Observer) error, of ...metric.Observable) metric.Registration {
	r, err := in.m.RegisterCallback(ask, of...)
	in.note(err)
	return r
}

// Labels are the attributes of measurements, made once: measuring with them
// allocates nothing. Pass Add to counters, Record to histograms, Observe to an
// observer, with "...".
type Labels struct {
	Add     []metric.AddOption
	Record  []metric.RecordOption
	Observe []metric.ObserveOption
}

// NewLabels makes Labels; those with an empty value are left out.
func NewLabels(kvs ...attribute.KeyValue) Labels {
	kept := make([]attribute.KeyValue, 0, len(kvs))
	for _, kv := range kvs {
		if kv.Value.Type() == attribute.STRING && kv.Value.AsString() == "" {
			continue
		}
		kept = append(kept, kv)
	}
	set := metric.WithAttributeSet(attribute.NewSet(kept...))
	return Labels{Add: []metric.AddOption{set}, Record: []metric.RecordOption{set}, Observe: []metric.ObserveOption{set}}
}

// Values are the Labels for each value of one attribute, of which there is a list.
type Values[V ~string] struct {
	of    map[V]Labels
	other Labels
}

// NewValues makes Values of an attribute; with are the same for all. What is not in
// the list counts as Other.
func NewValues[V ~string](key string, values []V, with ...attribute.KeyValue) Values[V] {
	labels := func(value string) Labels {
		return NewLabels(append(with[:len(with):len(with)], attribute.String(key, value))...)
	}
	out := Values[V]{of: make(map[V]Labels, len(values)), other: labels(Other)}
	for _, v := range values {
		out.of[v] = labels(string(v))
	}
	return out
}

// Of gives the Labels of a value.
func (vs Values[V]) Of(v V) Labels {
	if l, ok := vs.of[v]; ok {
		return l
	}
	return vs.other
}

// Start counts nothing of each value, as Zero does.
func (vs Values[V]) Start(cs ...metric.Int64Counter) {
	for _, l := range vs.of {
		for _, c := range cs {
			Zero(c, l.Add...)
		}
	}
}

// Zero counts nothing, so that a counter is there before the first time that
// something happens: a rate of nothing is none, not zero.
//
//nolint:contextcheck // nobody's request is being counted
func Zero(c interface {
	Add(ctx context.Context, n int64, of ...metric.AddOption)
}, of ...metric.AddOption,
) {
	c.Add(context.Background(), 0, of...)
}
