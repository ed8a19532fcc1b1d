package metrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/otlptranslator"
)

// Kind is the kind of an instrument.
type Kind string

// The kinds. Observable or not makes no difference to who reads.
const (
	Counter       Kind = "counter"
	UpDownCounter Kind = "updowncounter"
	Gauge         Kind = "gauge"
	Histogram     Kind = "histogram"
)

// Attribute is a key of a metric's attributes, and what its values can be.
type Attribute struct {
	Key string
	// Values lists all there are; empty where Bound says what they come from.
	Values []string
	// Bound says why there are few values. None is ever taken from what a user sends.
	Bound string
	// When says on which points the attribute stands; empty means on all.
	When string
}

// Metric is one instrument.
type Metric struct {
	Name       string // OpenTelemetry's, dotted
	Kind       Kind
	Unit       string // UCUM; "{thing}" counts things
	Help       string // the instrument's description
	Attributes []Attribute
	// Services are those that report it; empty means every service (label service_name).
	Services []string
	// When says why a system under load may not have it; empty means that it does.
	When string
	// Plain is the name in Prometheus of what is no instrument of OpenTelemetry and
	// has no label service_name: the process's own numbers.
	Plain string
}

// All gives the catalog, by area.
func All() []Metric {
	return slices.Concat(httpMetrics(), rpcMetrics(), busMetrics(), storeMetrics(), blobMetrics(),
		edgeMetrics(), uploadMetrics(), objectMetrics(), linkMetrics(), statsMetrics(), webhookMetrics(), processMetrics())
}

// Prometheus is the metric's name in a scrape: of a histogram without _bucket, _sum
// and _count.
func (m Metric) Prometheus() string {
	if m.Plain != "" {
		return m.Plain
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	name, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: m.translated()})
	if err != nil {
		return ""
	}
	return name
}

func (m Metric) translated() otlptranslator.MetricType {
	switch m.Kind {
	case Counter:
		return otlptranslator.MetricTypeMonotonicCounter
	case UpDownCounter:
		return otlptranslator.MetricTypeNonMonotonicCounter
	case Histogram:
		return otlptranslator.MetricTypeHistogram
	case Gauge:
	}
	return otlptranslator.MetricTypeGauge
}

// Series gives the names of the metric's series in a scrape.
func (m Metric) Series() []string {
	name := m.Prometheus()
	if m.Kind == Histogram {
		return []string{name + "_bucket", name + "_sum", name + "_count"}
	}
	return []string{name}
}

// Labels gives the labels of the metric's series in a scrape, "le" of buckets and
// those that a scraper adds left out.
func (m Metric) Labels() []string {
	if m.Plain != "" {
		return nil
	}
	out := []string{"service_name"}
	for _, a := range m.Attributes {
		out = append(out, Label(a.Key))
	}
	return out
}

// Label is the name in Prometheus of an attribute's key.
func Label(key string) string { return strings.ReplaceAll(key, ".", "_") }

// Find gives the metric that a series of a scrape belongs to.
func Find(series string) (Metric, bool) {
	for _, m := range All() {
		if slices.Contains(m.Series(), series) {
			return m, true
		}
	}
	return Metric{}, false
}

// Markdown writes the catalog as a document.
func Markdown() []byte {
	var b strings.Builder
	b.WriteString(preface)
	area := ""
	for _, m := range All() {
		if a := m.area(); a != area {
			area = a
			fmt.Fprintf(&b, "\n## %s\n\n| Prometheus | OpenTelemetry | kind, unit | attributes | meaning |\n|---|---|---|---|---|\n", area)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.Prometheus(), m.origin(), m.measure(), m.attributes(), m.meaning())
	}
	return []byte(b.String())
}

const preface = `# Metrics

Written by ` + "`make gen`" + ` from contracts/metrics. Every service answers Prometheus under /metrics and sends the same by OTLP when
` + "`OTEL_EXPORTER_OTLP_ENDPOINT`" + ` is set. In Prometheus a dot of a name or attribute is an underscore, and each series has the label
` + "`service_name`" + ` (those of the process have not). A histogram has ` + "`_bucket`, `_sum` and `_count`" + `; asked for OpenMetrics, its buckets carry
the trace of one observation as exemplar. A gauge that tells of something outside the process (a stream, an outbox, what all copies do) is reported by
each copy: take the max, not the sum. No attribute takes a value from what a user sends.
`

// area is the part of the name that metrics are grouped by.
func (m Metric) area() string {
	if m.Plain != "" {
		return "process"
	}
	parts := strings.SplitN(m.Name, ".", 3)
	if parts[0] == "sluice" && len(parts) == 3 {
		return "sluice." + parts[1]
	}
	return parts[0]
}

func (m Metric) origin() string {
	if m.Plain != "" {
		return "(client_golang)"
	}
	return "`" + m.Name + "`"
}

func (m Metric) measure() string {
	if m.Unit == "" {
		return string(m.Kind)
	}
	return string(m.Kind) + ", " + m.Unit
}

func (m Metric) attributes() string {
	var out []string
	for _, a := range m.Attributes {
		text := "`" + a.Key + "`: " + a.Bound
		if len(a.Values) > 0 {
			text = "`" + a.Key + "`: " + strings.Join(a.Values, ", ")
		}
		if a.When != "" {
			text += " (" + a.When + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func (m Metric) meaning() string {
	text := m.Help
	if len(m.Services) > 0 {
		text += "; of " + strings.Join(m.Services, ", ")
	}
	if m.When != "" {
		text += " (" + m.When + ")"
	}
	return text
}
