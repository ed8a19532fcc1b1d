package telemetry_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/sluicehq/sluice/contracts/metrics"
	"github.com/sluicehq/sluice/test/harness"
)

// series is one line of a scrape, by its labels.
type series struct {
	process string
	labels  map[string]string
}

// scrape is what all processes reported, by the name of the metric without the
// endings of a histogram's series.
type scrape struct {
	types  map[string]dto.MetricType
	help   map[string]string
	series map[string][]series
	bounds map[string][]string // of histograms' buckets, as le shows them
}

const text = "text/plain;version=0.0.4"

// look scrapes all processes of a World.
func look(t *testing.T, w *harness.World) scrape {
	t.Helper()
	s := scrape{types: map[string]dto.MetricType{}, help: map[string]string{}, series: map[string][]series{}, bounds: map[string][]string{}}
	for process, body := range w.Scrape(t, text) {
		p := expfmt.NewTextParser(model.LegacyValidation)
		families, err := p.TextToMetricFamilies(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", process, err)
		}
		for name, f := range families {
			if had, ok := s.types[name]; ok && had != f.GetType() {
				t.Errorf("%s is a %v and a %v", name, had, f.GetType())
			}
			s.types[name], s.help[name] = f.GetType(), f.GetHelp()
			for _, m := range f.GetMetric() {
				one := series{process, map[string]string{}}
				for _, l := range m.GetLabel() {
					one.labels[l.GetName()] = l.GetValue()
				}
				s.series[name] = append(s.series[name], one)
				for _, b := range m.GetHistogram().GetBucket() {
					if le := fmt.Sprint(b.GetUpperBound()); !slices.Contains(s.bounds[name], le) {
						s.bounds[name] = append(s.bounds[name], le)
					}
				}
			}
		}
	}
	return s
}

// seldom is what this load does not bring, and why.
var seldom = map[string]string{
	"messaging_client_consumed_messages_total of upload": "a fetch is tried again after half a minute at the earliest",
	"messaging_process_duration_seconds of upload":       "as above",
	"messaging_client_sent_messages_total of webhook":    "it tells of endpoints that it switches off, after days",
}

// absent lists what the catalog promises and the scrape has not: metrics, and
// services that should report one. The load is such that nothing may be missing,
// whatever the catalog says of when a metric is there.
func (s scrape) absent() []string {
	var out []string
	for _, m := range metrics.All() {
		all := s.series[m.Prometheus()]
		if len(all) == 0 {
			out = append(out, m.Prometheus())
			continue
		}
		for _, service := range m.Services {
			what := m.Prometheus() + " of " + service
			if seldom[what] == "" && !slices.ContainsFunc(all, func(one series) bool { return one.labels["service_name"] == service }) {
				out = append(out, what)
			}
		}
	}
	return out
}

// rare are labels that only a fault within the system brings, which this test has
// none of: what names them is held to the catalog alone.
func rare(name, label string) bool {
	return label == "error_type" && (name == "sluice_object_sweep_duration_seconds" || name == "messaging_process_duration_seconds")
}

// shape is the scrape as promcheck reads it: the labels that came up, and the values
// that the catalog lists for them. Values that nobody lists are open.
func (s scrape) shape() map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for name, all := range s.series {
		labels := map[string][]string{}
		m, _ := find(name)
		for _, one := range all {
			for l := range one.labels {
				labels[l] = closed(m, l)
			}
		}
		for _, l := range m.Labels() {
			if rare(name, l) {
				labels[l] = nil
			}
		}
		if s.types[name] != dto.MetricType_HISTOGRAM {
			out[name] = labels
			continue
		}
		out[name+"_count"], out[name+"_sum"] = labels, labels
		buckets := maps.Clone(labels)
		buckets["le"] = s.bounds[name]
		out[name+"_bucket"] = buckets
	}
	return out
}

// closed gives the values that the catalog lists for a label; nil when it lists none.
func closed(m metrics.Metric, label string) []string {
	for _, a := range m.Attributes {
		if metrics.Label(a.Key) == label && len(a.Values) > 0 {
			return a.Values
		}
	}
	return nil
}

// find gives the metric of the catalog by the name of its family.
func find(name string) (metrics.Metric, bool) {
	all := metrics.All()
	i := slices.IndexFunc(all, func(m metrics.Metric) bool { return m.Prometheus() == name })
	if i < 0 {
		return metrics.Metric{}, false
	}
	return all[i], true
}

// sizes gives the number of series of each metric, buckets not counted, largest first.
func (s scrape) sizes() []string {
	names := slices.SortedFunc(maps.Keys(s.series), func(a, b string) int { return cmp.Compare(len(s.series[b]), len(s.series[a])) })
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%s %d", n, len(s.series[n]))
	}
	return out
}
