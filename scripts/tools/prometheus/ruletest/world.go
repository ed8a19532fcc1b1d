package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/util/annotations"
)

// world is one test's Prometheus: series in memory, and the state of its alerts.
type world struct {
	parser parser.Parser
	rules  []rulefmt.Rule
	engine *promql.Engine
	series map[string]*promql.Series // by their labels; samples of each come in order
	// recorded are the series that each rule gave at the last step, alerts those that are not over.
	recorded []map[string]labels.Labels
	alerts   []map[string]*alert
}

// alert is one that waits for the end of its "for", or fires.
type alert struct {
	labels, annotations labels.Labels
	since               time.Duration
	firing              bool
}

func newWorld(p parser.Parser, rules []rulefmt.Rule) *world {
	return &world{
		parser: p, rules: rules, series: map[string]*promql.Series{},
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: 1e6, Timeout: time.Minute, Parser: p, EnableAtModifier: true,
			NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		}),
		recorded: make([]map[string]labels.Labels, len(rules)), alerts: make([]map[string]*alert, len(rules)),
	}
}

// load adds a series of the input, as Prometheus' notation has it: "0+1x5 _ 7".
func (w *world) load(series string, interval time.Duration) error {
	ls, vs, err := w.parser.ParseSeriesDesc(series)
	if err != nil {
		return fmt.Errorf("%s: %w", series, err)
	}
	for i, v := range vs {
		if v.Histogram != nil {
			return fmt.Errorf("%s: native histograms are not known here", series)
		}
		if !v.Omitted {
			w.add(ls, time.Duration(i)*interval, v.Value)
		}
	}
	return nil
}

func (w *world) add(ls labels.Labels, at time.Duration, v float64) {
	key := ls.String()
	if w.series[key] == nil {
		w.series[key] = &promql.Series{Metric: ls}
	}
	w.series[key].Floats = append(w.series[key].Floats, promql.FPoint{T: at.Milliseconds(), F: v})
}

// find is how the engine reads the series; it looks at the samples of its time only.
func (w *world) find(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	out := &found{at: -1}
	for _, s := range w.series {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.Metric.Get(m.Name)) }) {
			out.series = append(out.series, promql.NewStorageSeries(*s))
		}
	}
	return out
}

// found implements storage.SeriesSet.
type found struct {
	series []storage.Series
	at     int
}

func (f *found) Next() bool                        { f.at++; return f.at < len(f.series) }
func (f *found) At() storage.Series                { return f.series[f.at] }
func (f *found) Err() error                        { return nil }
func (f *found) Warnings() annotations.Annotations { return nil }

// start is the moment 0 of every test.
func start(at time.Duration) time.Time { return time.Unix(0, 0).UTC().Add(at) }

// query asks the series; those of the input that lie ahead are out of its sight.
func (w *world) query(ctx context.Context, expr string, at time.Duration) (promql.Vector, error) {
	from := &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: w.find}}
	q, err := w.engine.NewInstantQuery(ctx, from, nil, expr, start(at))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	defer q.Close()
	v, err := q.Exec(ctx).Vector()
	return slices.Clone(v), err
}

// evaluate has all rules do one step, in the order of their files.
func (w *world) evaluate(ctx context.Context, at time.Duration) error {
	for i, r := range w.rules {
		v, err := w.query(ctx, r.Expr, at)
		if err != nil {
			return fmt.Errorf("%s%s at %s: %w", r.Record, r.Alert, at, err)
		}
		if r.Record != "" {
			w.record(i, v, at)
		} else if err := w.alarm(ctx, i, v, at); err != nil {
			return fmt.Errorf("%s at %s: %w", r.Alert, at, err)
		}
	}
	return nil
}

// record keeps what a rule gave; a series that it gives no more ends there.
func (w *world) record(i int, v promql.Vector, at time.Duration) {
	now := map[string]labels.Labels{}
	for _, s := range v {
		ls := named(s.Metric, model.MetricNameLabel, w.rules[i].Record, w.rules[i].Labels)
		now[ls.String()] = ls
		w.add(ls, at, s.F)
	}
	for key, ls := range w.recorded[i] {
		if now[key].IsEmpty() {
			w.add(ls, at, math.Float64frombits(value.StaleNaN))
		}
	}
	w.recorded[i] = now
}

// named gives labels with a rule's own on top.
func named(ls labels.Labels, name, text string, more map[string]string) labels.Labels {
	b := labels.NewBuilder(ls).Del(model.MetricNameLabel)
	for k, v := range more {
		b.Set(k, v)
	}
	return b.Set(name, text).Labels()
}

// alarm follows an alert: what its expression gives waits for the length of "for",
// then fires; what it gives no more is over.
func (w *world) alarm(ctx context.Context, i int, v promql.Vector, at time.Duration) error {
	rule, now := w.rules[i], map[string]*alert{}
	for _, s := range v {
		ls := named(s.Metric, labels.AlertName, rule.Alert, rule.Labels)
		key := ls.String()
		if now[key] != nil {
			return fmt.Errorf("two series with labels %s", key)
		}
		a := w.alerts[i][key]
		if a == nil {
			a = &alert{labels: ls, since: at}
		}
		a.firing = a.firing || at-a.since >= time.Duration(rule.For)
		var err error
		if a.annotations, err = w.annotate(ctx, rule, s, at); err != nil {
			return err
		}
		now[key] = a
	}
	w.alerts[i] = now
	return nil
}

func (w *world) annotate(ctx context.Context, rule rulefmt.Rule, s promql.Sample, at time.Duration) (labels.Labels, error) {
	data := template.AlertTemplateData(s.Metric.Map(), nil, "", s)
	out := map[string]string{}
	for k, text := range rule.Annotations {
		text = "{{$labels := .Labels}}{{$value := .Value}}" + text
		e := template.NewTemplateExpander(ctx, text, rule.Alert, data, model.Time(timestamp.FromTime(start(at))), nil, nil, nil)
		var err error
		if out[k], err = e.Expand(); err != nil {
			return labels.Labels{}, fmt.Errorf("annotation %s: %w", k, err)
		}
	}
	return labels.FromMap(out), nil
}
